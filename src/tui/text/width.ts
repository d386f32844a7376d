/**
 * How many columns a code point takes. Unicode's East Asian Width (UAX #11) with ambiguous characters narrow, as
 * xterm, VTE, kitty and tmux have them by default.
 */
import { eastAsianWidth } from 'get-east-asian-width';

export type Columns = 0 | 1 | 2;

const UNKNOWN = 255;
const CACHED = 0x20000;
const cache = new Uint8Array(CACHED).fill(UNKNOWN);
const COMBINING = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

function measure(codePoint: number): Columns {
  if (codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0)) return 0;
  if (codePoint < 0x300) return 1;
  // Medial vowels and final consonants of conjoining Hangul join the syllable before them (wcwidth has 0 as well).
  if (codePoint >= 0x1160 && codePoint <= 0x11ff) return 0;
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return 1;
  if (COMBINING.test(String.fromCodePoint(codePoint))) return 0;
  return eastAsianWidth(codePoint) === 2 ? 2 : 1;
}

/** Columns of one code point; controls and combining marks take none. */
export function charWidth(codePoint: number): Columns {
  if (codePoint >= 0x20 && codePoint < 0x7f) return 1;
  if (codePoint >= CACHED) return measure(codePoint);
  const known = cache[codePoint]!;
  if (known !== UNKNOWN) return known as Columns;
  const width = measure(codePoint);
  cache[codePoint] = width;
  return width;
}

/** Columns of a text without control characters. */
export function textWidth(text: string): number {
  let width = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit < 0x7f) {
      width++;
      continue;
    }
    const codePoint = text.codePointAt(i)!;
    if (codePoint > 0xffff) i++;
    width += charWidth(codePoint);
  }
  return width;
}

/** One cell's worth of text: a base character with the marks that combine with it. */
export interface Glyph {
  readonly text: string;
  readonly width: 1 | 2;
}

/** The glyphs of a text, left to right. A mark without a base before it is dropped. */
export function glyphs(text: string): Glyph[] {
  const found: Glyph[] = [];
  for (const char of text) {
    const width = charWidth(char.codePointAt(0)!);
    if (width === 0) {
      const base = found.at(-1);
      if (base !== undefined && char >= ' ') found[found.length - 1] = { text: base.text + char, width: base.width };
    } else found.push({ text: char, width });
  }
  return found;
}
