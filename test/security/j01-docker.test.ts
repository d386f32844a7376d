import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateRequest } from '../../engine/container/types.js';
import { call } from '../helpers/api/client.js';
import { serveFakes } from '../helpers/api/serve.js';

/** Bodies that reach for a prototype, for each endpoint that reads one. */
const POISON = '{"polluted":1}';
const BODIES: readonly (readonly [string, string])[] = [
  [
    '/containers/create',
    `{"Image":"busybox","__proto__":${POISON},"constructor":{"prototype":${POISON}},"HostConfig":{"__proto__":${POISON}},"Labels":{"__proto__":"x","constructor":"y"},"ExposedPorts":{"__proto__":{}}}`,
  ],
  [
    '/containers/create',
    `{"Image":"busybox","__proto__":${POISON},"HostConfig":{"__proto__":{"Privileged":true},"Sysctls":{"__proto__":"x"}},"Labels":{"__proto__":"x","constructor":"y"},"NetworkingConfig":{"EndpointsConfig":{"__proto__":{"Aliases":["a"]}}}}`,
  ],
  ['/containers/victim/update', `{"__proto__":{"Memory":8388608},"RestartPolicy":{"__proto__":{"Name":"always"}}}`],
  ['/containers/victim/exec', `{"Cmd":["echo"],"__proto__":{"Privileged":true}}`],
  [
    '/networks/create',
    `{"Name":"n","__proto__":${POISON},"Labels":{"__proto__":"x"},"Options":{"__proto__":"x"},"IPAM":{"Options":{"__proto__":"x"}}}`,
  ],
  ['/volumes/create', `{"Name":"v","__proto__":${POISON},"Labels":{"__proto__":"x"},"DriverOpts":{"__proto__":"x"}}`],
  ['/commit?container=victim', `{"__proto__":${POISON},"Labels":{"__proto__":"x"}}`],
  ['/auth', `{"__proto__":{"password":"right"},"username":"a"}`],
  [
    '/networks/bridge/connect',
    `{"__proto__":${POISON},"Container":"victim","EndpointConfig":{"DriverOpts":{"__proto__":"x"}}}`,
  ],
];

const clean = (): void => {
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.equal(Object.keys(Object.prototype).length, 0);
};

test('J01: no body reaches a prototype; such a name is a name like any other (CVE-2019-10744)', async () => {
  const served = await serveFakes();
  const post = (path: string, body: string) =>
    call(served.socket, 'POST', path, { bytes: Buffer.from(body), headers: { 'Content-Type': 'application/json' } });
  try {
    await call(served.socket, 'POST', '/containers/create?name=victim', { json: { Image: 'busybox', Cmd: ['sleep'] } });
    await call(served.socket, 'POST', '/containers/victim/start');
    const statuses: number[] = [];
    for (const [path, body] of BODIES) {
      statuses.push((await post(path, body)).status);
      clean();
    }
    // a port cannot be called so; a login with an inherited password is none
    assert.deepEqual(statuses, [400, 201, 200, 201, 201, 201, 201, 401, 200]);
    const asked = served.containers.asked.filter(({ what }) => what === 'create').at(-1)?.value as CreateRequest;
    assert.deepEqual(Object.entries(asked.config.Labels), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    assert.deepEqual(Object.entries(asked.hostConfig.Sysctls ?? {}), [['__proto__', 'x']]);
    assert.equal(asked.hostConfig.Privileged, false, 'an inherited field was taken for one that was said');
    for (const value of [asked, asked.config, asked.hostConfig, asked.endpoints, asked.config.Labels])
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.deepEqual(served.containers.asked.find(({ what }) => what === 'update')?.value, {
      resources: {},
      restartPolicy: null,
    });
    const filters = encodeURIComponent(`{"__proto__":{"polluted":true}}`);
    assert.equal((await call(served.socket, 'GET', `/containers/json?filters=${filters}`)).status, 400);
    assert.equal((await call(served.socket, 'GET', `/events?until=1&filters=${filters}`)).status, 200);
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
      for (const path of [
        `/containers/${name}/json`,
        `/images/${name}/json`,
        `/networks/${name}`,
        `/volumes/${name}`,
        `/exec/${name}/json`,
      ])
        assert.equal((await call(served.socket, 'GET', path)).status, 404, path);
    clean();
  } finally {
    await served.close();
  }
});

test('J01 twin: values that are merged key by key are poisoned by the same bodies', () => {
  const merge = (into: Record<string, unknown>, from: Record<string, unknown>): Record<string, unknown> => {
    for (const key in from) {
      const value = from[key];
      const below = into[key] ?? {};
      into[key] =
        typeof value === 'object' && value !== null
          ? merge(below as Record<string, unknown>, value as Record<string, unknown>)
          : value;
    }
    return into;
  };
  try {
    merge({}, JSON.parse(BODIES[1]?.[1] ?? '') as Record<string, unknown>);
    assert.throws(clean, 'the bodies poison nothing at all');
  } finally {
    for (const name of ['polluted', 'Privileged', 'Aliases'])
      delete (Object.prototype as Record<string, unknown>)[name];
  }
  clean();
});

test('J01: long and nasty texts take no time that grows with their square', { timeout: 600_000 }, async () => {
  const served = await serveFakes();
  try {
    const long = 60_000;
    const nasty = [
      'a'.repeat(long),
      'a-'.repeat(long / 2),
      'a/'.repeat(long / 2),
      ':'.repeat(long),
      '@'.repeat(long),
      `${'a.'.repeat(long / 2)}!`,
      '%2f'.repeat(long / 3),
    ];
    const began = performance.now();
    for (const text of nasty) {
      for (const path of [
        `/containers/${text}/json`,
        `/images/${text}/json`,
        `/containers/json?filters=${text}`,
        `/events?until=1&since=${text}`,
        `/containers/x/logs?stdout=1&since=${text}`,
        `/containers/x/archive?path=${text}`,
      ]) {
        const { status } = await call(served.socket, 'GET', path);
        assert.ok([400, 404].includes(status), `${status} ${path.slice(0, 40)}`);
      }
      for (const path of [
        `/images/create?fromImage=${text}`,
        `/images/busybox/tag?repo=${text}&tag=${text.slice(0, 100)}`,
        `/containers/create?name=${text}`,
      ])
        assert.ok((await call(served.socket, 'POST', path, { json: { Image: text } })).status < 500, path.slice(0, 40));
      const json = {
        Image: 'x',
        HostConfig: { Binds: [text], ExtraHosts: [text], RestartPolicy: { Name: text }, PortBindings: { [text]: [] } },
      };
      assert.equal((await call(served.socket, 'POST', '/containers/create', { json })).status, 400);
    }
    const took = performance.now() - began;
    assert.ok(took < 60_000, `${Math.round(took)} ms`);
  } finally {
    await served.close();
  }
});
