import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { withAlwaysAllowed } from '../../engine/cgroup/device-rules.js';
import { CgroupManager } from '../../engine/cgroup/manager.js';
import { planCgroups } from '../../engine/cgroup/plan.js';
import type { Resources } from '../../engine/cgroup/resources.js';
import { statsJson } from '../../engine/cgroup/stats-json.js';
import { parseResources } from '../../engine/runtime/spec/parse.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const BUNDLE = '/run/bundle';
const PURE_V2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
const NAMESPACE = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';
/** A block device that the machine has, for throttling. */
const DISK = readdirSync('/sys/block')
  .map((name) => readFileSync(`/sys/block/${name}/dev`, 'utf8').trim().split(':').map(Number))
  .map(([major, minor]) => ({ major, minor }))[0];
const throttle = (rate: number): object[] => [{ ...DISK, rate }];
const device = (allow: boolean, type: string, major: number, minor: number, access: string): object => ({
  allow,
  type,
  ...(major < 0 ? {} : { major }),
  ...(minor < 0 ? {} : { minor }),
  access,
});
const DENY = { allow: false, access: 'rwm' };

/** `linux.resources` of config.json. A second one is an update of the first. */
const CONFIGS: Readonly<Record<string, object | readonly [object, object]>> = {
  nothing: {},
  'all zero, as Docker writes it': {
    devices: [DENY, device(true, 'c', 5, 1, 'rwm'), device(false, 'c', 10, 229, 'rwm')],
    memory: { disableOOMKiller: false },
    cpu: { shares: 0 },
    blockIO: { weight: 0 },
    pids: { limit: 0 },
  },
  'memory limit': { memory: { limit: 67_108_864 } },
  'memory limit that is no multiple of a page': { memory: { limit: 67_108_865 } },
  'memory and swap': { memory: { limit: 67_108_864, swap: 134_217_728 } },
  'memory and swap, equal': { memory: { limit: 67_108_864, swap: 67_108_864 } },
  'memory with unlimited swap': { memory: { limit: 67_108_864, swap: -1 } },
  'unlimited memory': { memory: { limit: -1 } },
  'swap below memory': { memory: { limit: 134_217_728, swap: 67_108_864 } },
  'memory reservation': { memory: { limit: 134_217_728, reservation: 67_108_864 } },
  'memory of the kernel, which is ignored': { memory: { kernel: 33_554_432, kernelTCP: 33_554_432 } },
  swappiness: { memory: { swappiness: 0 } },
  'swappiness beyond the range': { memory: { swappiness: 101 } },
  'no OOM killer': { memory: { limit: 67_108_864, disableOOMKiller: true } },
  'cpu shares': { cpu: { shares: 512 } },
  'cpu shares at the bounds': { cpu: { shares: 2 } },
  'cpu shares below the least': { cpu: { shares: 1 } },
  'cpu shares above the most': { cpu: { shares: 262_145 } },
  'cpu quota': { cpu: { quota: 50_000 } },
  'cpu quota and period': { cpu: { quota: 20_000, period: 40_000 } },
  'unlimited cpu quota': { cpu: { quota: -1 } },
  'cpu period alone': { cpu: { period: 50_000 } },
  'cpu quota that is too short': { cpu: { quota: 10 } },
  'one cpu': { cpu: { cpus: '0' } },
  'cpu list and memory nodes': { cpu: { cpus: '0-1', mems: '0' } },
  'a cpu that is not there': { cpu: { cpus: '4000' } },
  'pids limit': { pids: { limit: 42 } },
  'unlimited pids': { pids: { limit: -1 } },
  'throttled disk': {
    blockIO: {
      throttleReadBpsDevice: throttle(1_048_576),
      throttleWriteBpsDevice: throttle(2_097_152),
      throttleReadIOPSDevice: throttle(100),
      throttleWriteIOPSDevice: throttle(200),
    },
  },
  'throttle of a disk that is not there': { blockIO: { throttleReadBpsDevice: [{ major: 250, minor: 250, rate: 1 }] } },
  'block weight without its scheduler': { blockIO: { weight: 300 } },
  'more devices': { devices: [DENY, device(true, 'c', 10, 229, 'rwm'), device(true, 'b', 8, -1, 'r')] },
  'all devices': { devices: [device(true, 'a', -1, -1, 'rwm')] },
  'all devices but one': { devices: [device(true, 'a', -1, -1, 'rwm'), device(false, 'c', 10, 229, 'w')] },
  'a hole in a wildcard': { devices: [DENY, device(true, 'c', 10, -1, 'rwm'), device(false, 'c', 10, 229, 'w')] },
  'a class for the network without its controller': { network: { classID: 5 } },
  'huge pages without their controller': { hugepageLimits: [{ pageSize: '2MB', limit: 4_194_304 }] },
  'v2 files on v1': { unified: { 'memory.high': '100000000' } },
  'an update that grows': [
    { memory: { limit: 67_108_864, swap: 67_108_864 }, cpu: { shares: 100 } },
    { memory: { limit: 268_435_456, swap: 536_870_912 }, cpu: { shares: 300, quota: 30_000, period: 100_000 } },
  ],
  'an update that shrinks': [
    { memory: { limit: 268_435_456, swap: 536_870_912 }, pids: { limit: 100 }, cpu: { cpus: '0-1' } },
    { memory: { limit: 67_108_864, swap: 67_108_864 }, pids: { limit: 10 }, cpu: { cpus: '1' } },
  ],
  'an update to no limits': [
    { memory: { limit: 67_108_864 }, cpu: { quota: 20_000 }, pids: { limit: 10 } },
    { memory: { limit: -1, swap: -1 }, cpu: { quota: -1 }, pids: { limit: -1 } },
  ],
};

/** Files that show what happens and not what was set; and reservations of huge pages, which runc sets since 1.2. */
const LIVE =
  /usage|stat|failcnt|pressure|events|procs$|tasks$|threads$|current$|effective|slabinfo|io_serv|peak|^cgroup\.(type|event_control)|oom_control|rsvd/;

/** Every setting of a container's groups: `pids/pids.max` -> its text. */
function settings(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { directory, name } of planCgroups({ cgroupsPath: path, id: 'x', rootless: false }).hierarchies) {
    if (!existsSync(directory)) continue;
    found[name] = 'made';
    for (const file of readdirSync(directory).sort()) {
      if (LIVE.test(file) && file !== 'memory.oom_control') continue;
      try {
        const text = readFileSync(`${directory}/${file}`, 'utf8').trim();
        // a list of devices says the same in any order; the state of memory is not a setting
        found[`${name}/${file}`] =
          file === 'memory.oom_control' ? (text.split('\n')[0] ?? '') : text.split('\n').sort().join('\n');
      } catch (error) {
        if (!['EINVAL', 'EPERM', 'EACCES', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? ''))
          throw error;
      }
    }
  }
  return found;
}

interface Outcome {
  readonly failed: string | null;
  readonly settings: Record<string, string>;
  readonly stats: string;
}

function runc(...args: string[]): { status: number; output: string } {
  const done = spawnSync('runc', args, {
    encoding: 'utf8',
    cwd: BUNDLE,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 600_000,
  });
  return { status: done.status ?? -1, output: `${done.stdout}${done.stderr}` };
}

function withRunc(path: string, first: object, second: object | undefined): Outcome {
  const config = JSON.parse(readFileSync(`${BUNDLE}/base.json`, 'utf8')) as {
    process: { terminal: boolean; args: string[] };
    linux: { cgroupsPath: string; resources: object };
  };
  config.process.terminal = false;
  config.process.args = ['/bin/busybox', 'sleep', '1000'];
  config.linux.cgroupsPath = path;
  config.linux.resources = first;
  writeFileSync(`${BUNDLE}/config.json`, JSON.stringify(config));
  // with descriptors of its own: what stays open behind `create` is the container's, and would be waited for
  const made = spawnSync('sh', ['-c', 'runc create cmp </dev/null >/run/out 2>&1'], { cwd: BUNDLE, timeout: 600_000 });
  let failed = made.status === 0 ? null : readFileSync('/run/out', 'utf8');
  if (failed === null && second !== undefined) {
    writeFileSync('/run/update.json', JSON.stringify(second));
    const updated = runc('update', '-r', '/run/update.json', 'cmp');
    if (updated.status !== 0) failed = updated.output;
  }
  const outcome = { failed, settings: failed === null ? settings(path) : {}, stats: '' };
  const stats = failed === null ? runc('events', '--stats', 'cmp').output : '';
  const removed = runc('delete', '-f', 'cmp');
  assert.equal(removed.status, 0, removed.output);
  return { ...outcome, stats };
}

async function withOurs(path: string, first: object, second: object | undefined): Promise<Outcome> {
  const manager = CgroupManager.open(planCgroups({ cgroupsPath: path, id: 'x', rootless: false }));
  try {
    const resources: Resources = parseResources(first);
    manager.create(resources);
    manager.apply({ ...resources, devices: withAlwaysAllowed(resources.devices, []) });
    if (second !== undefined) manager.update(parseResources(second));
    return { failed: null, settings: settings(path), stats: statsJson(manager.stats()) };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error), settings: {}, stats: '' };
  } finally {
    await manager.remove();
  }
}

/** The shape of a value: names and kinds. Members that runc leaves out when they are zero may be missing. */
function names(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [at];
  return Object.entries(value).flatMap(([key, field]) => names(field, `${at}.${key}`));
}
/** Zero in a group that has no process yet, or the other way round. */
const COMES_AND_GOES =
  /\.(throttling\.\w+|usage\.(usage|max|total|percpu\w*)|(swap|kernel|kernelTCP)\.(usage|max)|cache|current|ioServ\w+)$/;

const missing =
  spawnSync('runc', ['--version']).status !== 0
    ? 'runc is not installed'
    : !existsSync('/bin/busybox')
      ? 'no static busybox for a root file system'
      : false;

if (!inSandbox) {
  test(
    'files of the groups compared with runc, in a sandbox',
    {
      skip: isRoot ? missing : 'needs root',
      timeout: 600_000,
    },
    () => rerunInSandbox(import.meta.url),
  );
} else {
  mkdirSync(`${BUNDLE}/rootfs/bin`, { recursive: true });
  for (const name of ['dev', 'proc', 'sys']) mkdirSync(`${BUNDLE}/rootfs/${name}`);
  copyFileSync('/bin/busybox', `${BUNDLE}/rootfs/bin/busybox`);
  assert.equal(runc('spec').status, 0, 'runc spec');
  copyFileSync(`${BUNDLE}/config.json`, `${BUNDLE}/base.json`);

  for (const [name, config] of Object.entries(CONFIGS)) {
    // runc has no swappiness on v2 and does not look at it; a configuration is checked alike on both here
    if (name === 'swappiness beyond the range' && PURE_V2) continue;
    test(name, async () => {
      const before = machineState();
      const [first, second] = Array.isArray(config) ? (config as [object, object]) : [config, undefined];
      const path = `/glassbox-cmp-${NAMESPACE}`;
      const theirs = withRunc(path, first, second);
      const ours = await withOurs(path, first, second);
      assert.equal(
        ours.failed === null,
        theirs.failed === null,
        `runc: ${theirs.failed ?? 'went well'}\nours: ${ours.failed ?? 'went well'}`,
      );
      assert.deepEqual(ours.settings, theirs.settings);
      if (ours.failed === null) {
        assert.ok(Object.keys(ours.settings).length > 20, 'the files were not read');
        const shape = (text: string): string[] => names(JSON.parse(text)).filter((one) => !COMES_AND_GOES.test(one));
        const data = JSON.stringify((JSON.parse(theirs.stats) as { data: object }).data);
        assert.deepEqual(shape(ours.stats), shape(data));
      } else console.log(`both refuse. ours: ${ours.failed}\nrunc: ${theirs.failed?.trim().split('\n').at(-1)}`);
      assert.deepEqual(await leaksSince(before), []);
    });
  }

  test('a relative path and none at all lie where runc puts them', async () => {
    for (const path of [`glassbox-cmp-${NAMESPACE}/a`, undefined, `../../glassbox-cmp-${NAMESPACE}/b`]) {
      const config = JSON.parse(readFileSync(`${BUNDLE}/base.json`, 'utf8')) as {
        process: { terminal: boolean; args: string[] };
        linux: { cgroupsPath?: string };
      };
      config.process.terminal = false;
      config.process.args = ['/bin/busybox', 'cat', '/proc/self/cgroup'];
      if (path !== undefined) config.linux.cgroupsPath = path;
      writeFileSync(
        `${BUNDLE}/config.json`,
        JSON.stringify({ ...config, linux: { ...config.linux, namespaces: without(config.linux, 'cgroup') } }),
      );
      const id = `glassbox-cmp-${NAMESPACE}`;
      const done = runc('run', id);
      assert.equal(done.status, 0, done.output);
      const plan = planCgroups({ cgroupsPath: path, id, rootless: false });
      const ours = plan.hierarchies.map(({ name, path: at }) => `${name}:${at}`).sort();
      const theirs = done.output
        .trim()
        .split('\n')
        .map((line) => line.replace(/^\d+:/, ''))
        .sort();
      assert.deepEqual(ours, theirs, path);
      // runc leaves the parents that it made
      if (path !== undefined)
        await CgroupManager.fromState({
          plan,
          made: plan.hierarchies.map(({ directory }) => directory.slice(0, directory.lastIndexOf('/'))),
        }).remove();
    }
  });
}

function without(linux: object, type: string): object[] {
  return (linux as { namespaces: { type: string }[] }).namespaces.filter((one) => one.type !== type);
}
