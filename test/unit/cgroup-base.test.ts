import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseOfV2 } from '../../engine/labhost/subtree.js';

/** A tree of directories that looks like cgroup2; the root of the hierarchy itself has no cgroup.type. */
function tree(
  groups: Readonly<Record<string, { controllers?: string; procs?: string; type?: string; root?: true }>>,
): string {
  const base = mkdtempSync(join(tmpdir(), 'cgroup2-'));
  for (const [path, { controllers = 'cpu memory pids', procs = '', type = 'domain', root }] of Object.entries(groups)) {
    const directory = join(base, path);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'cgroup.controllers'), `${controllers}\n`);
    writeFileSync(join(directory, 'cgroup.procs'), procs);
    writeFileSync(join(directory, 'cgroup.subtree_control'), '');
    if (root !== true) writeFileSync(join(directory, 'cgroup.type'), `${type}\n`);
  }
  return base;
}

/** `choose` answers relative to the mount point. */
function check(groups: Parameters<typeof tree>[0], mine: string, root: boolean, expected: string): void {
  const mount = tree(groups);
  try {
    assert.equal(baseOfV2(mount, join(mount, mine), root), join(mount, expected));
  } finally {
    rmSync(mount, { recursive: true });
  }
}

test('root makes groups at the top, although processes are there', () => {
  check({ '.': { root: true, procs: '1\n' }, 'user.slice': { procs: '7\n' } }, 'user.slice', true, '.');
});

test('root of a container whose own group has processes goes where it may, else to the top', () => {
  check({ '.': { procs: '1\n' } }, '.', true, '.');
  check({ '.': { procs: '1\n' }, slice: {}, 'slice/ours': { procs: '7\n' } }, 'slice/ours', true, 'slice');
});

test('a user goes up to the nearest group of theirs that has controllers and no process', () => {
  const systemd = {
    '.': { root: true as const, procs: '1\n' },
    'app.slice': {},
    'app.slice/run.scope': { procs: '7\n8\n' },
    'app.slice/bare': { controllers: '' },
    'app.slice/bare/run.scope': { controllers: '', procs: '7\n' },
    'app.slice/threads': { type: 'threaded' },
    'app.slice/threads/ours': { type: 'threaded', procs: '7\n' },
  };
  check(systemd, 'app.slice/run.scope', false, 'app.slice');
  check(systemd, 'app.slice/bare/run.scope', false, 'app.slice');
  check(systemd, 'app.slice/threads/ours', false, 'app.slice');
});

test('what does not belong to a user is not used', {
  skip: process.getuid?.() === 0 ? 'root may write everywhere' : false,
}, () => {
  const mount = tree({ '.': { root: true }, session: {}, 'session/ours': { procs: '7\n' } });
  try {
    chmodSync(join(mount, 'session/cgroup.procs'), 0o444);
    assert.equal(baseOfV2(mount, join(mount, 'session/ours'), false), join(mount, 'session/ours'));
  } finally {
    rmSync(mount, { recursive: true });
  }
});
