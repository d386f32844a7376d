import { ERRNO, type ErrnoName } from './errno.js';
import type { Arg, Kernel } from './kernel.js';
import type { SyscallName } from './syscall-table.js';

/** Which call is to fail: the `nth` (from 1) of those that `matches` accepts (all, by default). */
export interface Fault {
  readonly nth: number;
  readonly errno: ErrnoName;
  readonly matches?: (name: SyscallName, args: readonly Arg[]) => boolean;
  /** Fail every later one too, as a machine does that has run out of something. */
  readonly lasting?: boolean;
}

/**
 * A kernel in which one chosen call fails without being issued. To try a scenario exhaustively: run it once with a fault
 * that never comes and read `seen`, then once for each k up to it.
 */
export class FaultKernel implements Kernel {
  /** Calls that the fault's filter accepted so far. */
  seen = 0;
  /** Calls that were made to fail. */
  failed = 0;
  #behind: Kernel;
  #fault: Fault;

  constructor(behind: Kernel, fault: Fault) {
    this.#behind = behind;
    this.#fault = fault;
  }

  call(name: SyscallName, ...args: Arg[]): number {
    const { nth, errno, matches, lasting } = this.#fault;
    if (matches?.(name, args) !== false) {
      this.seen++;
      if (this.seen === nth || (lasting === true && this.seen > nth)) {
        this.failed++;
        return -ERRNO[errno];
      }
    }
    return this.#behind.call(name, ...args);
  }
}
