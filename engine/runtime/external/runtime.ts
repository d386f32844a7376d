import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ExplainedProgram } from '../../api/types.js';
import { EngineError } from '../../kernel/errors.js';
import { check, type Kernel, realKernel } from '../../kernel/kernel.js';
import { parseStat } from '../../kernel/procfs/stat.js';
import { Reactor } from '../../kernel/reactor.js';
import { RunningContainerProcess } from '../container-process.js';
import type { Spec, SpecResources } from '../spec/types.js';
import type { Console, ContainerProcess, ContainerState, CreateOptions, ExecOptions, OciRuntime } from '../types.js';
import { adopting } from './adoption.js';
import { PrivateBundle } from './bundle.js';
import { RuntimeCommand } from './command.js';
import { documentOf } from './document.js';

export interface ExternalRuntimeOptions {
  /** Name in PATH, or a path. */
  readonly program: string;
  /** Directory of the program's states (`state/`) and ours (`bundles/`). */
  readonly root: string;
  readonly kernel?: Kernel;
}

const SIGKILL = 9;

/**
 * An OCI runtime that is another program, driven by its command line (runc(8), which crun(1) and others follow): one call for
 * each operation. Processes that it makes become our children, so that their exits are learned as those of our own runtime are.
 */
export class ExternalRuntime implements OciRuntime {
  readonly root: string;
  #kernel: Kernel;
  #command: RuntimeCommand;
  #reactor: Reactor | undefined;
  #made = new Map<string, RunningContainerProcess>();
  #execs = 0;

  constructor(options: ExternalRuntimeOptions) {
    this.root = options.root;
    this.#kernel = options.kernel ?? realKernel;
    this.#command = new RuntimeCommand(options.program, options.root);
  }

  async create(options: CreateOptions): Promise<ContainerProcess> {
    const { id } = options;
    if (options.shim === true || options.init === true)
      throw this.#cannot(options.shim === true ? 'a shim' : 'an init');
    if (options.step !== undefined || options.stepped !== undefined) throw this.#cannot('steps of a start');
    const words = this.#consoleWords(options.console);
    const bundle = new PrivateBundle(this.root, id);
    bundle.make(existsSync(this.#command.stateOf(id)));
    try {
      const process = await this.#processOf(bundle.file('pid'), options, [
        'create',
        '--bundle',
        bundle.fill(options.bundle, options.spec),
        ...words,
        ...(options.noPivot === true ? ['--no-pivot'] : []),
        ...(options.noNewKeyring === true ? ['--no-new-keyring'] : []),
      ]);
      this.#made.set(id, process);
      return process;
    } catch (error) {
      // the program undoes what it could not finish; this is for what failed after it
      if (existsSync(this.#command.stateOf(id))) await this.#command.tell(['delete', '--force', id]);
      bundle.remove();
      throw error;
    }
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
    this.#made.get(id)?.reap();
    this.#made.delete(id);
    bundle.remove();
  }

  async exec(options: ExecOptions): Promise<ContainerProcess> {
    this.#memo(options.id);
    if (options.shim === true) throw this.#cannot('a shim');
    const words = this.#consoleWords(options.console);
    const bundle = new PrivateBundle(this.root, options.id);
    const name = `exec-${process.pid}-${this.#execs++}`;
    const file = bundle.file(`${name}.json`);
    writeFileSync(file, documentOf(options.process), { mode: 0o600 });
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
      await adopting(this.#kernel, () => this.#command.run([...line, options.id], [...options.stdio, ...kept]));
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
    this.#reactor ??= new Reactor(this.#kernel);
    return this.#reactor;
  }

  #consoleWords(console: Console | undefined): string[] {
    if (console === undefined) return [];
    if (console.kind === 'shim') throw this.#cannot('a shim');
    return ['--console-socket', console.path];
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
      `${this.#command.program} cannot give ${what}: use Glassbox's own runtime (GLASSBOX_RUNTIME=glassbox)`,
    );
  }
}
