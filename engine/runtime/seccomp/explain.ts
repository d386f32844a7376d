import { actionText } from './actions.js';
import { AARCH64, type Abi, ARM, syscallNameOf, X32, X32_BIT, X86, X86_64 } from './architectures.js';
import { BPF, decode, type Instruction } from './bpf.js';
import type { Range } from './ranges.js';
import type { Condition } from './rules.js';

/** What the calls of one architecture get, as ranges of numbers with their names. */
export interface ArchitectureView {
  /** `AUDIT_ARCH_X86_64` … */
  readonly architecture: string;
  readonly ranges: readonly RangeView[];
}

export interface RangeView {
  readonly from: number;
  readonly to: number;
  /** Calls in the range, in order of their numbers; x32's with the prefix `x32:`. */
  readonly names: readonly string[];
  /** Tried in turn; the first whose conditions hold decides. */
  readonly rules: readonly { readonly conditions: readonly string[]; readonly action: string }[];
  /** `ALLOW`, `ERRNO(EPERM)` … when no rule decides. */
  readonly otherwise: string;
}

const AUDIT: ReadonlyMap<number, { readonly name: string; readonly abis: readonly Abi[] }> = new Map([
  [X86_64.audit, { name: 'AUDIT_ARCH_X86_64', abis: [X86_64, X32] }],
  [X86.audit, { name: 'AUDIT_ARCH_I386', abis: [X86] }],
  [AARCH64.audit, { name: 'AUDIT_ARCH_AARCH64', abis: [AARCH64] }],
  [ARM.audit, { name: 'AUDIT_ARCH_ARM', abis: [ARM] }],
]);
/** No ABI numbers its calls higher, apart from x32's bit and arm's few private ones. */
const HIGHEST = 1024;
const ARM_PRIVATE = 0xf0000;

export function viewOf(audit: number, ranges: readonly Range[]): ArchitectureView {
  const { name, abis } = AUDIT.get(audit) ?? { name: hex(audit), abis: [] };
  return {
    architecture: name,
    ranges: ranges.map(({ from, to, matches, otherwise }) => ({
      from,
      to,
      names: abis.flatMap((abi) => namesIn(abi, from, to)),
      rules: matches.map(({ conditions, action }) => ({
        conditions: conditions.map(conditionText),
        action: actionText(action),
      })),
      otherwise: actionText(otherwise),
    })),
  };
}

function namesIn(abi: Abi, from: number, to: number): string[] {
  const bases = abi === X32 ? [X32_BIT] : abi === ARM ? [0, ARM_PRIVATE] : [0];
  return bases.flatMap((base) => {
    const names: string[] = [];
    for (let number = Math.max(from, base); number <= Math.min(to, base + HIGHEST); number++) {
      const name = syscallNameOf(number, abi);
      if (name !== null) names.push(abi === X32 ? `x32:${name}` : name);
    }
    return names;
  });
}

const OPERATORS = { EQ: '==', NE: '!=', LT: '<', LE: '<=', GT: '>', GE: '>=' } as const;

/** `arg0 < 38`, `(arg0 & 0x7e020000) == 0x0` */
export function conditionText({ index, op, mask, value }: Condition): string {
  if (op === 'MASKED_EQ') return `(arg${index} & 0x${mask.toString(16)}) == 0x${value.toString(16)}`;
  return `arg${index} ${OPERATORS[op]} ${value < 4096n ? value : `0x${value.toString(16)}`}`;
}

/** Any filter as the kernel reads it, one line an instruction: `12  if A >= 156 goto 40`. `viewOf` says which calls the numbers are. */
export function explainFilter(filter: Uint8Array): string[] {
  const instructions = decode(filter);
  const width = String(instructions.length).length;
  let loaded = '';
  return instructions.map((one, at) => {
    if (one.code === BPF.load) loaded = fieldName(one.k);
    return `${String(at).padStart(width)}  ${instructionText(one, at, loaded)}`;
  });
}

function instructionText({ code, jt, jf, k }: Instruction, at: number, loaded: string): string {
  const value = loaded === 'arch' ? (AUDIT.get(k)?.name ?? hex(k)) : k < 4096 ? String(k) : hex(k);
  const branch = (test: string, otherwise: string): string => {
    const [yes, no] = [at + 1 + jt, at + 1 + jf];
    if (jf === 0) return `if ${test} goto ${yes}`;
    if (jt === 0) return `if ${otherwise} goto ${no}`;
    return `if ${test} goto ${yes} else goto ${no}`;
  };
  switch (code) {
    case BPF.load:
      return `A = ${fieldName(k)}`;
    case BPF.and:
      return `A &= ${hex(k)}`;
    case BPF.jumpAlways:
      return `goto ${at + 1 + k}`;
    case BPF.jumpEqual:
      return branch(`A == ${value}`, `A != ${value}`);
    case BPF.jumpGreater:
      return branch(`A > ${value}`, `A <= ${value}`);
    case BPF.jumpGreaterEqual:
      return branch(`A >= ${value}`, `A < ${value}`);
    case BPF.jumpAnyBit:
      return branch(`A & ${hex(k)}`, `!(A & ${hex(k)})`);
    case BPF.return:
      return `return ${actionText(k)}`;
    default:
      return `code 0x${code.toString(16)} jt ${jt} jf ${jf} k ${hex(k)}`;
  }
}

/** A word of struct seccomp_data. */
function fieldName(offset: number): string {
  if (offset === 0) return 'nr';
  if (offset === 4) return 'arch';
  if (offset < 16) return offset === 8 ? 'ip low' : 'ip high';
  return `arg${(offset - 16) >> 3} ${(offset & 4) === 0 ? 'low' : 'high'}`;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
