/**
 * The engine's public types: everything that crosses the socket between the engine and the terminal application.
 * `src/` imports this file and nothing else of the engine.
 *
 * Units: times are milliseconds since the epoch unless the name says otherwise (`…Ns`, `…Us`), sizes are bytes,
 * cpu quotas and periods are microseconds.
 */

// ---------------------------------------------------------------------------------------------------------------
// Text in both of the lab's languages

/** A sentence that a learner sees. Both languages always exist. */
export interface Bilingual {
  readonly en: string;
  readonly zh: string;
}

// ---------------------------------------------------------------------------------------------------------------
// Observe: the snapshot

/** The eight kinds of namespaces(7), named as in /proc/PID/ns. */
export type NamespaceKind = 'mnt' | 'uts' | 'ipc' | 'pid' | 'net' | 'user' | 'cgroup' | 'time';

/** `kind:[inode]`, as readlink of /proc/PID/ns/kind prints it, for example `net:[4026532285]`. */
export type NamespaceId = string;

/** What keeps a namespace alive (the six places in which a namespace can be found). */
export interface NamespaceHolder {
  readonly how: 'process' | 'thread' | 'bind-mount' | 'fd' | 'socket' | 'hierarchy';
  /** Pid as seen in the lab host, where a process holds it. */
  readonly pid?: number;
  /** Path of the bind mount (as seen in the lab host), for `bind-mount`. */
  readonly path?: string;
  readonly fd?: number;
}

export interface Namespace {
  readonly id: NamespaceId;
  readonly kind: NamespaceKind;
  readonly inode: number;
  /** Owning user namespace (ioctl NS_GET_USERNS), null where it cannot be read. */
  readonly owner: NamespaceId | null;
  /** Parent of a pid or user namespace (ioctl NS_GET_PARENT), null for the lab's own and for other kinds. */
  readonly parent: NamespaceId | null;
  /** Pids (in the lab host) of the processes in it, ascending. */
  readonly members: readonly number[];
  readonly heldBy: readonly NamespaceHolder[];
  /** Names that bind mounts give it, such as `r1` for /run/netns/r1. */
  readonly names: readonly string[];
  /** True for the namespace that the lab host's pid 1 lives in. */
  readonly isLabHost: boolean;
  /** True for a namespace of the machine itself, shared with the lab (time, usually). */
  readonly isMachine: boolean;
  /** Host name (nodename of uname(2)) of a uts namespace, where it could be read. */
  readonly hostname?: string;
  /** Names of the containers whose first process is in it, the one that it was made for first. Never of the lab host's own. */
  readonly containers?: readonly string[];
}

/**
 * A container of the lab's container engine. What it is called, its image and how it ended are the engine's words; that it runs
 * or is frozen, where its processes are and in which namespaces was read from the kernel.
 */
export interface Container {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** The image as it was asked for. */
  readonly image: string;
  readonly imageId: string | null;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'exited';
  /** Of one that has ended. */
  readonly exitCode: number | null;
  /** Its first process, as seen in the lab host; null when it has none. */
  readonly pid: number | null;
  readonly processes: readonly number[];
  /** Those of its first process. */
  readonly namespaces: Readonly<Partial<Record<NamespaceKind, NamespaceId>>>;
  /** Path of its control group, relative to the lab's subtree; null when it has none. */
  readonly cgroup: string | null;
  /** What `--network` said: `bridge`, `host`, `none`, `container:ID`, a network's name. */
  readonly networkMode: string;
}

/** A network of the lab's container engine. */
export interface ContainerNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** Interface of the lab host that it is on: its bridge, or the parent of a macvlan or ipvlan. */
  readonly bridge: string | null;
}

export interface Process {
  /** Pid as seen in the lab host's pid namespace: what the learner's `ps` prints. */
  readonly pid: number;
  /** Pid on the machine, as the engine sees it. */
  readonly hostPid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. `{hostPid, startTime}` names a process for ever. */
  readonly startTime: number;
  readonly ppid: number;
  /** Pids in each nested pid namespace from the lab host inwards, as the NSpid line has them. */
  readonly nspid: readonly number[];
  readonly comm: string;
  readonly argv: readonly string[];
  /** One letter of /proc/PID/stat: R S D Z T t X I. */
  readonly state: string;
  /** Ids as seen in the lab host's user namespace. */
  readonly uid: number;
  readonly gid: number;
  readonly namespaces: Readonly<Partial<Record<NamespaceKind, NamespaceId>>>;
  /** Target of /proc/PID/root as the lab host sees it; `/` unless it was changed. */
  readonly root: string;
  readonly cwd: string;
  /** Path in each hierarchy, keyed by the controller list as in /proc/PID/cgroup (`""` for v2); relative to the lab's subtree. */
  readonly cgroups: Readonly<Record<string, string>>;
  /** Hexadecimal capability sets as in /proc/PID/status. */
  readonly capEff: string;
  readonly capBnd: string;
  readonly seccomp: number;
  readonly noNewPrivs: boolean;
  readonly uidMap: readonly IdMap[];
  readonly gidMap: readonly IdMap[];
  readonly oomScoreAdj: number;
}

export interface IdMap {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

export type LinkKind =
  | 'loopback'
  | 'veth'
  | 'bridge'
  | 'vxlan'
  | 'macvlan'
  | 'ipvlan'
  | 'dummy'
  | 'tun'
  | 'vlan'
  | 'ether'
  | 'other';

export interface LinkAddress {
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  readonly prefix: number;
  readonly scope: 'global' | 'link' | 'host' | 'other';
  readonly broadcast?: string;
}

export interface LinkPeer {
  /** Namespace in which the other end is, null when it is not visible. */
  readonly ns: NamespaceId | null;
  readonly index: number;
  readonly name: string | null;
}

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly kind: LinkKind;
  readonly mac: string;
  readonly mtu: number;
  /** IFF_UP: what `ip link set up` sets. */
  readonly up: boolean;
  /** IFF_LOWER_UP: there is a carrier. */
  readonly carrier: boolean;
  /** RFC 2863 state as `ip link` prints it: UP, DOWN, UNKNOWN, LOWERLAYERDOWN … */
  readonly operstate: string;
  readonly promiscuous: boolean;
  /** Index of the bridge (or other master) that it is a port of; null when none. */
  readonly master: number | null;
  readonly peer: LinkPeer | null;
  readonly addresses: readonly LinkAddress[];
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly bridge?: { readonly stp: boolean; readonly vlanFiltering: boolean };
  readonly vxlan?: { readonly id: number; readonly remote: string | null; readonly port: number };
  readonly macvlan?: { readonly mode: string; readonly lower: number };
  readonly ipvlan?: { readonly mode: string; readonly lower: number };
}

export interface Route {
  /** `default` or CIDR. */
  readonly destination: string;
  readonly family: 'inet' | 'inet6';
  readonly via: string | null;
  readonly device: string | null;
  readonly source: string | null;
  readonly protocol: string;
  readonly scope: string;
  readonly table: number;
  readonly metric: number;
  /** Route type when it is not unicast: blackhole, unreachable, prohibit, throw … Such a route leads nowhere. */
  readonly type?: string;
}

export interface Neighbour {
  readonly address: string;
  readonly device: string;
  readonly mac: string | null;
  readonly state: string;
}

export interface RoutingRule {
  readonly priority: number;
  readonly from: string;
  readonly to: string;
  readonly table: number;
}

/** One firewall rule as iptables-save has it, parsed; order, counters and comments kept apart from what it matches. */
export interface FirewallRule {
  readonly family: 'inet' | 'inet6';
  readonly table: string;
  readonly chain: string;
  /** Normalised matches, for example `{source: '10.1.0.0/24', outInterface: '!br0', protocol: 'tcp', dport: '8080'}`. A leading `!` negates. */
  readonly match: Readonly<Record<string, string>>;
  /** MASQUERADE, DNAT, ACCEPT, a chain's name …; empty for a rule without target. */
  readonly target: string;
  /** `{to: '10.1.0.2:80'}` for DNAT, and so on. */
  readonly options: Readonly<Record<string, string>>;
  readonly packets: number;
  readonly bytes: number;
  /** The rule as iptables-save prints it, without counters. */
  readonly text: string;
}

export interface FirewallChain {
  readonly family: 'inet' | 'inet6';
  readonly table: string;
  readonly chain: string;
  /** ACCEPT or DROP for a built-in chain, `-` for one that a user made. */
  readonly policy: string;
  readonly packets: number;
  readonly bytes: number;
}

export interface Firewall {
  readonly chains: readonly FirewallChain[];
  readonly rules: readonly FirewallRule[];
  /** Tables that exist only in nft's own syntax (`nft list ruleset`), by name. */
  readonly nftOnly: readonly string[];
}

export interface ListeningPort {
  readonly protocol: 'tcp' | 'tcp6' | 'udp' | 'udp6';
  readonly address: string;
  readonly port: number;
  readonly pid: number | null;
}

export interface NetworkNamespace {
  readonly id: NamespaceId;
  /** `host` for the lab host's own, `container NAME` for a container's, else the bind mount's name, else `pid N`. */
  readonly label: string;
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  readonly rules: readonly RoutingRule[];
  /** Null when no tool could read it: then `problems` says why. */
  readonly firewall: Firewall | null;
  /** Values of the few sysctls that lessons speak of, such as `net.ipv4.ip_forward`. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly listening: readonly ListeningPort[];
}

export interface Mount {
  readonly id: number;
  readonly parent: number;
  readonly device: string;
  /** Root of the mount within its file system (mountinfo field 4). */
  readonly root: string;
  /** Relative to the root of the process that it was read from. */
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** `shared:N`, `master:N`, `propagate_from:N`, `unbindable`; empty means private. */
  readonly propagation: readonly string[];
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

export interface MountTable {
  readonly ns: NamespaceId;
  readonly label: string;
  readonly mounts: readonly Mount[];
}

/** One directory of an overlay stack. */
export interface LayerDir {
  readonly role: 'upper' | 'lower' | 'work';
  /** Path as mountinfo has it. */
  readonly path: string;
  /** Count and bytes of regular files; null where it could not be read. */
  readonly files: number | null;
  readonly bytes: number | null;
  /** Paths below the layer, at most 200, sorted. */
  readonly entries: readonly LayerEntry[];
  readonly truncated: boolean;
}

export interface LayerEntry {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'whiteout' | 'opaque-directory' | 'other';
  readonly bytes: number;
}

export interface OverlayStack {
  readonly ns: NamespaceId;
  readonly mountPoint: string;
  /** Top first: upper (when there is one), then lowers in lookup order. The work directory is listed last. */
  readonly layers: readonly LayerDir[];
  readonly readOnly: boolean;
  /** Id of the container whose files these are. */
  readonly container?: string;
  /** False for the layers of a container that does not run: they lie where they are, and nothing is mounted. */
  readonly mounted?: false;
}

/** One control group, in one model for v1 and v2. A field is null where the controller is not there or the limit is not set ("max"). */
export interface Cgroup {
  /** Path relative to the lab's subtree: `/` is the lab's own root. */
  readonly path: string;
  /** Hierarchy: the controller list of a v1 hierarchy (`memory`, `cpu,cpuacct`, `name=systemd`), `""` for v2. */
  readonly hierarchy: string;
  /** Lab-host pids directly in it. */
  readonly procs: readonly number[];
  readonly memory: {
    readonly usage: number;
    readonly limit: number | null;
    readonly peak: number | null;
    readonly failcnt: number;
    readonly oomKills: number;
    readonly underOom: boolean;
    readonly swapLimit: number | null;
    readonly swapUsage: number | null;
  } | null;
  readonly cpu: {
    /** cpu.shares of v1; null on v2. */
    readonly shares: number | null;
    /** cpu.weight of v2; null on v1. */
    readonly weight: number | null;
    readonly quotaUs: number | null;
    readonly periodUs: number | null;
    readonly usageUs: number | null;
    readonly nrPeriods: number;
    readonly nrThrottled: number;
    readonly throttledUs: number;
  } | null;
  readonly pids: { readonly current: number; readonly max: number | null; readonly hitMax: number } | null;
  readonly cpuset: { readonly cpus: string; readonly mems: string; readonly effectiveCpus: string } | null;
  readonly freezer: { readonly frozen: boolean; readonly state: string } | null;
  readonly io: { readonly readBytes: number; readonly writeBytes: number } | null;
}

export interface CgroupView {
  readonly mode: 'v1' | 'v2' | 'hybrid' | 'none';
  readonly hierarchies: readonly {
    readonly name: string;
    readonly controllers: readonly string[];
    readonly mountPoint: string;
    readonly writable: boolean;
  }[];
  readonly groups: readonly Cgroup[];
}

/** A part of the snapshot that could not be measured, and why. Checks turn it into `couldNotMeasure`. */
export interface ObserveProblem {
  readonly part: SnapshotPart;
  readonly reason: string;
}

export type SnapshotPart =
  | 'namespaces'
  | 'processes'
  | 'network'
  | 'firewall'
  | 'mounts'
  | 'overlays'
  | 'cgroups'
  | 'containers';

export interface Snapshot {
  readonly version: 1;
  readonly seq: number;
  readonly takenAt: number;
  readonly lab: LabInfo;
  readonly hostname: string;
  readonly namespaces: readonly Namespace[];
  readonly processes: readonly Process[];
  readonly networks: readonly NetworkNamespace[];
  readonly mountTables: readonly MountTable[];
  readonly overlays: readonly OverlayStack[];
  readonly cgroups: CgroupView;
  /** Of the lab's container engine, oldest first; left out where it was never used. */
  readonly containers?: readonly Container[];
  readonly containerNetworks?: readonly ContainerNetwork[];
  readonly problems: readonly ObserveProblem[];
}

// ---------------------------------------------------------------------------------------------------------------
// Observe: the stream of changes

export type ObservedObject =
  | 'container'
  | 'namespace'
  | 'process'
  | 'link'
  | 'address'
  | 'route'
  | 'neighbour'
  | 'firewall-rule'
  | 'firewall-chain'
  | 'sysctl'
  | 'mount'
  | 'overlay'
  | 'layer-entry'
  | 'cgroup'
  | 'cgroup-member'
  | 'cgroup-limit'
  | 'hostname'
  | 'listening-port';

/** One difference between two snapshots: the unit of the picture's highlight and of the ledger's learner entries. */
export interface Change {
  readonly seq: number;
  readonly at: number;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly object: ObservedObject;
  /** Stable within a lab, for example `net:[4026532285]/veth1.1`. */
  readonly key: string;
  /** Where it is: label of the namespace or path of the cgroup. */
  readonly place: string;
  /** Name of the object as the learner knows it. */
  readonly name: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What `GET …/changes` streams, one JSON value a line: a first snapshot, then a new snapshot with its differences. */
export interface ObserveEvent {
  readonly snapshot: Snapshot;
  readonly changes: readonly Change[];
}

// ---------------------------------------------------------------------------------------------------------------
// The ledger: "what just happened"

export type LedgerDomain =
  | 'syscall'
  | 'netlink'
  | 'cgroup'
  | 'sysctl'
  | 'firewall'
  | 'mount'
  | 'file'
  | 'process'
  | 'command';

export interface LedgerEntry {
  readonly seq: number;
  readonly at: number;
  /** Who caused it. `learner` entries are what observe saw appear after a command was typed in the lab. */
  readonly actor: 'engine' | 'lesson' | 'learner';
  readonly domain: LedgerDomain;
  /** The object it was done for: `lab host`, a container, a network, a lesson step. */
  readonly subject: string;
  /** The act with decoded arguments: `mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, "")`. */
  readonly act: string;
  /** The shell command that would do the same, null where there is none. */
  readonly command: string | null;
  /** `mount(2)`, `ip-link(8)` … */
  readonly man: string | null;
  readonly explanation: Bilingual;
  readonly result: { readonly ok: boolean; readonly value?: number; readonly errno?: string };
  readonly durationNs?: number;
}

// ---------------------------------------------------------------------------------------------------------------
// Stories: what each request to the Docker API made the engine do (GET /glassbox/v1/explain)

/** Who sent a request: of a Unix socket the process at its other end, 0 where it lives in another pid namespace. */
export interface StoryCaller {
  readonly pid: number | null;
  readonly uid: number | null;
  /** Of a TCP connection. */
  readonly address: string | null;
  /** `User-Agent` */
  readonly agent: string | null;
  /** The words that the process was started with, without passwords and without values of variables. */
  readonly command: string | null;
}

/** Why the engine did something: a request, or a cause of its own. */
export type StoryOrigin =
  | {
      readonly by: 'request';
      /** operationId of the OpenAPI description: `ContainerCreate`. */
      readonly operation: string;
      readonly method: string;
      /** Without the version. */
      readonly path: string;
      readonly query: Readonly<Record<string, string>>;
      /** The JSON of the body: short, without defaults and without secrets; null where there is none. */
      readonly body: unknown;
      readonly caller: StoryCaller;
    }
  | {
      readonly by: 'engine';
      readonly cause: 'engine-start' | 'exit' | 'restart-policy' | 'health-check';
      /** Id of the object that it happened to, '' for the engine itself. */
      readonly object: string;
      readonly text: Bilingual;
    };

/** An object that a call was about: `container`, its id and its name at that time. */
export interface StorySubject {
  readonly type: string;
  readonly id: string;
  readonly name: string;
}

/** One request, or one cause inside the engine, with what came of it. */
export interface StoryCall {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Until it was answered; null: it is not yet. */
  readonly durationMs: number | null;
  readonly origin: StoryOrigin;
  /** HTTP status of the answer; null: none yet, or it was no request. */
  readonly status: number | null;
  /** Why it was refused or failed. */
  readonly failure: string | null;
  readonly subjects: readonly StorySubject[];
  /** Deeds, a program of many syscalls being one. */
  readonly deeds: number;
  /** Deeds that were not kept, for there were too many. */
  readonly forgotten: number;
}

/** What one command made the engine do: `docker run` is several calls. */
export interface StorySummary {
  /** That of its first call. */
  readonly number: number;
  /** `docker run -d busybox sleep 1`, else `POST /containers/create`, else the cause. */
  readonly title: Bilingual;
  readonly calls: readonly StoryCall[];
}

/** A line of a story. */
export interface StoryEntry extends LedgerEntry {
  /** Number of the call that it belongs to. */
  readonly call: number;
  /** Part of the call's work: `start.network`. */
  readonly phase: string;
  /** Where it was done, when not in the engine's own process: a program, a network namespace. */
  readonly place: string | null;
  /** It took back an earlier one. */
  readonly undo: boolean;
  /** It was done after the answer. */
  readonly late: boolean;
}

export interface Story extends StorySummary {
  readonly entries: readonly StoryEntry[];
}

// ---------------------------------------------------------------------------------------------------------------
// Lab hosts

export interface LabOptions {
  /** A kept lab: its changes are stored under this name and are there again next time. `[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}` */
  readonly keep?: string;
  /** Host name inside; default `glassbox`. */
  readonly hostname?: string;
  /** Size limit of the tmpfs that takes all writes, bytes; default 1 GiB. */
  readonly tmpfsBytes?: number;
  /** Largest number of processes in the lab; default 4096; applies where the pids controller is available. */
  readonly pidsMax?: number;
}

/** One way in which this lab is weaker than the best this design allows, with what to do about it. */
export interface LabWeakness {
  readonly what:
    | 'no-idmap'
    | 'one-user'
    | 'no-cgroup'
    | 'no-overlay'
    | 'no-net'
    | 'shared-time'
    | 'no-devpts'
    | 'no-sysfs'
    | 'no-user-xattr';
  readonly text: Bilingual;
  readonly remedy: Bilingual;
}

export interface LabInfo {
  readonly id: string;
  readonly hostname: string;
  /** Pid 1 of the lab, as the machine sees it. */
  readonly initHostPid: number;
  readonly startedAt: number;
  /** Milliseconds from the request to the first command inside having run. */
  readonly readyMs: number;
  /** `root`: made by root, ids mapped to a large range. `subuid`: newuidmap range. `one-user`: only the caller's id. */
  readonly mode: 'root' | 'subuid' | 'one-user';
  readonly cgroupMode: 'v1' | 'v2' | 'hybrid' | 'none';
  readonly weaknesses: readonly LabWeakness[];
  readonly kept: string | null;
}

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Bytes for standard input (UTF-8); default none (/dev/null). */
  readonly stdin?: string;
  /** Bound on the run, default 30,000 ms: then SIGKILL and `timedOut`. */
  readonly timeoutMs?: number;
  /** Bound on each captured stream, default 1 MiB: what follows is dropped and `truncated` set. */
  readonly maxOutputBytes?: number;
  /** Who asked: written to the ledger. */
  readonly actor?: 'lesson' | 'engine' | 'learner';
}

export interface ExecResult {
  /** 0…255; 128+n when a signal ended it; 126/127 when it could not be started. */
  readonly exitCode: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly truncated: boolean;
}

export interface SessionRequest {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly cols: number;
  readonly rows: number;
}

// ---------------------------------------------------------------------------------------------------------------
// Explain: a program of syscalls, readable

export interface ExplainedRecord {
  readonly index: number;
  /** Whose part of the program it is: `child`, `init`, `exec` … */
  readonly section: string;
  /** The section's name for people. */
  readonly heading: Bilingual;
  readonly syscall: string;
  /** `mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)` */
  readonly call: string;
  readonly man: string;
  readonly explanation: Bilingual;
  readonly command: string | null;
  readonly state: 'pending' | 'held' | 'done' | 'failed' | 'skipped';
  readonly result: number | null;
  readonly errno: string | null;
  readonly durationNs: number | null;
}

export interface ExplainedProgram {
  readonly name: string;
  readonly records: readonly ExplainedRecord[];
}

// ---------------------------------------------------------------------------------------------------------------
// Errors

/** containerd's error classes (errdefs), closed. */
export type ErrorCode =
  | 'InvalidArgument'
  | 'NotFound'
  | 'AlreadyExists'
  | 'FailedPrecondition'
  | 'PermissionDenied'
  | 'Unavailable'
  | 'ResourceExhausted'
  | 'DataLoss'
  | 'Aborted'
  | 'DeadlineExceeded'
  | 'NotImplemented'
  | 'Internal';

/** Body of every error answer. */
export interface ErrorBody {
  readonly code: ErrorCode;
  /** Lower case, no full stop, names the object and the verb. */
  readonly message: string;
  readonly syscall?: string;
  readonly errno?: string;
  readonly path?: string;
  readonly man?: string;
}

// ---------------------------------------------------------------------------------------------------------------
// The client's view of the engine. `src/engine-client.ts` implements it over the socket; tests may fake it.

/** A raw terminal session in the lab: bytes in, bytes out. */
export interface Session {
  readonly id: string;
  onData(listener: (bytes: Uint8Array) => void): void;
  onExit(listener: (status: { exitCode: number; signal: string | null }) => void): void;
  write(bytes: Uint8Array | string): void;
  resize(cols: number, rows: number): void;
  /** Stop reading from the pty until `resume`: flow control for a pane that cannot keep up. */
  pause(): void;
  resume(): void;
  /** End the session: SIGHUP to its foreground group, then SIGKILL. */
  close(): void;
}

/** A container that was made in a lab while somebody watched. */
export interface BornContainer {
  /** Its name in the lab's runtime: `glassbox-runtime exec ID sh`. */
  readonly id: string;
  /** Directory in the lab. */
  readonly bundle: string;
}

/** Watches a container being made, and decides when it goes on. */
export interface BirthWatcher {
  /** The whole list, before the first record is issued. */
  planned(program: ExplainedProgram): void;
  /** This record is about to be issued: `next` does it, `run` does all the rest, `stop` undoes everything. */
  held(index: number): Promise<'next' | 'run' | 'stop'>;
  /** What the kernel answered to a record. */
  answered(record: ExplainedRecord): void;
}

export interface Lab {
  readonly info: LabInfo;
  exec(request: ExecRequest): Promise<ExecResult>;
  openSession(request: SessionRequest): Promise<Session>;
  snapshot(): Promise<Snapshot>;
  /** First call of `listener` carries the present snapshot and no changes. Returns the function that ends the subscription. */
  watch(listener: (event: ObserveEvent) => void): () => void;
  ledger(since?: number): Promise<readonly LedgerEntry[]>;
  watchLedger(listener: (entry: LedgerEntry) => void): () => void;
  explain(): Promise<readonly ExplainedProgram[]>;
  /**
   * Make a container in the lab while somebody watches. Rejects with Aborted when it was stopped: then nothing of it is left.
   */
  birth?(watcher: BirthWatcher): Promise<BornContainer>;
  /** Throw this lab host away and make a new one with the same options: a new Lab; this object is dead afterwards. */
  reset(): Promise<Lab>;
  close(): Promise<void>;
  /**
   * Called once when the lab host is gone though nobody asked (its pid 1 was killed, for example). `engineEnded`: the
   * engine is gone too, so no new lab can be asked of it.
   */
  onGone(listener: (reason: Bilingual, engineEnded?: boolean) => void): void;
}

/** One record of a start that is being stepped through: it has not been issued yet. */
export interface HeldRecord {
  readonly record: ExplainedRecord;
  /** Records of the program. */
  readonly total: number;
  /** What the record before this one answered; null before the first. */
  readonly previous: ExplainedRecord | null;
}

export interface Engine {
  createLab(options?: LabOptions): Promise<Lab>;
  /**
   * Make a lab record by record: `onHeld` is asked before each, and answers whether to issue it (`next`), all the rest
   * without asking (`run`), or to give up and undo everything (`stop`: the promise rejects with Aborted).
   */
  stepLab?(options: LabOptions, onHeld: (held: HeldRecord) => Promise<'next' | 'run' | 'stop'>): Promise<Lab>;
  close(): Promise<void>;
}
