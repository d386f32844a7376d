/** From the emulator's buffer to cells of the screen. */
import type { IBufferCell, Terminal } from '@xterm/headless';
import type { Canvas } from '../screen/canvas.js';
import { RIGHT_HALF } from '../screen/draw.js';
import {
  BLINK,
  BOLD,
  type Colour,
  DIM,
  INVERSE,
  INVISIBLE,
  ITALIC,
  RGB,
  STRIKE,
  type StyleId,
  UNDERLINE,
} from '../screen/styles.js';
import type { Rect } from '../screen/widgets.js';
import { fitColour } from '../theme/colour.js';
import { cellText } from './cell-text.js';

function flagsOf(cell: IBufferCell): number {
  if (cell.isAttributeDefault()) return 0;
  return (
    (cell.isBold() ? BOLD : 0) |
    (cell.isDim() ? DIM : 0) |
    (cell.isItalic() ? ITALIC : 0) |
    (cell.isUnderline() ? UNDERLINE : 0) |
    (cell.isBlink() ? BLINK : 0) |
    (cell.isInverse() ? INVERSE : 0) |
    (cell.isInvisible() ? INVISIBLE : 0) |
    (cell.isStrikethrough() ? STRIKE : 0)
  );
}

/** Paint the emulator's viewport into `rect`. */
export function paintTerminal(canvas: Canvas, rect: Rect, terminal: Terminal, scratch: IBufferCell): void {
  const buffer = terminal.buffer.active;
  const { palette } = canvas;
  const { styles } = palette;
  const plain: StyleId = styles.intern(palette.fg, palette.bg, 0);
  const rows = canvas.rows;
  for (let y = 0; y < rect.height; y++) {
    const row = rows[rect.y + y];
    if (row === undefined) break;
    const source = buffer.getLine(buffer.viewportY + y);
    for (let x = 0; x < rect.width; x++) {
      const at = rect.x + x;
      const cell = source?.getCell(x, scratch);
      if (cell === undefined) {
        canvas.cell(row, at, plain, ' ');
        continue;
      }
      const width = cell.getWidth();
      let style = plain;
      if (!cell.isAttributeDefault()) {
        const fg: Colour = cell.isFgDefault()
          ? palette.fg
          : fitColour(cell.isFgRGB() ? RGB | cell.getFgColor() : cell.getFgColor(), palette.depth);
        const bg: Colour = cell.isBgDefault()
          ? palette.bg
          : fitColour(cell.isBgRGB() ? RGB | cell.getBgColor() : cell.getBgColor(), palette.depth);
        style = styles.intern(fg, bg, flagsOf(cell));
      }
      // Where the pane was just made narrower, a wide glyph may stick out of it.
      if (width === 0) canvas.cell(row, at, style, RIGHT_HALF);
      else if (width === 2 && x + 1 >= rect.width) canvas.cell(row, at, style, ' ');
      else canvas.cell(row, at, style, cellText(cell.getChars(), width));
    }
  }
}
