import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { test } from 'node:test';
import type { CgroupChange } from '../../engine/cgroup/changes.js';
import { attachDevices, attachedPrograms } from '../../engine/cgroup/device-attach.js';
import { withAlwaysAllowed } from '../../engine/cgroup/device-rules.js';
import { CgroupManager } from '../../engine/cgroup/manager.js';
import { planCgroups } from '../../engine/cgroup/plan.js';
import type { DeviceRule, Resources } from '../../engine/cgroup/resources.js';
import { statsJson } from '../../engine/cgroup/stats-json.js';
import { SIG } from '../../engine/kernel/constants.js';
import { realKernel } from '../../engine/kernel/kernel.js';
import { Reactor } from '../../engine/kernel/reactor.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const NONE: Resources = { devices: [], hugepageLimits: [], rdma: {}, unified: {} };
const DENY: DeviceRule = { allow: false, type: 'a', access: 'rwm' };
/** Ends as the leak probe looks for it. */
const NAMESPACE = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';
let counter = 0;
const freshPath = (): string => `/glassbox-write-${++counter}-${NAMESPACE}`;

function open(path = freshPath(), changes?: CgroupChange[]): CgroupManager {
  const plan = planCgroups({ cgroupsPath: path, id: 'unused', rootless: false });
  return CgroupManager.open(plan, changes === undefined ? {} : { record: (change) => changes.push(change) });
}

/** Run a shell command inside: the shell moves itself through the files, as a container's process does. */
function inside(manager: CgroupManager, command: string): ChildProcess {
  const join = manager.joinFiles().map(({ path }) => `echo 0 > ${path}`);
  return spawn('sh', ['-c', `${join.join(' && ')} && echo joined && ${command}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function joined(child: ChildProcess): Promise<number> {
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes('joined')) return child.pid ?? 0;
  throw new Error('the process ended before it had joined');
}

const ended = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? String(code))));
const gone = (manager: CgroupManager): void => {
  for (const { directory } of manager.groups) assert.ok(!existsSync(directory), `${directory} is still there`);
};
const directoryOf = (manager: CgroupManager, controller: string): string =>
  manager.groups.find(({ version, controllers }) => version === 1 && controllers.includes(controller))?.directory ?? '';
const v1 = (controller: string): string | false =>
  existsSync(`/sys/fs/cgroup/${controller}/tasks`) ? false : `no v1 hierarchy with ${controller} here`;

if (!inSandbox) {
  test("a container's groups, in a sandbox", { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  const withManager = async (use: (manager: CgroupManager) => Promise<void>, resources = NONE): Promise<void> => {
    const before = machineState();
    const manager = open();
    manager.create(resources);
    try {
      await use(manager);
    } finally {
      await manager.remove();
    }
    gone(manager);
    assert.deepEqual(await leaksSince(before), []);
  };

  test('a process joins every group, is counted, and is ended by the removal', () =>
    withManager(async (manager) => {
      const child = inside(manager, '{ sleep 1000 & wait; }');
      const exit = ended(child);
      const pid = await joined(child);
      const own = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
      for (const { path, name } of manager.groups) assert.ok(own.includes(`:${name}:${path}\n`), `${name} in ${own}`);
      while (manager.pids(true).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok(manager.pids(false).includes(pid), 'the shell is a member');
      const stats = JSON.parse(statsJson(manager.stats())) as { pids: { current: number } };
      assert.equal(stats.pids.current, 2);
      await CgroupManager.fromState(JSON.parse(JSON.stringify(manager.toState()))).remove();
      assert.equal(await exit, 'SIGKILL');
      gone(manager);
    }));

  test('every change is told, with its command', async () => {
    const changes: CgroupChange[] = [];
    const manager = open(`${freshPath()}/leaf`, changes);
    manager.create();
    const made = changes.filter(({ what }) => what === 'cgroup mkdir');
    assert.equal(made.length, 2 * manager.groups.length, 'the parent and the leaf, in each hierarchy');
    manager.apply({ ...NONE, devices: [DENY, { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' }] });
    const { length } = changes;
    manager.apply({ ...NONE, devices: [DENY, { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' }] });
    if (!v1('devices')) assert.equal(changes.length, length, 'nothing is written twice');
    await manager.remove();
    const removed = changes.filter(({ what }) => what === 'cgroup rmdir');
    assert.deepEqual(removed.map(({ path }) => path).sort(), made.map(({ path }) => path).sort());
    assert.ok(
      changes.every(({ what, command }) => command !== null || what === 'cgroup program'),
      'a command for each',
    );
    gone(manager);
  });

  test('a parent that others use stays, and is theirs', async () => {
    const parent = freshPath();
    const [first, second] = [open(`${parent}/a`), open(`${parent}/b`)];
    first.create();
    second.create();
    await first.remove();
    gone(first);
    for (const { directory } of second.groups) assert.ok(existsSync(directory), directory);
    // it was made for the first, who is gone: the second leaves it, as runc leaves every parent
    await second.remove();
    gone(second);
    const state = first.toState();
    await CgroupManager.fromState(state).remove();
    for (const path of state.made) assert.ok(!existsSync(path), path);
  });

  test('a group that was there is used and left', async () => {
    const path = freshPath();
    const first = open(path);
    first.create();
    const second = open(path);
    second.create();
    assert.deepEqual(second.toState().made, []);
    await second.remove();
    for (const { directory } of first.groups) assert.ok(existsSync(directory), directory);
    await first.remove();
    gone(first);
  });

  test('groups nested beyond the longest path are removed with who is in them', () =>
    withManager(async (manager) => {
      const top = manager.groups.find(({ name }) => name === 'pids') ?? manager.groups[0];
      assert.ok(top !== undefined, 'no hierarchy');
      const nest = spawnSync(
        'python3',
        [
          '-c',
          'import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(30): os.mkdir("n" * 200); os.chdir("n" * 200)',
          top.directory,
        ],
        { encoding: 'utf8' },
      );
      assert.equal(nest.status, 0, nest.stderr);
      for (let n = 0; n < 50; n++) mkdirSync(`${top.directory}/flat-${n}`);
      const child = spawn('sh', ['-c', `echo 0 > ${top.directory}/flat-7/cgroup.procs && echo joined && sleep 1000`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exit = ended(child);
      await joined(child);
      await manager.remove();
      assert.equal(await exit, 'SIGKILL');
    }));

  test('pausing stops, resuming goes on, and a paused container can be killed', () =>
    withManager(async (manager) => {
      const child = inside(manager, 'exec sh -c "while :; do echo x; sleep 0.01; done"');
      const exit = ended(child);
      let lines = 0;
      child.stdout?.on('data', () => lines++);
      const grows = async (): Promise<boolean> => {
        const before = lines;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return lines > before;
      };
      while (lines < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(manager.frozen(), false);
      manager.freeze();
      assert.equal(manager.frozen(), true);
      await grows(); // what was in the pipe
      assert.equal(await grows(), false, 'it goes on while it is paused');
      manager.thaw();
      assert.equal(await grows(), true, 'it does not go on');
      manager.freeze();
      manager.killAll(SIG.TERM);
      assert.equal(manager.frozen(), true, 'it was paused before the signal');
      manager.thaw();
      assert.match(await exit, /SIGTERM/);
    }));

  test('killing reaches everybody, also those who multiply and those who are paused', () =>
    withManager(async (manager) => {
      const child = inside(manager, 'for i in 1 2 3 4 5; do sh -c "while :; do sleep 0.001; done" & done; wait');
      const exit = ended(child);
      await joined(child);
      while (manager.pids(true).length < 6) await new Promise((resolve) => setTimeout(resolve, 5));
      manager.freeze();
      manager.killAll(SIG.KILL);
      assert.equal(await exit, 'SIGKILL');
      for (let n = 0; manager.pids(true).length > 0 && n < 200; n++) await new Promise((r) => setTimeout(r, 10));
      assert.deepEqual(manager.pids(true), []);
    }));

  test('a lack of memory is told, and the watch ends with the group', { skip: v1('memory') }, async () => {
    const reactor = new Reactor();
    let told = 0;
    await withManager(async (manager) => {
      manager.apply({ ...NONE, memory: { limit: 8n << 20n } }, { devices: false });
      const stop = manager.onOom(reactor, () => told++);
      const child = inside(manager, 'head -c 100m /dev/zero | tail -n 1 > /dev/null');
      assert.match(await ended(child), /SIGKILL|137/);
      for (let n = 0; told === 0 && n < 100; n++) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(told > 0, 'nobody was told');
      assert.ok(manager.oomKills() > 0, 'nobody was killed');
      const before = told;
      await manager.remove();
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(told, before, 'the removal is not a lack of memory');
      stop();
    }, NONE);
    reactor.close();
  });

  test('memory grows, shrinks, and is not taken away from under a process', { skip: v1('memory') }, () =>
    withManager(async (manager) => {
      const limits = (): string[] =>
        ['limit', 'memsw.limit'].map((name) =>
          readFileSync(`${directoryOf(manager, 'memory')}/memory.${name}_in_bytes`, 'utf8').trim(),
        );
      const set = (limit: bigint, swap: bigint): void => manager.update({ ...NONE, memory: { limit, swap } });
      for (const [limit, swap] of [
        [64n, 128n],
        [256n, 512n],
        [32n, 48n],
        [16n, 16n],
      ].map(([a, b]) => [(a ?? 0n) << 20n, (b ?? 0n) << 20n])) {
        set(limit ?? 0n, swap ?? 0n);
        assert.deepEqual(limits(), [String(limit), String(swap)]);
      }
      manager.update({ ...NONE, memory: { limit: -1n } });
      assert.ok(
        limits().every((text) => BigInt(text) > 1n << 62n),
        String(limits()),
      );
      const child = inside(manager, 'exec python3 -c "import time; a = bytearray(20 << 20); time.sleep(1000)"');
      await joined(child);
      while (manager.stats().memory.usage.usage < 20n << 20n) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.throws(
        () => manager.update({ ...NONE, memory: { limit: 65536n } }),
        /unable to set memory limit to 65536 \(current usage: \d+, peak usage: \d+\)/,
      );
    }),
  );

  test('what the kernel refuses is told with file and value', { skip: v1('pids') || v1('cpu') }, () =>
    withManager(async (manager) => {
      const update = (resources: Partial<Resources>) => () => manager.update({ ...NONE, ...resources });
      assert.throws(
        update({ cpu: { cpus: '777' } }),
        /failed to write "777": write .*\/cpuset\.cpus: E(INVAL|RANGE|ACCES|NOSPC)/,
      );
      assert.throws(update({ cpu: { shares: 300_000n } }), /the maximum allowed cpu-shares is 262144/);
      assert.throws(update({ cpu: { shares: 1n } }), /the minimum allowed cpu-shares is 2/);
      assert.throws(update({ cpu: { period: 1n } }), /failed to write "1": write .*cpu\.cfs_period_us: EINVAL/);
      assert.throws(update({ memory: { swappiness: 101 } }), /valid range is 0-100/);
      assert.throws(update({ unified: { 'memory.high': '1' } }), /cannot use unified on cgroup v1/);
    }),
  );

  test('a shorter period than the quota of now allows is set after the quota', { skip: v1('cpu') }, () =>
    withManager(async (manager) => {
      const read = (name: string): string =>
        readFileSync(`${directoryOf(manager, 'cpu')}/cpu.cfs_${name}_us`, 'utf8').trim();
      manager.update({ ...NONE, cpu: { quota: 400_000n, period: 200_000n, burst: 100_000n } });
      assert.deepEqual([read('quota'), read('period'), read('burst')], ['400000', '200000', '100000']);
      manager.update({ ...NONE, cpu: { quota: 2_000n, period: 1_000n, burst: 0n } });
      assert.deepEqual([read('quota'), read('period'), read('burst')], ['2000', '1000', '0']);
    }),
  );

  test('devices of a v1 group are what was allowed', { skip: v1('devices') }, () =>
    withManager(async (manager) => {
      const list = (): string[] =>
        readFileSync(`${directoryOf(manager, 'devices')}/devices.list`, 'utf8')
          .trim()
          .split('\n')
          .sort();
      manager.apply({ ...NONE, devices: withAlwaysAllowed([DENY], []) });
      assert.deepEqual(
        list(),
        [
          'b *:* m',
          'c *:* m',
          'c 10:200 rwm',
          'c 136:* rwm',
          'c 1:3 rwm',
          'c 1:5 rwm',
          'c 1:7 rwm',
          'c 1:8 rwm',
          'c 1:9 rwm',
          'c 5:0 rwm',
          'c 5:2 rwm',
        ].sort(),
      );
      manager.update(
        { ...NONE, devices: [{ allow: true, type: 'c', major: 1, minor: 3, access: 'rw' }] },
        { devices: true },
      );
      assert.deepEqual(list(), ['c 1:3 rw']);
      manager.update({ ...NONE, devices: [] });
      assert.deepEqual(list(), ['c 1:3 rw'], 'an update leaves the devices alone unless told otherwise');
      assert.equal(await tryDevices(manager), 'null ok, zero refused');
      manager.update({ ...NONE, devices: [{ allow: true, type: 'a', access: 'rwm' }] }, { devices: true });
      assert.deepEqual(list(), ['a *:* rwm']);
      assert.equal(await tryDevices(manager), 'null ok, zero ok');
    }),
  );

  test(
    'a program limits the devices of a v2 group, and is replaced',
    {
      skip: existsSync('/sys/fs/cgroup/unified/cgroup.procs') ? false : 'no v2 hierarchy at /sys/fs/cgroup/unified',
    },
    () =>
      withManager(async (manager) => {
        const group = manager.groups.find(({ version }) => version === 2);
        assert.ok(group !== undefined, 'no v2 group');
        const programs = (): number => {
          const fd = openSync(group.directory, 'r');
          try {
            return attachedPrograms(realKernel, fd).length;
          } finally {
            closeSync(fd);
          }
        };
        assert.equal(programs(), 0);
        assert.equal(await tryDevices(manager), 'null ok, zero ok');
        const c = (minor: number, access: string, allow = true): DeviceRule => ({
          allow,
          type: 'c',
          major: 1,
          minor,
          access,
        });
        const cases: [DeviceRule[], string][] = [
          [[c(3, 'rw')], 'null ok, zero refused'],
          [[c(3, 'w'), c(5, 'r')], 'null ok, zero ok'],
          [[c(3, 'r'), c(5, 'w')], 'null refused, zero refused'],
          [[{ allow: true, type: 'a', access: 'rwm' }, c(5, 'r', false)], 'null ok, zero refused'],
          [[{ allow: true, type: 'c', access: 'rwm' }], 'null ok, zero ok'],
          [[], 'null refused, zero refused'],
          [
            Array.from({ length: 2000 }, (_, n) => ({
              ...c(3, 'rw'),
              minor: n % 1000,
              major: 1 + Math.floor(n / 1000),
            })),
            'null ok, zero ok',
          ],
        ];
        for (const [rules, expected] of cases) {
          attachDevices(group.directory, rules);
          assert.equal(programs(), 1, 'one program at a time');
          assert.equal(await tryDevices(manager), expected, JSON.stringify(rules.slice(0, 3)));
        }
      }),
  );

  async function tryDevices(manager: CgroupManager): Promise<string> {
    const child = inside(
      manager,
      '{ (: > /dev/null) 2>&- && echo -n null ok || echo -n null refused; (: < /dev/zero) 2>&- && echo , zero ok || echo , zero refused; }',
    );
    let text = '';
    for await (const chunk of child.stdout ?? []) text += String(chunk);
    return text.replace('joined\n', '').trim().replace(' ,', ',');
  }

  /** Milliseconds of the fastest of several pairs of mkdir(2) and rmdir(2). */
  function bareGroup(): number {
    const { directory } = open().groups.at(-1) ?? { directory: '' };
    const times = Array.from({ length: 10 }, () => {
      const start = performance.now();
      mkdirSync(directory);
      rmdirSync(directory);
      return performance.now() - start;
    });
    return Math.min(...times);
  }

  test('making, limiting and removing the groups of a container takes no time', async () => {
    const docker: Resources = {
      ...NONE,
      devices: withAlwaysAllowed([DENY, { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' }], []),
      memory: { disableOOMKiller: false },
      cpu: { shares: 0n },
    };
    const times: number[] = [];
    for (let n = 0; n < 40; n++) {
      const start = performance.now();
      const manager = open();
      manager.create(docker);
      manager.apply(docker);
      await manager.remove();
      times.push(performance.now() - start);
      gone(manager);
    }
    const [best = 0] = times.sort((a, b) => a - b);
    // what one bare group costs here, many times over: an emulated machine takes its time for everything
    const bound = Math.max(2, 30 * bareGroup());
    console.log(`plan, create, apply, remove: best ${best.toFixed(2)} ms, median ${times[20]?.toFixed(2)} ms`);
    assert.ok(best < bound, `${best} ms at best, and no more than ${bound} is reasonable`);
  });
}
