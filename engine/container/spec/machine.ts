import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { planCgroups } from '../../cgroup/plan.js';
import { EngineError } from '../../kernel/errors.js';
import { mountOf, parseMountinfo } from '../../kernel/mountinfo.js';
import { CAPABILITIES } from '../../kernel/names.js';
import { inUserNamespace, parseIdMap } from '../../kernel/procfs/id-map.js';
import { ownBoundingSet } from '../../kernel/procfs/status.js';
import { MASKED_PATHS, NETWORK_SYSCTLS, thermalThrottlePaths } from '../../policy/docker-defaults.js';
import { runningKernel } from '../../policy/seccomp-profile.js';
import type { DeviceSource, HostDevice } from './devices.js';
import type { SpecMachine } from './input.js';
import type { VerifyFacts } from './verify.js';

const text = (path: string): string | null => (existsSync(path) ? readFileSync(path, 'utf8').trim() : null);

/** Read once at the engine's start: what configs and checks depend on of this machine. */
export function readMachine(): SpecMachine {
  const kernel = runningKernel();
  const bounding = ownBoundingSet();
  return {
    architecture: process.arch as 'x64' | 'arm64',
    kernel,
    cgroup: planCgroups({ id: 'x', rootless: true }).mode === 'v2' ? 'v2' : 'v1',
    capabilities: CAPABILITIES.filter((_, number) => (bounding >> BigInt(number)) & 1n),
    inUserNamespace: inUserNamespace(),
    ttyGroup: parseIdMap(readFileSync('/proc/self/gid_map', 'utf8')).some(
      ({ inside, count }) => TTY_GROUP >= inside && TTY_GROUP < inside + count,
    ),
    seccomp: /^Seccomp:/m.test(readFileSync('/proc/self/status', 'utf8')),
    apparmor: text('/sys/module/apparmor/parameters/enabled') === 'Y',
    cgroupNamespaces: existsSync('/proc/self/ns/cgroup'),
    timeNamespaces: existsSync('/proc/self/ns/time'),
    recursiveReadOnly: kernel.major > 5 || (kernel.major === 5 && kernel.minor >= 12),
    sysctls: new Set(
      Object.keys(NETWORK_SYSCTLS).filter((name) => existsSync(`/proc/sys/${name.replaceAll('.', '/')}`)),
    ),
    maskedPaths: maskedPaths(),
    devices: hostDevices,
    deviceNumber: (path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) throw new EngineError('InvalidArgument', `stat ${path}: no such file or directory`);
      return { major: major(stat), minor: minor(stat) };
    },
    propagationOf,
  };
}

const TTY_GROUP = 5;

let masked: readonly string[] | undefined;

/** Docker's, and what this machine's processors have. */
export function maskedPaths(): readonly string[] {
  masked ??= [...MASKED_PATHS, ...thermalThrottlePaths()];
  return masked;
}

/** Whether the machine forwards between its networks now. */
export const isForwarding = (): boolean => text('/proc/sys/net/ipv4/ip_forward') !== '0';

/** What `verifySettings` asks, as moby's sysinfo finds it out: by the files of the hierarchies. Read once, as there. */
export function readVerifyFacts(machine: SpecMachine, runtimes: readonly string[]): VerifyFacts {
  const { mode, hierarchies } = planCgroups({ id: 'x', rootless: true });
  const has = (controller: string, file: string): boolean =>
    hierarchies.some(
      (one) =>
        one.controllers.includes(controller) &&
        // the root of v2 has no limits; our own group below it has
        [one.mountPoint, join(one.directory, '..')].some((directory) => existsSync(join(directory, file))),
    );
  const v2 = mode === 'v2';
  const offered = (controller: string): boolean => hierarchies.some((one) => one.controllers.includes(controller));
  const of = (controller: string, file: string): boolean => (v2 ? offered(controller) : has(controller, file));
  return {
    cpus: cpus().length,
    cpusetCpus: text('/sys/devices/system/cpu/online') ?? '',
    cpusetMems: text('/sys/devices/system/node/online') ?? '0',
    can: {
      memory: of('memory', 'memory.limit_in_bytes'),
      swap: v2 ? has('memory', 'memory.swap.max') : has('memory', 'memory.memsw.limit_in_bytes'),
      reservation: of('memory', 'memory.soft_limit_in_bytes'),
      swappiness: !v2 && has('memory', 'memory.swappiness'),
      oomKillDisable: !v2 && has('memory', 'memory.oom_control'),
      pids: offered('pids'),
      cpuShares: of('cpu', 'cpu.shares'),
      cpuCfs: of('cpu', 'cpu.cfs_quota_us'),
      cpuRealtime: !v2 && has('cpu', 'cpu.rt_period_us'),
      cpuset: offered('cpuset'),
      blkioWeight: v2 ? offered('io') : has('blkio', 'blkio.weight'),
      blkioWeightDevice: v2 ? offered('io') : has('blkio', 'blkio.weight_device'),
      blkioThrottle: of(v2 ? 'io' : 'blkio', 'blkio.throttle.read_bps_device'),
    },
    capabilities: machine.capabilities,
    ipv4Forwarding: isForwarding(),
    cgroupNamespaces: machine.cgroupNamespaces,
    runtimes,
    exists: existsSync,
  };
}

/** makedev(3) of 64 bits. */
const major = ({ rdev }: Stats): number =>
  Number(((BigInt(rdev) >> 8n) & 0xfffn) | ((BigInt(rdev) >> 32n) & 0xfffff000n));
const minor = ({ rdev }: Stats): number => Number((BigInt(rdev) & 0xffn) | ((BigInt(rdev) >> 12n) & 0xffffff00n));

/** Directories of /dev that are other file systems or not for containers: containerd, pkg/oci (HostDevices). */
const NOT_HOST = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']);
/** A directory that somebody names may hold anything. */
const MAX_DEVICES = 4096;

function deviceAt(path: string): HostDevice | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !(stat.isCharacterDevice() || stat.isBlockDevice())) return null;
  return {
    path,
    type: stat.isBlockDevice() ? 'b' : 'c',
    major: major(stat),
    minor: minor(stat),
    fileMode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

function devicesBelow(directory: string, into: HostDevice[], skip: ReadonlySet<string>): HostDevice[] {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (into.length >= MAX_DEVICES) break;
    if (entry.isDirectory()) {
      if (!skip.has(entry.name)) devicesBelow(path, into, skip);
    } else {
      const device = deviceAt(path);
      if (device !== null) into.push(device);
    }
  }
  return into;
}

export const hostDevices: DeviceSource = {
  exists: existsSync,
  lookup(path) {
    if (!existsSync(path)) return null;
    const resolved = realpathSync(path);
    const device = deviceAt(resolved);
    if (device !== null) return { resolved, devices: [device] };
    return statSync(resolved).isDirectory() ? { resolved, devices: devicesBelow(resolved, [], new Set()) } : null;
  },
  all: () => devicesBelow('/dev', [], NOT_HOST).filter(({ path }) => path !== '/dev/console'),
};

function propagationOf(path: string): { mountPoint: string; shared: boolean; slave: boolean } {
  const mount = mountOf(parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')), realpathSync(path));
  if (mount === null) throw new EngineError('Internal', `Can't find mount point of ${path}`);
  const has = (kind: string): boolean => mount.propagation.some((one) => one.startsWith(kind));
  return { mountPoint: mount.mountPoint, shared: has('shared:'), slave: has('master:') };
}
