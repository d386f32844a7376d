import { SIG } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { errnoText } from '../kernel/errno-text.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/kernel.js';
import { type Program, programSize, recordIndex } from '../kernel/program/builder.js';
import { explainRecord } from '../kernel/program/explain.js';
import { type RunningProgram, waitPidfd } from '../kernel/program/running.js';
import type { CompiledProgram } from './program/container.js';
import { processOf } from './state-dir.js';
import type { CreateOptions } from './types.js';

/** What we do while a process waits for us, by the label of the record at which it waits. */
export type Duties = Readonly<Record<string, () => void | Promise<void>>>;

type Steps = Pick<CreateOptions, 'step' | 'stepped'>;

const BLOCKING_MS = 100;
const PAUSE_MS = 2;

/** Sees a program through its holds: does our duty at each, tells every step where that was asked for, and turns a failed record into an error. */
export class Driver {
  readonly running: RunningProgram;
  #compiled: CompiledProgram;
  #steps: Steps;
  #told = new Set<number>();
  /** Released by `step` and not yet told. */
  #issued: number[] = [];

  constructor(running: RunningProgram, compiled: CompiledProgram, steps: Steps) {
    this.running = running;
    this.#compiled = compiled;
    this.#steps = steps;
  }

  get stepping(): boolean {
    return this.#steps.step !== undefined;
  }

  /**
   * Let the processes go on until `last` is held, and leave it held. `ended` tells whether the process that is to
   * arrive there has ended instead.
   */
  async reach(last: string, duties: Duties, ended: () => boolean): Promise<void> {
    try {
      if (this.stepping) await this.#step(last, duties, ended);
      else await this.#wait(last, duties, ended);
    } catch (error) {
      throw this.translate(error);
    }
  }

  async #wait(last: string, duties: Duties, ended: () => boolean): Promise<void> {
    for (const [label, duty] of Object.entries(duties)) {
      await this.#arrive(label, ended);
      await duty();
      if (label !== last) this.running.release(label);
    }
  }

  /** A start takes a few milliseconds, for which our thread waits; where it takes longer (a hook, a slow mount) others get their turn. */
  async #arrive(label: string, ended: () => boolean): Promise<void> {
    for (let timeoutMs = BLOCKING_MS; ; timeoutMs = 0) {
      try {
        this.running.waitHeld(label, { ended, timeoutMs });
        return;
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== 'DeadlineExceeded') throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #step(last: string | null, duties: Duties, ended: () => boolean): Promise<void> {
    const { running } = this;
    const { labels, records } = running.program;
    const end = last === null ? -1 : (labels.get(last) ?? -1);
    for (;;) {
      this.#tell();
      const waiting = running.waiting().filter((index) => index !== end);
      for (const index of waiting) {
        const record = records[index];
        if (record !== undefined && record.syscall !== 'none') {
          this.#told.add(index);
          await this.#steps.step?.(explainRecord(record, index, undefined));
        }
        await duties[record?.options.label ?? '']?.();
        running.release(index);
        this.#issued.push(index);
      }
      running.throwFailure();
      if (end >= 0 && waiting.length === 0 && running.waiting().includes(end)) {
        await duties[last ?? '']?.();
        this.#tell();
        return;
      }
      if (ended()) {
        this.#tell();
        running.throwFailure();
        if (end < 0) return;
        throw new EngineError('Aborted', `${running.program.name}: ended before ${last}`);
      }
      if (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** The rest of a stepped program, to the execution of the container's program. */
  async finish(ended: () => boolean): Promise<void> {
    await this.#step(null, {}, ended);
  }

  #tell(): void {
    const trace = this.running.trace();
    this.#issued = this.#issued.filter((index) => {
      const entry = trace[index];
      const record = this.running.program.records[index];
      if (entry === undefined || record === undefined) return false;
      const isOver = entry.state === 'done' || entry.state === 'failed';
      if (isOver && this.#told.has(index)) this.#steps.stepped?.(explainRecord(record, index, entry));
      return !isOver;
    });
  }

  /** The error of a record that was allowed to fail. */
  failureOf(label: string, what: string): SyscallError {
    const record = this.running.program.records[this.running.program.labels.get(label) ?? -1];
    const errno = -(this.running.result(label) ?? 0);
    return new SyscallError(record?.syscall ?? label, errno, { text: `${what}: ${errnoText(errno)}` });
  }

  /** A failed record in the words of the section that it belongs to, with the syscall, the path and the man page. */
  translate(error: unknown): unknown {
    const failure = this.running.failure();
    if (failure === null) return error;
    return failureOf(this.#compiled, failure.index, failure.errno, error);
  }
}

/** What runc's init does before it tells that it is ready: a failure in there is told as one of the container's init. */
const OF_INIT = new Set([
  'init',
  'root',
  'mounts',
  'devices',
  'enter',
  'terminal',
  'settings',
  'sysctls',
  'apparmor',
  'read-only paths',
  'masked paths',
  'read-only mounts',
  'read-only root',
  'keyring',
]);

/** What it means that record `index` failed, with the syscall, the path and the man page. */
export function failureOf(compiled: CompiledProgram, index: number, errno: number, cause?: unknown): EngineError {
  const record = compiled.program.records[index];
  if (record === undefined || record.syscall === 'none')
    return new EngineError('Internal', `${compiled.program.name}: record ${index} failed`, { cause });
  const meaning = compiled.failures.get(index);
  const text = errnoText(errno);
  const path = record.args.find(
    (word) => typeof word === 'object' && word.kind === 'data' && word.text.startsWith('"'),
  );
  const during =
    compiled.program.labels.has('created') && OF_INIT.has(record.section) ? 'error during container init: ' : '';
  return new SyscallError(record.syscall, errno, {
    ...(typeof path === 'object' && path.kind === 'data' ? { path: JSON.parse(path.text) as string } : {}),
    text:
      during +
      (meaning === undefined
        ? `${record.section}: ${record.syscall}: ${text}`
        : typeof meaning === 'string'
          ? `${meaning}: ${text}`
          : meaning(text)),
    cause,
  });
}

/**
 * Pid of the process that a program's nested clone made; 0 where none was. Where it is not known yet the first process is
 * ended, so that it makes none any more: the kernel itself writes the number down before the new process runs, which a
 * first process that is killed in that moment does not. clone(2), CLONE_PARENT_SETTID.
 */
function madeProcess(running: RunningProgram): number {
  const { program } = running;
  const [struct] = program.records[recordIndex(program, 'process')]?.args ?? [];
  const at =
    typeof struct === 'object' && 'offset' in struct ? program.pointers.get(struct.offset + PARENT_TID) : undefined;
  if (at === undefined) throw new RangeError(`${program.name}: nobody writes down which process it makes`);
  const number = (): number => running.readData(at.offset, 4).readInt32LE(0);
  if (number() === 0) {
    running.kill(SIG.KILL);
    running.wait();
  }
  return number();
}

/** Offset of parent_tid in clone_args. */
const PARENT_TID = 24;

/**
 * End the process that a program made, and then the program's own. By a pidfd, or by its number where no descriptor is left:
 * nobody has waited for it, so the number is still its own.
 *
 * @param known a pidfd of it, where there is one; it is closed
 */
export function destroyBoth(kernel: Kernel, running: RunningProgram, known = -1): void {
  const pid = madeProcess(running);
  const pidfd = known >= 0 ? known : pid > 0 ? kernel.call('pidfd_open', pid, 0) : -1;
  if (pidfd >= 0) {
    kernel.call('pidfd_send_signal', pidfd, SIG.KILL, null, 0);
    // one that is a shim's is not ours to wait for (ECHILD)
    waitPidfd(kernel, pidfd, 0);
    kernel.call('close', pidfd);
  } else if (pid > 0 && pidfd !== -ERRNO.ESRCH) {
    kernel.call('kill', pid, SIG.KILL);
    while (kernel.call('waitid', P_PID, pid, Buffer.alloc(128), WEXITED | WALL, 0) === -ERRNO.EINTR);
  }
  running.destroy();
}

const P_PID = 1;
const WEXITED = 4;
const WALL = 0x40000000;

/**
 * Whether the process that a program makes has ended, or was never made. The go-between is asked first: it writes the
 * number down before it ends, so that the other order would take a process that has just been made for one that never was.
 */
export function hasEnded(running: RunningProgram, pid: () => number): boolean {
  const isOver = running.tryWait() !== null;
  return pid() > 0 ? processOf(pid()) === null : isOver;
}

/**
 * Take the room of a program's region now. What a full file system has not got is otherwise missed when the region is written,
 * by SIGBUS, which would end this process. fallocate(2); a file system without it keeps its word or does not.
 */
export function reserveRegion(kernel: Kernel, file: number, program: Program): void {
  const reserve = (): number => kernel.call('fallocate', file, 0, 0, programSize(program) + BESIDE_PROGRAM);
  let result = reserve();
  while (result === -ERRNO.EINTR) result = reserve();
  if (result < 0 && result !== -ERRNO.EOPNOTSUPP && result !== -ERRNO.ENOSYS)
    throw new SyscallError('fallocate', -result, { while: program.name });
}

/** What a region holds beside its program, and the rest of its last page. */
const BESIDE_PROGRAM = 8192;

/** A failure of Node's own file functions as ours: with the call, its path and the man page. */
export function typed(error: unknown, during: string): unknown {
  if (error instanceof EngineError || !(error instanceof Error)) return error;
  const { errno, syscall, path } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) return error;
  const name = syscall === 'scandir' ? 'getdents64' : syscall;
  return new SyscallError(name, -errno, { ...(path === undefined ? {} : { path }), while: during, cause: error });
}
