import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Bilingual, HeldRecord } from '../../engine/api/types.js';
import { EngineHttp } from '../../src/engine-client/http.js';
import { spawnEngine } from '../../src/engine-client/spawn.js';
import { connectEngine, hasCode } from '../../src/engine-client.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** One raw request: status and body. */
function raw(socketPath: string, method: string, path: string, body = ''): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath, method, path: `/glassbox/v1${path}`, headers: { 'content-length': Buffer.byteLength(body) } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

if (!inSandbox) {
  test('the engine process and its API, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  machineState();

  test("the socket is the owner's alone, and what is not a request is answered as one", async () => {
    const before = machineState();
    const engine = await spawnEngine({ passStdio: false });
    try {
      assert.equal(statSync(engine.socketPath).mode & 0o777, 0o600);
      assert.equal(statSync(join(engine.socketPath, '..')).mode & 0o777, 0o700);
      assert.equal(
        readFileSync('/proc/net/unix', 'utf8')
          .split('\n')
          .filter((line) => line.includes('@glassbox')).length,
        0,
        'no abstract socket',
      );
      for (const [method, path, body, status, code] of [
        ['GET', '/nowhere', '', 404, 'NotFound'],
        ['GET', '/labs/none/snapshot', '', 404, 'NotFound'],
        ['POST', '/labs', '{', 400, 'InvalidArgument'],
        ['POST', '/labs', '[]', 400, 'InvalidArgument'],
        ['POST', '/labs', '{"hostnane":"x"}', 400, 'InvalidArgument'],
        ['POST', '/labs', '{"__proto__":{"keep":"x"}}', 400, 'InvalidArgument'],
        ['POST', '/labs', '{"hostname":"a b"}', 400, 'InvalidArgument'],
        ['POST', '/labs', '{"keep":"../x"}', 400, 'InvalidArgument'],
        ['POST', '/labs', '{"pidsMax":-1}', 400, 'InvalidArgument'],
      ] as const) {
        const answer = await raw(engine.socketPath, method, path, body);
        const value = JSON.parse(answer.body) as { code: string; message: string };
        assert.deepEqual([answer.status, value.code], [status, code], `${method} ${path} ${body}: ${answer.body}`);
        assert.match(value.message, /^[^A-Z].*[^.]$/, 'lower case, no full stop');
      }
      const http = new EngineHttp(engine.socketPath);
      const lab = await http.json<{ id: string }>('POST', '/labs', {});
      for (const body of [
        { argv: [] },
        { argv: ['a\0b'] },
        { argv: 'true' },
        { argv: ['true'], env: { 'A=B': 'x' } },
        { argv: ['true'], timeoutMs: 0 },
      ]) {
        await assert.rejects(http.json('POST', `/labs/${lab.id}/exec`, body), (error: unknown) =>
          hasCode(error, 'InvalidArgument'),
        );
      }
    } finally {
      await engine.close();
    }
    assert.deepEqual(await leaksSince(before), []);
  });

  test('a start is stepped record by record, run on, or stopped with nothing left', { timeout: 600_000 }, async () => {
    const before = machineState();
    const engine = await connectEngine();
    try {
      assert.ok(engine.stepLab !== undefined, 'the engine can step');
      const seen: HeldRecord[] = [];
      const lab = await engine.stepLab({}, (held) => {
        seen.push(held);
        return Promise.resolve('next');
      });
      assert.equal((await lab.exec({ argv: ['hostname'] })).stdout, 'glassbox\n');
      assert.ok(seen.length > 80, `${seen.length} records were stepped`);
      assert.ok(
        seen.every(({ record }) => record.state === 'held'),
        'each was held when it was shown',
      );
      assert.ok(
        seen.slice(1).every(({ previous }) => previous?.state === 'done'),
        'the one before had been issued',
      );
      assert.deepEqual(
        seen.map(({ record }) => record.index),
        [...seen.map(({ record }) => record.index)].sort((a, b) => a - b),
      );
      await lab.close();

      let asked = 0;
      const fast = await engine.stepLab({}, () => Promise.resolve(++asked < 5 ? 'next' : 'run'));
      assert.equal(asked, 5);
      await fast.close();

      for (const stopAt of [1, 4, 20, 60]) {
        let n = 0;
        await assert.rejects(
          engine.stepLab({}, () => Promise.resolve(++n < stopAt ? 'next' : 'stop')),
          (error: unknown) => hasCode(error, 'Aborted'),
        );
      }
    } finally {
      await engine.close();
    }
    assert.deepEqual(await leaksSince(before), []);
  });

  test("the ledger tells the engine's records, then what the learner did, with commands", async () => {
    const engine = await connectEngine();
    try {
      const lab = await engine.createLab();
      const heard: string[] = [];
      lab.watchLedger(({ act }) => heard.push(act));
      await lab.snapshot();
      await lab.exec({ argv: ['ip', 'link', 'add', 'br0', 'type', 'bridge'] });
      await until(async () =>
        (await lab.ledger()).some(
          ({ actor, command }) => actor === 'learner' && command === 'ip link add br0 type bridge',
        ),
      );
      await until(() => Promise.resolve(heard.some((act) => act.includes('br0'))));
      const entries = await lab.ledger();
      assert.deepEqual(
        entries.map(({ seq }) => seq),
        entries.map((_, n) => n + 1),
      );
      assert.ok(
        entries.some(({ act }) => act.startsWith('pivot_root')),
        'the birth is in it',
      );
      assert.ok(
        entries.some(({ act }) => act.includes('uid_map')),
        'the maps are in it',
      );
      for (const { explanation, act } of entries)
        assert.ok(explanation.en !== '' && /\p{Script=Han}/u.test(explanation.zh), act);
    } finally {
      await engine.close();
    }
  });

  test('a lab whose pid 1 is killed says so once; the engine makes another; reset takes under a second', async () => {
    const before = machineState();
    const engine = await connectEngine();
    try {
      const lab = await engine.createLab();
      const reasons: Bilingual[] = [];
      lab.onGone((reason) => reasons.push(reason));
      await lab.snapshot();
      process.kill(lab.info.initHostPid, 'SIGKILL');
      await until(() => Promise.resolve(reasons.length > 0));
      assert.match(reasons[0]?.en ?? '', /pid 1 was killed/);
      await assert.rejects(lab.exec({ argv: ['true'] }), (error: unknown) => hasCode(error, 'NotFound'));
      const next = await engine.createLab();
      await next.exec({ argv: ['ip', 'link', 'add', 'br0', 'type', 'bridge'] });
      const fresh = await next.reset();
      assert.equal((await fresh.exec({ argv: ['sh', '-c', 'ls /sys/class/net'] })).stdout, 'lo\n');
      assert.equal(reasons.length, 1);
    } finally {
      await engine.close();
    }
    assert.deepEqual(await leaksSince(before), []);
  });

  test('an engine whose starter is gone ends by itself', async () => {
    const before = machineState();
    const engine = await spawnEngine({ passStdio: false });
    await new EngineHttp(engine.socketPath).json('POST', '/labs', {});
    (engine.child.stdio[3] as { destroy(): void }).destroy();
    assert.equal(await engine.exited, 0);
    assert.ok(!readdirSync('/run').includes('glassbox'), '/run/glassbox is gone');
    assert.deepEqual(await leaksSince(before), []);
  });
}

async function until(holds: () => Promise<boolean>, timeoutMs = 45_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) assert.fail('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
