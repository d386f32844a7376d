import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { digestOf, shortId } from '../../engine/image/digest.js';
import { MEDIA } from '../../engine/image/manifest.js';
import { parseReference } from '../../engine/image/reference.js';
import { codes, FakeRegistry } from '../helpers/registry/fake-registry.js';
import { type PlainEngine, plainEngine } from '../helpers/registry/plain-backend.js';
import { noise, type TestImage, testImage, testLayer } from '../helpers/registry/test-images.js';

const plainLayer = testLayer({ 'etc/one': 'first' }, MEDIA.layer);
const large = testLayer({ 'bin/app': noise(2_000_000) }, MEDIA.layer);

describe('pushing to a registry', () => {
  let registry: FakeRegistry;
  let engine: PlainEngine;

  before(async () => {
    registry = await FakeRegistry.start();
  });
  after(() => registry.close());
  beforeEach(async () => {
    registry.answer = null;
    registry.asked.length = 0;
    registry.blobs.clear();
    registry.places.clear();
    registry.manifests.clear();
    await engine?.close();
    engine = await plainEngine();
  });
  after(() => engine.close());

  async function have(image: TestImage, ...names: string[]): Promise<void> {
    for (const { blob } of image.layers) await engine.backend.content.put(blob);
    await engine.backend.registerImage({
      config: image.config,
      layers: image.layers.map(({ descriptor }) => ({ descriptor })),
      references: names.map(parseReference),
    });
  }

  const push = (name: string, more: object = {}): Promise<void> =>
    engine.registries.push(name, { progress: engine.progress, ...more });

  it('says what dockerd says, sends small blobs at once and large ones as a stream', async () => {
    const image = testImage([plainLayer, large]);
    const name = `${registry.host}/my/app:1`;
    await have(image, name);
    await push(name);
    const [low, top] = [shortId(plainLayer.diffId), shortId(large.diffId)];
    const rows = engine.text();
    assert.deepEqual(rows.slice(0, 3), [
      `The push refers to repository [${registry.host}/my/app]`,
      `${top}: Preparing`,
      `${low}: Preparing`,
    ]);
    for (const id of [low, top]) assert.ok(rows.includes(`${id}: Pushed`), rows.join('\n'));
    const sent = registry.manifests.get('my/app 1');
    assert.equal(sent?.mediaType, MEDIA.dockerManifest);
    const bytes = sent?.bytes ?? Buffer.alloc(0);
    const digest = digestOf(bytes);
    assert.equal(rows.at(-1), `1: digest: ${digest} size: ${bytes.byteLength}`);
    assert.deepEqual(engine.lines.at(-1), {
      progressDetail: {},
      aux: { Tag: '1', Digest: digest, Size: bytes.byteLength },
    });
    const manifest = JSON.parse(bytes.toString()) as {
      config: { digest: string };
      layers: { digest: string; mediaType: string }[];
    };
    assert.equal(manifest.config.digest, image.id);
    assert.deepEqual(
      manifest.layers.map(({ mediaType }) => mediaType),
      [MEDIA.dockerLayerGzip, MEDIA.dockerLayerGzip],
    );
    assert.ok(
      manifest.layers.every((one) => registry.blobs.has(one.digest)),
      'a layer is not there',
    );
    assert.equal(registry.of('PATCH', /uploads/).length, 1, 'only the large layer is streamed');
    assert.deepEqual((await engine.backend.get(name)).digests, [`${registry.host}/my/app@${digest}`]);
  });

  it('compresses a layer the same way each time, in every store', async () => {
    const digests = new Set<string>();
    for (let round = 0; round < 2; round++) {
      await engine.close();
      engine = await plainEngine();
      registry.blobs.clear();
      const name = `${registry.host}/my/same:1`;
      await have(testImage([large]), name);
      await push(name);
      digests.add(digestOf(registry.manifests.get('my/same 1')?.bytes ?? Buffer.alloc(0)));
    }
    assert.equal(digests.size, 1);
  });

  it('a pulled image has the same digest where it is pushed', async () => {
    for (const oci of [false, true]) {
      const image = testImage([testLayer({ a: 'x' }, oci ? MEDIA.layerGzip : MEDIA.dockerLayerGzip)], { oci });
      registry.add('my/from', ['1'], image);
      await engine.registries.pull(`${registry.host}/my/from:1`, { progress: engine.progress });
      await engine.backend.putReference(parseReference(`${registry.host}/my/to:2`), image.id);
      registry.places.add('other blob');
      for (const { descriptor } of image.layers) registry.places.add(`my/from ${descriptor.digest}`);
      engine.lines.length = 0;
      await push(`${registry.host}/my/to:2`);
      assert.equal(digestOf(registry.manifests.get('my/to 2')?.bytes ?? Buffer.alloc(0)), image.digest);
      const id = shortId(image.layers[0]?.diffId ?? '');
      assert.ok(engine.text().includes(`${id}: Mounted from my/from`), engine.text().join('\n'));
      assert.equal(registry.of('PATCH', /./).length, 0);
      registry.places.clear();
    }
  });

  it('sends nothing that is there', async () => {
    const name = `${registry.host}/my/app:1`;
    await have(testImage([plainLayer, large]), name, `${registry.host}/my/app:2`);
    await push(name);
    registry.asked.length = 0;
    engine.lines.length = 0;
    await push(name);
    assert.equal(registry.of('POST', /uploads/).length, 0);
    assert.equal(engine.text().filter((row) => row.endsWith('Layer already exists')).length, 2);
    engine.lines.length = 0;
    await push(`${registry.host}/my/app`, { allTags: true });
    assert.deepEqual(
      engine.lines.flatMap(({ aux }) => (aux === undefined ? [] : [(aux as { Tag: string }).Tag])),
      ['1', '2'],
    );
  });

  it('sends a layer that may not be mounted', async () => {
    const image = testImage([testLayer({ a: 'y' })]);
    registry.add('my/from', ['1'], image);
    await engine.registries.pull(`${registry.host}/my/from:1`, { progress: engine.progress });
    await engine.backend.putReference(parseReference(`${registry.host}/my/to:2`), image.id);
    registry.places.add('other blob');
    registry.answer = (request, response, usual) =>
      request.url?.includes('mount=') ? codes(response, 403, 'DENIED', 'no') : usual();
    engine.lines.length = 0;
    await push(`${registry.host}/my/to:2`);
    assert.ok(
      engine.text().some((row) => row.endsWith(': Pushed')),
      engine.text().join('\n'),
    );
  });

  it('tries an upload again that broke off', async () => {
    const name = `${registry.host}/my/app:1`;
    await have(testImage([large]), name);
    let broken = 0;
    registry.answer = (request, response, usual) => {
      if (request.method === 'PATCH' && broken++ === 0) response.destroy();
      else usual();
    };
    await push(name);
    assert.ok(registry.manifests.has('my/app 1'), 'the manifest is not there');
    assert.ok(engine.text().includes(`${shortId(large.diffId)}: Retrying in 5 seconds`), engine.text().join('\n'));
  });

  it('fails in the words of dockerd', async () => {
    const name = `${registry.host}/my/app`;
    await assert.rejects(push(`${name}:1`), {
      code: 'NotFound',
      message: `An image does not exist locally with the tag: ${name}`,
    });
    await have(testImage([plainLayer]), `${name}:1`);
    await assert.rejects(push(`${name}:2`), { message: `tag does not exist: ${name}:2` });
    await assert.rejects(push(`${name}@${digestOf('x')}`), { message: 'cannot push a digest reference' });
    registry.answer = (request, response, usual) =>
      request.method === 'POST'
        ? codes(response, 403, 'DENIED', 'requested access to the resource is denied')
        : usual();
    await assert.rejects(push(`${name}:1`), { message: 'denied: requested access to the resource is denied' });
    assert.equal(engine.backend.content.leases.open, 0);
  });
});
