import { readProc } from '../kernel/procfs/read.js';
import { parseKeyed } from '../kernel/procfs/status.js';
import type { Clock } from './clock.js';
import type { ContainerRecord } from './record.js';
import { timeOf } from './time.js';

/** How long after its start a program may take until it has said which signals it wants. */
const SETTLE_MS = 300;
const LOOK_MS = 5;

/**
 * The kernel drops a signal that the first process of a pid namespace has no handler for: pid_namespaces(7). A program that
 * was started a moment ago has not yet come to installing its handlers: wait until it has, or has had the time to.
 */
export async function untilHeard(
  { pid, startedAt }: Pick<ContainerRecord['state'], 'pid' | 'startedAt'>,
  signal: number,
  clock: Clock,
): Promise<void> {
  const age = clock.now() - Number(timeOf(startedAt) / 1_000_000n);
  const until = clock.monotonic() + SETTLE_MS - Math.max(0, age);
  while (clock.monotonic() < until && isDropped(pid, signal))
    await new Promise<void>((resolve) => {
      clock.after(LOOK_MS, resolve);
    });
}

/** Neither caught nor blocked nor ignored of its own will: proc_pid_status(5), SigCgt, SigBlk, SigIgn. */
function isDropped(pid: number, signal: number): boolean {
  const status = readProc(`/proc/${pid}/status`);
  if (status === null) return false;
  const lines = parseKeyed(status);
  const bit = 1n << BigInt(signal - 1);
  return ['SigCgt', 'SigBlk', 'SigIgn'].every((name) => (BigInt(`0x${lines.get(name) ?? '0'}`) & bit) === 0n);
}
