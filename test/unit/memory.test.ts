import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Quiet } from '../../engine/api/docker/http/quiet.js';
import { giveBackMemory } from '../../engine/kernel/memory.js';

test('what a burst of work took is given back', () => {
  giveBackMemory();
  // pieces below the size from which the C library takes each from the kernel, and gives it back, by itself
  let pieces: Buffer[] | null = Array.from({ length: 2000 }, () => Buffer.alloc(64 << 10, 1));
  const full = process.memoryUsage.rss();
  assert.equal(pieces.length, 2000);
  pieces = null;
  giveBackMemory();
  const left = process.memoryUsage.rss();
  assert.ok(left < full - (64 << 20), `${left} of ${full} bytes are left of 125 MiB and the rest`);
});

test('quiet comes once after the last of what happened', async () => {
  let touched = 0;
  /** How long before each quiet something had happened last. */
  const gaps: number[] = [];
  const quiet = new Quiet(100, () => gaps.push(performance.now() - touched));
  const touch = (): void => {
    touched = performance.now();
    quiet.touch();
  };
  const comes = async (): Promise<number> => {
    for (const before = gaps.length; gaps.length === before; ) await sleep(5);
    return gaps.length;
  };
  for (let n = 0; n < 10; n++) {
    touch();
    await sleep(20);
  }
  touch();
  const times = await comes();
  await sleep(300);
  assert.equal(gaps.length, times, 'it comes again though nothing happened');
  touch();
  assert.equal(await comes(), times + 1);
  touch();
  quiet.close();
  touch();
  await sleep(300);
  assert.equal(gaps.length, times + 1, 'not after it was closed');
  // a timer of Node may be a millisecond early
  assert.ok(
    gaps.every((gap) => gap > 98),
    `something had just happened: ${gaps.map((gap) => gap.toFixed(1)).join(' ')} ms before`,
  );
});
