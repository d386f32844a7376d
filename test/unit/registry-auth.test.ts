import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { parseChallenges } from '../../engine/image/registry/challenge.js';
import { bodyOf, codes, FakeRegistry, reply } from '../helpers/registry/fake-registry.js';
import { type PlainEngine, plainEngine } from '../helpers/registry/plain-backend.js';
import { testImage, testLayer } from '../helpers/registry/test-images.js';

const image = testImage([testLayer({ a: 'b' })]);
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

describe('challenges of RFC 7235', () => {
  const scheme = (header: string): unknown =>
    parseChallenges([header]).map(({ scheme: name, parameters }) => [name, Object.fromEntries(parameters)]);

  it('reads one and several, quoted and not', () => {
    assert.deepEqual(scheme('Bearer realm="https://a/t",service="s, x",scope="repository:a/b:pull,push"'), [
      ['bearer', { realm: 'https://a/t', service: 's, x', scope: 'repository:a/b:pull,push' }],
    ]);
    assert.deepEqual(scheme('Basic realm=x, Bearer realm="y"'), [
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'y' }],
    ]);
    assert.deepEqual(scheme('Bearer realm="a\\"b"'), [['bearer', { realm: 'a"b' }]]);
    assert.deepEqual(scheme('Negotiate'), [['negotiate', {}]]);
  });

  it('takes the first of two, and stops at what is none', () => {
    assert.deepEqual(scheme('Bearer realm="a", realm="b"'), [['bearer', { realm: 'a' }]]);
    assert.deepEqual(scheme('="x"'), []);
    assert.deepEqual(scheme(''), []);
  });

  it('is linear in its input', () => {
    const start = performance.now();
    for (const part of ['Bearer ', 'a="', '\\', ',', ' ', 'a=']) parseChallenges([part.repeat(100_000)]);
    assert.ok(performance.now() - start < 20_000, 'it took more than twenty seconds');
  });
});

describe('who asks a registry', () => {
  let registry: FakeRegistry;
  let tokens: FakeRegistry;
  let engine: PlainEngine;
  let name: string;
  /** What the token server does. */
  let give: (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>;
  let good: string;

  before(async () => {
    registry = await FakeRegistry.start();
    tokens = await FakeRegistry.start();
    tokens.answer = (request, response) => void give(request, response, new URL(request.url ?? '', tokens.url));
  });
  after(async () => {
    await registry.close();
    await tokens.close();
  });
  beforeEach(async () => {
    for (const server of [registry, tokens]) server.asked.length = 0;
    registry.add('my/app', ['1'], image);
    name = `${registry.host}/my/app:1`;
    good = 'Bearer good';
    give = (_request, response) => reply(response, 200, JSON.stringify({ token: 'good', expires_in: 300 }));
    registry.answer = (request, response, usual) => {
      if (request.headers.authorization === good) return usual();
      codesWith(response, `Bearer realm="${tokens.url}/token",service="reg"`);
    };
    await engine?.close();
    engine = await plainEngine();
  });
  after(() => engine.close());

  function codesWith(response: ServerResponse, challenge: string): void {
    response.setHeader('www-authenticate', challenge);
    codes(response, 401, 'UNAUTHORIZED', 'authentication required', null);
  }

  const pull = (auth?: object): Promise<unknown> =>
    engine.registries.pull(name, { progress: engine.progress, ...(auth === undefined ? {} : { auth }) });

  it('fetches one token for a pull, as nobody or by a password', async () => {
    await pull();
    assert.deepEqual(
      tokens.asked.map(({ method, path, authorization }) => [method, path, authorization]),
      [['GET', '/token?service=reg&scope=repository%3Amy%2Fapp%3Apull', null]],
    );
    await engine.close();
    engine = await plainEngine();
    tokens.asked.length = 0;
    await pull({ username: 'me', password: 'p:w' });
    assert.deepEqual(
      tokens.asked.map(({ path, authorization }) => [path, authorization]),
      [['/token?service=reg&scope=repository%3Amy%2Fapp%3Apull&account=me', basic('me', 'p:w')]],
    );
    assert.ok(
      !registry.asked.some(({ authorization }) => authorization?.startsWith('Basic')),
      'the registry saw the password',
    );
  });

  it('uses an identity token, and takes the next one', async () => {
    const forms: string[] = [];
    give = async (request, response) => {
      forms.push((await bodyOf(request)).toString());
      reply(response, 200, JSON.stringify({ access_token: 'good', refresh_token: 'next' }));
    };
    await pull({ identitytoken: 'kept', username: '<token>' });
    const form = new URLSearchParams(forms[0]);
    assert.equal(tokens.asked[0]?.method, 'POST');
    assert.deepEqual(Object.fromEntries(form), {
      grant_type: 'refresh_token',
      refresh_token: 'kept',
      client_id: 'docker',
      service: 'reg',
      scope: 'repository:my/app:pull',
    });
  });

  it('hands a registry token on', async () => {
    good = 'Bearer ready-made';
    await pull({ registrytoken: 'ready-made' });
    assert.equal(tokens.asked.length, 0);
  });

  it('asks for another token when one is refused before its time', async () => {
    let count = 0;
    give = (_request, response) => reply(response, 200, JSON.stringify({ token: count++ === 0 ? 'old' : 'good' }));
    await pull();
    assert.equal(tokens.asked.length, 2);
  });

  it('tells a missing right from a wrong password', async () => {
    registry.answer = (_request, response) =>
      codesWith(response, `Bearer realm="${tokens.url}/token",service="reg",error="insufficient_scope"`);
    await assert.rejects(pull(), {
      message: `pull access denied for ${registry.host}/my/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
    });
    give = (_request, response) => reply(response, 401, JSON.stringify({ details: 'incorrect username or password' }));
    await assert.rejects(pull({ username: 'a', password: 'b' }), {
      message: 'unauthorized: incorrect username or password',
    });
    for (const [body, why] of [
      ['{}', /authorization server did not include a token in the response/],
      ['nonsense', /unable to decode token response/],
      ['{"token":"a\\nb"}', /characters that no header may have/],
      ['[]', /unable to decode token response/],
    ] as const) {
      give = (_request, response) => reply(response, 200, body);
      await assert.rejects(pull(), { message: why }, body);
    }
  });

  it('basic: with a password, and without', async () => {
    registry.answer = (request, response, usual) => {
      if (request.headers.authorization === basic('me', 'secret')) return usual();
      codesWith(response, 'Basic realm="Registry"');
    };
    await pull({ username: 'me', password: 'secret' });
    await assert.rejects(pull(), { message: /^Get "http:.*no basic auth credentials$/ });
    await assert.rejects(pull({ username: 'me', password: 'wrong' }), {
      message: 'unauthorized: authentication required',
    });
  });

  it('logs in: by password, and with a token to be kept', async () => {
    const login = (username: string, password: string): Promise<unknown> =>
      engine.registries.login({ username, password, serveraddress: registry.host });
    give = (request, response) =>
      request.headers.authorization === basic('me', 'secret')
        ? reply(response, 200, JSON.stringify({ token: 'good', refresh_token: 'keep' }))
        : reply(response, 401, JSON.stringify({ details: 'incorrect username or password' }));
    assert.deepEqual(await login('me', 'secret'), { Status: 'Login Succeeded', IdentityToken: 'keep' });
    assert.match(tokens.asked[0]?.path ?? '', /offline_token=true&client_id=docker&account=me$/);
    await assert.rejects(login('me', 'wrong'), {
      message: `Get "http://${registry.host}/v2/": unauthorized: incorrect username or password`,
    });
    registry.answer = (request, response, usual) =>
      request.headers.authorization === basic('me', 'secret') ? usual() : codesWith(response, 'Basic realm="x"');
    assert.deepEqual(await login('me', 'secret'), { Status: 'Login Succeeded' });
    await assert.rejects(login('me', 'wrong'), {
      code: 'PermissionDenied',
      message: `login attempt to http://${registry.host}/v2/ failed with status: 401 Unauthorized`,
    });
    await assert.rejects(engine.registries.login({ serveraddress: 'a b' }), { code: 'InvalidArgument' });
  });
});
