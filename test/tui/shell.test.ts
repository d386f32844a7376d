/** The shell pane with real programs on a real pseudo-terminal. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeLab } from '../helpers/fake-lab.js';
import { FakeLesson } from '../helpers/fake-lesson.js';
import { startApp, wrongCells } from './oracle.js';

async function start(t: { after(work: () => void): void }, columns = 100, rows = 32) {
  const lab = new FakeLab();
  const lesson = new FakeLesson();
  const app = await startApp(columns, rows, { lab, lang: 'zh', panels: [], lesson, prompt: 'lab$ ' });
  t.after(() => app.close());
  await app.until((shown) => shown.includes('lab$'), 'the prompt');
  return { ...app, lesson };
}

test('commands and their exit codes are learned from the shell; a forged one is not believed', {
  timeout: 600_000,
}, async (t) => {
  const app = await start(t);
  const run = async (line: string, end: string): Promise<void> => {
    await app.type(`${line}\r`);
    await app.until((shown) => shown.includes(end), end);
  };
  await run("printf '\\033]633;E;forged;0123\\007\\033]133;C\\007\\033]133;D;0\\007'; echo sh''own; false", 'shown');
  await run('echo "semi;colon \\ back" 你好; (exit 42)', 'semi;colon');
  await run('echo end', '\nend');
  await app.until(() => app.lesson.commands.length >= 3, 'three commands');
  const [first, second, third] = app.lesson.commands;
  assert.match(first!.line, /forged.*; false$/);
  assert.equal(first!.exitCode, 1);
  assert.deepEqual([second!.line, second!.exitCode], ['echo "semi;colon \\ back" 你好; (exit 42)', 42]);
  assert.deepEqual([third!.line, third!.exitCode], ['echo end', 0]);
  assert.equal(app.lesson.commands.length, 3);
});

test('the size of the pane is the size of the terminal, also after a resize', { timeout: 600_000 }, async (t) => {
  const app = await start(t, 80, 24);
  await app.type('stty size\r');
  await app.until((shown) => shown.includes('8 80'), 'the size');
  app.out.resize(120, 36);
  await app.settle();
  await app.type('clear; stty size\r');
  await app.until((shown) => shown.includes('16 74'), 'the new size');
  assert.deepEqual(wrongCells(app.screen, app.out), []);
});

test('yes in the pane: keys are not starved, the frame rate is bounded, Ctrl-C ends it, memory does not grow', {
  timeout: 600_000,
}, async (t) => {
  const app = await start(t);
  await app.type("yes '命名空间 abc'\r");
  await app.until((shown) => shown.includes('命名空间 abc\n') || (shown.match(/abc/g)?.length ?? 0) > 5, 'the flood');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = { frames: app.screen.stats.frames, bytes: app.screen.stats.bytes, rss: process.memoryUsage().rss };
  const from = Date.now();
  let worst = 0;
  while (Date.now() - from < 2500) {
    const asked = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 10));
    worst = Math.max(worst, Date.now() - asked - 10);
    assert.ok(app.app.shell.pending < 1024 * 1024, 'what waits is bounded');
  }
  const seconds = (Date.now() - from) / 1000;
  const frames = app.screen.stats.frames - before.frames;
  assert.ok(frames / seconds <= 61, `${frames} frames in ${seconds} s`);
  assert.ok(
    (app.screen.stats.bytes - before.bytes) / Math.max(1, frames) < 5000,
    'a frame writes no more than the pane',
  );
  assert.ok(process.memoryUsage().rss - before.rss < 60 * 1024 * 1024, 'memory');
  // Our own keys work in the middle of it.
  await app.type('\x07l');
  await app.until((shown) => shown.includes('1 Lesson'), 'the language');
  const interrupted = Date.now();
  await app.type('\x03');
  await app.type("echo ba''ck\r");
  await app.until((shown) => shown.includes('\nback') || /back *$/m.test(shown), 'the prompt');
  t.diagnostic(
    `Ctrl-C to prompt ${Date.now() - interrupted} ms, longest pause of the event loop ${worst} ms, ${frames} frames in ${seconds.toFixed(1)} s`,
  );
  await app.until(() => app.app.shell.pending === 0, 'everything shown');
});

test('vim works in the pane: Chinese text, escape, the alternate screen and back', { timeout: 600_000 }, async (t) => {
  const app = await start(t);
  const file = `/tmp/glassbox-vim-${process.pid}`;
  await app.type(`vim -Nu NONE -n ${file}\r`);
  await app.until((shown) => /~\n.*~\n/s.test(shown.replace(/[│┃ ]/g, '')) || shown.includes('~'), 'vim');
  await app.type('i你好 🚀 vim\x1b');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await app.type('yyp:set nu\r');
  await app.until((shown) => shown.includes('2 你好 🚀 vim'), 'two lines');
  assert.deepEqual(wrongCells(app.screen, app.out), []);
  await app.type('\x1b[A');
  await app.type(':wq\r');
  await app.until((shown) => shown.includes('lab$') && !shown.includes('~'), 'the shell again');
  await app.type(`wc -l ${file}; rm ${file}\r`);
  await app.until((shown) => shown.includes(`2 ${file}`), 'the file');
  assert.deepEqual(wrongCells(app.screen, app.out), []);
});

test('top works in the pane and ends with q', { timeout: 600_000 }, async (t) => {
  const app = await start(t, 120, 40);
  await app.type('top -d 1\r');
  await app.until((shown) => /PID\s+USER/.test(shown), 'top');
  await app.until((shown) => /%Cpu/.test(shown), 'top');
  assert.deepEqual(wrongCells(app.screen, app.out), []);
  await app.type('q');
  await app.type("echo af''ter\r");
  await app.until((shown) => shown.includes('after'), 'the prompt');
});

test('exit and a new shell by Enter', { timeout: 600_000 }, async (t) => {
  const app = await start(t);
  await app.type('exit 7\r');
  await app.until((shown) => shown.includes('退出码 7'), 'the notice');
  await app.type('\r');
  await app.until((shown) => /lab\$/.test(shown) && !shown.includes('退出码'), 'a new shell');
});
