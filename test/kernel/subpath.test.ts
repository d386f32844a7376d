/** Where a path in a volume leads: never out of it, whatever links a container has put there. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { resolveSubpath } from '../../engine/container/mounts/subpath.js';
import { realKernel } from '../../engine/kernel/kernel.js';

let volume = '';
before(() => {
  volume = realpathSync(mkdtempSync(join(tmpdir(), 'glassbox-subpath-')));
  for (const directory of ['subdir', 'hack']) mkdirSync(join(volume, directory));
  writeFileSync(join(volume, 'file'), 'x');
  const links = { good: '../subdir', root: '/', bad: 'root', up: '../..', loop: 'loop' };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(volume, 'hack', name));
});
after(() => rmSync(volume, { recursive: true }));

test('a path and a link within lead to what they name', () => {
  const found = ['subdir', 'file', 'hack/good', 'hack/../subdir'].map((path) =>
    resolveSubpath(realKernel, volume, path),
  );
  assert.deepEqual(
    found,
    ['subdir', 'file', 'subdir', 'subdir'].map((path) => join(volume, path)),
  );
});

test('what leads out is refused', () => {
  for (const path of ['hack/root', 'hack/bad', 'hack/up', 'hack/root/etc', '../x'])
    assert.throws(
      () => resolveSubpath(realKernel, volume, path),
      { code: 'InvalidArgument', message: /^path concatenation escapes the base directory, base: \// },
      path,
    );
});

test('what is not there, and what leads in a circle, cannot be accessed', () => {
  for (const path of ['none', 'hack/loop'])
    assert.throws(
      () => resolveSubpath(realKernel, volume, path),
      { code: 'NotFound', message: new RegExp(`^cannot access path ${volume}/${path}: lstat `) },
      path,
    );
});
