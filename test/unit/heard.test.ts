/** A signal to a container's first process that the kernel would drop waits for a handler, and no longer than a program needs. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Clock } from '../../engine/container/clock.js';
import { untilHeard } from '../../engine/container/heard.js';
import { NEVER, timeText } from '../../engine/container/time.js';

const SIGUSR2 = 12;
const noop = (): void => undefined;

/** A clock on which each wait takes as long as was asked; what happens at the n-th. */
function clockOf(at: (wait: number) => void): { clock: Clock; waits: () => number } {
  let [time, waits] = [0, 0];
  const after = (ms: number, callback: () => void): (() => void) => {
    time += ms;
    at(++waits);
    queueMicrotask(callback);
    return noop;
  };
  return { clock: { now: () => time, monotonic: () => time, after }, waits: () => waits };
}

const young = { pid: process.pid, startedAt: timeText(0n) };

it('it waits for the handler', async () => {
  const { clock, waits } = clockOf((wait) => {
    if (wait === 3) process.on('SIGUSR2', noop);
  });
  try {
    await untilHeard(young, SIGUSR2, clock);
    assert.equal(waits(), 3);
    await untilHeard(young, SIGUSR2, clock);
    assert.equal(waits(), 3, 'there is one already');
  } finally {
    process.off('SIGUSR2', noop);
  }
});

it('a program that wants none gets the signal all the same, an old one and one that has ended at once', async () => {
  const { clock, waits } = clockOf(noop);
  await untilHeard({ ...young, startedAt: NEVER }, SIGUSR2, clock);
  await untilHeard({ ...young, pid: 2 ** 22 + 1 }, SIGUSR2, clock);
  assert.equal(waits(), 0);
  await untilHeard(young, SIGUSR2, clock);
  assert.equal(waits(), 60);
});
