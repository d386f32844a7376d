/**
 * A grid of cells for drawings in text. Lines are drawn as arms of cells and join by themselves (a wire that meets a
 * border becomes `├`, two wires that cross become `┼`); text lies above lines. Wide glyphs take two cells and are never cut.
 */
import type { Role, Span, Style, StyledLine } from '../text/styled.js';
import { glyphs } from '../text/width.js';
import { asciiGlyph, boxGlyph, type Weight } from './box-glyphs.js';

export interface Pen {
  readonly weight?: 1 | 2;
  readonly dashed?: boolean;
  readonly style?: Style;
  readonly target?: string;
  /** Of two lines in one cell the one with the higher rank gives the style; default 0. */
  readonly rank?: number;
}

interface Cell {
  up: Weight;
  down: Weight;
  left: Weight;
  right: Weight;
  dashed: boolean;
  solid: boolean;
  rank: number;
  /** Text in the cell; '' for the right half of a wide glyph; null for none. */
  text: string | null;
  style: Style | undefined;
  target: string | undefined;
}

function blank(): Cell {
  return {
    up: 0,
    down: 0,
    left: 0,
    right: 0,
    dashed: false,
    solid: false,
    rank: -1,
    text: null,
    style: undefined,
    target: undefined,
  };
}

const UP = 1;
const DOWN = 2;
const LEFT = 4;
const RIGHT = 8;

export class Canvas {
  readonly width: number;
  #rows: Cell[][] = [];
  readonly #unicode: boolean;

  /** Rows grow as things are drawn; columns are fixed and what is drawn beyond them is cut. */
  constructor(width: number, unicode = true) {
    this.width = width;
    this.#unicode = unicode;
  }

  get height(): number {
    return this.#rows.length;
  }

  #cell(x: number, y: number): Cell | null {
    if (x < 0 || y < 0 || x >= this.width) return null;
    while (this.#rows.length <= y) this.#rows.push(Array.from({ length: this.width }, blank));
    return this.#rows[y]![x]!;
  }

  /** Add arms (bits of `UP` … `RIGHT`) to a cell. */
  #arm(x: number, y: number, arms: number, pen: Pen): void {
    const cell = this.#cell(x, y);
    if (cell === null) return;
    const weight = pen.weight ?? 1;
    if (arms & UP && cell.up < weight) cell.up = weight;
    if (arms & DOWN && cell.down < weight) cell.down = weight;
    if (arms & LEFT && cell.left < weight) cell.left = weight;
    if (arms & RIGHT && cell.right < weight) cell.right = weight;
    if (pen.dashed === true) cell.dashed = true;
    else cell.solid = true;
    const rank = pen.rank ?? 0;
    if (rank >= cell.rank) {
      cell.rank = rank;
      cell.style = pen.style;
      cell.target = pen.target ?? cell.target;
    }
  }

  /** A line from the middle of cell (x1, y) to the middle of (x2, y), both ends included. */
  horizontal(x1: number, x2: number, y: number, pen: Pen = {}): void {
    const from = Math.min(x1, x2);
    const to = Math.max(x1, x2);
    for (let x = from; x <= to; x++) {
      this.#arm(x, y, (x > from ? LEFT : 0) | (x < to ? RIGHT : 0), pen);
    }
  }

  /** A line from the middle of cell (x, y1) to the middle of (x, y2), both ends included. */
  vertical(x: number, y1: number, y2: number, pen: Pen = {}): void {
    const from = Math.min(y1, y2);
    const to = Math.max(y1, y2);
    for (let y = from; y <= to; y++) {
      this.#arm(x, y, (y > from ? UP : 0) | (y < to ? DOWN : 0), pen);
    }
  }

  /** The frame of a box whose border lies on the cells (x, y) … (x + width - 1, y + height - 1). */
  frame(x: number, y: number, width: number, height: number, pen: Pen = {}): void {
    this.horizontal(x, x + width - 1, y, pen);
    this.horizontal(x, x + width - 1, y + height - 1, pen);
    this.vertical(x, y, y + height - 1, pen);
    this.vertical(x + width - 1, y, y + height - 1, pen);
  }

  /** Spans from (x, y) rightwards, at most to column `end` (exclusive); what does not fit is cut with `…`. Returns the column after it. */
  text(x: number, y: number, spans: readonly Span[], end: number = this.width): number {
    const cells: { text: string; width: 1 | 2; span: Span }[] = [];
    for (const span of spans) for (const glyph of glyphs(span.text)) cells.push({ ...glyph, span });
    const limit = Math.min(end, this.width);
    let need = 0;
    for (const cell of cells) need += cell.width;
    let at = x;
    const cut = need > limit - x;
    for (const cell of cells) {
      if (cut && at + cell.width > limit - 1) {
        if (at < limit) this.#put(at, y, this.#unicode ? '…' : '~', cell.span);
        return at + 1;
      }
      this.#put(at, y, cell.text, cell.span);
      if (cell.width === 2) this.#put(at + 1, y, '', cell.span);
      at += cell.width;
    }
    return at;
  }

  #put(x: number, y: number, text: string, span: Span): void {
    const cell = this.#cell(x, y);
    if (cell === null) return;
    if (cell.text === '' && text !== '') this.#blankHalf(x - 1, y);
    if (cell.text !== null && cell.text !== '' && this.#rows[y]![x + 1]?.text === '') this.#blankHalf(x + 1, y);
    cell.text = text;
    cell.style = span.style;
    cell.target = span.target ?? cell.target;
  }

  #blankHalf(x: number, y: number): void {
    const cell = this.#cell(x, y);
    if (cell !== null) cell.text = ' ';
  }

  /** Run `change` over the style of every cell of a rectangle: to highlight what is selected. */
  restyle(
    x: number,
    y: number,
    width: number,
    height: number,
    change: (style: Style | undefined) => Style | undefined,
  ): void {
    for (let row = y; row < y + height; row++) {
      for (let column = x; column < x + width; column++) {
        const cell = this.#cell(column, row);
        if (cell !== null) cell.style = change(cell.style);
      }
    }
  }

  /** True when a line (not text) passes through the cell: for tests of layouts. */
  hasLine(x: number, y: number): boolean {
    const cell = this.#rows[y]?.[x];
    return cell !== undefined && cell.text === null && cell.up + cell.down + cell.left + cell.right > 0;
  }

  /** Make the drawing at least `height` rows high. */
  grow(height: number): void {
    if (height > 0 && this.width > 0) this.#cell(0, height - 1);
  }

  /** The drawing as lines, each exactly `width` columns. */
  lines(): StyledLine[] {
    return this.#rows.map((row) => {
      const spans: { text: string; style: Style | undefined; target: string | undefined }[] = [];
      for (const cell of row) {
        const text = cell.text ?? this.#glyph(cell);
        const last = spans.at(-1);
        if (last !== undefined && sameStyle(last.style, cell.style) && last.target === cell.target) last.text += text;
        else if (text !== '') spans.push({ text, style: cell.style, target: cell.target });
      }
      return spans.map(({ text, style, target }) => ({
        text,
        ...(style === undefined ? {} : { style }),
        ...(target === undefined ? {} : { target }),
      }));
    });
  }

  #glyph(cell: Cell): string {
    const draw = this.#unicode ? boxGlyph : asciiGlyph;
    return draw(cell.up, cell.down, cell.left, cell.right, cell.dashed && !cell.solid);
  }
}

function sameStyle(a: Style | undefined, b: Style | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    a.role === b.role &&
    a.bold === b.bold &&
    a.dim === b.dim &&
    a.italic === b.italic &&
    a.underline === b.underline &&
    a.inverse === b.inverse &&
    a.strike === b.strike
  );
}

/** A style in a role. */
export function role(name: Role, more: Omit<Style, 'role'> = {}): Style {
  return { role: name, ...more };
}
