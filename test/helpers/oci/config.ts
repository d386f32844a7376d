/**
 * An OCI config.json as tests write it: mutable, partial, and not validated, because some are wrong on purpose.
 * Names are runtime-spec's.
 */
export interface Config {
  ociVersion: string;
  process: {
    terminal?: boolean;
    consoleSize?: { height: number; width: number };
    user: { uid: number; gid: number; umask?: number; additionalGids?: number[] };
    args: string[];
    env: string[];
    cwd: string;
    capabilities?: Partial<Record<CapabilitySet, string[]>>;
    rlimits?: { type: string; soft: number; hard: number }[];
    noNewPrivileges?: boolean;
    oomScoreAdj?: number;
    scheduler?: { policy: string; nice?: number; priority?: number; flags?: string[] };
    ioPriority?: { class: string; priority: number };
    apparmorProfile?: string;
    selinuxLabel?: string;
  };
  root: { path: string; readonly?: boolean };
  hostname?: string;
  domainname?: string;
  mounts: ConfigMount[];
  hooks?: Partial<Record<string, { path: string; args?: string[]; env?: string[]; timeout?: number }[]>>;
  annotations?: Record<string, string>;
  linux: {
    namespaces: { type: string; path?: string }[];
    uidMappings?: ConfigMapping[];
    gidMappings?: ConfigMapping[];
    timeOffsets?: Record<string, { secs: number; nanosecs: number }>;
    devices?: ConfigDevice[];
    cgroupsPath?: string;
    resources?: ConfigResources;
    rootfsPropagation?: string;
    seccomp?: ConfigSeccomp;
    sysctl?: Record<string, string>;
    maskedPaths?: string[];
    readonlyPaths?: string[];
    personality?: { domain: string; flags?: string[] };
    mountLabel?: string;
    intelRdt?: { closID: string };
  };
}

export type CapabilitySet = 'bounding' | 'effective' | 'inheritable' | 'permitted' | 'ambient';

export interface ConfigMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  uidMappings?: ConfigMapping[];
  gidMappings?: ConfigMapping[];
}

export interface ConfigMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface ConfigDevice {
  path: string;
  type: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface ConfigResources {
  devices?: { allow: boolean; type?: string; major?: number; minor?: number; access?: string }[];
  memory?: Record<string, number | boolean>;
  cpu?: Record<string, number | string>;
  pids?: { limit: number };
  blockIO?: Record<string, number | { major: number; minor: number; rate?: number; weight?: number }[]>;
  hugepageLimits?: { pageSize: string; limit: number }[];
  network?: { classID?: number; priorities?: { name: string; priority: number }[] };
  unified?: Record<string, string>;
}

export interface ConfigSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  listenerPath?: string;
  syscalls?: {
    names: string[];
    action: string;
    errnoRet?: number;
    args?: { index: number; value: number; valueTwo?: number; op: string }[];
  }[];
}

/** What Docker grants without `--privileged` (moby oci/caps/defaults.go). */
export const DOCKER_CAPABILITIES: readonly string[] = [
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

/** Give these capabilities in the sets that a root process has: bounding, effective, permitted. */
export function grant(config: Config, names: readonly string[]): void {
  config.process.capabilities = { bounding: [...names], effective: [...names], permitted: [...names] };
}

/** The base that each case changes: what `runc spec` and Docker agree on, without seccomp. */
export function baseConfig(cgroupsPath: string): Config {
  const config: Config = {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/sh', '/probe'],
      env: ['PATH=/bin:/sbin', 'TERM=xterm'],
      cwd: '/',
    },
    root: { path: 'rootfs' },
    hostname: 'conform',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      {
        destination: '/dev',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
      },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
      },
      {
        destination: '/dev/shm',
        type: 'tmpfs',
        source: 'shm',
        options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
      },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    ],
    linux: {
      namespaces: ['mount', 'pid', 'network', 'uts', 'ipc'].map((type) => ({ type })),
      cgroupsPath,
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/timer_list', '/proc/scsi', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
  grant(config, DOCKER_CAPABILITIES);
  return config;
}

/** Leave a namespace out, so that the container shares the runtime's. */
export function without(config: Config, ...types: string[]): void {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => !types.includes(type));
}

/** Ask for a namespace: a new one, or the one at `path`. */
export function namespace(config: Config, type: string, path?: string): void {
  without(config, type);
  config.linux.namespaces.push(path === undefined ? { type } : { type, path });
}

/** The base's mount on this destination. */
export function mountOn(config: Config, destination: string): ConfigMount {
  const found = config.mounts.find((mount) => mount.destination === destination);
  if (found === undefined) throw new Error(`the base config mounts nothing on ${destination}`);
  return found;
}
