import { EngineError } from '../../kernel/errors.js';
import { BAD_ARCHITECTURE } from './actions.js';
import { BPF, BPF_MAXINSNS, DATA, type Instruction, instruction, LONGEST_JUMP } from './bpf.js';
import type { Range } from './ranges.js';
import type { Condition, Match } from './rules.js';

/** The ranges of one value of `seccomp_data.arch`. */
export interface ArchitectureRanges {
  readonly audit: number;
  readonly ranges: readonly Range[];
}

/**
 * The whole filter: which architecture, then a balanced tree over the number, then the arguments where a rule looks at
 * them. Every path ends in a return, and every jump goes forward: seccomp(2).
 */
export function assemble(architectures: readonly ArchitectureRanges[]): Instruction[] {
  const code: Instruction[] = [instruction(BPF.load, DATA.architecture)];
  for (const { audit, ranges } of architectures) {
    const block = [instruction(BPF.load, DATA.number), ...tree(ranges)];
    if (block.length <= LONGEST_JUMP) code.push(instruction(BPF.jumpEqual, audit, 0, block.length));
    else code.push(instruction(BPF.jumpEqual, audit, 1, 0), instruction(BPF.jumpAlways, block.length));
    code.push(...block);
  }
  code.push(instruction(BPF.return, BAD_ARCHITECTURE));
  if (code.length > BPF_MAXINSNS)
    throw new EngineError(
      'InvalidArgument',
      `the seccomp profile compiles to ${code.length} instructions; the kernel takes at most ${BPF_MAXINSNS}`,
    );
  return code;
}

/** A decision for every number in the ranges; the number is in the accumulator. */
function tree(ranges: readonly Range[]): Instruction[] {
  const [only, second] = ranges;
  if (only === undefined) throw new EngineError('Internal', 'a seccomp filter without ranges');
  if (second === undefined) return leaf(only);
  const middle = ranges.length >> 1;
  const low = tree(ranges.slice(0, middle));
  const high = tree(ranges.slice(middle));
  const from = ranges[middle]?.from ?? 0;
  if (low.length <= LONGEST_JUMP) return [instruction(BPF.jumpGreaterEqual, from, low.length, 0), ...low, ...high];
  const far = instruction(BPF.jumpAlways, low.length);
  return [instruction(BPF.jumpGreaterEqual, from, 0, 1), far, ...low, ...high];
}

function leaf({ matches, otherwise }: Range): Instruction[] {
  return [...matches.flatMap(matchCode), instruction(BPF.return, otherwise)];
}

/** All conditions hold: return the action. Else fall out at the end. */
function matchCode({ conditions, action }: Match): Instruction[] {
  const steps = conditions.map(conditionCode);
  const end = steps.reduce((sum, { length }) => sum + length, 0) + 1;
  const code: Instruction[] = [];
  for (const step of steps) {
    const holds = code.length + step.length;
    for (const { code: operation, k, yes, no } of step) {
      const after = code.length + 1;
      const jump = (to: Target): number => (to === 'next' ? 0 : (to === 'holds' ? holds : end) - after);
      code.push(instruction(operation, k, jump(yes), jump(no)));
    }
  }
  return [...code, instruction(BPF.return, action)];
}

type Target = 'next' | 'holds' | 'fails';
interface Step {
  readonly code: number;
  readonly k: number;
  readonly yes: Target;
  readonly no: Target;
}

const step = (code: number, k: number | bigint, yes: Target = 'next', no: Target = 'next'): Step => ({
  code,
  k: Number(k),
  yes,
  no,
});

/** A 64-bit comparison in 32-bit words, the high one first; on a 32-bit ABI the mask has no high word. */
function conditionCode({ index, op, mask, value }: Condition): Step[] {
  const at = DATA.argument(index);
  const low = step(BPF.load, at);
  const high = step(BPF.load, at + 4);
  const [lowValue, highValue] = [value & 0xffffffffn, value >> 32n];
  const wide = mask >> 32n !== 0n;
  switch (op) {
    case 'MASKED_EQ':
      return [
        ...(wide ? [high, step(BPF.and, mask >> 32n), step(BPF.jumpEqual, highValue, 'next', 'fails')] : []),
        ...((mask & 0xffffffffn) === 0n
          ? []
          : [low, step(BPF.and, mask & 0xffffffffn), step(BPF.jumpEqual, lowValue, 'next', 'fails')]),
      ];
    case 'EQ':
      return [
        ...(wide ? [high, step(BPF.jumpEqual, highValue, 'next', 'fails')] : []),
        low,
        step(BPF.jumpEqual, lowValue, 'holds', 'fails'),
      ];
    case 'NE':
      return [
        ...(wide ? [high, step(BPF.jumpEqual, highValue, 'next', 'holds')] : []),
        low,
        step(BPF.jumpEqual, lowValue, 'fails', 'holds'),
      ];
    case 'GT':
    case 'GE':
      return [
        ...(wide
          ? [high, step(BPF.jumpGreater, highValue, 'holds'), step(BPF.jumpEqual, highValue, 'next', 'fails')]
          : []),
        low,
        step(op === 'GT' ? BPF.jumpGreater : BPF.jumpGreaterEqual, lowValue, 'holds', 'fails'),
      ];
    case 'LT':
    case 'LE':
      return [
        ...(wide
          ? [high, step(BPF.jumpGreater, highValue, 'fails'), step(BPF.jumpEqual, highValue, 'next', 'holds')]
          : []),
        low,
        step(op === 'LE' ? BPF.jumpGreater : BPF.jumpGreaterEqual, lowValue, 'fails', 'holds'),
      ];
  }
}
