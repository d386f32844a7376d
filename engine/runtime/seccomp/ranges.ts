import { BAD_ARCHITECTURE, ERRNO_ENOSYS } from './actions.js';
import { type Abi, X32, X32_BIT, X86_64 } from './architectures.js';
import type { NumberRules } from './rules.js';

/** Numbers `from` .. `to` that are decided alike: the matches in turn, then `otherwise`. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly matches: NumberRules;
  readonly otherwise: number;
}

/** The rules of one ABI, and the highest number that the profile names on it (null: runc's ENOSYS stub skips the ABI). */
export interface AbiPart {
  readonly abi: Abi;
  readonly numbers: ReadonlyMap<number, NumberRules>;
  readonly newest: number | null;
}

const LAST = 0xffffffff;

/**
 * What each of the 2^32 numbers gets that the kernel reports with one `arch`.
 * - A number above the newest that the profile knows: ENOSYS, so that programs fall back as on an older kernel (runc,
 *   libcontainer/seccomp/patchbpf). The stub tells x32 by bit 30 alone.
 * - x32 numbers where the filter has no x32, and the reverse: as an unknown architecture, but -1, which a tracer uses to
 *   skip a call (libseccomp, src/gen_bpf.c, _gen_bpf_arch).
 */
export function rangesOf(parts: readonly AbiPart[], defaultAction: number): Range[] {
  const own = parts.find(({ abi }) => abi !== X32);
  const x32 = parts.find(({ abi }) => abi === X32);
  const twins = own?.abi === X86_64 || x32 !== undefined;
  const decide = (number: number): Decision => {
    const stub = twins && (number & X32_BIT) !== 0 ? x32 : own;
    const newest = stub?.newest ?? null;
    if (newest !== null && number > newest) return { matches: NONE, otherwise: ERRNO_ENOSYS };
    const part = twins && number >= X32_BIT ? x32 : own;
    if (part === undefined)
      return { matches: NONE, otherwise: number === LAST && own !== undefined ? defaultAction : BAD_ARCHITECTURE };
    const matches = part.numbers.get(number) ?? NONE;
    const always = matches[0];
    if (always !== undefined && always.conditions.length === 0) return { matches: NONE, otherwise: always.action };
    return { matches, otherwise: defaultAction };
  };
  const cuts = new Set([0, LAST, ...(twins ? [X32_BIT, X32_BIT * 2, X32_BIT * 3] : [])]);
  for (const { numbers, newest } of parts) {
    for (const number of numbers.keys()) cuts.add(number).add(number + 1);
    if (newest !== null) cuts.add(newest).add(newest + 1);
  }
  const ranges: Range[] = [];
  let from = 0;
  let decided = decide(0);
  for (const cut of Uint32Array.from(cuts).sort()) {
    const decision = decide(cut);
    if (sameDecision(decided, decision)) continue;
    ranges.push({ from, to: cut - 1, ...decided });
    from = cut;
    decided = decision;
  }
  ranges.push({ from, to: LAST, ...decided });
  return ranges;
}

const NONE: NumberRules = [];

type Decision = Omit<Range, 'from' | 'to'>;

function sameDecision(a: Decision, b: Decision): boolean {
  if (a.otherwise !== b.otherwise || a.matches.length !== b.matches.length) return false;
  return a.matches.length === 0 || matchesText(a) === matchesText(b);
}

const matchesText = ({ matches }: Decision): string =>
  matches
    .map(({ conditions, action }) =>
      [action, ...conditions.map(({ index, op, mask, value }) => `${index}${op}${mask},${value}`)].join(' '),
    )
    .join(';');
