import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, RawConnection, unframe } from '../helpers/api/client.js';
import { joined } from '../helpers/api/fake-containers.js';
import { type Served, serveFakes } from '../helpers/api/serve.js';

let served: Served;
before(async () => {
  served = await serveFakes({ bounds: { halfClosedMs: 100 } });
});
after(() => served.close());

let number = 0;
async function container(argv: readonly string[], config: object = {}): Promise<string> {
  const name = `stream-${number++}`;
  await call(served.socket, 'POST', `/containers/create?name=${name}`, {
    json: { Image: 'busybox', Cmd: argv, ...config },
  });
  return name;
}

const start = (name: string) => call(served.socket, 'POST', `/containers/${name}/start`);

function attach(
  name: string,
  query: string,
  headers = 'Upgrade: tcp\r\nConnection: Upgrade\r\n',
  version = '',
): RawConnection {
  const raw = new RawConnection(served.socket);
  raw.send(
    `POST ${version}/containers/${name}/attach?${query} HTTP/1.1\r\nHost: d\r\n${headers}Content-Length: 0\r\n\r\n`,
  );
  return raw;
}

const ALL = 'stream=1&stdin=1&stdout=1&stderr=1';

test('attach: 101, frames of both streams, the end when the process ends', async () => {
  const name = await container(['both']);
  const raw = attach(name, ALL);
  await raw.until(({ rest }) => rest.length >= 0 && raw.status === 101, 'the upgrade');
  assert.match(
    raw.text,
    /^HTTP\/1.1 101 UPGRADED\r\nContent-Type: application\/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n/,
  );
  await start(name);
  await raw.until(({ ended }) => ended, 'the end');
  assert.deepEqual(unframe(raw.rest), [
    { stream: 1, text: 'out\n' },
    { stream: 2, text: 'err\n' },
  ]);
});

test('attach before 1.42 and to a terminal is called a raw stream; a terminal has no frames', async () => {
  const old = await container(['both']);
  const first = attach(old, ALL, undefined, '/v1.41');
  await first.until(({ status }) => status === 101, 'the upgrade');
  assert.match(first.text, /Content-Type: application\/vnd.docker.raw-stream/);
  first.close();
  const name = await container(['echo', 'hi'], { Tty: true });
  const raw = attach(name, ALL);
  await raw.until(({ status }) => status === 101, 'the upgrade');
  await start(name);
  await raw.until(({ ended }) => ended, 'the end');
  assert.match(raw.text, /raw-stream/);
  assert.equal(raw.rest.toString(), 'hi\n');
});

test('attach without the header: 200, then raw bytes both ways', async () => {
  const name = await container(['cat'], { OpenStdin: true });
  const raw = attach(name, ALL, '');
  await raw.until(({ status }) => status === 200, 'the answer');
  assert.match(raw.text, /^HTTP\/1.1 200 OK\r\nContent-Type: application\/vnd.docker.raw-stream\r\n\r\n/);
  await start(name);
  raw.send('GET / HTTP/1.1\r\n\r\n');
  await raw.until(({ rest }) => rest.includes('GET / HTTP/1.1'), 'what was sent, which is no request');
  raw.socket.end();
  await raw.until(({ ended }) => ended, 'the end');
  assert.equal(served.containers.find(name).process.inputEnded, true);
});

test('bytes that come with the request are input, and the half-close behind them is the end of input', async () => {
  const name = await container(['cat'], { OpenStdin: true });
  await start(name);
  const raw = new RawConnection(served.socket);
  raw.send(
    `POST /containers/${name}/attach?${ALL} HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\nearly bytes`,
  );
  raw.socket.end();
  await raw.until(({ ended }) => ended, 'the end');
  assert.deepEqual(unframe(raw.rest), [{ stream: 1, text: 'early bytes' }]);
  assert.equal(served.containers.find(name).state.ExitCode, 0);
});

test('a client without input closes its half at once and goes on reading', async () => {
  const name = await container(['sleep']);
  await start(name);
  const raw = attach(name, 'stream=1&stdout=1&stderr=1');
  raw.socket.end();
  await raw.until(({ status }) => status === 101, 'the upgrade');
  await sleep(30);
  served.containers.find(name).process.say('stdout', 'still here\n');
  await raw.until(({ rest }) => rest.length > 8, 'what was written behind the half-close');
  assert.equal(unframe(raw.rest)[0]?.text, 'still here\n');
  raw.close();
});

test('clients that vanish, with their half closed or not, are noticed', async () => {
  const name = await container(['sleep']);
  await start(name);
  for (let n = 0; n < 400 && served.containers.open > 0; n++) await sleep(50);
  const before = served.containers.open;
  const whole = attach(name, ALL);
  const half = attach(name, 'stream=1&stdout=1');
  half.socket.end();
  for (const raw of [whole, half]) await raw.until(({ status }) => status === 101, 'the upgrade');
  assert.equal(served.containers.open, before + 2);
  for (const raw of [whole, half]) raw.close();
  for (let n = 0; n < 400 && served.containers.open > before; n++) await sleep(50);
  assert.equal(served.containers.open, before, 'an attachment of nobody is kept');
});

test('attach to what is not there, or that the service refuses, is told in words where the stream would have been', async () => {
  const raw = attach('nobody', ALL);
  await raw.until(({ ended }) => ended, 'the end');
  assert.equal(raw.status, 404);
  assert.match(raw.text, /Content-Type: application\/vnd\.docker\.raw-stream\r\n/);
  assert.equal(raw.rest.toString(), 'No such container: nobody\r\n');
});

async function exec(name: string, body: object): Promise<string> {
  const made = await call(served.socket, 'POST', `/containers/${name}/exec`, { json: body });
  assert.equal(made.status, 201);
  return (made.json as { Id: string }).Id;
}

function execStart(id: string, body: string, split = body.length): RawConnection {
  const raw = new RawConnection(served.socket);
  raw.send(
    `POST /exec/${id}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, split)}`,
  );
  if (split < body.length) setTimeout(() => raw.send(body.slice(split)), 30);
  return raw;
}

test('exec: the body is read from the connection that is taken over, also when it comes late', async () => {
  const name = await container(['sleep']);
  await start(name);
  for (const split of [2, 13, 0]) {
    const id = await exec(name, { Cmd: ['echo', 'in'], AttachStdout: true });
    const raw = execStart(id, '{"Tty":false}', split);
    await raw.until(({ ended }) => ended, 'the end');
    assert.equal(raw.status, 101, raw.text);
    assert.deepEqual(unframe(raw.rest), [{ stream: 1, text: 'in\n' }]);
    assert.equal((await served.containers.inspectExec(id)).ExitCode, 0);
  }
});

test('exec: why a program does not run stands in the stream; what is known before is a status', async () => {
  const name = await container(['sleep']);
  await start(name);
  const raw = execStart(await exec(name, { Cmd: ['nosuch'] }), '{}');
  await raw.until(({ ended }) => ended, 'the end');
  assert.equal(raw.status, 101);
  assert.match(unframe(raw.rest)[0]?.text ?? '', /executable file not found in \$PATH: unknown\r\n$/);
  const late = await exec(name, { Cmd: ['echo'] });
  served.containers.find(name).process.exit(0);
  await sleep(10);
  for (const [id, status] of [
    ['f'.repeat(64), 404],
    [late, 409],
  ] as const) {
    const refused = execStart(id, '{}');
    await refused.until(({ ended }) => ended, 'the end');
    assert.equal(refused.status, status, refused.text);
  }
});

test('exec: detached it is an ordinary answer', async () => {
  const name = await container(['sleep']);
  await start(name);
  const id = await exec(name, { Cmd: ['echo', 'x'] });
  const answer = await call(served.socket, 'POST', `/exec/${id}/start`, { json: { Detach: true } });
  assert.equal(answer.status, 200);
  assert.equal((await call(served.socket, 'POST', `/exec/${id}/resize?h=3&w=4`)).status, 200);
  assert.deepEqual(served.containers.asked.at(-1)?.value, [3, 4]);
  assert.equal((await call(served.socket, 'POST', `/exec/${id}/resize?h=x&w=4`)).status, 400);
});

test('output waits for a reader that is slow, and all of it comes', { timeout: 600_000 }, async () => {
  const name = await container(['flood', '8'], { Tty: true });
  const raw = attach(name, ALL);
  await raw.until(({ status }) => status === 101, 'the upgrade');
  raw.socket.pause();
  await start(name);
  await sleep(300);
  const depth = [...served.containers.find(name).process.readers].map((reader) => reader.depth);
  assert.ok(!served.containers.find(name).process.isOver, 'everything was taken, though nobody read');
  assert.ok(
    depth.every((one) => one <= 1),
    `the server does not wait: ${depth}`,
  );
  raw.socket.resume();
  await raw.until(({ ended }) => ended, 'the end', 60_000);
  assert.equal(raw.rest.length, 8 << 20);
});

/** A frame as a browser sends it: masked. */
function masked(opcode: number, payload: Buffer): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const body = payload.map((byte, n) => byte ^ (mask[n & 3] ?? 0));
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length]), mask, body]);
}

const WS =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

test('attach by web socket: the sample of RFC 6455, frames, pings, the close', async () => {
  const name = await container(['cat'], { OpenStdin: true });
  await start(name);
  const raw = new RawConnection(served.socket);
  raw.send(`GET /containers/${name}/attach/ws?${ALL} HTTP/1.1\r\nHost: d\r\n${WS}\r\n`);
  await raw.until(({ status }) => status === 101, 'the upgrade');
  assert.match(raw.text, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  const hello = masked(2, Buffer.from('hello'));
  raw.send(hello.subarray(0, 3));
  await sleep(20);
  raw.send(Buffer.concat([hello.subarray(3), masked(9, Buffer.from('p'))]));
  await raw.until(({ rest }) => rest.length >= 10, 'the echo and the pong');
  // the process's answer and the server's own are in no order
  const pong = Buffer.from([0x8a, 1, 112]);
  assert.ok(raw.rest.subarray(0, 10).includes(Buffer.from('\x82\x05hello', 'latin1')), 'no frame with the echo');
  assert.ok(raw.rest.subarray(0, 10).includes(pong), 'no pong');
  raw.send(masked(2, Buffer.alloc(300, 'y')));
  await raw.until(({ rest }) => rest.length >= 10 + 304, 'a longer frame');
  assert.deepEqual([...raw.rest.subarray(10, 14)], [0x82, 126, 1, 44]);
  raw.send(masked(8, Buffer.from([0x03, 0xe8])));
  await raw.until(({ ended }) => ended, 'the close');
  assert.equal(served.containers.find(name).state.Running, true, 'a client that leaves ends nothing');
});

test('web sockets that may not be are closed with the code for it', async () => {
  const name = await container(['cat'], { OpenStdin: true });
  await start(name);
  for (const [what, bytes, code] of [
    ['not masked', Buffer.from([0x82, 1, 65]), 1002],
    ['reserved bits', Buffer.from([0xf2, 0x81, 0, 0, 0, 0, 65]), 1002],
    ['too long', Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]), 1009],
  ] as const) {
    const raw = new RawConnection(served.socket);
    raw.send(`GET /containers/${name}/attach/ws?${ALL} HTTP/1.1\r\nHost: d\r\n${WS}\r\n`);
    await raw.until(({ status }) => status === 101, 'the upgrade');
    raw.send(bytes);
    await raw.until(({ ended }) => ended, what);
    assert.equal(raw.rest.readUInt16BE(2), code, what);
    raw.close();
  }
  const plain = await call(served.socket, 'GET', `/containers/${name}/attach/ws`);
  assert.equal(plain.status, 400);
});

test('logs: frames, times, tails, following until the end or until nobody reads', async () => {
  const name = await container(['both']);
  await start(name);
  const logs = (query: string) => call(served.socket, 'GET', `/containers/${name}/logs?${query}`);
  const both = await logs('stdout=1&stderr=1');
  assert.equal(both.headers['content-type'], 'application/vnd.docker.multiplexed-stream');
  assert.deepEqual(
    unframe(both.body).map(({ text }) => text),
    ['out\n', 'err\n'],
  );
  assert.match(unframe((await logs('stdout=1&timestamps=1')).body)[0]?.text ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z out\n$/);
  assert.deepEqual(unframe((await logs('stdout=1&stderr=1&tail=1')).body).length, 1);
  assert.equal((await logs('follow=1')).status, 400);
  await logs('stdout=1&tail=all&since=1700000000.123456789&until=7');
  const { value } = served.containers.asked.filter(({ what }) => what === 'logs').at(-1) as { value: object };
  assert.deepEqual(
    { ...value, signal: null },
    {
      stdout: true,
      stderr: false,
      follow: false,
      since: 1_700_000_000_123_456_789n,
      until: 7_000_000_000n,
      tail: null,
      signal: null,
    },
  );
  const live = await container(['sleep']);
  await start(live);
  const before = served.containers.open;
  const raw = new RawConnection(served.socket);
  raw.send(`GET /containers/${live}/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: d\r\n\r\n`);
  await raw.until(({ status }) => status === 200, 'the status, before there is a line');
  served.containers.find(live).process.say('stdout', 'now\n');
  await raw.until(({ text }) => text.includes('now'), 'the line');
  raw.close();
  for (let n = 0; n < 800 && served.containers.open > before; n++) await sleep(25);
  assert.equal(served.containers.open, before, 'a log is followed for nobody');
});

test('stats: one sample, or one after the other until the client has gone', async () => {
  const name = await container(['sleep']);
  await start(name);
  const one = await call(served.socket, 'GET', `/containers/${name}/stats?stream=0`);
  assert.equal((one.json as { name: string }).name, `/${name}`);
  const before = served.containers.open;
  const raw = new RawConnection(served.socket);
  raw.send(`GET /containers/${name}/stats HTTP/1.1\r\nHost: d\r\n\r\n`);
  await raw.until(({ text }) => text.split('"read"').length > 3, 'three samples');
  raw.close();
  for (let n = 0; n < 800 && served.containers.open > before; n++) await sleep(25);
  assert.equal(served.containers.open, before);
  assert.equal((await call(served.socket, 'GET', '/containers/nobody/stats')).status, 404);
});

test('events: lines with their nanoseconds, until the client goes', async () => {
  const raw = new RawConnection(served.socket);
  raw.send('GET /events HTTP/1.1\r\nHost: d\r\n\r\n');
  await raw.until(({ status }) => status === 200, 'the status, before there is an event');
  await start(await container(['echo']));
  await raw.until(({ text }) => text.includes('"Action":"die"'), 'the events');
  const lines = raw.text.split('\r\n').filter((line) => line.startsWith('{'));
  assert.match(lines[0] ?? '', /"timeNano":\d{13}123457\}/);
  raw.close();
  for (let n = 0; n < 800 && served.containers.watchers.size > 0; n++) await sleep(25);
  assert.equal(served.containers.watchers.size, 0);
  const past = await call(served.socket, 'GET', '/events?since=2&until=1');
  assert.match((past.json as { message: string }).message, /^`since` time \(2\) cannot be after `until` time \(1\)$/);
});

test('pull: lines as they come; an error is a status before the first line and a line after it', async () => {
  const auth = Buffer.from('{"username":"a","password":"b"}').toString('base64url');
  const pull = (query: string) =>
    call(served.socket, 'POST', `/images/create?${query}`, { headers: { 'X-Registry-Auth': auth } });
  const lines = (await pull('fromImage=busybox&tag=latest&platform=linux/arm64')).json as { status: string }[];
  assert.equal(lines[0]?.status, 'Pulling from library/busybox');
  assert.equal(lines.at(-1)?.status, 'Status: Downloaded newer image for busybox:latest');
  assert.deepEqual(served.images.asked.at(-1)?.value, {
    name: 'busybox:latest',
    allTags: false,
    auth: { username: 'a', password: 'b' },
    platform: { os: 'linux', architecture: 'arm64' },
  });
  await pull('fromImage=busybox');
  assert.equal((served.images.asked.at(-1)!.value as { allTags: boolean }).allTags, true);
  await pull(`fromImage=busybox&tag=sha256:${'d'.repeat(64)}`);
  assert.equal((served.images.asked.at(-1)!.value as { name: string }).name, `busybox@sha256:${'d'.repeat(64)}`);
  const broken = await pull('fromImage=broken&tag=1');
  assert.equal(broken.status, 200);
  assert.deepEqual((broken.json as object[]).at(-1), {
    errorDetail: { message: 'filesystem layer verification failed' },
    error: 'filesystem layer verification failed',
  });
  assert.equal((await pull('fromImage=missing&tag=1')).status, 404);
  assert.equal((await pull('fromImage=scratch&tag=1')).status, 403);
  assert.equal((await pull('fromImage=UPPER&tag=1')).status, 400);
  const raw = new RawConnection(served.socket);
  raw.send('POST /images/create?fromImage=endless&tag=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n');
  await raw.until(({ text }) => text.includes('Downloading'), 'a line');
  raw.close();
  for (let n = 0; n < 800 && served.images.open > 0; n++) await sleep(25);
  assert.equal(served.images.open, 0, 'a pull goes on for nobody');
});

test('load and import read the body as it comes', async () => {
  const load = (bytes: Buffer, query = '') => call(served.socket, 'POST', `/images/load?${query}`, { bytes });
  const quiet = await load(Buffer.alloc(3 << 20));
  assert.deepEqual(quiet.json, { stream: 'Loaded image: busybox:latest\n' });
  assert.equal(served.images.asked.at(-1)?.value, 3 << 20);
  assert.equal(((await load(Buffer.alloc(9), 'quiet=0')).json as object[]).length, 2);
  const bad = await load(Buffer.from('bad'));
  assert.deepEqual([bad.status, (bad.json as { error: string }).error], [200, 'archive/tar: invalid tar header']);
  const imported = await call(served.socket, 'POST', '/images/create?fromSrc=-&repo=a&tag=1&changes=CMD+sh', {
    bytes: Buffer.alloc(99),
  });
  assert.match((imported.json as { status: string }).status, /^sha256:/);
  assert.deepEqual(served.images.asked.at(-1)?.value, {
    bytes: 99,
    options: { reference: 'a:1', message: 'Imported from -', changes: ['CMD sh'] },
  });
});

test('save and export are tar streams; who stops reading stops them', { timeout: 600_000 }, async () => {
  const saved = await call(served.socket, 'GET', '/images/get?names=busybox&names=aaaa');
  assert.deepEqual([saved.headers['content-type'], saved.body.length], ['application/x-tar', 1 << 20]);
  assert.equal((await call(served.socket, 'GET', '/images/nosuch/get')).status, 404);
  const name = await container(['sleep']);
  const out = await call(served.socket, 'GET', `/containers/${name}/export`);
  assert.deepEqual([out.headers['content-type'], out.body.length], ['application/octet-stream', 1 << 20]);
  const raw = new RawConnection(served.socket);
  raw.send('GET /images/aaaa/get HTTP/1.1\r\nHost: d\r\n\r\n');
  await raw.until(({ got }) => got.length > 1 << 20, 'the first bytes');
  raw.close();
  for (let n = 0; n < 800 && served.images.open > 0; n++) await sleep(25);
  assert.equal(served.images.open, 0, 'an archive is written for nobody');
});

test('files of a container: the stat in a header, tar both ways', async () => {
  const name = await container(['sleep']);
  const at = (path: string) => `/containers/${name}/archive?path=${encodeURIComponent(path)}`;
  const head = await call(served.socket, 'HEAD', at('/etc/hostname'));
  const stat = JSON.parse(
    Buffer.from(String(head.headers['x-docker-container-path-stat']), 'base64').toString(),
  ) as object;
  assert.deepEqual(stat, { name: 'hostname', size: 13, mode: 0o644, mtime: '2024-01-02T03:04:05Z', linkTarget: '' });
  assert.equal((await call(served.socket, 'HEAD', at('/nowhere'))).status, 404);
  const got = await call(served.socket, 'GET', at('/etc/hostname'));
  assert.deepEqual([got.headers['content-type'], got.body.length], ['application/x-tar', 13]);
  const bytes = Buffer.alloc(2 << 20, 'z');
  assert.equal(
    (await call(served.socket, 'PUT', `${at('/x')}&copyUIDGID=true&noOverwriteDirNonDir=1`, { bytes })).status,
    200,
  );
  assert.deepEqual(served.containers.asked.at(-1)?.value, { noOverwriteDirNonDir: true, copyUidGid: true });
  const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
  assert.equal(digest(served.containers.find(name).files.get('/x') ?? Buffer.alloc(0)), digest(bytes));
  const refused = await call(served.socket, 'PUT', at('/readonly'), { bytes: Buffer.alloc(4 << 20) });
  assert.equal(refused.status, 403, 'the answer is lost when the body is not read');
  assert.equal((await call(served.socket, 'GET', `/containers/${name}/archive`)).status, 400);
});

test('an upload whose client goes away ends with an error, not with a short archive', async () => {
  const name = await container(['sleep']);
  const failures: unknown[] = [];
  const original = served.containers.putArchive.bind(served.containers);
  served.containers.putArchive = async (_name, _path, tar) => {
    try {
      await joined(tar);
      failures.push(null);
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  try {
    const raw = new RawConnection(served.socket);
    raw.send(`PUT /containers/${name}/archive?path=/x HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\nshort`);
    await sleep(50);
    raw.close();
    for (let n = 0; n < 800 && failures.length === 0; n++) await sleep(25);
    assert.ok(failures[0] instanceof Error, `a cut body was taken for whole: ${String(failures[0])}`);
  } finally {
    served.containers.putArchive = original;
  }
});
