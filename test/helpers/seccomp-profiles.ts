import fc from 'fast-check';
import type { SpecSeccomp } from '../../engine/runtime/spec/types.js';
import type { SyscallData } from './bpf.js';

/** Names of every kind: old, new, of one ABI only, multiplexed on i386, renamed on x32, and one that no kernel has. */
const NAMES = [
  ...[
    'read',
    'write',
    'ioctl',
    'socket',
    'accept',
    'sendmsg',
    'semop',
    'shmget',
    'socketcall',
    'ipc',
    'clone',
    'umount',
  ],
  ...[
    'personality',
    'clone3',
    'openat2',
    'futex_waitv',
    'preadv',
    'stime',
    'breakpoint',
    'fcntl64',
    'execve',
    'renameat',
  ],
  'no_such_call',
];

/** Words at which 64-bit comparisons in 32-bit halves go wrong, if they do. */
const WORDS = [0n, 1n, 5n, 38n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x100000005n, 0x500000000n].concat(
  [0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffff00000000n, 0xffffffffffffffffn],
);
const word = fc.constantFrom(...WORDS);
const near = fc.tuple(word, fc.constantFrom(-1n, 0n, 0n, 0n, 1n)).map(([base, by]) => BigInt.asUintN(64, base + by));

export const ACTIONS = ['KILL', 'KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO', 'TRACE', 'LOG', 'ALLOW'] as const;
const action = fc.constantFrom(...ACTIONS.map((name) => `SCMP_ACT_${name}`));
const errnoRet = fc.option(fc.constantFrom(0, 1, 38, 4094), { nil: undefined });
const operator = fc.constantFrom(...['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'].map((op) => `SCMP_CMP_${op}`));
const condition = fc.record({ index: fc.nat(5), op: operator, value: near, valueTwo: near });

/**
 * Profiles of few calls with many rules. `oneAction`: all rules that look at arguments have one action, so that no order
 * among them can matter, as in every profile that is in use.
 */
export function profiles(options: { readonly oneAction: boolean }): fc.Arbitrary<SpecSeccomp> {
  const rule = fc.record({
    names: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
    action,
    errnoRet,
    args: fc.array(condition, { maxLength: 3 }),
  });
  return fc
    .record({
      defaultAction: action,
      defaultErrnoRet: errnoRet,
      architectures: fc.subarray([
        'SCMP_ARCH_X86_64',
        'SCMP_ARCH_X86',
        'SCMP_ARCH_X32',
        'SCMP_ARCH_AARCH64',
        'SCMP_ARCH_ARM',
      ]),
      flags: fc.constant([]),
      rules: fc.array(rule, { minLength: 1, maxLength: 8 }),
      conditional: action,
    })
    .map(({ rules, conditional, defaultErrnoRet, ...rest }) => ({
      ...rest,
      ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
      syscalls: rules.map(({ errnoRet: data, ...each }) => {
        const chosen =
          options.oneAction && each.args.length > 0
            ? { action: conditional }
            : data === undefined
              ? {}
              : { errnoRet: data };
        return { ...each, ...chosen };
      }),
    }));
}

/** AUDIT_ARCH_*: x86-64, i386, arm64, arm, and one that no profile here names (s390x). */
const ARCHITECTURES = [0xc000003e, 0x40000003, 0xc00000b7, 0x40000028, 0x80000016];

/** Calls near the profile's own numbers and at the edges of the number space. */
export function calls(numbers: readonly number[]): fc.Arbitrary<SyscallData> {
  const edges = [0, 1023, 0x3fffffff, 0x40000000, 0x40000400, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000];
  const number = fc
    .tuple(
      fc.constantFrom(...numbers, ...numbers, ...numbers, ...edges, 0xfffffffe, 0xffffffff),
      fc.constantFrom(0, 0, 0, 1, -1),
    )
    .map(([base, by]) => (base + by) >>> 0);
  return fc.record({
    nr: number,
    arch: fc.constantFrom(0xc000003e, ...ARCHITECTURES),
    args: fc.tuple(near, near, near, near, near, near),
  });
}
