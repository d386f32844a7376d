import koffi from 'koffi';
import { ERRNO, type ErrnoName } from '../errno.js';
import { EngineError, SyscallError } from '../errors.js';
import { check, type Kernel, realKernel } from '../kernel.js';
import { sealedMemfd } from '../memfd.js';
import { dataAt, layOutInto, type Program, programSize, type RecordSpec, recordIndex, type Word } from './builder.js';
import { noteProgram, type ProgramDeed } from './deed.js';
import { enterImage } from './elf.js';
import { HEADER, HEADER_SIZE, RECORD, RECORD_SIZE, type RecordState, STATES } from './record.js';
import { mapCode, SharedRegion } from './region.js';
import { noteTicks, tickLengthNs } from './ticks.js';
import { WALKER_CODE } from './walker-code.js';

/** Flags of clone(2) that programs use. */
export const CLONE = {
  VM: 0x100,
  FS: 0x200,
  FILES: 0x400,
  PIDFD: 0x1000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  PARENT_SETTID: 0x100000,
  NEWTIME: 0x80,
  NEWNS: 0x20000,
  NEWCGROUP: 0x02000000,
  NEWUTS: 0x04000000,
  NEWIPC: 0x08000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
  CLEAR_SIGHAND: 0x100000000n,
  INTO_CGROUP: 0x200000000n,
} as const;

export const CLONE_ARGS_SIZE = 88;
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WALL = 0x40000000;
const P_PIDFD = 3;

/** Make record `index` fail with `errno` without issuing it: how every failure of a program is tried. */
export interface Injection {
  readonly index: number;
  readonly errno: ErrnoName;
}

export interface StartOptions {
  /** CLONE_NEW… and CLONE_FILES, or'ed; CLONE_CLEAR_SIGHAND and CLONE_PIDFD are always set. */
  readonly flags?: number;
  /** Descriptor of a cgroup v2 directory that the child is to be born in. */
  readonly cgroupFd?: number;
  readonly inject?: Injection;
  /** Hold every record, so that the caller releases them one by one. */
  readonly step?: boolean;
  /** The region is this file, so that others can map it; how to become an image that walks on in it. */
  readonly image?: ImageOptions;
}

/**
 * The child becomes a sealed image of one page before it does anything else: record `enter` executes it, record `entered`
 * is the first that it walks. Until then the child borrows our memory, as vfork(2) does, and we wait; no record before
 * `enter` may be held.
 */
export interface ImageOptions {
  /** Descriptor of the region's file, close-on-exec and with the same number in the child when it executes. */
  readonly file: number;
  readonly name: string;
  /** False only where a test shows what the seal is for. */
  readonly sealed?: boolean;
}

export interface TraceEntry {
  readonly index: number;
  readonly state: RecordState;
  /** The kernel's answer: a value, or a negated errno; null until the record was issued. */
  readonly result: number | null;
  readonly durationNs: number | null;
}

export interface ExitStatus {
  readonly exitCode: number;
  /** Number of the signal that ended it, 0 when it exited. */
  readonly signal: number;
}

let walkerBase: bigint | undefined;
const startPrototype = koffi.proto(
  'long walker_start(uint64_t arguments, uint64_t size, uint64_t record, uint64_t header)',
);

/** clone_args of clone3(2): eleven 64-bit words. */
function cloneArgs(options: { flags: bigint; pidfdAt?: bigint; cgroupFd?: number }): Buffer {
  const bytes = Buffer.alloc(CLONE_ARGS_SIZE);
  bytes.writeBigUInt64LE(options.flags, 0);
  bytes.writeBigUInt64LE(options.pidfdAt ?? 0n, 8);
  bytes.writeBigUInt64LE(BigInt(options.cgroupFd ?? 0), 80);
  return bytes;
}

/**
 * A child that walks a program. The parent keeps the region: it reads results and times from it while the child runs
 * and after, releases held records, and must call `dispose` in the end (which does not end the child).
 */
export class RunningProgram {
  readonly program: Program;
  readonly pid: number;
  readonly pidfd: number;
  #kernel: Kernel;
  #region: SharedRegion;
  #status: ExitStatus | null = null;
  #disposed = false;
  /** What is noted of it for who asked for it; null: nobody is told. */
  readonly deed: ProgramDeed | null;

  private constructor(kernel: Kernel, program: Program, region: SharedRegion, pid: number, pidfd: number) {
    this.#kernel = kernel;
    this.program = program;
    this.#region = region;
    this.pid = pid;
    this.pidfd = pidfd;
    this.deed = noteProgram(program, () => readTrace(this.#bytes, program.records.length));
  }

  /**
   * Lay the program out in shared memory and clone3 a child that walks it. Throws SyscallError when no child was made;
   * nothing is left then.
   */
  static start(program: Program, options: StartOptions = {}, kernel: Kernel = realKernel): RunningProgram {
    const architecture = process.arch === 'x64' || process.arch === 'arm64' ? process.arch : null;
    if (architecture === null)
      throw new EngineError('NotImplemented', `programs run on x86-64 and arm64, not on ${process.arch}`);
    walkerBase ??= mapCode(kernel, WALKER_CODE[architecture].code);
    noteTicks();
    const size = programSize(program);
    const region = new SharedRegion(kernel, size + CLONE_ARGS_SIZE + 16, options.image?.file);
    let image = -1;
    try {
      layOutInto(region.bytes, program, region.base);
      let vfork = 0;
      if (options.image !== undefined) {
        image = enterMemfd(kernel, program, region, options.image);
        region.bytes.writeBigInt64LE(BigInt(image), recordAt(recordIndex(program, 'enter')) + RECORD.args);
        // a process that is being stepped waits, and we must not wait for it: it gets a copy of our memory instead
        if (options.step !== true) vfork = CLONE.VM | CLONE.VFORK;
      }
      if (options.inject !== undefined) {
        if (options.inject.index >= program.records.length) throw new RangeError(`no record ${options.inject.index}`);
        region.bytes.writeInt32LE(ERRNO[options.inject.errno], recordAt(options.inject.index) + RECORD.inject);
      }
      if (options.step === true) {
        program.records.forEach((_, index) => {
          region.bytes.writeUInt32LE(1, recordAt(index) + RECORD.hold);
        });
      }
      const pidfdAt = size + CLONE_ARGS_SIZE;
      const flags = BigInt(((options.flags ?? 0) | vfork) >>> 0) | BigInt(CLONE.PIDFD) | CLONE.CLEAR_SIGHAND;
      cloneArgs({
        flags: options.cgroupFd === undefined ? flags : flags | CLONE.INTO_CGROUP,
        pidfdAt: region.base + BigInt(pidfdAt),
        ...(options.cgroupFd === undefined ? {} : { cgroupFd: options.cgroupFd }),
      }).copy(region.bytes, size);
      const pid = Number(
        koffi.call(
          walkerBase,
          startPrototype,
          region.base + BigInt(size),
          CLONE_ARGS_SIZE,
          region.base + BigInt(HEADER_SIZE),
          region.base,
        ),
      );
      if (pid < 0) throw new SyscallError('clone3', -pid, { while: `starting ${program.name}` });
      return new RunningProgram(kernel, program, region, pid, region.bytes.readInt32LE(pidfdAt));
    } catch (error) {
      region.unmap();
      throw error;
    } finally {
      if (image >= 0) kernel.call('close', image);
    }
  }

  /**
   * Block until the record named `label` is held (the child waits before it). Throws the child's own failure, or
   * DeadlineExceeded. Blocks this thread: only for the few milliseconds of a start. `ended` tells whether the process that
   * is to arrive has ended instead; by default the program's first child is meant. It is asked when nothing has happened for `askMs`.
   */
  waitHeld(label: string, options: { timeoutMs?: number; ended?: () => boolean; askMs?: number } = {}): void {
    const timeoutMs = options.timeoutMs ?? 10_000;
    const ended = options.ended ?? (() => this.tryWait() !== null);
    const index = recordIndex(this.program, label);
    const deadline = performance.now() + timeoutMs;
    for (let isQuiet = timeoutMs === 0; ; ) {
      const arrived = this.#bytes.readUInt32LE(HEADER.arrived);
      if (this.#state(index) !== 'pending') return;
      this.throwFailure();
      if (isQuiet && ended()) {
        this.throwFailure();
        if (this.#state(index) !== 'pending') return;
        throw new EngineError('Aborted', `${this.program.name}: ended before ${label}`);
      }
      if (performance.now() > deadline)
        throw new EngineError('DeadlineExceeded', `${this.program.name}: did not reach ${label} in ${timeoutMs} ms`);
      if (timeoutMs > 0) isQuiet = !this.#futexWait(HEADER.arrived, arrived, options.askMs ?? 20);
    }
  }

  /** Let a held record go. */
  release(label: string | number): void {
    const at = recordAt(typeof label === 'number' ? label : recordIndex(this.program, label)) + RECORD.hold;
    this.#bytes.writeUInt32LE(0, at);
    this.#kernel.call('futex', this.#region.base + BigInt(at), FUTEX_WAKE, 0x7fffffff, 0, 0, 0);
  }

  /** Write an argument of a record that has not been issued yet. */
  setArgument(label: string, argument: 0 | 1 | 2 | 3 | 4 | 5, value: number | bigint): void {
    const at = recordAt(recordIndex(this.program, label)) + RECORD.args + argument * 8;
    this.#bytes.writeBigInt64LE(BigInt(value), at);
  }

  /** Write into the program's data, for structs that are only known after the child exists. `offset` as in DataRef. */
  writeData(offset: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, dataAt(this.program) + offset);
  }

  readData(offset: number, length: number): Buffer {
    const at = dataAt(this.program) + offset;
    return Buffer.from(this.#bytes.subarray(at, at + length));
  }

  /** The answer that the kernel gave to a record; null until it was issued. */
  result(label: string | number): number | null {
    const index = typeof label === 'number' ? label : recordIndex(this.program, label);
    return this.#state(index) === 'pending' || this.#state(index) === 'held'
      ? null
      : Number(this.#bytes.readBigInt64LE(recordAt(index) + RECORD.result));
  }

  /**
   * As `result`, for a record that another process of the program has issued but may not have written down yet: a nested
   * clone's child can be far ahead of its parent. Blocks for at most a second.
   */
  resultSoon(label: string): number {
    for (let tries = 0; tries < 1000; tries++) {
      const result = this.result(label);
      if (result !== null) return result;
      this.throwFailure();
      this.#futexWait(HEADER.arrived, this.#bytes.readUInt32LE(HEADER.arrived), 1);
    }
    throw new EngineError('DeadlineExceeded', `${this.program.name}: ${label} has no result`);
  }

  /** Index and errno of the record at which the program stopped, null while nothing failed. */
  failure(): { index: number; errno: number } | null {
    const address = this.#bytes.readBigUInt64LE(HEADER.failed);
    if (address === 0n) return null;
    const index = Number(address - this.#region.base - BigInt(HEADER_SIZE)) / RECORD_SIZE;
    return { index, errno: -Number(this.#bytes.readBigInt64LE(recordAt(index) + RECORD.result)) };
  }

  /** Throw the failure, if there is one, as a SyscallError that names the call, its path and the program. */
  throwFailure(): void {
    const failure = this.failure();
    if (failure === null) return;
    const record = this.program.records[failure.index];
    if (record === undefined || record.syscall === 'none')
      throw new EngineError('Internal', `${this.program.name}: record ${failure.index} failed`);
    const path = record.args.find(
      (word) => typeof word === 'object' && word.kind === 'data' && word.text.startsWith('"'),
    );
    throw new SyscallError(record.syscall, failure.errno, {
      while: this.program.name,
      ...(typeof path === 'object' && path.kind === 'data' ? { path: JSON.parse(path.text) as string } : {}),
    });
  }

  /** The whole trace, readable while the child runs and afterwards, until `dispose`. */
  trace(): TraceEntry[] {
    return readTrace(this.#bytes, this.program.records.length);
  }

  /** The records with the numbers that were put in place of their own: by an earlier record, or with `setArgument`. */
  issuedRecords(): RecordSpec[] {
    const bytes = this.#bytes;
    return this.program.records.map((record, index) => {
      const at = recordAt(index) + RECORD.args;
      const args = record.args.map((word, n): Word => {
        if (typeof word === 'object') return word;
        const issued = bytes.readBigInt64LE(at + n * 8);
        return issued === BigInt.asIntN(64, BigInt(word)) ? word : issued;
      });
      return { ...record, args };
    });
  }

  /** Indexes of the records at which a process waits to be released, ascending. */
  waiting(): number[] {
    return this.program.records.flatMap((_, index) =>
      this.#state(index) === 'held' && this.#bytes.readUInt32LE(recordAt(index) + RECORD.hold) !== 0 ? [index] : [],
    );
  }

  /** Reap the child if it has ended: its status, or null while it runs. Idempotent. */
  tryWait(): ExitStatus | null {
    if (this.#disposed) return this.#status ?? { exitCode: 255, signal: 0 };
    this.#status ??= waitPidfd(this.#kernel, this.pidfd, WNOHANG);
    return this.#status;
  }

  /** Block until the child has ended. Only for children that end by themselves within milliseconds. */
  wait(): ExitStatus {
    this.#status ??= waitPidfd(this.#kernel, this.pidfd, 0);
    return this.#status ?? { exitCode: 255, signal: 0 };
  }

  /** Send a signal through the pidfd: never to a reused pid. */
  kill(signal: number): void {
    if (this.#disposed || this.#status !== null) return; // the pidfd's number may be another's by now
    const result = this.#kernel.call('pidfd_send_signal', this.pidfd, signal, null, 0);
    if (result < 0 && result !== -ERRNO.ESRCH)
      throw new SyscallError('pidfd_send_signal', -result, { while: this.program.name });
  }

  /** SIGKILL and reap. */
  destroy(): void {
    if (this.tryWait() === null) {
      this.kill(9);
      this.wait();
    }
    this.dispose();
  }

  /** Give back the region and the pidfd. The child, if it still runs, must have left the region (by execve). */
  dispose(): void {
    if (this.#disposed) return;
    this.deed?.keep(this.#bytes);
    this.#disposed = true;
    this.#region.unmap();
    this.#kernel.call('close', this.pidfd);
  }

  /** The region's memory; once it is given back a look at it would end this process. */
  get #bytes(): Buffer {
    if (this.#disposed) throw new EngineError('FailedPrecondition', `${this.program.name}: its records are given back`);
    return this.#region.bytes;
  }

  #state(index: number): RecordState {
    return STATES[this.#bytes.readUInt32LE(recordAt(index) + RECORD.state)] ?? 'pending';
  }

  /** False when the time is over. */
  #futexWait(at: number, expected: number, timeoutMs: number): boolean {
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(BigInt(Math.floor(timeoutMs / 1000)), 0);
    timeout.writeBigInt64LE(BigInt((timeoutMs % 1000) * 1_000_000), 8);
    const result = this.#kernel.call('futex', this.#region.base + BigInt(at), FUTEX_WAIT, expected, timeout, 0, 0);
    if (result < 0 && ![ERRNO.EAGAIN, ERRNO.ETIMEDOUT, ERRNO.EINTR].includes(-result as 11))
      throw new SyscallError('futex', -result);
    return result !== -ERRNO.ETIMEDOUT;
  }
}

/** The sealed image for `enter`: nobody who executes it, or opens it as /proc/PID/exe, can change it (CVE-2019-5736). */
function enterMemfd(
  kernel: Kernel,
  program: Program,
  region: SharedRegion,
  { name, file, sealed }: ImageOptions,
): number {
  const entered = region.base + BigInt(recordAt(recordIndex(program, 'entered')));
  const image = enterImage({ base: region.base, size: region.size, file }, entered);
  return sealedMemfd(kernel, name, image, sealed);
}

/** Offset of a record in its region. */
export function recordAt(index: number): number {
  return HEADER_SIZE + index * RECORD_SIZE;
}

/** What became of each of the first `count` records of a region. */
export function readTrace(bytes: Buffer, count: number): TraceEntry[] {
  const nsPerTick = tickLengthNs();
  return Array.from({ length: count }, (_, index) => {
    const at = recordAt(index);
    const state = STATES[bytes.readUInt32LE(at + RECORD.state)] ?? 'pending';
    const issued = state === 'done' || state === 'failed';
    const begun = bytes.readBigUInt64LE(at + RECORD.begun);
    const ended = bytes.readBigUInt64LE(at + RECORD.ended);
    return {
      index,
      state,
      result: issued ? Number(bytes.readBigInt64LE(at + RECORD.result)) : null,
      durationNs: issued && ended > begun ? Math.round(Number(ended - begun) * nsPerTick) : null,
    };
  });
}

/** waitid(2) on a pidfd: the status, or null with WNOHANG while the process runs. ECHILD (reaped elsewhere) counts as ended. */
export function waitPidfd(kernel: Kernel, pidfd: number, options: number): ExitStatus | null {
  const info = Buffer.alloc(128);
  for (;;) {
    const result = kernel.call('waitid', P_PIDFD, pidfd, info, WEXITED | WALL | options, 0);
    if (result === -ERRNO.EINTR) continue;
    if (result === -ERRNO.ECHILD) return { exitCode: 255, signal: 0 };
    check({ call: () => result }, 'waitid', []);
    break;
  }
  if (info.readInt32LE(0) === 0) return null;
  const code = info.readInt32LE(8);
  const status = info.readInt32LE(24);
  return code === 1 ? { exitCode: status, signal: 0 } : { exitCode: 128 + status, signal: status };
}
