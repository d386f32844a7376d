import { readSync } from 'node:fs';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/kernel.js';
import { waitPidfd } from '../kernel/program/running.js';
import type { Reactor } from '../kernel/reactor.js';
import { CLD_EXITED, SI_CODE, SI_STATUS, SIGINFO_SIZE } from './program/reap.js';
import type { ContainerProcess } from './types.js';

/** What a process that nobody can ask any more is said to have ended with. */
const UNKNOWN = 255;
const WNOHANG = 1;

/** Where the end of a process is learned: we are its parent, or its shim writes it down, in the file `exit`, and ends right after. */
export type Ending = { readonly by: 'us' } | { readonly by: 'shim'; readonly shimPidfd: number; readonly exit: number };

/** A container's process that runs on whether or not anybody looks: signals through its pidfd, its exit code once. */
export class RunningContainerProcess implements ContainerProcess {
  readonly pid: number;
  readonly pidfd: number;
  #kernel: Kernel;
  #reactor: () => Reactor;
  #ending: Ending;
  #code: Promise<number> | undefined;
  #reaped = false;
  #disposed = false;

  constructor(kernel: Kernel, reactor: () => Reactor, made: { pid: number; pidfd: number }, ending: Ending) {
    this.#kernel = kernel;
    this.#reactor = reactor;
    this.pid = made.pid;
    this.pidfd = made.pidfd;
    this.#ending = ending;
  }

  wait(): Promise<number> {
    this.#code ??= this.#wait();
    return this.#code;
  }

  async #wait(): Promise<number> {
    if (this.pidfd >= 0) await this.#reactor().ended(this.pidfd);
    if (this.#ending.by === 'us') {
      const status = waitPidfd(this.#kernel, this.pidfd, 0);
      this.#reaped = true;
      return status?.exitCode ?? UNKNOWN;
    }
    if (this.#ending.shimPidfd >= 0) await this.#reactor().ended(this.#ending.shimPidfd);
    // the shim is our child as long as we live; for another engine it is not (ECHILD)
    if (this.#ending.shimPidfd >= 0) waitPidfd(this.#kernel, this.#ending.shimPidfd, 0);
    return readExit(this.#ending.exit) ?? UNKNOWN;
  }

  kill(signal: number): void {
    if (this.#disposed || this.#reaped || this.pidfd < 0) return;
    const result = this.#kernel.call('pidfd_send_signal', this.pidfd, signal, null, 0);
    if (result < 0 && result !== -ERRNO.ESRCH) throw new SyscallError('pidfd_send_signal', -result);
  }

  /** Take it off the kernel's hands if it has ended and nobody waits for it: a container that was deleted leaves no zombie. True once it has ended. */
  reap(): boolean {
    if (this.#reaped || this.#disposed || this.#code !== undefined || this.pidfd < 0) return this.#reaped;
    const status = waitPidfd(this.#kernel, this.pidfd, WNOHANG);
    if (status === null) return false;
    this.#reaped = true;
    if (this.#ending.by === 'us') this.#code = Promise.resolve(status.exitCode);
    if (this.#ending.by === 'shim') waitPidfd(this.#kernel, this.#ending.shimPidfd, 0);
    return this.#reaped;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const shim = this.#ending.by === 'shim' ? [this.#ending.shimPidfd, this.#ending.exit] : [];
    for (const fd of [this.pidfd, ...shim]) if (fd >= 0) this.#kernel.call('close', fd);
  }
}

/** The exit code in a siginfo_t that a shim wrote into a file; null while there is none. */
export function readExit(file: number): number | null {
  const bytes = Buffer.alloc(SIGINFO_SIZE);
  if (readSync(file, bytes, 0, bytes.length, 0) < bytes.length) return null;
  const status = bytes.readInt32LE(SI_STATUS);
  return bytes.readInt32LE(SI_CODE) === CLD_EXITED ? status : 128 + status;
}
