import { EngineError } from '../../kernel/errors.js';
import { LATER_SYSCALLS } from './later-syscalls.js';
import { SYSCALL_NUMBERS } from './syscall-numbers.js';

/** A set of system calls that a filter is compiled for. Two ABIs may share what the kernel reports as `arch`: x86-64 and x32. */
export interface Abi {
  readonly name: 'x86_64' | 'x86' | 'x32' | 'aarch64' | 'arm';
  /** `seccomp_data.arch`: AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number;
  /** Width of an argument in comparisons: libseccomp compares x32's in 32 bits. */
  readonly bits: 32 | 64;
  readonly column: 0 | 1 | 2 | 3 | 4;
}

/** Bit of the number that says "x32": asm/unistd.h, __X32_SYSCALL_BIT. */
export const X32_BIT = 0x40000000;

export const X86_64: Abi = { name: 'x86_64', audit: 0xc000003e, bits: 64, column: 0 };
export const X86: Abi = { name: 'x86', audit: 0x40000003, bits: 32, column: 1 };
export const X32: Abi = { name: 'x32', audit: 0xc000003e, bits: 32, column: 2 };
export const AARCH64: Abi = { name: 'aarch64', audit: 0xc00000b7, bits: 64, column: 3 };
export const ARM: Abi = { name: 'arm', audit: 0x40000028, bits: 32, column: 4 };

const ABIS: Readonly<Record<string, Abi>> = {
  SCMP_ARCH_X86_64: X86_64,
  SCMP_ARCH_X86: X86,
  SCMP_ARCH_X32: X32,
  SCMP_ARCH_AARCH64: AARCH64,
  SCMP_ARCH_ARM: ARM,
};

/**
 * Architectures that a profile may name and that no process of an x86 or arm64 machine has. Those of the other byte order
 * libseccomp refuses to put into one filter (seccomp_arch_add(3), EDOM).
 */
const FOREIGN: Readonly<Record<string, 'little' | 'big'>> = {
  SCMP_ARCH_MIPS: 'big',
  SCMP_ARCH_MIPS64: 'big',
  SCMP_ARCH_MIPS64N32: 'big',
  SCMP_ARCH_MIPSEL: 'little',
  SCMP_ARCH_MIPSEL64: 'little',
  SCMP_ARCH_MIPSEL64N32: 'little',
  SCMP_ARCH_PPC: 'big',
  SCMP_ARCH_PPC64: 'big',
  SCMP_ARCH_PPC64LE: 'little',
  SCMP_ARCH_S390: 'big',
  SCMP_ARCH_S390X: 'big',
  SCMP_ARCH_PARISC: 'big',
  SCMP_ARCH_PARISC64: 'big',
  SCMP_ARCH_RISCV64: 'little',
  SCMP_ARCH_LOONGARCH64: 'little',
  SCMP_ARCH_M68K: 'big',
  SCMP_ARCH_SH: 'little',
  SCMP_ARCH_SHEB: 'big',
};

export type NativeArchitecture = 'x64' | 'arm64';
export const nativeAbi = (native: NativeArchitecture): Abi => (native === 'x64' ? X86_64 : AARCH64);

/** Every `SCMP_ARCH_*` that a profile may name. */
export const KNOWN_ARCHITECTURES: readonly string[] = [...Object.keys(ABIS), ...Object.keys(FOREIGN)].sort();

/** The ABI of a name, or null for an architecture whose calls this machine cannot make. */
export function abiOf(name: string): Abi | null {
  const abi = ABIS[name];
  if (abi !== undefined) return abi;
  const order = FOREIGN[name];
  if (order === undefined) throw new EngineError('InvalidArgument', `string ${name} is not a valid arch for seccomp`);
  if (order === 'big')
    throw new EngineError(
      'InvalidArgument',
      `error adding architecture to seccomp filter: ${name} has another byte order than this machine`,
    );
  return null;
}

/** The numbers of a call, one for each column of an ABI, -1 where it has none; null when no ABI that is known here has it. */
export type SyscallRow = readonly [number, number, number, number, number];

export function syscallRow(name: string): SyscallRow | null {
  if (Object.hasOwn(SYSCALL_NUMBERS, name)) return SYSCALL_NUMBERS[name] ?? null;
  return Object.hasOwn(LATER_SYSCALLS, name) ? (LATER_SYSCALLS[name] ?? null) : null;
}

/** The number as the kernel reports it (x32 with its bit), or null. */
export function numberIn(row: SyscallRow, abi: Abi): number | null {
  const number = row[abi.column];
  if (number < 0) return null;
  return abi === X32 ? number + X32_BIT : number;
}

export function syscallNumberOf(name: string, abi: Abi): number | null {
  const row = syscallRow(name);
  return row === null ? null : numberIn(row, abi);
}

const namesByAbi = new Map<Abi, ReadonlyMap<number, string>>();

/** The name of a number, for listings; null when the ABI has no such call. */
export function syscallNameOf(number: number, abi: Abi): string | null {
  let names = namesByAbi.get(abi);
  if (names === undefined) {
    const made = new Map<number, string>();
    for (const name of [...Object.keys(SYSCALL_NUMBERS), ...Object.keys(LATER_SYSCALLS)]) {
      const its = syscallNumberOf(name, abi);
      if (its !== null && !made.has(its)) made.set(its, name);
    }
    namesByAbi.set(abi, made);
    names = made;
  }
  return names.get(number) ?? null;
}
