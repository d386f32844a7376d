import { existsSync } from 'node:fs';
import type { ExplainedProgram } from '../api/types.js';
import { CgroupManager } from '../cgroup/manager.js';
import { ERRNO } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { type Kernel, realKernel } from '../kernel/kernel.js';
import { inUserNamespace } from '../kernel/procfs/id-map.js';
import { readProcLink } from '../kernel/procfs/read.js';
import { AttachedRegion } from '../kernel/program/attached.js';
import type { ProgramDeed } from '../kernel/program/deed.js';
import { explainTrace } from '../kernel/program/explain.js';
import type { TraceEntry } from '../kernel/program/running.js';
import { Reactor } from '../kernel/reactor.js';
import { RunningContainerProcess } from './container-process.js';
import { type CreateContext, Creation, IMAGE_NAME, stateOf } from './create.js';
import { type Driver, failureOf } from './driver.js';
import { Execution } from './execute.js';
import { hookState, runHooks } from './hooks.js';
import { containerProgram } from './program/container.js';
import { borrow, borrowTerminal, endInput, reopenContainer } from './reopen.js';
import type { Spec, SpecResources } from './spec/types.js';
import { containerIds, isAlive, REGION_FILE, StateDir, type StateRecord } from './state-dir.js';
import { sweep } from './sweep.js';
import type {
  ContainerProcess,
  ContainerState,
  ContainerStatus,
  CreateOptions,
  EngineRuntime,
  ExecOptions,
} from './types.js';

export interface RuntimeOptions extends Partial<Omit<CreateContext, 'rootless' | 'rootlessCgroups'>> {
  /** Directory of the containers' states. */
  readonly root: string;
  /** Go on where control groups may not be changed; null: when we are not root. */
  readonly rootless?: boolean | null;
  /** Who waits for processes; without it a thread of its own does, from the first wait on. */
  readonly reactor?: Reactor;
}

const SIGKILL = 9;
/** How long `delete --force` waits for a killed process: one that the kernel holds (disk, freezer) may take a while. */
const KILL_TIMEOUT_MS = 10_000;

/**
 * An OCI runtime. What it knows of a container is in its state directory and in the kernel, so any process that opens the same
 * root can go on with it. `close` at the end, or the process is kept from ending.
 */
export class Runtime implements EngineRuntime {
  readonly root: string;
  #context: CreateContext;
  #reactor: Reactor | undefined;
  readonly #shared: Reactor | undefined;
  /** First processes of containers that were made here: our children, or our shims'. */
  #made = new Map<string, RunningContainerProcess>();
  /** Processes that were executed in containers: a pid namespace does not end before those of it that are our children are reaped. */
  #executed = new Map<string, RunningContainerProcess[]>();
  /** What is told of containers' starts, for as long as somebody keeps it. */
  #deeds = new Map<string, WeakRef<ProgramDeed>>();
  /** Containers that are being stepped: only who steps one can start it. */
  #stepped = new Map<string, { driver: Driver; ended: () => boolean }>();

  constructor(options: RuntimeOptions) {
    this.root = options.root;
    this.#shared = options.reactor;
    this.#context = {
      kernel: options.kernel ?? realKernel,
      rootless: process.geteuid?.() !== 0,
      rootlessCgroups: options.rootless ?? (process.geteuid?.() !== 0 || inUserNamespace()),
      warn: options.warn ?? (() => undefined),
      debug: options.debug ?? (() => undefined),
      ...(options.inject === undefined ? {} : { inject: options.inject }),
      ...(options.at === undefined ? {} : { at: options.at }),
    };
  }

  async create(options: CreateOptions): Promise<ContainerProcess> {
    const dir = new StateDir(this.root, options.id);
    await sweep(dir);
    const { driver, init, pidfd, shim, state } = await new Creation(dir, options, this.#context).run();
    if (driver.stepping)
      this.#stepped.set(options.id, { driver, ended: () => !isAlive(state.init) || hasExecuted(init) });
    const process = new RunningContainerProcess(
      this.#kernel,
      () => this.#reactorNow(),
      { pid: init, pidfd },
      shim === null ? { by: 'us' } : { by: 'shim', shimPidfd: shim.pidfd, exit: shim.exit },
    );
    const { deed } = driver.running;
    if (!driver.stepping) driver.running.dispose();
    this.#made.set(options.id, process);
    if (deed !== null) {
      deed.makeAgainBy(() => containerProgram(dir.readPlan()).program.records);
      deed.readFrom(() => this.#trace(dir, deed.length));
      this.#deeds.set(options.id, new WeakRef(deed));
    }
    return process;
  }

  async start(id: string): Promise<void> {
    const { dir, state } = this.#find(id);
    const status = this.#status(state, dir);
    if (status === 'stopped') throw new EngineError('FailedPrecondition', 'cannot start a container that has stopped');
    if (status !== 'created') throw new EngineError('FailedPrecondition', 'cannot start an already running container');
    if (state.hooks.startContainer) dir.writeHookState(hookState(this.#state(dir, state)));
    const region = new AttachedRegion(dir.file(REGION_FILE), this.#kernel);
    try {
      region.release(state.startAt);
      if (state.hooks.startContainer && !this.#stepped.has(id)) await this.#awaitHooks(dir, state, region);
    } finally {
      region.close();
    }
    const stepped = this.#stepped.get(id);
    if (stepped !== undefined) {
      this.#stepped.delete(id);
      await stepped.driver.finish(stepped.ended);
      stepped.driver.running.dispose();
    }
    if (state.hooks.poststart.length > 0) await runHooks(state.hooks.poststart, this.#state(dir, state));
  }

  state(id: string): ContainerState {
    const { dir, state } = this.#find(id);
    return this.#state(dir, state);
  }

  list(): ContainerState[] {
    return containerIds(this.root).flatMap((id) => {
      const dir = new StateDir(this.root, id);
      const state = dir.tryRead();
      return state === null ? [] : [{ ...this.#state(dir, state), owner: ownerOf(dir) }];
    });
  }

  async kill(id: string, signal: number, options: { all?: boolean } = {}): Promise<void> {
    const { dir, state } = this.#find(id);
    if (options.all === true) {
      CgroupManager.fromState(state.cgroups).killAll(signal);
      return;
    }
    const status = this.#status(state, dir);
    if (status === 'stopped' || state.init === null)
      throw new EngineError('FailedPrecondition', 'container not running');
    this.#signal(state, signal);
    // a frozen process takes no signal: SIGKILL is meant to end it all the same
    if (signal === SIGKILL && status === 'paused') CgroupManager.fromState(state.cgroups).thaw();
  }

  async delete(id: string, options: { force?: boolean } = {}): Promise<void> {
    const dir = new StateDir(this.root, id);
    const state = dir.tryRead();
    if (state === null) {
      if (options.force === true && dir.exists()) return dir.remove();
      throw new EngineError('NotFound', 'container does not exist');
    }
    const status = this.#status(state, dir);
    if (status !== 'stopped') {
      if (options.force !== true && status !== 'created')
        throw new EngineError('FailedPrecondition', `cannot delete container ${id} that is not stopped: ${status}`);
      await this.#end(state);
    }
    await CgroupManager.fromState(state.cgroups).remove();
    this.#keepDeed(dir);
    dir.remove();
    this.#made.get(id)?.reap();
    this.#made.delete(id);
    for (const process of this.#executed.get(id) ?? []) process.reap();
    this.#executed.delete(id);
    try {
      await runHooks(state.hooks.poststop, stateOf(state, 'stopped', 0));
    } catch (error) {
      // the container is gone all the same: runtime-spec, "Poststop": a failure is logged
      this.#context.warn(error instanceof Error ? error.message : String(error));
    }
  }

  async exec(options: ExecOptions): Promise<ContainerProcess> {
    const { dir, state } = this.#find(options.id);
    const status = this.#status(state, dir);
    if (status === 'stopped' || state.init === null)
      throw new EngineError('FailedPrecondition', 'cannot exec in a stopped container');
    if (status === 'paused' && options.ignorePaused !== true)
      throw new EngineError(
        'FailedPrecondition',
        'cannot exec in a paused container (use --ignore-paused to override)',
      );
    const made = await new Execution(dir, state, options, this.#context).run();
    const process = new RunningContainerProcess(this.#kernel, () => this.#reactorNow(), made, { by: 'us' });
    this.#executed.set(options.id, [...(this.#executed.get(options.id) ?? []).filter((one) => !one.reap()), process]);
    return process;
  }

  /**
   * Take up a container that another process made, or whose maker was this one before it was killed: its end is learned from
   * its shim. NotFound where it has no shim; one that has ended has its exit code all the same.
   */
  reopen(id: string): ContainerProcess {
    const { dir, state } = this.#find(id);
    const known = this.#made.get(id);
    if (known !== undefined) return known;
    const process = reopenContainer(this.#kernel, () => this.#reactorNow(), dir, state);
    this.#made.set(id, process);
    return process;
  }

  /** The container reads to the end of its input. Only where a shim keeps it open. */
  closeInput(id: string): void {
    endInput(this.#kernel, this.#find(id).dir);
  }

  /** A descriptor of ours of the master side of the container's terminal, which its shim keeps; the caller closes it. pidfd_getfd(2) */
  terminal(id: string): number {
    const { dir, state } = this.#find(id);
    if (state.masterAt === null || state.shim === null)
      throw new EngineError('FailedPrecondition', `container ${id} has no terminal that a shim keeps`);
    return borrowTerminal(this.#kernel, dir, state.shim, state.masterAt);
  }

  /** A descriptor of ours of the container's standard input, to write to, which its shim keeps; the caller closes it. */
  input(id: string): number {
    const { dir, state } = this.#find(id);
    const number = dir.readPlan().fds.output?.stdin ?? -1;
    if (number < 0 || state.shim === null)
      throw new EngineError('FailedPrecondition', `container ${id} has no input that a shim keeps`);
    return borrow(this.#kernel, state.shim, number);
  }

  pids(id: string): number[] {
    return this.cgroups(id).pids(true);
  }

  async pause(id: string): Promise<void> {
    const { dir, state } = this.#find(id);
    const status = this.#status(state, dir);
    if (status !== 'running' && status !== 'created')
      throw new EngineError('FailedPrecondition', 'container not running');
    CgroupManager.fromState(state.cgroups).freeze();
  }

  async resume(id: string): Promise<void> {
    const { dir, state } = this.#find(id);
    if (this.#status(state, dir) !== 'paused') throw new EngineError('FailedPrecondition', 'container not paused');
    CgroupManager.fromState(state.cgroups).thaw();
  }

  async update(id: string, resources: SpecResources): Promise<void> {
    const { dir, state } = this.#find(id);
    if (this.#status(state, dir) === 'stopped') throw new EngineError('FailedPrecondition', 'container not running');
    CgroupManager.fromState(state.cgroups).update(resources);
    const plan = dir.readPlan();
    const linux = { ...plan.spec.linux, resources: { ...plan.spec.linux.resources, ...resources } };
    dir.writePlan({ ...plan, spec: { ...plan.spec, linux } });
  }

  spec(id: string): Spec {
    return this.#find(id).dir.readPlan().spec;
  }

  /** The container's groups: limits, usage, events. */
  cgroups(id: string): CgroupManager {
    return CgroupManager.fromState(this.#find(id).state.cgroups);
  }

  /** Every record of the container's start with its result and time: built again from the plan, read from the region. */
  explain(id: string): ExplainedProgram {
    const { dir, state } = this.#find(id);
    const { program } = containerProgram(dir.readPlan());
    const region = new AttachedRegion(dir.file(REGION_FILE), this.#kernel);
    try {
      const trace = region.trace(program.records.length);
      return region.isHeld(state.startAt)
        ? explainTrace(program, trace, false, state.startAt)
        : explainTrace(program, trace, true);
    } finally {
      region.close();
    }
  }

  /** Whoever is told of a start can read what became of it as long as they like: the region goes with the container. */
  #keepDeed(dir: StateDir): void {
    const deed = this.#deeds.get(dir.id)?.deref();
    this.#deeds.delete(dir.id);
    if (deed === undefined || !existsSync(dir.file(REGION_FILE))) return;
    const region = new AttachedRegion(dir.file(REGION_FILE), this.#kernel);
    try {
      region.keepIn(deed);
      const plan = dir.planToTell();
      deed.makeAgainBy(() => containerProgram(plan()).program.records);
    } finally {
      region.close();
    }
  }

  #trace(dir: StateDir, count: number): readonly TraceEntry[] {
    const region = new AttachedRegion(dir.file(REGION_FILE), this.#kernel);
    try {
      return region.trace(count);
    } finally {
      region.close();
    }
  }

  close(): void {
    this.#reactor?.close();
    this.#reactor = undefined;
  }

  get #kernel(): Kernel {
    return this.#context.kernel;
  }

  #reactorNow(): Reactor {
    if (this.#shared !== undefined) return this.#shared;
    this.#reactor ??= new Reactor(this.#kernel);
    return this.#reactor;
  }

  #find(id: string): { dir: StateDir; state: StateRecord } {
    const dir = new StateDir(this.root, id);
    return { dir, state: dir.read() };
  }

  #state(dir: StateDir, state: StateRecord): ContainerState {
    const status = this.#status(state, dir);
    const pid = status === 'stopped' ? 0 : (state.init?.pid ?? 0);
    return {
      ...stateOf(state, status, pid),
      owner: '',
    };
  }

  /** Read from the kernel: the process, the freezer, and the record at which it waits until it is started. */
  #status(state: StateRecord, dir: StateDir): ContainerStatus {
    if (state.init === null) return isAlive(state.creator) ? 'creating' : 'stopped';
    if (!isAlive(state.init)) return 'stopped';
    if (CgroupManager.fromState(state.cgroups).frozen()) return 'paused';
    return dir.isHeld(state.startAt) ? 'created' : 'running';
  }

  /** Through a pidfd that is seen to be of the container's process: its number may be another's by now. */
  #signal({ init }: StateRecord, signal: number): void {
    if (init === null) return;
    const pidfd = this.#kernel.call('pidfd_open', init.pid, 0);
    if (pidfd < 0) {
      if (pidfd === -ERRNO.ESRCH) throw new EngineError('FailedPrecondition', 'container not running');
      throw new SyscallError('pidfd_open', -pidfd);
    }
    try {
      if (!isAlive(init)) throw new EngineError('FailedPrecondition', 'container not running');
      const result = this.#kernel.call('pidfd_send_signal', pidfd, signal, null, 0);
      if (result === -ERRNO.ESRCH) throw new EngineError('FailedPrecondition', 'container not running');
      if (result < 0)
        throw new SyscallError('pidfd_send_signal', -result, { text: `unable to signal init: ${signal}` });
    } finally {
      this.#kernel.call('close', pidfd);
    }
  }

  async #end(state: StateRecord): Promise<void> {
    const cgroups = CgroupManager.fromState(state.cgroups);
    if (isAlive(state.init)) {
      try {
        this.#signal(state, SIGKILL);
      } catch (error) {
        // it may have ended by itself since we looked
        if (isAlive(state.init)) throw error;
      }
      if (cgroups.frozen()) cgroups.thaw();
    }
    const deadline = performance.now() + KILL_TIMEOUT_MS;
    for (let pause = 1; isAlive(state.init); pause = Math.min(pause * 2, 50)) {
      if (performance.now() > deadline)
        throw new EngineError('DeadlineExceeded', `container init still running after ${KILL_TIMEOUT_MS} ms`);
      for (const process of this.#executed.get(state.id) ?? []) process.reap();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** `start` fails when a startContainer hook does: runtime-spec, "startContainer". */
  async #awaitHooks(dir: StateDir, state: StateRecord, region: AttachedRegion): Promise<void> {
    for (;;) {
      // asked first: it may go on to its program and end while its records are read
      const alive = isAlive(state.init);
      const trace = region.trace(state.hookedAt + 1);
      if (trace[state.hookedAt]?.state !== 'pending') return;
      const failed = trace.find((entry) => entry.index > state.startAt && entry.state === 'failed');
      if (failed !== undefined) {
        const compiled = containerProgram(dir.readPlan());
        throw failureOf(compiled, failed.index, -(failed.result ?? 0));
      }
      if (!alive) throw new EngineError('Aborted', 'container process ended while its startContainer hooks ran');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

/** Whether a container's process has become the container's program: it is no longer the image that walks our list. */
function hasExecuted(pid: number): boolean {
  return readProcLink(`/proc/${pid}/exe`)?.startsWith(`/memfd:${IMAGE_NAME}`) !== true;
}

/** Name of the user whom the state belongs to, as `list` shows it. */
function ownerOf(dir: StateDir): string {
  return dir.owner() === 0 ? 'root' : String(dir.owner());
}
