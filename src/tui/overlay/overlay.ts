/** A window over the panes. The topmost one gets the keys. */
import type { Key } from '../input/keys.js';
import type { Canvas } from '../screen/canvas.js';
import type { CursorPlace } from '../screen/draw.js';
import type { Rect } from '../screen/widgets.js';
import { padLine } from '../text/fit.js';
import type { StyledLine } from '../text/styled.js';
import { textWidth } from '../text/width.js';

export interface OverlayView {
  readonly title: string;
  readonly lines: readonly StyledLine[];
  /** What the keys do, at the lower border. */
  readonly footer: string;
  /** Cell within the lines at which text is typed. */
  readonly cursor?: { readonly line: number; readonly column: number };
  /** Keep this line in sight. */
  readonly reveal?: number;
  /** Columns wanted, border not counted; the screen may give less. */
  readonly width: number;
  readonly sticky?: number;
}

export interface Overlay {
  readonly id: string;
  /** Pure, for the columns that it gets. */
  view(columns: number): OverlayView;
  /** `close` takes the window away. */
  key(key: Key): 'close' | 'used';
  paste?(text: string): void;
  scroll?(lines: number): void;
}

/** Draws the topmost overlay in the middle of the screen, and remembers where its cursor is. */
export class OverlayPainter {
  #top = 0;
  #of: Overlay | null = null;
  cursor: CursorPlace | null = null;

  /** Lines to scroll by at the next paint: for windows longer than the screen. */
  scroll(lines: number): void {
    this.#top = Math.max(0, this.#top + lines);
  }

  paint(canvas: Canvas, overlay: Overlay, columns: number, rows: number, unicode: boolean): Rect {
    if (this.#of !== overlay) {
      this.#of = overlay;
      this.#top = 0;
    }
    const most = Math.max(1, columns - 4);
    const view = overlay.view(most);
    const width = Math.max(
      1,
      Math.min(most, Math.max(view.width, textWidth(view.title) + 4, textWidth(view.footer) + 4)),
    );
    const height = Math.max(1, Math.min(view.lines.length, rows - 3));
    const sticky = view.sticky ?? 0;
    if (view.reveal !== undefined && view.reveal >= sticky) {
      if (view.reveal - sticky < this.#top) this.#top = view.reveal - sticky;
      if (view.reveal >= this.#top + height) this.#top = view.reveal - height + 1;
    }
    this.#top = Math.max(0, Math.min(this.#top, view.lines.length - height));
    const rect: Rect = {
      x: (columns - width - 2) >> 1,
      y: Math.max(0, (rows - height - 2) >> 1),
      width: width + 2,
      height: height + 2,
    };
    this.#frame(canvas, rect, view, unicode, view.lines.length > height);
    for (let y = 0; y < height; y++) {
      const source = view.lines[y < sticky ? y : this.#top + y] ?? [];
      canvas.line(rect.x + 1, rect.y + 1 + y, width, padLine(source, width));
    }
    this.cursor = null;
    if (view.cursor !== undefined) {
      const row = view.cursor.line < sticky ? view.cursor.line : view.cursor.line - this.#top;
      if (row >= 0 && row < height)
        this.cursor = { x: rect.x + 1 + Math.min(view.cursor.column, width - 1), y: rect.y + 1 + row };
    }
    return rect;
  }

  #frame(canvas: Canvas, rect: Rect, view: OverlayView, unicode: boolean, more: boolean): void {
    const [h, v, tl, tr, bl, br] = unicode ? ['═', '║', '╔', '╗', '╚', '╝'] : ['=', '#', '#', '#', '#', '#'];
    const style = { role: 'frame-focus' as const };
    const bar = (left: string, label: string, right: string, y: number): void => {
      const text = label === '' ? '' : ` ${label} `;
      const rest = Math.max(0, rect.width - 3 - textWidth(text));
      canvas.line(rect.x, y, rect.width, [
        { text: left + h, style },
        { text, style: { role: 'title-focus' } },
        { text: h!.repeat(rest) + right, style },
      ]);
    };
    bar(tl!, view.title, tr!, rect.y);
    bar(bl!, (more ? '↓ ' : '') + view.footer, br!, rect.y + rect.height - 1);
    for (let y = rect.y + 1; y < rect.y + rect.height - 1; y++) {
      canvas.line(rect.x, y, 1, [{ text: v!, style }]);
      canvas.line(rect.x + rect.width - 1, y, 1, [{ text: v!, style }]);
    }
  }
}
