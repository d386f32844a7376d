import type { ExplainedProgram, ExplainedRecord } from '../api/types.js';
import type { CgroupManager } from '../cgroup/manager.js';
import type { Spec, SpecProcess, SpecResources } from './spec/types.js';

export type ContainerStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/** runtime-spec's state, as `state` prints it and hooks read it on standard input; `rootfs`, `created` and `owner` as runc adds them. */
export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: ContainerStatus;
  /** 0 when there is no process any more. */
  readonly pid: number;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  readonly owner: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Descriptors of ours that become 0, 1 and 2 of a container's process. */
export type Stdio = readonly [number, number, number];

/** Who keeps the terminal's master side: a unix socket that gets it (SCM_RIGHTS), or the shim. */
export type Console = { readonly kind: 'socket'; readonly path: string } | { readonly kind: 'shim' };

export interface CreateOptions {
  readonly id: string;
  /** Absolute path of the bundle: relative paths of the spec start there. */
  readonly bundle: string;
  readonly spec: Spec;
  readonly stdio: Stdio;
  readonly console?: Console;
  /** Descriptors 3 .. 3+n-1 of ours that the process keeps. */
  readonly preserveFds?: number;
  readonly noPivot?: boolean;
  readonly noNewKeyring?: boolean;
  /** Pid 1 is our reaper, which forwards signals and runs the process as its child. */
  readonly init?: boolean;
  /** The container's parent is a shim, which outlives us and records the exit. Without it the parent is our own process. */
  readonly shim?: boolean;
  /** With a shim: it also keeps what the container writes. With a console of kind `shim` both streams are the terminal's. */
  readonly output?: OutputOptions;
  /** Called once, with the whole list, before the first record is issued. */
  readonly planned?: (program: ExplainedProgram) => void;
  /** Called before each record while it is held, in order; the record goes on when the promise resolves. */
  readonly step?: (record: ExplainedRecord) => Promise<void>;
  /** Called after each record that `step` was called for, with its result and time; those after `start` too. */
  readonly stepped?: (record: ExplainedRecord) => void;
}

/** Where a shim puts what a container writes, and the other ends of the pipes that are its `stdio`; they are ours to close. */
export interface OutputOptions {
  /** Absolute path: made where it is missing; pieces are appended to it as output-frame.ts says. */
  readonly spool: string;
  /** Ends to read from; -1 for none. */
  readonly stdout: number;
  readonly stderr: number;
  /** The writable end of the container's standard input, kept open until the control pipe is written to; -1: nobody keeps it. */
  readonly stdin: number;
}

export interface ExecOptions {
  readonly id: string;
  readonly process: SpecProcess;
  readonly stdio: Stdio;
  readonly console?: Console;
  readonly preserveFds?: number;
  readonly shim?: boolean;
  /** Group below the container's own in which the process starts; by controller list (`cpu,memory`) or `''` for all. */
  readonly cgroup?: Readonly<Record<string, string>>;
  readonly ignorePaused?: boolean;
}

/** A process of a container that is our child (or the shim's). */
export interface ContainerProcess {
  readonly pid: number;
  /** Kept open until `dispose`. */
  readonly pidfd: number;
  /** Resolves with the exit code (128+n for signal n) once, however often it is asked. */
  wait(): Promise<number>;
  kill(signal: number): void;
  dispose(): void;
}

/** The operations of an OCI runtime on one state directory. Every failure is an EngineError; nothing is left after one. */
export interface OciRuntime {
  create(options: CreateOptions): Promise<ContainerProcess>;
  start(id: string): Promise<void>;
  state(id: string): ContainerState;
  list(): ContainerState[];
  /** `all`: every process of the container's groups. */
  kill(id: string, signal: number, options?: { all?: boolean }): Promise<void>;
  delete(id: string, options?: { force?: boolean }): Promise<void>;
  exec(options: ExecOptions): Promise<ContainerProcess>;
  /** Pids of the machine's own pid namespace, ascending. */
  pids(id: string): number[];
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  update(id: string, resources: SpecResources): Promise<void>;
  /** The validated spec that the container was made from. */
  spec(id: string): Spec;
  /** Every record of the container's start with its result and time. */
  explain(id: string): ExplainedProgram;
}

/** What an engine needs beyond that: containers that outlive it, with what their shims keep. */
export interface EngineRuntime extends OciRuntime {
  /** Take up a container that another process made. */
  reopen(id: string): ContainerProcess;
  /** The container reads to the end of its input. */
  closeInput(id: string): void;
  /** A descriptor of ours of the master side of the container's terminal; the caller closes it. */
  terminal(id: string): number;
  /** A descriptor of ours of the end of the container's input that is written to; the caller closes it. */
  input(id: string): number;
  /** The container's groups: limits, usage, events. */
  cgroups(id: string): CgroupManager;
}
