import koffi from 'koffi';
import { SyscallError } from './errors.js';
import { noteSyscall } from './journal/syscall-deed.js';
import { SYSCALLS, type SyscallName } from './syscall-table.js';

/**
 * What a system call takes: a number, a pointer-sized integer, a path or name (passed as a pointer to a NUL-terminated
 * copy), bytes (passed as a pointer to them; the kernel may write into them), or null.
 */
export type Arg = number | bigint | string | Uint8Array | null;

/**
 * The one door to Linux. Everything that the engine asks of the kernel outside a program goes through `call`, so that
 * it can be recorded, and made to fail at the k-th call, without the caller knowing.
 */
export interface Kernel {
  /** Issue a system call. Returns its value, or the negated errno; never throws. See syscall(2). */
  call(name: SyscallName, ...args: Arg[]): number;
}

const ARCHITECTURES = ['x64', 'arm64'] as const;
const column = ARCHITECTURES.indexOf(process.arch as (typeof ARCHITECTURES)[number]);

/** Number of a system call on this machine's architecture; throws where the architecture has none. */
export function syscallNumber(name: SyscallName, architecture: 'x64' | 'arm64' = process.arch as 'x64'): number {
  const at = ARCHITECTURES.indexOf(architecture);
  const number = at < 0 ? -1 : SYSCALLS[name][at as 0 | 1];
  if (number < 0) throw new SyscallError(name, 38, { while: `looking up its number on ${architecture}` });
  return number;
}

const libc = koffi.load(null);
const rawSyscall = libc.func('long syscall(long number, ...)') as unknown as (...args: unknown[]) => number | bigint;

/** Longest path or name that is passed on: PATH_MAX of Linux, with its NUL. */
const PATH_MAX = 4096;

class RealKernel implements Kernel {
  call(name: SyscallName, ...args: Arg[]): number {
    if (column < 0) return -38;
    const number = SYSCALLS[name][column as 0 | 1];
    if (number < 0) return -38;
    const words: unknown[] = [number];
    for (const arg of args) {
      if (typeof arg === 'string') {
        if (arg.includes('\0')) return -22;
        const bytes = Buffer.from(`${arg}\0`);
        if (bytes.length > PATH_MAX) return -36;
        words.push('void *', bytes);
      } else if (arg === null) {
        words.push('long', 0);
      } else if (typeof arg === 'number' || typeof arg === 'bigint') {
        words.push('long', arg);
      } else {
        words.push('void *', arg.length === 0 ? Buffer.alloc(1) : arg);
      }
    }
    const value = Number(rawSyscall(...words));
    const result = value === -1 ? -koffi.errno() : value;
    noteSyscall(name, args, result);
    return result;
  }
}

/** The kernel of this machine. */
export const realKernel: Kernel = new RealKernel();

/** Issue a call that must succeed: its value, or a SyscallError that names the call, the path and the man page. */
export function check(
  kernel: Kernel,
  name: SyscallName,
  args: readonly Arg[],
  context: { path?: string; while?: string } = {},
): number {
  const value = kernel.call(name, ...args);
  if (value >= 0) return value;
  const path = context.path ?? args.find((arg): arg is string => typeof arg === 'string');
  throw new SyscallError(name, -value, {
    ...(path === undefined ? {} : { path }),
    ...(context.while === undefined ? {} : { while: context.while }),
  });
}

/** Address of bytes that stay where they are (an ArrayBuffer is never moved), for structs that hold pointers. */
export function addressOf(bytes: Uint8Array): bigint {
  return BigInt(koffi.address(bytes));
}
