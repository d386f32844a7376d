import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { COMMAND_LINE } from '../../src/cli/commands.js';
import { childrenOf, helpText } from '../../src/cli/help.js';
import { editDistance, nearest } from '../../src/cli/nearest.js';
import { parse } from '../../src/cli/parse.js';
import { UsageError } from '../../src/cli/spec.js';

const read = (...argv: string[]) => parse(COMMAND_LINE, argv);

function usageError(...argv: string[]): UsageError {
  try {
    parse(COMMAND_LINE, argv);
  } catch (error) {
    assert.ok(error instanceof UsageError, `not a usage error: ${String(error)}`);
    return error;
  }
  return assert.fail(`accepted: ${argv.join(' ')}`);
}

describe('the command line', () => {
  it('finds the longest command and leaves the other words to it', () => {
    assert.equal(read().command.name, '');
    assert.equal(read('lesson', 'test').command.name, 'lesson test');
    assert.deepEqual(read('lesson', 'test', 'a', 'b').words, ['a', 'b']);
    assert.equal(read('lesson').command.name, 'lesson');
  });

  it('takes options anywhere before --, with the value beside or after =', () => {
    for (const argv of [
      ['--lang', 'zh', 'learn', 'x'],
      ['learn', '--lang=zh', 'x'],
      ['learn', 'x', '--lang', 'zh'],
    ]) {
      const { command, options, words } = parse(COMMAND_LINE, argv);
      assert.equal(command.name, 'learn');
      assert.equal(options['lang'], 'zh');
      assert.deepEqual(words, ['x']);
    }
  });

  it('takes a value for a value also when it is the name of a command', () => {
    const { command, options } = read('play', '--keep', 'learn');
    assert.equal(command.name, 'play');
    assert.equal(options['keep'], 'learn');
  });

  it('passes everything after -- on untouched', () => {
    assert.deepEqual(read('play', '--', 'ls', '--help', '--', '-V').tail, ['ls', '--help', '--', '-V']);
    assert.equal(read('play', '--', 'ls', '--help').options['help'], undefined);
    assert.equal(read('play').tail, null);
  });

  it('bundles short switches', () => {
    const { options } = read('-hV');
    assert.equal(options['help'], true);
    assert.equal(options['version'], true);
  });

  it('says what was probably meant', () => {
    assert.match(usageError('lern').text.en, /unknown command lern; did you mean learn\?/);
    assert.match(usageError('lern').text.zh, /是否想用 learn/);
    assert.match(usageError('doctor', '--jsno').text.en, /did you mean --json\?/);
    assert.match(usageError('lesson', 'tset').text.en, /did you mean test\?/);
    assert.doesNotMatch(usageError('xyzzy').text.en, /did you mean/);
  });

  it('refuses what it does not understand, naming it', () => {
    assert.match(usageError('play', 'ls').text.en, /unexpected argument ls; put -- before CMD/);
    assert.match(usageError('play', '--').text.en, /CMD is missing after --/);
    assert.match(usageError('--lang').text.en, /--lang needs a value/);
    assert.match(usageError('--lang', '--plain').text.en, /--lang needs a value/);
    assert.match(usageError('--lang', 'fr').text.en, /en or zh, not fr/);
    assert.match(usageError('--plain=yes').text.en, /takes no value/);
    assert.match(usageError('lesson', 'new').text.en, /ID is missing/);
    assert.match(usageError('completion', 'csh').text.en, /one of bash, zsh, fish, not csh/);
    assert.match(usageError('-x').text.en, /unknown option -x/);
    assert.match(usageError('doctor', '--', 'x').text.en, /nothing may follow --/);
  });

  it('asks for no argument when only help is wanted', () => {
    assert.equal(read('demo', '--help').options['help'], true);
    assert.equal(read('completion', '-h').command.name, 'completion');
  });

  it('never prints a control character of the command line back', () => {
    assert.doesNotMatch(usageError('\u001b[31mred\u0007').text.en, /[\u0000-\u001f]/);
    assert.doesNotMatch(usageError('--\u009b31m').text.en, /[\u0080-\u009f]/);
  });

  it('answers any words with an invocation or a usage error', () => {
    const known = COMMAND_LINE.commands.flatMap((command) => command.name.split(' ')).filter(Boolean);
    const word = fc.oneof(fc.constantFrom(...known, '--', '--lang', '--lang=en', '-h', '--json'), fc.string());
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
        try {
          const { words, tail } = parse(COMMAND_LINE, argv);
          for (const one of [...words, ...(tail ?? [])]) assert.ok(argv.includes(one));
        } catch (error) {
          assert.ok(error instanceof UsageError);
          assert.ok(error.text.en.length > 0 && error.text.zh.length > 0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the table of commands', () => {
  it('has no option that takes a value in one command and none in another', () => {
    const kinds = new Map<string, boolean>();
    for (const option of [...COMMAND_LINE.globals, ...COMMAND_LINE.commands.flatMap((command) => command.options)]) {
      const takes = option.value !== undefined;
      assert.equal(kinds.get(option.name) ?? takes, takes, option.name);
      kinds.set(option.name, takes);
      assert.ok(!(takes && option.short !== undefined), `${option.name}: an option with a value has no short form`);
    }
  });

  it('has one help per command, in both languages, that names all its options and children', () => {
    for (const command of COMMAND_LINE.commands) {
      for (const language of ['en', 'zh'] as const) {
        const text = helpText(COMMAND_LINE, command, language);
        for (const option of [...command.options, ...COMMAND_LINE.globals])
          assert.ok(text.includes(`--${option.name}`));
        for (const child of childrenOf(COMMAND_LINE, command)) assert.ok(text.includes(child.name));
        for (const example of command.examples ?? []) assert.ok(text.includes(example.line));
      }
    }
  });

  it('shows only examples that the parser accepts', () => {
    for (const { examples = [] } of COMMAND_LINE.commands) {
      for (const { line } of examples) {
        const words = /^(?:source <\()?glassbox ([^)]*)\)?$/.exec(line)?.[1]?.split(' ') ?? [];
        assert.ok(parse(COMMAND_LINE, words).command.name !== '', line);
      }
    }
  });
});

describe('nearest', () => {
  it('counts a swap of neighbours as one', () => {
    assert.equal(editDistance('lern', 'learn'), 1);
    assert.equal(editDistance('tset', 'test'), 1);
    assert.equal(editDistance('', 'abc'), 3);
  });

  it('is a metric on what it compares', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
        assert.equal(editDistance(a, b), editDistance(b, a));
        assert.equal(editDistance(a, a), 0);
        assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
      }),
    );
  });

  it('completes an unfinished word only when it is the only one', () => {
    assert.equal(nearest('comp', ['completion', 'learn']), 'completion');
    assert.equal(nearest('le', ['learn', 'lesson']), null);
  });
});
