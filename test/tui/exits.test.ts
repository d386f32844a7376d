/** Every way out of the view, and every kind of terminal, with the view as a program of its own on a pseudo-terminal. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import addonUnicode11 from '@xterm/addon-unicode11';
import xterm, { type Terminal } from '@xterm/headless';
import { openPty, type Pty } from '../helpers/pty.js';

const APP = fileURLToPath(new URL('./fixtures/app.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WAIT_MS = 45_000;

interface Program {
  readonly pty: Pty;
  readonly terminal: Terminal;
  output: string;
  text(): string;
  until(condition: (program: Program) => boolean, what: string): Promise<void>;
}

/** Start the view; `shell` wraps it, to redirect its standard error for example. */
function start(
  t: { after(work: () => void): void },
  env: Record<string, string | undefined>,
  wrap = 'exec "$@"',
): Program {
  const base: Record<string, string | undefined> = { ...process.env, TERM: 'xterm-256color', LANG: 'C.UTF-8', ...env };
  for (const name of ['NO_COLOR', 'COLORTERM', 'TMUX', 'LC_ALL', 'LC_CTYPE', 'FORCE_COLOR'])
    if (!(name in env)) delete base[name];
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete base[name];
  const argv = ['bash', '-c', wrap, 'sh', process.execPath, '--import', 'tsx', APP];
  const pty = openPty(argv, { columns: 100, rows: 32, env: base as NodeJS.ProcessEnv, cwd: ROOT });
  const terminal = new xterm.Terminal({ cols: 100, rows: 32, allowProposedApi: true });
  terminal.loadAddon(new addonUnicode11.Unicode11Addon());
  terminal.unicode.activeVersion = '11';
  t.after(() => pty.close());
  const program: Program = {
    pty,
    terminal,
    output: '',
    text: () => {
      const buffer = terminal.buffer.active;
      return Array.from(
        { length: 32 },
        (_, y) => buffer.getLine(buffer.viewportY + y)?.translateToString(true) ?? '',
      ).join('\n');
    },
    until: async (condition, what) => {
      const end = Date.now() + WAIT_MS;
      while (!condition(program)) {
        if (Date.now() > end) throw new Error(`waited in vain for ${what}:\n${program.text()}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
  };
  pty.onData((bytes) => {
    program.output += Buffer.from(bytes).toString('utf8');
    terminal.write(bytes);
  });
  return program;
}

function isRestored(program: Program): void {
  const { terminal, output } = program;
  assert.equal(terminal.buffer.active.type, 'normal', 'the normal screen is back');
  assert.equal(terminal.modes.mouseTrackingMode, 'none', 'no mouse reports');
  assert.equal(terminal.modes.bracketedPasteMode, false, 'no bracketed paste');
  assert.equal(terminal.modes.wraparoundMode, true, 'automatic margins');
  assert.ok(output.lastIndexOf('\x1b[?25h') > output.lastIndexOf('\x1b[?25l'), 'the cursor is visible');
  assert.ok(
    output.lastIndexOf('\x1b[?2026l') >= output.lastIndexOf('\x1b[?2026h'),
    'no synchronized output is left open',
  );
}

const plant = async (program: Program): Promise<unknown> => process.kill(await program.pty.pid, 'SIGUSR2');

const WAYS: Readonly<
  Record<
    string,
    { readonly status: number; readonly env?: Record<string, string>; act(program: Program): Promise<unknown> }
  >
> = {
  'the quit key': {
    status: 0,
    act: async (program) => {
      program.pty.write('\x07q');
      await program.until((p) => p.text().includes('Leave the lab?'), 'the question');
      program.pty.write('\r');
    },
  },
  SIGTERM: { status: 143, act: async (program) => process.kill(await program.pty.pid, 'SIGTERM') },
  SIGINT: { status: 130, act: async (program) => process.kill(await program.pty.pid, 'SIGINT') },
  SIGHUP: { status: 129, act: async (program) => process.kill(await program.pty.pid, 'SIGHUP') },
  SIGQUIT: { status: 131, act: async (program) => process.kill(await program.pty.pid, 'SIGQUIT') },
  'an exception that nobody catches': { status: 70, env: { APP_THROW: 'throw' }, act: plant },
  'a rejection that nobody handles': { status: 70, env: { APP_THROW: 'reject' }, act: plant },
};

for (const [name, way] of Object.entries(WAYS))
  test(`${name} restores the terminal and closes the lab`, { timeout: 600_000 }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'glassbox-exit-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const mark = join(directory, 'closed');
    // No core file from SIGQUIT.
    const program = start(t, { ...way.env, APP_CLEANUP: mark, APP_LESSON: '1' }, 'ulimit -c 0; exec "$@"');
    await program.until((p) => p.text().includes('lab$'), 'the prompt');
    assert.equal(program.terminal.buffer.active.type, 'alternate');
    await way.act(program);
    const status = await program.pty.exited;
    assert.equal(status, way.status);
    await new Promise<void>((resolve) => program.terminal.write('', resolve));
    isRestored(program);
    if (name !== 'the quit key') assert.equal(readFileSync(mark, 'utf8'), 'closed', 'the lab was closed');
    if (way.status === 70) assert.match(program.text(), /planted/, 'the reason is readable on the normal screen');
  });

test('a terminal that goes away ends the view, with the lab closed and no core', { timeout: 600_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'glassbox-exit-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const mark = join(directory, 'closed');
  const program = start(t, { APP_CLEANUP: mark });
  await program.until((p) => p.text().includes('lab$'), 'the prompt');
  program.pty.close();
  assert.equal(await program.pty.exited, 129);
  assert.ok(existsSync(mark));
});

test('suspend and resume: the terminal is given back meanwhile and drawn again', { timeout: 600_000 }, async (t) => {
  // An interactive shell with job control around it, as a person has it.
  const program = start(t, {}, 'set -m; "$@"; echo "stopped: $?"; read -r line; fg >/dev/null; echo "ended: $?"');
  await program.until((p) => p.text().includes('lab$'), 'the prompt');
  program.pty.write('\x07:suspend\r');
  await program.until((p) => p.text().includes('stopped: 147'), 'the outer shell');
  isRestored(program);
  program.pty.write('\r');
  await program.until(
    (p) => p.terminal.buffer.active.type === 'alternate' && p.text().includes('lab$') && p.text().includes('Ctrl-G'),
    'the view again',
  );
  program.pty.write('echo ali\x27\x27ve\r');
  await program.until((p) => p.text().includes('alive'), 'keys');
  program.pty.write('\x07q');
  await program.until((p) => p.text().includes('Leave'), 'the question');
  program.pty.write('\r');
  await program.until((p) => p.text().includes('ended: 0'), 'the end');
  isRestored(program);
});

const TERMS = [
  'xterm',
  'xterm-256color',
  'screen',
  'screen-256color',
  'tmux-256color',
  'alacritty',
  'foot',
  'xterm-kitty',
  'xterm-ghostty',
  'wezterm',
  'no-such-terminal',
  'rxvt-unicode-256color',
] as const;
const LANGS = [undefined, 'C', 'C.UTF-8'] as const;

for (const term of TERMS)
  test(`TERM=${term} with LANG unset, C and C.UTF-8: Chinese is shown, 256 colours or more, nothing on standard error`, {
    timeout: 600_000,
  }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'glassbox-term-'));
    t.after(() => rmSync(directory, { recursive: true }));
    for (const lang of LANGS) {
      const errors = join(directory, `err-${lang ?? 'unset'}`);
      const program = start(t, { TERM: term, LANG: lang, APP_LANG: 'zh', APP_LESSON: '1' }, `exec "$@" 2>'${errors}'`);
      await program.until((p) => p.text().includes('lab$'), 'the prompt');
      assert.match(program.text(), /命名空间把一个全局/);
      assert.match(program.text(), /[┏━]/);
      assert.match(program.output, /\x1b\[[0-9;]*[34]8;[25];/);
      process.kill(await program.pty.pid, 'SIGTERM');
      assert.equal(await program.pty.exited, 143);
      assert.equal(readFileSync(errors, 'utf8').replace(/^npm .*\n?/gm, ''), '');
    }
  });

test('TERM=linux uses sixteen colours, vt100 and NO_COLOR none', { timeout: 600_000 }, async (t) => {
  const colours = /\x1b\[[0-9;]*(?:[34]8;[25]|;3[0-7]|;4[0-7]|;9[0-7])/;
  for (const [env, check] of [
    [{ TERM: 'linux' }, (output: string) => assert.equal(/\x1b\[[0-9;]*[34]8;[25];/.test(output), false)],
    [{ TERM: 'vt100' }, (output: string) => assert.equal(colours.test(output) || /[^\x00-\x7f]/.test(output), false)],
    [{ NO_COLOR: '1' }, (output: string) => assert.equal(colours.test(output), false)],
  ] as const) {
    const program = start(t, { ...env, APP_LESSON: '1' });
    await program.until((p) => p.text().includes('lab$'), 'the prompt');
    program.pty.write('printf "\\033[31mred\\033[38;2;9;8;7mtrue\\033[m"\r');
    await program.until((p) => p.text().includes('redtrue'), 'output');
    check(program.output);
    assert.match(program.text(), /Lesson/);
    process.kill(await program.pty.pid, 'SIGTERM');
    await program.pty.exited;
  }
});

test('TERM=dumb and no TERM: one clear sentence, nothing drawn', { timeout: 600_000 }, async (t) => {
  for (const term of ['dumb', undefined]) {
    const program = start(t, { TERM: term });
    assert.notEqual(await program.pty.exited, 0);
    assert.match(program.output, /--plain/);
    assert.equal(program.output.includes('\x1b['), false);
  }
});
