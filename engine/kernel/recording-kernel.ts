import type { Arg, Kernel } from './kernel.js';
import type { SyscallName } from './syscall-table.js';

/** One call as it was asked and answered. Bytes are copied at the time of the call, before the kernel writes into them. */
export interface RecordedCall {
  readonly name: SyscallName;
  readonly args: readonly Arg[];
  readonly result: number;
}

/**
 * A kernel that writes down what it is asked and either passes it on (to the real one) or, without one, answers from a
 * table: so that a unit test can assert the exact sequence of calls without doing any of them.
 */
export class RecordingKernel implements Kernel {
  readonly calls: RecordedCall[] = [];
  #answer: (name: SyscallName, args: readonly Arg[]) => number;

  /** @param behind the kernel that answers, or a function that makes answers up (a value, or a negated errno) */
  constructor(behind: Kernel | ((name: SyscallName, args: readonly Arg[]) => number)) {
    this.#answer = typeof behind === 'function' ? behind : (name, args) => behind.call(name, ...args);
  }

  call(name: SyscallName, ...args: Arg[]): number {
    const copied = args.map((arg) => (arg instanceof Uint8Array ? Uint8Array.from(arg) : arg));
    const result = this.#answer(name, args);
    this.calls.push({ name, args: copied, result });
    return result;
  }

  /** Names in order: what most tests compare. */
  get names(): SyscallName[] {
    return this.calls.map(({ name }) => name);
  }
}
