import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { wordsOf } from '../kernel/errno-text.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { DescriptorSocket, setTerminalSize } from '../kernel/pty.js';
import { TerminalStream } from '../kernel/terminal-stream.js';
import type { SpecProcess } from '../runtime/spec/types.js';
import type { ContainerProcess } from '../runtime/types.js';
import type { ContainerDeps } from './deps.js';
import { DetachKeys, parseDetachKeys } from './detach-keys.js';
import { linkedEnvironment } from './links.js';
import { makePipe } from './output/pipes.js';
import { type ContainerRecord, isRunning } from './record.js';
import { containerCapabilities } from './spec/capabilities.js';
import { environment } from './spec/env.js';
import { resolveUser } from './spec/users.js';
import { saidByRuntime } from './start.js';
import type { Attached, ExecInspect, ExecRequest, OutputChunk } from './types.js';

/** How long the answers of an exec that has ended can be asked for. */
const KEPT_MS = 5 * 60_000;
const NOT_EXECUTED = 126;
const NOT_FOUND = 127;
const TERMINAL_TIMEOUT_MS = 10_000;
/** Execs of one container that are known at once. */
const MAX_EXECS = 10_000;

interface Exec {
  readonly id: string;
  readonly container: ContainerRecord;
  readonly request: ExecRequest;
  process: ContainerProcess | null;
  terminal: number;
  running: boolean;
  exitCode: number | null;
  pid: number;
}

/** Processes that are executed in running containers, by id. They end with their container; a killed engine forgets them. */
export class Execs {
  readonly #deps: ContainerDeps;
  #execs = new Map<string, Exec>();

  constructor(deps: ContainerDeps) {
    this.#deps = deps;
  }

  create(container: ContainerRecord, request: ExecRequest, asked: string): string {
    mustRun(container, asked);
    if (request.Cmd.length === 0) throw new EngineError('InvalidArgument', 'No exec command specified');
    parseDetachKeys(request.DetachKeys);
    if (this.#execs.size >= MAX_EXECS)
      throw new EngineError('ResourceExhausted', `${MAX_EXECS} execs are known already; wait for some to end`);
    const id = randomBytes(32).toString('hex');
    this.#execs.set(id, {
      id,
      container,
      request,
      process: null,
      terminal: -1,
      running: false,
      exitCode: null,
      pid: 0,
    });
    return id;
  }

  idsOf(container: string): string[] {
    return [...this.#execs.values()].filter((one) => one.container.id === container && one.running).map(({ id }) => id);
  }

  forget(container: string): void {
    for (const { id, container: owner } of [...this.#execs.values()])
      if (owner.id === container) this.#execs.delete(id);
  }

  inspect(id: string): ExecInspect {
    const { request, container, running, exitCode, pid } = this.#find(id);
    return {
      ID: id,
      Running: running,
      ExitCode: exitCode,
      ProcessConfig: {
        tty: request.Tty,
        entrypoint: request.Cmd[0] ?? '',
        arguments: request.Cmd.slice(1),
        privileged: request.Privileged,
        ...(request.User === '' ? {} : { user: request.User }),
      },
      OpenStdin: request.AttachStdin,
      OpenStderr: request.AttachStderr,
      OpenStdout: request.AttachStdout,
      CanRemove: false,
      ContainerID: container.id,
      DetachKeys:
        request.DetachKeys === null ? '' : Buffer.from(parseDetachKeys(request.DetachKeys)).toString('latin1'),
      Pid: pid,
    };
  }

  resize(id: string, rows: number, cols: number): void {
    const exec = this.#find(id);
    if (exec.terminal >= 0) setTerminalSize(this.#deps.kernel, exec.terminal, cols, rows);
  }

  /** Start it: what it writes is the client's alone. Null when it is detached. `ended` is told its exit code. */
  async start(
    id: string,
    options: {
      readonly detach: boolean;
      readonly tty: boolean;
      readonly consoleSize: readonly [number, number] | null;
    },
    told: {
      readonly started: (exec: ExecInspect) => void;
      readonly ended: (exitCode: number) => void;
      readonly detached: () => void;
    },
  ): Promise<Attached | null> {
    const exec = this.#find(id);
    const { container, request } = exec;
    if (exec.running || exec.process !== null || exec.exitCode !== null)
      throw new EngineError(
        'AlreadyExists',
        `Error: Exec command ${id} ${exec.running ? 'is already running' : 'has already run'}`,
      );
    mustRun(container, container.id);
    const size = options.consoleSize ?? request.ConsoleSize;
    const streams = await this.#streams(exec, size, !options.detach && request.AttachStdin);
    const made = exec.process as ContainerProcess | null;
    if (made === null) throw new EngineError('Internal', 'the exec has no process');
    exec.running = true;
    exec.pid = made.pid;
    told.started(this.inspect(id));
    const over = made.wait().then((code) => {
      exec.running = false;
      exec.exitCode = code;
      made.dispose();
      told.ended(code);
      setTimeout(() => this.#execs.delete(id), KEPT_MS).unref();
    });
    if (options.detach) {
      for (const { stream } of streams.readers) stream.resume();
      streams.input?.end();
      void over.then(() => streams.close());
      return null;
    }
    return attached(exec, streams, over, told.detached);
  }

  /** Run a program to its end without a client: health checks. Output is cut at `limit` bytes; `signal` kills it. */
  async run(
    container: ContainerRecord,
    argv: readonly string[],
    limit: number,
    signal: AbortSignal,
  ): Promise<{ exitCode: number; output: Uint8Array }> {
    const id = this.create(container, { ...BARE, Cmd: argv, AttachStdout: true, AttachStderr: true }, container.id);
    try {
      const exec = this.#find(id);
      const streams = await this.#startAtPipes(exec, this.#process(exec, null), false);
      const chunks: Buffer[] = [];
      let length = 0;
      for (const { stream } of streams.readers)
        stream.on('data', (bytes: Buffer) => {
          if (length < limit) chunks.push(bytes.subarray(0, limit - length));
          length += bytes.length;
        });
      const process = exec.process as ContainerProcess;
      const kill = (): void => process.kill(9);
      signal.addEventListener('abort', kill);
      if (signal.aborted) kill();
      const exitCode = await process.wait();
      signal.removeEventListener('abort', kill);
      await settled(streams);
      streams.close();
      process.dispose();
      return { exitCode, output: Buffer.concat(chunks) };
    } finally {
      this.#execs.delete(id);
    }
  }

  async #streams(exec: Exec, size: readonly [number, number] | null, withInput: boolean): Promise<ExecStreams> {
    try {
      const process = this.#process(exec, size);
      return exec.request.Tty
        ? await this.#startAtTerminal(exec, process, size)
        : await this.#startAtPipes(exec, process, withInput);
    } catch (error) {
      exec.exitCode = /executable file not found/.test(String(error)) ? NOT_FOUND : NOT_EXECUTED;
      throw error;
    }
  }

  #find(id: string): Exec {
    const exec = this.#execs.get(id);
    if (exec === undefined) throw new EngineError('NotFound', `No such exec instance: ${id}`);
    return exec;
  }

  #process({ container, request }: Exec, size: readonly [number, number] | null): SpecProcess {
    const { config, hostConfig, state } = container;
    const base = this.#deps.runtime.spec(container.id).process as SpecProcess;
    const user =
      request.User === '' ? base.user : resolveUser(`/proc/${state.pid}/root`, request.User, hostConfig.GroupAdd ?? []);
    const capabilities = containerCapabilities(
      request.Privileged ? { ...hostConfig, Privileged: true } : hostConfig,
      this.#deps.machine.capabilities,
    );
    const held = user.uid === 0 || request.Privileged ? capabilities : [];
    const names = new Set(request.Env.map((line) => line.split('=', 1)[0]));
    const { consoleSize: _size, terminal: _terminal, ...rest } = base;
    return {
      ...rest,
      ...(request.Tty ? { terminal: true } : {}),
      ...(request.Tty && size !== null && size[0] > 0 ? { consoleSize: { height: size[0], width: size[1] } } : {}),
      user,
      args: request.Cmd,
      env: [
        ...environment(
          { ...config, Tty: request.Tty },
          config.Hostname,
          linkedEnvironment(this.#deps, container),
        ).filter((line) => !names.has(line.split('=', 1)[0])),
        ...request.Env.filter((line) => line.includes('=')),
      ],
      cwd: workingDirectory(request.WorkingDir, base.cwd),
      capabilities: { bounding: capabilities, effective: held, permitted: held, inheritable: [], ambient: [] },
    };
  }

  async #startAtPipes(exec: Exec, process: SpecProcess, withInput: boolean): Promise<ExecStreams> {
    const { kernel } = this.#deps;
    const nothing = openSync('/dev/null', 'r+');
    const theirs: number[] = [nothing];
    const ours: number[] = [];
    try {
      const [outReader, outWriter] = makePipe(kernel);
      theirs.push(outWriter);
      ours.push(outReader);
      const [errReader, errWriter] = makePipe(kernel);
      theirs.push(errWriter);
      ours.push(errReader);
      let stdin = nothing;
      let input = -1;
      if (withInput) {
        const [inReader, inWriter] = makePipe(kernel);
        theirs.push(inReader);
        ours.push(inWriter);
        [stdin, input] = [inReader, inWriter];
      }
      exec.process = await this.#exec(exec, process, [stdin, outWriter, errWriter]);
      const reader = (fd: number): Socket => new Socket({ fd, readable: true, writable: false });
      const [out, err] = [reader(outReader), reader(errReader)];
      const writer = input < 0 ? null : new Socket({ fd: input, readable: false, writable: true });
      return new ExecStreams(
        [
          { name: 'stdout', stream: out },
          { name: 'stderr', stream: err },
        ],
        writer,
      );
    } catch (error) {
      for (const fd of ours) closeSync(fd);
      throw error;
    } finally {
      for (const fd of theirs) closeSync(fd);
    }
  }

  async #startAtTerminal(
    exec: Exec,
    process: SpecProcess,
    size: readonly [number, number] | null,
  ): Promise<ExecStreams> {
    const directory = join(this.#deps.execRoot, 'consoles');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, exec.id.slice(0, 20));
    const socket = new DescriptorSocket(this.#deps.kernel, path);
    const nothing = openSync('/dev/null', 'r+');
    try {
      const console = { kind: 'socket', path } as const;
      const [made, master] = await Promise.all([
        this.#deps.runtime.exec({ id: exec.container.id, process, stdio: [nothing, nothing, nothing], console }),
        socket.receive(TERMINAL_TIMEOUT_MS),
      ]).catch((error: unknown) => Promise.reject(execError(error)));
      exec.process = made;
      if (size !== null && size[0] > 0) setTerminalSize(this.#deps.kernel, master, size[1], size[0]);
      exec.terminal = master;
      const stream = new TerminalStream(this.#deps.kernel, master);
      return new ExecStreams([{ name: 'stdout', stream }], stream, () => {
        exec.terminal = -1;
      });
    } finally {
      socket.close();
      closeSync(nothing);
    }
  }

  async #exec(exec: Exec, process: SpecProcess, stdio: [number, number, number]): Promise<ContainerProcess> {
    return this.#deps.runtime
      .exec({ id: exec.container.id, process, stdio })
      .catch((error: unknown) => Promise.reject(execError(error)));
  }
}

/** What dockerd says of a program that could not be executed. */
function execError(error: unknown): EngineError {
  const what = error instanceof SyscallError ? 'unable to start container process: ' : '';
  const words = saidByRuntime(error) ?? `exec failed: ${what}${wordsOf(error)}`;
  return new EngineError('InvalidArgument', `OCI runtime exec failed: ${words}: unknown`, { cause: error });
}

function workingDirectory(wish: string, otherwise: string): string {
  if (wish !== '' && !wish.startsWith('/'))
    throw new EngineError(
      'InvalidArgument',
      'OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown',
    );
  return wish === '' ? otherwise : wish;
}

const BARE: ExecRequest = {
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  DetachKeys: null,
  Tty: false,
  Env: [],
  Cmd: [],
  Privileged: false,
  User: '',
  WorkingDir: '',
  ConsoleSize: null,
};

function mustRun(container: ContainerRecord, asked: string): void {
  const { status } = container.state;
  if (status === 'paused')
    throw new EngineError('AlreadyExists', `Container ${asked} is paused, unpause the container before exec`);
  if (status === 'restarting')
    throw new EngineError(
      'AlreadyExists',
      `Container ${container.id} is restarting, wait until the container is running`,
    );
  if (!isRunning(container)) throw new EngineError('AlreadyExists', `container ${container.id} is not running`);
}

/** Our ends of a process's streams. */
class ExecStreams {
  readonly readers: readonly { readonly name: 'stdout' | 'stderr'; readonly stream: Duplex }[];
  readonly input: Duplex | null;
  readonly #closed: () => void;

  constructor(readers: ExecStreams['readers'], input: Duplex | null, closed: () => void = () => undefined) {
    this.readers = readers;
    this.input = input;
    this.#closed = closed;
    // EPIPE, EIO: nobody reads any more
    for (const stream of new Set([...readers.map((one) => one.stream), ...(input === null ? [] : [input])]))
      stream.on('error', () => stream.destroy());
  }

  close(): void {
    this.#closed();
    for (const { stream } of this.readers) stream.destroy();
    this.input?.destroy();
  }
}

/** The process has ended: what it wrote is still in the kernel, and is read to the end, or until somebody who holds the streams says nothing for a while. */
function settled({ readers }: ExecStreams): Promise<void> {
  return new Promise((resolve) => {
    let open = readers.length;
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(resolve, LINGER_MS).unref();
    };
    wait();
    for (const { stream } of readers) {
      const closed = (): void => {
        if (--open > 0) return;
        clearTimeout(timer);
        resolve();
      };
      stream.on('data', wait);
      if (stream.destroyed) closed();
      else stream.once('close', closed);
    }
  });
}

/** A grandchild may hold a stream for ever: moby waits as long for it after the process has ended. */
const LINGER_MS = 2000;

function attached({ request }: Exec, streams: ExecStreams, over: Promise<void>, told: () => void): Attached {
  const keys = request.Tty ? new DetachKeys(parseDetachKeys(request.DetachKeys)) : null;
  // aborted without a reason, which nobody asks for: the one that would be made collects a stack
  const gone = new AbortController();
  return {
    tty: request.Tty,
    output: merged(streams, over, gone.signal, { stdout: request.AttachStdout, stderr: request.AttachStderr }),
    write(bytes) {
      const { pass, detached } = keys === null ? { pass: bytes, detached: false } : keys.take(bytes);
      if (detached) {
        told();
        gone.abort(null);
      }
      if (streams.input === null || pass.length === 0) return Promise.resolve();
      const { input } = streams;
      return new Promise((resolve, reject) => {
        input.write(pass, (error) => {
          if (error === null || error === undefined) resolve();
          else reject(new EngineError('FailedPrecondition', 'the process takes no more input', { cause: error }));
        });
      });
    },
    closeInput() {
      if (!request.Tty) streams.input?.end();
    },
    close() {
      gone.abort(null);
      if (!request.Tty) streams.input?.end();
    },
  };
}

/** Both streams as they come, one piece at a time: a client that does not read makes the process wait. */
async function* merged(
  streams: ExecStreams,
  over: Promise<void>,
  signal: AbortSignal,
  wanted: { readonly stdout: boolean; readonly stderr: boolean },
): AsyncGenerator<OutputChunk> {
  let wake: () => void = () => undefined;
  let open = streams.readers.length;
  const queue: { chunk: OutputChunk; stream: Duplex }[] = [];
  for (const { name, stream } of streams.readers) {
    stream.on('data', (bytes: Buffer) => {
      if (!wanted[name]) return;
      queue.push({ chunk: { stream: name, bytes }, stream });
      stream.pause();
      wake();
    });
    stream.once('close', () => {
      open--;
      wake();
    });
  }
  let lingered = false;
  void over
    .then(() => settled(streams))
    .then(() => {
      lingered = true;
      wake();
    });
  const abort = (): void => wake();
  signal.addEventListener('abort', abort);
  try {
    for (;;) {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (signal.aborted) return;
        yield next.chunk;
        next.stream.resume();
      }
      if (signal.aborted || open === 0 || lingered) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (queue.length > 0 || signal.aborted || open === 0 || lingered) resolve();
      });
    }
    // the answer to `inspect` that follows the end of the stream has the exit code
    if (!signal.aborted) await over;
  } finally {
    signal.removeEventListener('abort', abort);
    if (signal.aborted) for (const { stream } of streams.readers) stream.resume();
    void over.then(() => streams.close());
  }
}
