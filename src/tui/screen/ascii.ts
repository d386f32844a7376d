/** For terminals without Unicode (hardware terminals): the nearest ASCII character of what the view itself draws. */

const LIKE: Readonly<Record<string, string>> = {
  '▰': '#',
  '▱': '.',
  '✓': 'v',
  '✗': 'x',
  '›': '>',
  '…': '~',
  '•': '*',
  '◦': 'o',
  '▪': '*',
  '·': '-',
  '▶': '>',
  '●': '*',
  '▎': '|',
  '↑': '^',
  '↓': 'v',
  '←': '<',
  '→': '>',
  '“': '"',
  '”': '"',
  '‘': "'",
  '’': "'",
  '—': '-',
  '–': '-',
  µ: 'u',
};

/** One column for one column: boxes become `+ - |`, blocks `#`, everything unknown `?`. */
export function asciiGlyph(glyph: string): string {
  const code = glyph.codePointAt(0)!;
  if (code < 0x7f) return glyph.slice(0, 1);
  const like = LIKE[glyph];
  if (like !== undefined) return like;
  if (code >= 0x2500 && code <= 0x257f) {
    if ('─━═┄┅┈┉╌╍'.includes(glyph)) return '-';
    return '│┃║┆┇┊┋╎╏'.includes(glyph) ? '|' : '+';
  }
  return code >= 0x2580 && code <= 0x259f ? '#' : '?';
}
