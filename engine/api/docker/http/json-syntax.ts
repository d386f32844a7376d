/** How deep values may be nested before the words about them are no longer sought. */
const MAX_DEPTH = 10_000;

type State = 'value' | 'first-key' | 'key' | 'colon' | 'after-member' | 'first-item' | 'after-item' | 'end';

/** What Go's scanner says of a character that cannot stand there. */
const WHERE: Readonly<Record<Exclude<State, 'end'>, string>> = {
  value: 'looking for beginning of value',
  'first-key': 'looking for beginning of object key string',
  key: 'looking for beginning of object key string',
  colon: 'after object key',
  'after-member': 'after object key:value pair',
  'first-item': 'looking for beginning of value',
  'after-item': 'after array element',
};

/**
 * Why a text is not one JSON value, in the words of Go's decoder, which clients show: encoding/json, scanner.go. Asked only
 * of texts that JSON.parse has refused.
 */
export function jsonFault(text: string): string {
  const open: ('{' | '[')[] = [];
  let state: State = 'value';
  let at = 0;
  const closed = (): State => {
    const around = open.at(-1);
    return around === undefined ? 'end' : around === '{' ? 'after-member' : 'after-item';
  };
  for (;;) {
    while (' \t\r\n'.includes(text[at] ?? '-')) at++;
    const c = text[at];
    if (state === 'end') return 'unexpected content after JSON';
    if (c === undefined || open.length > MAX_DEPTH) return 'unexpected EOF';
    const refused = `invalid character ${quoted(c)} ${WHERE[state]}`;
    if (state === 'colon') {
      if (c !== ':') return refused;
      state = 'value';
      at++;
    } else if (state === 'after-member' || state === 'after-item') {
      if (c === (state === 'after-member' ? '}' : ']')) {
        open.pop();
        state = closed();
      } else if (c !== ',') return refused;
      else state = state === 'after-member' ? 'key' : 'value';
      at++;
    } else if ((state === 'first-key' && c === '}') || (state === 'first-item' && c === ']')) {
      open.pop();
      state = closed();
      at++;
    } else if (state === 'first-key' || state === 'key') {
      if (c !== '"') return refused;
      const end = stringEnd(text, at);
      if (typeof end === 'string') return end;
      at = end;
      state = 'colon';
    } else if (c === '{' || c === '[') {
      open.push(c);
      state = c === '{' ? 'first-key' : 'first-item';
      at++;
    } else {
      const end = c === '"' ? stringEnd(text, at) : wordEnd(text, at);
      if (end === null) return refused;
      if (typeof end === 'string') return end;
      at = end;
      state = closed();
    }
  }
}

/** Behind a string; or what is wrong with it. */
function stringEnd(text: string, start: number): number | string {
  for (let at = start + 1; ; at++) {
    const c = text[at];
    if (c === undefined) return 'unexpected EOF';
    if (c === '"') return at + 1;
    if (c < ' ') return `invalid character ${quoted(c)} in string literal`;
    if (c !== '\\') continue;
    const letter = text[++at];
    if (letter === undefined) return 'unexpected EOF';
    if (!'"\\/bfnrtu'.includes(letter)) return `invalid character ${quoted(letter)} in string escape code`;
    for (let digits = letter === 'u' ? 4 : 0; digits > 0; digits--) {
      const digit = text[++at];
      if (digit === undefined) return 'unexpected EOF';
      if (!/[0-9a-f]/i.test(digit)) return `invalid character ${quoted(digit)} in \\u hexadecimal character escape`;
    }
  }
}

/** Behind `true`, `false`, `null` or a number; null: none of them begins here; or what is wrong with it. */
function wordEnd(text: string, start: number): number | string | null {
  const first = text[start] ?? '';
  const word = ['true', 'false', 'null'].find((one) => one.startsWith(first));
  if (word !== undefined) {
    for (let n = 1; n < word.length; n++) {
      const c = text[start + n];
      if (c === undefined) return 'unexpected EOF';
      if (c !== word[n]) return `invalid character ${quoted(c)} in literal ${word} (expecting '${word[n]}')`;
    }
    return start + word.length;
  }
  if (!/[-0-9]/.test(first)) return null;
  const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
  number.lastIndex = start;
  const found = number.exec(text)?.[0] ?? '';
  const end = start + found.length;
  const next = found === '' ? text[start + 1] : text[end];
  if (found !== '' && next !== '.' && next !== 'e' && next !== 'E') return end;
  const wrong =
    text[found === '' ? start + 1 : end + (/[eE]/.test(next ?? '') && /[+-]/.test(text[end + 1] ?? '') ? 2 : 1)];
  if (wrong === undefined) return 'unexpected EOF';
  if (found === '') return `invalid character ${quoted(wrong)} in numeric literal`;
  return `invalid character ${quoted(wrong)} ${next === '.' ? 'after decimal point' : 'in exponent of'} ${next === '.' ? 'in ' : ''}numeric literal`;
}

/** As Go's quoteChar. */
function quoted(c: string): string {
  if (c === "'") return `'\\''`;
  if (c === '"') return `'"'`;
  return `'${JSON.stringify(c).slice(1, -1)}'`;
}
