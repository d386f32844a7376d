import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, RawConnection } from '../helpers/api/client.js';
import { type Served, serveFakes } from '../helpers/api/serve.js';
import { SpawnedFakes } from '../helpers/api/spawned.js';

/** Half-closed connections are looked at often, so that tests need not wait. */
const BOUNDS = { halfClosedMs: 100 };
const ROUNDS = 200;

async function running(socket: string, name: string, argv: readonly string[]): Promise<void> {
  await call(socket, 'POST', `/containers/create?name=${name}`, { json: { Image: 'busybox', Cmd: argv, Tty: true } });
  await call(socket, 'POST', `/containers/${name}/start`);
}

/** One client that attaches, resizes, or executes, and is gone in the midst of it. */
async function abrupt(socket: string, n: number): Promise<void> {
  const raw = new RawConnection(socket);
  const upgrade = 'Host: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n';
  if (n % 4 === 0)
    raw.send(
      `POST /containers/target/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\n${upgrade}Content-Length: 0\r\n\r\nearly`,
    );
  else if (n % 4 === 1)
    raw.send(`POST /containers/target/resize?h=${n}&w=9 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n`);
  else if (n % 4 === 2) raw.send('GET /containers/target/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n');
  else {
    const { json } = await call(socket, 'POST', '/containers/target/exec', { json: { Cmd: ['sleep'] } });
    raw.send(
      `POST /exec/${(json as { Id: string }).Id}/start HTTP/1.1\r\n${upgrade}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    );
  }
  // some before the answer, some after it, some with their half closed first
  if (n % 3 > 0) await raw.until(({ status, closed }) => status > 0 || closed, 'an answer');
  if (n % 3 === 2) raw.socket.end();
  raw.close();
}

async function settled(served: Served): Promise<number> {
  for (let n = 0; n < 600 && served.containers.open > 0; n++) await sleep(50);
  return served.containers.open;
}

test('A04: hundreds of attaches, execs, resizes and logs that break off leave nothing (CVE-2022-23471)', {
  timeout: 600_000,
}, async () => {
  const served = await serveFakes({ bounds: BOUNDS });
  try {
    await running(served.socket, 'target', ['sleep']);
    for (let n = 0; n < ROUNDS / 2; n += 20)
      await Promise.all(Array.from({ length: 20 }, (_, k) => abrupt(served.socket, n + k)));
    assert.equal(await settled(served), 0, 'streams of clients that are gone');
  } finally {
    await served.close();
  }
});

test('A04 twin: a server that does not notice is found out', { timeout: 600_000 }, async () => {
  const served = await serveFakes({ bounds: BOUNDS });
  const attach = served.containers.attach.bind(served.containers);
  served.containers.attach = async (name, options) => ({ ...(await attach(name, options)), close: () => undefined });
  try {
    await running(served.socket, 'target', ['sleep']);
    for (let n = 0; n < 8; n++) await abrupt(served.socket, n);
    await sleep(300);
    assert.ok(served.containers.open > 0, 'the measure does not see what is left');
  } finally {
    await served.close();
  }
});

test('A04: descriptors and memory of the process are what they were', { timeout: 600_000 }, async () => {
  const spawned = await SpawnedFakes.start(BOUNDS);
  try {
    await running(spawned.socket, 'target', ['sleep']);
    const round = async (): Promise<void> => {
      for (let n = 0; n < ROUNDS; n += 20)
        await Promise.all(Array.from({ length: 20 }, (_, k) => abrupt(spawned.socket, n + k)));
      await sleep(600);
    };
    await round();
    const [descriptors, rss] = [spawned.descriptors, spawned.rss];
    await round();
    assert.ok(spawned.descriptors <= descriptors + 2, `${spawned.descriptors} descriptors, ${descriptors} before`);
    assert.ok(spawned.rss - rss < 30, `${Math.round(spawned.rss - rss)} MiB more`);
    assert.equal((await call(spawned.socket, 'GET', '/_ping')).status, 200);
  } finally {
    await spawned.close();
  }
});

test('A04: output that nobody reads is not kept', { timeout: 600_000 }, async () => {
  const spawned = await SpawnedFakes.start(BOUNDS);
  const readers: RawConnection[] = [];
  try {
    await call(spawned.socket, 'POST', '/containers/create?name=flood', {
      json: { Image: 'busybox', Cmd: ['flood', '1024'], Tty: true },
    });
    const before = spawned.rss;
    for (let n = 0; n < 4; n++) {
      const raw = new RawConnection(spawned.socket);
      raw.send(
        'POST /containers/flood/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
      );
      await raw.until(({ status }) => status === 101, 'the upgrade');
      raw.socket.pause();
      readers.push(raw);
    }
    await call(spawned.socket, 'POST', '/containers/flood/start');
    await sleep(800);
    assert.ok(spawned.rss - before < 40, `${Math.round(spawned.rss - before)} MiB of output are kept`);
    const { json } = await call(spawned.socket, 'GET', '/containers/flood/json');
    assert.equal(
      (json as { State: { Running: boolean } }).State.Running,
      true,
      'all was written, though nobody read: where is it?',
    );
  } finally {
    for (const raw of readers) raw.close();
    await spawned.close();
  }
});
