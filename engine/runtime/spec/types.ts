/**
 * The Linux part of runtime-spec's config.json after validation. Names are the specification's own, so that a reader who
 * knows one knows the other; what is absent in the file is absent here. Only `parse.ts` makes these.
 */
export interface Spec {
  readonly ociVersion: string;
  readonly root: { readonly path: string; readonly readonly?: boolean };
  readonly process?: SpecProcess;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly SpecMount[];
  readonly hooks: SpecHooks;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: SpecLinux;
}

export interface SpecProcess {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: SpecUser;
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** Null: the key is absent, and the process keeps what the runtime has (runc: none are set at all). */
  readonly capabilities: SpecCapabilities | null;
  readonly rlimits: readonly SpecRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly oomScoreAdj?: number;
  readonly scheduler?: SpecScheduler;
  readonly ioPriority?: { readonly class: IoPriorityClass; readonly priority: number };
  readonly execCPUAffinity?: { readonly initial?: string; readonly final?: string };
}

export interface SpecUser {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  readonly additionalGids: readonly number[];
}

export type CapabilitySet = 'bounding' | 'effective' | 'inheritable' | 'permitted' | 'ambient';
/** Names as in the file (`CAP_CHOWN`); unknown ones are kept, for the caller warns and goes on, as runc does. */
export type SpecCapabilities = { readonly [set in CapabilitySet]: readonly string[] };

export interface SpecRlimit {
  /** `RLIMIT_NOFILE` … */
  readonly type: string;
  /** Unsigned 64 bits; 2^64-1 is RLIM_INFINITY. */
  readonly soft: bigint;
  readonly hard: bigint;
}

export interface SpecScheduler {
  readonly policy: string;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags: readonly string[];
  readonly runtime?: bigint;
  readonly deadline?: bigint;
  readonly period?: bigint;
}

export type IoPriorityClass = 'IOPRIO_CLASS_RT' | 'IOPRIO_CLASS_BE' | 'IOPRIO_CLASS_IDLE';

export interface SpecMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options: readonly string[];
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export const HOOK_KINDS = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
export type HookKind = (typeof HOOK_KINDS)[number];
export interface SpecHook {
  readonly path: string;
  readonly args: readonly string[];
  /** Absent: the runtime's own environment, as runc has it. */
  readonly env?: readonly string[];
  /** Seconds; absent: no limit. */
  readonly timeout?: number;
}
export type SpecHooks = { readonly [kind in HookKind]: readonly SpecHook[] };

export const NAMESPACE_TYPES = ['mount', 'pid', 'network', 'uts', 'ipc', 'user', 'cgroup', 'time'] as const;
export type NamespaceType = (typeof NAMESPACE_TYPES)[number];

export interface SpecLinux {
  readonly namespaces: readonly { readonly type: NamespaceType; readonly path?: string }[];
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  readonly timeOffsets: { readonly [clock in 'boottime' | 'monotonic']?: { secs: number; nanosecs: number } };
  readonly devices: readonly SpecDevice[];
  readonly cgroupsPath?: string;
  readonly resources: SpecResources;
  readonly rootfsPropagation?: string;
  readonly seccomp?: SpecSeccomp;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly mountLabel?: string;
  readonly personality?: { readonly domain: 'LINUX' | 'LINUX32'; readonly flags: readonly string[] };
  /** Paths of members that the file has, the specification knows and this runtime does not apply: a warning each. */
  readonly notApplied?: readonly string[];
}

export interface SpecDevice {
  readonly path: string;
  readonly type: 'c' | 'b' | 'u' | 'p';
  readonly major: number;
  readonly minor: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Amounts in bytes, microseconds and counts as the specification has them; -1 means unlimited. */
export interface SpecResources {
  readonly devices: readonly DeviceRule[];
  readonly memory?: {
    readonly limit?: bigint;
    readonly reservation?: bigint;
    /** Memory and swap together, as v1 counts. */
    readonly swap?: bigint;
    readonly kernel?: bigint;
    readonly kernelTCP?: bigint;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
    readonly useHierarchy?: boolean;
    readonly checkBeforeUpdate?: boolean;
  };
  readonly cpu?: {
    readonly shares?: bigint;
    readonly quota?: bigint;
    readonly burst?: bigint;
    readonly period?: bigint;
    readonly realtimeRuntime?: bigint;
    readonly realtimePeriod?: bigint;
    readonly cpus?: string;
    readonly mems?: string;
    readonly idle?: number;
  };
  readonly pids?: { readonly limit: bigint };
  readonly blockIO?: {
    readonly weight?: number;
    readonly leafWeight?: number;
    readonly weightDevice: readonly { major: number; minor: number; weight?: number; leafWeight?: number }[];
    readonly throttleReadBpsDevice: readonly ThrottleDevice[];
    readonly throttleWriteBpsDevice: readonly ThrottleDevice[];
    readonly throttleReadIOPSDevice: readonly ThrottleDevice[];
    readonly throttleWriteIOPSDevice: readonly ThrottleDevice[];
  };
  readonly hugepageLimits: readonly { readonly pageSize: string; readonly limit: bigint }[];
  readonly network?: {
    readonly classID?: number;
    readonly priorities: readonly { readonly name: string; readonly priority: number }[];
  };
  readonly rdma: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
  /** cgroup v2 file name -> content, written as it is. */
  readonly unified: Readonly<Record<string, string>>;
}

export interface ThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: bigint;
}

export interface DeviceRule {
  readonly allow: boolean;
  /** Absent: all (`a`). */
  readonly type?: 'a' | 'b' | 'c';
  /** Absent or -1: any. */
  readonly major?: number;
  readonly minor?: number;
  /** Letters of `rwm`; empty: none. */
  readonly access?: string;
}

export interface SpecSeccomp {
  /** `SCMP_ACT_ALLOW` … */
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  /** `SCMP_ARCH_X86_64` … */
  readonly architectures: readonly string[];
  readonly flags: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args: readonly SeccompArg[];
}

export interface SeccompArg {
  readonly index: number;
  readonly value: bigint;
  readonly valueTwo: bigint;
  /** `SCMP_CMP_EQ` … */
  readonly op: string;
}
