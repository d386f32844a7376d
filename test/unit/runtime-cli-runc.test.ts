/**
 * The runtime's command line beside runc's, for command lines that need no container. What runc 1.1.5 answered is kept in
 * test/golden/runtime-cli/runc.txt; where it is installed it is asked again.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { main } from '../../engine/runtime/cli/main.js';
import { COMMANDS, GLOBAL_FLAGS, PROGRAM } from '../../engine/runtime/cli/table.js';
import { defaultSpec } from '../../engine/runtime/spec/default-spec.js';
import { RUNTIME_COMMANDS } from '../../src/cli/commands.js';
import { FakeRuntime, fakeWorld } from '../helpers/fake-oci-runtime.js';
import { assertGolden, updating } from '../helpers/golden.js';

/** Command lines; `|` separates the words, since some are empty. The bundles are made below. */
const CASES = [
  '',
  'help',
  'h',
  '--help',
  '-h',
  'nosuch',
  'nosuch|a|b',
  'help|state',
  'help|nosuch',
  'state|-h|x',
  'state|x|-h',
  'run|--help',
  '--nosuch',
  '--nosuch|state|x',
  '--debug=abc|state|x',
  '--log-format',
  '--log-format|yaml|state|x',
  '---x',
  '--log|nosuch/x|state|x',
  '--log|LOG|state|x',
  '--log|LOG|--log-format|json|state|x',
  '--debug|state|x',
  '-debug|state|x',
  '--rootless|maybe|state|x',
  '--rootless|maybe|run|-b|plain|x',
  '--systemd-cgroup|state|x',
  '--version=false',
  '--root|/|state|x',
  '--root=|state|x',
  'state',
  'state|a|b',
  'state|x',
  'state|',
  'state|a/b',
  'state|..',
  'state|--nosuch|x',
  'state|x|--nosuch',
  'state|-x',
  'state|--|x',
  'state|--|-x',
  'state|help',
  'state|x|help',
  'start',
  'start|x',
  'start|a|b',
  'pause',
  'pause|x',
  'resume',
  'resume|x',
  'run',
  'run|x',
  'run|-b|empty|x',
  'run|-b|nosuch|x',
  'run|-b|tty|a/b',
  'run|-b|tty|-d|x',
  'run|-b|tty|',
  'run|--bundle',
  'run|--console-socket|s|-b|plain|x',
  'run|--preserve-fds=x|y',
  'run|-b|no-args|x',
  'run|-b|no-cwd|x',
  'run|-b|a|--bundle|b|x',
  'create',
  'create|a|b',
  'create|x',
  'create|-b|empty|x',
  'create|-b|tty|x',
  'create|-b|tty|a/b',
  'create|-d|x',
  'create|--console-socket|s|-b|plain|x',
  'kill',
  'kill|x',
  'kill|x|KILL',
  'kill|x|NOSUCH',
  'kill|x|-9',
  'kill|x|KILL|more',
  'kill|-s|9|x',
  'kill|--all',
  'kill|-a=abc|x',
  'kill|-a=false|x',
  'delete',
  'delete|x',
  'delete|--force|x',
  'delete|a|b',
  'delete|-f|x',
  'delete|x|-f',
  'exec',
  'exec|x',
  'exec|x|true',
  'exec|-t|x',
  'exec|-d|x|true',
  'exec|--preserve-fds|abc|x|true',
  'exec|-g|x|y|z',
  'exec|-p|nosuch|x',
  'exec|-ti|x|sh',
  'exec|x|sh|--nosuch',
  'ps',
  'ps|x',
  'ps|-f|yaml|x',
  'ps|x|-aux',
  'list',
  'list|a',
  'list|-f|yaml',
  'list|-f|json',
  'list|-q',
  'list|--format=table',
  'update',
  'update|x',
  'update|--cpu-period|abc|x',
  'update|--pids-limit|abc|x',
  'update|-r|nosuch|x',
  'events',
  'events|x',
  'events|--interval|0s|x',
  'events|--interval|abc|x',
  'events|--interval',
  'events|--stats|x',
  'events|--stats=maybe|x',
  'spec|a',
  'spec|-b|nosuch',
  'spec|-b|tty',
  'spec|--nosuch',
  'features|x',
  'checkpoint',
  'checkpoint|x',
  'restore',
] as const;

/** Where we answer otherwise, and why. The texts are ours, in the form of `record`. */
const DIFFERENCES: Partial<Record<(typeof CASES)[number], { readonly ours: string; readonly why: string }>> = {
  ...Object.fromEntries(
    ['nosuch', 'nosuch|a|b', 'help|nosuch'].map((line) => [
      line,
      {
        ours: `exit 3\nerr: level=error msg="No help topic for 'nosuch'"`,
        why: "runc's line ends with a stray newline",
      },
    ]),
  ),
  ...Object.fromEntries(
    ['--debug|state|x', '-debug|state|x'].map((line) => [
      line,
      {
        ours: 'exit 1\nerr: level=error msg="container does not exist"\nerr: level=debug (stack)',
        why: 'runc names the function that logs, which is always the same; we tell where the error was made',
      },
    ]),
  ),
  ...Object.fromEntries(
    ['run|x', 'run|-b|empty|x', 'create|x', 'create|-b|empty|x'].map((line) => {
      const [command, , bundle] = line.split('|');
      const file = bundle === 'empty' ? 'DIR/empty/config.json' : 'DIR/config.json';
      return [
        line,
        {
          ours: `exit 1\nerr: level=error msg="PROGRAM ${command} failed: JSON specification file ${file} not found"`,
          why: 'the whole path says which directory was looked in',
        },
      ];
    }),
  ),
  '--root|/|state|x': {
    ours: 'exit 1\nerr: level=error msg="Option --root argument should not be set to /"',
    why: 'runc 1.2 refuses it with these words: delete would work on directories of /',
  },
  '--rootless|maybe|state|x': {
    ours: 'exit 1\nerr: level=error msg="strconv.ParseBool: parsing \\"maybe\\": invalid syntax"',
    why: 'runc reads the value only where it uses it; a wrong one is wrong everywhere',
  },
  'run|-b|a|--bundle|b|x': {
    ours: 'exit 1\nout: Incorrect Usage: Cannot use two forms of the same flag: bundle b\nout: (help)\nerr: level=error msg="Cannot use two forms of the same flag: bundle b"',
    why: 'the order of the two names follows the command line',
  },
  'checkpoint|x': {
    ours: 'exit 1\nerr: level=error msg="checkpoint is not supported: this runtime does not drive criu"',
    why: 'there is nothing to look the container up for',
  },
};

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly log: string;
}

let dir = '';
let root = '';
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'glassbox-runc-'));
  root = join(dir, 'root');
  const spec = JSON.parse(defaultSpec({ unifiedCgroups: false })) as { process: Record<string, unknown> };
  const variants: Record<string, Record<string, unknown>> = {
    tty: {},
    plain: { terminal: false },
    'no-args': { args: [] },
    'no-cwd': { cwd: '' },
  };
  for (const name of ['empty', 'root', 'a', 'b', ...Object.keys(variants)]) mkdirSync(join(dir, name));
  for (const [name, change] of Object.entries(variants)) {
    mkdirSync(join(dir, name, 'rootfs'));
    const changed = { ...spec, process: { ...spec.process, ...change } };
    writeFileSync(join(dir, name, 'config.json'), JSON.stringify(changed));
  }
});
after(() => rmSync(dir, { recursive: true, force: true }));

const wordsOf = (line: string): string[] =>
  line === '' ? [] : line.split('|').map((word) => (word === 'LOG' ? join(dir, 'log') : word));

function takeLog(): string {
  const path = join(dir, 'log');
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return '';
  } finally {
    rmSync(path, { force: true });
  }
}

/** `--root` first, unless the line has its own. */
const withRoot = (line: string): string[] =>
  line.startsWith('--root') && !line.startsWith('--rootless') ? wordsOf(line) : ['--root', root, ...wordsOf(line)];

async function ours(line: string): Promise<Answer> {
  const { world, said } = fakeWorld(new FakeRuntime(), dir);
  const code = await main(withRoot(line), world);
  return { code, ...said, log: takeLog() };
}

function runcs(line: string): Answer {
  const done = spawnSync('runc', withRoot(line), {
    cwd: dir,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { code: done.status ?? -1, out: done.stdout, err: done.stderr, log: takeLog() };
}

/** An answer in lines that do not depend on the moment, the place, the name of the program, and the words of help. */
function record({ code, out, err, log }: Answer): string {
  const plain = (text: string): string =>
    text
      .replaceAll(dir, 'DIR')
      .replace(/time="[^"]*" |,"time":"[^"]*"/g, '')
      .replace(/(level=debug).*/g, '$1 (stack)')
      .replaceAll(/\b(glassbox-runtime|runc)(?=: \\"| (create|run) failed)/g, 'PROGRAM');
  const lines = (prefix: string, text: string): string[] => {
    const help = text.indexOf('NAME:\n');
    const told = help < 0 ? text : `${text.slice(0, help).trimEnd()}\n(help)`;
    return plain(told)
      .split('\n')
      .filter((one) => one !== '')
      .map((one) => `${prefix}: ${one}`);
  };
  return [`exit ${code}`, ...lines('out', out), ...lines('err', err), ...lines('log', log)].join('\n');
}

const title = (line: string): string =>
  `$ ${line
    .split('|')
    .map((word) => (word === '' ? "''" : word))
    .join(' ')}`;

/** Answers of the golden file by title. */
function kept(): Map<string, string> {
  const text = readFileSync(join(import.meta.dirname, '../golden/runtime-cli/runc.txt'), 'utf8');
  return new Map(
    text
      .trimEnd()
      .split('\n\n')
      .map((block): [string, string] => [block.slice(0, block.indexOf('\n')), block.slice(block.indexOf('\n') + 1)]),
  );
}

const version = spawnSync('runc', ['--version'], { encoding: 'utf8' });
const noRunc =
  version.error !== undefined
    ? 'runc is not installed'
    : version.stdout.startsWith('runc version 1.1.5')
      ? false
      : `the golden file is of runc 1.1.5, here is ${version.stdout.split('\n')[0]}`;

describe('what runc answers', () => {
  it('is what the golden file says (GOLDEN_UPDATE=1 asks runc anew)', { skip: noRunc }, () => {
    assertGolden('runtime-cli/runc.txt', CASES.map((line) => `${title(line)}\n${record(runcs(line))}`).join('\n\n'));
  });
});

describe('our answer', () => {
  const golden = updating() ? new Map<string, string>() : kept();
  for (const line of updating() ? [] : CASES) {
    const known = DIFFERENCES[line];
    it(`${title(line)}${known === undefined ? '' : ` (not runc's: ${known.why})`}`, async () => {
      const theirs = golden.get(title(line));
      assert.ok(theirs !== undefined, 'the golden file does not have this command line');
      const mine = record(await ours(line));
      assert.equal(mine, known?.ours ?? theirs);
      if (known !== undefined) assert.notEqual(mine, theirs, 'a difference that is none any more');
    });
  }
});

describe('the table', () => {
  it("has every command and flag of runc's, with the same need of a value", { skip: noRunc }, () => {
    const missing: string[] = [];
    for (const command of ['', ...namesIn(help())]) {
      const flags = command === '' ? GLOBAL_FLAGS : COMMANDS.find((one) => one.name === command)?.flags;
      if (flags === undefined) {
        missing.push(command);
        continue;
      }
      for (const [names, takesValue] of flagsIn(help(command))) {
        const own = flags.find((flag) => flag.names[0] === names[0]);
        const same = own !== undefined && own.names.join() === names.join() && (own.kind !== 'bool') === takesValue;
        if (!same && names[0] !== 'help') missing.push(`${command} ${names.join()}`);
      }
    }
    assert.deepEqual(missing, []);
  });

  it('is what glassbox completes', () => {
    const own = COMMANDS.map(({ name }) => name).filter((name) => name !== 'checkpoint' && name !== 'restore');
    assert.deepEqual([...RUNTIME_COMMANDS].sort(), own.sort());
  });

  it('shows every command and flag in help', async () => {
    const { world, said } = fakeWorld(new FakeRuntime(), dir);
    assert.equal(await main(['--help'], world), 0);
    for (const { name, text } of COMMANDS) assert.match(said.out, new RegExp(`^ {3}${name} +${text.slice(0, 8)}`, 'm'));
    assert.deepEqual(
      flagsIn(said.out).map(([names]) => names[0]),
      GLOBAL_FLAGS.map((flag) => flag.names[0]),
    );
    for (const command of COMMANDS) {
      said.out = '';
      assert.equal(await main([command.name, '--help'], world), 0);
      assert.ok(said.out.startsWith(`NAME:\n   ${PROGRAM} ${command.name} - `), said.out);
      assert.deepEqual(
        flagsIn(said.out).map(([names]) => names.join()),
        command.flags.map((flag) => flag.names.join()),
      );
    }
  });
});

function help(command?: string): string {
  return spawnSync('runc', command === undefined || command === '' ? ['--help'] : [command, '--help'], {
    encoding: 'utf8',
  }).stdout;
}

function namesIn(text: string): string[] {
  const section = /COMMANDS:\n([\s\S]*?)\n\n/.exec(text)?.[1] ?? '';
  return section.split('\n').flatMap((line) => /^ {3}([a-z]+) {2,}/.exec(line)?.[1] ?? []);
}

/** Names without dashes, and whether the flag takes a value. */
function flagsIn(text: string): [string[], boolean][] {
  return [...text.matchAll(/^ {3}((?:--?[a-z0-9-]+(?: value)?(?:, )?)+) {2,}/gm)].map(([, label = '']) => [
    label.split(', ').map((one) => one.replace(/^-+/, '').replace(' value', '').trim()),
    label.includes(' value'),
  ]);
}
