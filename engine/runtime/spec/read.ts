import { EngineError } from '../../kernel/errors.js';
import { guard } from '../guards.js';
import { Fraction } from './json.js';

/** A value of the document and its JSON path (`linux.devices[2].major`). As in Go's decoder null is the same as absent. */
export interface At {
  readonly value: unknown;
  readonly path: string;
}

/** Bytes without the closing NUL that the kernel takes: a path (PATH_MAX), one argument of execve(2) (MAX_ARG_STRLEN). */
export const MAX_PATH = 4095;
export const MAX_TEXT = 131_071;
/** NGROUPS_MAX; no other list comes near it. */
export const MAX_LIST = 65_536;
/** execve(2) takes 6 MiB of arguments and environment together and counts 8 bytes for each one's pointer. */
export const MAX_ARGUMENTS = (6 << 20) / 8;

/** The ranges of C types and of what the kernel accepts where it is narrower. */
const RANGES = {
  uint16: [0n, 0xffffn],
  int32: [-(1n << 31n), (1n << 31n) - 1n],
  uint32: [0n, (1n << 32n) - 1n],
  int64: [-(1n << 63n), (1n << 63n) - 1n],
  uint64: [0n, (1n << 64n) - 1n],
  /** A uid or gid of a process: runc's own bound, which keeps (uid_t)-1, "leave as it is" in setresuid(2), out. */
  id: [0n, (1n << 31n) - 1n],
  /** 12 and 20 bits: MAJOR and MINOR of linux/kdev_t.h; more would silently become another device. */
  major: [0n, (1n << 12n) - 1n],
  minor: [0n, (1n << 20n) - 1n],
  /** A device number in a rule, -1 for any. */
  anyDevice: [-1n, (1n << 32n) - 1n],
  safe: [-(2n ** 53n - 1n), 2n ** 53n - 1n],
  /** proc(5), oom_score_adj. */
  oomScore: [-1000n, 1000n],
  /** Seconds; a hook without a positive timeout could only fail (config.md, "POSIX-platform Hooks"). */
  timeout: [1n, (1n << 31n) - 1n],
  percent: [0n, 100n],
  nanoseconds: [0n, 999_999_999n],
} as const;
export type Range = keyof typeof RANGES;

export function fail(at: At, expected: string): never {
  throw new EngineError('InvalidArgument', `${at.path} is ${describe(at.value)}; expected ${expected}`, {
    details: { field: at.path },
  });
}

export function isAbsent(at: At): boolean {
  return at.value === undefined || at.value === null;
}

/** The member `key` of an object; of an absent object every member is absent. */
export function member(at: At, key: string): At {
  const path = at.path === '' ? key : `${at.path}.${key}`;
  const object = objectOf(at);
  return { path, value: object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined };
}

export function objectOf(at: At): Readonly<Record<string, unknown>> | undefined {
  if (isAbsent(at)) return undefined;
  const { value } = at;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Fraction)
    return fail(at, 'an object');
  return value as Readonly<Record<string, unknown>>;
}

/** `read` is called for a present object only. */
export function optional<T>(at: At, read: (at: At) => T): T | undefined {
  return objectOf(at) === undefined ? undefined : read(at);
}

export function list<T>(at: At, read: (at: At) => T, max = MAX_LIST): T[] {
  if (isAbsent(at)) return [];
  const { value, path } = at;
  if (!Array.isArray(value)) return fail(at, 'a list');
  if (value.length > max) return fail(at, `at most ${max}`);
  return Array.from(value, (item: unknown, index) => read({ value: item, path: `${path}[${index}]` }));
}

/** An object as a dictionary. `__proto__` becomes a key of its own. */
export function map<T>(at: At, read: (at: At, key: string) => T): Record<string, T> {
  const entries = Object.entries(objectOf(at) ?? {});
  if (entries.length > MAX_LIST) return fail(at, `at most ${MAX_LIST} keys`);
  return Object.fromEntries(
    entries.map(([key, value]): [string, T] => {
      const item = { value, path: `${at.path}[${JSON.stringify(key.slice(0, 60))}]` };
      plain({ value: key, path: `${item.path} (its name)` }, MAX_PATH);
      return [key, read(item, key)];
    }),
  );
}

export function text(at: At, max = MAX_TEXT): string | undefined {
  return isAbsent(at) ? undefined : plain(at, max);
}

/** A string that is there: a list's item, or a member that Go's decoder would make empty. */
export function item(at: At, max = MAX_TEXT): string {
  return plain(at, max);
}

export function texts(at: At, max = MAX_TEXT, most = MAX_LIST): string[] {
  return list(at, (one) => plain(one, max), most);
}

/** Absent and empty mean the same: a member that Go's decoder leaves out when empty. */
export function filled(at: At, max = MAX_TEXT): string | undefined {
  const value = text(at, max);
  return value === '' ? undefined : value;
}

export function word<T extends string>(at: At, words: readonly T[]): T {
  const value = words.find((one) => one === at.value);
  return value ?? fail(at, words.length === 1 ? `${words[0]}` : `one of ${words.join(', ')}`);
}

export function flag(at: At): boolean | undefined {
  if (isAbsent(at)) return undefined;
  return typeof at.value === 'boolean' ? at.value : fail(at, 'true or false');
}

/** For fields that need all 64 bits. */
export function big(at: At, range: Range): bigint | undefined {
  if (isAbsent(at)) return undefined;
  const [min, max] = RANGES[range];
  const { value } = at;
  const exact = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
  if (exact !== undefined && exact >= min && exact <= max) return exact;
  if (range === 'id' && exact !== undefined && !guard('user-bounds')) return BigInt.asUintN(32, exact);
  const isRounded =
    exact === undefined && Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return fail(at, isRounded ? 'a number that was not rounded before' : `a whole number from ${min} to ${max}`);
}

/** For fields whose range a double holds exactly. */
export function whole(at: At, range: Exclude<Range, 'int64' | 'uint64'>): number | undefined {
  const value = big(at, range);
  return value === undefined ? undefined : Number(value);
}

/** Drop the keys whose value is undefined: what is absent in the file is absent here. */
export function present<T extends object>(
  value: T,
): { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
} {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as ReturnType<
    typeof present<T>
  >;
}

function plain(at: At, max: number): string {
  const { value } = at;
  if (typeof value !== 'string') return fail(at, 'a string');
  if (value.includes('\0')) return fail({ ...at, value: new Shown('a string with a NUL byte') }, 'a string without');
  // A UTF-16 unit makes at most three bytes: short strings need no count.
  if (value.length * 3 > max && Buffer.byteLength(value) > max)
    return fail({ ...at, value: new Shown(`${Buffer.byteLength(value)} bytes long`) }, `at most ${max}`);
  return value;
}

/** Words for a value that would not show what is wrong with it. */
class Shown {
  readonly words: string;
  constructor(words: string) {
    this.words = words;
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (value instanceof Shown) return value.words;
  if (value instanceof Fraction) return value.literal.slice(0, 40);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  switch (typeof value) {
    case 'object':
      return 'an object';
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return `a ${typeof value}`;
  }
}
