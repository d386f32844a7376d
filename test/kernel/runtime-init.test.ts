/** Pid 1 of `--init`, and hooks: what they are given, in which order they run, what their failure means. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, it, test } from 'node:test';
import type { SpecHook, SpecHooks, SpecProcess } from '../../engine/runtime/spec/types.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { AREA, boxed, groupsOf, openBox, run, STATE, said, until } from './runtime-box.js';

if (!inSandbox) {
  test('the reaper and hooks, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('inside', declare);
}

const LOG = `${AREA}/rootfs/tmp/log`;

/** A hook that writes its kind and its standard input to a log, which the container and the machine see at different places. */
function hook(kind: string, log = LOG, end = 'exit 0'): SpecHook {
  const line = `read -r state; echo "${kind} $state" >> ${log}; ${end}`;
  return { path: '/bin/sh', args: ['sh', '-c', line], env: ['PATH=/bin:/usr/bin', `KIND=${kind}`], timeout: 20 };
}

function declare(): void {
  const warnings: string[] = [];
  const runtime = openBox({ warn: (message) => void warnings.push(message) });
  afterEach(() => rmSync(LOG, { force: true }));

  for (const [line, code] of [
    ['exit 0', 0],
    ['exit 3', 3],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ] as const)
    it(`pid 1 ends as its child does: ${line}`, async () => {
      const process = await run(runtime, boxed('ends', line, { init: true }));
      assert.equal(await process.wait(), code);
      await runtime.delete('ends');
      process.dispose();
    });

  it('it reaps orphans, and is not the program itself', async () => {
    const gone =
      'n=0; while [ $n -lt 200 ]; do case $(ps -o comm) in *sleep*) sleep 0.05; n=$((n+1));; *) n=200;; esac; done';
    const line = `(sleep 0.1 &); (sleep 0.1 &); ${gone}; ps -o pid,stat,comm; echo self $$; exit 0`;
    const process = await run(runtime, boxed('orphans', line, { init: true }));
    assert.equal(await process.wait(), 0);
    const text = said();
    assert.match(text, /^ +1 S +docker-init$/m);
    assert.doesNotMatch(text, / Z /, text);
    assert.doesNotMatch(text, /sleep/, text);
    assert.match(text, /self [2-9]/);
    await runtime.delete('orphans');
    process.dispose();
  });

  it('it is a file of the container, which only reads it and finds no environment in it', async () => {
    const line = 'ls -l /sbin/docker-init; grep -c hid""den /sbin/docker-init; echo x >/sbin/docker-init';
    const spec = boxed('seen', line, { init: true });
    const env = [...(spec.spec.process?.env ?? []), 'SECRET=hidden'];
    const process = await run(runtime, {
      ...spec,
      spec: { ...spec.spec, process: { ...(spec.spec.process as SpecProcess), env } },
    });
    assert.equal(await process.wait(), 1);
    assert.match(said(), /^-rwxr-xr-x [^\n]*\n0\n[^\n]*Read-only file system\n$/);
    await runtime.delete('seen');
    process.dispose();
  });

  for (const [name, signal] of [
    ['TERM', 15],
    ['HUP', 1],
    ['USR1', 10],
    ['WINCH', 28],
  ] as const)
    it(`it passes ${name} on`, async () => {
      const line = `trap 'echo got ${name}; exit 42' ${name}; echo ready; while :; do sleep 0.05; done`;
      const process = await run(runtime, boxed('signals', line, { init: true }));
      let text = '';
      await until('the trap is set', () => {
        text += said();
        return text.includes('ready');
      });
      await runtime.kill('signals', signal);
      assert.equal(await process.wait(), 42);
      assert.equal(text + said(), `ready\ngot ${name}\n`);
      await runtime.delete('signals');
      process.dispose();
    });

  it('what cannot be executed is an error of create, with pid 1 of ours too', async () => {
    await assert.rejects(
      runtime.create(boxed('missing', ['/bin/not-there'], { init: true })),
      /exec: "\/bin\/not-there": stat \/bin\/not-there: no such file or directory/,
    );
    assert.deepEqual(groupsOf('missing'), []);
  });

  it('hooks run in the order of the specification, each with the state of its moment', async () => {
    const inside = '/tmp/log';
    const hooks: SpecHooks = {
      prestart: [hook('prestart')],
      createRuntime: [hook('createRuntime'), hook('createRuntime2')],
      createContainer: [hook('createContainer')],
      startContainer: [hook('startContainer', inside)],
      poststart: [hook('poststart')],
      poststop: [hook('poststop')],
    };
    const process = await runtime.create(boxed('hooks', `echo program >> ${inside}; exec sleep 1000`, { hooks }));
    const log = (): string[] => (existsSync(LOG) ? readFileSync(LOG, 'utf8').trim().split('\n') : []);
    const kinds = (): string[] => log().map((line) => line.split(' ')[0] ?? '');
    assert.deepEqual(kinds(), ['prestart', 'createRuntime', 'createRuntime2', 'createContainer']);
    await runtime.start('hooks');
    await until('the program has begun', () => kinds().includes('program'));
    const [pid] = [process.pid];
    await runtime.delete('hooks', { force: true });
    const order = kinds();
    assert.ok(order.indexOf('startContainer') < order.indexOf('program'), order.join());
    assert.ok(order.indexOf('startContainer') < order.indexOf('poststart'), order.join());
    assert.equal(order.at(-1), 'poststop');
    assert.equal(order.length, 8);
    const states = new Map(
      log()
        .filter((line) => line.includes('{'))
        .map((line) => [line.slice(0, line.indexOf(' ')), JSON.parse(line.slice(line.indexOf('{'))) as unknown]),
    );
    for (const [kind, state] of states) {
      const seen = state as { id: string; bundle: string; pid?: number; status: string; ociVersion: string };
      assert.deepEqual([seen.id, seen.bundle], ['hooks', AREA], kind);
      assert.match(seen.ociVersion, /^1\./, kind);
      if (['prestart', 'createRuntime', 'createRuntime2', 'poststart'].includes(kind))
        assert.equal(seen.pid, pid, kind);
    }
    const statusOf = (kind: string): unknown => (states.get(kind) as { status: string }).status;
    assert.equal(statusOf('createRuntime'), 'creating');
    assert.equal(statusOf('poststop'), 'stopped');
    assert.match(String(statusOf('startContainer')), /^creat(ed|ing)$/);
    process.dispose();
  });

  for (const kind of ['prestart', 'createRuntime', 'createContainer'] as const)
    it(`a ${kind} hook that fails ends the creation, and nothing is left`, async () => {
      const created = runtime.create(boxed('fails', 'exit 0', { hooks: { [kind]: [hook(kind, LOG, 'exit 4')] } }));
      await assert.rejects(created, /error running hook #0/);
      assert.deepEqual([readdirSync(STATE), groupsOf('fails')], [[], []]);
    });

  it('after a creation that failed the same id can be used at once: who stood by for it has nothing to remove', async () => {
    const broken = { hooks: { createContainer: [hook('createContainer', LOG, 'exit 4')] } };
    for (let n = 0; n < 15; n++) {
      await assert.rejects(
        runtime.create(boxed('again', 'exit 0', broken)),
        /hook #0: .* it did not exit with status 0/,
      );
      const process = await run(runtime, boxed('again', 'exit 8'));
      assert.equal(await process.wait(), 8);
      await runtime.delete('again');
      process.dispose();
    }
  });

  it('a hook that takes too long is ended', async () => {
    const late = { ...hook('createRuntime', LOG, 'exec sleep 1000'), timeout: 1 };
    const begun = performance.now();
    await assert.rejects(
      runtime.create(boxed('late', 'exit 0', { hooks: { createRuntime: [late] } })),
      /specified timeout/,
    );
    assert.ok(performance.now() - begun < 60_000, 'it was waited for');
  });

  it('a poststop hook that fails is told, and the container is gone all the same', async () => {
    warnings.length = 0;
    const options = boxed('told', 'exit 0', { hooks: { poststop: [hook('poststop', LOG, 'exit 5')] } });
    const process = await run(runtime, options);
    assert.equal(await process.wait(), 0);
    await runtime.delete('told');
    assert.deepEqual(runtime.list(), []);
    assert.match(warnings.join('\n'), /error running hook #0.*exit status 5/s);
    process.dispose();
  });

  it('a hook that does not read its state is no failure', async () => {
    writeFileSync(LOG, '');
    const deaf: SpecHook = { path: '/bin/true', args: ['true'], env: [], timeout: 5 };
    const hooks = {
      createRuntime: [deaf],
      createContainer: [deaf],
      startContainer: [deaf],
      poststart: [deaf],
      poststop: [deaf],
    };
    const process = await run(runtime, boxed('deaf', 'exit 6', { hooks }));
    assert.equal(await process.wait(), 6);
    await runtime.delete('deaf');
    process.dispose();
  });
}
