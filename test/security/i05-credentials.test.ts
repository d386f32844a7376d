import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { whyNot } from '../helpers/docker/programs.js';
import { Authority } from '../helpers/registry/certificates.js';
import { codes, FakeRegistry, reply } from '../helpers/registry/fake-registry.js';
import { without } from '../helpers/registry/guards.js';
import { Place, type RealStore, ran, realStore } from '../helpers/registry/real-store.js';
import { testImage, testLayer } from '../helpers/registry/test-images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const auth = { username: 'victim', password: 'secret' };
const SECRET = `Basic ${Buffer.from('victim:secret').toString('base64')}`;

if (!inSandbox) {
  const skip = (isRoot ? whyNot(['openssl', 'ip']) : 'needs root') ?? false;
  test('I05: who gets a password, in a sandbox', { skip, timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('I05: credentials', () => {
    let place: Place;
    let registry: FakeRegistry;
    /** Listens at another address; a login there would be a leak. */
    let thief: FakeRegistry;
    let victim: RealStore;
    let name: string;

    before(async () => {
      ran('ip', ['link', 'set', 'lo', 'up']);
      ran('ip', ['address', 'add', '10.77.0.1/32', 'dev', 'lo']);
      ran('ip', ['address', 'add', '169.254.169.254/32', 'dev', 'lo']);
      place = new Place();
      registry = await FakeRegistry.start({ address: '10.77.0.1' });
      thief = await FakeRegistry.start({ address: '127.0.0.1' });
      name = `${registry.host}/a/b:1`;
    });
    after(async () => {
      await registry.close();
      await thief.close();
      place.remove();
    });
    beforeEach(async () => {
      for (const server of [registry, thief]) {
        server.asked.length = 0;
        server.answer = null;
        server.blobs.clear();
      }
      victim = await realStore(place, { insecureRegistries: ['10.77.0.0/16'] });
    });

    /** The registry wants basic credentials for everything, and answers `usual` or by `extra`. */
    function closed(extra: (url: string, redirect: (to: string) => void) => boolean): void {
      registry.answer = (request, response, usual) => {
        if (request.headers.authorization !== SECRET) {
          response.setHeader('www-authenticate', 'Basic realm="registry"');
          return codes(response, 401, 'UNAUTHORIZED', 'authentication required');
        }
        if (!extra(request.url ?? '', (to) => void response.writeHead(307, { location: to }).end())) usual();
      };
    }

    const stolen = (): (string | null)[] =>
      thief.asked.map(({ authorization }) => authorization).filter((one) => one !== null);
    const layer = testLayer({ a: 'b' });

    test('CVE-2020-15157: a redirect to another host, and another port of the same, gets nothing', async () => {
      const image = testImage([layer]);
      registry.add('a/b', ['1'], image);
      thief.blobs.set(layer.descriptor.digest, layer.blob);
      const neighbour = await FakeRegistry.start({ address: '10.77.0.1' });
      neighbour.blobs.set(layer.descriptor.digest, layer.blob);
      for (const to of [thief, neighbour]) {
        closed((url, redirect) => {
          if (!url.includes(`/blobs/${layer.descriptor.digest}`)) return false;
          redirect(`${to.url}/v2/x/blobs/${layer.descriptor.digest}`);
          return true;
        });
        victim = await realStore(place, { insecureRegistries: ['10.77.0.0/16'] });
        await victim.pull(name, { auth });
        assert.ok(to.asked.length > 0, 'the redirect was not followed: the attack itself failed');
        assert.ok(
          to.asked.every(({ authorization, headers }) => authorization === null && headers.cookie === undefined),
          'it got a secret',
        );
      }
      await neighbour.close();
    });

    test('CVE-2020-15157: the server of a layer with a URL of its own gets nothing, whatever it asks for', async () => {
      const foreign = { ...layer, descriptor: { ...layer.descriptor, urls: [`${thief.url}/layer`] } };
      registry.add('a/b', ['1'], testImage([foreign]));
      registry.blobs.delete(layer.descriptor.digest);
      closed(() => false);
      thief.answer = (_request, response) => {
        response.setHeader('www-authenticate', `Bearer realm="${thief.url}/token",service="s"`);
        codes(response, 401, 'UNAUTHORIZED', 'authentication required');
      };
      await assert.rejects(victim.pull(name, { auth }));
      assert.ok(thief.asked.length > 0, 'it was not asked: the attack itself failed');
      assert.deepEqual(stolen(), []);
      assert.ok(!thief.asked.some(({ path }) => path.startsWith('/token')), 'its token server was asked');
      // an honest one is read, as nobody
      thief.answer = (_request, response) => void response.end(layer.blob);
      await victim.pull(name, { auth });
      assert.deepEqual(stolen(), []);
    });

    test('CVE-2020-15157: uploads and pages of tags that go on elsewhere get nothing', async () => {
      const image = testImage([layer]);
      registry.add('a/b', ['1'], image);
      closed(() => false);
      await victim.pull(name, { auth });
      registry.blobs.clear();
      const usual = registry.answer;
      registry.answer = (request, response, next) => {
        if (request.method === 'POST' && request.headers.authorization === SECRET)
          return void response.writeHead(202, { location: `${thief.url}/v2/a/b/blobs/uploads/x` }).end();
        if (request.url?.endsWith('tags/list') === true && request.headers.authorization === SECRET)
          return reply(response, 200, '{"tags":[]}', { link: `<${thief.url}/v2/a/b/tags/list>; rel="next"` });
        usual?.(request, response, next);
      };
      await assert.rejects(victim.push(name, { auth }));
      await assert.rejects(victim.pull(`${registry.host}/a/b`, { auth, allTags: true }), { message: /another server/ });
      assert.ok(thief.asked.length > 0, 'the upload did not go on there: the attack itself failed');
      assert.deepEqual(stolen(), []);
    });

    test('CVE-2020-15157: a token server that is none gets nothing', async () => {
      const authority = new Authority(place.fresh('tls'));
      const tls = authority.signed('registry', ['IP:10.77.0.1']);
      const secure = await FakeRegistry.start({ address: '10.77.0.1', tls });
      const metadata = await FakeRegistry.start({ address: '169.254.169.254', port: 80 });
      const { port } = new URL(thief.url);
      try {
        for (const [from, realm, why] of [
          [registry, 'http://169.254.169.254/latest/meta-data', /link-local/],
          [registry, `http://127.0.0.1:${port}/token`, /it is on this machine/],
          [registry, `http://localhost:${port}/token`, /it is on this machine/],
          [registry, `http://[::ffff:127.0.0.1]:${port}/token`, /it is on this machine/],
          [registry, `http://0.0.0.0:${port}/token`, /it is on this machine/],
          [registry, 'file:///etc/passwd', /neither HTTPS nor HTTP/],
          [registry, `http://u:p@10.77.0.1:${port}/`, /has a user name in it/],
          [registry, 'nonsense', /not a URL/],
          [secure, `http://10.77.0.1:${port}/token`, /clear text/],
        ] as const) {
          from.answer = (_request, response) => {
            response.setHeader('www-authenticate', `Bearer realm="${realm}",service="s"`);
            codes(response, 401, 'UNAUTHORIZED', 'authentication required');
          };
          await assert.rejects(victim.pull(`${from.host}/a/b:1`, { auth }), { message: why }, realm);
          await assert.rejects(victim.registries.login({ ...auth, serveraddress: from.host }), { message: why }, realm);
        }
        assert.deepEqual([thief.asked.length, metadata.asked.length], [0, 0]);
      } finally {
        await secure.close();
        await metadata.close();
      }
    });

    test('CVE-2024-3727: a digest is a digest, or the document is refused', async () => {
      const image = testImage([layer], { oci: true });
      const hex = layer.descriptor.digest.slice(7);
      for (const digest of [
        'sha256:../../../../etc/passwd',
        `sha256:${hex.toUpperCase()}`,
        `SHA256:${hex}`,
        `sha256:${hex}0`,
        `sha256:${hex.slice(1)}`,
        `sha256:${hex.slice(0, -1)}\n`,
        `sha512:${hex}${hex}`,
        `sha256:${hex}/../x`,
        hex,
        '',
      ]) {
        const bytes = Buffer.from(
          image.manifest.toString().replace(JSON.stringify(layer.descriptor.digest), JSON.stringify(digest)),
        );
        registry.addDocument('a/b', ['1'], image.mediaType, bytes);
        registry.blobs.set(image.id, image.config);
        await assert.rejects(victim.pull(name), { code: 'InvalidArgument' }, digest);
      }
      assert.equal(registry.of('GET', /blobs/).length, 0, 'a blob was asked for by such a name');
    });

    test('CVE-2020-15157 twin: without the guard the other host gets the password', async () => {
      registry.add('a/b', ['1'], testImage([layer]));
      thief.blobs.set(layer.descriptor.digest, layer.blob);
      closed((url, redirect) => {
        if (!url.includes(`/blobs/${layer.descriptor.digest}`)) return false;
        redirect(`${thief.url}/v2/x/blobs/${layer.descriptor.digest}`);
        return true;
      });
      await without(['registry-own-host'], () => victim.pull(name, { auth }));
      assert.deepEqual(stolen(), [SECRET]);
    });

    test('CVE-2020-15157 twin: without the guard the server of a layer gets the password', async () => {
      const foreign = { ...layer, descriptor: { ...layer.descriptor, urls: [`${thief.url}/layer`] } };
      registry.add('a/b', ['1'], testImage([foreign]));
      registry.blobs.delete(layer.descriptor.digest);
      closed(() => false);
      thief.answer = (_request, response) => void response.end(layer.blob);
      await without(['registry-own-host'], () => victim.pull(name, { auth }));
      assert.deepEqual(stolen(), [SECRET]);
    });

    test('CVE-2020-15157 twin: without the guard a token server on this machine gets the password', async () => {
      thief.answer = (_request, response) => reply(response, 200, '{"token":"x"}');
      registry.answer = (_request, response) => {
        response.setHeader('www-authenticate', `Bearer realm="${thief.url}/token",service="s"`);
        codes(response, 401, 'UNAUTHORIZED', 'authentication required');
      };
      await assert.rejects(without(['registry-realm'], () => victim.pull(name, { auth })));
      assert.ok(stolen().includes(SECRET), 'the attack does not work without the guard either');
    });
  });
}
