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

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds since 1970 of `until`: Go's duration before now, RFC 3339 or a part of it (local time), or seconds. Null: no filter. */
export function untilFilter(filters: Filters, now: number): number | null {
  const values = filters['until'];
  if (values === undefined) return null;
  if (values.length > 1) throw new EngineError('InvalidArgument', 'more than one until filter specified');
  return parseUntil(values[0] ?? '', now);
}

function parseUntil(text: string, now: number): number {
  const duration = parseDuration(text);
  if (duration !== null) return now - duration;
  if (/^\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?)?(?:Z|[+-]\d\d:\d\d)?$/.test(text)) {
    const [, date = '', hours = '00', rest = '', zone = ''] =
      /^(\d{4}-\d\d-\d\d)(?:T(\d\d)((?::\d\d)*(?:\.\d+)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
    const time = Date.parse(`${date}T${hours}${rest === '' ? ':00' : rest}${zone}`);
    if (!Number.isNaN(time)) return time;
  }
  if (/^-?\d{1,15}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  throw new EngineError(
    'InvalidArgument',
    `failed to parse value as time or duration: ${JSON.stringify(text.slice(0, 100))}`,
  );
}

/** Go's time.ParseDuration in milliseconds; null for what is none. */
function parseDuration(text: string): number | null {
  if (text === '0') return 0;
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]/, '');
  if (body.length > 100 || !/^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/.test(body)) return null;
  let sum = 0;
  for (const [, value = '0', unit = 's'] of body.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(value) * (UNITS[unit] ?? 0);
  return sign * sum;
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
