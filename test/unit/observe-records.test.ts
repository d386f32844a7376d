/** Records of a container engine in a directory of the test, read as those of a lab are. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ERRNO } from '../../engine/kernel/errno.js';
import { type Kernel, realKernel } from '../../engine/kernel/kernel.js';
import { ContainerRecords } from '../../engine/observe/containers/records.js';
import { identifyLab } from '../../engine/observe/lab-identity.js';
import { Problems } from '../../engine/observe/problems.js';

const root = mkdtempSync(join(tmpdir(), 'records-test-'));
after(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, value: unknown): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), JSON.stringify(value));
}

/** A kernel that has no descriptor left for paths that match, and notes what is opened. */
class Scarce implements Kernel {
  refused: RegExp | null = null;
  readonly opened: string[] = [];

  call(...[name, ...args]: Parameters<Kernel['call']>): number {
    const [, path] = args;
    const text = path instanceof Uint8Array ? Buffer.from(path).toString('utf8', 0, path.length - 1) : '';
    if (text.endsWith('layer.json')) this.opened.push(text.split('/').at(-2)?.slice(0, 2) ?? '');
    return this.refused?.test(text) === true ? -ERRNO.EMFILE : realKernel.call(name, ...args);
  }
}

const digest = (letter: string): string => letter.repeat(64);

function container(id: string, top: string): void {
  const state = { status: 'created', pid: 0, exitCode: 0 };
  write(`containers/${id}/container.json`, { serial: 1, record: { id, name: 'web', created: id, state } });
  write(`image/overlay/snapshots/${id}/snapshot.json`, { top: `sha256:${top}`, init: true });
}

describe('the layers of a container', () => {
  const [one, two] = [digest('1'), digest('2')];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(digest) as [string, string, string, string];
  for (const [layer, parent] of [
    [a, b],
    [b, null],
    [c, d],
    [d, null],
  ] as const)
    write(`image/overlay/layers/${layer}/layer.json`, { parent: parent === null ? null : `sha256:${parent}` });
  container(one, a);

  const kernel = new Scarce();
  const records = new ContainerRecords(kernel, identifyLab(process.pid), { path: root, alias: '/nowhere' });
  const look = (): readonly string[] => {
    const problems = new Problems();
    records.refresh([], problems);
    return problems.list().map(({ reason }) => reason);
  };
  const layersOf = (id: string): readonly string[] | null =>
    records.layersOf(id)?.lower.map((path) => path.split('/').at(-2)?.slice(0, 2) ?? '') ?? null;

  it('are read again after one of their records could not be', () => {
    kernel.refused = /layers\/b+\/layer\.json$/;
    assert.match(look().join('; '), /EMFILE|too many open files/i);
    assert.equal(layersOf(one), null, 'part of them is told for all');
    kernel.refused = null;
    assert.deepEqual(look(), []);
    assert.deepEqual(layersOf(one), ['aa', 'aa', 'bb']);
  });

  it('are remembered for containers that stand on them alone', () => {
    kernel.opened.length = 0;
    container(two, c);
    look();
    assert.deepEqual(
      [layersOf(two), kernel.opened],
      [
        ['cc', 'cc', 'dd'],
        ['cc', 'dd'],
      ],
      'known layers are read again',
    );
    rmSync(join(root, 'containers', one), { recursive: true });
    look();
    assert.equal(layersOf(one), null);
    kernel.opened.length = 0;
    container(one, a);
    look();
    assert.deepEqual(layersOf(one), ['aa', 'aa', 'bb']);
    assert.deepEqual(kernel.opened, ['aa', 'bb'], 'layers that nobody stood on were kept');
  });
});
