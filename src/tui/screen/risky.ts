/**
 * Glyphs whose width terminals disagree about (emoji newer than the terminal's tables, ambiguous-width symbols, combined
 * marks). After one of them the column is set again, so that a disagreement stays within the glyph's own cells.
 */
const RISKY =
  /[\u00a1-\u02ff\u0370-\u1fff\u2010-\u2bff\u3030\u303d\u3297\u3299\ufe0f\u200d\u{1f000}-\u{1faff}\u{e0000}-\u{10ffff}]|^.+\p{M}/u;

const CACHE_SIZE = 4096;
const cache = new Map<string, boolean>();

/** Every terminal that draws text at all agrees on these. */
function agreed(unit: number): boolean {
  return (
    unit < 0x7f ||
    (unit >= 0x2500 && unit <= 0x259f) || // box drawing, blocks
    (unit >= 0x2800 && unit <= 0x28ff) || // braille
    (unit >= 0x3400 && unit <= 0x9fff) || // CJK ideographs
    (unit >= 0xac00 && unit <= 0xd7a3) || // Hangul syllables
    (unit >= 0x3001 && unit <= 0x3029) || // CJK punctuation
    (unit >= 0x3041 && unit <= 0x3096) || // kana
    (unit >= 0x30a0 && unit <= 0x30ff) ||
    (unit >= 0xff01 && unit <= 0xff60) // full-width forms
  );
}

export function isRisky(glyph: string): boolean {
  if (glyph.length === 1 && agreed(glyph.charCodeAt(0))) return false;
  let risky = cache.get(glyph);
  if (risky === undefined) {
    risky = RISKY.test(glyph);
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(glyph, risky);
  }
  return risky;
}
