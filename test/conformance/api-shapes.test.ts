import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, call, RawConnection } from '../helpers/api/client.js';
import { FACTS, type Served, serveFakes } from '../helpers/api/serve.js';
import { type Operation, Swagger, whyNoSwagger } from '../helpers/api/swagger.js';

/** How an operation is asked where its path alone is not enough. `{}` in a path is the name that the table gives. */
interface Ask {
  readonly query?: string;
  readonly json?: unknown;
  readonly bytes?: Buffer;
  readonly name?: string;
}

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^\/containers\//, 'shape'],
  [/^\/images\/|^\/distribution\//, 'busybox'],
  [/^\/networks\//, 'bridge'],
  [/^\/volumes\//, 'vol'],
];

/** What makes each operation succeed, and the failures whose status the description names. */
const ASKS: Readonly<Record<string, readonly Ask[]>> = {
  ContainerList: [{ query: 'all=1' }, { query: 'filters=x' }],
  ContainerCreate: [
    { query: 'name=shape2', json: { Image: 'busybox', Cmd: ['sleep'] } },
    { query: 'name=shape', json: { Image: 'busybox' } },
    { json: { Image: 'absent' } },
    { json: { Image: 7 } },
  ],
  ContainerInspect: [{}, { name: 'nobody' }],
  ContainerLogs: [{ query: 'stdout=1' }, { query: 'stdout=1', name: 'nobody' }],
  ContainerStats: [{ query: 'stream=0' }, { query: 'stream=0', name: 'nobody' }],
  ContainerResize: [{ query: 'h=3&w=4' }],
  ContainerStart: [{ name: 'idle' }, { name: 'shape' }, { name: 'nobody' }],
  ContainerStop: [{ name: 'idle' }, { name: 'idle' }, { name: 'nobody' }],
  ContainerKill: [{ name: 'idle' }, { name: 'nobody' }],
  ContainerUpdate: [{ json: { Memory: 9 << 20 } }],
  ContainerRename: [{ name: 'shape2', query: 'name=shape3' }],
  ContainerWait: [{ name: 'idle' }, { query: 'condition=x' }, { name: 'nobody' }],
  ContainerDelete: [{ name: 'shape3' }, { name: 'shape' }, { name: 'nobody' }],
  ContainerArchiveInfo: [{ query: 'path=/etc/hostname' }, { query: 'path=/nowhere' }],
  ContainerArchive: [{ query: 'path=/etc/hostname' }, {}, { query: 'path=/nowhere' }],
  PutContainerArchive: [
    { query: 'path=/x', bytes: Buffer.alloc(9) },
    { query: 'path=/readonly', bytes: Buffer.alloc(9) },
  ],
  ImageList: [{ query: 'all=1&shared-size=1' }],
  ImageInspect: [{}, { name: 'nosuch' }],
  ImageCreate: [{ query: 'fromImage=busybox&tag=latest' }, { query: 'fromImage=missing&tag=1' }],
  ImagePush: [{ query: 'tag=latest' }],
  ImageTag: [{ query: 'repo=a&tag=b' }, { query: 'repo=UPPER' }, { name: 'nosuch', query: 'repo=a' }],
  ImageDelete: [{}, { name: 'nosuch' }],
  ImageSearch: [{ query: 'term=b&limit=3' }],
  ImageGetAll: [{ query: 'names=busybox' }],
  ImageLoad: [{ bytes: Buffer.alloc(9) }],
  ImageCommit: [{ query: 'container=shape&repo=a' }, { query: 'container=nobody' }],
  SystemAuth: [{ json: { username: 'a', password: 'right' } }, { json: { username: 'a', password: 'wrong' } }],
  SystemEvents: [{ query: 'until=1' }, { query: 'since=2&until=1' }],
  SystemDataUsage: [{}, { query: 'type=volume&type=image' }],
  ContainerExec: [{ json: { Cmd: ['echo'] } }, { name: 'nobody', json: { Cmd: ['echo'] } }],
  ExecStart: [{ json: { Detach: true } }, { name: 'nobody', json: {} }],
  ExecResize: [{ query: 'h=3&w=4' }, { query: 'h=x&w=4' }],
  VolumeCreate: [{ json: { Name: 'vol', Labels: { a: 'b' }, DriverOpts: { type: 'tmpfs' } } }],
  VolumeInspect: [{}, { name: 'nosuch' }],
  VolumeDelete: [{ name: 'nosuch' }],
  NetworkCreate: [{ json: { Name: 'made' } }, { json: {} }],
  NetworkInspect: [{}, { name: 'nosuch' }],
  NetworkDelete: [{ name: 'bridge' }, { name: 'nosuch' }, { name: 'made' }],
  NetworkConnect: [{ json: { Container: 'shape' } }],
  NetworkDisconnect: [{ json: { Container: 'shape' } }],
};

/** Answers whose status the description leaves out, as dockerd gives them or because there is nothing of the kind here. */
const UNDESCRIBED: Readonly<Record<string, string>> = {
  'NetworkCreate 409': 'a name that is taken',
  'ImageBuild 501': 'nothing is built here',
  'Session 501': 'nothing is built here',
  'SwarmInit 501': 'no swarm mode here',
  'SwarmJoin 501': 'no swarm mode here',
  'SwarmUnlock 501': 'no swarm mode here',
  'GetPluginPrivileges 501': 'no plugins here',
  'PluginPull 501': 'no plugins here',
  'PluginCreate 501': 'no plugins here',
};

/** Bodies that are no JSON of the schema: bytes, streams of lines, one line of many. */
const STREAMS = new Set([
  'ContainerLogs',
  'ContainerExport',
  'ContainerArchive',
  'ImageGet',
  'ImageGetAll',
  'ImageCreate',
  'ImagePush',
  'ImageLoad',
  'SystemEvents',
  'SystemPing',
]);

/** Where dockerd itself does not keep to the description: nothing was said, or has come yet, and null says so. */
const AS_DOCKERD = [
  'ContainerInspect 200: /HostConfig/MemorySwappiness must be integer {"type":"integer"}',
  'ExecInspect 200: /ExitCode must be integer {"type":"integer"}',
];

async function prepared(): Promise<{ served: Served; exec: string }> {
  const served = await serveFakes();
  for (const name of ['shape', 'idle'])
    await call(served.socket, 'POST', `/containers/create?name=${name}`, {
      json: { Image: 'busybox', Cmd: ['sleep'], HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } },
    });
  await call(served.socket, 'POST', '/containers/shape/start');
  await call(served.socket, 'POST', '/volumes/create', { json: { Name: 'vol' } });
  const made = await call(served.socket, 'POST', '/containers/shape/exec', { json: { Cmd: ['sleep'] } });
  return { served, exec: (made.json as { Id: string }).Id };
}

function ask(served: Served, { method, path }: Operation, how: Ask, exec: string): Promise<Answer> {
  const name = how.name ?? (path.startsWith('/exec/') ? exec : (NAMES.find(([at]) => at.test(path))?.[1] ?? 'x'));
  const target = path.replace(/\{\w+\}/, name) + (how.query === undefined ? '' : `?${how.query}`);
  return call(served.socket, method, `/v1.50${target}`, {
    ...(how.json === undefined ? {} : { json: how.json }),
    ...(how.bytes === undefined ? {} : { bytes: how.bytes }),
  });
}

test('every operation of the API answers with a status and a body that its description has', {
  skip: whyNoSwagger ?? false,
  timeout: 600_000,
}, async () => {
  const swagger = new Swagger();
  const { served, exec } = await prepared();
  const faults: string[] = [];
  let bodies = 0;
  try {
    assert.ok(swagger.operations.length > 100, 'the description was not read');
    // What is removed comes last.
    const ordered = [...swagger.operations].sort(
      (a, b) => Number(/Delete|Prune/.test(a.id)) - Number(/Delete|Prune/.test(b.id)),
    );
    for (const operation of ordered) {
      if (/^ContainerAttach/.test(operation.id)) continue;
      for (const how of ASKS[operation.id] ?? [{}]) {
        const answer = await ask(served, operation, how, exec);
        const at = `${operation.id} ${answer.status}`;
        const described = operation.responses[String(answer.status)];
        if (answer.status === 404 && JSON.stringify(answer.json) === '{"message":"page not found"}')
          faults.push(`${at}: no such endpoint`);
        else if (described === undefined && UNDESCRIBED[at] === undefined)
          faults.push(`${at}: not described; ${answer.body.toString().slice(0, 200)}`);
        if (operation.method === 'HEAD') continue;
        if (answer.status >= 400)
          faults.push(
            ...swagger.faults({ $ref: '#/definitions/ErrorResponse' }, answer.json).map((fault) => `${at}: ${fault}`),
          );
        else if (described?.schema !== undefined && !STREAMS.has(operation.id)) {
          bodies++;
          faults.push(...swagger.faults(described.schema, answer.json).map((fault) => `${at}: ${fault}`));
        }
      }
    }
    assert.deepEqual(
      faults.filter((fault) => !AS_DOCKERD.includes(fault)),
      [],
    );
    for (const known of AS_DOCKERD) assert.ok(faults.includes(known), `${known} is no difference any more`);
    assert.ok(bodies > 30, `only ${bodies} bodies were held against their schema`);
  } finally {
    await served.close();
  }
});

test('the check finds what is wrong', { skip: whyNoSwagger ?? false }, () => {
  const swagger = new Swagger();
  const inspect = swagger.operations.find(({ id }) => id === 'ContainerInspect')?.responses['200']?.schema ?? {};
  assert.deepEqual(swagger.faults(inspect, { Id: 'a'.repeat(64), Args: null }), []);
  assert.match(swagger.faults(inspect, { Id: 7 }).join(), /\/Id must be string/);
  assert.match(swagger.faults(inspect, { State: { Status: 'sleeping' } }).join(), /must be equal to one of/);
  assert.match(swagger.faults(inspect, { HostConfig: { Memory: '1' } }).join(), /must be integer/);
  const summary = swagger.operations.find(({ id }) => id === 'ImageList')?.responses['200']?.schema ?? {};
  assert.match(swagger.faults(summary, [{ Id: 'x' }]).join(), /must have required property 'ParentId'/);
});

test('attach answers 101', async () => {
  const { served } = await prepared();
  try {
    const raw = new RawConnection(served.socket);
    raw.send(
      'POST /v1.50/containers/shape/attach?stream=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
    );
    await raw.until(({ status }) => status === 101, 'the upgrade');
    raw.close();
  } finally {
    await served.close();
  }
});

test('fields that came or went with a version', async () => {
  const { served } = await prepared();
  try {
    const get = async (version: string, path: string): Promise<Record<string, unknown>> => {
      const { json } = await call(served.socket, 'GET', `/v${version}${path}`);
      return (Array.isArray(json) ? json[0] : json) as Record<string, unknown>;
    };
    for (const [path, name, from, to] of [
      ['/images/busybox/json', 'VirtualSize', '1.24', '1.43'],
      ['/images/busybox/json', 'ContainerConfig', '1.24', '1.44'],
      ['/images/json', 'VirtualSize', '1.24', '1.43'],
      ['/info', 'BridgeNfIptables', '1.24', '1.49'],
      ['/system/df', 'BuilderSize', '1.25', '1.41'],
    ] as const) {
      const after = `1.${Number(to.slice(2)) + 1}`;
      assert.equal(name in (await get(from, path)), true, `${path} ${name} ${from}`);
      assert.equal(name in (await get(to, path)), true, `${path} ${name} ${to}`);
      assert.equal(name in (await get(after, path)), false, `${path} ${name} ${after}`);
    }
    const config = async (version: string) => (await get(version, '/images/busybox/json'))['Config'] as object;
    assert.equal('Hostname' in (await config('1.49')), true);
    assert.equal('Hostname' in (await config('1.50')), false);
    assert.equal('Entrypoint' in (await config('1.50')), true);
    served.images.images = served.images.images.filter(({ tags }) => tags.length === 0);
    assert.deepEqual((await get('1.42', '/images/json'))['RepoTags'], ['<none>:<none>']);
    assert.deepEqual((await get('1.43', '/images/json'))['RepoTags'], []);
    const network = { NetworkingConfig: {}, HostConfig: { NetworkMode: 'mine' }, Image: 'busybox', Hostname: 'h' };
    await call(served.socket, 'POST', '/containers/create?name=aliased', { json: network });
    const aliases = async (version: string) => {
      const { NetworkSettings } = await get(version, '/containers/aliased/json');
      return (NetworkSettings as { Networks: { mine: { Aliases: string[] | null } } }).Networks.mine.Aliases;
    };
    assert.equal((await aliases('1.44'))?.at(-1), 'h');
    assert.equal(await aliases('1.45'), null);
  } finally {
    await served.close();
  }
});

test('info and version tell what docker prints', async () => {
  const { served } = await prepared();
  try {
    const info = (await call(served.socket, 'GET', '/info')).json as Record<string, unknown>;
    assert.deepEqual(
      [
        'Containers',
        'ContainersRunning',
        'ContainersStopped',
        'Images',
        'Driver',
        'CgroupDriver',
        'OSType',
        'ServerVersion',
        'DefaultRuntime',
        'DockerRootDir',
        'ID',
        'Name',
        'LiveRestoreEnabled',
      ].map((name) => info[name]),
      [
        2,
        1,
        1,
        2,
        'overlay2',
        'cgroupfs',
        'linux',
        FACTS.version,
        'glassbox',
        FACTS.dataRoot,
        FACTS.id,
        FACTS.name,
        true,
      ],
    );
    assert.match(String(info['CgroupVersion']), /^[12]$/);
    const registry = info['RegistryConfig'] as {
      InsecureRegistryCIDRs: string[];
      IndexConfigs: Record<string, { Secure: boolean }>;
    };
    assert.ok(registry.InsecureRegistryCIDRs.includes('10.0.0.0/8'), 'a network of insecure registries is not told');
    assert.equal(registry.IndexConfigs['registry.lab:5000']?.Secure, false);
    const version = (await call(served.socket, 'GET', '/version')).json as Record<string, unknown>;
    assert.deepEqual([version['ApiVersion'], version['MinAPIVersion'], version['Os']], ['1.50', '1.24', 'linux']);
    assert.equal((version['Components'] as { Name: string }[])[0]?.Name, 'Engine');
  } finally {
    await served.close();
  }
});
