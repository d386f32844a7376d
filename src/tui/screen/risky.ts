/**
 * Glyphs whose width terminals may disagree about: emoji and scripts newer than a terminal's tables, ambiguous-width symbols,
 * combined marks. After one of them the column is set again, so that a disagreement stays within the glyph's own cells.
 */

/** Blocks on which every terminal that draws text at all agrees. */
function agreed(code: number): boolean {
  return (
    code < 0x7f ||
    (code >= 0x2500 && code <= 0x259f) || // box drawing, blocks
    (code >= 0x2800 && code <= 0x28ff) || // braille
    (code >= 0x3001 && code <= 0x3029) || // CJK punctuation
    (code >= 0x3041 && code <= 0x3096) || // kana
    (code >= 0x30a0 && code <= 0x30ff) ||
    (code >= 0x3400 && code <= 0x4dbf) || // CJK ideographs, extension A
    (code >= 0x4e00 && code <= 0x9fff) || // CJK ideographs; the hexagrams between became wide in Unicode 16
    (code >= 0xac00 && code <= 0xd7a3) || // Hangul syllables
    (code >= 0xff01 && code <= 0xff60) || // full-width forms
    (code >= 0x20000 && code <= 0x3fffd) // CJK ideographs, extensions
  );
}

export function isRisky(glyph: string): boolean {
  const code = glyph.codePointAt(0)!;
  return glyph.length > (code > 0xffff ? 2 : 1) || !agreed(code);
}
