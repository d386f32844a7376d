import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { test } from 'node:test';
import { withAlwaysAllowed } from '../../engine/cgroup/device-rules.js';
import { CgroupManager } from '../../engine/cgroup/manager.js';
import { planCgroups } from '../../engine/cgroup/plan.js';
import type { Resources } from '../../engine/cgroup/resources.js';
import { Reactor } from '../../engine/kernel/reactor.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const NONE: Resources = { devices: [], hugepageLimits: [], rdma: {}, unified: {} };
const NAMESPACE = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';
const pure = existsSync('/sys/fs/cgroup/cgroup.controllers');

if (!inSandbox) {
  test(
    'groups of pure cgroup v2, in a sandbox',
    {
      skip: isRoot
        ? pure
          ? false
          : 'this machine has v1 hierarchies: test/vm/run.sh has a machine without'
        : 'needs root',
      timeout: 600_000,
    },
    () => rerunInSandbox(import.meta.url),
  );
} else {
  let counter = 0;
  const withGroup = async (use: (manager: CgroupManager, directory: string) => Promise<void>): Promise<void> => {
    const before = machineState();
    const path = `/glassbox-v2-${++counter}-${NAMESPACE}/leaf`;
    const manager = CgroupManager.open(planCgroups({ cgroupsPath: path, id: 'x', rootless: false }));
    manager.create();
    try {
      await use(manager, manager.groups[0]?.directory ?? '');
    } finally {
      await manager.remove();
    }
    assert.deepEqual(await leaksSince(before), []);
  };
  const inside = (manager: CgroupManager, command: string) =>
    spawn(
      'sh',
      [
        '-c',
        `${manager
          .joinFiles()
          .map(({ path }) => `echo 0 > ${path}`)
          .join(' && ')} && ${command}`,
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
  const output = async (child: ReturnType<typeof inside>): Promise<string> => {
    let text = '';
    for await (const chunk of child.stdout) text += String(chunk);
    return text.trim();
  };

  test('limits are in the files, every controller enabled on the way', () =>
    withGroup(async (manager, directory) => {
      assert.equal(manager.plan.mode, 'v2');
      manager.apply({
        ...NONE,
        devices: withAlwaysAllowed([{ allow: false, type: 'a', access: 'rwm' }], []),
        pids: { limit: 30n },
        memory: { limit: 64n << 20n, swap: 128n << 20n, reservation: 32n << 20n },
        cpu: { shares: 512n, quota: 20_000n, period: 40_000n, cpus: '0', mems: '0' },
        unified: { 'memory.high': '60000000' },
      });
      const read = (file: string): string => readFileSync(`${directory}/${file}`, 'utf8').trim();
      const expected = {
        'pids.max': '30',
        'memory.max': String(64 << 20),
        'memory.low': String(32 << 20),
        'memory.high': String(60_000_000 - (60_000_000 % 4096)),
        'cpu.weight': '20',
        'cpu.max': '20000 40000',
        'cpuset.cpus': '0',
        'cpuset.mems': '0',
      };
      for (const [file, value] of Object.entries(expected)) assert.equal(read(file), value, file);
      if (existsSync(`${directory}/memory.swap.max`)) assert.equal(read('memory.swap.max'), String(64 << 20));
      const child = inside(
        manager,
        '(: < /dev/zero) && echo zero; (: < /dev/kmsg) 2>&- || echo no kmsg; cat /proc/self/cgroup',
      );
      assert.equal(await output(child), `zero\nno kmsg\n0::${manager.groups[0]?.path}`);
      const stats = manager.stats();
      assert.equal(stats.pids.limit, 30n);
      assert.equal(stats.memory.usage.limit, 64n << 20n);
      assert.ok(stats.cpu.usage.total > 0n, 'the shell took time');
    }));

  test('a descriptor for clone3, and a group that belongs to a user', () =>
    withGroup(async (manager, directory) => {
      const fd = manager.openForClone();
      assert.ok(fd !== null, 'no descriptor');
      assert.equal(fstatSync(fd).ino, statSync(directory).ino);
      closeSync(fd);
      manager.delegate(1234);
      const theirs = readdirSync(directory).filter((name) => statSync(`${directory}/${name}`).uid === 1234);
      assert.deepEqual(theirs.sort(), ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']);
      assert.equal(statSync(directory).uid, 1234);
      chownSync(directory, 0, 0);
    }));

  test('a lack of memory is told, and the watch ends with the last process', async () => {
    const reactor = new Reactor();
    await withGroup(async (manager) => {
      let told = 0;
      manager.apply({ ...NONE, memory: { limit: 8n << 20n, swap: 8n << 20n } }, { devices: false });
      const stop = manager.onOom(reactor, () => told++);
      const child = inside(manager, 'head -c 100m /dev/zero | tail -n 1 > /dev/null');
      await output(child);
      for (let n = 0; told === 0 && n < 100; n++) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(told > 0, 'nobody was told');
      assert.ok(manager.oomKills() > 0, 'nobody was killed');
      stop();
    });
    reactor.close();
  });

  test('a file whose controller is not enabled is refused by name', () =>
    withGroup(async (manager) => {
      assert.throws(
        () => manager.update({ ...NONE, unified: { 'nothing.max': '1' } }),
        /unified resource "nothing.max" can't be set: controller "nothing" not available/,
      );
      assert.throws(
        () => manager.update({ ...NONE, memory: { limit: 1n << 20n, swap: 1n } }),
        /should be >= memory limit/,
      );
    }));
}
