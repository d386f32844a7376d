import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExplainedProgram } from '../../api/types.js';
import { CgroupManager } from '../../cgroup/manager.js';
import { EngineError } from '../../kernel/errors.js';
import { check, type Kernel, realKernel } from '../../kernel/kernel.js';
import { parseStat } from '../../kernel/procfs/stat.js';
import { Reactor } from '../../kernel/reactor.js';
import { RunningContainerProcess } from '../container-process.js';
import { openFilesBeforeNode } from '../planning/process.js';
import { borrow, borrowTerminal, endInput, reopenContainer } from '../reopen.js';
import type { Spec, SpecProcess, SpecResources } from '../spec/types.js';
import { REAPER_FILE } from '../state-dir.js';
import type { Console, ContainerProcess, ContainerState, CreateOptions, EngineRuntime, ExecOptions } from '../types.js';
import { adopting } from './adoption.js';
import { PrivateBundle } from './bundle.js';
import { RuntimeCommand } from './command.js';
import { documentOf } from './document.js';
import { groupsToBeMade } from './groups.js';
import { withInit } from './init.js';
import { pathOfProgram } from './program.js';
import { bornUnderShim } from './shim-birth.js';

export interface ExternalRuntimeOptions {
  /** Name in PATH, or a path. */
  readonly program: string;
  /** Directory of the program's states (`state/`) and ours (`bundles/`). */
  readonly root: string;
  readonly kernel?: Kernel;
  /** Who waits for processes; without it a thread of its own does, from the first wait on. */
  readonly reactor?: Reactor;
}

const SIGKILL = 9;
const NOFILE = 'RLIMIT_NOFILE';

/**
 * An OCI runtime that is another program, driven by its command line (runc(8), which crun(1) and others follow): one call for
 * each operation. Processes that it makes become our children, so that their exits are learned as those of our own runtime are.
 */
export class ExternalRuntime implements EngineRuntime {
  readonly root: string;
  #kernel: Kernel;
  #command: RuntimeCommand;
  #reactor: Reactor | undefined;
  readonly #shared: Reactor | undefined;
  #made = new Map<string, RunningContainerProcess>();
  #execs = 0;

  constructor(options: ExternalRuntimeOptions) {
    this.root = options.root;
    this.#kernel = options.kernel ?? realKernel;
    this.#shared = options.reactor;
    this.#command = new RuntimeCommand(options.program, options.root);
  }

  async create(options: CreateOptions): Promise<ContainerProcess> {
    const { id } = options;
    const { shim, step, stepped } = options;
    if (step !== undefined || stepped !== undefined) throw this.#cannot('steps of a start');
    if (shim !== true && options.init === true) throw this.#cannot('an init without a shim');
    if (shim !== true && options.console?.kind === 'shim') throw this.#cannot('a terminal without a shim');
    const bundle = new PrivateBundle(this.root, id);
    bundle.make(existsSync(this.#command.stateOf(id)));
    const cgroups = groupsToBeMade(id, options.spec);
    try {
      const spec = options.init === true ? withInit(options, bundle.file(REAPER_FILE)) : options.spec;
      const words = [
        'create',
        '--bundle',
        bundle.fill(options.bundle, spec, cgroups),
        ...(options.noPivot === true ? ['--no-pivot'] : []),
        ...(options.noNewKeyring === true ? ['--no-new-keyring'] : []),
      ];
      const process =
        shim === true
          ? await this.#underShim(bundle, options, words)
          : await this.#processOf(bundle.file('pid'), options, [...words, ...consoleWords(options.console)]);
      this.#made.set(id, process);
      return process;
    } catch (error) {
      // the program undoes what it could not finish; this is for what failed after it
      if (existsSync(this.#command.stateOf(id))) await this.#command.tell(['delete', '--force', id]);
      await CgroupManager.fromState(cgroups).remove();
      bundle.remove();
      throw error;
    }
  }

  async #underShim(
    bundle: PrivateBundle,
    options: CreateOptions,
    words: readonly string[],
  ): Promise<RunningContainerProcess> {
    const terminal = options.console;
    if (terminal?.kind === 'socket') throw this.#cannot('a terminal to somebody else than its shim');
    const consolePath = terminal === undefined ? null : join(this.root, `tty-${options.id.slice(0, 20)}`);
    const pidFile = bundle.file('pid');
    const program = pathOfProgram(this.#command.program);
    const socket = consolePath === null ? [] : ['--console-socket', consolePath];
    const birth = await this.#command.called(
      [...words, ...socket, '--pid-file', pidFile, options.id],
      `${pidFile}.log`,
      (args, ended) =>
        bornUnderShim(
          this.#kernel,
          bundle.dir,
          options,
          { program, args, pidFile, ended },
          consolePath,
          ({ init, shim, masterAt }, stdin) =>
            bundle.write({ ...bundle.read(), shim: { init, shim, masterAt, stdin } }),
        ),
    );
    return new RunningContainerProcess(
      this.#kernel,
      () => this.#reactorNow(),
      { pid: birth.init.pid, pidfd: birth.pidfd },
      { by: 'shim', shimPidfd: birth.shimPidfd, exit: birth.exit },
    );
  }

  /** As our own runtime's: what its shim keeps is taken up again by another engine. */
  reopen(id: string): ContainerProcess {
    const known = this.#made.get(id);
    if (known !== undefined) return known;
    const dir = new PrivateBundle(this.root, id);
    const { shim } = dir.read();
    const state = { id, init: shim?.init ?? null, shim: shim?.shim ?? null };
    const process = reopenContainer(this.#kernel, () => this.#reactorNow(), dir.dir, state);
    this.#made.set(id, process);
    return process;
  }

  closeInput(id: string): void {
    this.#memo(id);
    endInput(this.#kernel, new PrivateBundle(this.root, id).dir);
  }

  terminal(id: string): number {
    const { shim } = this.#memo(id);
    if (shim === null || shim.masterAt === null)
      throw new EngineError('FailedPrecondition', `container ${id} has no terminal that a shim keeps`);
    return borrowTerminal(this.#kernel, new PrivateBundle(this.root, id).dir, shim.shim, shim.masterAt);
  }

  input(id: string): number {
    const { shim } = this.#memo(id);
    if (shim === null || shim.stdin < 0)
      throw new EngineError('FailedPrecondition', `container ${id} has no input that a shim keeps`);
    return borrow(this.#kernel, shim.shim, shim.stdin);
  }

  /** The container's groups: limits, usage, events. */
  cgroups(id: string): CgroupManager {
    return CgroupManager.fromState(this.#memo(id).cgroups);
  }

  start(id: string): Promise<void> {
    return this.#tell(id, ['start', id]);
  }

  state(id: string): ContainerState {
    this.#memo(id);
    return this.#own(JSON.parse(this.#command.ask(['state', id])) as ContainerState);
  }

  list(): ContainerState[] {
    if (!existsSync(this.#command.stateOf(''))) return [];
    const found = JSON.parse(this.#command.ask(['list', '--format', 'json'])) as ContainerState[] | null;
    return (found ?? []).map((state) => this.#own(state)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  kill(id: string, signal: number, options: { all?: boolean } = {}): Promise<void> {
    return this.#tell(id, ['kill', ...(options.all === true ? ['--all'] : []), id, String(signal)]);
  }

  async delete(id: string, options: { force?: boolean } = {}): Promise<void> {
    const force = options.force === true;
    const bundle = new PrivateBundle(this.root, id);
    if (existsSync(this.#command.stateOf(id))) await this.#command.tell(['delete', ...(force ? ['--force'] : []), id]);
    else if (!force || !bundle.exists()) throw new EngineError('NotFound', 'container does not exist');
    const memo = bundle.tryRead();
    if (memo !== null) await CgroupManager.fromState(memo.cgroups).remove();
    this.#made.get(id)?.reap();
    this.#made.delete(id);
    bundle.remove();
  }

  async exec(options: ExecOptions): Promise<ContainerProcess> {
    this.#memo(options.id);
    if (options.shim === true) throw this.#cannot('a shim');
    const words = consoleWords(options.console);
    const bundle = new PrivateBundle(this.root, options.id);
    const name = `exec-${process.pid}-${this.#execs++}`;
    const file = bundle.file(`${name}.json`);
    writeFileSync(file, documentOf(withOpenFiles(options.process)), { mode: 0o600 });
    try {
      const made = await this.#processOf(bundle.file(`${name}.pid`), options, [
        'exec',
        '--detach',
        '--process',
        file,
        ...words,
        ...(options.ignorePaused === true ? ['--ignore-paused'] : []),
        ...Object.entries(options.cgroup ?? {}).flatMap(([controllers, path]) => [
          '--cgroup',
          controllers === '' ? path : `${controllers}:${path}`,
        ]),
      ]);
      // at once, whoever asks: the kernel lets a pid namespace's first process end only after the last of the others was reaped
      void made.wait();
      return made;
    } finally {
      rmSync(file, { force: true });
    }
  }

  pids(id: string): number[] {
    this.#memo(id);
    const pids = JSON.parse(this.#command.ask(['ps', '--format', 'json', id])) as number[] | null;
    return (pids ?? []).sort((a, b) => a - b);
  }

  pause(id: string): Promise<void> {
    return this.#tell(id, ['pause', id]);
  }

  resume(id: string): Promise<void> {
    return this.#tell(id, ['resume', id]);
  }

  async update(id: string, resources: SpecResources): Promise<void> {
    const memo = this.#memo(id);
    await this.#command.tell(['update', '--resources', '-', id], documentOf(resources));
    const linux = { ...memo.spec.linux, resources: { ...memo.spec.linux.resources, ...resources } };
    new PrivateBundle(this.root, id).write({ ...memo, spec: { ...memo.spec, linux } });
  }

  spec(id: string): Spec {
    return this.#memo(id).spec;
  }

  explain(id: string): ExplainedProgram {
    this.#memo(id);
    throw this.#cannot('its system calls');
  }

  close(): void {
    this.#reactor?.close();
    this.#reactor = undefined;
  }

  /** Run `create` or `exec`, and take the process that it leaves. */
  async #processOf(
    pidFile: string,
    options: Pick<CreateOptions, 'id' | 'stdio' | 'preserveFds'>,
    words: readonly string[],
  ): Promise<RunningContainerProcess> {
    const count = options.preserveFds ?? 0;
    const kept = Array.from({ length: count }, (_, index) => index + 3);
    const [name = '', ...rest] = words;
    const line = [name, ...rest, '--pid-file', pidFile, ...(count > 0 ? ['--preserve-fds', String(count)] : [])];
    try {
      await adopting(this.#kernel, () =>
        this.#command.run([...line, options.id], [...options.stdio, ...kept], `${pidFile}.log`),
      );
      return this.#adopted(Number(readFileSync(pidFile, 'utf8')));
    } finally {
      rmSync(pidFile, { force: true });
    }
  }

  /** The process is ours now, so its pid cannot be another's before we have waited for it. */
  #adopted(pid: number): RunningContainerProcess {
    const parent = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.ppid;
    const pidfd = check(this.#kernel, 'pidfd_open', [pid, 0], { while: `watching process ${pid}` });
    const made = new RunningContainerProcess(this.#kernel, () => this.#reactorNow(), { pid, pidfd }, { by: 'us' });
    if (parent === process.pid) return made;
    made.kill(SIGKILL);
    made.dispose();
    throw this.#cannot(`its process to us: it belongs to process ${parent}`);
  }

  #reactorNow(): Reactor {
    if (this.#shared !== undefined) return this.#shared;
    this.#reactor ??= new Reactor(this.#kernel);
    return this.#reactor;
  }

  async #tell(id: string, args: readonly string[]): Promise<void> {
    this.#memo(id);
    await this.#command.tell(args);
  }

  /** Throws NotFound in runc's words where there is no such container. */
  #memo(id: string): ReturnType<PrivateBundle['read']> {
    return new PrivateBundle(this.root, id).read();
  }

  /** The program's state with the bundle that was asked for. */
  #own(state: ContainerState): ContainerState {
    const dir = new PrivateBundle(this.root, state.id);
    return { ...state, pid: state.status === 'stopped' ? 0 : state.pid, bundle: dir.read().bundle };
  }

  #cannot(what: string): EngineError {
    return new EngineError(
      'NotImplemented',
      `${this.#command.program} cannot give ${what}: use Glassbox's own runtime (--runtime glassbox, GLASSBOX_RUNTIME=glassbox)`,
    );
  }
}

function consoleWords(console: Console | undefined): string[] {
  if (console?.kind === 'shim') throw new EngineError('InvalidArgument', 'a terminal that a shim keeps needs a shim');
  return console === undefined ? [] : ['--console-socket', console.path];
}

/** `limitsOf`: a process that a program of ours starts must not have the limit that Node has raised for itself. */
function withOpenFiles(process: SpecProcess): SpecProcess {
  const raised = openFilesBeforeNode();
  if (raised === null || process.rlimits.some(({ type }) => type === NOFILE)) return process;
  const [, soft, hard] = raised;
  return { ...process, rlimits: [...process.rlimits, { type: NOFILE, soft, hard }] };
}
