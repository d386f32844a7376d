import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { RawConnection } from '../helpers/api/client.js';
import { serveFakes } from '../helpers/api/serve.js';
import { SpawnedFakes } from '../helpers/api/spawned.js';

/** What a descriptor is; '' for one that was closed meanwhile, such as that of this very list. */
function target(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Inodes of the sockets that a process holds, and of those that listen on TCP. */
function listening(pid: number): string[] {
  const held = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const match = /^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${fd}`));
      return match?.[1] === undefined ? [] : [match[1]];
    }),
  );
  return ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && held.has(fields[9] ?? ''))
      .map((fields) => fields[1] ?? ''),
  );
}

test('A02: without being told so nothing listens on a network (CVE-2025-9074)', { timeout: 600_000 }, async () => {
  const spawned = await SpawnedFakes.start();
  try {
    assert.deepEqual(listening(spawned.pid), []);
  } finally {
    await spawned.close();
  }
});

test('A02 twin: a listener on TCP is seen, and warned of', async () => {
  const served = await serveFakes({ listeners: [{ host: '127.0.0.1', port: 0 }] });
  try {
    assert.equal(listening(process.pid).length, 1);
    assert.match(served.server.warnings.join(), /API is accessible on http:\/\/127.0.0.1:\d+ without encryption/);
  } finally {
    await served.close();
  }
});

test('A02: over TCP web pages and names that are not ours are refused; over the unix socket, the twin, nobody asks', async () => {
  const served = await serveFakes({ listeners: [{ host: '127.0.0.1', port: 0 }] });
  const port = Number(/:(\d+)$/.exec(served.server.addresses[1] ?? '')?.[1]);
  const status = async (at: string | { host: string; port: number }, headers: string): Promise<number> => {
    const raw = new RawConnection(at);
    raw.send(`GET /v1.50/info HTTP/1.1\r\n${headers}\r\n\r\n`);
    await raw.until((one) => one.status > 0, 'an answer');
    raw.close();
    return raw.status;
  };
  const tcp = { host: '127.0.0.1', port };
  try {
    for (const foreign of [
      'Host: evil.example',
      `Host: evil.example:${port}`,
      'Host: 127.0.0.1\r\nOrigin: http://127.0.0.1',
      'Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site',
      'Host: 127.0.0.1.evil.example',
    ]) {
      assert.equal(await status(tcp, foreign), 403, foreign);
      assert.equal(await status(served.socket, foreign), 200, `the twin: ${foreign}`);
    }
    for (const own of [`Host: 127.0.0.1:${port}`, 'Host: localhost', 'Host: [::1]:2375', `Host: ${hostname()}:${port}`])
      assert.equal(await status(tcp, own), 200, own);
  } finally {
    await served.close();
  }
});
