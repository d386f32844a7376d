/** Go's strconv.Unquote and Quote. */

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The text of a quoted string, raw string or character constant; null when it is none. */
export function unquote(quoted: string): string | null {
  const quote = quoted[0];
  const inside = quoted.slice(1, -1);
  if (quote === '`') return inside.replaceAll('\r', '');
  const bytes: Buffer[] = [];
  for (let at = 0; at < inside.length; ) {
    const character = inside[at] ?? '';
    if (character !== '\\') {
      const whole = String.fromCodePoint(inside.codePointAt(at) ?? 0);
      bytes.push(Buffer.from(whole));
      at += whole.length;
      continue;
    }
    const letter = inside[at + 1] ?? '';
    const simple = SIMPLE[letter];
    if (simple !== undefined && !((letter === "'" || letter === '"') && letter !== quote)) {
      bytes.push(Buffer.from(simple));
      at += 2;
      continue;
    }
    const found = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(
      inside.slice(at, at + 10),
    );
    if (found === null) return null;
    const [whole, byte, short, long, octal] = found;
    if (byte !== undefined) bytes.push(Buffer.from([Number.parseInt(byte, 16)]));
    else if (octal !== undefined) {
      const value = Number.parseInt(octal, 8);
      if (value > 255) return null;
      bytes.push(Buffer.from([value]));
    } else {
      const code = Number.parseInt(short ?? long ?? '', 16);
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return null;
      bytes.push(Buffer.from(String.fromCodePoint(code)));
    }
    at += whole.length;
  }
  return Buffer.concat(bytes).toString('utf8');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** Go's %q of a string, or of one character with `quote` "'". */
export function quote(text: string, mark: '"' | "'" = '"', asciiOnly = false): string {
  let out = mark as string;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === mark) out += `\\${mark}`;
    else if (ESCAPES[character] !== undefined) out += ESCAPES[character];
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (isPrintable(character) && (code < 0x80 || !asciiOnly)) out += character;
    else if (code <= 0xffff) out += `\\u${code.toString(16).padStart(4, '0')}`;
    else out += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return out + mark;
}

/** Go's strconv.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space. */
export function isPrintable(character: string): boolean {
  return character === ' ' || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character);
}
