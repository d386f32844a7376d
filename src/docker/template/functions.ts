import { show, sprint, sprintln } from './print.js';
import { sprintf } from './printf.js';
import {
  GoDuration,
  GoList,
  GoMap,
  GoNil,
  isTrue,
  JsonNumber,
  NO_VALUE,
  type Result,
  typeName,
  type Value,
} from './values.js';

/** How many characters one evaluation may make. */
export const ROOM = 64 << 20;

/** Something that a template calls: how many arguments it takes, of which types, and what it answers. */
export interface TemplateFunction {
  readonly min: number;
  readonly max: number;
  /** Go types of the parameters where a call is checked before it is made; the last stands for the rest. */
  readonly params?: readonly ('string' | 'int' | '[]string')[];
  call(args: readonly Result[]): Result;
}

/** A function said no: the message stands behind "error calling NAME: ". */
export class CallError extends Error {}

const variadic = (min: number, call: (args: readonly Result[]) => Result): TemplateFunction => ({
  min,
  max: Number.POSITIVE_INFINITY,
  call,
});

/** The functions of every Go template: text/template/funcs.go. and and or are the evaluator's: they stop early. */
export const BUILTINS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['and', variadic(1, (args) => args.find((arg) => !isTrue(arg)) ?? args.at(-1) ?? null)],
  ['or', variadic(1, (args) => args.find(isTrue) ?? args.at(-1) ?? null)],
  ['not', { min: 1, max: 1, call: ([arg = null]) => !isTrue(arg) }],
  ['len', { min: 1, max: 1, call: ([arg = null]) => length(arg) }],
  ['index', variadic(1, ([item = null, ...keys]) => keys.reduce<Result>(indexed, item === NO_VALUE ? null : item))],
  ['slice', variadic(1, ([item = null, ...bounds]) => sliced(item, bounds))],
  ['print', variadic(0, sprint)],
  ['println', variadic(0, sprintln)],
  ['printf', { ...variadic(1, ([format = '', ...args]) => sprintf(String(format), args, ROOM)), params: ['string'] }],
  ['html', variadic(0, (args) => escapeHtml(sprint(args)))],
  ['js', variadic(0, (args) => escapeJs(sprint(args)))],
  ['urlquery', variadic(0, (args) => escapeQuery(sprint(args)))],
  ['eq', variadic(1, equals)],
  ['ne', { min: 2, max: 2, call: ([a = null, b = null]) => !same(a, b) }],
  ['lt', { min: 2, max: 2, call: ([a = null, b = null]) => less(a, b) }],
  ['le', { min: 2, max: 2, call: ([a = null, b = null]) => less(a, b) || same(a, b) }],
  ['gt', { min: 2, max: 2, call: ([a = null, b = null]) => !(less(a, b) || same(a, b)) }],
  ['ge', { min: 2, max: 2, call: ([a = null, b = null]) => !less(a, b) }],
  [
    'call',
    variadic(1, ([arg = null]) => {
      if (arg === null || arg === NO_VALUE) throw new CallError('call of nil');
      throw new CallError(`non-function of type ${typeName(arg)}`);
    }),
  ],
]);

function length(arg: Result): bigint {
  if (typeof arg === 'string') return BigInt(Buffer.byteLength(arg));
  if (arg instanceof GoList) return BigInt(arg.items.length);
  if (arg instanceof GoMap) return BigInt(arg.entries.size);
  if (arg === null || arg === NO_VALUE) throw new CallError('len of nil pointer');
  if (arg instanceof GoNil) throw new CallError('len of nil pointer');
  throw new CallError(`len of type ${typeName(arg)}`);
}

function position(key: Result, size: number): number {
  if (key === null || key === NO_VALUE) throw new CallError('cannot index slice/array with nil');
  if (typeof key !== 'bigint') throw new CallError(`cannot index slice/array with type ${typeName(key)}`);
  if (key < 0n || key > BigInt(size)) throw new CallError(`index out of range: ${key}`);
  return Number(key);
}

function indexed(item: Result, key: Result): Result {
  if (item === null || item === NO_VALUE) throw new CallError('index of untyped nil');
  if (item instanceof GoNil) throw new CallError('index of nil pointer');
  if (item instanceof GoMap) {
    if (typeof key !== 'string')
      throw new CallError(
        key === null || key === NO_VALUE
          ? 'value is nil; should be of type string'
          : `value has type ${typeName(key)}; should be string`,
      );
    return item.entries.get(key) ?? zeroOf(item.type.replace(/^map\[string\]/, ''));
  }
  if (item instanceof GoList || typeof item === 'string') {
    const items = item instanceof GoList ? item.items : Buffer.from(item);
    const at = position(key, items.length);
    const found = items[at];
    if (found === undefined) throw new CallError(`index out of range: ${at}`);
    return typeof found === 'number' && typeof item === 'string' ? BigInt(found) : found;
  }
  throw new CallError(`can't index item of type ${typeName(item)}`);
}

/** What Go gives for a key that a map of this element type does not have. */
function zeroOf(type: string): Value {
  if (type === 'string') return '';
  if (type === 'bool') return false;
  if (/^u?int\d*$/.test(type)) return 0n;
  if (type.startsWith('[]')) return new GoList(type, [], true);
  if (type.startsWith('map[')) return new GoMap(type, new Map(), true);
  if (type.startsWith('*')) return new GoNil(type);
  return null;
}

function sliced(item: Result, bounds: readonly Result[]): Result {
  if (item === null || item === NO_VALUE) throw new CallError('slice of untyped nil');
  if (bounds.length > 3) throw new CallError(`too many slice indexes: ${bounds.length}`);
  if (typeof item === 'string' && bounds.length === 3) throw new CallError('cannot 3-index slice a string');
  if (typeof item !== 'string' && !(item instanceof GoList))
    throw new CallError(`can't slice item of type ${typeName(item)}`);
  const whole = typeof item === 'string' ? Buffer.from(item) : item.items;
  const numbers = bounds.map((bound) => position(bound, whole.length));
  const [from = 0, to = whole.length, most] = numbers;
  if (from > to) throw new CallError(`invalid slice index: ${from} > ${to}`);
  if (most !== undefined && to > most) throw new CallError(`invalid slice index: ${to} > ${most}`);
  if (typeof item === 'string') return Buffer.from(item).subarray(from, to).toString('utf8');
  return new GoList(item.type, item.items.slice(from, to));
}

type Basic = 'bool' | 'int' | 'float' | 'string';

function basic(value: Result): Basic | null {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint' || value instanceof GoDuration) return 'int';
  if (typeof value === 'number') return 'float';
  return typeof value === 'string' || value instanceof JsonNumber ? 'string' : null;
}

const plain = (value: Result): Result =>
  value instanceof JsonNumber ? value.text : value instanceof GoDuration ? value.nanoseconds : value;
const isNothing = (value: Result): boolean => value === null || value === NO_VALUE || value instanceof GoNil;

function incomparable(value: Result): void {
  if (value instanceof GoList || value instanceof GoMap)
    throw new CallError(`non-comparable type ${show(value)}: ${value.type}`);
}

function same(a: Result, b: Result): boolean {
  const [left, right] = [basic(a), basic(b)];
  if (left !== null && right !== null) {
    if (left !== right) throw new CallError('incompatible types for comparison');
    return plain(a) === plain(b);
  }
  if (isNothing(a) || isNothing(b)) {
    if (isNothing(a) && isNothing(b)) return true;
    const other = isNothing(a) ? b : a;
    if (other instanceof GoList || other instanceof GoMap) return other.isNil;
    return false;
  }
  incomparable(a);
  incomparable(b);
  if (left !== null || right !== null) throw new CallError('incompatible types for comparison');
  return a === b;
}

function equals([first = null, ...others]: readonly Result[]): boolean {
  if (others.length === 0) throw new CallError('missing argument for comparison');
  return others.some((other) => same(first, other));
}

function less(a: Result, b: Result): boolean {
  const [left, right] = [basic(a), basic(b)];
  if (left === null || right === null) throw new CallError('invalid type for comparison');
  if (left !== right) throw new CallError('incompatible types for comparison');
  if (left === 'bool') throw new CallError('invalid type for comparison');
  const [one, two] = [plain(a), plain(b)];
  if (typeof one === 'string' && typeof two === 'string') return Buffer.compare(Buffer.from(one), Buffer.from(two)) < 0;
  if (typeof one === 'bigint' && typeof two === 'bigint') return one < two;
  return Number(one) < Number(two);
}

const HTML: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

const escapeHtml = (text: string): string => text.replace(/[\0"'&<>]/g, (character) => HTML[character] ?? character);

const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

function escapeJs(text: string): string {
  return text.replace(/[\x00-\x1f\\'"<>&=\u2028\u2029\x7f]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return JS[character] ?? `\\u${code}`;
  });
}

/** net/url's QueryEscape. */
const escapeQuery = (text: string): string =>
  encodeURIComponent(Buffer.from(text).toString('utf8'))
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
