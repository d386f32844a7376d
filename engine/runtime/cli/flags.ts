import { parseDuration } from '../../kernel/go-time.js';

/**
 * Flags as Go's `flag` package and urfave/cli v1 read them, which runc uses: one or two dashes mean the same, `-name=value`
 * and `-name value`, switches take a value only after `=`, nothing is bundled. https://pkg.go.dev/flag
 */
export type FlagKind = 'bool' | 'string' | 'int' | 'duration' | 'strings' | 'ints';

export interface Flag {
  /** The long name first. */
  readonly names: readonly [string, ...string[]];
  readonly kind: FlagKind;
  readonly text: string;
  /** As help shows it, for a value that is not empty. */
  readonly fallback?: string;
}

/** The command line was not understood; help is shown with it. */
export class FlagError extends Error {}

/** What was given, by the long name. */
export class Flags {
  readonly #given = new Map<string, string[]>();
  readonly #flags: readonly Flag[];

  constructor(flags: readonly Flag[]) {
    this.#flags = flags;
  }

  add(flag: Flag, value: string): void {
    const list = this.#given.get(flag.names[0]) ?? [];
    list.push(value);
    this.#given.set(flag.names[0], list);
  }

  isSet(name: string): boolean {
    return this.#given.has(name);
  }

  bool(name: string): boolean {
    return parseBool(this.#last(name) ?? 'false') === true;
  }

  string(name: string): string {
    return this.#last(name) ?? this.#flags.find((flag) => flag.names[0] === name)?.fallback ?? '';
  }

  int(name: string): number {
    return Number(parseInteger(this.#last(name) ?? '0'));
  }

  /** Milliseconds. */
  duration(name: string): number {
    return parseDuration(this.string(name)) ?? 0;
  }

  strings(name: string): readonly string[] {
    return this.#given.get(name) ?? [];
  }

  #last(name: string): string | undefined {
    return this.#given.get(name)?.at(-1);
  }
}

/**
 * Read flags from the front of `argv`, and with `anywhere` also known ones behind arguments, up to `--`.
 * @returns the flags and the words that are none
 */
export function parseFlags(
  flags: readonly Flag[],
  argv: readonly string[],
  anywhere: boolean,
): { flags: Flags; rest: string[] } {
  const values = new Flags(flags);
  const asNamed = new Map<Flag, string>();
  const rest: string[] = [];
  let index = 0;
  for (; index < argv.length; index++) {
    const word = argv[index]!;
    if (word === '--') {
      index++;
      break;
    }
    if (word === '-' || !word.startsWith('-')) {
      if (!anywhere) break;
      rest.push(word);
      continue;
    }
    const { name, inline } = split(word);
    const flag = flags.find((one) => one.names.includes(name));
    if (flag === undefined) {
      if (rest.length === 0) throw new FlagError(`flag provided but not defined: -${name}`);
      rest.push(word);
      continue;
    }
    const other = asNamed.get(flag) ?? name;
    if (other !== name) throw new FlagError(`Cannot use two forms of the same flag: ${name} ${other}`);
    asNamed.set(flag, name);
    const value = inline ?? (flag.kind === 'bool' ? 'true' : argv[++index]);
    if (value === undefined) throw new FlagError(`flag needs an argument: -${name}`);
    const wrong = problemOf(flag.kind, value);
    if (wrong !== null) {
      throw new FlagError(
        flag.kind === 'bool'
          ? `invalid boolean value ${JSON.stringify(value)} for -${name}: ${wrong}`
          : `invalid value ${JSON.stringify(value)} for flag -${name}: ${wrong}`,
      );
    }
    values.add(flag, value);
  }
  rest.push(...argv.slice(index));
  return { flags: values, rest };
}

function split(word: string): { name: string; inline: string | undefined } {
  const bare = word.slice(word.startsWith('--') ? 2 : 1);
  if (bare === '' || bare.startsWith('-') || bare.startsWith('=')) throw new FlagError(`bad flag syntax: ${word}`);
  const equals = bare.indexOf('=');
  return equals < 0
    ? { name: bare, inline: undefined }
    : { name: bare.slice(0, equals), inline: bare.slice(equals + 1) };
}

/** Why a value does not fit, in Go's words; null when it does. */
function problemOf(kind: FlagKind, value: string): string | null {
  if (kind === 'bool') return parseBool(value) === null ? 'parse error' : null;
  if (kind === 'duration') return parseDuration(value) === null ? 'parse error' : null;
  if (kind === 'int' || kind === 'ints') {
    const number = parseInteger(value);
    if (number === null)
      return kind === 'int' ? 'parse error' : `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`;
    if (BigInt.asIntN(64, number) !== number) return 'value out of range';
  }
  return null;
}

/** strconv.ParseBool. */
export function parseBool(text: string): boolean | null {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : null;
}

/** strconv.ParseInt with base 0: decimal, 0x, 0o or a leading 0, 0b. */
export function parseInteger(text: string): bigint | null {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[0-9]+)$/.exec(text);
  if (match === null) return null;
  const digits = /^0[0-7]+$/.test(match[2]!) ? `0o${match[2]!.slice(1)}` : match[2]!;
  if (/^0[89]/.test(digits)) return null;
  return match[1] === '-' ? -BigInt(digits) : BigInt(digits);
}
