import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf, hexOf } from '../../engine/image/digest.js';
import { FakeRegistry } from '../helpers/registry/fake-registry.js';
import { without } from '../helpers/registry/guards.js';
import { Place, type RealStore, ran, realStore } from '../helpers/registry/real-store.js';
import { noise, testImage, testLayer } from '../helpers/registry/test-images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const good = testLayer({ 'bin/true': noise(50_000) });
const image = testImage([testLayer({ base: 'x' }), good]);

/** The blob in place of the good one; how an answer with it is sent. */
const ATTACKS: readonly (readonly [what: string, send: (response: ServerResponse, start: number) => void])[] = [
  ['a byte is flipped', whole(flipped(good.blob))],
  ['a NUL is appended', whole(Buffer.concat([good.blob, Buffer.alloc(1)]))],
  ['the same tar, compressed in another way', whole(gzipSync(good.tar, { level: 1 }))],
  ['the same length, other content', whole(noise(good.blob.byteLength, 7))],
  ['it is cut off', whole(good.blob.subarray(0, 10_000))],
  ['it is empty', whole(Buffer.alloc(0))],
  [
    'a longer Content-Length than there is',
    (response) => {
      response.writeHead(200, { 'content-length': good.blob.byteLength });
      response.write(good.blob.subarray(0, 1000), () => response.destroy());
    },
  ],
  ['a Content-Length of 8 GB', (response) => response.writeHead(200, { 'content-length': 8e9 }).flushHeaders()],
  [
    'chunked, and endless',
    (response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    },
  ],
  [
    'resumed with other bytes',
    (response, start) => {
      if (start === 0) {
        response.writeHead(200, { 'content-length': good.blob.byteLength });
        response.write(good.blob.subarray(0, 1000), () => response.destroy());
        return;
      }
      const rest = Buffer.alloc(good.blob.byteLength - start, 1);
      response
        .writeHead(206, { 'content-range': `bytes ${start}-${good.blob.byteLength - 1}/${good.blob.byteLength}` })
        .end(rest);
    },
  ],
  [
    'resumed at another place',
    (response, start) => {
      if (start === 0) {
        response.writeHead(200, { 'content-length': good.blob.byteLength });
        response.write(good.blob.subarray(0, 1000), () => response.destroy());
        return;
      }
      response
        .writeHead(206, { 'content-range': `bytes 0-${good.blob.byteLength - 1}/${good.blob.byteLength}` })
        .end(good.blob);
    },
  ],
];

function whole(blob: Buffer): (response: ServerResponse) => void {
  return (response) => void response.writeHead(200, { 'content-length': blob.byteLength }).end(blob);
}

function flipped(blob: Buffer): Buffer {
  const other = Buffer.from(blob);
  other[20_000]! ^= 1;
  return other;
}

if (!inSandbox) {
  test('I03: digests, sizes and diffIDs, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('I03: content that is not what its digest says', () => {
    let place: Place;
    let registry: FakeRegistry;
    let victim: RealStore;
    let name: string;

    before(async () => {
      ran('ip', ['link', 'set', 'lo', 'up']);
      place = new Place();
      registry = await FakeRegistry.start();
      name = `${registry.host}/a/b:1`;
    });
    after(async () => {
      await registry.close();
      place.remove();
    });
    beforeEach(async () => {
      registry.answer = null;
      registry.manifests.clear();
      registry.blobs.clear();
      registry.add('a/b', ['1'], image);
      victim = await realStore(place);
    });

    function serve(send: (response: ServerResponse, start: number) => void): void {
      registry.answer = (request, response, usual) => {
        if (!request.url?.endsWith(good.descriptor.digest)) return usual();
        send(response, Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0));
      };
    }

    async function nothingThere(what: string): Promise<void> {
      assert.equal(victim.store.records.all().length, 0, `${what}: there is an image`);
      assert.deepEqual(victim.store.repositories.all(), [], `${what}: there is a name`);
      assert.equal(await victim.store.content.has(good.descriptor.digest), false, `${what}: there is a blob`);
      assert.ok(
        !victim.store.snapshots.listLayers().some(({ diffId }) => diffId === good.diffId),
        `${what}: there is a layer`,
      );
      assert.equal(victim.store.content.leases.open, 0, `${what}: a lease is held`);
    }

    test('I03: a layer is refused, and nothing of it stays', async () => {
      for (const [what, send] of ATTACKS) {
        serve(send);
        await assert.rejects(
          victim.pull(name),
          (error: { code: string }) => ['DataLoss', 'Unavailable'].includes(error.code),
          what,
        );
        await nothingThere(what);
      }
      registry.answer = null;
      assert.equal((await victim.pull(name)).id, image.id, 'the honest one is not taken afterwards');
    });

    test('I03: configuration and manifest are refused too', async () => {
      for (const [what, path, bytes] of [
        ['another configuration', image.id, Buffer.from(image.config.toString().replace('"sh"', '"rm"'))],
        ['another manifest by digest', image.digest, Buffer.from(`${image.manifest.toString()} `)],
      ] as const) {
        registry.answer = (request, response, usual) =>
          request.url?.endsWith(path) ? whole(bytes)(response) : usual();
        const wanted = path === image.digest ? `${registry.host}/a/b@${image.digest}` : name;
        await assert.rejects(
          victim.pull(wanted),
          { code: 'DataLoss', message: /verification failed for digest/ },
          what,
        );
        assert.equal(victim.store.records.all().length, 0, what);
      }
    });

    test('I03: a layer whose tar is not that of its diffID is refused', async () => {
      const other = testLayer({ 'bin/true': 'evil' });
      const lying = testImage([other]);
      const config = Buffer.from(lying.config.toString().replace(other.diffId, good.diffId));
      const manifest = Buffer.from(
        lying.manifest
          .toString()
          .replace(lying.id, digestOf(config))
          .replace(`"size":${lying.config.byteLength}`, `"size":${config.byteLength}`),
      );
      registry.add('a/b', [], lying);
      registry.blobs.set(digestOf(config), config);
      registry.addDocument('a/b', ['lying'], lying.mediaType, manifest);
      await assert.rejects(victim.pull(`${registry.host}/a/b:lying`), { code: 'DataLoss' });
      assert.equal(victim.store.snapshots.listLayers().length, 0);
    });

    test('I03: an archive whose blob is not what its name says is refused', async () => {
      await victim.pull(name);
      const file = place.fresh('archive.tar');
      await victim.saveTo(file, name);
      const directory = place.fresh('archive');
      ran('sh', ['-c', 'mkdir "$2" && tar -C "$2" -xf "$1"', 'sh', file, directory]);
      appendFileSync(`${directory}/blobs/sha256/${hexOf(good.diffId)}`, Buffer.alloc(512));
      ran('tar', ['-C', directory, '-cf', file, '.']);
      const other = await realStore(place);
      await assert.rejects(other.loadFrom(file), { code: 'DataLoss' });
      assert.equal(other.store.records.all().length, 0);
    });

    test('I03 twin: unchecked, the layer that was compressed in another way is taken', async () => {
      serve(whole(gzipSync(good.tar, { level: 1 })));
      const pulled = await without(['registry-digest', 'registry-size'], () => victim.pull(name));
      assert.equal(pulled.id, image.id);
    });

    test('I03 twin: unchecked, another configuration is taken', async () => {
      const other = Buffer.from(image.config.toString().replace('"sh"', '"rm"'));
      registry.answer = (request, response, usual) =>
        request.url?.endsWith(image.id) ? whole(other)(response) : usual();
      const pulled = await without(['registry-digest'], () => victim.pull(name));
      assert.deepEqual(pulled.config.config?.Cmd, ['rm']);
    });
  });
}
