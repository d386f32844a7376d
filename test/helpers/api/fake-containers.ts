import { randomBytes } from 'node:crypto';
import { verifyName } from '../../../engine/container/names.js';
import type {
  AttachOptions,
  ContainerInspect,
  ContainerService,
  ContainerState,
  CreateRequest,
  EngineEvent,
  EventOptions,
  ExecInspect,
  ExecRequest,
  ListOptions,
  LogLine,
  LogOptions,
  PathStat,
} from '../../../engine/container/types.js';
import { EngineError } from '../../../engine/kernel/errors.js';
import { inspectOf, summaryOf } from './container-shapes.js';
import { FakeProcess } from './programs.js';
import { Queue } from './queue.js';
import { sample } from './stats-sample.js';

export interface FakeContainer {
  readonly id: string;
  name: string;
  readonly created: Date;
  readonly request: CreateRequest;
  process: FakeProcess;
  state: ContainerState;
  readonly files: Map<string, Buffer>;
}

interface FakeExec {
  readonly container: FakeContainer;
  readonly request: ExecRequest;
  readonly process: FakeProcess;
  running: boolean;
  exitCode: number | null;
}

const NEVER = '0001-01-01T00:00:00Z';

/** Containers that exist in a Map. Everything that was asked is in `asked`. */
export class FakeContainers implements ContainerService {
  readonly all = new Map<string, FakeContainer>();
  readonly execs = new Map<string, FakeExec>();
  readonly asked: { readonly what: string; readonly value: unknown }[] = [];
  readonly watchers = new Set<Queue<EngineEvent>>();
  /** Streams that are read at the moment. */
  open = 0;

  find(name: string): FakeContainer {
    for (const one of this.all.values()) if (one.id === name || one.name === name) return one;
    for (const one of this.all.values()) if (name.length > 0 && one.id.startsWith(name)) return one;
    throw new EngineError('NotFound', `No such container: ${name}`);
  }

  async create(request: CreateRequest): Promise<{ Id: string; Warnings: readonly string[] }> {
    this.asked.push({ what: 'create', value: request });
    if (request.config.Image === 'absent') throw new EngineError('NotFound', 'No such image: absent:latest');
    const name = request.name === null ? `wise_fake${this.all.size}` : verifyName(request.name);
    for (const one of this.all.values())
      if (one.name === name) {
        throw new EngineError(
          'AlreadyExists',
          `Conflict. The container name "/${name}" is already in use by container "${one.id}". You have to remove (or rename) that container to be able to reuse that name.`,
        );
      }
    const id = randomBytes(32).toString('hex');
    const argv = [...(request.config.Entrypoint ?? []), ...(request.config.Cmd ?? [])];
    const made: FakeContainer = {
      id,
      name,
      created: new Date(),
      request,
      process: new FakeProcess(argv, request.config.Tty),
      state: stateOf('created', 0, NEVER, NEVER),
      files: new Map([['/etc/hostname', Buffer.from(`${id.slice(0, 12)}\n`)]]),
    };
    this.all.set(id, made);
    this.#tell(made, 'create');
    return { Id: id, Warnings: [] };
  }

  async list(options: ListOptions) {
    this.asked.push({ what: 'list', value: options });
    return [...this.all.values()].filter(({ state }) => options.all || state.Running).map(summaryOf);
  }

  async inspect(name: string): Promise<ContainerInspect> {
    return inspectOf(this.find(name));
  }

  async start(name: string): Promise<boolean> {
    const one = this.find(name);
    if (one.state.Running) return false;
    const began = new Date().toISOString();
    one.state = stateOf('running', 0, began, NEVER);
    this.#tell(one, 'start');
    const { process } = one;
    void process.ended.then((code) => {
      one.state = stateOf('exited', code, began, new Date().toISOString());
      this.#tell(one, 'die');
      if (one.request.hostConfig.AutoRemove) this.all.delete(one.id);
    });
    process.run();
    return true;
  }

  async stop(name: string, how: { timeout: number | null; signal: string | null }): Promise<boolean> {
    this.asked.push({ what: 'stop', value: how });
    const one = this.find(name);
    if (!one.state.Running) return false;
    one.process.exit(143);
    await one.process.ended;
    return true;
  }

  async restart(name: string): Promise<void> {
    const one = this.find(name);
    one.process.exit(143);
    one.process = new FakeProcess(one.request.config.Cmd ?? [], one.request.config.Tty);
    await this.start(name);
  }

  async kill(name: string, signal: string): Promise<void> {
    this.asked.push({ what: 'kill', value: signal });
    const one = this.find(name);
    if (!one.state.Running)
      throw new EngineError('FailedPrecondition', `cannot kill container: ${name}: container ${one.id} is not running`);
    one.process.exit(137);
  }

  async pause(name: string): Promise<void> {
    const one = this.find(name);
    one.state = { ...one.state, Paused: true, Status: 'paused' };
  }

  async unpause(name: string): Promise<void> {
    const one = this.find(name);
    one.state = { ...one.state, Paused: false, Status: 'running' };
  }

  async rename(name: string, to: string): Promise<void> {
    this.find(name).name = to;
  }

  async remove(name: string, how: { force: boolean }): Promise<void> {
    const one = this.find(name);
    if (one.state.Running && !how.force) {
      throw new EngineError(
        'FailedPrecondition',
        `cannot remove container "/${one.name}": container is running: stop the container before removing or force remove`,
      );
    }
    one.process.exit(137);
    this.all.delete(one.id);
    this.#tell(one, 'destroy');
  }

  async prune() {
    const dead = [...this.all.values()].filter(({ state }) => !state.Running).map(({ id }) => id);
    for (const id of dead) this.all.delete(id);
    return { ContainersDeleted: dead, SpaceReclaimed: 0 };
  }

  async wait(name: string, condition: string, signal?: AbortSignal) {
    const one = this.find(name);
    if (condition === 'not-running' && !one.state.Running) return { StatusCode: one.state.ExitCode };
    this.open++;
    const gone = new Promise<never>((_, reject) =>
      signal?.addEventListener('abort', () => reject(new EngineError('Aborted', 'the wait was ended'))),
    );
    try {
      return { StatusCode: await Promise.race([one.process.ended, gone]) };
    } finally {
      this.open--;
    }
  }

  async update(name: string, request: unknown) {
    this.find(name);
    this.asked.push({ what: 'update', value: request });
    return { Warnings: [] };
  }

  async resize(name: string, rows: number, columns: number): Promise<void> {
    this.find(name);
    this.asked.push({ what: 'resize', value: [rows, columns] });
  }

  async attach(name: string, options: AttachOptions) {
    const one = this.find(name);
    this.asked.push({ what: 'attach', value: options });
    return this.#counted(one.process.attach(options));
  }

  async logs(name: string, options: LogOptions) {
    const one = this.find(name);
    this.asked.push({ what: 'logs', value: options });
    return { tty: one.process.tty, attributes: '', lines: this.#lines(one, options) };
  }

  async *#lines({ process }: FakeContainer, options: LogOptions): AsyncGenerator<LogLine> {
    this.open++;
    try {
      const wanted = process.log.filter(({ stream }) => options[stream]);
      yield* options.tail === null ? wanted : wanted.slice(wanted.length - Math.min(options.tail, wanted.length));
      if (!options.follow || process.isOver) return;
      const attached = process.attach({ ...options, logs: false, stream: true });
      options.signal?.addEventListener('abort', () => attached.close());
      for await (const chunk of attached.output) yield { ...chunk, time: new Date().toISOString() };
    } finally {
      this.open--;
    }
  }

  async top(name: string, words: readonly string[]) {
    this.find(name);
    this.asked.push({ what: 'top', value: words });
    return { Titles: ['UID', 'PID', 'CMD'], Processes: [['root', '1', 'sleep']] };
  }

  async *stats(name: string, { stream, signal }: { stream: boolean; signal: AbortSignal }) {
    const one = this.find(name);
    this.open++;
    try {
      do {
        yield sample(one);
        if (stream) await new Promise((resolve) => setTimeout(resolve, 20));
      } while (stream && !signal.aborted);
    } finally {
      this.open--;
    }
  }

  async exec(name: string, request: ExecRequest): Promise<{ Id: string }> {
    const container = this.find(name);
    if (!container.state.Running)
      throw new EngineError('FailedPrecondition', `container ${container.id} is not running`);
    this.asked.push({ what: 'exec', value: request });
    const id = randomBytes(32).toString('hex');
    const process = new FakeProcess(request.Cmd, request.Tty);
    this.execs.set(id, { container, request, process, running: false, exitCode: null });
    return { Id: id };
  }

  #exec(id: string): FakeExec {
    const found = this.execs.get(id);
    if (found === undefined) throw new EngineError('NotFound', `No such exec instance: ${id}`);
    return found;
  }

  async startExec(id: string, { detach }: { detach: boolean }) {
    const one = this.#exec(id);
    if (one.request.Cmd[0] === 'nosuch') {
      one.exitCode = 127;
      throw new EngineError(
        'InvalidArgument',
        'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown',
      );
    }
    one.running = true;
    const attached = one.process.attach({ logs: false, stream: true, stdout: true, stderr: true });
    void one.process.ended.then((code) => {
      one.running = false;
      one.exitCode = code;
    });
    one.process.run();
    return detach ? null : this.#counted(attached);
  }

  async inspectExec(id: string): Promise<ExecInspect> {
    const { container, request, process, running, exitCode } = this.#exec(id);
    const [entrypoint = '', ...words] = request.Cmd;
    return {
      ID: id,
      Running: running,
      ExitCode: exitCode,
      ProcessConfig: { tty: process.tty, entrypoint, arguments: words, privileged: request.Privileged },
      OpenStdin: request.AttachStdin,
      OpenStderr: request.AttachStderr,
      OpenStdout: request.AttachStdout,
      CanRemove: !running && exitCode !== null,
      ContainerID: container.id,
      DetachKeys: request.DetachKeys ?? '',
      Pid: running ? 4242 : 0,
    };
  }

  async resizeExec(id: string, rows: number, columns: number): Promise<void> {
    this.#exec(id);
    this.asked.push({ what: 'resizeExec', value: [rows, columns] });
  }

  async statPath(name: string, path: string): Promise<PathStat> {
    const bytes = this.find(name).files.get(path);
    if (bytes === undefined) throw new EngineError('NotFound', `Could not find the file ${path} in container ${name}`);
    return {
      name: path.split('/').at(-1) ?? '',
      size: bytes.length,
      mode: 0o644,
      mtime: '2024-01-02T03:04:05Z',
      linkTarget: '',
    };
  }

  async getArchive(name: string, path: string) {
    const stat = await this.statPath(name, path);
    const bytes = this.find(name).files.get(path) ?? Buffer.alloc(0);
    return { stat, tar: pieces(bytes) };
  }

  async putArchive(name: string, path: string, tar: AsyncIterable<Uint8Array>, how: unknown): Promise<void> {
    const one = this.find(name);
    if (path === '/readonly') throw new EngineError('PermissionDenied', 'container rootfs is marked read-only');
    this.asked.push({ what: 'putArchive', value: how });
    one.files.set(path, await joined(tar));
  }

  async exportRootfs(name: string) {
    this.find(name);
    return pieces(Buffer.alloc(1 << 20, 'r'));
  }

  async changes(name: string) {
    this.find(name);
    return [
      { Path: '/etc', Kind: 0 as const },
      { Path: '/etc/new', Kind: 1 as const },
    ];
  }

  async commit(request: { container: string }): Promise<{ Id: string }> {
    this.find(request.container);
    this.asked.push({ what: 'commit', value: request });
    return { Id: `sha256:${'c'.repeat(64)}` };
  }

  async *events({ signal, until }: EventOptions): AsyncGenerator<EngineEvent> {
    const queue = new Queue<EngineEvent>();
    this.watchers.add(queue);
    signal.addEventListener('abort', () => queue.end());
    if (until !== null) setTimeout(() => queue.end(), Math.max(until * 1000 - Date.now(), 0)).unref();
    this.open++;
    try {
      yield* queue;
    } finally {
      this.open--;
      this.watchers.delete(queue);
    }
  }

  async explain(): Promise<unknown> {
    return [];
  }

  #tell(one: FakeContainer, action: string): void {
    const now = BigInt(Date.now());
    const image = one.request.config.Image;
    for (const watcher of this.watchers) {
      watcher.push({
        status: action,
        id: one.id,
        from: image,
        Type: 'container',
        Action: action,
        Actor: { ID: one.id, Attributes: { image, name: one.name } },
        scope: 'local',
        time: Number(now / 1000n),
        timeNano: now * 1_000_000n + 123_457n,
      });
    }
  }

  #counted<T extends { close(): void }>(attached: T): T {
    this.open++;
    let closed = false;
    return {
      ...attached,
      close: () => {
        if (!closed) this.open--;
        closed = true;
        attached.close();
      },
    };
  }
}

function stateOf(status: 'created' | 'running' | 'exited', code: number, began: string, ended: string): ContainerState {
  return {
    Status: status,
    Running: status === 'running',
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: status === 'running' ? 4242 : 0,
    ExitCode: code,
    Error: '',
    StartedAt: began,
    FinishedAt: ended,
  };
}

export async function* pieces(bytes: Buffer, size = 1 << 16): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function joined(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
