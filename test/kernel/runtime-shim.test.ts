/** Containers whose maker is gone: the shim that stays, the stand-by that removes, and pids that were given again. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, it, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { check, realKernel } from '../../engine/kernel/kernel.js';
import { AttachedRegion } from '../../engine/kernel/program/attached.js';
import { readExit } from '../../engine/runtime/container-process.js';
import { EXIT_FILE, REGION_FILE, StateDir } from '../../engine/runtime/state-dir.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { AREA, boxed, groupsOf, openBox, processes, run, STATE, said, streams, until } from './runtime-box.js';

if (!inSandbox) {
  test('containers whose maker is gone, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('without their maker', declare);
}

const BOX = fileURLToPath(new URL('./runtime-box.ts', import.meta.url));

/** A process of its own that makes a container, says so, and waits to be killed. */
function maker(id: string, line: string, then: string, box = '{}', runtime = '{}'): ChildProcess {
  const script = `
    import { boxed, newRuntime, run } from ${JSON.stringify(BOX)};
    const say = (text) => process.stdout.write(text + '\\n');
    const stop = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    const runtime = newRuntime(${runtime});
    const options = boxed(${JSON.stringify(id)}, ${JSON.stringify(line)}, ${box});
    ${then}
    say('done');
    setInterval(() => undefined, 1000);`;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Wait until it has said a word, then kill it as nobody can prevent. */
async function killAt(child: ChildProcess, word: string): Promise<void> {
  let text = '';
  child.stdout?.on('data', (data: Buffer) => {
    text += String(data);
  });
  await until(`the maker says ${word}`, () => text.includes(`${word}\n`) || child.exitCode !== null, 30_000);
  assert.equal(child.exitCode, null, `the maker ended by itself: ${text}`);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function declare(): void {
  const runtime = openBox();
  const shims = (): string[] => [...processes().values()].filter((line) => line.startsWith('glassbox-shim'));
  const zombies = (): string[] => [...processes().values()].filter((line) => line.endsWith(' Z'));

  for (const [end, code] of [
    ['exit 3', 3],
    ['kill -SEGV $$; exit 4', 4],
    ['sleep 1000', 137],
  ] as const)
    it(`the shim writes down how '${end}' ended, though its maker was killed`, async () => {
      const told = `${AREA}/rootfs/tmp/told`;
      rmSync(told, { force: true });
      const line = `until [ -e /tmp/told ]; do sleep 0.05; done; ${end}`;
      const child = maker('kept', line, 'await run(runtime, options);', '{ shim: true }');
      await killAt(child, 'done');
      assert.equal(runtime.state('kept').status, 'running');
      assert.deepEqual(shims(), ['glassbox-shim S']);
      writeFileSync(told, '');
      if (code === 137) await runtime.kill('kept', 9);
      await until('it has ended', () => runtime.state('kept').status === 'stopped');
      await until('the shim has ended', () => shims().length === 0);
      const exit = openSync(new StateDir(STATE, 'kept').file(EXIT_FILE), 'r');
      assert.equal(readExit(exit), code);
      closeSync(exit);
      await until('no zombie is left', () => zombies().length === 0);
      await runtime.delete('kept');
      assert.deepEqual(groupsOf('kept'), []);
    });

  it('an orphan that ends is not taken for the container', async () => {
    const process = await run(runtime, boxed('orphans', '(sleep 0.2 &) ; sleep 0.7; exit 9', { shim: true }));
    assert.equal(await process.wait(), 9);
    await runtime.delete('orphans');
    process.dispose();
    await until('nothing is left', () => shims().length + zombies().length === 0);
  });

  it('whoever waits learns the exit code although the container is deleted meanwhile', async () => {
    const process = await run(runtime, boxed('deleted', 'exec sleep 1000', { shim: true }));
    const waiting = process.wait();
    await runtime.delete('deleted', { force: true });
    assert.equal(await waiting, 137);
    process.dispose();
    await until('the shim has ended', () => shims().length === 0);
  });

  it("the shim hands its terminal's master to who asks, and bytes flow both ways", async () => {
    const line = 'stty -echo; tty; read word; echo got $word; stty size; exec sleep 1000';
    const child = maker(
      'terminal',
      line,
      'await run(runtime, options);',
      "{ shim: true, terminal: true, console: { kind: 'shim' } }",
    );
    await killAt(child, 'done');
    const dir = new StateDir(STATE, 'terminal');
    const { masterAt, shim } = dir.read();
    assert.ok(masterAt !== null && shim !== null, 'a shim with a terminal is known by both');
    const region = new AttachedRegion(dir.file(REGION_FILE));
    const number = region.readWord(masterAt);
    region.close();
    assert.match(readlinkSync(`/proc/${shim.pid}/fd/${number}`), /ptmx$/);
    const pidfd = check(realKernel, 'pidfd_open', [shim.pid, 0]);
    const master = check(realKernel, 'pidfd_getfd', [pidfd, number, 0]);
    closeSync(pidfd);
    try {
      const size = Buffer.alloc(8);
      size.writeUInt16LE(33, 0);
      size.writeUInt16LE(99, 2);
      check(realKernel, 'ioctl', [master, 0x5414, size]);
      const read = (): string => {
        const bytes = Buffer.alloc(4096);
        return bytes.toString('utf8', 0, readSync(master, bytes));
      };
      let text = read();
      writeSync(master, 'hello\n');
      while (!text.includes('33 99')) text += read();
      assert.equal(
        text.replaceAll('\r', ''),
        '/dev/console\ngot hello\n33 99\n'.replace('/dev/console', text.split('\r')[0] ?? ''),
      );
      assert.match(text, /^\/dev\/(console|pts\/0)\r\n/);
    } finally {
      closeSync(master);
    }
    await runtime.delete('terminal', { force: true });
  });

  it('a maker that is killed in the middle leaves nothing, and its id is free again', async () => {
    for (const step of ['clone', 'created']) {
      const at = `{ at: (step) => { if (step === '${step}') { say('there'); stop(); } } }`;
      await killAt(maker('half', 'exit 0', 'await runtime.create(options);', '{}', at), 'there');
      // once it is complete who stands by must have removed it: to whoever asks before, it is a container that has stopped
      if (step === 'created') await until('it is removed', () => !existsSync(`${STATE}/half`));
      const process = await run(runtime, boxed('half', 'exit 5'));
      assert.equal(await process.wait(), 5);
      await runtime.delete('half');
      process.dispose();
      assert.deepEqual(groupsOf('half'), []);
      await until('no process is left', () => ![...processes().values()].some((name) => name.startsWith('glassbox')));
    }
  });

  it('whoever uses the id right after its maker was killed is not undone by who stood by for that one', async () => {
    const mark = `${AREA}/hooked`;
    const told = `${AREA}/told`;
    const line = `touch ${mark}; until [ -e ${told} ]; do sleep 0.05; done`;
    const slow = `{ hooks: { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', '${line}'], env: ['PATH=/bin:/usr/bin'] }] } }`;
    for (let n = 0; n < 3; n++) {
      rmSync(mark, { force: true });
      const child = maker('again', 'exit 0', 'await runtime.create(options);', slow);
      await until('its hook runs', () => existsSync(mark), 30_000);
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      const process = await run(runtime, boxed('again', 'sleep 0.2; exit 6'));
      assert.equal(await process.wait(), 6);
      assert.equal(runtime.state('again').status, 'stopped');
      await runtime.delete('again');
      process.dispose();
    }
    writeFileSync(told, '');
    await until(
      'no hook is left',
      () => ![...processes()].some(([pid, name]) => pid !== 1 && /^(sh|sleep) /.test(name)),
    );
  });

  it('a pid that was given again is nobody of ours: it is neither signalled nor entered', async () => {
    const process = await run(runtime, boxed('reused', 'exec sleep 1000', { shim: true }));
    const { pid } = process;
    await runtime.kill('reused', 9);
    assert.equal(await process.wait(), 137);
    process.dispose();
    await until('its number is free', () => !existsSync(`/proc/${pid}`));
    const stranger = await withPid(pid);
    try {
      assert.equal(runtime.state('reused').status, 'stopped');
      await assert.rejects(runtime.kill('reused', 9), /container not running/);
      await assert.rejects(runtime.pause('reused'), /container not running/);
      await assert.rejects(
        runtime.exec({ id: 'reused', stdio: streams(), process: boxed('x', 'exit 0').spec.process as never }),
        /cannot exec in a stopped container/,
      );
      await runtime.delete('reused', { force: true });
      assert.match(processes().get(pid) ?? 'gone', /^sleep [RSD]/, 'the stranger must live on');
    } finally {
      stranger.kill('SIGKILL');
      await new Promise((resolve) => stranger.once('exit', resolve));
    }
    assert.equal(said(), '');
  });
}

/** A process with just this pid: the next number is written where the kernel takes it from. proc(5), ns_last_pid */
async function withPid(pid: number): Promise<ChildProcess> {
  for (let tries = 0; tries < 50; tries++) {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    if (child.pid === pid) {
      await until('it sleeps', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
      return child;
    }
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  return assert.fail(`no process was given the pid ${pid}`);
}
