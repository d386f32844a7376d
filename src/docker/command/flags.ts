import { CliError, EXIT_USAGE } from '../errors.js';
import { parseBool } from '../opts/bool.js';
import { checkValue } from './check-value.js';
import type { CommandSpec, FlagSpec } from './spec.js';

/** What was typed, read by pflag's rules. */
export class Flags {
  readonly #specs: ReadonlyMap<string, FlagSpec>;
  readonly #values = new Map<string, string[]>();

  constructor(specs: readonly FlagSpec[]) {
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]));
  }

  set(name: string, value: string): void {
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }

  /** Whether it was typed. */
  changed(name: string): boolean {
    return this.#values.has(name);
  }

  /** The last value, or the default. */
  string(name: string): string {
    const initial = this.#specs.get(name)?.initial ?? '';
    return this.#values.get(name)?.at(-1) ?? initial.replace(/^"(.*)"$/, '$1');
  }

  bool(name: string): boolean {
    return parseBool(this.string(name)) === true;
  }

  /** The last value, or the default, or 0. */
  number(name: string): number {
    const value = this.string(name);
    return value === '' ? 0 : Number(value);
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** A flag whose values may be joined by commas. */
  split(name: string): readonly string[] {
    return this.list(name).flatMap((value) => value.split(','));
  }
}

/** A flag that cannot be read: the parser's caller puts the usage behind it. */
export class FlagProblem extends CliError {
  constructor(message: string) {
    super(message, EXIT_USAGE);
  }
}

export interface Parsed {
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly wantsHelp: boolean;
  /** Help was asked for by -h. */
  readonly wantsHelpShortly: boolean;
}

/** Read words by pflag's rules; `stopsAtArgument`: the first word that is no flag ends them. */
export function parseFlags(
  specs: readonly FlagSpec[],
  words: readonly string[],
  stopsAtArgument: boolean,
  check: (spec: FlagSpec, value: string) => void = checkFlag,
): Parsed {
  const long = new Map(specs.map((spec) => [spec.name, spec]));
  const short = new Map(specs.flatMap((spec) => (spec.short === null ? [] : [[spec.short, spec] as const])));
  const flags = new Flags(specs);
  const args: string[] = [];
  let wantsHelp = false;
  let wantsHelpShortly = false;
  const set = (spec: FlagSpec, value: string): void => {
    check(spec, value);
    flags.set(spec.name, value);
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--') {
      args.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      if (stopsAtArgument) {
        args.push(...words.slice(at));
        break;
      }
      args.push(word);
      continue;
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = word.slice(2, equals < 0 ? undefined : equals);
      if (name === '' || name.startsWith('-')) throw new FlagProblem(`bad flag syntax: ${word}`);
      const spec = long.get(name);
      if (spec === undefined) {
        if (name !== 'help') throw new FlagProblem(`unknown flag: --${name}`);
        wantsHelp = true;
      } else if (equals >= 0) set(spec, word.slice(equals + 1));
      else if (spec.kind === 'bool') set(spec, 'true');
      else {
        const value = words[++at];
        if (value === undefined) throw new FlagProblem(`flag needs an argument: --${name}`);
        set(spec, value);
      }
      continue;
    }
    for (let rest = word.slice(1); rest !== ''; ) {
      const letter = rest[0] ?? '';
      const spec = short.get(letter);
      if (spec === undefined) {
        if (letter !== 'h') throw new FlagProblem(`unknown shorthand flag: ${quoteLetter(letter)} in -${rest}`);
        wantsHelp = true;
        wantsHelpShortly = true;
        rest = rest.slice(1);
      } else if (rest[1] === '=') {
        set(spec, rest.slice(2));
        break;
      } else if (spec.kind === 'bool') {
        set(spec, 'true');
        rest = rest.slice(1);
      } else {
        const value = rest.length > 1 ? rest.slice(1) : words[++at];
        if (value === undefined) throw new FlagProblem(`flag needs an argument: ${quoteLetter(letter)} in -${rest}`);
        set(spec, value);
        break;
      }
    }
  }
  return { flags, args, wantsHelp, wantsHelpShortly };
}

const quoteLetter = (letter: string): string => `'${letter}'`;

/** Docker's sentence around why a value is refused. */
export function checkFlag(spec: FlagSpec, value: string): void {
  const problem = checkValue(spec, value);
  if (problem === null) return;
  const names = spec.short === null ? `--${spec.name}` : `-${spec.short}, --${spec.name}`;
  throw new FlagProblem(`invalid argument ${JSON.stringify(value)} for "${names}" flag: ${problem}`);
}

export function parseCommand(spec: CommandSpec, words: readonly string[]): Parsed {
  return parseFlags(spec.flags, words, spec.stopsAtArgument === true);
}
