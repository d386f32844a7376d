import { EngineError } from '../../kernel/errors.js';

/** config.json nests seven deep; Go's decoder stops at 10,000, which would be the depth of our recursion too. */
const MAX_DEPTH = 128;
/** More than execve(2) takes arguments, and in memory still far below a hundred megabytes. */
const MAX_VALUES = 1 << 20;

/** A number with a point or an exponent. No field of config.json takes one, and Go's decoder refuses even `1.0` for an integer. */
export class Fraction {
  readonly literal: string;
  constructor(literal: string) {
    this.literal = literal;
  }
}

/**
 * JSON (RFC 8259) with whole numbers of any size: what a double cannot hold exactly becomes a bigint, for rlimits, seccomp values
 * and memory limits use all 64 bits and Node 20's JSON.parse rounds them. `__proto__` is a key like others. Refused beyond RFC 8259:
 * a key twice in one object (two readers would see two documents), nesting beyond 128, more than a million values.
 */
export function parseJson(text: string): unknown {
  const parser = new Parser(text);
  return parser.document();
}

class Parser {
  private at = 0;
  private values = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  document(): unknown {
    const value = this.value(0);
    this.space();
    if (this.at < this.text.length) this.refuse('the end');
    return value;
  }

  private value(depth: number): unknown {
    if (depth > MAX_DEPTH)
      throw new EngineError('InvalidArgument', `the JSON text nests deeper than ${MAX_DEPTH} levels`);
    if (++this.values > MAX_VALUES)
      throw new EngineError('InvalidArgument', `the JSON text holds more than ${MAX_VALUES} values`);
    this.space();
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.list(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private object(depth: number): unknown {
    const result: Record<string, unknown> = {};
    this.at++;
    for (let first = true; !this.take('}'); first = false) {
      if (!first) this.expect(',');
      this.space();
      if (this.text[this.at] !== '"') this.refuse('a key');
      const start = this.at;
      const key = this.string();
      if (Object.hasOwn(result, key))
        throw new EngineError(
          'InvalidArgument',
          `the JSON text has the key ${JSON.stringify(key.slice(0, 60))} twice in one object, the second at offset ${start}`,
        );
      this.expect(':');
      const value = this.value(depth + 1);
      if (key === '__proto__') Object.defineProperty(result, key, { value, enumerable: true });
      else result[key] = value;
    }
    return result;
  }

  private list(depth: number): unknown[] {
    const result: unknown[] = [];
    this.at++;
    for (let first = true; !this.take(']'); first = false) {
      if (!first) this.expect(',');
      result.push(this.value(depth + 1));
    }
    return result;
  }

  /** Nearly every string has no escape: its end is the next quote, and JSON.parse refuses what else is wrong with it. */
  private string(): string {
    const end = this.text.indexOf('"', this.at + 1) + 1;
    const literal = this.text.slice(this.at, end);
    if (end === 0 || literal.includes('\\')) return this.escaped();
    try {
      const value = JSON.parse(literal) as string;
      this.at = end;
      return value;
    } catch {
      return this.escaped();
    }
  }

  /** The end is looked for here, the escapes are JSON.parse's work. */
  private escaped(): string {
    const start = this.at++;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code === 0x22) break;
      // NaN: the text has ended.
      if (!(code >= 0x20)) this.refuse('the end of a string');
      this.at += code === 0x5c ? 2 : 1;
    }
    this.at++;
    const literal = this.text.slice(start, this.at);
    try {
      return JSON.parse(literal) as string;
    } catch (error) {
      throw new EngineError('InvalidArgument', `the JSON text has a wrong escape in the string at offset ${start}`, {
        cause: error,
      });
    }
  }

  private number(): number | bigint | Fraction {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) return this.refuse('a value');
    this.at = NUMBER.lastIndex;
    if (match[1] !== undefined || match[2] !== undefined) return new Fraction(match[0]);
    const near = Number(match[0]);
    if (Number.isSafeInteger(near)) return near;
    // Conversion takes quadratic time: what no 64-bit field can hold needs no exact value.
    return match[0].length > 24 ? near : BigInt(match[0]);
  }

  private word<T>(literal: string, value: T): T {
    if (!this.text.startsWith(literal, this.at)) this.refuse('a value');
    this.at += literal.length;
    return value;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private take(mark: string): boolean {
    this.space();
    if (this.text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  private expect(mark: string): void {
    if (!this.take(mark)) this.refuse(JSON.stringify(mark));
  }

  private refuse(expected: string): never {
    const found = this.at < this.text.length ? JSON.stringify(this.text[this.at]) : 'the end';
    const line = this.text.slice(0, this.at).split('\n').length;
    throw new EngineError(
      'InvalidArgument',
      `the JSON text has ${found} at offset ${this.at}, line ${line}, where ${expected} was expected`,
    );
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
