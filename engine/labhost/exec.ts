import { fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { ExecRequest, ExecResult, SessionRequest } from '../api/types.js';
import { O, SIG, TIOC } from '../kernel/constants.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { check, type Kernel } from '../kernel/kernel.js';
import { openInRoot } from '../kernel/namespaces/open-in-root.js';
import { errnoOf } from '../kernel/procfs/read.js';
import { CLONE, type ExitStatus, RunningProgram, waitPidfd } from '../kernel/program/running.js';
import { setTerminalSize } from '../kernel/pty.js';
import type { Reactor } from '../kernel/reactor.js';
import { SIGNALS } from '../kernel/signals.js';
import { TerminalStream } from '../kernel/terminal-stream.js';
import { type ExecPlan, execProgram, NOT_EXECUTABLE, NOT_FOUND } from './exec-program.js';
import { toOutside } from './identity.js';
import type { LabHost } from './lab-host.js';

export const DEFAULT_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  USER: 'root',
  LOGNAME: 'root',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
} as const;
const WNOHANG = 1;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_OUTPUT = 1 << 20;
const SIGNAL_NAMES = new Map(Object.entries(SIGNALS).map(([name, number]) => [number, name]));

/** A process inside a lab host; ours to wait for. */
export class LabProcess {
  /** Pid on the machine. */
  readonly pid: number;
  readonly pidfd: number;
  readonly program: RunningProgram;
  /** Resolves with the exit status; 126 or 127 with `failure` when it could not be started. */
  readonly ended: Promise<ExitStatus & { failure: EngineError | null }>;
  #kernel: Kernel;
  #reaped = false;

  constructor(kernel: Kernel, reactor: Reactor, program: RunningProgram, pid: number, pidfd: number) {
    this.#kernel = kernel;
    this.pid = pid;
    this.pidfd = pidfd;
    this.program = program;
    this.ended = reactor.ended(pidfd).then(() => {
      const status = waitPidfd(kernel, pidfd, 0) ?? { exitCode: 255, signal: 0 };
      const failure = startFailure(program, status);
      this.#reaped = true;
      kernel.call('close', pidfd);
      program.dispose();
      if (failure === null) return { ...status, failure };
      return { exitCode: failure.code === 'NotFound' ? NOT_FOUND : NOT_EXECUTABLE, signal: 0, failure };
    });
  }

  /** Nothing happens once it has ended: the number of its pidfd may belong to another process by then. */
  kill(signal: number): void {
    if (this.#reaped) return;
    this.#kernel.call('pidfd_send_signal', this.pidfd, signal, null, 0);
  }
}

/** Why the process never ran its program, or null when it did. */
function startFailure(program: RunningProgram, status: ExitStatus): EngineError | null {
  const failed = program.failure();
  const name = program.program.name.slice('exec '.length);
  if (failed !== null) {
    const record = program.program.records[failed.index];
    const call = record?.syscall === 'none' || record === undefined ? 'clone3' : record.syscall;
    if (call === 'chdir')
      return new EngineError('InvalidArgument', `cannot run ${name}: the working directory does not exist`);
    return new SyscallError(call, failed.errno, { while: `running ${name}`, path: name });
  }
  if (status.exitCode !== NOT_FOUND) return null;
  const tried = [...program.program.labels.entries()]
    .filter(([label]) => label.startsWith('execve-'))
    .map(([, index]) => program.result(index));
  if (tried.length > 0 && tried.some((result) => result === null || result >= 0)) return null; // it ran, and itself answered 127
  if (tried.includes(-13)) return new EngineError('PermissionDenied', `${name}: found, but not executable`);
  return new EngineError('NotFound', `${name}: command not found`);
}

/**
 * Start a process in the lab. The caller keeps its own `stdio` descriptors and closes them when it likes: the process
 * has copies once this returns.
 */
export function startInLab(lab: LabHost, reactor: Reactor, plan: Omit<ExecPlan, 'initPidfd' | 'manyIds'>): LabProcess {
  const { program, pidfdOffset } = execProgram({
    ...plan,
    initPidfd: lab.pidfd,
    manyIds: lab.identity.mode !== 'one-user',
  });
  const kernel = lab.kernel;
  const running = RunningProgram.start(program, { flags: CLONE.FILES }, kernel);
  try {
    const between = running.wait();
    running.throwFailure();
    const pid = running.result('process');
    if (pid === null || pid <= 0)
      throw new EngineError('Aborted', `${program.name}: the lab host ended (${between.exitCode})`);
    const pidfd = running.readData(pidfdOffset, 4).readInt32LE(0);
    try {
      running.waitHeld('joined', {
        ended: () => {
          // Somebody in the lab may stop whatever appears there, again and again, and we would wait for it.
          kernel.call('pidfd_send_signal', pidfd, SIG.CONT, null, 0);
          return waitPidfd(kernel, pidfd, WNOHANG) !== null;
        },
        askMs: 1,
      });
      lab.subtree?.join(pid);
      running.release('joined');
      return new LabProcess(kernel, reactor, running, pid, pidfd);
    } catch (error) {
      kernel.call('pidfd_send_signal', pidfd, SIG.KILL, null, 0);
      waitPidfd(kernel, pidfd, 0);
      kernel.call('close', pidfd);
      throw error;
    }
  } catch (error) {
    running.dispose();
    throw error;
  }
}

function environment(request: { env?: Readonly<Record<string, string>> }): string[] {
  return Object.entries({ ...DEFAULT_ENV, ...request.env }).map(([name, value]) => `${name}=${value}`);
}

function argvOf(argv: readonly string[]): [string, ...string[]] {
  const [first, ...rest] = argv;
  if (first === undefined) throw new EngineError('InvalidArgument', 'no command was given to run in the lab');
  return [first, ...rest];
}

function pipe(kernel: Kernel): { reader: number; writer: number } {
  const ends = Buffer.alloc(8);
  check(kernel, 'pipe2', [ends, O.CLOEXEC], { while: 'making a pipe' });
  return { reader: ends.readInt32LE(0), writer: ends.readInt32LE(4) };
}

/** Run a command in the lab to its end and capture what it prints, within the request's bounds. */
export async function execInLab(
  lab: LabHost,
  reactor: Reactor,
  request: ExecRequest,
  netFd: number | null = null,
): Promise<ExecResult> {
  const kernel = lab.kernel;
  const ours: number[] = [];
  const theirs: number[] = [];
  let child: LabProcess;
  let input: Socket | null = null;
  let outputs: [Capture, Capture];
  try {
    const stdin = request.stdin === undefined ? null : pipe(kernel);
    if (stdin !== null) {
      theirs.push(stdin.reader);
      ours.push(stdin.writer);
    }
    const zero = stdin?.reader ?? openSync('/dev/null', 'r');
    if (stdin === null) theirs.push(zero);
    const [out, err] = [pipe(kernel), pipe(kernel)];
    theirs.push(out.writer, err.writer);
    ours.push(out.reader, err.reader);
    child = startInLab(lab, reactor, {
      argv: argvOf(request.argv),
      env: environment(request),
      cwd: request.cwd ?? '/root',
      stdio: [zero, out.writer, err.writer],
      session: 'new',
      tty: false,
      netFd,
    });
    const limit = request.maxOutputBytes ?? DEFAULT_OUTPUT;
    outputs = [new Capture(out.reader, limit), new Capture(err.reader, limit)];
    if (stdin !== null) {
      input = new Socket({ fd: stdin.writer, readable: false, writable: true });
      input.on('error', ignoreBrokenPipe);
      input.end(request.stdin ?? '');
    }
  } catch (error) {
    for (const fd of ours) kernel.call('close', fd);
    throw error;
  } finally {
    for (const fd of theirs) kernel.call('close', fd);
  }
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill(SIG.KILL);
  }, request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const status = await child.ended;
  clearTimeout(timer);
  input?.destroy();
  await drained(kernel, outputs);
  const [stdout, stderr] = outputs.map((output) => output.finish()) as [string, string];
  return {
    exitCode: status.exitCode,
    signal: status.signal === 0 ? null : (SIGNAL_NAMES.get(status.signal) ?? `signal ${status.signal}`),
    stdout,
    stderr: status.failure === null ? stderr : `${stderr}${status.failure.message}\n`,
    timedOut,
    truncated: outputs.some((output) => output.truncated),
  };
}

function ignoreBrokenPipe(error: Error): void {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EPIPE' && code !== 'ECONNRESET') throw error;
}

/** Bytes that wait in a pipe: pipe(7). */
const FIONREAD = 0x541b;
/** What a command left running may print on for ever: so long is listened to it. */
const DRAIN_MS = 2_000;

/**
 * Wait until what was printed before the end has been read. A process left behind may hold the pipes open, so not their
 * end decides but their being empty: a busy machine may deliver the last bytes late, and they belong to the answer.
 */
async function drained(kernel: Kernel, outputs: readonly Capture[]): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  const waiting = Buffer.alloc(4);
  const isEmpty = (output: Capture): boolean =>
    output.ended || kernel.call('ioctl', output.fd, FIONREAD, waiting) < 0 || waiting.readInt32LE(0) === 0;
  while (!outputs.every(isEmpty) && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Collects what comes out of a pipe, up to a bound; beyond it reads on and drops, so that the writer never blocks. */
class Capture {
  readonly fd: number;
  /** Every writer has closed it, and all was read. */
  ended = false;
  truncated = false;
  #socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(fd: number, limit: number) {
    this.fd = fd;
    this.#socket = new Socket({ fd, readable: true, writable: false });
    this.#socket.on('close', () => {
      this.ended = true;
    });
    this.#socket.on('error', (error) => {
      if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error;
    });
    this.#socket.on('data', (chunk: Buffer) => {
      const room = limit - this.#length;
      if (chunk.length > room) this.truncated = true;
      if (room <= 0) return;
      this.#chunks.push(chunk.subarray(0, room));
      this.#length += Math.min(room, chunk.length);
    });
  }

  finish(): string {
    this.#socket.destroy();
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** A process on a terminal of the lab's own devpts; the master's end is ours. */
export class LabTerminal {
  readonly process: LabProcess;
  readonly stream: TerminalStream;
  #kernel: Kernel;
  #master: number;

  private constructor(kernel: Kernel, process: LabProcess, master: number) {
    this.#kernel = kernel;
    this.process = process;
    this.#master = master;
    this.stream = new TerminalStream(kernel, master);
  }

  static open(lab: LabHost, reactor: Reactor, request: SessionRequest): LabTerminal {
    const kernel = lab.kernel;
    const master = openMaster(lab);
    let slave = -1;
    try {
      check(kernel, 'ioctl', [master, TIOC.SPTLCK, Buffer.alloc(4)], { while: 'opening a terminal' });
      slave = check(kernel, 'ioctl', [master, TIOC.GPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC], {
        while: 'opening a terminal',
      });
      // opened by us, it would belong to nobody in the lab
      check(
        kernel,
        'fchown',
        [
          slave,
          toOutside(lab.identity.uids, 0),
          toOutside(lab.identity.gids, lab.identity.mode === 'one-user' ? 0 : 5),
        ],
        { while: 'opening a terminal' },
      );
      setTerminalSize(kernel, master, request.cols, request.rows);
      const child = startInLab(lab, reactor, {
        argv: argvOf(request.argv),
        env: environment({ env: { TERM: 'xterm-256color', ...request.env } }),
        cwd: request.cwd ?? '/root',
        stdio: [slave, slave, slave],
        session: 'new',
        tty: true,
        netFd: null,
      });
      return new LabTerminal(kernel, child, master);
    } catch (error) {
      kernel.call('close', master);
      throw error;
    } finally {
      if (slave >= 0) kernel.call('close', slave);
    }
  }

  resize(cols: number, rows: number): void {
    if (!this.stream.destroyed) setTerminalSize(this.#kernel, this.#master, cols, rows);
  }
}

/** Device number 5:2 of every terminal multiplexer, and the magic number of its file system. */
const PTMX = 0x502;
const DEVPTS = 0x1cd1;

/**
 * The multiplexer of the lab's devpts, seen through its pid 1's root. The learner may have put anything in its place
 * (CVE-2025-52565): no link is followed, and it is opened only when what was found is a multiplexer of a devpts.
 */
function openMaster(lab: LabHost): number {
  const { kernel } = lab;
  try {
    const found = openInRoot(kernel, `/proc/${lab.info.initHostPid}/root`, '/dev/pts/ptmx', O.PATH | O.NOFOLLOW);
    try {
      const system = Buffer.alloc(120);
      check(kernel, 'fstatfs', [found, system]);
      const { rdev } = fstatSync(found);
      if (rdev !== PTMX || system.readBigInt64LE(0) !== BigInt(DEVPTS)) {
        throw new EngineError(
          'Unavailable',
          "the lab's /dev/pts/ptmx is not a terminal multiplexer any more; reset the lab",
        );
      }
      return openSync(`/proc/self/fd/${found}`, O.RDWR | O.NOCTTY | O.CLOEXEC);
    } finally {
      kernel.call('close', found);
    }
  } catch (error) {
    if (error instanceof EngineError && !(error instanceof SyscallError)) throw error;
    const code = errnoOf(error);
    if (code === 'ENOSPC')
      throw new EngineError(
        'ResourceExhausted',
        'no terminal is left: the limit in /proc/sys/kernel/pty/max is reached; close some terminals',
        { cause: error },
      );
    if (code === 'EMFILE' || code === 'ENFILE')
      throw new EngineError('ResourceExhausted', 'no file descriptor is left for a terminal; raise ulimit -n', {
        cause: error,
      });
    throw new EngineError('Unavailable', `the lab's terminals could not be opened: ${code ?? String(error)}`, {
      cause: error,
    });
  }
}
