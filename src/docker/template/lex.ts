import { TemplateError } from './template-error.js';

/** Go's text/template/parse/lex.go, by its rules: text outside of {{ }}, tokens inside. */
export type TokenKind =
  | 'text'
  | 'left'
  | 'right'
  | 'space'
  | 'identifier'
  | 'keyword'
  | 'field'
  | 'variable'
  | 'dot'
  | 'nil'
  | 'bool'
  | 'number'
  | 'char-constant'
  | 'string'
  | 'raw-string'
  | 'pipe'
  | 'declare'
  | 'assign'
  | 'open'
  | 'close'
  | 'char'
  | 'eof'
  | 'error';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly position: number;
  readonly line: number;
}

const KEYWORDS = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with']);
const SPACE = /[ \t\r\n]/;
const ALPHANUMERIC = /[\p{L}\p{Nd}_]/u;

/** How long a template may be: far more than a person types, far less than what would take a second to read. */
const LONGEST = 1 << 20;

export function lex(name: string, input: string): Token[] {
  if (input.length > LONGEST) throw new TemplateError(`template: ${name}: longer than ${LONGEST} characters`);
  return new Lexer(input).run();
}

class Lexer {
  readonly #input: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  #line = 1;
  #depth = 0;

  constructor(input: string) {
    this.#input = input;
  }

  run(): Token[] {
    while (this.#text());
    return this.#tokens;
  }

  #emit(kind: TokenKind, from: number, to: number): void {
    const text = this.#input.slice(from, to);
    this.#tokens.push({ kind, text, position: from, line: this.#line });
    for (const character of text) if (character === '\n') this.#line++;
    this.#position = to;
  }

  /** Go on behind `to` without a token. */
  #skip(to: number): void {
    for (let at = this.#position; at < to; at++) if (this.#input[at] === '\n') this.#line++;
    this.#position = to;
  }

  #error(message: string): false {
    this.#tokens.push({ kind: 'error', text: message, position: this.#position, line: this.#line });
    return false;
  }

  #trimsBehind(at: number): boolean {
    return this.#input[at] === '-' && SPACE.test(this.#input[at + 1] ?? '');
  }

  /** True: go on with another piece of text. */
  #text(): boolean {
    const input = this.#input;
    const start = input.indexOf('{{', this.#position);
    if (start < 0) {
      if (input.length > this.#position) this.#emit('text', this.#position, input.length);
      this.#emit('eof', input.length, input.length);
      return false;
    }
    const trims = this.#trimsBehind(start + 2);
    let end = start;
    if (trims) while (end > this.#position && SPACE.test(input[end - 1] ?? '')) end--;
    if (end > this.#position) this.#emit('text', this.#position, end);
    this.#skip(start);
    const inside = start + 2 + (trims ? 2 : 0);
    if (input.startsWith('/*', inside)) return this.#comment(inside);
    this.#emit('left', start, start + 2);
    this.#skip(inside);
    this.#depth = 0;
    return this.#action();
  }

  #comment(from: number): boolean {
    const end = this.#input.indexOf('*/', from + 2);
    if (end < 0) return this.#error('unclosed comment');
    const closing = this.#closing(end + 2);
    if (closing === null) return this.#error('comment ends before closing delimiter');
    this.#skip(end + 2);
    this.#leave(closing);
    return true;
  }

  /** Whether }} or " -}}" stands here. */
  #closing(at: number): { readonly trims: boolean; readonly from: number } | null {
    if (SPACE.test(this.#input[at] ?? '') && this.#input.startsWith('-}}', at + 1))
      return { trims: true, from: at + 2 };
    return this.#input.startsWith('}}', at) ? { trims: false, from: at } : null;
  }

  #leave({ trims, from }: { readonly trims: boolean; readonly from: number }): void {
    this.#skip(from + 2);
    let at = this.#position;
    if (trims) while (at < this.#input.length && SPACE.test(this.#input[at] ?? '')) at++;
    this.#skip(at);
  }

  #action(): boolean {
    for (;;) {
      const at = this.#position;
      const closing = this.#closing(at);
      if (closing !== null) {
        if (this.#depth > 0) return this.#error('unclosed left paren');
        this.#tokens.push({ kind: 'right', text: '}}', position: closing.from, line: this.#line });
        this.#leave(closing);
        return true;
      }
      const character = codePointAt(this.#input, at);
      if (character === '') return this.#error('unclosed action');
      if (!this.#token(character, at)) return false;
    }
  }

  #token(character: string, at: number): boolean {
    const input = this.#input;
    if (SPACE.test(character)) {
      let end = at;
      // a space before "-}}" belongs to the delimiter
      while (SPACE.test(input[end] ?? '') && !(end > at && this.#closing(end) !== null)) end++;
      this.#emit('space', at, end);
      return true;
    }
    if (character === '"') return this.#quoted(at, '"', 'string', 'unterminated quoted string');
    if (character === "'") return this.#quoted(at, "'", 'char-constant', 'unterminated character constant');
    if (character === '`') {
      const end = input.indexOf('`', at + 1);
      if (end < 0) return this.#error('unterminated raw quoted string');
      this.#emit('raw-string', at, end + 1);
      return true;
    }
    if (character === '=') return this.#one('assign', at, 1);
    if (character === ':') {
      if (input[at + 1] !== '=') return this.#error('expected :=');
      return this.#one('declare', at, 2);
    }
    if (character === '|') return this.#one('pipe', at, 1);
    if (character === '(') {
      this.#depth++;
      return this.#one('open', at, 1);
    }
    if (character === ')') {
      this.#depth--;
      if (this.#depth < 0) return this.#error('unexpected right paren');
      return this.#one('close', at, 1);
    }
    if (character === '$') return this.#word(at, 'variable');
    if (character === '.' && !/[0-9]/.test(input[at + 1] ?? '')) return this.#word(at, 'field');
    if (/[+\-0-9.]/.test(character)) return this.#number(at);
    if (ALPHANUMERIC.test(character)) return this.#identifier(at);
    if (/^[\x20-\x7e]$/.test(character) && character !== '}' && character !== '{') return this.#one('char', at, 1);
    return this.#error(
      `${/[{}]/.test(character) ? 'bad character' : 'unrecognized character in action:'} ${codePoint(character)}`,
    );
  }

  #one(kind: TokenKind, at: number, length: number): true {
    this.#emit(kind, at, at + length);
    return true;
  }

  #quoted(at: number, quote: string, kind: TokenKind, unterminated: string): boolean {
    for (let end = at + 1; end < this.#input.length; end++) {
      const character = this.#input[end];
      if (character === '\n') break;
      if (character === '\\') end++;
      else if (character === quote) return this.#one(kind, at, end + 1 - at);
    }
    return this.#error(unterminated);
  }

  #endOfWord(at: number): number {
    let end = at;
    for (;;) {
      const character = codePointAt(this.#input, end);
      if (character === '' || !ALPHANUMERIC.test(character)) return end;
      end += character.length;
    }
  }

  /** Whether a word may end here. */
  #atTerminator(at: number): boolean {
    const character = codePointAt(this.#input, at);
    return (
      character === '' || SPACE.test(character) || '.,|:)('.includes(character) || this.#input.startsWith('}}', at)
    );
  }

  #word(at: number, kind: 'variable' | 'field'): boolean {
    const end = this.#endOfWord(at + 1);
    if (!this.#atTerminator(end) && end > at + 1)
      return this.#error(`bad character ${codePoint(codePointAt(this.#input, end))}`);
    if (end === at + 1) return this.#one(kind === 'field' ? 'dot' : 'variable', at, 1);
    return this.#one(kind, at, end - at);
  }

  #identifier(at: number): boolean {
    const end = this.#endOfWord(at);
    if (!this.#atTerminator(end)) return this.#error(`bad character ${codePoint(codePointAt(this.#input, end))}`);
    const word = this.#input.slice(at, end);
    if (KEYWORDS.has(word)) return this.#one('keyword', at, end - at);
    if (word === 'true' || word === 'false') return this.#one('bool', at, end - at);
    return this.#one(word === 'nil' ? 'nil' : 'identifier', at, end - at);
  }

  #number(at: number): boolean {
    const found =
      /^[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/.exec(
        this.#input.slice(at, at + 400),
      )?.[0] ?? '';
    const end = at + found.length;
    const next = codePointAt(this.#input, end);
    if (next !== '' && ALPHANUMERIC.test(next))
      return this.#error(`bad number syntax: ${JSON.stringify(this.#input.slice(at, end + next.length))}`);
    return this.#one('number', at, found.length);
  }
}

function codePointAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? '' : String.fromCodePoint(code);
}

/** Go's %#U. */
export function codePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase().padStart(4, '0');
  return code < 0x20 || code === 0x7f ? `U+${hex}` : `U+${hex} '${character}'`;
}
