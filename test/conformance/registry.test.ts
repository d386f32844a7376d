import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { importImage } from '../../engine/image/archive/index.js';
import { digestOf } from '../../engine/image/digest.js';
import { MEDIA } from '../../engine/image/manifest.js';
import { parseReference } from '../../engine/image/reference.js';
import { whyNot } from '../helpers/docker/programs.js';
import { Authority } from '../helpers/registry/certificates.js';
import { DockerRegistry } from '../helpers/registry/docker-registry.js';
import type { FakeRegistry } from '../helpers/registry/fake-registry.js';
import { Place, type RealStore, ran, realStore } from '../helpers/registry/real-store.js';
import { noise, testImage, testIndex, testLayer } from '../helpers/registry/test-images.js';
import { ISSUER, SERVICE, tokenServer } from '../helpers/registry/token-server.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

const SKOPEO = ['--insecure-policy', '--tmpdir', '/tmp'];
/** `tester` with the password `secret`, hashed by bcrypt. */
const HTPASSWD = 'tester:$2b$05$Aw9L.fqRWDCRSMXM29OzWOWUxwUK4DXFpzaWuUtjN6wpRYjobiTx2\n';

if (!inSandbox) {
  const skip = whyNot(['docker-registry', 'skopeo', 'openssl', 'ip', 'tar']) ?? false;
  test("registries: Debian's docker-registry, and skopeo as another client", { skip, timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe("Debian's docker-registry", () => {
    let place: Place;
    let registry: DockerRegistry;
    let ours: RealStore;
    let name: string;

    before(async () => {
      ran('ip', ['link', 'set', 'lo', 'up']);
      ran('ip', ['address', 'add', '10.77.0.1/32', 'dev', 'lo']);
      place = new Place();
      registry = await DockerRegistry.start(place.fresh('registry'), { port: 5000 });
      ours = await realStore(place);
      name = `${registry.host}/lab/rootfs:1`;
      const tar = place.fresh('rootfs.tar');
      const root = place.fresh('rootfs');
      mkdirSync(join(root, 'bin'), { recursive: true });
      writeFileSync(join(root, 'bin/noise'), noise(3_000_000));
      writeFileSync(join(root, 'hello'), 'hello\n');
      ran('tar', ['-C', root, '-cf', tar, '.']);
      await importImage(
        ours.store,
        (async function* () {
          yield readFileSync(tar);
        })(),
        { reference: name, changes: ['CMD ["/bin/noise"]', 'LABEL of=test'] },
      );
    });
    after(async () => {
      await registry.stop();
      place.remove();
    });

    const manifestAt = (reference: string): { digest: string; mediaType: string } => {
      const bytes = ran('skopeo', [...SKOPEO, 'inspect', '--raw', '--tls-verify=false', `docker://${reference}`]);
      return { digest: digestOf(bytes), mediaType: (JSON.parse(bytes) as { mediaType: string }).mediaType };
    };

    test('what we push, skopeo reads; what skopeo copies, we pull', async () => {
      await ours.push(name);
      const seen = JSON.parse(ran('skopeo', [...SKOPEO, 'inspect', '--tls-verify=false', `docker://${name}`])) as {
        Digest: string;
        Labels: unknown;
      };
      assert.deepEqual(seen.Labels, { of: 'test' });
      assert.deepEqual(ours.lines.at(-1)?.aux, { Tag: '1', Digest: seen.Digest, Size: 527 });
      for (const [tag, flags, mediaType] of [
        ['oci', ['--format', 'oci'], MEDIA.manifest],
        ['zstd', ['--format', 'oci', '--dest-compress-format', 'zstd', '--dest-compress'], MEDIA.manifest],
        ['v2s2', ['--format', 'v2s2'], MEDIA.dockerManifest],
      ] as const) {
        const other = `${registry.host}/copies/${tag}:2`;
        // through a directory, because a registry's blobs are else mounted as they are
        const directory = place.fresh('dir');
        ran('skopeo', [...SKOPEO, 'copy', '--src-tls-verify=false', `docker://${name}`, `dir:${directory}`]);
        ran('skopeo', [
          ...SKOPEO,
          'copy',
          '--dest-tls-verify=false',
          ...flags,
          `dir:${directory}`,
          `docker://${other}`,
        ]);
        const theirs = await realStore(place);
        const image = await theirs.pull(other);
        assert.equal(manifestAt(other).mediaType, mediaType);
        assert.deepEqual(image.digests, [`${registry.host}/copies/${tag}@${manifestAt(other).digest}`]);
        assert.equal(image.config.rootfs.diff_ids[0], (await ours.store.get(name)).config.rootfs.diff_ids[0], tag);
        const [layer] = theirs.store.snapshots.chainOf(image.chainId!);
        const directoryOf = theirs.store.snapshots.directoryOf(layer!.chainId);
        assert.deepEqual(readFileSync(join(directoryOf, 'bin/noise')), noise(3_000_000), tag);
      }
    });

    test('a pulled image keeps its digest wherever it is pushed, and a blob is mounted', async () => {
      const theirs = await realStore(place);
      const { id } = await theirs.pull(name);
      const target = `${registry.host}/mounted/here:3`;
      await theirs.store.putReference(parseReference(target), id);
      await theirs.push(target);
      assert.equal(manifestAt(target).digest, manifestAt(name).digest);
      assert.ok(
        theirs.text().some((row) => row.endsWith(': Mounted from lab/rootfs')),
        theirs.text().join('\n'),
      );
      await theirs.push(target);
      assert.ok(
        theirs.text().some((row) => row.endsWith(': Layer already exists')),
        theirs.text().join('\n'),
      );
    });

    test('an index: by tag, by digest, for a platform', async () => {
      const images = (['amd64', 'arm64'] as const).map((architecture) => ({
        image: testImage([testLayer({ arch: architecture })], { architecture }),
        platform: { os: 'linux', architecture },
      }));
      const path = `http://${registry.host}/v2/multi/`;
      for (const { image } of images)
        for (const [digest, bytes] of [
          [image.id, image.config] as const,
          ...image.layers.map(({ descriptor, blob }) => [descriptor.digest, blob] as const),
        ]) {
          const started = await fetch(`${path}blobs/uploads/`, { method: 'POST' });
          const location = new URL(started.headers.get('location') ?? '');
          location.searchParams.set('digest', digest);
          assert.equal((await fetch(location, { method: 'PUT', body: new Uint8Array(bytes) })).status, 201);
        }
      const put = async (reference: string, mediaType: string, bytes: Buffer): Promise<void> => {
        const done = await fetch(`${path}manifests/${reference}`, {
          method: 'PUT',
          body: new Uint8Array(bytes),
          headers: { 'content-type': mediaType },
        });
        assert.equal(done.status, 201, await done.text());
      };
      for (const { image } of images) await put(image.digest, image.mediaType, image.manifest);
      const list = testIndex(images, MEDIA.dockerList);
      await put('1', list.mediaType, list.bytes);
      for (const reference of [':1', `@${list.digest}`])
        for (const { image, platform } of images) {
          const theirs = await realStore(place);
          const pulled = await theirs.pull(`${registry.host}/multi${reference}`, { platform });
          assert.equal(pulled.id, image.id);
          assert.deepEqual(pulled.digests, [`${registry.host}/multi@${list.digest}`]);
        }
      const { Descriptor, Platforms } = await ours.registries.distribution(`${registry.host}/multi:1`);
      assert.deepEqual([Descriptor.digest, Descriptor.mediaType], [list.digest, MEDIA.dockerList]);
      assert.deepEqual(
        Platforms,
        images.map(({ platform }) => platform),
      );
    });

    test('all tags, and what is not there', async () => {
      const theirs = await realStore(place);
      await theirs.pull(`${registry.host}/lab/rootfs`, { allTags: true });
      assert.deepEqual((await theirs.store.get(name)).tags, [name]);
      await assert.rejects(theirs.pull(`${registry.host}/lab/rootfs:nosuch`), {
        message: `manifest for ${registry.host}/lab/rootfs:nosuch not found: manifest unknown: manifest unknown`,
      });
      await assert.rejects(theirs.pull(`${registry.host}/lab/nosuch`, { allTags: true }), {
        message: `repository ${registry.host}/lab/nosuch not found: name unknown: repository name not known to registry`,
      });
      await assert.rejects(theirs.pull('busybox'), {
        message: /^Get "https:\/\/registry-1\.docker\.io\/v2\/": dial tcp: lookup registry-1\.docker\.io: /,
      });
      await assert.rejects(theirs.registries.search('busybox', {}), {
        message: /^Get "https:\/\/index\.docker\.io\/v1\/search\?q=busybox&n=25": dial tcp: lookup index\.docker\.io: /,
      });
    });

    test('basic authentication', async () => {
      const closed = await DockerRegistry.start(place.fresh('htpasswd'), { port: 5001, htpasswd: HTPASSWD });
      try {
        const target = `${closed.host}/lab/rootfs:1`;
        const auth = { username: 'tester', password: 'secret', serveraddress: closed.host };
        assert.deepEqual(await ours.registries.login(auth), { Status: 'Login Succeeded' });
        await assert.rejects(ours.registries.login({ ...auth, password: 'wrong' }), {
          message: `login attempt to http://${closed.host}/v2/ failed with status: 401 Unauthorized`,
        });
        await ours.store.putReference(parseReference(target), (await ours.store.get(name)).id);
        await assert.rejects(ours.push(target), { message: /no basic auth credentials$/ });
        await ours.push(target, { auth });
        const theirs = await realStore(place);
        await assert.rejects(theirs.pull(target), { message: /no basic auth credentials$/ });
        await theirs.pull(target, { auth });
      } finally {
        await closed.stop();
      }
    });

    test('tokens', async () => {
      const authority = new Authority(place.fresh('tokens'));
      const server: FakeRegistry = await tokenServer(authority.own, { tester: 'secret' }, (user, repository, action) =>
        user === 'tester' ? repository === 'lab/rootfs' : repository === 'lab/rootfs' && action === 'pull',
      );
      const token = {
        realm: `${server.url}/token`,
        service: SERVICE,
        issuer: ISSUER,
        certFile: authority.own.certFile,
      };
      const closed = await DockerRegistry.start(place.fresh('token'), { port: 5002, token });
      try {
        const target = `${closed.host}/lab/rootfs:1`;
        const auth = { username: 'tester', password: 'secret', serveraddress: closed.host };
        assert.deepEqual(await ours.registries.login(auth), { Status: 'Login Succeeded' });
        await ours.store.putReference(parseReference(target), (await ours.store.get(name)).id);
        await assert.rejects(ours.push(target), { message: 'denied: requested access to the resource is denied' });
        await ours.push(target, { auth });
        assert.equal((await (await realStore(place)).pull(target)).id, (await ours.store.get(name)).id);
        await assert.rejects((await realStore(place)).pull(`${closed.host}/lab/other:1`, { auth }), {
          code: 'NotFound',
          message: `pull access denied for ${closed.host}/lab/other, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
        });
      } finally {
        await closed.stop();
        await server.close();
      }
    });

    test('TLS: an authority of our own, and a host on the insecure list', async () => {
      const authority = new Authority(place.fresh('tls'));
      const tls = authority.signed('server', ['IP:10.77.0.1']);
      const secure = await DockerRegistry.start(place.fresh('secure'), { address: '10.77.0.1', port: 5003, tls });
      try {
        const target = `${secure.host}/lab/rootfs:1`;
        await ours.store.putReference(parseReference(target), (await ours.store.get(name)).id);
        await assert.rejects(ours.push(target), { message: /x509: certificate signed by unknown authority$/ });
        const certificates = place.fresh('certs.d');
        mkdirSync(join(certificates, secure.host), { recursive: true });
        writeFileSync(join(certificates, secure.host, 'ca.crt'), authority.own.cert);
        const careless = await realStore(place, { insecureRegistries: ['10.77.0.0/16'] });
        const careful = await realStore(place, { certificates });
        await assert.rejects(careful.pull(target), { code: 'NotFound' });
        await pushFrom(ours, place, target, certificates);
        await careful.pull(target);
        await careless.pull(target);
      } finally {
        await secure.stop();
      }
    });
  });
}

/** Push an image of a store with other certificates than it was opened with. */
async function pushFrom(from: RealStore, place: Place, target: string, certificates: string): Promise<void> {
  const file = place.fresh('moved.tar');
  await from.saveTo(file, target);
  const store = await realStore(place, { certificates });
  await store.loadFrom(file);
  await store.push(target);
}
