import koffi from 'koffi';
import { realKernel } from '../kernel.js';
import { mapCode } from './region.js';

/** `rdtsc` as a function on x86-64; `mrs x0, cntvct_el0; ret` on arm64: the counters that the walkers stamp records with. */
const READ_TICKS = {
  x64: Buffer.from([0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3]),
  arm64: Buffer.from([0x40, 0xe0, 0x3b, 0xd5, 0xc0, 0x03, 0x5f, 0xd6]),
} as const;

const prototype = koffi.proto('uint64_t read_ticks()');
let base: bigint | undefined;
let origin: { ticks: bigint; ns: bigint } | undefined;
let length: number | undefined;

function readTicks(): bigint {
  base ??= mapCode(realKernel, READ_TICKS[process.arch as 'x64' | 'arm64']);
  return BigInt(koffi.call(base, prototype) as number | bigint);
}

/** Take the first of the two readings from which the counter's speed follows. Called when a program starts. */
export function noteTicks(): void {
  origin ??= { ticks: readTicks(), ns: process.hrtime.bigint() };
}

/** Nanoseconds of one tick, measured against CLOCK_MONOTONIC over at least a millisecond. */
export function tickLengthNs(): number {
  if (length !== undefined) return length;
  noteTicks();
  const from = origin as { ticks: bigint; ns: bigint };
  while (process.hrtime.bigint() - from.ns < 1_000_000n);
  length = Number(process.hrtime.bigint() - from.ns) / Number(readTicks() - from.ticks);
  return length;
}
