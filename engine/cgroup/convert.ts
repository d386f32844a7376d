import { EngineError } from '../kernel/errors.js';

/**
 * The specification speaks of v1's numbers. These are runc's conversions to those of v2 (libcontainer/cgroups/utils.go);
 * 0 is "not set" on both sides.
 */

/** cpu.shares 2..262144 to cpu.weight 1..10000. Less is refused in the words of v1 (runc's wraps around), more by the kernel. */
export function weightOfShares(shares: bigint): bigint {
  if (shares === 0n) return 0n;
  if (shares < 2n) throw new EngineError('InvalidArgument', 'the minimum allowed cpu-shares is 2');
  return 1n + ((shares - 2n) * 9999n) / 262_142n;
}

/** blkio weight 10..1000 to io.weight 1..10000. */
export function ioWeightOfBlkio(weight: number): number {
  return weight === 0 ? 0 : 1 + Math.trunc(((weight - 10) * 9999) / 990);
}

/** What a number is in a v2 limit file: null is "do not write". */
export function limitText(value: bigint | undefined): string | null {
  if (value === undefined || value === 0n) return null;
  return value === -1n ? 'max' : String(value);
}

/** Memory and swap together, to swap alone: what memory.swap.max is to have; null is "do not write". */
export function swapMax(swap: bigint, memory: bigint): string | null {
  if (swap === 0n) return memory === -1n ? 'max' : null; // unlimited memory alone means unlimited swap, as on v1
  if (swap === -1n || memory === -1n) return limitText(swap);
  if (memory === 0n) throw new EngineError('InvalidArgument', 'unable to set swap limit without memory limit');
  if (memory < 0n) throw new EngineError('InvalidArgument', `invalid memory value: ${memory}`);
  if (swap < memory) throw new EngineError('InvalidArgument', 'memory+swap limit should be >= memory limit');
  return String(swap - memory); // 0: no swap at all
}
