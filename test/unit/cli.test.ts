import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { lineChooser, listChooser } from '../../src/cli/chooser.js';
import { COMMAND_LINE } from '../../src/cli/commands.js';
import { completionScript } from '../../src/cli/completion.js';
import type { Context } from '../../src/cli/context.js';
import { describeError } from '../../src/cli/describe-error.js';
import { runMenu } from '../../src/cli/run-menu.js';
import { surfaceOf } from '../../src/cli/show-screen.js';
import { EngineFailure } from '../../src/engine-client.js';
import { loadConfig } from '../../src/i18n/config.js';
import { ROOT, runCli, runProgram } from '../helpers/run-cli.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'glassbox-cli-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('glassbox', () => {
  it('answers --help and --version on standard output with 0', async () => {
    const help = await runCli(['--help']);
    assert.deepEqual([help.code, help.stderr], [0, '']);
    assert.match(help.stdout, /^Usage: glassbox \[COMMAND\]\n/);
    const version = await runCli(['-V']);
    assert.match(version.stdout, /^glassbox \d+\.\d+\.\d+\n$/);
    assert.equal(
      (await runCli(['play', '--help'])).stdout.split('\n')[0],
      'Usage: glassbox play [--keep NAME] [-- CMD…]',
    );
  });

  it('speaks Chinese by option and by locale, also about a command line that it cannot read', async () => {
    assert.match((await runCli(['--help', '--lang', 'zh'])).stdout, /^用法：glassbox/);
    const { code, stdout, stderr } = await runCli(['lern'], { env: { LANG: 'zh_CN.UTF-8' } });
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /未知命令 lern；是否想用 learn？/);
  });

  it('answers wrong usage on standard error with 2 and points at the help', async () => {
    const { code, stdout, stderr } = await runCli(['lesson', 'tset'], { env: { LANG: 'C' } });
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(
      stderr,
      "glassbox: unknown command tset; did you mean test?\nglassbox: try 'glassbox lesson --help'\n",
    );
    assert.equal((await runCli(['learn', 'no-such-lesson', '--plain'])).code, 2);
  });

  it('without a terminal says that a command is needed, with the help, and 2', async () => {
    const { code, stdout, stderr } = await runCli([]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /no terminal for the menu; name a command\nUsage: /);
    for (const command of ['learn', 'play']) {
      const run = await runCli([command]);
      assert.equal(run.code, 2, command);
      assert.match(run.stderr, /standard input is not a terminal; .*--plain/);
    }
  });

  it('goes on with a damaged configuration and says so once', async () => {
    mkdirSync(join(home, 'glassbox'));
    writeFileSync(join(home, 'glassbox', 'config.json'), '{"language":');
    const { code, stdout, stderr } = await runCli(['lesson', 'schema'], { env: { XDG_CONFIG_HOME: home } });
    assert.equal(code, 0);
    assert.match(stderr, /^glassbox: .*config\.json is damaged and was ignored; choose the language again .*\n$/);
    assert.ok(JSON.parse(stdout));
  });

  it('prints what a program reads and nothing else: the schema is JSON, completion is a script', async () => {
    const { stdout, stderr } = await runCli(['completion', 'bash']);
    assert.equal(stderr.replace(/.*is broken.*\n|.*cannot read.*\n/g, ''), '');
    assert.match(stdout, /^# bash completion of glassbox/);
  });

  it('says how to build when it was not built, and that an old Node is too old', async () => {
    mkdirSync(join(home, 'bin'));
    const shim = join(home, 'bin', 'glassbox.mjs');
    copyFileSync(join(ROOT, 'bin', 'glassbox.mjs'), shim);
    const { code, stderr } = await runProgram(process.execPath, [shim, '--help']);
    assert.equal(code, 1);
    assert.match(stderr, /not built yet, run: npm start/);
  });

  it('survives a reader that goes away', async () => {
    const { code } = await runProgram('/bin/sh', [
      '-c',
      `"$0" --import "$1" "$2" --help | head -n 1`,
      process.execPath,
      import.meta.resolve('tsx'),
      join(ROOT, 'bin', 'glassbox.mjs'),
    ]);
    assert.equal(code, 0);
  });

  it('answers --help within 150 ms of processor time, with the built command', {
    skip: existsSync(join(ROOT, 'dist/src/cli/main.js')) ? false : 'dist is not built',
  }, async () => {
    const probe = await runProgram('/bin/sh', [
      '-c',
      '"$0" "$1" --help >/dev/null; times',
      process.execPath,
      join(ROOT, 'bin', 'glassbox.mjs'),
    ]);
    const [, children = ''] = probe.stdout.trim().split('\n');
    const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
      (sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest),
      0,
    );
    assert.ok(seconds > 0 && seconds < 0.15, children);
  });
});

describe('the surface', () => {
  const context = (input: boolean, output: boolean, env: Record<string, string>) =>
    ({ stdin: { isTTY: input }, stdout: { isTTY: output }, env }) as unknown as Context;

  it('is a screen, lines, or none, with the reason', () => {
    assert.equal(surfaceOf(context(true, true, { TERM: 'xterm' })).kind, 'screen');
    assert.deepEqual(surfaceOf(context(true, true, { TERM: 'dumb' })), {
      kind: 'lines',
      why: { en: 'this terminal cannot move its cursor (TERM=dumb)', zh: '此终端无法移动光标（TERM=dumb）' },
    });
    assert.equal(surfaceOf(context(true, true, {})).kind, 'lines');
    assert.equal(surfaceOf(context(false, true, { TERM: 'xterm' })).kind, 'none');
    assert.equal(surfaceOf(context(true, false, { TERM: 'xterm' })).kind, 'none');
  });
});

describe('errors', () => {
  it('of the engine become one sentence in both languages, with the call and its man page', () => {
    const told = describeError(
      new EngineFailure({
        code: 'PermissionDenied',
        message: 'clone the lab host: EPERM',
        syscall: 'clone3',
        errno: 'EPERM',
        man: 'clone3(2)',
      }),
    );
    assert.deepEqual(told, {
      text: {
        en: 'the kernel refused: clone the lab host: EPERM (clone3(2))',
        zh: '内核拒绝：clone the lab host: EPERM (clone3(2))',
      },
      exitCode: 1,
      unexpected: false,
    });
    assert.equal(describeError(new EngineFailure({ code: 'Internal', message: 'x' })).unexpected, true);
    assert.match(
      describeError(new EngineFailure({ code: 'Unavailable', message: 'no engine' })).text.en,
      /^not available here: no engine$/,
    );
  });

  it('of the file system name the file; anything else is ours and says so', () => {
    const full = Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC', path: '/x/journal' });
    assert.equal(describeError(full).text.en, 'no space left: /x/journal');
    assert.deepEqual(describeError(new TypeError('x is not a function')), {
      text: { en: 'x is not a function', zh: 'x is not a function' },
      exitCode: 1,
      unexpected: true,
    });
    assert.equal(describeError('a string').text.en, 'a string');
  });
});

describe('the menu', () => {
  /** A chooser that gives prepared answers: the index of the choice by its name, or null to leave. */
  function makeContext(): Context & { said: string[] } {
    const said: string[] = [];
    const write = (text: string) => said.push(text) > 0;
    return {
      language: 'en',
      env: { XDG_CONFIG_HOME: home, TERM: 'xterm' },
      color: false,
      plain: false,
      debug: false,
      configProblem: null,
      said,
      stdin: { isTTY: true },
      stdout: { isTTY: true, write },
      stderr: { write },
    } as unknown as Context & { said: string[] };
  }

  async function play(answers: (string | null)[]) {
    const ran: { words: readonly string[]; language: string }[] = [];
    const asked: string[][] = [];
    const context = makeContext();
    const code = await runMenu(context, {
      lessons: () => Promise.resolve([{ id: 'uts', number: 1, title: { en: 'Names', zh: '名字' } }]),
      run: (words, { language }) => {
        ran.push({ words, language });
        return Promise.resolve(0);
      },
      chooser: () => ({
        choose: (_message, choices) => {
          asked.push(choices.map((choice) => choice.name));
          const answer = answers.shift();
          if (answer === null || answer === undefined) return Promise.resolve(null);
          const found = choices.find((choice) => choice.name === answer);
          assert.ok(found, `no choice ${answer} among ${choices.map((choice) => choice.name).join(', ')}`);
          return Promise.resolve(found.value);
        },
      }),
    });
    return { code, ran, asked };
  }

  it('offers Learn, Play, Demo, Doctor and language, and comes back after each', async () => {
    const { code, ran, asked } = await play([
      'Learn',
      '1. Names',
      'Learn',
      'Go on where I stopped',
      'Play',
      'Demo',
      '1. Names',
      'Doctor',
      'Leave',
    ]);
    assert.equal(code, 0);
    assert.deepEqual(asked[0], ['Learn', 'Play', 'Demo', 'Doctor', 'Language / 语言', 'Leave']);
    assert.deepEqual(
      ran.map((one) => one.words.join(' ')),
      ['learn uts', 'learn', 'play', 'demo uts', 'doctor'],
    );
  });

  it('changes the language at once and for the next time', async () => {
    const { ran, asked } = await play(['Language / 语言', '简体中文', '自由探索', null]);
    assert.deepEqual(ran, [{ words: ['play'], language: 'zh' }]);
    assert.deepEqual(asked.at(-1)?.slice(0, 2), ['学习', '自由探索']);
    assert.equal(loadConfig({ XDG_CONFIG_HOME: home }).config.language, 'zh');
  });

  it('ends with 130 at Ctrl-C, and goes back from a list of lessons', async () => {
    assert.equal((await play([null])).code, 130);
    assert.deepEqual((await play(['Learn', null, 'Leave'])).ran, []);
  });

  it('keeps the choice for now when it cannot be saved', async () => {
    writeFileSync(join(home, 'glassbox'), 'a file where the folder should be');
    const { ran } = await play(['Language / 语言', '简体中文', '体检', '退出']);
    assert.equal(ran[0]?.language, 'zh');
  });
});

describe('choosing', () => {
  const choices = [
    { value: 'a', name: 'first' },
    { value: 'b', name: 'second', description: 'more' },
  ] as const;

  it('by number in lines: wrong answers are asked again, an empty one or the end of input leaves', async () => {
    for (const [typed, expected] of [
      ['2\n', 'b'],
      ['x\n9\n1\n', 'a'],
      ['\n', null],
      ['', null],
    ] as const) {
      const input = new PassThrough();
      const output = new PassThrough();
      const answer = lineChooser({ input, output }, 'en').choose('Which?', choices);
      input.end(typed);
      assert.equal(await answer, expected, JSON.stringify(typed));
      const text = String(output.read());
      assert.match(text, /^Which\?\n {2}1\. first\n {2}2\. second - more\n/);
      if (typed.startsWith('x')) assert.equal(text.match(/a number from 1 to 2, please/g)?.length, 2);
    }
  });

  it('by arrow keys in a list; Ctrl-C leaves', async () => {
    for (const [keys, expected] of [
      ['\u001b[B\r', 'b'],
      ['\r', 'a'],
      ['\u0003', null],
    ] as const) {
      const input = new PassThrough();
      const output = new PassThrough();
      output.resume();
      const answer = listChooser({ input, output }, 'zh').choose('哪一个？', choices);
      await new Promise((done) => setTimeout(done, 300));
      input.write(keys);
      assert.equal(await answer, expected, JSON.stringify(keys));
      input.end();
    }
  });
});

describe('completion', () => {
  const lessons = ['uts-hostname', 'pid-proc'];

  /** What bash offers for a line, the last word being typed. */
  async function complete(line: string): Promise<string[]> {
    const script = join(home, 'completion.bash');
    writeFileSync(script, completionScript(COMMAND_LINE, 'bash', lessons));
    const words = line.split(' ');
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const ask = `source ${script}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _glassbox; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await runProgram('bash', ['--norc', '-c', ask]);
    assert.equal(stderr, '');
    return stdout.trim().split('\n').filter(Boolean);
  }

  it('of bash offers commands, children, lessons, options, values, in their place', async () => {
    assert.deepEqual(await complete('glassbox le'), ['learn', 'lesson']);
    assert.deepEqual(await complete('glassbox lesson t'), ['test']);
    assert.deepEqual(await complete('glassbox learn '), lessons);
    assert.deepEqual(await complete('glassbox --plain learn p'), ['pid-proc']);
    assert.deepEqual(await complete('glassbox play --k'), ['--keep']);
    assert.deepEqual(await complete('glassbox --lang '), ['en', 'zh']);
    assert.deepEqual(await complete('glassbox --lang zh completion '), ['bash', 'zsh', 'fish']);
    assert.ok((await complete('glassbox play -- ba')).includes('bash'));
  });

  it('of zsh and fish hold every command, option and lesson', () => {
    for (const shell of ['zsh', 'fish'] as const) {
      const script = completionScript(COMMAND_LINE, shell, lessons);
      for (const command of COMMAND_LINE.commands) {
        for (const word of command.name.split(' ')) assert.ok(script.includes(word), word);
        for (const option of command.options) assert.ok(script.includes(option.name), option.name);
      }
      for (const lesson of lessons) assert.ok(script.includes(lesson));
    }
  });
});
