import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ParsedRequest } from '../../engine/api/docker/services.js';
import { EngineError } from '../../engine/kernel/errors.js';
import { call, RawConnection } from '../helpers/api/client.js';
import { serveFakes } from '../helpers/api/serve.js';
import { SpawnedFakes } from '../helpers/api/spawned.js';

const CREATE = '{"Image":"busybox"}';
const post = (headers: string, body: string): string =>
  `POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
const smuggled = `POST /containers/create?name=smuggled HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${CREATE.length}\r\n\r\n${CREATE}`;

/** Requests of which two readers could make two things. */
const AMBIGUOUS: readonly (readonly [string, string])[] = [
  ['two lengths', post(`Content-Length: ${CREATE.length}\r\nContent-Length: 3`, CREATE)],
  ['length and chunked', post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`)],
  ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', `0\r\n\r\n${smuggled}`)],
  ['a length with a sign', post('Content-Length: +19', CREATE)],
  ['a negative length', post('Content-Length: -1', CREATE)],
  ['a space before the colon', post(`Content-Length : ${CREATE.length}`, CREATE)],
  ['a folded header', post(`X: a\r\n b\r\nContent-Length\r\n : ${CREATE.length}`, CREATE)],
  ['a chunk size that is none', post('Transfer-Encoding: chunked', `zz\r\n${CREATE}\r\n0\r\n\r\n`)],
  [
    'a chunk extension of a megabyte',
    post('Transfer-Encoding: chunked', `13;${'x'.repeat(1 << 20)}\r\n${CREATE}\r\n0\r\n\r\n`),
  ],
  ['a bare newline in a header', post(`X: a\nContent-Length: ${CREATE.length}`, CREATE)],
  ['a head of a megabyte', post(`X: ${'x'.repeat(1 << 20)}`, '')],
  ['no protocol', 'hello\r\n\r\n'],
];

async function answerTo(socket: string, bytes: string): Promise<RawConnection> {
  const raw = new RawConnection(socket);
  raw.send(bytes);
  await raw.until(({ closed, ended, status }) => closed || ended || status > 0, 'an answer');
  return raw;
}

test('A01: requests that can be read in two ways are refused, and nothing is done', { timeout: 600_000 }, async () => {
  const served = await serveFakes();
  try {
    for (const [what, bytes] of AMBIGUOUS) {
      const raw = await answerTo(served.socket, bytes);
      assert.ok(raw.status === 0 || (raw.status >= 400 && raw.status < 500), `${what}: ${raw.text.slice(0, 100)}`);
      raw.close();
    }
    assert.deepEqual([...served.containers.all.keys()], [], 'a request inside of another one was carried out');
    assert.equal((await call(served.socket, 'GET', '/_ping')).status, 200);
  } finally {
    await served.close();
  }
});

test('A01 twin: a parser that is not strict takes them', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lax-'));
  const seen: string[] = [];
  const lax = createServer({ insecureHTTPParser: true }, (request, response) => {
    seen.push(request.url ?? '');
    request.resume().on('end', () => response.end());
  }).listen(join(directory, 'sock'));
  await once(lax, 'listening');
  try {
    const chosen = AMBIGUOUS.filter(([what]) => what === 'length and chunked');
    for (const [, bytes] of chosen) (await answerTo(join(directory, 'sock'), bytes)).close();
    assert.deepEqual(seen, ['/containers/create', '/containers/create?name=smuggled']);
  } finally {
    lax.closeAllConnections();
    lax.close();
    rmSync(directory, { recursive: true });
  }
});

/** A policy that forbids privileged containers, as it would be written for typed values. */
function noPrivileges(request: ParsedRequest): void {
  if (request.operation !== 'ContainerCreate') return;
  const { request: create } = request.asked as { request: { hostConfig: { Privileged: boolean } } };
  if (create.hostConfig.Privileged) throw new EngineError('PermissionDenied', 'authorization denied by policy');
}

/** The same as a plugin of dockerd's does it: on the body's first megabyte, where the length says that there is one. */
function rawPolicy(length: number, body: string): boolean {
  return length === 0 || body.length > 1 << 20 || !/"Privileged"\s*:\s*true/.test(body);
}

/** Wishes for a privileged container that a reader of bytes does not see. */
const HIDDEN: readonly (readonly [string, string])[] = [
  ['behind a megabyte', `{"Image":"busybox","Labels":{"a":"${'x'.repeat(1 << 20)}"},"HostConfig":{"Privileged":true}}`],
  ['in other letters', '{"Image":"busybox","HostConfig":{"Privileged":false},"hostconfig":{"privileged":true}}'],
  ['escaped', '{"Image":"busybox","HostConfig":{"Pr\\u0069vileged":true}}'],
  ['said twice', '{"Image":"busybox","HostConfig":{"Privileged":false,"privileged":true}}'],
];

test('A01: the policy decides on what is done, however the body says it (CVE-2024-41110, CVE-2026-34040)', async () => {
  const served = await serveFakes({ policy: noPrivileges });
  try {
    for (const [what, body] of HIDDEN) {
      const bytes = Buffer.from(body);
      const answer = await call(served.socket, 'POST', '/containers/create', {
        bytes,
        headers: { 'Content-Type': 'application/json' },
      });
      assert.equal(answer.status, 403, what);
    }
    // A body behind a length of 0: neither is it read as one, nor is it a request.
    const raw = await answerTo(served.socket, post('Content-Length: 0', HIDDEN[2]?.[1] ?? ''));
    await raw.until(({ ended, closed }) => ended || closed, 'the end of the connection');
    assert.equal(raw.status, 400);
    assert.deepEqual([...served.containers.all.keys()], []);
    assert.equal((await call(served.socket, 'POST', '/containers/create', { json: { Image: 'busybox' } })).status, 201);
  } finally {
    await served.close();
  }
});

test('A01 twin: a policy on bytes lets all of them pass', async () => {
  for (const [what, body] of HIDDEN) assert.equal(rawPolicy(body.length, body), true, what);
  assert.equal(rawPolicy(0, HIDDEN[2]?.[1] ?? ''), true);
  assert.equal(rawPolicy(9, '{"Privileged": true}'), false, 'the policy of the twin sees nothing at all');
});

test('A01: bodies without an end: 413, and what was sent of them is not kept', { timeout: 600_000 }, async () => {
  const spawned = await SpawnedFakes.start();
  try {
    await call(spawned.socket, 'GET', '/info');
    const before = spawned.rss;
    const announced = await answerTo(spawned.socket, post(`Content-Length: ${2 ** 31}`, '{"Image":"'));
    assert.equal(announced.status, 413);
    const chunked = new RawConnection(spawned.socket);
    chunked.send(post('Transfer-Encoding: chunked', ''));
    const block = `100000\r\n${' '.repeat(1 << 20)}\r\n`;
    for (let n = 0; n < 48 && chunked.status === 0; n++) {
      chunked.send(block);
      await chunked.until(
        ({ socket, status, closed }) => status > 0 || closed || socket.writableLength < 4 << 20,
        'room',
      );
    }
    await chunked.until(({ status, closed }) => status > 0 || closed, 'an answer');
    assert.ok([413, 0].includes(chunked.status), chunked.text.slice(0, 100));
    chunked.close();
    assert.equal(
      (await answerTo(spawned.socket, post('Content-Length: 300000', `${'['.repeat(300_000)}`))).status,
      400,
    );
    assert.ok(spawned.rss - before < 60, `${Math.round(spawned.rss - before)} MiB more than before`);
    assert.equal((await call(spawned.socket, 'GET', '/_ping')).status, 200);
  } finally {
    await spawned.close();
  }
});

/** An archive that is refused at its first byte, from a client that reads no answer before it has sent everything. */
async function sendAll(socket: string): Promise<RawConnection> {
  const raw = new RawConnection(socket);
  raw.send(`POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: ${8 << 20}\r\n\r\n${'x'.repeat(8 << 20)}`);
  await raw.until(({ status }) => status > 0, 'an answer');
  return raw;
}

test('A01: a client that was answered while it sends is rid of the rest, or of the connection', {
  timeout: 600_000,
}, async () => {
  const served = await serveFakes();
  served.images.load = async (archive) => {
    for await (const _ of archive) break;
    throw new EngineError('InvalidArgument', 'no archive');
  };
  try {
    const raw = await sendAll(served.socket);
    assert.match(raw.text, /no archive/);
    await raw.until(({ socket, closed }) => closed || socket.writableLength === 0, 'the rest is taken');
    raw.close();
  } finally {
    await served.close();
  }
});

test('A01 twin: who only stops reading holds such a client up for ever', { timeout: 600_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lax-'));
  const lax = createServer((request, response) => request.once('data', () => response.end(request.pause() && 'no')));
  lax.listen(join(directory, 'sock'));
  await once(lax, 'listening');
  try {
    const raw = await sendAll(join(directory, 'sock'));
    await sleep(300);
    assert.ok(!raw.closed && raw.socket.writableLength > 0, 'the rest was taken');
    raw.close();
  } finally {
    lax.closeAllConnections();
    lax.close();
    rmSync(directory, { recursive: true });
  }
});

test('A01: heads and bodies that crawl are ended; the twin without these times keeps them', {
  timeout: 600_000,
}, async () => {
  const strict = await serveFakes({ bounds: { headTimeMs: 300, bodyTimeMs: 300 } });
  const lax = await serveFakes();
  const attacks = [
    'GET /info HTTP/1.1\r\nX: ',
    post('Content-Length: 30', '{"Im'),
    `POST /exec/x/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
  ];
  const open = (socket: string) =>
    attacks.map((bytes) => {
      const raw = new RawConnection(socket);
      raw.send(bytes);
      return raw;
    });
  const [ended, kept] = [open(strict.socket), open(lax.socket)];
  try {
    for (const raw of ended) {
      await raw.until(({ closed, ended }) => closed || ended, 'the end');
      assert.ok([408, 0].includes(raw.status), raw.text.slice(0, 200));
    }
    assert.deepEqual(
      kept.map(({ closed, ended }) => closed || ended),
      [false, false, false],
    );
  } finally {
    for (const raw of [...ended, ...kept]) raw.close();
    await strict.close();
    await lax.close();
  }
});

test('A01: connections that wait make room for one that asks; the twin without this turns it away', {
  timeout: 600_000,
}, async () => {
  const strict = await serveFakes({ bounds: { maxConnections: 200 } });
  const directory = mkdtempSync(join(tmpdir(), 'lax-'));
  const lax = createServer((_, response) => response.end()).listen(join(directory, 'sock'));
  lax.maxConnections = 200;
  await once(lax, 'listening');
  const idle: RawConnection[] = [];
  try {
    const hold = async (socket: string): Promise<boolean> => {
      for (let n = 0; n < 200; n++) {
        const raw = new RawConnection(socket);
        raw.send('GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
        idle.push(raw);
      }
      await Promise.all(idle.map((raw) => raw.until(({ status, closed }) => status > 0 || closed, 'an answer')));
      for (let tries = 0; tries < 5; tries++) {
        const raw = new RawConnection(socket);
        raw.send('GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
        await raw.until(({ status, closed, ended }) => status > 0 || closed || ended, 'an answer or the end');
        raw.close();
        if (raw.status === 200) return true;
        await sleep(20);
      }
      return false;
    };
    assert.equal(await hold(strict.socket), true);
    assert.equal(await hold(join(directory, 'sock')), false);
  } finally {
    for (const raw of idle) raw.close();
    lax.closeAllConnections();
    lax.close();
    await strict.close();
    rmSync(directory, { recursive: true });
  }
});
