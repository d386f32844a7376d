import { EngineError } from '../../kernel/errors.js';

/** Reads the fields of an untrusted JSON object, naming the field that is not what it must be. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #what: string;

  constructor(value: unknown, what: string) {
    this.#what = what;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.refuse('', 'is not an object');
    this.#values = value as Readonly<Record<string, unknown>>;
  }

  refuse(key: string, why: string): never {
    throw new EngineError('InvalidArgument', `${this.#what}${key === '' ? '' : `: ${key}`} ${why}`);
  }

  keys(): string[] {
    return Object.keys(this.#values);
  }

  /** Undefined for what is absent; and for null, which Go writes for what is empty. */
  get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** NUL is refused: no name, path or argument of the kernel can hold one. */
  string(key: string, max = 1 << 20): string | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    return this.#text(key, value, max);
  }

  need(key: string, max?: number): string {
    return this.string(key, max) ?? this.refuse(key, 'is missing');
  }

  integer(key: string, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max)
      this.refuse(key, `is not a whole number from ${min} to ${max}`);
    return value;
  }

  boolean(key: string): boolean | undefined {
    const value = this.get(key);
    if (value !== undefined && typeof value !== 'boolean') this.refuse(key, 'is not true or false');
    return value;
  }

  list(key: string, max: number): readonly unknown[] | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.length > max) this.refuse(key, `is not a list of at most ${max}`);
    return value as readonly unknown[];
  }

  strings(key: string, max = 65_536): readonly string[] | undefined {
    return this.list(key, max)?.map((value) => this.#text(key, value, 1 << 20));
  }

  map(key: string, max = 65_536): Readonly<Record<string, string>> | undefined {
    return this.#entries(key, max, (value) => this.#text(key, value, 1 << 20));
  }

  /** `{"80/tcp": {}}`: only the keys say something. */
  set(key: string, max = 65_536): Readonly<Record<string, Record<string, never>>> | undefined {
    return this.#entries(key, max, (value) =>
      typeof value === 'object' ? {} : this.refuse(key, 'is not a set of names'),
    );
  }

  fields(key: string): Fields | undefined {
    const value = this.get(key);
    return value === undefined ? undefined : new Fields(value, `${this.#what}: ${key}`);
  }

  /** Key by key into an object of which `__proto__` is a key like any other. */
  #entries<T>(key: string, max: number, read: (value: unknown) => T): Readonly<Record<string, T>> | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const entries = typeof value === 'object' && !Array.isArray(value) ? Object.entries(value as object) : null;
    if (entries === null || entries.length > max) this.refuse(key, `is not an object of at most ${max}`);
    return Object.fromEntries(
      entries.map(([name, content]) => [this.#text(key, name, 65_536), read(content as unknown)]),
    );
  }

  #text(key: string, value: unknown, max: number): string {
    if (typeof value !== 'string' || value.length > max || value.includes('\0'))
      this.refuse(key, `is not a string of at most ${max} characters`);
    return value;
  }
}

/** An object without the keys that have no value. */
export function present<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
