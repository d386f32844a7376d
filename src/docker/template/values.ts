/**
 * Go's values, as far as templates can tell them apart. A Go int is a bigint, a float64 a number, an untyped nil is null;
 * `NO_VALUE` is what text/template calls the zero reflect.Value: a key that a map does not have.
 */
export type Value =
  | null
  | boolean
  | string
  | bigint
  | number
  | JsonNumber
  | GoList
  | GoMap
  | GoStruct
  | GoNil
  | GoTime
  | GoDuration;

export const NO_VALUE: unique symbol = Symbol('no value');
export type Result = Value | typeof NO_VALUE;

/** encoding/json's Number: a string that is a number, as decoders with UseNumber give it. */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A slice or array. A nil slice has `isNil`. */
export class GoList {
  readonly type: string;
  readonly items: readonly Value[];
  readonly isNil: boolean;
  constructor(type: string, items: readonly Value[], isNil = false) {
    this.type = type;
    this.items = items;
    this.isNil = isNil;
  }
}

/** A map with string keys. */
export class GoMap {
  readonly type: string;
  readonly entries: ReadonlyMap<string, Value>;
  readonly isNil: boolean;
  constructor(type: string, entries: ReadonlyMap<string, Value>, isNil = false) {
    this.type = type;
    this.entries = entries;
    this.isNil = isNil;
  }

  /** In the order in which Go's templates and encoders visit a map. */
  sorted(): [string, Value][] {
    return [...this.entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }
}

export interface Method {
  readonly params: readonly 'string'[];
  call(args: readonly Value[]): Value;
}

/** A field as encoding/json writes it; null: it is left out. */
export interface FieldTag {
  readonly json: string | null;
  readonly omitEmpty: boolean;
}

/** A struct, or a pointer to one. */
export class GoStruct {
  readonly type: string;
  readonly fields: ReadonlyMap<string, Value>;
  readonly tags: ReadonlyMap<string, FieldTag>;
  /** Names of fields whose own fields are this struct's too. */
  readonly embedded: readonly string[];
  readonly methods: ReadonlyMap<string, Method>;

  constructor(
    type: string,
    fields: ReadonlyMap<string, Value>,
    more: {
      tags?: ReadonlyMap<string, FieldTag>;
      embedded?: readonly string[];
      methods?: ReadonlyMap<string, Method>;
    } = {},
  ) {
    this.type = type;
    this.fields = fields;
    this.tags = more.tags ?? new Map();
    this.embedded = more.embedded ?? [];
    this.methods = more.methods ?? new Map();
  }

  get isPointer(): boolean {
    return this.type.startsWith('*');
  }

  /** What the json function shows instead of the fields; null: the fields. */
  toJson(): string | null {
    return null;
  }

  /** Its own field, or one that an embedded struct lends it. */
  field(name: string): Value | undefined {
    const own = this.fields.get(name);
    if (own !== undefined) return own;
    for (const lender of this.embedded) {
      const inner = this.fields.get(lender);
      const found = inner instanceof GoStruct ? inner.field(name) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** A nil pointer that has a type. */
export class GoNil {
  readonly type: string;
  constructor(type: string) {
    this.type = type;
  }
}

/** A time.Time, by its JSON text. */
export class GoTime {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A time.Duration: an int64 that prints as `1m30s`. */
export class GoDuration {
  readonly nanoseconds: bigint;
  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

/** The name that Go's %T prints. */
export function typeName(value: Value): string {
  if (value === null) return '<nil>';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float64';
  if (value instanceof JsonNumber) return 'json.Number';
  if (value instanceof GoTime) return 'time.Time';
  if (value instanceof GoDuration) return 'time.Duration';
  return value.type;
}

/** text/template's truth: not the zero value of its type; a struct is always true. */
export function isTrue(value: Result): boolean {
  if (value === NO_VALUE || value === null || value instanceof GoNil) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return value !== '';
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return value !== 0;
  if (value instanceof JsonNumber) return value.text !== '';
  if (value instanceof GoDuration) return value.nanoseconds !== 0n;
  if (value instanceof GoList) return value.items.length > 0;
  if (value instanceof GoMap) return value.entries.size > 0;
  return true;
}
