import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { realKernel } from '../../engine/kernel/kernel.js';
import { O_DIRECTORY, openInRoot } from '../../engine/kernel/namespaces/open-in-root.js';
import { scanLayer } from '../../engine/observe/layer-scan.js';

const root = mkdtempSync(join(tmpdir(), 'layer-test-'));
after(() => rmSync(root, { recursive: true, force: true }));
mkdirSync(join(root, 'd'));
writeFileSync(join(root, 'd/f'), 'abc');
symlinkSync('/etc', join(root, 'out'));
symlinkSync('../../../../../../etc', join(root, 'd/up'));
symlinkSync('/d', join(root, 'inside'));

/** Open a path as somebody whose root is the test's directory, and scan it. */
function scan(
  path: string,
  ...limits: Parameters<typeof scanLayer> extends [unknown, unknown, ...infer Rest] ? Rest : never
) {
  const fd = openInRoot(realKernel, root, path, O_DIRECTORY);
  try {
    return scanLayer(realKernel, fd, ...limits);
  } finally {
    closeSync(fd);
  }
}

describe('the scan of a layer', () => {
  it('never leaves the root, neither by an absolute link nor by one full of dots', () => {
    assert.throws(() => scan('/out'), { errno: 'ENOENT' });
    assert.throws(() => scan('/d/up'), { errno: 'ENOENT' });
    assert.throws(() => scan('/../../etc'), { errno: 'ENOENT' });
    assert.equal(scan('/inside').files, 1);
  });

  it('lists links as links and counts regular files', () => {
    assert.deepEqual(scan('/'), {
      files: 1,
      bytes: 3,
      entries: [
        { path: 'd', type: 'directory', bytes: 0 },
        { path: 'd/f', type: 'file', bytes: 3 },
        { path: 'd/up', type: 'symlink', bytes: 0 },
        { path: 'inside', type: 'symlink', bytes: 0 },
        { path: 'out', type: 'symlink', bytes: 0 },
      ],
      truncated: false,
    });
  });

  it('says when it stopped early', () => {
    assert.deepEqual(scan('/', { listed: 1, counted: 2, time: 1000 }), {
      files: 1,
      bytes: 3,
      entries: [{ path: 'd', type: 'directory', bytes: 0 }],
      truncated: true,
    });
    assert.equal(scan('/', { listed: 9, counted: 9, time: -1 }).truncated, true);
  });
});
