/**
 * From cells to bytes: compares the wanted cells with what the terminal shows and yields the shortest output we know of.
 * Replaces blessed's `Screen.draw`, which sends every wide glyph of a touched line again in each frame, knows 256
 * colours only and loses the column after glyphs that the terminal measures otherwise.
 *
 * The terminal's style and cursor position are remembered from frame to frame: nobody else may write to it. Automatic
 * margins (DECAWM) are off, so that a glyph in the last column can never scroll the screen.
 */
import { charWidth } from '../text/width.js';
import { asciiGlyph } from './ascii.js';
import { isRisky } from './risky.js';
import type { StyleTable } from './styles.js';

/** A cell as blessed keeps it: style, glyph. */
export type Cell = [attribute: number, glyph: string];
export type CellRow = Cell[] & { dirty?: boolean };

/** The right half of a wide glyph. */
export const RIGHT_HALF = '\x03';
/** Nothing known: matches no wanted cell. */
const UNKNOWN = '\0';

const SYNC_FROM_BYTES = 256;
const BEGIN_SYNC = '\x1b[?2026h';
const END_SYNC = '\x1b[?2026l';

export interface CursorPlace {
  readonly x: number;
  readonly y: number;
}

interface ShownRow {
  readonly attributes: Int32Array;
  readonly glyphs: string[];
}

function hasMarks(glyph: string): boolean {
  return glyph.length > (glyph.codePointAt(0)! > 0xffff ? 2 : 1);
}

export class Drawer {
  readonly #styles: StyleTable;
  readonly #unicode: boolean;
  #shown: ShownRow[] = [];
  #style: number | null = null;
  #x = -1;
  #y = -1;
  #cursorVisible: boolean | null = null;
  #clear = true;

  /** Without `unicode` only ASCII leaves. */
  constructor(styles: StyleTable, unicode = true) {
    this.#styles = styles;
    this.#unicode = unicode;
  }

  /** Forget what the terminal shows: the next frame clears it and draws every cell. */
  invalidate(): void {
    this.#shown = [];
    this.#style = null;
    this.#x = -1;
    this.#y = -1;
    this.#cursorVisible = null;
    this.#clear = true;
  }

  /**
   * The bytes that make the terminal show `rows` with the cursor at `cursor` (null hides it); '' when it does already.
   * The rows' dirty marks are taken away.
   */
  frame(rows: readonly CellRow[], cursor: CursorPlace | null): string {
    let out = '';
    if (this.#clear) {
      this.#clear = false;
      out += '\x1b[m\x1b[H\x1b[2J';
      this.#style = 0;
      this.#x = 0;
      this.#y = 0;
      for (const row of rows) row.dirty = true;
    }
    for (let y = 0; y < rows.length; y++) {
      const row = rows[y]!;
      if (row.dirty !== true) continue;
      row.dirty = false;
      out += this.#row(row, y);
    }
    const drawn = out.length;
    if (cursor !== null && (cursor.x !== this.#x || cursor.y !== this.#y)) out += this.#move(cursor.x, cursor.y);
    const hide = drawn >= SYNC_FROM_BYTES && this.#cursorVisible !== false;
    const visible = cursor !== null;
    let show = '';
    if (visible !== this.#cursorVisible || hide) show = visible ? '\x1b[?25h' : hide ? '' : '\x1b[?25l';
    this.#cursorVisible = visible;
    if (out === '' && show === '') return '';
    out = (hide ? '\x1b[?25l' : '') + out + show;
    return drawn >= SYNC_FROM_BYTES ? BEGIN_SYNC + out + END_SYNC : out;
  }

  #move(x: number, y: number): string {
    const known = this.#x;
    const sameRow = this.#y === y;
    this.#x = x;
    this.#y = y;
    if (!sameRow) return x === 0 ? `\x1b[${y + 1}H` : `\x1b[${y + 1};${x + 1}H`;
    if (x === 0) return '\r';
    if (known >= 0 && x - known === 1) return '\x1b[C';
    if (known >= 0 && known - x === 1) return '\b';
    return `\x1b[${x + 1}G`;
  }

  #shownRow(y: number, width: number): ShownRow {
    const known = this.#shown[y];
    if (known !== undefined && known.glyphs.length === width) return known;
    const fresh = { attributes: new Int32Array(width), glyphs: new Array<string>(width).fill(UNKNOWN) };
    this.#shown[y] = fresh;
    return fresh;
  }

  #row(row: CellRow, y: number): string {
    const width = row.length;
    const { attributes, glyphs } = this.#shownRow(y, width);
    let out = '';
    let x = 0;
    while (x < width) {
      const cell = row[x]!;
      const attribute = cell[0];
      let glyph = cell[1];
      const double = glyph.charCodeAt(0) >= 0x1100 && charWidth(glyph.codePointAt(0)!) === 2;
      const wide = double && x + 1 < width && row[x + 1]![1] === RIGHT_HALF;
      // A half of a wide glyph whose other half is covered by an overlay becomes a blank.
      if ((double && !wide) || glyph === RIGHT_HALF || glyph === '' || glyph === UNKNOWN) glyph = ' ';
      const step = wide ? 2 : 1;
      if (glyphs[x] === glyph && attributes[x] === attribute && (!wide || glyphs[x + 1] === RIGHT_HALF)) {
        x += step;
        continue;
      }
      if (this.#y !== y || this.#x !== x) out += this.#move(x, y);
      if (attribute !== this.#style) {
        out += this.#styles.sequence(attribute);
        this.#style = attribute;
      }
      // The terminal blanks the other half when one half of a wide glyph is overwritten: draw that cell again.
      if (x + step < width && glyphs[x + step] === RIGHT_HALF) glyphs[x + step] = UNKNOWN;
      if (x > 0 && glyphs[x] === RIGHT_HALF) glyphs[x - 1] = UNKNOWN;
      const risky = isRisky(glyph);
      // Where the terminal takes it for narrow, the second cell must not keep its old content.
      if (risky && wide) out += `  \x1b[${x + 1}G`;
      if (this.#unicode) out += glyph;
      else out += wide ? '??' : asciiGlyph(glyph);
      // A mark younger than the terminal's tables may have been put into the next cell.
      if (risky && hasMarks(glyph) && x + step < width) glyphs[x + step] = UNKNOWN;
      glyphs[x] = glyph;
      attributes[x] = attribute;
      if (wide) {
        glyphs[x + 1] = RIGHT_HALF;
        attributes[x + 1] = attribute;
      }
      x += step;
      this.#x = risky || x >= width ? -1 : x;
      this.#y = y;
    }
    return out;
  }
}
