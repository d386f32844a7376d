import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAuthHeader } from '../../engine/api/docker/bodies/auth.js';
import { parseCommit } from '../../engine/api/docker/bodies/commit.js';
import { parseCreate } from '../../engine/api/docker/bodies/create.js';
import { parseExecCreate, parseExecStart } from '../../engine/api/docker/bodies/exec.js';
import { parseConnect, parseNetworkCreate } from '../../engine/api/docker/bodies/network.js';
import { parseFilters, Query } from '../../engine/api/docker/bodies/query.js';
import { parseUpdate } from '../../engine/api/docker/bodies/update.js';
import { parseVolumeCreate } from '../../engine/api/docker/bodies/volume.js';
import { parseJson } from '../../engine/api/docker/http/body.js';
import { parsePlatform } from '../../engine/api/docker/routes/platform.js';
import { ApiVersion } from '../../engine/api/docker/version.js';

const NEWEST = ApiVersion.negotiate(null);

const create = (body: unknown, query = '', version = NEWEST) => parseCreate(new Query(query), body, version);
const host = (hostConfig: object, more: object = {}) =>
  create({ Image: 'busybox', HostConfig: hostConfig, ...more }).request.hostConfig;
const refused = (text: string | RegExp, what: () => unknown, label = String(text)): void =>
  assert.throws(what, { code: 'InvalidArgument', message: text }, label);

test('a body with an image alone has every field: what is not said is the zero value of Go', () => {
  const { request, warnings } = create({ Image: 'busybox' });
  assert.deepEqual(warnings, []);
  assert.equal(request.name, null);
  assert.deepEqual(request.config, {
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: [],
    Cmd: null,
    Image: 'busybox',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: {},
  });
  const { hostConfig } = request;
  for (const [name, value] of Object.entries({
    NetworkMode: 'bridge',
    IpcMode: '',
    ShmSize: 0,
    OomKillDisable: null,
    PidsLimit: null,
    MemorySwappiness: null,
    Binds: null,
    Devices: null,
    Dns: [],
    CapAdd: null,
    PortBindings: {},
    RestartPolicy: { Name: '', MaximumRetryCount: 0 },
    LogConfig: { Type: 'json-file', Config: {} },
    ConsoleSize: [0, 0],
    MaskedPaths: null,
    Privileged: false,
  }))
    assert.deepEqual(hostConfig[name as keyof typeof hostConfig], value, name);
  assert.equal('Init' in hostConfig, false);
});

test('names of fields match in any case, the last one wins, as in Go', () => {
  const { request } = create({ image: 'a', IMAGE: 'b', cmd: 'true', hostconfig: { memory: 7 << 20 } });
  assert.deepEqual([request.config.Image, request.config.Cmd, request.hostConfig.Memory], ['b', ['true'], 7 << 20]);
});

test('what is read with care: pids without a limit, ports without a protocol, numbers', () => {
  assert.equal(host({ MemorySwap: -1 }).MemorySwap, -1);
  assert.equal(host({ MemorySwappiness: -1 }).MemorySwappiness, null);
  assert.equal(host({ PidsLimit: -1 }).PidsLimit, null);
  assert.equal(host({ PidsLimit: 5 }).PidsLimit, 5);
  assert.deepEqual(host({ PortBindings: { '80': [], '53/UDP': [{ HostPort: '5353' }] } }).PortBindings, {
    '80/tcp': [{ HostIp: '', HostPort: '' }],
    '53/udp': [{ HostIp: '', HostPort: '5353' }],
  });
  assert.deepEqual(host({ Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }] }).Ulimits, [
    { Name: 'nofile', Soft: 1, Hard: 2 },
  ]);
});

test('what is refused on create, in the words of dockerd', () => {
  refused('invalid JSON: got EOF while reading request body', () => create(undefined));
  refused('config cannot be empty in order to create a container', () => create({}));
  refused('config cannot be empty in order to create a container', () => create(null));
  refused(/cannot unmarshal array into Go value/, () => create([]));
  refused('invalid JSON: json: cannot unmarshal number into Go struct field CreateRequest.Image of type string', () =>
    create({ Image: 7 }),
  );
  refused(
    'invalid JSON: json: cannot unmarshal number 1.5 into Go struct field CreateRequest.HostConfig.NanoCpus of type int64',
    () => host({ NanoCpus: 1.5 }),
  );
  refused(/cannot unmarshal number 1e\+99 into .* of type int64/, () => host({ Memory: 1e99 }));
  refused(/cannot unmarshal string into .*HostConfig.Memory of type int64/, () => host({ Memory: 'x' }));
  refused(/cannot unmarshal object into .*Env of type/, () => create({ Image: 'x', Env: { a: 1 } }));
  const cases: readonly (readonly [object, string | RegExp])[] = [
    [{ PortBindings: { foo: [] } }, 'invalid port specification: "foo"'],
    [{ PortBindings: { '70000/tcp': [] } }, 'invalid port specification: "70000"'],
    [{ PortBindings: { '80/tcp': [{ HostPort: 'bar' }] } }, 'invalid port specification: "bar"'],
    [{ PortBindings: { '80/foo': [] } }, 'invalid proto: foo'],
    [{ Mounts: [{ Type: 'foo', Target: '/x' }] }, 'invalid mount config for type "foo": mount type unknown'],
    [
      { Mounts: [{ Type: 'bind', Source: '/x', Target: '/x', TmpfsOptions: {} }] },
      'TmpfsOptions must not be specified on mount type "bind"',
    ],
    [{ RestartPolicy: { Name: 'foo' } }, /^invalid restart policy: unknown policy 'foo'/],
    [{ RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } }, /can only be used with 'on-failure'/],
    [{ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: -3 } }, /cannot be negative/],
    [{ Binds: ['a\0b'] }, /HostConfig.Binds contains a NUL character/],
    [{ Devices: [7] }, /cannot unmarshal number 7 into .*HostConfig.Devices/],
    [{ ConsoleSize: [-1, 2] }, /cannot unmarshal number -1 into .* of type uint/],
    [{ Dns: Array.from({ length: 70_000 }, () => '') }, /HostConfig.Dns has more than 65536 entries/],
  ];
  for (const [config, message] of cases) refused(message, () => host(config), JSON.stringify(config));
  assert.equal(create({ Image: 'x' }, 'name=/ok.1').request.name, 'ok.1');
});

test('mounts keep what is said of them, and no more', () => {
  assert.deepEqual(
    host({
      Mounts: [
        { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: { Propagation: 'rslave' } },
        { Type: 'volume', Target: '/c', VolumeOptions: { DriverConfig: { Name: 'local', Options: { o: 'x' } } } },
        { Type: 'tmpfs', Target: '/d', TmpfsOptions: { SizeBytes: 4096, Mode: 0o700 } },
      ],
    }).Mounts,
    [
      { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: { Propagation: 'rslave' } },
      { Type: 'volume', Target: '/c', VolumeOptions: { DriverConfig: { Name: 'local', Options: { o: 'x' } } } },
      { Type: 'tmpfs', Target: '/d', TmpfsOptions: { SizeBytes: 4096, Mode: 0o700 } },
    ],
  );
});

test('older versions keep their meaning', () => {
  const old = (version: string, hostConfig: object, more: object = {}) =>
    create({ Image: 'x', HostConfig: hostConfig, ...more }, 'platform=linux/arm64', ApiVersion.negotiate(version))
      .request;
  assert.equal(old('1.24', { AutoRemove: true }).hostConfig.AutoRemove, false);
  assert.equal(old('1.39', {}).hostConfig.IpcMode, 'shareable');
  assert.deepEqual(old('1.41', { ConsoleSize: [3, 4] }).hostConfig.ConsoleSize, [0, 0]);
  assert.equal(old('1.42', { Annotations: { a: 'b' } }).hostConfig.Annotations, undefined);
  assert.equal(old('1.40', {}).platform, null);
  assert.equal(old('1.41', {}).platform, 'linux/arm64');
  const mac = '02:42:ac:11:00:09';
  assert.equal(old('1.43', {}, { MacAddress: mac }).endpoints['bridge']?.MacAddress, mac);
  const late = create({ Image: 'x', MacAddress: mac });
  assert.equal(late.request.endpoints['bridge']?.MacAddress, mac);
  assert.match(late.warnings.join(), /container-wide MacAddress field is now deprecated/);
  const two = { NetworkingConfig: { EndpointsConfig: { a: null, b: {} } } };
  refused(/cannot be created with multiple network endpoints: a, b/, () => old('1.43', {}, two));
  assert.deepEqual(Object.keys(old('1.44', {}, two).endpoints), ['a', 'b']);
  assert.deepEqual(
    old('1.44', {}, { NetworkingConfig: { EndpointsConfig: { default: { Aliases: ['x'] } } } }).endpoints,
    { bridge: { Aliases: ['x'] } },
  );
  refused('Mount type "Image" needs API v1.48 or newer', () =>
    old('1.47', { Mounts: [{ Type: 'image', Source: 'a', Target: '/x' }] }),
  );
});

test('update changes what is said and nothing else', () => {
  const zeros = { Memory: 0, CpuShares: 0, CpusetCpus: '', Devices: [], PidsLimit: null, RestartPolicy: { Name: '' } };
  assert.deepEqual(parseUpdate(zeros, NEWEST), { resources: {}, restartPolicy: null });
  assert.deepEqual(parseUpdate({ Memory: 9 << 20, MemorySwap: -1, PidsLimit: -1 }, NEWEST).resources, {
    Memory: 9 << 20,
    MemorySwap: -1,
    PidsLimit: 0,
  });
  assert.deepEqual(parseUpdate({ RestartPolicy: { Name: 'always' } }, NEWEST).restartPolicy, {
    Name: 'always',
    MaximumRetryCount: 0,
  });
});

test('exec, network, volume and commit', () => {
  refused('No exec command specified', () => parseExecCreate({}, NEWEST));
  assert.deepEqual(parseExecCreate({ Cmd: ['sh'], Tty: true, ConsoleSize: [3, 4] }, NEWEST).ConsoleSize, [3, 4]);
  assert.equal(parseExecStart({ ConsoleSize: [3, 4] }, NEWEST).consoleSize, null);
  assert.deepEqual(parseNetworkCreate({ Name: 'n', IPAM: { Config: [{ Subnet: '10.1.0.0/16' }] } }, NEWEST), {
    Name: 'n',
    IPAM: { Config: [{ Subnet: '10.1.0.0/16' }] },
  });
  assert.equal(
    parseNetworkCreate({ Name: 'n', EnableIPv4: false }, ApiVersion.negotiate('1.47')).EnableIPv4,
    undefined,
  );
  refused('invalid IPv4 address: x', () =>
    parseConnect({ Container: 'c', EndpointConfig: { IPAMConfig: { IPv4Address: 'x' } } }, NEWEST),
  );
  assert.deepEqual(parseVolumeCreate(undefined), {});
  const commit = parseCommit(new Query('container=c&repo=r&pause=0&changes=CMD+x'), { Env: ['A=b'] }, NEWEST);
  assert.deepEqual([commit.pause, commit.changes, commit.config], [false, ['CMD x'], { Env: ['A=b'] }]);
  assert.equal(parseCommit(new Query('container=c'), null, NEWEST).config, null);
});

test('filters of both forms, flags and numbers of a query', () => {
  const filters = (value: string) => parseFilters(new Query(`filters=${encodeURIComponent(value)}`), ['a', 'b']);
  assert.deepEqual(filters('{"a":["1","2"],"b":{"x":true,"y":false}}'), { a: ['1', '2'], b: ['x'] });
  for (const wrong of ['x', '[]', '{"a":1}', '{"a":[1]}', '{"a":{"x":1}}', '7'])
    refused('invalid filter', () => filters(wrong), wrong);
  refused("invalid filter 'c'", () => filters('{"c":["1"]}'));
  const query = new Query('a=1&b=no&c=&d=False&e=yes&n=12&m=x&t=1700000000.5&u=2024-01-02T03:04:05Z');
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e'].map((name) => query.flag(name)),
    [true, false, false, false, true],
  );
  assert.equal(query.integer('n'), 12);
  refused('strconv.Atoi: parsing "x": invalid syntax', () => query.integer('m'));
  assert.deepEqual([query.seconds('t'), query.seconds('u')], [1_700_000_000.5, 1_704_164_645]);
});

test('JSON that is none is refused in the words of Go', () => {
  for (const [text, message] of [
    ['', 'got EOF while reading request body'],
    ['{"a":', 'unexpected EOF'],
    ['hello', "invalid character 'h' looking for beginning of value"],
    ['{"a":x}', "invalid character 'x' looking for beginning of value"],
  ] as const)
    refused(`invalid JSON: ${message}`, () => parseJson(text), text);
  refused(/^invalid JSON: /, () => parseJson('['.repeat(3_000_000)), 'a deep one');
});

test('X-Registry-Auth is base64url of JSON; what is none of it counts as nothing', () => {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  assert.deepEqual(parseAuthHeader(encode({ username: 'a', password: 'ü?>' })), { username: 'a', password: 'ü?>' });
  assert.deepEqual(parseAuthHeader(`${encode({ identitytoken: 't' })}==`), { identitytoken: 't' });
  for (const nothing of [undefined, '', '!!', encode({}), encode([]), encode({ username: 7 }), 'x'.repeat(1 << 17)])
    assert.equal(parseAuthHeader(nothing), undefined, String(nothing).slice(0, 20));
});

test('platforms are words or JSON', () => {
  assert.deepEqual(parsePlatform('linux/arm/v7'), { os: 'linux', architecture: 'arm', variant: 'v7' });
  assert.deepEqual(parsePlatform('x86_64'), { os: 'linux', architecture: 'amd64' });
  assert.deepEqual(parsePlatform('{"os":"linux","architecture":"arm64"}'), { os: 'linux', architecture: 'arm64' });
  assert.equal(parsePlatform(''), undefined);
  assert.deepEqual(parsePlatform('LINUX/sparc64'), { os: 'linux', architecture: 'sparc64' });
  assert.equal(parsePlatform('macos/arm64')?.os, 'darwin');
  for (const [wrong, message] of [
    ['a/b/c/d', /cannot parse platform specifier/],
    ['linux/ /x', /^" " is an invalid component of "linux\/ \/x"/],
    ['/', /^"" is an invalid component/],
    ['nintendo64', /unknown operating system or architecture/],
    ['{"os":7}', /./],
  ] as const)
    assert.throws(() => parsePlatform(wrong), { code: 'InvalidArgument', message }, wrong);
});

test('versions from 1.24 to 1.50 are spoken', () => {
  assert.deepEqual([NEWEST.text, NEWEST.atLeast(50), ApiVersion.negotiate('1.24').atLeast(25)], ['1.50', true, false]);
  for (const old of ['1.23', '1.9', '0.1', '1'])
    refused(
      `client version ${old} is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version`,
      () => ApiVersion.negotiate(old),
    );
  for (const late of ['1.51', '2', '2.0', '1.50.1', '99999999999.1'])
    refused(`client version ${late} is too new. Maximum supported API version is 1.50`, () =>
      ApiVersion.negotiate(late),
    );
});
