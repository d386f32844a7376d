import { readdirSync } from 'node:fs';
import type { DeviceRule, NamespaceType, SpecMount } from '../runtime/spec/types.js';

/** How much a container may do: as in Docker, or less. */
export type PolicyName = 'docker' | 'strict';

export interface Policy {
  /** In the bounding, effective and permitted sets; inheritable and ambient are empty (CVE-2022-24769). */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  /** Null: no limit. */
  readonly pidsLimit: bigint | null;
}

/** moby, daemon/pkg/oci/caps/defaults.go; containerd's are the same. */
const DOCKER_CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** podman leaves these out (containers/common, pkg/config/default.go). */
const NOT_IN_PODMAN = ['CAP_MKNOD', 'CAP_NET_RAW', 'CAP_AUDIT_WRITE'];

export const POLICIES: Readonly<Record<PolicyName, Policy>> = {
  docker: { capabilities: DOCKER_CAPABILITIES, noNewPrivileges: false, pidsLimit: null },
  strict: {
    capabilities: DOCKER_CAPABILITIES.filter((name) => !NOT_IN_PODMAN.includes(name)),
    noNewPrivileges: true,
    pidsLimit: 2048n,
  },
};

/** moby, daemon/pkg/oci/defaults.go. The user namespace is off; cgroup is there with v2 only. */
export const NAMESPACES: readonly NamespaceType[] = ['mount', 'network', 'time', 'uts', 'pid', 'ipc'];
export const NAMESPACES_V2: readonly NamespaceType[] = [...NAMESPACES, 'cgroup'];

/** moby, daemon/pkg/oci/defaults.go; GHSA-6fw5-f8r9-fgfm and GHSA-jq35-85cj-fj4p added interrupts and powercap. */
export const MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

/** Each processor's thermal_throttle, where this machine has it: masked besides (GHSA-6fw5-f8r9-fgfm). */
export function thermalThrottlePaths(cpus = '/sys/devices/system/cpu'): string[] {
  return readdirSync(cpus)
    .filter((name) => /^cpu\d+$/.test(name) && readdirSync(`${cpus}/${name}`).includes('thermal_throttle'))
    .map((name) => `/sys/devices/system/cpu/${name}/thermal_throttle`)
    .sort();
}

export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** A mount of a spec that Docker would write: it maps no ids (`idmap` of a mount), so both lists are empty. */
export const mount = (destination: string, type: string, source: string, options: readonly string[]): SpecMount => ({
  destination,
  type,
  source,
  options,
  uidMappings: [],
  gidMappings: [],
});

/** moby, daemon/pkg/oci/defaults.go; the size of /dev/shm is the daemon's own default. */
export const MOUNTS: readonly SpecMount[] = [
  mount('/proc', 'proc', 'proc', ['nosuid', 'noexec', 'nodev']),
  mount('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
  mount('/dev/pts', 'devpts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
  mount('/sys', 'sysfs', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
  mount('/sys/fs/cgroup', 'cgroup', 'cgroup', ['ro', 'nosuid', 'noexec', 'nodev']),
  mount('/dev/mqueue', 'mqueue', 'mqueue', ['nosuid', 'noexec', 'nodev']),
  mount('/dev/shm', 'tmpfs', 'shm', ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=67108864']),
];

const character = (allow: boolean, major: number, minor: number): DeviceRule => ({
  allow,
  type: 'c',
  major,
  minor,
  access: 'rwm',
});

/** moby, daemon/pkg/oci/defaults.go. What every container needs besides (full, ptmx, pts …) the runtime adds. */
export const DEVICE_RULES: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  character(true, 1, 5), // zero
  character(true, 1, 3), // null
  character(true, 1, 9), // urandom
  character(true, 1, 8), // random
  character(true, 5, 0), // tty
  character(true, 5, 1), // console
  character(false, 10, 229), // fuse
];

/** moby, daemon/oci_linux.go: with a network namespace of its own. The second one not in a user namespace. */
export const NETWORK_SYSCTLS: Readonly<Record<string, string>> = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

export const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
