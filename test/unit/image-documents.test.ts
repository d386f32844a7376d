import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseImageConfig } from '../../engine/image/config.js';
import { chainIds, digestOf, parseDigest } from '../../engine/image/digest.js';
import { MEDIA, parseManifest } from '../../engine/image/manifest.js';
import { parseStrictJson } from '../../engine/image/store/strict-json.js';
import { EngineError } from '../../engine/kernel/errors.js';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const bytes = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const descriptor = (digest: string, mediaType: string = MEDIA.layerGzip): object => ({ mediaType, digest, size: 10 });
const manifest = {
  schemaVersion: 2,
  mediaType: MEDIA.manifest,
  config: descriptor(A, MEDIA.config),
  layers: [descriptor(B)],
};
const index = {
  schemaVersion: 2,
  mediaType: MEDIA.index,
  manifests: [{ ...descriptor(A, MEDIA.manifest), platform: { os: 'linux', architecture: 'amd64' } }],
};
const refused = (pattern: RegExp, act: () => unknown): void =>
  void assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof EngineError, `${String(error)} is not typed`);
    assert.match(error.message, pattern);
    return true;
  });

describe('digests', () => {
  it('are taken in one form only', () => {
    assert.equal(parseDigest(A), A);
    for (const [text, why] of [
      ['', /format/],
      ['sha256', /format/],
      ['sha256:', /format/],
      [':abc', /format/],
      ['sha256:../../../../etc/passwd', /length/],
      [`sha256:${'A'.repeat(64)}`, /format/],
      [`SHA256:${'a'.repeat(64)}`, /format/],
      [`sha256:${'a'.repeat(63)}/`, /format/],
      [`sha256:${'a'.repeat(65)}`, /length/],
      [`sha512:${'a'.repeat(128)}`, /unsupported digest algorithm/],
      [`${A}\n`, /length/],
      [null, /format/],
      [{ toString: () => A }, /format/],
    ] as const)
      refused(why, () => parseDigest(text));
  });

  it('chain as the specification says', () => {
    const diffIds = [digestOf('1'), digestOf('2'), digestOf('3')];
    const second = digestOf(`${diffIds[0]} ${diffIds[1]}`);
    assert.deepEqual(chainIds(diffIds), [diffIds[0], second, digestOf(`${second} ${diffIds[2]}`)]);
    assert.deepEqual(chainIds([]), []);
  });
});

describe('JSON of others', () => {
  it('has each key once, also when it is written in another way', () => {
    for (const text of ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '[{"b":{"x":{},"y":[],"x":1}}]'])
      refused(/twice/, () => parseStrictJson(bytes(text), 'it', 1000));
    for (const text of [
      '{"a":{"a":{"a":1}},"b":["a","a",{"a":1}]}',
      '[{"a":"\\":{\\"a"},{"a":1}]',
      '"a:b"',
      '{"a":"a:"}',
    ])
      assert.deepEqual(parseStrictJson(bytes(text), 'it', 1000), JSON.parse(text));
  });

  it('is bounded', () => {
    refused(/nested/, () => parseStrictJson(bytes('['.repeat(10_000) + ']'.repeat(10_000)), 'it', 1 << 20));
    refused(/at most/, () => parseStrictJson(Buffer.alloc(101, 0x20), 'it', 100));
    refused(/UTF-8/, () => parseStrictJson(Buffer.from([0x22, 0xff, 0x22]), 'it', 100));
    refused(/not JSON/, () => parseStrictJson(Buffer.from('\ufeff{}'), 'it', 100));
    refused(/not JSON/, () => parseStrictJson(bytes('{} {}'), 'it', 100));
  });

  it('reads as JSON.parse does, or not at all', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        try {
          assert.deepEqual(parseStrictJson(bytes(text), 'it', 1 << 20), JSON.parse(text));
        } catch (error) {
          assert.ok(error instanceof EngineError, `${String(error)} is not typed`);
        }
      }),
    );
  });
});

describe('manifests', () => {
  it('of an image and of several platforms are read', () => {
    const one = parseManifest(bytes(manifest), MEDIA.manifest);
    assert.ok(one.kind === 'manifest', 'it is a manifest');
    assert.deepEqual([one.config.digest, one.layers.map(({ digest }) => digest)], [A, [B]]);
    const many = parseManifest(bytes(index), `${MEDIA.index}; charset=utf-8`);
    assert.ok(many.kind === 'index', 'it is an index');
    assert.deepEqual(many.manifests[0]?.platform, { os: 'linux', architecture: 'amd64' });
    const { mediaType: _, ...plain } = manifest;
    assert.equal(parseManifest(bytes(plain)).kind, 'manifest');
    assert.equal(parseManifest(bytes({ schemaVersion: 2, manifests: [] })).kind, 'index');
    assert.equal(
      parseManifest(bytes({ ...plain, mediaType: MEDIA.dockerManifest }), 'application/json').kind,
      'manifest',
    );
  });

  it('that two parsers could read differently are refused (CVE-2021-41190)', () => {
    const { mediaType: _, ...plain } = manifest;
    for (const [why, document, contentType] of [
      [/ambiguous/, { ...manifest, manifests: [] }],
      [/ambiguous/, { ...index, layers: [] }],
      [/ambiguous/, { ...index, config: manifest.config }],
      [/neither/, { ...plain, manifests: index.manifests }],
      [/ambiguous/, { ...plain, manifests: index.manifests }, MEDIA.manifest],
      [/sent as/, manifest, MEDIA.index],
      [/sent as/, manifest, MEDIA.dockerManifest],
      [/letter case/, { ...manifest, Layers: [] }],
      [/letter case/, { ...index, MANIFESTS: [] }],
      [/letter case/, { ...plain, MediaType: MEDIA.index }],
      [/not known/, { ...manifest, mediaType: 'application/x' }],
      [/schema 1 support has been removed/, { schemaVersion: 1, fsLayers: [], signatures: [] }],
      [/schemaVersion/, { ...plain, schemaVersion: 3 }],
      [/neither/, { schemaVersion: 2 }],
    ] as const)
      refused(why, () => parseManifest(bytes(document), contentType));
    refused(/twice/, () => parseManifest(bytes('{"schemaVersion":2,"layers":[],"layers":[]}')));
  });

  it('are bounded', () => {
    refused(/at most/, () => parseManifest(Buffer.alloc((4 << 20) + 1, 0x20)));
    refused(/layers/, () => parseManifest(bytes({ ...manifest, layers: Array(128).fill(descriptor(B)) })));
    refused(/manifests/, () => parseManifest(bytes({ ...index, manifests: Array(1025).fill(descriptor(B)) })));
    refused(/digest/, () => parseManifest(bytes({ ...manifest, layers: [descriptor('sha256:../../x')] })));
    refused(/size/, () => parseManifest(bytes({ ...manifest, layers: [{ ...descriptor(B), size: -1 }] })));
    refused(/size/, () => parseManifest(bytes({ ...manifest, layers: [{ ...descriptor(B), size: 1e300 }] })));
  });
});

describe("an image's configuration", () => {
  const rootfs = { type: 'layers', diff_ids: [A] };
  const parse = (value: object): ReturnType<typeof parseImageConfig> =>
    parseImageConfig(bytes({ architecture: 'amd64', os: 'linux', rootfs, ...value }));

  it('is read with the types that it must have', () => {
    const { config } = parse({
      config: {
        Env: ['A=1'],
        Cmd: ['sh'],
        Entrypoint: null,
        Labels: { __proto__x: '1' },
        ExposedPorts: { '80/tcp': {} },
        Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9 },
        Hostname: 'is not ours',
      },
    });
    assert.deepEqual(config, {
      Env: ['A=1'],
      Cmd: ['sh'],
      Labels: { __proto__x: '1' },
      ExposedPorts: { '80/tcp': {} },
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9 },
    });
  });

  it('cannot reach the prototype of objects', () => {
    const { config } = parseImageConfig(
      bytes(`{"architecture":"x","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"__proto__":{"author":"x"},
        "config":{"Labels":{"__proto__":"polluted","constructor":"y"}}}`),
    );
    assert.equal(Object.getOwnPropertyDescriptor(config?.Labels ?? {}, '__proto__')?.value, 'polluted');
    assert.equal(({} as { author?: string }).author, undefined);
  });

  it('is refused where it is not what it must be', () => {
    for (const [why, value] of [
      [/Env/, { config: { Env: 'A=1' } }],
      [/Env/, { config: { Env: [1] } }],
      [/Env/, { config: { Env: ['A\0B'] } }],
      [/Env/, { config: { Env: Array(65_537).fill('') } }],
      [/Labels/, { config: { Labels: { a: {} } } }],
      [/Labels/, { config: { Labels: ['a'] } }],
      [/WorkingDir/, { config: { WorkingDir: 'x'.repeat(4097) } }],
      [/Interval/, { config: { Healthcheck: { Interval: -1 } } }],
      [/created/, { created: 'yesterday' }],
      [/created/, { created: '2024-13-45T99:00:00Z' }],
      [/type/, { rootfs: { type: 'x', diff_ids: [] } }],
      [/digest/, { rootfs: { type: 'layers', diff_ids: ['sha256:x'] } }],
      [/diff_ids/, { rootfs: { type: 'layers', diff_ids: Array(128).fill(A) } }],
      [/history/, { history: [null] }],
    ] as const)
      refused(why, () => parse(value));
    refused(/rootfs/, () => parseImageConfig(bytes({ architecture: 'x', os: 'linux' })));
    refused(/object/, () => parseImageConfig(bytes('[]')));
  });
});
