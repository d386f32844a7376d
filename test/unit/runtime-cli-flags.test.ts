/** How the runtime's command reads words: as Go's flag package and urfave/cli, which runc's callers expect. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wordsOf } from '../../engine/kernel/errno-text.js';
import { type Flag, FlagError, parseFlags, parseInteger } from '../../engine/runtime/cli/flags.js';
import { goJson, goQuote, Log } from '../../engine/runtime/cli/log.js';
import { parseSignal } from '../../engine/runtime/cli/signals.js';
import { defaultRoot } from '../../engine/runtime/cli/world.js';

const FLAGS: readonly Flag[] = [
  { names: ['bundle', 'b'], kind: 'string', text: '' },
  { names: ['detach', 'd'], kind: 'bool', text: '' },
  { names: ['count'], kind: 'int', text: '' },
  { names: ['env', 'e'], kind: 'strings', text: '' },
  { names: ['gid', 'g'], kind: 'ints', text: '' },
  { names: ['interval'], kind: 'duration', text: '', fallback: '5s' },
];

const read = (line: string, anywhere = true) => parseFlags(FLAGS, line === '' ? [] : line.split(' '), anywhere);

/** Words that are not flags. */
const REST: readonly (readonly [line: string, anywhere: boolean, rest: readonly string[]])[] = [
  ['--bundle /b x', true, ['x']],
  ['-bundle=/b x', true, ['x']],
  ['x --bundle /b', true, ['x']],
  ['x -d y', true, ['x', 'y']],
  ['x -9', true, ['x', '-9']],
  ['x --nosuch', true, ['x', '--nosuch']],
  ['-d -- -x --bundle', true, ['-x', '--bundle']],
  ['x -- -d', true, ['x', '-d']],
  ['-d x sh -d', false, ['x', 'sh', '-d']],
  ['-d -- x', false, ['x']],
  ['- -d', true, ['-']],
  ['', true, []],
];

const REFUSED: readonly (readonly [line: string, message: string])[] = [
  ['--nosuch', 'flag provided but not defined: -nosuch'],
  ['-db x', 'flag provided but not defined: -db'],
  ['--bundle', 'flag needs an argument: -bundle'],
  ['-b', 'flag needs an argument: -b'],
  ['---b x', 'bad flag syntax: ---b'],
  ['-=x', 'bad flag syntax: -=x'],
  ['--detach=x', 'invalid boolean value "x" for -detach: parse error'],
  ['--count 1.5', 'invalid value "1.5" for flag -count: parse error'],
  ['--count 9223372036854775808', 'invalid value "9223372036854775808" for flag -count: value out of range'],
  ['--count ', 'invalid value "" for flag -count: parse error'],
  ['-g x', 'invalid value "x" for flag -g: strconv.ParseInt: parsing "x": invalid syntax'],
  ['--interval 5', 'invalid value "5" for flag -interval: parse error'],
  ['-b x --bundle y', 'Cannot use two forms of the same flag: bundle b'],
];

describe('flags', () => {
  for (const [line, anywhere, rest] of REST)
    it(`of "${line}"${anywhere ? '' : ' up to the first argument'} leave ${JSON.stringify(rest)}`, () => {
      assert.deepEqual(read(line, anywhere).rest, rest);
    });

  for (const [line, message] of REFUSED)
    it(`"${line}" is refused`, () => {
      assert.throws(
        () => read(line),
        (error) => error instanceof FlagError && error.message === message,
      );
    });

  it('are told by their long name, the last one counts, lists keep all', () => {
    const { flags } = read('-b one -d=false --env A=1 --env B=2 -g 0x10 -g 7');
    assert.equal(flags.string('bundle'), 'one');
    assert.equal(flags.bool('detach'), false);
    assert.equal(flags.isSet('detach'), true);
    assert.deepEqual(flags.strings('env'), ['A=1', 'B=2']);
    assert.deepEqual(
      flags.strings('gid').map((text) => Number(parseInteger(text))),
      [16, 7],
    );
    assert.equal(read('--bundle a --bundle b').flags.string('bundle'), 'b');
  });

  it('that are not given have their fallback', () => {
    const { flags } = read('');
    assert.deepEqual(
      [flags.string('bundle'), flags.bool('detach'), flags.int('count'), flags.duration('interval')],
      ['', false, 0, 5000],
    );
    assert.deepEqual(
      ['1h1m1s', '1.5s', '250ms', '0'].map((text) => read(`--interval ${text}`).flags.duration('interval')),
      [3_661_000, 1500, 250, 0],
    );
  });

  it('take numbers as strconv.ParseInt with base 0', () => {
    const cases = ['10', '+10', '-10', '0x1F', '0b101', '017', '0o17', '0', '08', '1_000', 'x', '', '1e3'];
    assert.deepEqual(cases.map(parseInteger), [10n, 10n, -10n, 31n, 5n, 15n, 15n, 0n, null, null, null, null, null]);
  });
});

describe('signals', () => {
  it('are known by number and by name, with or without SIG', () => {
    assert.deepEqual(['9', 'KILL', 'SIGKILL', 'sigkill', 'Term', '0', '64'].map(parseSignal), [9, 9, 9, 9, 15, 0, 64]);
    for (const word of ['NOSUCH', '', 'SIG', 'constructor'])
      assert.throws(() => parseSignal(word), { message: `unknown signal ${JSON.stringify(word)}` });
    for (const word of ['65', '-9', '99999999999999999999'])
      assert.throws(() => parseSignal(word), { message: 'unable to signal init: invalid argument' });
  });
});

describe('the log', () => {
  const lines = (format: 'text' | 'json', terminal: boolean, write: (log: Log) => void): string => {
    let text = '';
    write(
      new Log({
        write: (line) => {
          text += line;
        },
        format,
        terminal: () => terminal,
        debug: false,
      }),
    );
    return text;
  };

  it('is JSON that go-runc reads', () => {
    const line = lines('json', false, (log) => log.error('a "quoted" <word>\n\u2028'));
    assert.match(line, /^\{"level":"error","msg":"a \\"quoted\\" \\u003cword\\u003e\\n\\u2028","time":"[^"]+"\}\n$/);
    const { level, msg, time } = JSON.parse(line) as Record<string, string>;
    assert.deepEqual([level, msg], ['error', 'a "quoted" <word>\n\u2028']);
    assert.match(time ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/);
    assert.ok(Math.abs(Date.parse(time ?? '') - Date.now()) < 5000, `the time is ${time}`);
  });

  it('is key=value otherwise, and words of harmless characters are not quoted', () => {
    assert.match(
      lines('text', false, (log) => log.warn('plain')),
      /^time="[^"]+" level=warning msg=plain\n$/,
    );
    assert.match(
      lines('text', false, (log) => log.error('a b')),
      / level=error msg="a b"\n$/,
    );
    assert.equal(
      lines('text', false, (log) => log.debug('not asked for')),
      '',
    );
  });

  it('on a terminal is for a person, who is not sent what steers it', () => {
    assert.equal(
      lines('text', true, (log) => log.error('no \x1b[2J')),
      `\x1b[31mERRO\x1b[0m[0000] ${'no ?[2J'.padEnd(44)} \n`,
    );
  });

  it('quotes as Go does', () => {
    assert.equal(
      goQuote('\x07\b\f\n\r\t\v\\"\x00\x7f\u200b\u{e0001}é中'),
      '"\\a\\b\\f\\n\\r\\t\\v\\\\\\"\\x00\\x7f\\u200b\\U000e0001é中"',
    );
    assert.equal(
      goJson({ limit: 18446744073709551615n, name: 'number 0.5 1' }),
      '{"limit":18446744073709551615,"name":"number 0.5 1"}',
    );
  });
});

describe('errors of the system', () => {
  it('are told in the words that Docker and podman look for', () => {
    const error = (code: string, errno: number, syscall: string, path?: string): Error =>
      Object.assign(new Error(`${code}: whatever`), { code, errno, syscall, ...(path === undefined ? {} : { path }) });
    assert.equal(wordsOf(error('ENOENT', -2, 'open', '/x')), 'open /x: no such file or directory');
    assert.equal(wordsOf(error('EACCES', -13, 'open', '/x')), 'open /x: permission denied');
    assert.equal(wordsOf(error('EPERM', -1, 'mkdir', '/x')), 'mkdir /x: operation not permitted');
    assert.equal(wordsOf(error('EEXIST', -17, 'open', '/x')), 'open /x: file exists');
    assert.equal(wordsOf(error('ENOTDIR', -20, 'stat', '/x'), 'chdir x'), 'chdir x: not a directory');
  });
});

describe('the state directory', () => {
  it("is the machine's for root, and a user's own where there is one", () => {
    const root = (env: Record<string, string>, uid: number, nested: boolean): string =>
      defaultRoot(env, uid, () => nested);
    const own = { XDG_RUNTIME_DIR: '/run/user/1' };
    assert.equal(root({}, 0, false), '/run/glassbox-runtime');
    assert.equal(root(own, 0, false), '/run/glassbox-runtime');
    assert.equal(root(own, 1, false), '/run/user/1/glassbox-runtime');
    assert.equal(root(own, 0, true), '/run/user/1/glassbox-runtime');
    assert.equal(root({ ...own, USER: 'root' }, 0, true), '/run/glassbox-runtime');
    assert.equal(root({}, 1, false), '/run/glassbox-runtime');
  });
});
