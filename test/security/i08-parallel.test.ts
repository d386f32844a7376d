/** CVE-2021-20291: images that share layers, pulled at once, some of them broken off: nobody waits for somebody who waits. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyedLock } from '../../engine/image/store/keyed-lock.js';
import { assertSound } from '../helpers/image-crash.js';
import { ImageBox } from '../helpers/images.js';
import { FakeRegistry } from '../helpers/registry/fake-registry.js';
import { noise, testImage, testLayer } from '../helpers/registry/test-images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** A deadlock is never over: this long is one, on a busy machine too. */
const WATCHDOG_MS = 30_000;
const AT_ONCE = 8;

const layers = Array.from({ length: 4 }, (_, n) => testLayer({ [`file-${n}`]: noise(40_000, n + 1) }));
/** The same layers in many orders; in each image the first comes once more at its end. */
const IMAGES = Array.from({ length: AT_ONCE }, (_, n) => {
  const turned = [...layers.slice(n % 4), ...layers.slice(0, n % 4)];
  const ordered = n < 4 ? turned : turned.reverse();
  return testImage([...ordered, ordered[0] as (typeof layers)[0]]);
});

if (!inSandbox)
  test('I08: pulls at once, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
else describe('I08', declare);

/** Whether it is over before the watchdog barks. */
async function inTime(work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = new AbortController();
  try {
    return await Promise.race([work.then(() => true), sleep(ms, false, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}

function declare(): void {
  let registry: FakeRegistry;
  let box: ImageBox;
  before(async () => {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    registry = await FakeRegistry.start();
    IMAGES.forEach((image, n) => {
      registry.add('subject', [String(n)], image);
    });
    // blobs come slowly and in parts, so that all of them are under way together
    registry.answer = (request, _response, usual) => {
      if (request.url?.includes('/blobs/') === true) setTimeout(usual, Math.random() * 40);
      else usual();
    };
  });
  after(() => registry.close());
  beforeEach((context) => {
    box = new ImageBox();
    (context as { after(work: () => void): void }).after(() => box.remove());
  });

  test('I08: eight images of the same layers are pulled at once, and each is whole (CVE-2021-20291)', async () => {
    const images = await box.open();
    const pulls = IMAGES.map((_, n) => images.pull(`${registry.host}/subject:${n}`, { progress: () => undefined }));
    assert.ok(await inTime(Promise.all(pulls), WATCHDOG_MS), 'they wait for each other');
    assert.equal((await images.list({})).length, new Set(IMAGES.map(({ id }) => id)).size);
    await assertSound(box, 'pulled at once');
  });

  test('I08: half of them are broken off at any moment, and removed meanwhile; the others are whole', async () => {
    const images = await box.open();
    const outcomes = IMAGES.map(async (_, n) => {
      const stop = new AbortController();
      if (n % 2 === 1) setTimeout(() => stop.abort(), Math.random() * 120);
      const name = `${registry.host}/subject:${n}`;
      const done = await images.pull(name, { progress: () => undefined, signal: stop.signal }).then(
        () => 'pulled',
        (error: Error) => error.message,
      );
      if (n % 4 === 0) await images.remove(name, {});
      return done;
    });
    const all = Promise.all(outcomes);
    assert.ok(await inTime(all, WATCHDOG_MS), 'they wait for each other');
    const told = await all;
    assert.deepEqual(
      told.filter((_, n) => n % 2 === 0),
      told.filter((_, n) => n % 2 === 0).map(() => 'pulled'),
    );
    const again = IMAGES.map((_, n) => images.pull(`${registry.host}/subject:${n}`, { progress: () => undefined }));
    assert.ok(await inTime(Promise.all(again), WATCHDOG_MS), 'what was broken off is held by nobody');
    await assertSound(box, 'broken off');
  });

  test('I08 twin: who takes the locks of two layers in the order of its image waits for ever', async () => {
    const lock = new KeyedLock();
    const both = (first: string, second: string): Promise<void> =>
      lock.hold(first, async () => {
        await sleep(20);
        await lock.hold(second, async () => undefined);
      });
    assert.equal(await inTime(Promise.all([both('a', 'b'), both('b', 'a')]), 500), false);
  });
}
