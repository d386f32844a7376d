import { type Abi, syscallNameOf, X32, X32_BIT, X86 } from '../../engine/runtime/seccomp/architectures.js';
import type { Probe } from './syscall-tester.js';

/** Calls that do not come back, wait, make a second process, flush every disk of the machine, or are a signal (uretprobe). */
const NOT_ISSUED = new Set(
  'exit exit_group sigreturn rt_sigreturn pause sigsuspend fork vfork sync uretprobe uprobe'.split(' '),
);

/** Arguments at which a profile looks, or with which -1 would not be harmless. All are refused by the kernel or change nothing. */
const ARGUMENTS: Readonly<Record<string, readonly (readonly bigint[])[]>> = {
  kill: [[0x7ffffff0n, 0n]],
  // the type -1 is refused in every family
  socket: [2n, 16n, 37n, 38n, 39n, 40n, 41n, 0x100000026n].map((family) => [family, -1n, -1n]),
  personality: [0xffffffffn, 0n, 8n, 0x20000n, 0x20008n, 0x40000n, 0x1ffffffffn].map((domain) => [domain]),
  // CLONE_THREAD without CLONE_SIGHAND is refused, whatever namespace is asked for
  clone: [0n, 0x10000000n, 0x20000n, 0x02000000n, 0x80n].map((flags) => [0x10000n | flags, 0n, 0n, 0n, 0n]),
};

/** Every call of an ABI, numbers that no call has, and numbers beyond the newest. */
export function probesOf(abi: Abi): Probe[] {
  const base = abi === X32 ? X32_BIT : 0;
  const probes: Probe[] = [];
  for (let number = base; number < base + 560; number++) {
    const name = syscallNameOf(number, abi);
    if (name !== null && NOT_ISSUED.has(name)) continue;
    const variants = (name === null ? undefined : ARGUMENTS[name]) ?? [[]];
    for (const args of variants)
      probes.push({ name: `${name ?? 'number'} ${number} ${args.join(' ')}`.trim(), number, args });
  }
  for (const number of [600, 1023, 0x3fffffff])
    probes.push({ name: `number ${number}`, number: base + number, args: [] });
  return probes;
}

/** The arguments as the kernel hands them to a filter: i386's registers have 32 bits. */
export const filterArgs = ({ args }: Probe, abi: Abi): bigint[] =>
  [0, 1, 2, 3, 4, 5].map((at) => BigInt.asUintN(abi === X86 ? 32 : 64, args[at] ?? -1n));
