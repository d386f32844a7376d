import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { whyNot } from '../helpers/docker/programs.js';
import { Authority } from '../helpers/registry/certificates.js';
import { FakeRegistry } from '../helpers/registry/fake-registry.js';
import { without } from '../helpers/registry/guards.js';
import { Place, ran, realStore } from '../helpers/registry/real-store.js';
import { testImage, testLayer } from '../helpers/registry/test-images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const auth = { username: 'victim', password: 'secret' };
const image = testImage([testLayer({ a: 'b' })]);

if (!inSandbox) {
  const skip = (isRoot ? whyNot(['openssl', 'ip']) : 'needs root') ?? false;
  test('I06: registries without TLS that is right, in a sandbox', { skip, timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('I06: TLS', () => {
    let place: Place;
    let authority: Authority;
    let servers: readonly { readonly what: string; readonly registry: FakeRegistry; readonly why: RegExp }[];

    before(async () => {
      ran('ip', ['link', 'set', 'lo', 'up']);
      ran('ip', ['address', 'add', '10.77.0.1/32', 'dev', 'lo']);
      place = new Place();
      authority = new Authority(place.fresh('tls'));
      const start = async (tls?: { key: string; cert: string }): Promise<FakeRegistry> => {
        const registry = await FakeRegistry.start({ address: '10.77.0.1', ...(tls === undefined ? {} : { tls }) });
        registry.add('a/b', ['1'], image);
        return registry;
      };
      servers = [
        { what: 'plain HTTP', registry: await start(), why: /http: server gave HTTP response to HTTPS client$/ },
        {
          what: 'signed by itself',
          registry: await start(authority.selfSigned('self', ['IP:10.77.0.1'])),
          why: /x509: certificate signed by unknown authority$/,
        },
        {
          what: 'of another name',
          registry: await start(authority.signed('other', ['DNS:other.example', 'IP:10.77.0.9'])),
          why: /x509: certificate is valid for 10\.77\.0\.9, not 10\.77\.0\.1$/,
        },
        {
          what: 'of no address',
          registry: await start(authority.signed('noip', ['DNS:other.example'])),
          why: /x509: cannot validate certificate for 10\.77\.0\.1 because it doesn't contain any IP SANs$/,
        },
        {
          what: 'expired',
          registry: await start(authority.signed('old', ['IP:10.77.0.1'], true)),
          why: /x509: certificate has expired or is not yet valid$/,
        },
      ];
    });
    after(async () => {
      for (const { registry } of servers) await registry.close();
      place.remove();
    });
    beforeEach(() => {
      for (const { registry } of servers) registry.asked.length = 0;
    });

    /** The authority is trusted for every one of them: only what else is wrong is wrong. */
    function trusting(): string {
      const certificates = place.fresh('certs.d');
      for (const { registry, what } of servers) {
        if (what === 'signed by itself') continue;
        mkdirSync(join(certificates, registry.host), { recursive: true });
        writeFileSync(join(certificates, registry.host, 'ca.crt'), authority.own.cert);
      }
      return certificates;
    }

    test('CVE-2025-6032: refused, and not one request is made', async () => {
      const victim = await realStore(place, { certificates: trusting() });
      for (const { what, registry, why } of servers) {
        const name = `${registry.host}/a/b:1`;
        await assert.rejects(victim.pull(name, { auth }), { code: 'Unavailable', message: why }, what);
        await assert.rejects(
          victim.registries.login({ ...auth, serveraddress: registry.host }),
          { message: why },
          what,
        );
        await assert.rejects(
          victim.registries.login({ ...auth, serveraddress: `http://${registry.host}` }),
          { message: why },
          what,
        );
        await assert.rejects(victim.registries.distribution(name, auth), { message: why }, what);
        await assert.rejects(
          victim.registries.search(`${registry.host}/x`, { auth }),
          { message: /add `--insecure-registry/ },
          what,
        );
        assert.deepEqual(registry.asked, [], what);
      }
    });

    test('I06: a host on the insecure list may be anybody', async () => {
      for (const { what, registry } of servers) {
        const careless = await realStore(place, { insecureRegistries: [registry.host] });
        assert.equal((await careless.pull(`${registry.host}/a/b:1`)).id, image.id, what);
        for (const { registry: other, why } of servers)
          if (other !== registry && !why.source.includes('HTTP response'))
            await assert.rejects(
              careless.pull(`${other.host}/a/b:1`),
              { code: 'Unavailable' },
              'another port of it is not on the list',
            );
      }
    });

    test('I06: plain HTTP is not tried where TLS was spoken, nor reached by a redirect', async () => {
      const [plain] = servers;
      const tls = authority.signed('right', ['IP:10.77.0.1']);
      const right = await FakeRegistry.start({ address: '10.77.0.1', tls });
      try {
        right.answer = (request, response, usual) =>
          request.url?.includes('/manifests/')
            ? void response.writeHead(307, { location: `${plain!.registry.url}${request.url}` }).end()
            : usual();
        const certificates = place.fresh('certs.d');
        mkdirSync(join(certificates, right.host), { recursive: true });
        writeFileSync(join(certificates, right.host, 'ca.crt'), authority.own.cert);
        const victim = await realStore(place, { certificates });
        await assert.rejects(victim.pull(`${right.host}/a/b:1`, { auth }), { message: /redirect from HTTPS to HTTP/ });
        assert.deepEqual(plain!.registry.asked, []);
        const twin = await without(['registry-tls'], () =>
          victim.pull(`${right.host}/a/b:1`, { auth }).then(
            () => 'pulled',
            () => 'refused',
          ),
        );
        assert.equal(plain!.registry.asked.length > 0, true, `the twin did not get there: ${twin}`);
      } finally {
        await right.close();
      }
    });

    test('CVE-2025-6032 twin: unverified, all but plain HTTP are believed', async () => {
      for (const { what, registry, why } of servers) {
        const victim = await realStore(place);
        const pulling = without(['registry-tls'], () => victim.pull(`${registry.host}/a/b:1`));
        if (why.source.includes('HTTP response')) await assert.rejects(pulling, { message: why }, what);
        else assert.equal((await pulling).id, image.id, what);
      }
    });
  });
}
