/** What learners and machines do to the real program: engine, lab host and view together, in a sandbox. Needs root. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { pidsOf, RealApp, type RealOptions, sleep } from './real-app.js';

const quantile = (values: number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;

async function start(t: TestContext, args: readonly string[], options: RealOptions = {}): Promise<RealApp> {
  const app = new RealApp(args, options);
  t.after(() => app.end());
  return app;
}

/** The only process of a kind. */
function only(part: string): number {
  const pids = pidsOf(part);
  assert.equal(pids.length, 1, `one ${part}: ${pids}`);
  return pids[0]!;
}

if (!inSandbox) {
  test(
    'the real program and those who break it, in a sandbox',
    {
      skip: isRoot ? false : 'needs root',
      timeout: 600_000,
    },
    () => rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  const before = machineState();
  const home = mkdtempSync(join(tmpdir(), 'glassbox-home-'));
  after(() => rmSync(home, { recursive: true, force: true }));

  test('a learner breaks the lab from inside: the view lives, and a new lab is one answer away', {
    timeout: 600_000,
  }, async (t) => {
    const app = await (await start(t, ['play'])).ready();
    const picture = (): string => app.rows.slice(0, 17).join('\n');

    // From `ip link add` done, by the lab's clock, to the changed cells.
    const lags: number[] = [];
    for (let n = 1; n <= 15; n++) {
      app.type(`clear; ip link add gx${n} type bridge; echo T"$EPOCHREALTIME"\r`);
      await app.until(() => picture().includes(`gx${n} `), `gx${n} in the picture`);
      const seen = Date.now();
      await app.until((text) => /T\d{10}[.,]\d{6}/.test(text), 'the time');
      lags.push(seen - Number(/T(\d{10}[.,]\d{6})/.exec(app.text)![1]!.replace(',', '.')) * 1000);
    }
    console.log(
      `kernel change to picture: p50 ${quantile(lags, 0.5).toFixed(0)} ms, p95 ${quantile(lags, 0.95).toFixed(0)} ms`,
    );
    assert.ok(quantile(lags, 0.95) < 1000, `p95 of ${lags.map((lag) => lag.toFixed(0))}`);

    await app.run(
      'clear; for n in $(seq 15); do ip link del gx$n; done; ip link add bridge7 type bridge; echo mad""e',
      'made',
    );
    await app.until(() => picture().includes('bridge7'), 'the bridge');
    await app.run('ip link del bridge7; echo wit""hout', 'without');
    await app.until(() => !picture().includes('bridge7') || picture().includes('gone'), 'no bridge');

    await app.run('kill -9 1; kill -TERM 1; echo ali""ve', 'alive');
    await app.run('fallocate -l 1T /tmp/full; echo fil""led', 'filled');
    assert.match(app.text, /No space left on device/);
    await app.run('clear; rm -f /tmp/full; echo x > /tmp/x && echo roo""my', 'roomy');
    await app.run('clear; ulimit -n 16; for i in $(seq 40); do sleep 100 & done; echo spa""wned', 'spawned');

    // While it is still at it.
    app.type('clear; rm -rf --no-preserve-root / 2>/dev/null; echo go""ne\r');
    await sleep(3000);
    assert.ok(app.fullScreen);
    app.type('\x07:');
    await app.until((text) => text.includes('Commands'), 'the palette');
    app.type('throw');
    await app.until((text) => /› throw the lab away/.test(text), 'the command');
    app.type('\r');
    await app.until((text) => text.includes('Throw this lab away?'), 'the question');
    app.type('\r');
    const took = await app.until((text) => text.includes('a new lab is ready'), 'the new lab');
    await app.until((text) => /glassbox:~# *(┃|│|\n)/.test(text), 'its prompt');
    console.log(`reset while rm -rf / was at work: ${took.toFixed(0)} ms`);
    await app.run('ls /usr/bin/env; ls / | wc -l; echo who""le', 'whole');
    assert.match(app.text, /\/usr\/bin\/env/);

    app.type('\x07q');
    await app.until((text) => text.includes('Leave the lab?'), 'the question');
    app.type('\r');
    assert.equal(await app.pty.exited, 0);
    assert.equal(app.fullScreen, false, 'the terminal is restored');
    await app.end();
    assert.deepEqual(await leaksSince(before), []);
  });

  test('kill -9 of pid 1 of the lab from outside: a clear message, a new lab, the progress is there', {
    timeout: 600_000,
  }, async (t) => {
    const app = await (await start(t, ['learn', 'uts-hostname'], { columns: 80, rows: 24, home })).ready();
    await app.until((text) => /Call this host (\w+)/.test(text), 'the task');
    const name = /Call this host (\w+)/.exec(app.text)![1]!;
    app.type(`hostname ${name}\r`);
    await app.until((text) => text.includes('Ctrl-G n leads on'), 'the end of the step');
    app.type('\x07n');
    await app.until((text) => /Lesson 2\/\d+/.test(text), 'the second step');
    process.kill(only('glassbox-init'), 'SIGKILL');
    await app.until((text) => text.includes('its pid 1 was killed from outside'), 'the message');
    await app.until((text) => !text.includes('building a new lab') && /lab:~# *\n/.test(text), 'another lab');
    assert.match(app.text, /Lesson 2\/\d+/);
    app.type('\x072');
    // What is typed while the new lab is being built is typed to nobody.
    for (let tries = 0; tries < 10 && !app.text.includes('here'); tries++) {
      app.type('hostname; echo her""e\r');
      await sleep(1000);
    }
    assert.ok(app.text.includes(name), 'the state of the step was rebuilt');

    // What the lesson's checks do in the lab is not what the learner did.
    app.type('\x074');
    await sleep(3500);
    assert.doesNotMatch(app.text, /you .*CLONE_NEWNET/);

    await app.end();
    assert.deepEqual(await leaksSince(before), []);
  });

  test('kill -9 of the engine under the view: said clearly, the terminal restored, the lesson resumes', {
    timeout: 600_000,
  }, async (t) => {
    const app = await (await start(t, ['learn', 'uts-hostname'], { columns: 80, rows: 24, home })).ready();
    assert.match(app.text, /Lesson 2\/\d+/, 'resumed after kill -9');
    process.kill(only('daemon.'), 'SIGKILL');
    assert.equal(await app.pty.exited, 1);
    assert.match(app.text, /glassbox: the engine has ended, .*Start again/s);
    assert.doesNotMatch(app.text, /internal error| at /);
    assert.equal(app.fullScreen, false);
    await app.end();
    assert.deepEqual(await leaksSince(before), []);
  });

  test('kill -HUP of the view: the lab goes with it', { timeout: 600_000 }, async (t) => {
    const app = await start(t, ['play'], { columns: 20, rows: 6, env: { LANG: 'C', NO_COLOR: '1' } });
    await app.until((text) => text.replace(/\s/g, '').includes('terminaltoosmall'), 'the message');
    app.resize(80, 24);
    await app.ready();
    app.type('sleep 1234 &\r');
    await app.until((text) => /\[1\] \d+/.test(text), 'a job');
    assert.doesNotMatch(app.written, /\x1b\[[0-9;]*(3[0-7]|[34]8)[;m]/, 'no colour');
    assert.match(app.text, /▶ 2 Shell ━/, 'LANG=C says nothing of the terminal');
    process.kill(await app.pty.pid, 'SIGHUP');
    assert.notEqual(await app.pty.exited, 0);
    assert.equal(app.fullScreen, false, 'the terminal is restored');
    await app.end();
    assert.deepEqual(pidsOf('sleep\x001234'), []);
    assert.deepEqual(await leaksSince(before), []);
  });
}
