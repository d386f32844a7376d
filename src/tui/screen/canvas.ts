/** Putting glyphs into blessed's cell buffer, clipped to a rectangle, with wide glyphs kept whole. */

import type { Style, StyledLine } from '../text/styled.js';
import { charWidth } from '../text/width.js';
import type { Palette } from '../theme/resolve.js';
import { type CellRow, RIGHT_HALF } from './draw.js';
import type { StyleId } from './styles.js';
import type { Rect } from './widgets.js';

export class Canvas {
  readonly #rows: () => readonly CellRow[];
  palette: Palette;

  constructor(rows: () => readonly CellRow[], palette: Palette) {
    this.#rows = rows;
    this.palette = palette;
  }

  get rows(): readonly CellRow[] {
    return this.#rows();
  }

  /** One cell; out of the screen: nothing. `glyph` is one column wide or a `RIGHT_HALF`, or two with a `RIGHT_HALF` put after it. */
  cell(row: CellRow, x: number, style: StyleId, glyph: string): void {
    const cell = row[x];
    if (cell === undefined || (cell[0] === style && cell[1] === glyph)) return;
    cell[0] = style;
    cell[1] = glyph;
    row.dirty = true;
  }

  /** Text from column `x` to `end` (exclusive); a wide glyph that does not fit becomes a blank. Returns the column after it. */
  text(x: number, y: number, text: string, style: StyleId, end: number): number {
    const row = this.rows[y];
    if (row === undefined) return x;
    let at = x;
    let last = '';
    for (const char of text) {
      const width = charWidth(char.codePointAt(0)!);
      if (width === 0) {
        if (last === '' || char < ' ') continue;
        const base = at - charWidth(last.codePointAt(0)!);
        last += char;
        this.cell(row, base, style, last);
        continue;
      }
      if (at + width > end) {
        if (at < end) this.cell(row, at++, style, ' ');
        break;
      }
      this.cell(row, at, style, char);
      if (width === 2) this.cell(row, at + 1, style, RIGHT_HALF);
      at += width;
      last = char;
    }
    return at;
  }

  /** A styled line in the columns `x`…`x + width`, filled with blanks in the style `fill`. */
  line(x: number, y: number, width: number, styled: StyledLine, fill?: Style): void {
    const row = this.rows[y];
    if (row === undefined) return;
    const end = x + width;
    let at = x;
    for (const part of styled) {
      if (at >= end) break;
      at = this.text(at, y, part.text, this.palette.id(part.style), end);
    }
    const blank = this.palette.id(fill);
    for (; at < end; at++) this.cell(row, at, blank, ' ');
  }

  fill(rect: Rect, style?: Style): void {
    for (let y = rect.y; y < rect.y + rect.height; y++) this.line(rect.x, y, rect.width, [], style);
  }
}
