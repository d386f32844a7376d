import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CgroupManager } from '../../engine/cgroup/manager.js';
import { planCgroups } from '../../engine/cgroup/plan.js';
import { parseMountinfo } from '../../engine/kernel/mountinfo.js';
import { parseCgroupFile } from '../../engine/kernel/procfs/cgroup-file.js';

const HYBRID = parseMountinfo(
  [
    '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '36 31 0:33 / /mnt/memory-again rw - cgroup cgroup rw,memory',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
    '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n'),
);
const OWN = parseCgroupFile('9:name=systemd:/user\n4:memory:/box/1\n1:cpu,cpuacct:/\n0::/user\n');

function directories(cgroupsPath?: string): Record<string, string> {
  const plan = planCgroups({ cgroupsPath, id: 'c1', rootless: false, mounts: HYBRID, own: OWN });
  assert.equal(plan.mode, 'hybrid');
  return Object.fromEntries(plan.hierarchies.map(({ name, directory }) => [name, directory]));
}

describe('where a container lies', () => {
  it('is below the root of each hierarchy for an absolute path', () => {
    assert.deepEqual(directories('/docker/abc'), {
      'cpu,cpuacct': '/sys/fs/cgroup/cpu,cpuacct/docker/abc',
      memory: '/sys/fs/cgroup/memory/docker/abc',
      'name=systemd': '/sys/fs/cgroup/systemd/docker/abc',
      '': '/sys/fs/cgroup/unified/docker/abc',
    });
  });

  it("is below the runtime's own group for a relative path, and by its id without one", () => {
    const own = {
      'cpu,cpuacct': '/sys/fs/cgroup/cpu,cpuacct/',
      memory: '/sys/fs/cgroup/memory/box/1/',
      'name=systemd': '/sys/fs/cgroup/systemd/user/',
      '': '/sys/fs/cgroup/unified/user/',
    };
    const below = (name: string): object =>
      Object.fromEntries(Object.entries(own).map(([key, value]) => [key, `${value}${name}`]));
    assert.deepEqual(directories('a/b'), below('a/b'));
    assert.deepEqual(directories(), below('c1'));
    assert.deepEqual(directories(''), below('c1'));
  });

  it('never leaves the place by ..', () => {
    assert.equal(directories('/../../a/./x/../b')['memory'], '/sys/fs/cgroup/memory/a/b');
    assert.equal(directories('../../../a')['memory'], '/sys/fs/cgroup/memory/box/1/a');
  });

  it('refuses what is no group of its own, names of the systemd driver, and impossible characters', () => {
    for (const path of ['/', '.', '..', '/..', '/a/..', '//'])
      assert.throws(() => directories(path), /is not a group of its own/, path);
    for (const path of ['system.slice:docker:abc', ':runc:abc'])
      assert.throws(() => directories(path), /slice:prefix:name/, path);
    for (const path of ['/a\nb', '/a\0b']) assert.throws(() => directories(path), /a character that no group can have/);
    assert.equal(directories('/a:b:c')['memory'], '/sys/fs/cgroup/memory/a:b:c');
  });

  it('counts from the part of a hierarchy that is mounted', () => {
    const mounts = parseMountinfo('35 31 0:32 /box /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory');
    const at = (own: string, cgroupsPath?: string): string | undefined => {
      const plan = planCgroups({ cgroupsPath, id: 'c1', rootless: false, mounts, own: parseCgroupFile(own) });
      return `${plan.hierarchies[0]?.directory} ${plan.hierarchies[0]?.path}`;
    };
    assert.equal(at('4:memory:/box/1'), '/sys/fs/cgroup/memory/1/c1 /box/1/c1');
    assert.equal(at('4:memory:/box'), '/sys/fs/cgroup/memory/c1 /box/c1');
    assert.equal(at('4:memory:/elsewhere'), '/sys/fs/cgroup/memory/c1 /box/c1');
    assert.equal(at('4:memory:/box/1', '/x'), '/sys/fs/cgroup/memory/x /box/x');
  });

  it('is beside the runtime on pure v2, with the controllers that the machine has', () => {
    const mount = mkdtempSync(join(tmpdir(), 'cgroup2-'));
    try {
      writeFileSync(join(mount, 'cgroup.controllers'), 'cpu memory pids\n');
      const mounts = parseMountinfo(`30 23 0:26 / ${mount} rw - cgroup2 cgroup2 rw,nsdelegate`);
      const own = parseCgroupFile('0::/user.slice/run.scope\n');
      const plan = planCgroups({ id: 'c1', rootless: false, mounts, own });
      assert.equal(plan.mode, 'v2');
      assert.deepEqual(plan.hierarchies, [
        {
          version: 2,
          name: '',
          controllers: ['cpu', 'memory', 'pids'],
          mountPoint: mount,
          directory: `${mount}/user.slice/c1`,
          path: '/user.slice/c1',
        },
      ]);
    } finally {
      rmSync(mount, { recursive: true });
    }
  });
});

describe('making groups without privilege', () => {
  const plan = (mount: string, cgroupsPath?: string): CgroupManager => {
    const mounts = parseMountinfo(`35 31 0:32 / ${mount} rw - cgroup cgroup rw,pids`);
    return CgroupManager.open(
      planCgroups({ cgroupsPath, id: 'c1', rootless: true, mounts, own: parseCgroupFile('4:pids:/') }),
    );
  };

  it('goes on without them unless a path or a limit was asked for', () => {
    const mount = mkdtempSync(join(tmpdir(), 'cgroup1-'));
    mkdirSync(join(mount, 'sub'), { mode: 0o500 });
    const root = process.geteuid?.() === 0; // who may write everywhere, and is nobody for the while
    try {
      if (root) process.seteuid?.(65_534);
      const manager = plan(join(mount, 'sub'));
      manager.create();
      assert.deepEqual(manager.groups, []);
      assert.throws(
        () => manager.apply({ devices: [], pids: { limit: 5n }, hugepageLimits: [], rdma: {}, unified: {} }),
        /cannot set pids limit: container could not join or create cgroup/,
      );
      assert.throws(() => plan(join(mount, 'sub'), '/x').create(), /mkdir .*EACCES/);
    } finally {
      if (root) process.seteuid?.(0);
      rmSync(mount, { recursive: true });
    }
  });

  it('removes what it made when one group cannot be made', () => {
    const mount = mkdtempSync(join(tmpdir(), 'cgroup1-'));
    try {
      writeFileSync(join(mount, 'taken'), '');
      mkdirSync(join(mount, 'memory'));
      const mounts = parseMountinfo(
        `35 31 0:32 / ${mount}/memory rw - cgroup cgroup rw,memory\n36 31 0:33 / ${mount}/taken rw - cgroup cgroup rw,pids`,
      );
      const manager = CgroupManager.open(
        planCgroups({ cgroupsPath: '/a/b', id: 'c1', rootless: false, mounts, own: [] }),
      );
      assert.throws(() => manager.create(), /ENOTDIR/);
      assert.throws(() => rmSync(join(mount, 'memory/a')), /ENOENT/);
    } finally {
      rmSync(mount, { recursive: true });
    }
  });
});
