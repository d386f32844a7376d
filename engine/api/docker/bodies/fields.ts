import { EngineError } from '../../../kernel/errors.js';

/** Longest string and longest list of a body. */
const MAX_TEXT = 1 << 20;
const MAX_ITEMS = 1 << 16;

export function bad(message: string): never {
  throw new EngineError('InvalidArgument', message);
}

/** Widths of Go's numbers, as its error messages name them. */
type GoInteger = 'int' | 'int64' | 'uint' | 'uint16' | 'uint32' | 'uint64';
const RANGES: Readonly<Record<GoInteger, readonly [number, number]>> = {
  int: [-(2 ** 63), 2 ** 63],
  int64: [-(2 ** 63), 2 ** 63],
  uint: [0, 2 ** 64],
  uint16: [0, 65_535],
  uint32: [0, 4_294_967_295],
  uint64: [0, 2 ** 64],
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}

/**
 * An object of a JSON body, read as Go's encoding/json reads into a struct: names match in any case, the last one of several
 * wins, null and absence are the zero value, unknown names are passed over, another type is refused in Go's words. Values are
 * copied out one by one; nothing of the sender's object is kept.
 */
export class Fields {
  readonly #values = new Map<string, unknown>();
  readonly #struct: string;
  readonly #path: string;

  constructor(value: unknown, struct: string, path = '') {
    this.#struct = struct;
    this.#path = path;
    if (value === null || value === undefined) return;
    if (typeof value !== 'object' || Array.isArray(value)) {
      const where = path === '' ? `Go value of type ${struct}` : `Go struct field ${struct}.${path} of type ${struct}`;
      bad(`invalid JSON: json: cannot unmarshal ${kindOf(value)} into ${where}`);
    }
    for (const [name, field] of Object.entries(value)) this.#values.set(name.toLowerCase(), field);
  }

  has(name: string): boolean {
    return (this.#values.get(name.toLowerCase()) ?? null) !== null;
  }

  string(name: string): string {
    return this.#text(this.#get(name), name) ?? '';
  }

  boolean(name: string): boolean {
    return this.maybeBoolean(name) ?? false;
  }

  maybeBoolean(name: string): boolean | null {
    const value = this.#get(name);
    if (value === null) return null;
    return typeof value === 'boolean' ? value : this.#mismatch(value, name, 'bool');
  }

  integer(name: string, type: GoInteger = 'int64'): number {
    return this.maybeInteger(name, type) ?? 0;
  }

  maybeInteger(name: string, type: GoInteger = 'int64'): number | null {
    const value = this.#get(name);
    if (value === null) return null;
    const [min, max] = RANGES[type];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      return this.#mismatch(value, name, type);
    return value;
  }

  strings(name: string): string[] | null {
    return this.#list(name, '[]string')?.map((item) => this.#text(item, name) ?? '') ?? null;
  }

  /** Go's strslice.StrSlice: one string stands for a list of it. */
  words(name: string): string[] | null {
    const value = this.#get(name);
    return typeof value === 'string' ? [this.#text(value, name) ?? ''] : this.strings(name);
  }

  map(name: string): Record<string, string> | null {
    return this.#entries(name, 'map[string]string', (value) => this.#text(value, name) ?? '');
  }

  /** `{"80/tcp": {}}`: the names alone say something. */
  set(name: string): Record<string, Record<string, never>> | null {
    return this.#entries(name, 'map[string]struct {}', (value) => {
      if (value !== null && (typeof value !== 'object' || Array.isArray(value)))
        this.#mismatch(value, name, 'struct {}');
      return {};
    });
  }

  object(name: string): Fields | null {
    const value = this.#get(name);
    return value === null ? null : this.#below(value, name);
  }

  objects(name: string): Fields[] | null {
    return this.#list(name, '[]struct')?.map((item) => this.#below(item, name)) ?? null;
  }

  /** `{name: object}`. */
  objectsByName(name: string): Record<string, Fields> | null {
    return this.#entries(name, 'map[string]struct', (value) => this.#below(value, name));
  }

  /** `{name: [object]}`; null lists stay null. */
  listsByName(name: string): Record<string, Fields[] | null> | null {
    return this.#entries(name, 'map[string][]struct', (value) => {
      if (value === null) return null;
      if (!Array.isArray(value)) return this.#mismatch(value, name, '[]struct');
      return this.#bounded(value, name).map((item) => this.#below(item, name));
    });
  }

  numbers(name: string): number[] | null {
    return (
      this.#list(name, '[2]uint')?.map((item) =>
        typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 0xffff_ffff
          ? item
          : this.#mismatch(item, name, 'uint'),
      ) ?? null
    );
  }

  /** Lists whose items nobody here understands. */
  unknowns(name: string): unknown[] | null {
    return this.#list(name, '[]struct')?.map((item) => structuredClone(item)) ?? null;
  }

  /** A list of lists of strings. */
  table(name: string): string[][] | null {
    return (
      this.#list(name, '[][]string')?.map((row) =>
        Array.isArray(row)
          ? this.#bounded(row, name).map((cell) => this.#text(cell, name) ?? '')
          : this.#mismatch(row, name, '[]string'),
      ) ?? null
    );
  }

  #get(name: string): unknown {
    return this.#values.get(name.toLowerCase()) ?? null;
  }

  #text(value: unknown, name: string): string | null {
    if (value === null) return null;
    if (typeof value !== 'string') return this.#mismatch(value, name, 'string');
    if (value.length > MAX_TEXT) return bad(`${this.#at(name)} is longer than ${MAX_TEXT} characters`);
    if (value.includes('\0')) return bad(`${this.#at(name)} contains a NUL character`);
    return value;
  }

  #list(name: string, type: string): unknown[] | null {
    const value = this.#get(name);
    if (value === null) return null;
    if (!Array.isArray(value)) return this.#mismatch(value, name, type);
    return this.#bounded(value, name);
  }

  #bounded(list: unknown[], name: string): unknown[] {
    return list.length <= MAX_ITEMS ? list : bad(`${this.#at(name)} has more than ${MAX_ITEMS} entries`);
  }

  #entries<T>(name: string, type: string, convert: (value: unknown) => T): Record<string, T> | null {
    const value = this.#get(name);
    if (value === null) return null;
    if (typeof value !== 'object' || Array.isArray(value)) return this.#mismatch(value, name, type);
    const entries = Object.entries(value);
    if (entries.length > MAX_ITEMS) bad(`${this.#at(name)} has more than ${MAX_ITEMS} entries`);
    // fromEntries defines properties: a name such as __proto__ is one like any other
    return Object.fromEntries(
      entries.map(([key, item]): [string, T] => [this.#text(key, name) ?? '', convert(item as unknown)]),
    );
  }

  #below(value: unknown, name: string): Fields {
    if (value !== null && (typeof value !== 'object' || Array.isArray(value))) this.#mismatch(value, name, name);
    return new Fields(value, this.#struct, this.#at(name));
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #mismatch(value: unknown, name: string, type: string): never {
    const kind = typeof value === 'number' && type !== 'string' && type !== 'bool' ? `number ${value}` : kindOf(value);
    return bad(
      `invalid JSON: json: cannot unmarshal ${kind} into Go struct field ${this.#struct}.${this.#at(name)} of type ${type}`,
    );
  }
}

/** Without the keys whose value is undefined: what was not said stays unsaid. */
export function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
