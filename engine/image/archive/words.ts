import { EngineError } from '../../kernel/errors.js';

/**
 * Words of a Dockerfile's line: quotes, backslash and variables, as buildkit's shell lexer reads them. Nothing is ever run.
 * https://docs.docker.com/reference/dockerfile/#environment-replacement
 */

/** Split at blanks outside of quotes; quotes and backslashes stay in the words. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let isWord = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (quote === '' && /\s/.test(char)) {
      if (isWord) words.push(word);
      word = '';
      isWord = false;
      continue;
    }
    isWord = true;
    word += char;
    if (char === '\\' && quote !== "'" && at + 1 < text.length) word += text[++at] as string;
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = '';
  }
  if (isWord) words.push(word);
  return words;
}

/** How deep `${a:-${b:-c}}` may go. */
const MOST_NESTED = 32;
const MOST_TEXT = 1 << 20;

/** Take quotes away and put variables' values in. */
export function expandWord(word: string, variables: ReadonlyMap<string, string>): string {
  return new Expansion(word, variables, 0).run();
}

class Expansion {
  readonly #text: string;
  readonly #variables: ReadonlyMap<string, string>;
  readonly #depth: number;
  #at = 0;

  constructor(text: string, variables: ReadonlyMap<string, string>, depth: number) {
    if (depth > MOST_NESTED) throw invalid(`syntax error: variables are nested more than ${MOST_NESTED} deep`);
    this.#text = text;
    this.#variables = variables;
    this.#depth = depth;
  }

  run(): string {
    let out = '';
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] as string;
      if (char === "'") out += this.#single();
      else if (char === '"') out += this.#double();
      else if (char === '$') out += this.#variable();
      else if (char === '\\') {
        // at the end of the word it is itself
        if (this.#at + 1 === this.#text.length) out += '\\';
        else out += this.#text[this.#at + 1] as string;
        this.#at += 2;
      } else {
        out += char;
        this.#at += 1;
      }
      if (out.length > MOST_TEXT) throw invalid('a word grows too long');
    }
    return out;
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw invalid('unexpected end of statement while looking for matching single-quote');
    const inside = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return inside;
  }

  #double(): string {
    let out = '';
    for (this.#at += 1; this.#at < this.#text.length; ) {
      const char = this.#text[this.#at] as string;
      if (char === '"') {
        this.#at += 1;
        return out;
      }
      if (char === '$') {
        out += this.#variable();
        continue;
      }
      const next = this.#text[this.#at + 1];
      if (char === '\\' && next !== undefined && ['"', '$', '\\'].includes(next)) {
        out += next;
        this.#at += 2;
      } else {
        out += char;
        this.#at += 1;
      }
    }
    throw invalid('unexpected end of statement while looking for matching double-quote');
  }

  #variable(): string {
    const rest = this.#text.slice(this.#at + 1);
    if (rest.startsWith('{')) return this.#braced();
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-])/.exec(rest)?.[0];
    this.#at += 1 + (name?.length ?? 0);
    return name === undefined ? '$' : (this.#variables.get(name) ?? '');
  }

  #braced(): string {
    const end = this.#closing(this.#at + 1);
    const inside = this.#text.slice(this.#at + 2, end);
    this.#at = end + 1;
    const parts = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])([\s\S]*))?$/.exec(inside);
    if (parts === null) throw invalid(`unsupported modifier in \${${inside.slice(0, 100)}}`);
    const [, name = '', how, word = ''] = parts;
    const value = this.#variables.get(name);
    const isThere = value !== undefined && !(how?.startsWith(':') === true && value === '');
    switch (how?.at(-1)) {
      case '-':
        return isThere ? value : this.#inner(word);
      case '+':
        return isThere ? this.#inner(word) : '';
      case '?':
        if (isThere) return value;
        throw invalid(`${name}: ${word === '' ? 'is not set' : this.#inner(word)}`);
      default:
        return value ?? '';
    }
  }

  #inner(word: string): string {
    return new Expansion(word, this.#variables, this.#depth + 1).run();
  }

  /** Where the brace at `from` is closed. */
  #closing(from: number): number {
    let depth = 0;
    for (let at = from; at < this.#text.length; at++) {
      const char = this.#text[at];
      if (char === '\\') at += 1;
      else if (char === '{') depth += 1;
      else if (char === '}' && --depth === 0) return at;
    }
    throw invalid('syntax error: missing }');
  }
}

function invalid(why: string): EngineError {
  return new EngineError('InvalidArgument', `failed to process word: ${why}`);
}
