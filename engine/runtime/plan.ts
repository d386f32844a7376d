import type { MountOptions } from './spec/mount-options.js';
import type { Spec, SpecHook, SpecProcess } from './spec/types.js';

/**
 * Everything that is decided before a container's first process exists: what the sections of its program are built from.
 * Descriptors are numbers of ours that the first process inherits.
 */
export interface ContainerPlan {
  readonly id: string;
  readonly spec: Spec;
  readonly process: ProcessPlan;
  readonly rootfs: string;
  readonly namespaces: NamespacesPlan;
  /** Groups that the process joins by itself: v1 `tasks` files, v2 `cgroup.procs`. */
  readonly groups: readonly GroupPlan[];
  /** Descriptor of the v2 group that the process is born in (CLONE_INTO_CGROUP); null: it joins by itself, or was born there already. */
  readonly birthGroup: number | null;
  readonly mounts: readonly MountPlan[];
  /** `linux.rootfsPropagation` as MS_* flags, 0: the default, which is to follow the machine's (MS_SLAVE|MS_REC). */
  readonly propagation: number;
  /** Make device nodes and links in /dev: not when /dev is a bind mount of something. */
  readonly ownDev: boolean;
  /** The machine has /proc/kcore, to which /dev/core leads. */
  readonly hasKcore: boolean;
  readonly devices: readonly DevicePlan[];
  readonly pivot: 'pivot_root' | 'chroot';
  /** Mount point that the root's directory lies on; '/' where the machine's root is not shared and nobody asks. */
  readonly rootParent: string;
  /** Places where the machine has a whole proc or sysfs, the last mounted first; none where the machine's mounts are let go of. */
  readonly wholeKernelMounts: readonly string[];
  /** The hostname, the domain name and sysctls are written when not null. */
  readonly sysctl: readonly (readonly [path: string, value: string])[];
  readonly keyring: string | null;
  readonly hooks: {
    /** Hooks run here, or read from us what they get on standard input. */
    readonly runtime: boolean;
    /** For hooks that have no environment of their own. */
    readonly env: readonly string[];
    readonly createContainer: readonly SpecHook[];
    readonly startContainer: readonly SpecHook[];
  };
  /** Sources are opened in the container's user and mount namespace, for outside we may not (open_tree(2), EPERM). */
  readonly sourcesInside: boolean;
  /** The shim stays as the parent of the process. */
  readonly shim: boolean;
  readonly guard: GuardPlan | null;
  readonly fds: BirthFds;
}

export interface BirthFds {
  /** The region's file. */
  readonly region: number;
  /** Pidfd of ours: readable when we have died. */
  readonly parent: number;
  readonly stdio: readonly [number, number, number];
  /** A file with the state for hooks that run in the container; -1 without such hooks. */
  readonly state: number;
  /** Closed by the execution of the container's program, or told what went wrong; -1: nobody waits for it. */
  readonly status: number;
  /** A connected unix socket that gets the terminal's master side; -1 without one. */
  readonly console: number;
  /** The shim's end of that socket. */
  readonly shimConsole: number;
  /** The shim's record of the exit, open for writing; -1 without a shim. */
  readonly exit: number;
  /** The reaper's image; -1 without one. */
  readonly reaper: number;
  /** What the shim keeps of the container's streams; null: they are others'. */
  readonly output: OutputPlan | null;
}

/** A shim that keeps what the container writes, by numbers of ours that it inherits; -1: none. */
export interface OutputPlan {
  /** The file that pieces are appended to, open with O_APPEND: output-frame.ts. */
  readonly spool: number;
  /** Ends that we read from. With a terminal both are -1: its master is read. */
  readonly stdout: number;
  readonly stderr: number;
  /** The end of the container's standard input that is written to: kept open, so that it does not end with the engine. */
  readonly stdin: number;
  /** A pipe on which somebody says that the input has ended. */
  readonly control: number;
}

export interface NamespacesPlan {
  /** CLONE_NEW… of the namespaces that the container's process is born in, without the user, cgroup and time namespace. */
  readonly clone: number;
  readonly user: boolean;
  readonly cgroup: boolean;
  /** Text for /proc/self/timens_offsets; null: no time namespace of its own. */
  readonly time: string | null;
  /** Entered in this order. `file` is what the descriptor is of. */
  readonly join: readonly {
    readonly type: string;
    readonly flag: number;
    readonly fd: number;
    readonly path: string;
  }[];
  /** The maps allow setgroups(2). */
  readonly setgroups: boolean;
  /** Bring up the loopback device of a network namespace that is new. */
  readonly loopback: boolean;
}

export interface GroupPlan {
  readonly path: string;
  readonly fd: number;
}

export interface DevicePlan {
  readonly path: string;
  readonly type: 'c' | 'b' | 'p';
  readonly major: number;
  readonly minor: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bound from the machine's node: a user namespace may not make nodes. */
  readonly bind: boolean;
}

interface AnyMount {
  readonly destination: string;
  /** The destination without symbolic links, where it does not exist yet. */
  readonly resolved: string | null;
  readonly options: MountOptions;
  /** A file system may cover what lies in /proc here. */
  readonly insideProc: boolean;
}

export interface BindPlan extends AnyMount {
  readonly kind: 'bind';
  readonly source: string;
  readonly directory: boolean;
  /** A detached tree that we have prepared (idmapped); null: the first process opens the source. */
  readonly tree: number | null;
  /** Mount flags that `options` name: without any the bind mount keeps those of its source. */
  readonly setsFlags: boolean;
}

export interface FilesystemPlan extends AnyMount {
  readonly kind: 'filesystem';
  readonly type: string;
  readonly source: string;
  /** A detached tmpfs that we have filled with what was at the destination. */
  readonly tree: number | null;
  /** Permissions of its root, null: as the options say. */
  readonly mode: number | null;
  /** It becomes read-only once everything below it has been made. */
  readonly readOnlyLater: boolean;
}

export interface CgroupMountPlan extends AnyMount {
  readonly kind: 'cgroup';
  /** It lies on a mount of ours, in practice on sysfs, whose directories nobody may write to. */
  readonly covered: boolean;
  readonly hierarchies: readonly CgroupMountHierarchy[];
}

/** One hierarchy as the container is to see it below the mount's destination; `''` for the destination itself. */
export interface CgroupMountHierarchy {
  readonly version: 1 | 2;
  readonly name: string;
  readonly directory: string;
  /** The container's own group, to be bound where the container has no cgroup namespace. */
  readonly source: string;
  /** Names that lead to `directory`: `cpu` and `cpuacct` for `cpu,cpuacct`. */
  readonly links: readonly string[];
}

export type MountPlan = BindPlan | FilesystemPlan | CgroupMountPlan;

/** What stands by to remove a container's traces if we are killed before it is complete. */
export interface GuardPlan {
  /** Readable when we are done, closed when we died. */
  readonly pipe: number;
  readonly directories: readonly string[];
  readonly files: readonly string[];
}

/** The user's process, of a container's start or of an exec. */
export interface ProcessPlan {
  readonly process: SpecProcess;
  /** Files that execve(2) tries in turn, in the container. */
  readonly candidates: readonly string[];
  readonly env: readonly string[];
  readonly capabilities: CapabilityPlan;
  /** Limits to set, [resource, soft, hard]. */
  readonly rlimits: readonly (readonly [resource: number, soft: bigint, hard: bigint])[];
  readonly seccomp: SeccompPlan | null;
  /** Text for /proc/self/oom_score_adj. */
  readonly oomScoreAdj: number | null;
  readonly setgroups: boolean;
  readonly preserveFds: number;
  /** Those of 0, 1 and 2 that are to belong to the process's user. */
  readonly ownStdio: readonly number[];
  /** Those of them that are the null device: they become the container's own. */
  readonly nullStdio: readonly number[];
  readonly terminal: TerminalPlan | null;
  readonly umask: number;
  readonly apparmor: string | null;
}

export interface TerminalPlan {
  readonly size: { readonly height: number; readonly width: number } | null;
}

/** Bit masks of capability numbers. */
export interface CapabilityPlan {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
  /** The highest capability that this kernel knows. */
  readonly last: number;
  /** What we have in our own bounding set: dropping others is no change. */
  readonly held: bigint;
}

export interface SeccompPlan {
  readonly filter: Uint8Array;
  readonly flags: number;
}
