import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { digestOf } from '../../engine/image/digest.js';
import { MEDIA } from '../../engine/image/manifest.js';
import { FakeRegistry } from '../helpers/registry/fake-registry.js';
import { without } from '../helpers/registry/guards.js';
import { Place, type RealStore, ran, realStore } from '../helpers/registry/real-store.js';
import { testImage, testLayer } from '../helpers/registry/test-images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const checked = testImage([testLayer({ a: 'what a scanner sees' })], { oci: true });
const run = testImage([testLayer({ a: 'what is run' })], { oci: true });

if (!inSandbox) {
  test(
    'I04: documents that two programs read differently, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: 600_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('I04: manifests and indexes', () => {
    let place: Place;
    let registry: FakeRegistry;
    let victim: RealStore;

    before(async () => {
      ran('ip', ['link', 'set', 'lo', 'up']);
      place = new Place();
      registry = await FakeRegistry.start();
      for (const image of [checked, run]) registry.add('a/b', [], image);
    });
    after(async () => {
      await registry.close();
      place.remove();
    });
    beforeEach(async () => {
      victim = await realStore(place);
    });

    const pull = (mediaType: string, text: string | Buffer): Promise<unknown> => {
      const bytes = Buffer.from(text);
      registry.addDocument('a/b', ['1', digestOf(bytes)], mediaType, bytes);
      return victim.pull(`${registry.host}/a/b:1`);
    };
    const entry = { mediaType: MEDIA.manifest, digest: run.digest, size: run.manifest.byteLength };
    const fields = JSON.parse(checked.manifest.toString()) as Record<string, unknown>;
    const both = JSON.stringify({ ...fields, manifests: [entry] });
    const index = (manifests: readonly object[], more = {}): string =>
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.index, manifests, ...more });

    test('CVE-2021-41190: a document that is a manifest and an index is neither', async () => {
      for (const [what, mediaType, text] of [
        ['layers and manifests, as a manifest', MEDIA.manifest, both],
        [
          'layers and manifests, as an index',
          MEDIA.index,
          both.replace(`"mediaType":"${MEDIA.manifest}"`, `"mediaType":"${MEDIA.index}"`),
        ],
        ['without a type of its own', MEDIA.index, both.replace(`"mediaType":"${MEDIA.manifest}",`, '')],
        ['a manifest sent as an index', MEDIA.index, checked.manifest.toString()],
        ['an index sent as a manifest', MEDIA.manifest, index([entry])],
        ["an OCI manifest sent as Docker's", MEDIA.dockerManifest, checked.manifest.toString()],
      ] as const)
        await assert.rejects(pull(mediaType, text), { code: 'InvalidArgument' }, what);
      assert.equal(victim.store.records.all().length, 0);
    });

    test('CVE-2021-41190: a key twice, or in another letter case', async () => {
      const text = checked.manifest.toString();
      for (const wrong of [
        text.replace('"layers":', `"layers":[],"layers":`),
        text.replace('"config":', `"config":${JSON.stringify({ ...entry, digest: run.id })},"config":`),
        text.replace('"layers":', '"Layers":[],"layers":'),
        text.replace('"layers":', '"la\\u0079ers":[],"layers":'),
        text.replace('"digest":', `"digest":"${run.id}","digest":`),
      ])
        await assert.rejects(pull(MEDIA.manifest, wrong), { code: 'InvalidArgument' }, wrong.slice(0, 200));
    });

    test('CVE-2021-41190: an entry of an index that turns out to be something else', async () => {
      const list = index([{ ...entry, mediaType: MEDIA.dockerManifest }]);
      await assert.rejects(pull(MEDIA.index, list), { code: 'DataLoss', message: /it is ambiguous$/ });
      await assert.rejects(pull(MEDIA.index, index([{ ...entry, size: entry.size + 1 }])), {
        code: 'DataLoss',
        message: /its list says/,
      });
    });

    test('large, deep and endless documents', async () => {
      const start = performance.now();
      const before = process.memoryUsage().rss;
      for (const [what, text] of [
        ['10 MiB', `${' '.repeat(10 << 20)}${checked.manifest.toString()}`],
        ['nested 10,000 deep', `{"schemaVersion":2,"annotations":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`],
        ['nested 100,000 deep', '['.repeat(100_000)],
        ['no end', '{"schemaVersion":2'],
        ['no UTF-8', Buffer.from(checked.manifest.toString('latin1').replace('sha256', 'sha\u00ff56'), 'latin1')],
        ['100,000 layers', JSON.stringify({ ...fields, layers: Array.from({ length: 100_000 }, () => 0) })],
        ['schema 1', '{"schemaVersion":1,"fsLayers":[]}'],
        ['no manifest', '[]'],
        ['nothing', ''],
      ] as const)
        await assert.rejects(
          pull(MEDIA.manifest, text),
          (error: { code: string }) => ['InvalidArgument', 'ResourceExhausted', 'NotImplemented'].includes(error.code),
          what,
        );
      assert.ok(performance.now() - start < 60_000, 'it took more than a minute');
      assert.ok(process.memoryUsage().rss - before < 256 << 20, 'it took more than 256 MiB');
    });

    test('indexes of indexes end', async () => {
      let inner = index([entry]);
      for (let depth = 0; depth < 6; depth++) {
        const bytes = Buffer.from(inner);
        registry.addDocument('a/b', [digestOf(bytes)], MEDIA.index, bytes);
        inner = index([{ mediaType: MEDIA.index, digest: digestOf(bytes), size: bytes.byteLength }]);
      }
      await assert.rejects(pull(MEDIA.index, inner), { code: 'ResourceExhausted', message: /nested/ });
      // a circle needs a server that lies about its digest
      const target = digestOf('circle');
      const circle = index([{ mediaType: MEDIA.index, digest: target, size: 1 }]);
      registry.addDocument('a/b', [target], MEDIA.index, Buffer.from(circle));
      await assert.rejects(pull(MEDIA.index, circle), { code: 'DataLoss', message: /manifest verification failed/ });
    });

    test('CVE-2021-41190 twin: without a look at how it was sent, a manifest sent as an index is taken', async () => {
      await without(['registry-media-type'], () => pull(MEDIA.index, checked.manifest.toString()));
      assert.equal(victim.store.records.all()[0]?.record.id, checked.id);
    });

    test('I04 twin: unchecked, a circle of indexes is gone round until the bound on its depth', async () => {
      const target = digestOf('circle');
      const circle = index([{ mediaType: MEDIA.index, digest: target, size: 1 }]);
      registry.addDocument('a/b', [target], MEDIA.index, Buffer.from(circle));
      await assert.rejects(
        without(['registry-digest', 'registry-size'], () => pull(MEDIA.index, circle)),
        { message: /nested/ },
      );
    });
  });
}
