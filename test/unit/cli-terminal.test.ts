import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { runTrials } from '../../src/doctor/probe-script.js';
import { findProgram } from '../../src/doctor/programs.js';
import { loadConfig } from '../../src/i18n/config.js';
import { ROOT } from '../helpers/run-cli.js';

const bin = join(ROOT, 'bin', 'glassbox.mjs');
const trials = await runTrials({ ...process.env, LC_ALL: 'C' });
const noTerminal = findProgram('script', process.env) === null ? 'script(1) is not installed' : false;
const notBuilt = existsSync(join(ROOT, 'dist', 'src', 'cli', 'main.js'))
  ? false
  : 'dist is not built: run npm start -- --version';
const noLab = trials.started ? false : `no lab can be made here: ${trials.reason}`;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'glassbox-terminal-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

interface Terminal {
  readonly argv: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly size?: string;
  /** What is typed as soon as a text is on the screen, in order. */
  readonly talk: readonly (readonly [seen: string, typed: string])[];
}

/** Run `glassbox` on a terminal made by script(1), answering what it shows; resolves with all that it showed. */
function converse({
  argv,
  env = {},
  size = 'cols 80 rows 24',
  talk,
}: Terminal): Promise<{ code: number | null; shown: string }> {
  const command = `stty ${size}; exec '${process.execPath}' '${bin}' ${argv}`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, SHELL: '/bin/sh', TERM: 'xterm-256color', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 600_000,
    killSignal: 'SIGKILL',
  });
  let shown = '';
  let from = 0;
  const left = [...talk];
  child.stdout.on('data', (bytes: Buffer) => {
    shown += bytes.toString();
    for (let next = left[0]; next !== undefined; next = left[0]) {
      const at = shown.indexOf(next[0], from);
      if (at < 0) break;
      from = at + next[0].length;
      left.shift();
      child.stdin.write(next[1]);
    }
  });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      assert.deepEqual(left, [], `never shown; shown was ${JSON.stringify(shown)}`);
      resolve({ code, shown });
    });
  });
}

describe('the menu on a terminal', { skip: noTerminal || notBuilt }, () => {
  it('is a list with arrow keys; the language changes at once and is kept', async () => {
    const down = '\u001b[B';
    const { code, shown } = await converse({
      argv: '',
      talk: [
        ['What would you like to do?', `${down.repeat(4)}\r`],
        ['简体中文', `${down}\r`],
        ['想做什么', `${down.repeat(5)}\r`],
      ],
    });
    assert.equal(code, 0, shown);
    assert.equal(loadConfig({ HOME: home }).config.language, 'zh');
  });

  it('ends with 130 at Ctrl-C', async () => {
    assert.equal((await converse({ argv: '', talk: [['What would you like to do?', '\u0003']] })).code, 130);
  });

  it('is numbered lines where the cursor cannot be moved', async () => {
    const { code, shown } = await converse({
      argv: '',
      env: { TERM: 'dumb' },
      talk: [['number (empty: leave): ', '6\n']],
    });
    assert.equal(code, 0);
    assert.match(shown, / {2}1\. Learn - take a lesson/);
    assert.doesNotMatch(shown, /\u001b/);
  });

  it('opens with a damaged configuration, says so, and a new choice mends it', async () => {
    mkdirSync(join(home, '.config', 'glassbox'), { recursive: true });
    writeFileSync(join(home, '.config', 'glassbox', 'config.json'), '{"language": "z');
    const { shown } = await converse({
      argv: '--plain',
      talk: [
        ['leave): ', '5\n'],
        ['leave): ', '1\n'],
        ['leave): ', '6\n'],
      ],
    });
    assert.match(shown, /config\.json is damaged and was ignored/);
    assert.deepEqual(loadConfig({ HOME: home }), { config: { language: 'en' }, problem: null });
  });
});

describe('play on a terminal', { skip: noTerminal || notBuilt || noLab }, () => {
  it('says that a window of 20x6 is too small, and can be left', async () => {
    const { code, shown } = await converse({
      argv: 'play',
      size: 'cols 20 rows 6',
      talk: [
        ['too small', '\u0007q'],
        ['', '\r'],
      ],
    });
    assert.match(shown, /20x6/);
    assert.equal(code, 0);
    assert.match(shown, /\u001b\[\?1049l/, 'the terminal was given back');
  });

  it('is a plain shell on a dumb terminal, after one line that says so', async () => {
    const { code, shown } = await converse({
      argv: 'play',
      env: { TERM: 'dumb', LANG: 'C' },
      talk: [
        ['opening a plain shell in the lab instead', 'echo $((6*7))\nexit 3\n'],
        ['42', ''],
      ],
    });
    assert.equal(code, 3);
    assert.match(shown, /cannot move its cursor \(TERM=dumb\)/);
  });

  it('draws without colours when they are not wanted', async () => {
    const colour = /\u001b\[[\d;]*(3[0-7]|38|4[0-7]|48|9[0-7])[;\dm]/;
    const leave = [
      ['Ctrl-G', '\u0007q'],
      ['Leave the lab?', '\r'],
    ] as const;
    assert.doesNotMatch((await converse({ argv: 'play --no-color', talk: leave })).shown, colour);
    assert.doesNotMatch((await converse({ argv: 'play', env: { NO_COLOR: '1' }, talk: leave })).shown, colour);
    assert.match((await converse({ argv: 'play', talk: leave })).shown, colour, 'colours are there when wanted');
  });
});
