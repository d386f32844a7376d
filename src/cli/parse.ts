import { nearest } from './nearest.js';
import { type CommandLineSpec, type CommandSpec, type Invocation, type OptionSpec, UsageError } from './spec.js';

/**
 * Read a command line by its table. Options may stand anywhere before `--`, long ones as `--name VALUE` or
 * `--name=VALUE`, short switches bundled (`-hV`), as POSIX.1-2017 chapter 12 and the GNU conventions have them.
 * @throws UsageError which names the word and, where one is near, what was probably meant
 */
export function parse(spec: CommandLineSpec, argv: readonly string[]): Invocation {
  const dashes = argv.indexOf('--');
  const own = dashes < 0 ? argv : argv.slice(0, dashes);
  const tail = dashes < 0 ? null : argv.slice(dashes + 1);
  const command = findCommand(spec, own);
  const reader = new OptionReader([...command.options, ...spec.globals], command);
  const words: string[] = [];
  for (let index = 0; index < own.length; index++) {
    const word = own[index]!;
    if (word.startsWith('-') && word !== '-') index += reader.take(word, own[index + 1]);
    else words.push(word);
  }
  const rest = words.slice(command.name === '' ? 0 : command.name.split(' ').length);
  const helpAsked = reader.given.some(({ name }) => name === 'help' || name === 'version');
  if (!helpAsked) checkWords(spec, command, rest, tail);
  return {
    command,
    options: Object.fromEntries(reader.given.map(({ name, value }) => [name, value])),
    given: reader.given,
    words: rest,
    tail,
  };
}

/**
 * The command that the words before any argument name: the longest name that they begin with. Values of options do
 * not count as words, so the table says which options take one.
 */
function findCommand(spec: CommandLineSpec, own: readonly string[]): CommandSpec {
  const takesValue = new Set(
    [...spec.globals, ...spec.commands.flatMap((command) => command.options)]
      .filter((option) => option.value !== undefined)
      .map((option) => `--${option.name}`),
  );
  const words = own.filter((word, index) => !word.startsWith('-') && !takesValue.has(own[index - 1] ?? ''));
  const named = spec.commands.filter((command) => {
    const name = command.name === '' ? [] : command.name.split(' ');
    return name.every((part, index) => words[index] === part);
  });
  return named.reduce((longest, command) => (command.name.length > longest.name.length ? command : longest));
}

class OptionReader {
  readonly given: { name: string; value: string | true }[] = [];
  readonly #specs: readonly OptionSpec[];
  readonly #command: CommandSpec;

  constructor(specs: readonly OptionSpec[], command: CommandSpec) {
    this.#specs = specs;
    this.#command = command;
  }

  /** Read one word that begins with a dash; returns how many of the following words it used. */
  take(word: string, next: string | undefined): number {
    if (!word.startsWith('--')) return this.#takeShort(word, next);
    const equals = word.indexOf('=');
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const spec = this.#specs.find((option) => option.name === name);
    if (spec === undefined) throw this.#unknown(`--${name}`);
    return this.#set(spec, `--${name}`, equals < 0 ? undefined : word.slice(equals + 1), next);
  }

  #takeShort(word: string, next: string | undefined): number {
    let used = 0;
    for (const letter of word.slice(1)) {
      const spec = this.#specs.find((option) => option.short === letter);
      if (spec === undefined) throw this.#unknown(word.length === 2 ? word : `-${letter}`);
      used = this.#set(spec, `-${letter}`, undefined, next);
    }
    return used;
  }

  #set(spec: OptionSpec, as: string, inline: string | undefined, next: string | undefined): number {
    if (spec.value === undefined) {
      if (inline !== undefined) {
        throw new UsageError({ en: `option ${as} takes no value`, zh: `选项 ${as} 不接受取值` }, this.#command);
      }
      this.given.push({ name: spec.name, value: true });
      return 0;
    }
    const value = inline ?? next;
    if (value === undefined || (inline === undefined && value.startsWith('-') && value !== '-')) {
      throw new UsageError(
        {
          en: `option ${as} needs a value: ${as} ${spec.value.label}`,
          zh: `选项 ${as} 需要取值：${as} ${spec.value.label}`,
        },
        this.#command,
      );
    }
    const choices = spec.value.choices;
    if (choices !== undefined && !choices.includes(value)) {
      throw new UsageError(
        {
          en: `option ${as} takes ${choices.join(' or ')}, not ${quote(value)}`,
          zh: `选项 ${as} 的取值应为 ${choices.join(' 或 ')}，而不是 ${quote(value)}`,
        },
        this.#command,
      );
    }
    this.given.push({ name: spec.name, value });
    return inline === undefined ? 1 : 0;
  }

  #unknown(word: string): UsageError {
    const near = word.startsWith('--')
      ? nearest(
          word.slice(2),
          this.#specs.map((option) => option.name),
        )
      : null;
    const hint = near === null ? { en: '', zh: '' } : { en: `; did you mean --${near}?`, zh: `；是否想用 --${near}？` };
    return new UsageError(
      { en: `unknown option ${quote(word)}${hint.en}`, zh: `未知选项 ${quote(word)}${hint.zh}` },
      this.#command,
    );
  }
}

function checkWords(
  spec: CommandLineSpec,
  command: CommandSpec,
  words: readonly string[],
  tail: readonly string[] | null,
): void {
  const children = spec.commands.filter((one) => one.name !== '' && isChild(command, one));
  const plain = command.arguments.filter((argument) => argument.afterDashes !== true);
  const afterDashes = command.arguments.find((argument) => argument.afterDashes === true);
  if (words.length > plain.length && !plain.some((argument) => argument.rest === true)) {
    const word = words[plain.length]!;
    if (children.length > 0) throw unknownCommand(command, children, word);
    const hint =
      afterDashes === undefined
        ? { en: '', zh: '' }
        : { en: `; put -- before ${afterDashes.label}`, zh: `；请在 ${afterDashes.label} 前加 --` };
    throw new UsageError(
      { en: `unexpected argument ${quote(word)}${hint.en}`, zh: `多余的参数 ${quote(word)}${hint.zh}` },
      command,
    );
  }
  if (tail !== null && afterDashes === undefined) {
    throw new UsageError({ en: 'nothing may follow -- here', zh: '此处 -- 之后不能再有内容' }, command);
  }
  if (tail !== null && tail.length === 0) {
    throw new UsageError(
      { en: `${afterDashes?.label} is missing after --`, zh: `-- 之后缺少 ${afterDashes?.label}` },
      command,
    );
  }
  const absent = plain.find((argument, index) => argument.required && words[index] === undefined);
  if (absent !== undefined) throw missingArgument(command, absent);
  for (const [index, word] of words.entries()) {
    const argument = plain[Math.min(index, plain.length - 1)];
    if (argument?.choices === undefined || argument.choices.includes(word)) continue;
    const list = argument.choices.join(', ');
    throw new UsageError(
      {
        en: `${argument.label} is one of ${list}, not ${quote(word)}`,
        zh: `${argument.label} 应为 ${list} 之一，而不是 ${quote(word)}`,
      },
      command,
    );
  }
}

function missingArgument(command: CommandSpec, argument: CommandSpec['arguments'][number]): UsageError {
  const one =
    argument.choices === undefined
      ? { en: '', zh: '' }
      : { en: `: one of ${argument.choices.join(', ')}`, zh: `：${argument.choices.join('、')} 之一` };
  return new UsageError(
    { en: `${argument.label} is missing${one.en}`, zh: `缺少 ${argument.label}${one.zh}` },
    command,
  );
}

function unknownCommand(parent: CommandSpec, children: readonly CommandSpec[], word: string): UsageError {
  const names = children.map((child) => child.name.split(' ').at(-1)!);
  const near = nearest(word, [...new Set(names)]);
  const hint = near === null ? { en: '', zh: '' } : { en: `; did you mean ${near}?`, zh: `；是否想用 ${near}？` };
  return new UsageError(
    { en: `unknown command ${quote(word)}${hint.en}`, zh: `未知命令 ${quote(word)}${hint.zh}` },
    parent,
  );
}

function isChild(parent: CommandSpec, one: CommandSpec): boolean {
  const depth = parent.name === '' ? 0 : parent.name.split(' ').length;
  return one.name.split(' ').length === depth + 1 && (parent.name === '' || one.name.startsWith(`${parent.name} `));
}

/** A word from outside, safe to print: control characters are escaped. */
export function quote(word: string): string {
  return /^[\p{L}\p{N}\p{P}\p{S}]+$/u.test(word) ? word : JSON.stringify(word).replace(/[\u007f-\u009f]/g, '?');
}
