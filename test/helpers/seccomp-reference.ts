import { LATER_SYSCALLS } from '../../engine/runtime/seccomp/later-syscalls.js';
import { SYSCALL_NUMBERS } from '../../engine/runtime/seccomp/syscall-numbers.js';
import type { SeccompArg, SpecSeccomp } from '../../engine/runtime/spec/types.js';
import type { SyscallData } from './bpf.js';

const COLUMNS = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'];
const AUDIT = [0xc000003e, 0x40000003, 0xc000003e, 0xc00000b7, 0x40000028];
const WIDTH = [64, 32, 32, 64, 32];
const VALUES: Readonly<Record<string, number>> = {
  ...{ KILL: 0, KILL_THREAD: 0, KILL_PROCESS: 0x80000000, TRAP: 0x30000, ERRNO: 0x50000 },
  ...{ TRACE: 0x7ff00000, LOG: 0x7ffc0000, ALLOW: 0x7fff0000 },
};
/** Names of linux/net.h and linux/ipc.h in order of their sub-call numbers; holes are empty. */
const SOCKETCALL =
  ' socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg'.split(
    ' ',
  );
const IPC = ' semop semget semctl semtimedop       msgsnd msgrcv msgget msgctl       shmat shmdt shmget shmctl'.split(
  ' ',
);

export function returnValue(action: string, errnoRet: number | undefined): number {
  const base = VALUES[action.replace('SCMP_ACT_', '')] ?? Number.NaN;
  return action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE' ? base + (errnoRet ?? 1) : base;
}

/** The number of a name in a column as the kernel reports it, or -1. */
export function numberIn(name: string, column: number): number {
  const plain = (SYSCALL_NUMBERS[name] ?? LATER_SYSCALLS[name])?.[column] ?? -1;
  return plain >= 0 && column === 2 ? plain + 0x40000000 : plain;
}

/** Every number that a profile's names have anywhere. */
export const numbersOf = (seccomp: SpecSeccomp): number[] =>
  [...new Set(seccomp.syscalls.flatMap(({ names }) => names))]
    .concat('socketcall', 'ipc')
    .flatMap((name) => COLUMNS.map((_, column) => numberIn(name, column)))
    .filter((number) => number >= 0);

/**
 * The decision on one call, straight from the text of the profile: no tables, no ranges, no tree. Null: rules of different
 * actions match and their order would decide, which the comparison with libseccomp covers.
 */
export function decideByReference(seccomp: SpecSeccomp, native: 'x64' | 'arm64', call: SyscallData): number | null {
  const listed = seccomp.architectures.map((name) => COLUMNS.indexOf(name));
  const inFilter = [...listed, native === 'x64' ? 0 : 3];
  const isX86 = call.arch === AUDIT[0];
  if (!inFilter.some((column) => AUDIT[column] === call.arch)) return 0;

  const permissive = ['ALLOW', 'LOG', 'TRACE'].includes(seccomp.defaultAction.replace('SCMP_ACT_', ''));
  const hasX32Bit = Math.floor(call.nr / 0x40000000) % 2 === 1;
  const hasTwins = isX86;
  const stubColumn = hasTwins ? (hasX32Bit ? 2 : 0) : AUDIT.indexOf(call.arch);
  if (!permissive && listed.includes(stubColumn)) {
    const names = seccomp.syscalls.flatMap((rule) => rule.names);
    const counted =
      stubColumn === 1 ? names.filter((name) => !SOCKETCALL.includes(name) && !IPC.includes(name)) : names;
    const newest = Math.max(0, ...counted.map((name) => numberIn(name, stubColumn)));
    if (newest > 0 && call.nr > newest) return 0x50026;
  }

  const column = hasTwins ? (call.nr >= 0x40000000 ? 2 : 0) : AUDIT.indexOf(call.arch);
  const fallback = returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  if (!inFilter.includes(column)) return call.nr === 0xffffffff && inFilter.includes(0) ? fallback : 0;

  const verdicts: { readonly value: number; readonly always: boolean }[] = [];
  for (const rule of seccomp.syscalls) {
    const value = returnValue(rule.action, rule.errnoRet);
    if (value === fallback) continue;
    for (const name of rule.names) {
      const repeated = new Set(rule.args.map(({ index }) => index)).size < rule.args.length;
      for (const args of repeated ? rule.args.map((arg) => [arg]) : [rule.args]) {
        if (numberIn(name, column) === call.nr) verdicts.push(...verdict(args, value, call, column));
        const mux =
          column === 1
            ? (['socketcall', 'ipc'] as const).find((_, n) => [SOCKETCALL, IPC][n]?.includes(name))
            : undefined;
        if (mux !== undefined && numberIn(mux, column) === call.nr) {
          const sub = BigInt((mux === 'ipc' ? IPC : SOCKETCALL).indexOf(name));
          const first: SeccompArg = { index: 0, op: 'SCMP_CMP_EQ', value: sub, valueTwo: 0n };
          verdicts.push(...verdict([first, ...args.filter(({ index }) => index !== 0)], value, call, column));
        }
      }
    }
  }
  const always = verdicts.find((one) => one.always);
  if (always !== undefined) return always.value;
  const values = new Set(verdicts.map(({ value }) => value));
  if (values.size > 1) return null;
  return [...values][0] ?? fallback;
}

function verdict(
  args: readonly SeccompArg[],
  value: number,
  call: SyscallData,
  column: number,
): { value: number; always: boolean }[] {
  const cut = (number: bigint): bigint => BigInt.asUintN(WIDTH[column] ?? 64, number);
  const holds = args.every(({ index, op, value: a, valueTwo: b }) => {
    const argument = cut(call.args[index] ?? 0n);
    const datum = cut(a);
    if (op === 'SCMP_CMP_EQ') return argument === datum;
    if (op === 'SCMP_CMP_NE') return argument !== datum;
    if (op === 'SCMP_CMP_LT') return argument < datum;
    if (op === 'SCMP_CMP_LE') return argument <= datum;
    if (op === 'SCMP_CMP_GT') return argument > datum;
    if (op === 'SCMP_CMP_GE') return argument >= datum;
    return (argument & datum) === (cut(b) & datum);
  });
  // a comparison with an empty mask is none
  const always = args.every(({ op, value: mask }) => op === 'SCMP_CMP_MASKED_EQ' && cut(mask) === 0n);
  return holds ? [{ value, always }] : [];
}
