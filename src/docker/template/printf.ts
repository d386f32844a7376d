import { codePoint } from './lex.js';
import { exponentText, shortest, show } from './print.js';
import { quote } from './quote.js';
import { GoDuration, GoList, GoMap, GoNil, GoStruct, JsonNumber, NO_VALUE, type Result, typeName } from './values.js';

/** Widths and precisions that Go's fmt accepts. */
const WIDEST = 1_000_000;

interface Flags {
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width: number | null;
  precision: number | null;
}

/** Go's fmt.Sprintf. `room`: how many characters it may make. */
export function sprintf(format: string, args: readonly Result[], room: number): string {
  return new Formatter(format, args, room).run();
}

class Formatter {
  readonly #format: string;
  readonly #args: readonly Result[];
  readonly #room: number;
  #out = '';
  #next = 0;
  #reordered = false;
  #badIndex = false;

  constructor(format: string, args: readonly Result[], room: number) {
    this.#format = format;
    this.#args = args;
    this.#room = room;
  }

  run(): string {
    const format = this.#format;
    for (let at = 0; at < format.length; ) {
      const percent = format.indexOf('%', at);
      this.#put(format.slice(at, percent < 0 ? undefined : percent));
      if (percent < 0) break;
      at = this.#directive(percent + 1);
    }
    if (!this.#reordered && this.#next < this.#args.length) {
      const extra = this.#args.slice(this.#next).map((arg) => (arg === null ? '<nil>' : `${nameOf(arg)}=${show(arg)}`));
      this.#put(`%!(EXTRA ${extra.join(', ')})`);
    }
    return this.#out;
  }

  #put(text: string): void {
    if (this.#out.length + text.length > this.#room) throw new RangeError('output is too long');
    this.#out += text;
  }

  /** What is behind a percent sign; answers where the text goes on. */
  #directive(start: number): number {
    const format = this.#format;
    const flags: Flags = {
      minus: false,
      plus: false,
      sharp: false,
      space: false,
      zero: false,
      width: null,
      precision: null,
    };
    let at = start;
    for (; ; at++) {
      const flag = format[at];
      if (flag === '-') flags.minus = true;
      else if (flag === '+') flags.plus = true;
      else if (flag === '#') flags.sharp = true;
      else if (flag === ' ') flags.space = true;
      else if (flag === '0') flags.zero = true;
      else break;
    }
    if (flags.minus) flags.zero = false;
    at = this.#index(at);
    ({ at, number: flags.width } = this.#size(at, 'WIDTH'));
    if (flags.width !== null && flags.width < 0) {
      flags.minus = true;
      flags.zero = false;
      flags.width = -flags.width;
    }
    if (format[at] === '.') {
      at = this.#index(at + 1);
      const size = this.#size(at, 'PREC');
      at = size.at;
      flags.precision = size.number !== null && size.number < 0 ? null : (size.number ?? 0);
    }
    at = this.#index(at);
    const code = format.codePointAt(at);
    if (code === undefined) {
      this.#put('%!(NOVERB)');
      return at;
    }
    const verb = String.fromCodePoint(code);
    this.#verb(verb, flags);
    return at + verb.length;
  }

  #index(at: number): number {
    if (this.#format[at] !== '[') return at;
    this.#reordered = true;
    const found = /^\[(\d+)\]/.exec(this.#format.slice(at, at + 12));
    const number = Number(found?.[1] ?? 0);
    if (found === null || number < 1 || number > this.#args.length) {
      this.#badIndex = true;
      const end = this.#format.indexOf(']', at);
      return end < 0 ? at + 1 : end + 1;
    }
    this.#next = number - 1;
    return at + found[0].length;
  }

  #size(at: number, what: 'WIDTH' | 'PREC'): { at: number; number: number | null } {
    if (this.#format[at] === '*') {
      const arg = this.#args[this.#next++];
      const number = typeof arg === 'bigint' && arg >= -WIDEST && arg <= WIDEST ? Number(arg) : null;
      if (number === null) this.#put(`%!(BAD${what})`);
      return { at: at + 1, number };
    }
    const digits = /^\d+/.exec(this.#format.slice(at, at + 32))?.[0] ?? '';
    if (digits === '') return { at, number: null };
    // too large to be meant: what follows is not read as a verb either, as in Go
    if (Number(digits) > WIDEST) return { at: this.#format.length, number: null };
    return { at: at + digits.length, number: Number(digits) };
  }

  #verb(verb: string, flags: Flags): void {
    this.#put(this.#shown(verb, flags));
  }

  #shown(verb: string, flags: Flags): string {
    if (verb === '%') return '%';
    if (this.#badIndex) {
      this.#badIndex = false;
      return `%!${verb}(BADINDEX)`;
    }
    if (this.#next >= this.#args.length) return `%!${verb}(MISSING)`;
    const arg = this.#args[this.#next++] ?? null;
    return format(arg, verb, flags, 0);
  }
}

function nameOf(arg: Result): string {
  return arg === NO_VALUE ? '<nil>' : typeName(arg);
}

function bad(arg: Result, verb: string): string {
  if (arg === null || arg === NO_VALUE) return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeName(arg)}=${show(arg)})`;
}

function format(arg: Result, verb: string, flags: Flags, depth: number): string {
  if (verb === 'T') return pad(nameOf(arg), flags);
  if (arg === null || arg === NO_VALUE) return verb === 'v' ? pad('<nil>', flags) : `%!${verb}(<nil>)`;
  if (arg instanceof GoNil) return verb === 'v' ? pad('<nil>', flags) : bad(arg, verb);
  if (verb === 'v' && flags.sharp) return goSyntax(arg);
  if (typeof arg === 'boolean')
    return verb === 't' || verb === 'v' ? pad(String(arg), { ...flags, zero: false }) : bad(arg, verb);
  if (typeof arg === 'bigint') return integer(arg, verb, flags);
  if (typeof arg === 'number') return float(arg, verb, flags);
  if (arg instanceof GoDuration)
    return verb === 'v' || verb === 's' ? pad(show(arg), flags) : integer(arg.nanoseconds, verb, flags);
  if (typeof arg === 'string') return text(arg, verb, flags);
  if (arg instanceof JsonNumber) return text(arg.text, verb, flags);
  if (arg instanceof GoList) return `[${arg.items.map((item) => format(item, verb, flags, depth + 1)).join(' ')}]`;
  if (arg instanceof GoMap)
    return `map[${arg
      .sorted()
      .map(([key, item]) => `${format(key, verb, flags, depth + 1)}:${format(item, verb, flags, depth + 1)}`)
      .join(' ')}]`;
  if (arg instanceof GoStruct) {
    const fields = [...arg.fields].map(
      ([name, item]) => (flags.plus && verb === 'v' ? `${name}:` : '') + format(item, verb, flags, depth + 1),
    );
    return `${arg.isPointer ? '&' : ''}{${fields.join(' ')}}`;
  }
  return pad(show(arg), flags);
}

/** %#v. */
function goSyntax(arg: Result): string {
  if (arg === NO_VALUE || arg === null) return '<nil>';
  if (typeof arg === 'string') return quote(arg);
  if (arg instanceof JsonNumber) return quote(arg.text);
  if (arg instanceof GoNil) return `(${arg.type})(nil)`;
  if (arg instanceof GoList)
    return arg.isNil ? `${arg.type}(nil)` : `${arg.type}{${arg.items.map(goSyntax).join(', ')}}`;
  if (arg instanceof GoMap)
    return arg.isNil
      ? `${arg.type}(nil)`
      : `${arg.type}{${arg
          .sorted()
          .map(([key, item]) => `${quote(key)}:${goSyntax(item)}`)
          .join(', ')}}`;
  if (arg instanceof GoStruct)
    return `${arg.isPointer ? '&' : ''}${arg.type.replace(/^\*/, '')}{${[...arg.fields].map(([name, item]) => `${name}:${goSyntax(item)}`).join(', ')}}`;
  return show(arg);
}

function pad(value: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - [...value].length;
  if (missing <= 0) return value;
  return flags.minus ? value + ' '.repeat(missing) : ' '.repeat(missing) + value;
}

/** Zeros go between the sign and the digits. */
function padNumber(sign: string, digits: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - sign.length - digits.length;
  return flags.zero && missing > 0 ? sign + '0'.repeat(missing) + digits : pad(sign + digits, flags);
}

const BASES: Readonly<Record<string, readonly [number, string]>> = {
  b: [2, '0b'],
  o: [8, '0'],
  O: [8, '0o'],
  d: [10, ''],
  v: [10, ''],
  x: [16, '0x'],
  X: [16, '0X'],
};

function integer(value: bigint, verb: string, flags: Flags): string {
  if (verb === 'c') return pad(character(value), { ...flags, zero: false });
  if (verb === 'q') return pad(quote(character(value), "'", flags.plus), { ...flags, zero: false });
  if (verb === 'U') {
    const name = codePoint(character(value));
    return pad(flags.sharp ? name : name.replace(/ .*/s, ''), flags);
  }
  const base = BASES[verb];
  if (base === undefined) return bad(value, verb);
  const [radix, prefix] = base;
  let digits = (value < 0n ? -value : value).toString(radix);
  if (verb === 'X') digits = digits.toUpperCase();
  if (flags.precision !== null)
    digits = flags.precision === 0 && value === 0n ? '' : digits.padStart(flags.precision, '0');
  const sign = value < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  const shown = flags.sharp || verb === 'O' ? prefix : '';
  return padNumber(sign + shown, digits, flags.precision === null ? flags : { ...flags, zero: false });
}

function character(value: bigint): string {
  const isCharacter = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value < 0xe000n);
  return isCharacter ? String.fromCodePoint(Number(value)) : '\ufffd';
}

function float(value: number, verb: string, flags: Flags): string {
  if (!'eEfFgGv'.includes(verb)) return bad(value, verb);
  const digits = floatDigits(Math.abs(value), verb, flags);
  if (digits === null) return bad(value, verb);
  const sign = value < 0 || Object.is(value, -0) ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  return padNumber(sign, digits, Number.isFinite(value) ? flags : { ...flags, zero: false });
}

function floatDigits(value: number, verb: string, flags: Flags): string | null {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return 'Inf';
  const precision = flags.precision === null ? null : Math.min(flags.precision, 100);
  switch (verb) {
    case 'f':
    case 'F':
      return value < 1e21
        ? value.toFixed(precision ?? 6)
        : BigInt(value).toString() + (precision === 0 ? '' : `.${'0'.repeat(precision ?? 6)}`);
    case 'e':
    case 'E': {
      const [digits = '', power = '0'] = value.toExponential(precision ?? 6).split('e');
      return `${digits}${verb}${exponentText(Number(power))}`;
    }
    default: {
      const upper = verb === 'G';
      const rounded = precision === null ? value : Number(value.toPrecision(Math.max(1, precision)));
      const limit = precision === null ? 6 : Math.max(1, precision);
      const digits = shortest(rounded, limit);
      return upper ? digits.toUpperCase() : digits;
    }
  }
}

function text(value: string, verb: string, flags: Flags): string {
  const cut = flags.precision === null || !'svq'.includes(verb) ? value : [...value].slice(0, flags.precision).join('');
  switch (verb) {
    case 's':
    case 'v':
      return pad(cut, flags);
    case 'q':
      return pad(flags.sharp && !/[`\n\r]/.test(cut) ? `\`${cut}\`` : quote(cut, '"', flags.plus), flags);
    case 'x':
    case 'X': {
      const bytes = Buffer.from(value).subarray(0, flags.precision ?? undefined);
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
      const joined =
        (flags.sharp && hex.length > 0 ? '0x' : '') + hex.join(flags.space ? (flags.sharp ? ' 0x' : ' ') : '');
      return pad(verb === 'X' ? joined.toUpperCase() : joined, flags);
    }
    default:
      return bad(value, verb);
  }
}
