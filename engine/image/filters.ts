import { EngineError } from '../kernel/errors.js';
import { familiar, familiarName, type Reference } from './reference.js';

export type Filters = Readonly<Record<string, readonly string[]>>;
type Labels = Readonly<Record<string, string>>;

/** As moby's filters.Args: an unknown filter is refused by name. */
export function checkFilters(filters: Filters, known: readonly string[]): void {
  for (const name of Object.keys(filters)) if (!known.includes(name)) invalid(name);
}

function invalid(name: string, values?: readonly string[]): never {
  const shown = values === undefined ? '' : `=[${values.join(' ')}]`;
  throw new EngineError('InvalidArgument', `invalid filter '${name}${shown}'`);
}

/** `dangling=true`, `1`, `false`, `0`; both or neither is an error. */
export function booleanFilter(filters: Filters, name: string): boolean | null {
  const values = filters[name];
  if (values === undefined) return null;
  const isTrue = values.includes('1') || values.includes('true');
  const isFalse = values.includes('0') || values.includes('false');
  if (isTrue === isFalse) invalid(name, values.length === 0 ? undefined : values);
  return isTrue;
}

/** All of `label=key` and `label=key=value` must be so. */
export function matchesLabels(wanted: readonly string[], labels: Labels): boolean {
  return wanted.every((one) => {
    const at = one.indexOf('=');
    const key = at < 0 ? one : one.slice(0, at);
    return Object.hasOwn(labels, key) && (at < 0 || labels[key] === one.slice(at + 1));
  });
}

/** `label` and `label!` of prune. */
export function passesLabels(filters: Filters, labels: Labels): boolean {
  const without = filters['label!'];
  return matchesLabels(filters['label'] ?? [], labels) && (without === undefined || !matchesLabels(without, labels));
}

/** `reference=busy*:1.*`: against the familiar name, with and without tag or digest. */
export function matchesReference(pattern: string, reference: Reference): boolean {
  return matchesPath(pattern, familiar(reference)) || matchesPath(pattern, familiarName(reference));
}

interface Part {
  readonly stars: boolean;
  /** Each for one character. */
  readonly tests: readonly ((character: string) => boolean)[];
}

/** Go's path.Match: `*` and `?` stop at a slash, `[a-z]`, `[^a]`, `\*`. In at most pattern times text steps. */
export function matchesPath(pattern: string, text: string): boolean {
  const parts = splitPattern(pattern.slice(0, 4096));
  const characters = [...text];
  const fits = ({ tests }: Part, at: number): boolean =>
    at + tests.length <= characters.length && tests.every((test, i) => test(characters[at + i] as string));
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    const ends = (from: number): boolean => !isLast || from + part.tests.length === characters.length;
    let from = at;
    while (!(fits(part, from) && ends(from))) {
      if (!part.stars || from >= characters.length || characters[from] === '/') return false;
      from += 1;
    }
    at = from + part.tests.length;
  }
  return at === characters.length;
}

function splitPattern(pattern: string): Part[] {
  const parts: { stars: boolean; tests: ((character: string) => boolean)[] }[] = [{ stars: false, tests: [] }];
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string;
    const tests = parts.at(-1)!.tests;
    if (character === '*') {
      if (tests.length > 0 || !parts.at(-1)!.stars) parts.push({ stars: true, tests: [] });
    } else if (character === '?') tests.push((one) => one !== '/');
    else if (character === '[') {
      const { test, end } = characterClass(characters, i + 1);
      tests.push(test);
      i = end;
    } else if (character === '\\') {
      i += 1;
      const literal = characters[i] ?? badPattern();
      tests.push((one) => one === literal);
    } else tests.push((one) => one === character);
  }
  return parts;
}

function characterClass(characters: readonly string[], start: number): { test: (c: string) => boolean; end: number } {
  let at = start;
  const isNegated = characters[at] === '^';
  if (isNegated) at += 1;
  const ranges: (readonly [string, string])[] = [];
  const next = (): string => {
    const character = characters[at];
    if (character === undefined || character === '-' || (character === ']' && ranges.length === 0)) return badPattern();
    at += 1;
    if (character !== '\\') return character;
    at += 1;
    return characters[at - 1] ?? badPattern();
  };
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = next();
    if (characters[at] !== '-') ranges.push([low, low]);
    else {
      at += 1;
      ranges.push([low, next()]);
    }
  }
  return { test: (one) => ranges.some(([low, high]) => low <= one && one <= high) !== isNegated, end: at };
}

function badPattern(): never {
  throw new EngineError('InvalidArgument', 'syntax error in pattern');
}
