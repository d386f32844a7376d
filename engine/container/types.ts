/** What the engine knows of containers, in the names of the Docker Engine API, and what may be asked of them. */
import type { HealthcheckConfig, ImageRunConfig, RegistryAuth } from '../image/types.js';
import type { EndpointRequest, EndpointSettings, PortMap } from '../network/types.js';

type Strings = Readonly<Record<string, string>>;
type Filters = Readonly<Record<string, readonly string[]>>;

/** `Config` of a container: all fields present, as inspect shows them. */
export interface ContainerConfig {
  readonly Hostname: string;
  readonly Domainname: string;
  readonly User: string;
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Tty: boolean;
  readonly OpenStdin: boolean;
  readonly StdinOnce: boolean;
  readonly Env: readonly string[];
  readonly Cmd: readonly string[] | null;
  readonly Healthcheck?: HealthcheckConfig;
  readonly ArgsEscaped?: boolean;
  /** As the user wrote it. */
  readonly Image: string;
  readonly Volumes: Readonly<Record<string, Record<string, never>>> | null;
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[] | null;
  readonly NetworkDisabled?: boolean;
  readonly MacAddress?: string;
  readonly OnBuild: readonly string[] | null;
  readonly Labels: Strings;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly Shell?: readonly string[];
}

export interface ThrottleDevice {
  readonly Path: string;
  readonly Rate: number;
}

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

export interface DeviceMapping {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  /** Of `rwm`. */
  readonly CgroupPermissions: string;
}

/** Limits, of `create` and of `update`. Bytes, nanoseconds of CPU a second, microseconds of periods. 0 and '' say nothing. */
export interface Resources {
  readonly CpuShares: number;
  readonly Memory: number;
  readonly NanoCpus: number;
  readonly CgroupParent: string;
  readonly BlkioWeight: number;
  readonly BlkioWeightDevice: readonly { readonly Path: string; readonly Weight: number }[] | null;
  readonly BlkioDeviceReadBps: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceWriteBps: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceReadIOps: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceWriteIOps: readonly ThrottleDevice[] | null;
  readonly CpuPeriod: number;
  readonly CpuQuota: number;
  readonly CpuRealtimePeriod: number;
  readonly CpuRealtimeRuntime: number;
  readonly CpusetCpus: string;
  readonly CpusetMems: string;
  readonly Devices: readonly DeviceMapping[] | null;
  readonly DeviceCgroupRules: readonly string[] | null;
  readonly DeviceRequests: readonly unknown[] | null;
  readonly MemoryReservation: number;
  readonly MemorySwap: number;
  readonly MemorySwappiness: number | null;
  readonly OomKillDisable: boolean | null;
  readonly PidsLimit: number | null;
  readonly Ulimits: readonly Ulimit[] | null;
  readonly CpuCount: number;
  readonly CpuPercent: number;
  readonly IOMaximumIOps: number;
  readonly IOMaximumBandwidth: number;
}

export interface MountRequest {
  readonly Type: 'bind' | 'volume' | 'tmpfs' | 'npipe' | 'cluster' | 'image';
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
  };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Strings;
    readonly DriverConfig?: { readonly Name?: string; readonly Options?: Strings };
    readonly Subpath?: string;
  };
  readonly TmpfsOptions?: {
    readonly SizeBytes?: number;
    readonly Mode?: number;
    readonly Options?: readonly (readonly string[])[];
  };
}

export interface RestartPolicy {
  readonly Name: '' | 'no' | 'always' | 'unless-stopped' | 'on-failure';
  readonly MaximumRetryCount: number;
}

/** `HostConfig` of a container: all fields present, as inspect shows them. */
export interface HostConfig extends Resources {
  readonly Binds: readonly string[] | null;
  readonly ContainerIDFile: string;
  readonly LogConfig: { readonly Type: string; readonly Config: Strings };
  readonly NetworkMode: string;
  readonly PortBindings: PortMap;
  readonly RestartPolicy: RestartPolicy;
  readonly AutoRemove: boolean;
  readonly VolumeDriver: string;
  readonly VolumesFrom: readonly string[] | null;
  readonly Mounts?: readonly MountRequest[];
  /** [height, width] of the client's terminal. */
  readonly ConsoleSize: readonly [number, number];
  readonly Annotations?: Strings;
  readonly CapAdd: readonly string[] | null;
  readonly CapDrop: readonly string[] | null;
  readonly CgroupnsMode: string;
  readonly Dns: readonly string[];
  readonly DnsOptions: readonly string[];
  readonly DnsSearch: readonly string[];
  readonly ExtraHosts: readonly string[] | null;
  readonly GroupAdd: readonly string[] | null;
  readonly IpcMode: string;
  readonly Cgroup: string;
  readonly Links: readonly string[] | null;
  readonly OomScoreAdj: number;
  readonly PidMode: string;
  readonly Privileged: boolean;
  readonly PublishAllPorts: boolean;
  readonly ReadonlyRootfs: boolean;
  readonly SecurityOpt: readonly string[] | null;
  readonly StorageOpt?: Strings;
  readonly Tmpfs?: Strings;
  readonly UTSMode: string;
  readonly UsernsMode: string;
  /** Bytes; 0: 64 MiB. */
  readonly ShmSize: number;
  readonly Sysctls?: Strings;
  readonly Runtime: string;
  readonly Isolation: string;
  readonly Init?: boolean;
  /** null: Docker's; a list, also an empty one, instead of it. */
  readonly MaskedPaths: readonly string[] | null;
  readonly ReadonlyPaths: readonly string[] | null;
}

/** A checked body of POST /containers/create. `config` and `hostConfig` have every field. */
export interface CreateRequest {
  /** Without `/`; null: one is made up. */
  readonly name: string | null;
  readonly platform: string | null;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly endpoints: Readonly<Record<string, EndpointRequest>>;
}

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface HealthResult {
  readonly Start: string;
  readonly End: string;
  readonly ExitCode: number;
  readonly Output: string;
}

export interface Health {
  readonly Status: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly FailingStreak: number;
  readonly Log: readonly HealthResult[];
}

export interface ContainerState {
  readonly Status: ContainerStatus;
  readonly Running: boolean;
  readonly Paused: boolean;
  readonly Restarting: boolean;
  readonly OOMKilled: boolean;
  readonly Dead: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Error: string;
  /** RFC 3339 with nanoseconds; `0001-01-01T00:00:00Z` for never. */
  readonly StartedAt: string;
  readonly FinishedAt: string;
  readonly Health?: Health;
}

/** A place of a container where something is mounted, as inspect shows it. */
export interface MountPoint {
  readonly Type: 'bind' | 'volume' | 'tmpfs';
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

/** GET /containers/ID/json. */
export interface ContainerInspect {
  readonly Id: string;
  readonly Created: string;
  readonly Path: string;
  readonly Args: readonly string[];
  readonly State: ContainerState;
  readonly Image: string;
  readonly ResolvConfPath: string;
  readonly HostnamePath: string;
  readonly HostsPath: string;
  readonly LogPath: string;
  /** With `/`. */
  readonly Name: string;
  readonly RestartCount: number;
  readonly Driver: string;
  readonly Platform: string;
  readonly MountLabel: string;
  readonly ProcessLabel: string;
  readonly AppArmorProfile: string;
  readonly ExecIDs: readonly string[] | null;
  readonly HostConfig: HostConfig;
  readonly GraphDriver: { readonly Name: string; readonly Data: Strings };
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Mounts: readonly MountPoint[];
  readonly Config: ContainerConfig;
  readonly NetworkSettings: NetworkSettings;
}

export interface NetworkSettings {
  readonly Bridge: string;
  readonly SandboxID: string;
  readonly SandboxKey: string;
  readonly Ports: PortMap;
  readonly HairpinMode: boolean;
  readonly LinkLocalIPv6Address: string;
  readonly LinkLocalIPv6PrefixLen: number;
  readonly SecondaryIPAddresses: null;
  readonly SecondaryIPv6Addresses: null;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly MacAddress: string;
  readonly Networks: Readonly<Record<string, EndpointSettings>>;
}

/** One of GET /containers/json. */
export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  /** Unix seconds. */
  readonly Created: number;
  readonly Ports: readonly {
    readonly IP?: string;
    readonly PrivatePort: number;
    readonly PublicPort?: number;
    readonly Type: string;
  }[];
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Labels: Strings;
  readonly State: ContainerStatus;
  /** `Up 2 minutes (healthy)`, `Exited (0) 3 seconds ago`. */
  readonly Status: string;
  readonly HostConfig: { readonly NetworkMode: string; readonly Annotations?: Strings };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, EndpointSettings>> };
  readonly Mounts: readonly MountPoint[];
}

export interface ListOptions {
  readonly all: boolean;
  /** 0: no limit. */
  readonly limit: number;
  readonly size: boolean;
  /** ancestor before expose exited health id isolation is-task label name network publish since status volume. */
  readonly filters: Filters;
}

/** A piece of what a container wrote. */
export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

/** A line of a log, with the newline it had. */
export interface LogLine extends OutputChunk {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Seconds of Unix time with a fraction, or, exactly, nanoseconds as a bigint; 0: none. */
  readonly since: number | bigint;
  readonly until: number | bigint;
  /** How many lines of the end; null: all. */
  readonly tail: number | null;
  readonly signal?: AbortSignal;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What was written before: replayed first. */
  readonly logs: boolean;
  /** What is written from now on; without it only `logs`. */
  readonly stream: boolean;
  readonly detachKeys: string | null;
}

/** A client at a container's (or exec's) standard streams. */
export interface Attached {
  readonly tty: boolean;
  /** Ends when the process's streams have ended, the client detached, or `close` was called. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Resolves when the bytes are on their way: back-pressure. Throws when the process takes no input any more. */
  write(bytes: Uint8Array): Promise<void>;
  /** The client's input has ended. */
  closeInput(): void;
  /** The client is gone. */
  close(): void;
}

/** A checked body of POST /containers/ID/exec. */
export interface ExecRequest {
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly DetachKeys: string | null;
  readonly Tty: boolean;
  readonly Env: readonly string[];
  readonly Cmd: readonly string[];
  readonly Privileged: boolean;
  readonly User: string;
  readonly WorkingDir: string;
  readonly ConsoleSize: readonly [number, number] | null;
}

export interface ExecInspect {
  readonly ID: string;
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly ProcessConfig: {
    readonly tty: boolean;
    readonly entrypoint: string;
    readonly arguments: readonly string[];
    readonly privileged: boolean;
    readonly user?: string;
  };
  readonly OpenStdin: boolean;
  readonly OpenStderr: boolean;
  readonly OpenStdout: boolean;
  readonly CanRemove: boolean;
  readonly ContainerID: string;
  readonly DetachKeys: string;
  readonly Pid: number;
}

export interface WaitResult {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string };
}

export interface UpdateRequest {
  /** Only what is to change. */
  readonly resources: Partial<Resources>;
  readonly restartPolicy: RestartPolicy | null;
}

export interface CommitRequest {
  readonly container: string;
  readonly repo: string;
  readonly tag: string;
  readonly comment: string;
  readonly author: string;
  readonly pause: boolean;
  readonly changes: readonly string[];
  readonly config: ImageRunConfig | null;
}

/** Header X-Docker-Container-Path-Stat. */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** Go's os.FileMode. */
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

/** One line of GET /events. */
export interface EngineEvent {
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'builder';
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Strings };
  readonly scope: 'local';
  readonly time: number;
  /** Nanoseconds; larger than a number holds exactly. */
  readonly timeNano: bigint;
}

export interface EventOptions {
  /** Seconds of Unix time with a fraction; null: from now on, without an end. */
  readonly since: number | null;
  readonly until: number | null;
  readonly filters: Filters;
  readonly signal: AbortSignal;
}

/**
 * Containers. A container is named by its id, a prefix of it, or its name. Every failure is an EngineError in Docker's words
 * (`No such container: x`); nothing half done is left.
 */
export interface ContainerService {
  create(request: CreateRequest): Promise<{ Id: string; Warnings: readonly string[] }>;
  list(options: ListOptions): Promise<readonly ContainerSummary[]>;
  inspect(name: string, options?: { readonly size?: boolean }): Promise<ContainerInspect>;
  /** False: it was running already (304). */
  start(name: string): Promise<boolean>;
  /** False: it was not running (304). Seconds; null: the container's own; -1: for ever. */
  stop(name: string, options: { readonly timeout: number | null; readonly signal: string | null }): Promise<boolean>;
  restart(name: string, options: { readonly timeout: number | null; readonly signal: string | null }): Promise<void>;
  kill(name: string, signal: string): Promise<void>;
  pause(name: string): Promise<void>;
  unpause(name: string): Promise<void>;
  rename(name: string, to: string): Promise<void>;
  remove(
    name: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void>;
  prune(filters: Filters): Promise<{ ContainersDeleted: readonly string[]; SpaceReclaimed: number }>;
  wait(name: string, condition: 'not-running' | 'next-exit' | 'removed', signal?: AbortSignal): Promise<WaitResult>;
  update(name: string, request: UpdateRequest): Promise<{ Warnings: readonly string[] }>;
  resize(name: string, rows: number, cols: number): Promise<void>;

  attach(name: string, options: AttachOptions): Promise<Attached>;
  /** Ends at the end of the log, or, with `follow`, of the container. */
  logs(
    name: string,
    options: LogOptions,
  ): Promise<{
    readonly tty: boolean;
    /** Before each line with `--details`. */
    readonly attributes: string;
    readonly lines: AsyncIterable<LogLine>;
  }>;
  top(
    name: string,
    psArgs: readonly string[],
  ): Promise<{ Titles: readonly string[]; Processes: readonly (readonly string[])[] }>;
  /** One sample, or one a second until aborted; GET /containers/ID/stats. */
  stats(
    name: string,
    options: { readonly stream: boolean; readonly oneShot: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<unknown>;

  exec(name: string, request: ExecRequest): Promise<{ Id: string }>;
  /** Null when it is detached. */
  startExec(
    id: string,
    options: {
      readonly detach: boolean;
      readonly tty: boolean;
      readonly consoleSize: readonly [number, number] | null;
    },
  ): Promise<Attached | null>;
  inspectExec(id: string): Promise<ExecInspect>;
  resizeExec(id: string, rows: number, cols: number): Promise<void>;

  statPath(name: string, path: string): Promise<PathStat>;
  /** A tar of one file or tree of the container. */
  getArchive(name: string, path: string): Promise<{ readonly stat: PathStat; readonly tar: AsyncIterable<Uint8Array> }>;
  putArchive(
    name: string,
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: { readonly noOverwriteDirNonDir: boolean; readonly copyUidGid: boolean },
  ): Promise<void>;
  exportRootfs(name: string): Promise<AsyncIterable<Uint8Array>>;
  changes(name: string): Promise<readonly { readonly Path: string; readonly Kind: 0 | 1 | 2 }[]>;
  commit(request: CommitRequest): Promise<{ Id: string }>;

  events(options: EventOptions): AsyncIterable<EngineEvent>;
  /** What the kernel was asked for the last time that something was done to it: records, netlink messages, writes. */
  explain(name: string): Promise<unknown>;
}

/** What GET /info and /version tell of the engine and the machine, beyond what the services know. */
export interface EngineFacts {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly startedAt: string;
  readonly debug: boolean;
  readonly liveRestore: boolean;
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  /** Where networks get subnets from, when it was said. */
  readonly addressPools?: readonly { readonly base: string; readonly size: number }[];
  readonly labels: readonly string[];
  readonly runtimes: Readonly<Record<string, { readonly path: string }>>;
  readonly defaultRuntime: string;
}

export type { RegistryAuth };
