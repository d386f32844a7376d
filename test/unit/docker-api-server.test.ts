import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readCgroupFacts } from '../../engine/api/docker/routes/machine.js';
import { serveDocker } from '../../engine/api/docker/server.js';
import type { ParsedRequest } from '../../engine/api/docker/services.js';
import { EngineError } from '../../engine/kernel/errors.js';
import { type Answer, call } from '../helpers/api/client.js';
import { FACTS, type Served, serveFakes } from '../helpers/api/serve.js';

let served: Served;
before(async () => {
  served = await serveFakes();
});
after(() => served.close());

const ask = (method: string, path: string, options?: Parameters<typeof call>[3]): Promise<Answer> =>
  call(served.socket, method, path, options);
const message = ({ json }: Answer): string => (json as { message: string }).message;

test('every answer names the version, the daemon and the system', async () => {
  for (const path of ['/_ping', '/v1.24/_ping', '/v1.50/version', '/nowhere', '/v1.51/info']) {
    const { headers } = await ask('GET', path);
    assert.equal(headers['api-version'], '1.50', path);
    assert.equal(headers['docker-experimental'], 'false');
    assert.equal(headers['ostype'], 'linux');
    assert.equal(headers['server'], 'Docker/28.2.2 (linux)');
  }
  const ping = await ask('GET', '/_ping');
  assert.deepEqual(
    [ping.status, ping.body.toString(), ping.headers['content-type']],
    [200, 'OK', 'text/plain; charset=utf-8'],
  );
  assert.deepEqual([ping.headers['swarm'], ping.headers['pragma']], ['inactive', 'no-cache']);
  const head = await ask('HEAD', '/_ping');
  assert.deepEqual([head.status, head.headers['content-length']], [200, '0']);
});

test('versions that are not spoken, paths and methods that are not there', async () => {
  for (const [path, status, text] of [
    ['/v1.23/info', 400, /too old. Minimum supported API version is 1.24/],
    ['/v1.51/info', 400, /client version 1.51 is too new. Maximum supported API version is 1.50/],
    ['/nowhere', 404, /^page not found$/],
    ['/vx/info', 404, /^page not found$/],
    ['/containers/%ff/json', 400, /invalid path/],
    ['/containers/a%00b/json', 400, /NUL/],
    ['/containers/a/b/json', 404, /^No such container: a\/b$/],
    ['/containers/../info', 404, /^page not found$/],
  ] as const) {
    const answer = await ask('GET', path);
    assert.equal(answer.status, status, path);
    assert.match(message(answer), text);
    assert.equal(answer.headers['content-type'], 'application/json');
  }
  assert.equal((await ask('PUT', '/info')).status, 404);
});

test('a failure has the status that Docker gives it', async () => {
  const service = served.containers;
  const original = service.inspect.bind(service);
  for (const [code, status] of [
    ['NotFound', 404],
    ['InvalidArgument', 400],
    ['AlreadyExists', 409],
    ['FailedPrecondition', 409],
    ['PermissionDenied', 403],
    ['Unavailable', 503],
    ['NotImplemented', 501],
    ['ResourceExhausted', 500],
    ['Internal', 500],
    ['DataLoss', 500],
  ] as const) {
    service.inspect = () => Promise.reject(new EngineError(code, `it is ${code}`));
    const answer = await ask('GET', '/containers/x/json');
    assert.deepEqual([answer.status, answer.json], [status, { message: `it is ${code}` }]);
  }
  service.inspect = () => Promise.reject(new TypeError('a defect'));
  assert.deepEqual((await ask('GET', '/containers/x/json')).json, { message: 'a defect' });
  service.inspect = original;
});

test('content types and bodies at the edge', async () => {
  const post = (headers: Record<string, string>, body: string): Promise<Answer> =>
    ask('POST', '/containers/create', { bytes: Buffer.from(body), headers });
  assert.match(
    message(await post({ 'Content-Type': 'text/plain' }, '{}')),
    /^unsupported Content-Type header \(text\/plain\): must be 'application\/json'$/,
  );
  assert.match(message(await post({}, '{}')), /^malformed Content-Type header \(\)/);
  assert.match(message(await post({ 'Content-Type': 'application/json' }, 'x')), /^invalid JSON: /);
  assert.equal((await post({ 'Content-Type': 'application/json; charset=utf-8' }, '{"Image":"busybox"}')).status, 201);
  assert.match(message(await ask('POST', '/containers/create')), /got EOF while reading request body/);
  assert.match(
    message(await ask('POST', '/containers/x/start', { bytes: Buffer.from('{"Binds":["/:/host"]}') })),
    /starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24/,
  );
});

test('a container from create to remove: 201, 204, 304, 409, 404', async () => {
  const made = await ask('POST', '/containers/create?name=life', { json: { Image: 'busybox', Cmd: ['sleep'] } });
  assert.equal(made.status, 201);
  assert.deepEqual(Object.keys(made.json as object), ['Id', 'Warnings']);
  assert.equal((await ask('POST', '/containers/create?name=life', { json: { Image: 'x' } })).status, 409);
  assert.equal((await ask('POST', '/containers/create', { json: { Image: 'absent' } })).status, 404);
  assert.equal((await ask('POST', '/containers/life/start')).status, 204);
  assert.equal((await ask('POST', '/containers/life/start')).status, 304);
  assert.equal((await ask('DELETE', '/containers/life')).status, 409);
  assert.equal((await ask('POST', '/v1.41/containers/life/stop?t=3&signal=INT')).status, 204);
  assert.equal((await ask('POST', '/containers/life/stop?t=-1&signal=INT')).status, 304);
  assert.deepEqual(
    served.containers.asked.filter(({ what }) => what === 'stop').map(({ value }) => value),
    [
      { timeout: 3, signal: null },
      { timeout: -1, signal: 'INT' },
    ],
  );
  assert.equal((await ask('POST', '/containers/life/kill')).status, 409);
  assert.equal((await ask('POST', '/containers/life/rename?name=other')).status, 204);
  assert.equal(message(await ask('POST', '/containers/other/rename')), 'Neither old nor new names may be empty');
  assert.equal((await ask('DELETE', '/containers/other')).status, 204);
  assert.equal(message(await ask('DELETE', '/containers/other')), 'No such container: other');
});

test('a name that is none is refused', async () => {
  for (const name of ['a', '..', 'a/b', '-rf', 'x y', 'a\nb', 'ａｂ', 'a'.repeat(300)]) {
    const path = `/containers/create?name=${encodeURIComponent(name)}`;
    const answer = await ask('POST', path, { json: { Image: 'busybox' } });
    assert.equal(answer.status, 400, name);
    assert.match(message(answer), /^Invalid container name \(.*\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_.-\] are allowed$/s);
  }
});

test('wait sends its status before the end, and not for a container that is not there', async () => {
  await ask('POST', '/containers/create?name=waited', { json: { Image: 'busybox', Cmd: ['exit', '7'] } });
  const waiting = ask('POST', '/containers/waited/wait?condition=next-exit');
  await new Promise((resolve) => setTimeout(resolve, 30));
  await ask('POST', '/containers/waited/start');
  assert.deepEqual((await waiting).json, { StatusCode: 7 });
  assert.equal((await ask('POST', '/containers/nobody/wait')).status, 404);
  assert.equal(message(await ask('POST', '/containers/waited/wait?condition=x')), 'invalid condition: "x"');
});

test('lists take limits and filters; unknown filters are refused', async () => {
  await ask('GET', `/containers/json?limit=2&filters=${encodeURIComponent('{"status":{"running":true}}')}`);
  const { value } = served.containers.asked.filter(({ what }) => what === 'list').at(-1) ?? {};
  assert.deepEqual(value, { all: true, limit: 2, size: false, filters: { status: ['running'] } });
  for (const path of ['/containers/json', '/images/json', '/networks', '/volumes'])
    assert.equal(
      message(await ask('GET', `${path}?filters=${encodeURIComponent('{"foo":["x"]}')}`)),
      "invalid filter 'foo'",
    );
});

test('what is no part of this engine says so', async () => {
  for (const [method, path, status, text] of [
    ['GET', '/swarm', 503, /^This node is not a swarm manager. Use "docker swarm init"/],
    ['GET', '/services', 503, /not a swarm manager/],
    ['GET', '/nodes/x', 503, /not a swarm manager/],
    ['PUT', '/volumes/x', 503, /not a swarm manager/],
    ['POST', '/swarm/leave', 503, /^This node is not part of a swarm$/],
    ['POST', '/swarm/init', 501, /swarm mode is not supported/],
    ['POST', '/build', 501, /does not build images/],
    ['POST', '/session', 501, /does not build images/],
    ['GET', '/plugins/x/json', 404, /^plugin "x" not found$/],
  ] as const) {
    const answer = await ask(method, path);
    assert.deepEqual(
      [answer.status, text.test(message(answer))],
      [status, true],
      `${method} ${path}: ${message(answer)}`,
    );
  }
  assert.deepEqual((await ask('GET', '/plugins')).json, []);
  assert.equal((await ask('POST', '/session', { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } })).status, 501);
  assert.equal((await ask('GET', '/_ping', { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } })).status, 200);
});

test('networks and volumes', async () => {
  const made = await ask('POST', '/networks/create', { json: { Name: 'mine', Driver: 'bridge' } });
  assert.equal(made.status, 201);
  assert.equal((await ask('POST', '/networks/create', { json: { Name: 'mine' } })).status, 409);
  assert.equal((await ask('POST', '/networks/mine/connect', { json: { Container: 'c' } })).status, 200);
  assert.equal((await ask('POST', '/networks/mine/disconnect', { json: { Container: 'c', Force: true } })).status, 200);
  assert.deepEqual(served.moved, [
    ['mine', 'c', {}],
    ['mine', 'c', true],
  ]);
  assert.equal((await ask('DELETE', '/networks/bridge')).status, 403);
  assert.equal((await ask('DELETE', '/networks/mine')).status, 204);
  assert.equal((await ask('GET', '/networks/bridge?scope=swarm')).status, 404);
  assert.equal((await ask('POST', '/volumes/create', { json: { Name: 'v' } })).status, 201);
  assert.equal((await ask('POST', '/v1.41/volumes/prune')).status, 200);
  assert.deepEqual(served.volumes.asked.at(-1)?.value, { all: ['true'] });
  assert.equal((await ask('DELETE', '/volumes/v?force=1')).status, 204);
  assert.equal((await ask('GET', '/volumes/v')).status, 404);
});

test('login: a registry that does not believe is 401', async () => {
  const auth = (password: string) => ask('POST', '/auth', { json: { username: 'a', password } });
  assert.deepEqual((await auth('right')).json, { Status: 'Login Succeeded', IdentityToken: '' });
  assert.equal((await auth('wrong')).status, 401);
});

test('the policy sees the typed value of every request, and what it throws stops it', async () => {
  const seen: ParsedRequest[] = [];
  let verdict: Error | null = null;
  const guarded = await serveFakes({
    policy: (request) => {
      seen.push(request);
      if (verdict !== null) throw verdict;
    },
  });
  try {
    const ask = (method: string, path: string, json?: unknown) =>
      call(guarded.socket, method, path, json === undefined ? {} : { json });
    await ask('POST', '/v1.44/containers/create?name=seen', { image: 'busybox', HostConfig: { Privileged: true } });
    const [first] = seen;
    assert.deepEqual(
      [first?.operation, first?.method, first?.path, first?.version],
      ['ContainerCreate', 'POST', '/containers/create', '1.44'],
    );
    const { request } = seen[0]!.asked as { request: { hostConfig: { Privileged: boolean } } };
    assert.equal(request.hostConfig.Privileged, true);
    assert.equal(guarded.containers.asked[0]?.value, request, 'the service got another value than the policy saw');
    verdict = new EngineError('PermissionDenied', 'authorization denied');
    assert.equal((await ask('POST', '/containers/seen/start')).status, 403);
    verdict = new TypeError('the policy itself is broken');
    assert.equal((await ask('DELETE', '/containers/seen')).status, 500);
    assert.equal(guarded.containers.find('seen').state.Running, false);
  } finally {
    await guarded.close();
  }
});

test('listeners: mode and group of the socket, a stale one is replaced, a used one is not', async () => {
  assert.equal(statSync(served.socket).mode & 0o777, 0o660);
  assert.equal(lstatSync(served.socket).isSocket(), true);
  const directory = mkdtempSync(join(tmpdir(), 'docker-listen-'));
  try {
    const path = join(directory, 'sock');
    await assert.rejects(serveDocker({ ...served, facts: FACTS }, [{ unix: served.socket }]), /it is in use/);
    writeFileSync(path, '');
    await assert.rejects(serveDocker({ ...served, facts: FACTS }, [{ unix: path }]), /it is no socket/);
    rmSync(path);
    // What a killed engine leaves: bound, and nobody listens.
    const left = createServer().listen(path);
    await new Promise((resolve) => left.once('listening', resolve));
    const copy = `${path}.left`;
    renameSync(path, copy);
    await new Promise((resolve) => left.close(resolve));
    renameSync(copy, path);
    const again = await serveDocker({ ...served, facts: FACTS }, [{ unix: path }]);
    assert.equal((await call(path, 'GET', '/_ping')).status, 200);
    assert.deepEqual(again.addresses, [`unix://${path}`]);
    await again.close();
    assert.equal(lstatSync(path, { throwIfNoEntry: false }), undefined, 'the socket is still there after close');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('cgroup facts come from the hierarchies that are mounted', () => {
  const facts = readCgroupFacts();
  assert.ok(facts.version === 1 || facts.version === 2, 'no version');
  const none = readCgroupFacts('22 1 0:20 / / rw - ext4 /dev/x rw\n');
  assert.deepEqual([none.version, none.MemoryLimit, none.PidsLimit], [1, false, false]);
});
