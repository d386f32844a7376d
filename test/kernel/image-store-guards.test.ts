/** What the image store refuses, and that it is this guard which refuses it: without the guard the attack succeeds. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, test } from 'node:test';
import { digestOf, parseDigest } from '../../engine/image/digest.js';
import type { Images } from '../../engine/image/images.js';
import { MEDIA, parseManifest } from '../../engine/image/manifest.js';
import type { StoreGuard } from '../../engine/image/store/guards.js';
import { parseStrictJson } from '../../engine/image/store/strict-json.js';
import { EngineError } from '../../engine/kernel/errors.js';
import { ImageBox, newImage } from '../helpers/images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

interface Attack {
  readonly name: string;
  readonly guard: StoreGuard;
  /** Resolves when it succeeded. */
  readonly act: (images: Images, box: ImageBox) => Promise<unknown> | unknown;
  readonly refused: RegExp;
}

const A = `sha256:${'a'.repeat(64)}`;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const config = { mediaType: MEDIA.config, digest: A, size: 1 };

const ATTACKS: readonly Attack[] = [
  {
    name: 'content under the digest of other content (I03)',
    guard: 'content-check',
    refused: /content has digest/,
    act: async ({ store }) => {
      const wanted = digestOf('good');
      await store.content.ingest([Buffer.from('evil')], { expected: wanted, size: 4 });
      assert.equal(readFileSync(store.content.path(wanted), 'utf8'), 'evil');
    },
  },
  {
    name: 'a layer that is not the one of the configuration (I03)',
    guard: 'diff-id',
    refused: /layers from manifest don't match image configuration/,
    act: async ({ store }) => {
      const good = await newImage({ names: ['good'], layers: [{ program: 'good' }] });
      const evil = await newImage({ layers: [{ program: 'evil' }] });
      const image = await store.registerImage({ ...good, layers: evil.layers });
      assert.equal(readFileSync(join(store.snapshots.directoryOf(image.chainId!), 'program'), 'utf8'), 'evil');
    },
  },
  {
    name: 'a digest that is a path (I05)',
    guard: 'digest-form',
    refused: /invalid checksum digest/,
    act: async ({ store }, box) => {
      writeFileSync(join(box.root, 'secret'), 'secret');
      const digest = parseDigest('sha256:../../../secret');
      const chunks: Uint8Array[] = [];
      for await (const chunk of store.content.open(digest)) chunks.push(chunk);
      assert.equal(Buffer.concat(chunks).toString(), 'secret');
    },
  },
  ...(
    [
      ['both layers and manifests', { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [], manifests: [] }],
      ['an index with layers', { schemaVersion: 2, mediaType: MEDIA.index, manifests: [], layers: [config] }],
      [
        'another media type than it was sent as',
        { schemaVersion: 2, mediaType: MEDIA.dockerManifest, config, layers: [] },
      ],
      [
        'keys in another letter case',
        { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [], Layers: [config] },
      ],
    ] as const
  ).map(
    ([name, document]): Attack => ({
      name: `a manifest with ${name} (I04, CVE-2021-41190)`,
      guard: 'manifest-ambiguity',
      refused: /ambiguous|was sent as/,
      act: () =>
        parseManifest(
          json(document),
          document.mediaType === MEDIA.dockerManifest ? MEDIA.manifest : document.mediaType,
        ),
    }),
  ),
  {
    name: 'a key twice (I04)',
    guard: 'manifest-ambiguity',
    refused: /twice/,
    act: () => parseStrictJson(Buffer.from('{"config": 1, "config": 2}'), 'manifest', 1000),
  },
  {
    name: 'a document of 10 MiB (I04)',
    guard: 'document-bound',
    refused: /at most 4194304 are read/,
    act: () =>
      parseManifest(
        Buffer.concat([
          json({ schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [] }),
          Buffer.alloc(10 << 20, 0x20),
        ]),
      ),
  },
  {
    name: 'garbage collection in the middle of a pull takes what it has so far',
    guard: 'lease',
    refused: /it is still there/,
    act: async (images) => {
      const lease = images.store.lease();
      const { digest } = await images.store.content.ingest([Buffer.from('a layer')], { lease });
      await images.collectGarbage();
      const isThere = await images.store.content.has(digest);
      lease.release();
      if (isThere) throw new EngineError('FailedPrecondition', 'it is still there');
    },
  },
];

if (!inSandbox)
  test('guards of the image store, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
else describe('guards of the image store', declare);

function declare(): void {
  let box: ImageBox;
  beforeEach(() => {
    box = new ImageBox();
  });
  afterEach(() => {
    delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
    box.remove();
  });

  for (const { name, guard, act, refused } of ATTACKS) {
    it(`refuse ${name}`, async () => {
      const images = await box.open();
      await assert.rejects(
        async () => act(images, box),
        (error) => error instanceof EngineError && refused.test(error.message),
      );
      await images.collectGarbage();
      assert.deepEqual(
        box.files().filter((path) => /blobs|ingest|layers|incomplete|images\//.test(path)),
        [],
        'nothing is left of it',
      );
    });

    it(`twin: without ${guard}, ${name} succeeds`, async () => {
      const images = await box.open();
      process.env['GLASSBOX_TEST_GUARDS_OFF'] = guard;
      await act(images, box);
    });
  }
}
