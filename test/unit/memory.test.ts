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
  let times = 0;
  const quiet = new Quiet(30, () => times++);
  for (let n = 0; n < 4; n++) {
    quiet.touch();
    await sleep(1);
  }
  await sleep(300);
  assert.equal(times, 1);
  quiet.touch();
  await sleep(300);
  assert.equal(times, 2);
  quiet.touch();
  quiet.close();
  quiet.touch();
  await sleep(100);
  assert.equal(times, 2, 'not after it was closed');
});
