import { bad } from './fields.js';

/** What stands behind `?` of a request, read as dockerd reads a form. */
export class Query {
  readonly #parameters: URLSearchParams;

  constructor(text: string) {
    this.#parameters = new URLSearchParams(text);
  }

  has(name: string): boolean {
    return this.#parameters.has(name);
  }

  text(name: string): string {
    const value = this.#parameters.get(name) ?? '';
    return value.includes('\0') ? bad(`${name} contains a NUL character`) : value;
  }

  all(name: string): string[] {
    return this.#parameters.getAll(name).map((value) => (value.includes('\0') ? bad(`${name} contains a NUL`) : value));
  }

  /** Everything but empty, 0, no, false and none is true: httputils.BoolValue. */
  flag(name: string, fallback = false): boolean {
    if (!this.#parameters.has(name)) return fallback;
    return !['', '0', 'no', 'false', 'none'].includes(this.text(name).trim().toLowerCase());
  }

  /** A whole number as Go's strconv.Atoi takes it; null when nothing is said. */
  integer(name: string): number | null {
    const text = this.text(name);
    if (text === '') return null;
    if (!/^[+-]?\d{1,19}$/.test(text)) return bad(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
    const value = Number(text);
    return Number.isSafeInteger(value)
      ? value
      : bad(`strconv.Atoi: parsing ${JSON.stringify(text)}: value out of range`);
  }

  /** Rows and columns of a terminal. */
  cells(name: 'h' | 'w'): number {
    const text = this.text(name);
    const what = `invalid resize ${name === 'h' ? 'height' : 'width'} ${JSON.stringify(text)}`;
    if (text === '') return bad(`${what}: value is empty`);
    if (!/^\d+$/.test(text)) return bad(`${what}: invalid syntax`);
    const value = Number(text);
    return value <= 0xffff_ffff ? value : bad(`${what}: value out of range`);
  }

  /** The same to the nanosecond, of which a number of today has no room for: two lines of a log may be that near. */
  nanoseconds(name: string): bigint | null {
    const match = /^(\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(this.text(name));
    if (match !== null) return BigInt(match[1] ?? 0) * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
    const seconds = this.seconds(name);
    return seconds === null ? null : BigInt(Math.round(seconds * 1e3)) * 1_000_000n;
  }

  /** Seconds of Unix time, with nanoseconds behind a point; null when nothing is said. */
  seconds(name: string): number | null {
    const text = this.text(name);
    if (text === '') return null;
    if (/^-?\d{1,15}(\.\d{1,9}\d*)?$/.test(text)) return Number(text);
    const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(time)) return bad(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    return time / 1000;
  }
}

export type Filters = Readonly<Record<string, readonly string[]>>;

const MAX_FILTERS = 1 << 12;

/**
 * `filters`: `{"status": ["running"]}` of the first versions or `{"status": {"running": true}}` of the later ones. `taken`
 * names those that this list knows; null: all are passed on.
 */
export function parseFilters(query: Query, taken: readonly string[] | null): Filters {
  const text = query.text('filters');
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return bad(`invalid filter${error instanceof SyntaxError ? '' : `: ${String(error)}`}`);
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return bad('invalid filter');
  const filters: [string, string[]][] = [];
  for (const [name, wanted] of Object.entries(value)) {
    if (taken !== null && !taken.includes(name)) return bad(`invalid filter '${name.slice(0, 200)}'`);
    filters.push([name, valuesOf(wanted)]);
  }
  return Object.fromEntries(filters);
}

function valuesOf(wanted: unknown): string[] {
  if (typeof wanted !== 'object' || wanted === null) return bad('invalid filter');
  const values: unknown[] = Array.isArray(wanted)
    ? wanted
    : Object.entries(wanted).flatMap(([value, on]) =>
        on === true ? [value] : on === false ? [] : bad('invalid filter'),
      );
  if (values.length > MAX_FILTERS) return bad('invalid filter');
  return values.map((value) => (typeof value === 'string' && !value.includes('\0') ? value : bad('invalid filter')));
}
