/** Box-drawing characters (Unicode block 2500–257F) by the weights of their four arms. */

/** Weight of an arm: 0 none, 1 light, 2 heavy. */
export type Weight = 0 | 1 | 2;

/** Four digits `up down left right`, then the character. */
const TABLE = `0011─ 0022━ 1100│ 2200┃ 0101┌ 0102┍ 0201┎ 0202┏ 0110┐ 0120┑ 0210┒ 0220┓ 1001└ 1002┕ 2001┖ 2002┗ 1010┘ 1020┙ 2010┚ 2020┛
1101├ 1102┝ 2101┞ 1201┟ 2201┠ 2102┡ 1202┢ 2202┣ 1110┤ 1120┥ 2110┦ 1210┧ 2210┨ 2120┩ 1220┪ 2220┫
0111┬ 0121┭ 0112┮ 0122┯ 0211┰ 0221┱ 0212┲ 0222┳ 1011┴ 1021┵ 1012┶ 1022┷ 2011┸ 2021┹ 2012┺ 2022┻
1111┼ 1121┽ 1112┾ 1122┿ 2111╀ 1211╁ 2211╂ 2121╃ 2112╄ 1221╅ 1212╆ 2122╇ 1222╈ 2221╉ 2212╊ 2222╋
0010╴ 1000╵ 0001╶ 0100╷ 0020╸ 2000╹ 0002╺ 0200╻ 0012╼ 1200╽ 0021╾ 2100╿`;

const BY_ARMS = new Map(TABLE.split(/\s+/).map((entry) => [entry.slice(0, 4), entry.slice(4)]));

/** Dashed variants; corners are rounded, because there are no dashed ones. */
const DASHED = new Map([
  ['0011', '╌'],
  ['0022', '╍'],
  ['1100', '╎'],
  ['2200', '╏'],
  ['0101', '╭'],
  ['0110', '╮'],
  ['1001', '╰'],
  ['1010', '╯'],
]);

const GLYPHS = new Map<number, string>();

/** The character whose arms have these weights; a blank for no arms. */
export function boxGlyph(up: Weight, down: Weight, left: Weight, right: Weight, dashed: boolean): string {
  const key = up | (down << 2) | (left << 4) | (right << 6) | (dashed ? 256 : 0);
  if ((key & 255) === 0) return ' ';
  const known = GLYPHS.get(key);
  if (known !== undefined) return known;
  const arms = `${up}${down}${left}${right}`;
  const glyph = (dashed ? DASHED.get(arms) : undefined) ?? BY_ARMS.get(arms)!;
  GLYPHS.set(key, glyph);
  return glyph;
}

/** The same with ASCII only: `-` and `|`, `.` and `:` when dashed, `=` and `H` when heavy, `+` where arms meet. */
export function asciiGlyph(up: Weight, down: Weight, left: Weight, right: Weight, dashed: boolean): string {
  const vertical = up > 0 || down > 0;
  const horizontal = left > 0 || right > 0;
  if (vertical && horizontal) return '+';
  if (horizontal) return dashed ? '.' : left === 2 || right === 2 ? '=' : '-';
  if (vertical) return dashed ? ':' : up === 2 || down === 2 ? 'H' : '|';
  return ' ';
}
