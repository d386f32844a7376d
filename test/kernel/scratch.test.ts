import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { realKernel } from '../../engine/kernel/kernel.js';
import { Reactor } from '../../engine/kernel/reactor.js';
import { engineId, sweep } from '../../engine/labhost/engine-id.js';
import { execInLab } from '../../engine/labhost/exec.js';
import type { Identity } from '../../engine/labhost/identity.js';
import { LabHost, type LabHostContext } from '../../engine/labhost/lab-host.js';
import { Labs } from '../../engine/labhost/labs.js';
import { makeScratch, removeScratch } from '../../engine/labhost/scratch.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const ROOT: Identity = {
  mode: 'root',
  uids: [{ inside: 0, outside: 1_000_000, count: 1_000_000 }],
  gids: [{ inside: 0, outside: 1_000_000, count: 1_000_000 }],
};

/** What a learner does, and what makes removal hard: a name that is no UTF-8, a closed directory, another owner. */
const WORK = `set -e
  rm -r /etc/apt; mkdir /etc/apt; ls -A /etc/apt
  cd /root; mkdir -p l/d/e u w m; mount -t overlay -o lowerdir=l,upperdir=u,workdir=w,userxattr overlay m
  rm -r m/d; mkdir m/d; ls -A m/d; umount m
  bash -c 'echo x > $'"'"'/root/not-utf8-\\377'"'"
  mkdir -m 0 /root/closed; mkdir -p /tmp/other/x; chown -R 33:33 /tmp/other
  stat -c '%a %u' /root /tmp; grep -c ' /\\(root\\|tmp\\) .*nosuid,nodev' /proc/mounts`;

if (!inSandbox) {
  test('labs on disk, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  const withState = async (use: (state: string) => Promise<void>): Promise<void> => {
    const before = machineState();
    const state = mkdtempSync('/var/tmp/scratch-test-');
    try {
      await use(state);
    } finally {
      rmSync(state, { recursive: true, force: true });
    }
    const left = (await leaksSince(before)).filter((line) => line.startsWith('+')); // an engine sweeps what others left
    assert.deepEqual(left, []);
  };
  const context = (stateDir: string): LabHostContext => ({
    engineId: engineId(),
    labId: 'on-disk',
    cgroups: { mode: 'none', usable: [] },
    stateDir,
    hasNewuidmap: true,
    writes: 'disk',
  });

  test('directories of lower layers are replaced, overlays work in it, it does not see itself, and all of it goes', () =>
    withState(async (state) => {
      const reactor = new Reactor();
      const lab = LabHost.start({}, context(state));
      try {
        assert.ok(lab.scratch !== null && existsSync(join(lab.scratch, 'upper')), 'the state directory is on a disk');
        const done = await execInLab(lab, reactor, { argv: ['sh', '-c', `${WORK}; ls -A ${state} | wc -l`] });
        assert.deepEqual([done.stderr, done.stdout, done.exitCode], ['', '700 0\n1777 0\n2\n0\n', 0]);
        assert.equal(existsSync('/root/closed'), false);
      } finally {
        await lab.close();
        reactor.close();
      }
      assert.equal(existsSync(join(state, 'scratch')), false);
    }));

  test('what is mounted in it never appears on a machine whose mounts are shared, as systemd makes them', () =>
    withState(async (state) => {
      execFileSync('mount', ['--make-rshared', '/']);
      const reactor = new Reactor();
      const before = readFileSync('/proc/self/mountinfo', 'utf8');
      const lab = LabHost.start({ keep: 'shared' }, context(state));
      try {
        const script =
          'for at in /root /tmp /etc /mnt; do mkdir -p $at/x; mount -t tmpfs from-the-lab $at/x; done; mount | grep -c from-the-lab';
        assert.equal((await execInLab(lab, reactor, { argv: ['sh', '-c', script] })).stdout, '4\n');
        assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), before);
      } finally {
        reactor.close();
        execFileSync('mount', ['--make-rprivate', '/']);
        await lab.close();
      }
    }));

  test('a kept lab on such a kernel keeps its changes, and nothing else', () =>
    withState(async (state) => {
      const reactor = new Reactor();
      for (const expected of ['', 'kept\n']) {
        const lab = LabHost.start({ keep: 'mine' }, context(state));
        try {
          const script = 'cat /etc/kept /tmp/not-kept 2>/dev/null; echo kept > /etc/kept; echo x > /tmp/not-kept';
          assert.equal((await execInLab(lab, reactor, { argv: ['sh', '-c', script] })).stdout, expected);
        } finally {
          await lab.close();
        }
      }
      reactor.close();
      assert.equal(existsSync(join(state, 'scratch')), false);
      assert.ok(existsSync(join(state, 'labs/mine/upper/root/etc/kept')));
    }));

  test('without a disk that an overlay can write to, the lab says so and is in memory', () =>
    withState(async () => {
      const lab = LabHost.start({}, context('/run/state'));
      try {
        assert.equal(lab.scratch, null);
        assert.ok(lab.info.weaknesses.some(({ what }) => what === 'no-user-xattr'));
        assert.equal(existsSync('/run/state/scratch'), false);
      } finally {
        await lab.close();
        rmSync('/run/state', { recursive: true });
      }
    }));

  test('a disk without room above its reserve is not used', () =>
    withState(async (stateDir) => {
      const options = { stateDir, engineId: engineId(), labId: 'large', identity: ROOT };
      assert.equal(makeScratch(realKernel, { ...options, bytes: Number.MAX_SAFE_INTEGER }), null);
      assert.equal(existsSync(join(stateDir, 'scratch')), false);
    }));

  test('what a dead engine of another pid namespace left is swept, what a living one holds is not', () =>
    withState(async (state) => {
      const options = { stateDir: state, labId: 'lab', identity: ROOT, bytes: 1 };
      const living = makeScratch(realKernel, { ...options, engineId: '1-1-1' });
      assert.ok(living !== null);
      const old = new Date(Date.now() - 3_600_000);
      mkdirSync(join(state, 'scratch/2-2-2/lab'), { recursive: true });
      mkdirSync(join(state, 'scratch/3-3-3/lab'), { recursive: true });
      for (const id of ['1-1-1', '2-2-2']) utimesSync(join(state, 'scratch', id), old, old);
      assert.deepEqual(
        sweep([], state).filter((path) => path.startsWith(state)),
        [join(state, 'scratch/2-2-2')],
      );
      assert.ok(existsSync(living));
      assert.ok(existsSync(join(state, 'scratch/3-3-3')), 'a young one may be about to be locked');
      removeScratch(realKernel, living, ROOT);
    }));

  const noLoop = spawnSync('losetup', ['--find']).status === 0 ? false : 'no loop device here';
  test('the engine ends a lab that has filled the disk to its reserve, and says why', { skip: noLoop }, () =>
    withState(async (state) => {
      // a disk of 600 MiB, so that filling it takes a second and harms nobody
      execFileSync('truncate', ['-s', '600M', join(state, 'image')]);
      execFileSync('mkfs.ext4', ['-q', '-F', join(state, 'image')]);
      mkdirSync('/run/disk');
      execFileSync('mount', ['-o', 'loop', join(state, 'image'), '/run/disk']);
      try {
        const labs = new Labs(realKernel, { stateDir: '/run/disk', writes: 'disk' });
        try {
          const lab = await labs.create({ tmpfsBytes: 16 << 20 });
          assert.ok(lab.host.scratch !== null);
          const filling = execInLab(lab.host, labs.reactor, {
            argv: ['dd', 'if=/dev/zero', 'of=/root/big', 'bs=1M'],
            timeoutMs: 60_000,
          });
          const reason = await lab.gone;
          assert.match(reason?.en ?? '', /the disk .* was nearly full/);
          assert.match(reason?.zh ?? '', /磁盘/);
          assert.equal((await filling).signal, 'SIGKILL');
        } finally {
          await labs.close();
        }
        assert.equal(existsSync('/run/disk/scratch'), false);
      } finally {
        execFileSync('umount', ['/run/disk']);
        rmSync('/run/disk', { recursive: true });
      }
    }),
  );
}
