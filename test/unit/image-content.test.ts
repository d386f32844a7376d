import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { ContentStore } from '../../engine/image/content.js';
import { digestOf, hexOf } from '../../engine/image/digest.js';
import { KeyedLock } from '../../engine/image/store/keyed-lock.js';
import { EngineError } from '../../engine/kernel/errors.js';
import { observeSteps } from '../../engine/kernel/replace-file.js';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'glassbox-content-'));
});
afterEach(() => {
  observeSteps(null);
  rmSync(place, { recursive: true, force: true });
});

const hello = Buffer.from('hello');
const blobs = (): string[] => readdirSync(join(place, 'blobs/sha256'));
const ingests = (): string[] => readdirSync(join(place, 'ingest'));
const code = (wanted: string) => (error: unknown) => error instanceof EngineError && error.code === wanted;
async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('the content store', () => {
  it('keeps any bytes by their digest, however they come', async () => {
    const store = await ContentStore.open(place);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), async (chunks) => {
        const all = Buffer.concat(chunks);
        const { digest, size } = await store.ingest(chunks, { expected: digestOf(all), size: all.length });
        assert.equal(digest, digestOf(all));
        assert.equal(size, all.length);
        assert.deepEqual(await store.read(digest), all);
        assert.deepEqual(await bytesOf(store.open(digest, Math.min(2, all.length))), all.subarray(2));
        assert.ok(await store.verify(digest), 'it is what it is called');
      }),
      { numRuns: 40 },
    );
    assert.deepEqual(ingests(), []);
  });

  it('takes nothing that is not what was said', async () => {
    const store = await ContentStore.open(place);
    const expected = digestOf('hello');
    for (const [chunks, options, wanted] of [
      [['hellp'], { expected }, 'DataLoss'],
      [['hell'], { expected }, 'DataLoss'],
      [['hello', '\0'], { expected }, 'DataLoss'],
      [['hello'], { size: 4 }, 'ResourceExhausted'],
      [['hello'], { size: 6 }, 'DataLoss'],
      [['hello', 'hello'], { maxBytes: 9 }, 'ResourceExhausted'],
    ] as const)
      await assert.rejects(
        store.ingest(
          chunks.map((text) => Buffer.from(text)),
          options,
        ),
        code(wanted),
      );
    const broken = (async function* () {
      yield hello;
      throw new Error('the line went dead');
    })();
    await assert.rejects(store.ingest(broken), /went dead/);
    assert.deepEqual([blobs(), ingests()], [[], []]);
  });

  it('stops reading a stream that is too long', async () => {
    const store = await ContentStore.open(place);
    let asked = 0;
    const endless = (async function* () {
      for (;;) {
        asked += 1;
        yield Buffer.alloc(1000);
      }
    })();
    await assert.rejects(store.ingest(endless, { maxBytes: 10_000 }), code('ResourceExhausted'));
    assert.ok(asked <= 12, `${asked} pieces were read`);
  });

  it('goes on with a download where it was left, also after the engine ended', async () => {
    let store = await ContentStore.open(place);
    const whole = Buffer.from('the whole content');
    const expected = digestOf(whole);
    const first = await store.begin(`blob-${expected}`);
    await first.write(whole.subarray(0, 4));
    await first.close();
    store = await ContentStore.open(place);
    const second = await store.begin(`blob-${expected}`);
    assert.equal(second.offset, 4);
    await second.write(whole.subarray(4));
    assert.deepEqual(await store.commit(second, { expected, size: whole.length }), {
      digest: expected,
      size: whole.length,
    });
    assert.deepEqual(await store.read(expected), whole);
  });

  it('does not believe what it finds of a download: other bytes on the disk end in another digest', async () => {
    const store = await ContentStore.open(place);
    const first = await store.begin('x');
    await first.write(Buffer.from('he'));
    await first.close();
    const [file = ''] = ingests();
    writeFileSync(join(place, 'ingest', file), 'HE');
    const second = await store.begin('x');
    await second.write(Buffer.from('llo'));
    await assert.rejects(store.commit(second, { expected: digestOf('hello') }), code('DataLoss'));
    const third = await store.begin('x');
    assert.equal(third.offset, 0, 'what cannot become right is thrown away');
    await third.write(Buffer.from('nonsense'));
    await third.restart();
    await third.write(hello);
    assert.equal((await store.commit(third, {})).digest, digestOf('hello'));
  });

  it('lets one at a time work on a download', async () => {
    const store = await ContentStore.open(place);
    const first = await store.begin('x');
    let isSecond = false;
    const second = store.begin('x').then((ingest) => {
      isSecond = true;
      return ingest;
    });
    await (await store.begin('y')).abort();
    for (let i = 0; i < 20; i++) await turn();
    assert.ok(!isSecond, 'the second waits');
    await first.write(hello);
    await store.commit(first, { expected: digestOf('hello') });
    await (await second).abort();
    assert.ok(await store.has(digestOf('hello')), 'the second finds what the first took in');
  });

  it('reads documents only whole, small and undamaged', async () => {
    const store = await ContentStore.open(place);
    const { digest } = await store.put(hello);
    await assert.rejects(store.read(digest, 4), code('ResourceExhausted'));
    writeFileSync(store.path(digest), 'hellO');
    await assert.rejects(store.read(digest), code('DataLoss'));
    assert.equal(await store.verify(digest), false);
    await assert.rejects(store.read(digestOf('nothing')), code('NotFound'));
    await assert.rejects(bytesOf(store.open(digestOf('nothing'))), code('NotFound'));
  });

  it('forgets what was being written when the engine ended, and nothing else', async () => {
    const store = await ContentStore.open(place);
    const { digest } = await store.put(hello);
    const partial = await store.begin('download');
    await partial.write(hello);
    await partial.close();
    writeFileSync(join(place, 'ingest', '~1.1'), 'x');
    writeFileSync(join(place, 'blobs/sha256', '~1.2'), 'x');
    const again = await ContentStore.open(place);
    assert.deepEqual(blobs(), [hexOf(digest)]);
    assert.equal(ingests().length, 1);
    await again.removeStaleIngests(Date.now());
    assert.equal(ingests().length, 1, 'a fresh download stays');
    const old = new Date(Date.now() - 2 * 86_400_000);
    for (const name of ingests()) utimesSync(join(place, 'ingest', name), old, old);
    const running = await again.begin('download');
    await again.removeStaleIngests();
    assert.equal(ingests().length, 1, 'one that runs stays');
    await running.close();
    await again.removeStaleIngests();
    assert.equal(ingests().length, 0);
  });

  it('puts bytes and then the name on the disk', async () => {
    const store = await ContentStore.open(place);
    const seen: [string, boolean][] = [];
    const { digest } = await store.put(Buffer.from('x'));
    await store.delete(digest);
    observeSteps((step) => seen.push([step.replace(/[0-9a-f]{64}/, 'HEX'), existsSync(store.path(digest))]));
    await store.ingest([Buffer.from('x')]);
    assert.deepEqual(seen, [
      ['ingested', false],
      ['synced blob', false],
      ['renamed sha256/HEX', true],
      ['named sha256/HEX', true],
    ]);
  });

  it('holds what leases name, until the last of them is released', async () => {
    const { leases } = await ContentStore.open(place);
    const digest = digestOf('x');
    const [one, two] = [leases.lease(), leases.lease()];
    one.hold(digest);
    one.hold(digest);
    two.hold(digest);
    one.release();
    one.release();
    assert.ok(leases.holds(digest), 'the second holds it');
    one.hold(digest);
    two.release();
    assert.ok(!leases.holds(digest) && leases.open === 0, 'nobody holds it');
  });

  it('says that a blob is gone while it is being removed', async () => {
    const store = await ContentStore.open(place);
    const { digest } = await store.put(hello);
    const removing = store.delete(digest);
    assert.equal(await store.has(digest), false);
    assert.equal(await removing, true);
    assert.equal(await store.delete(digest), false);
    const [again] = await Promise.all([store.put(hello), store.delete(digest)]);
    assert.equal(again.digest, digest);
  });

  it('finds damage when it reads: bytes that somebody else appended meanwhile', async () => {
    const store = await ContentStore.open(place);
    const ingest = await store.begin('x');
    await ingest.write(hello);
    const [file = ''] = ingests();
    appendFileSync(join(place, 'ingest', file), 'more');
    assert.equal((await store.commit(ingest, {})).digest, digestOf('hello'));
    assert.equal(await store.verify(digestOf('hello')), false, 'the name says what was hashed: read finds the damage');
    await assert.rejects(store.read(digestOf('hello')), code('DataLoss'));
  });
});

describe('locks by key', () => {
  it('let one after the other in, and different keys at once', async () => {
    const locks = new KeyedLock();
    const order: string[] = [];
    const work = (key: string, name: string) => () =>
      locks.hold(key, async () => {
        order.push(`${name}+`);
        await turn();
        order.push(`${name}-`);
        if (name === 'b') throw new Error('b fails');
      });
    const done = await Promise.allSettled([work('k', 'a')(), work('k', 'b')(), work('k', 'c')(), work('l', 'd')()]);
    assert.deepEqual(
      done.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    assert.deepEqual(
      order.filter((one) => !one.startsWith('d')),
      ['a+', 'a-', 'b+', 'b-', 'c+', 'c-'],
    );
    assert.ok(order.indexOf('d+') < order.indexOf('a-'), 'another key does not wait');
    assert.ok(!locks.isHeld('k') && !locks.isHeld('l'), 'nothing is left');
  });
});
