import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { digestOf, shortId } from '../../engine/image/digest.js';
import { MEDIA } from '../../engine/image/manifest.js';
import { codes, FakeRegistry, reply } from '../helpers/registry/fake-registry.js';
import { type PlainEngine, plainEngine } from '../helpers/registry/plain-backend.js';
import { noise, testImage, testIndex, testLayer } from '../helpers/registry/test-images.js';

const base = testLayer({ 'etc/one': 'first' });
const app = testLayer({ 'bin/app': noise(300_000) });
const image = testImage([base, app]);

describe('pulling from a registry', () => {
  let registry: FakeRegistry;
  let engine: PlainEngine;
  let name: string;

  before(async () => {
    registry = await FakeRegistry.start();
  });
  after(() => registry.close());
  beforeEach(async () => {
    registry.answer = null;
    registry.asked.length = 0;
    registry.blobs.clear();
    registry.manifests.clear();
    registry.add('my/app', ['1'], image);
    name = `${registry.host}/my/app`;
    await engine?.close();
    engine = await plainEngine();
  });
  after(() => engine.close());

  const pull = (reference: string, more: object = {}): ReturnType<PlainEngine['registries']['pull']> =>
    engine.registries.pull(reference, { progress: engine.progress, ...more });

  it('says what dockerd says, line by line', async () => {
    const pulled = await pull(`${name}:1`);
    assert.equal(pulled.id, image.id);
    const [one, two] = image.layers.map(({ descriptor }) => shortId(descriptor.digest)) as [string, string];
    const rows = engine.text();
    assert.deepEqual(rows.slice(0, 3), [
      '1: Pulling from my/app',
      `${one}: Pulling fs layer`,
      `${two}: Pulling fs layer`,
    ]);
    for (const id of [one, two])
      assert.deepEqual(
        rows.filter((row) => row.startsWith(id)),
        ['Pulling fs layer', 'Verifying Checksum', 'Download complete', 'Pull complete'].map(
          (status) => `${id}: ${status}`,
        ),
      );
    assert.deepEqual(rows.slice(-2), [`Digest: ${image.digest}`, `Status: Downloaded newer image for ${name}:1`]);
    const bar = engine.lines.findLast(({ status, id }) => status === 'Downloading' && id === two);
    const size = app.descriptor.size;
    assert.deepEqual(bar?.progressDetail, { current: size, total: size });
    assert.match(bar?.progress ?? '', /^\[={50}>\]\s+300\.\dkB\/300\.\dkB$/);
    assert.deepEqual(pulled.tags, [`${name}:1`]);
    assert.deepEqual(pulled.digests, [`${name}@${image.digest}`]);
    assert.deepEqual(engine.backend.events, [`pull ${image.id.slice(0, 12)} ${name}:1`]);
  });

  it('takes nothing twice: an image that is here, a layer that is here', async () => {
    await pull(`${name}:1`);
    registry.asked.length = 0;
    engine.lines.length = 0;
    await pull(`${name}:1`);
    assert.deepEqual(engine.text(), [
      '1: Pulling from my/app',
      `Digest: ${image.digest}`,
      `Status: Image is up to date for ${name}:1`,
    ]);
    assert.equal(registry.of('GET', /blobs\/(?!.*config)/).filter(({ path }) => !path.endsWith(image.id)).length, 0);
    const other = testImage([base, testLayer({ other: 'x' })]);
    registry.add('my/app', ['2'], other);
    engine.lines.length = 0;
    await pull(`${name}:2`);
    assert.ok(engine.text().includes(`${shortId(base.descriptor.digest)}: Already exists`), engine.text().join('\n'));
  });

  it('goes on where an answer broke off, and where an earlier pull did', async () => {
    let broken = 0;
    registry.answer = (request, response, usual) => {
      if (!request.url?.endsWith(app.descriptor.digest) || broken++ > 0) return usual();
      response.writeHead(200, { 'content-length': app.descriptor.size });
      response.write(app.blob.subarray(0, 100_000), () => response.destroy());
    };
    await pull(`${name}:1`);
    const ranges = registry.of('GET', new RegExp(app.descriptor.digest)).map(({ headers }) => headers.range);
    assert.deepEqual(ranges, [undefined, 'bytes=100000-']);
    assert.ok(engine.text().includes(`${shortId(app.descriptor.digest)}: Retrying in 5 seconds`), 'no row says so');
    assert.ok(
      engine.text().includes(`${shortId(app.descriptor.digest)}: Retrying in 1 second`),
      'it does not count down',
    );
  });

  it('begins again where the server cannot go on, or goes on with other bytes', async () => {
    for (const how of ['whole', 'other'] as const) {
      await engine.close();
      engine = await plainEngine();
      let count = 0;
      registry.answer = (request, response, usual) => {
        if (!request.url?.endsWith(app.descriptor.digest)) return usual();
        count += 1;
        if (count === 1) {
          response.writeHead(200, { 'content-length': app.descriptor.size });
          response.write(app.blob.subarray(0, 1000), () => response.destroy());
        } else if (how === 'other' && count === 2) {
          const rest = Buffer.alloc(app.descriptor.size - 1000, 7);
          response
            .writeHead(206, { 'content-range': `bytes 1000-${app.descriptor.size - 1}/${app.descriptor.size}` })
            .end(rest);
        } else {
          delete request.headers.range;
          usual();
        }
      };
      assert.equal((await pull(`${name}:1`)).id, image.id, how);
    }
  });

  it('gives up after five attempts, and keeps no image', async () => {
    registry.answer = (request, response, usual) => {
      if (!request.url?.endsWith(app.descriptor.digest)) return usual();
      reply(response, 503, 'busy');
    };
    await assert.rejects(pull(`${name}:1`), { message: 'received unexpected HTTP status: 503 Service Unavailable' });
    // HTTPS is tried first, then HTTP; nothing of a layer is asked over TLS
    assert.equal(registry.of('GET', new RegExp(app.descriptor.digest)).length, 5);
    assert.equal(engine.backend.count, 0);
    assert.deepEqual(engine.backend.names, []);
  });

  it('downloads three layers at once, and others wait', async () => {
    const layers = Array.from({ length: 6 }, (_, index) => testLayer({ [`f${index}`]: noise(1000, index) }));
    registry.add('my/many', ['1'], testImage(layers));
    let now = 0;
    let most = 0;
    registry.answer = (request, _response, usual) => {
      if (!layers.some(({ descriptor }) => request.url?.endsWith(descriptor.digest))) return usual();
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
        usual();
      }, 20);
    };
    await pull(`${registry.host}/my/many:1`);
    assert.equal(most, 3);
    assert.equal(engine.text().filter((row) => row.endsWith(': Waiting')).length, 3);
  });

  it('pulls the same at the same time without fetching it twice', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => pull(`${name}:1`)));
    assert.ok(
      all.every(({ id }) => id === image.id),
      'another image came',
    );
    assert.equal(registry.of('GET', new RegExp(app.descriptor.digest)).length, 1);
    assert.equal(engine.backend.content.leases.open, 0);
  });

  it('stops when it is told to, and goes on later', async () => {
    const stop = new AbortController();
    registry.answer = (request, response, usual) => {
      if (!request.url?.endsWith(app.descriptor.digest)) return usual();
      response.writeHead(200, { 'content-length': app.descriptor.size });
      response.write(app.blob.subarray(0, 50_000), () => setTimeout(() => stop.abort(), 30));
    };
    await assert.rejects(pull(`${name}:1`, { signal: stop.signal }), { code: 'Aborted', message: 'context canceled' });
    assert.equal(engine.backend.content.leases.open, 0);
    registry.answer = null;
    registry.asked.length = 0;
    await pull(`${name}:1`);
    assert.deepEqual(
      registry.of('GET', new RegExp(app.descriptor.digest)).map(({ headers }) => headers.range),
      ['bytes=50000-'],
    );
  });

  it('by digest, and all tags page by page', async () => {
    await pull(`${name}@${image.digest}`);
    assert.deepEqual(engine.backend.names, [`${name}@${image.digest}`]);
    assert.equal(engine.text()[0], `${name}@${image.digest}: Pulling from my/app`);
    const other = testImage([base], { config: { Cmd: ['other'] } });
    registry.add('my/app', ['2', '3'], other);
    registry.tagsPerPage = 2;
    await pull(name, { allTags: true });
    registry.tagsPerPage = 1000;
    const tags = engine.backend.names.filter((one) => !one.includes('@'));
    assert.deepEqual(tags, [`${name}:1`, `${name}:2`, `${name}:3`]);
    assert.ok(engine.text().includes(`Status: Downloaded newer image for ${name}`), 'the status names no tag');
    assert.equal(registry.of('GET', /tags\/list/).length, 2);
    await assert.rejects(pull(`${name}:1`, { allTags: true }), { message: "tag can't be used with --all-tags/-a" });
  });

  it('chooses the platform out of an index, also one in another', async () => {
    const arm = testImage([base], { architecture: 'arm64', oci: true });
    const amd = testImage([base], { architecture: 'amd64', oci: true });
    const inner = testIndex([
      { image: arm, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      { image: amd, platform: { os: 'linux', architecture: 'amd64' } },
    ]);
    const outer = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA.index,
        manifests: [{ mediaType: MEDIA.index, digest: inner.digest, size: inner.bytes.byteLength }],
      }),
    );
    registry.add('my/multi', [], arm);
    registry.add('my/multi', [], amd);
    registry.addDocument('my/multi', ['1', inner.digest], inner.mediaType, inner.bytes);
    registry.addDocument('my/multi', ['2', digestOf(outer)], MEDIA.index, outer);
    for (const tag of ['1', '2']) {
      for (const [architecture, expected] of [
        ['arm64', arm],
        ['amd64', amd],
      ] as const) {
        const pulled = await pull(`${registry.host}/my/multi:${tag}`, { platform: { os: 'linux', architecture } });
        assert.equal(pulled.id, expected.id, `${tag} for ${architecture}`);
      }
    }
    await assert.rejects(pull(`${registry.host}/my/multi:1`, { platform: { os: 'linux', architecture: 's390x' } }), {
      code: 'NotFound',
      message: 'no matching manifest for linux/s390x in the manifest list entries',
    });
    engine.lines.length = 0;
    await pull(`${name}:1`, { platform: { os: 'linux', architecture: 'arm64' } });
    assert.equal(
      engine.text().at(-1),
      `WARNING: image with reference ${name}:1 was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)`,
    );
  });

  it('fails in the words of dockerd', async () => {
    const missing = `${registry.host}/my/app:nosuch`;
    await assert.rejects(pull(missing), {
      code: 'NotFound',
      message: `manifest for ${missing} not found: manifest unknown: manifest unknown`,
    });
    for (const [status, code, text, expected] of [
      [
        403,
        'DENIED',
        'requested access to the resource is denied',
        `pull access denied for ${name}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
      ],
      [
        404,
        'NAME_UNKNOWN',
        'repository name not known to registry',
        `repository ${name} not found: name unknown: repository name not known to registry`,
      ],
      [401, 'UNAUTHORIZED', 'authentication required', 'unauthorized: authentication required'],
      [
        429,
        'TOOMANYREQUESTS',
        'You have reached your pull rate limit.',
        'toomanyrequests: You have reached your pull rate limit.',
      ],
    ] as const) {
      registry.answer = (request, response, usual) =>
        request.url?.includes('/manifests/') ? codes(response, status, code, text) : usual();
      await assert.rejects(pull(`${name}:1`), { message: expected });
    }
    registry.answer = (request, response, usual) =>
      request.url?.includes('/manifests/') ? reply(response, 404, '<html>', { 'content-type': 'text/html' }) : usual();
    await assert.rejects(pull(`${name}:1`), {
      message: `error parsing HTTP 404 response body: invalid character '<' looking for beginning of value: "<html>"`,
    });
    await assert.rejects(pull('scratch'), { message: "'scratch' is a reserved name" });
    await assert.rejects(pull('Bad'), { message: /must be lowercase/ });
  });

  it('refuses what is no image', async () => {
    const artifact = testImage([base], { oci: true });
    const bytes = Buffer.from(
      artifact.manifest.toString().replace(MEDIA.config, 'application/vnd.cncf.helm.config.v1+json'),
    );
    registry.addDocument('my/chart', ['1'], MEDIA.manifest, bytes);
    await assert.rejects(pull(`${registry.host}/my/chart:1`), {
      message: 'unsupported media type application/vnd.cncf.helm.config.v1+json',
    });
    const mixed = Buffer.from(artifact.manifest.toString().replace(/"layers":\[.*\]/, '"layers":[]'));
    registry.add('my/mixed', [], artifact);
    registry.addDocument('my/mixed', ['1'], MEDIA.manifest, mixed);
    await assert.rejects(pull(`${registry.host}/my/mixed:1`), {
      code: 'DataLoss',
      message: "layers from manifest don't match image configuration",
    });
  });
});
