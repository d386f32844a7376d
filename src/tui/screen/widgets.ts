/**
 * The only file that imports blessed. What we use of it: the cell buffer, the tree of elements with their stacking and
 * geometry. What we replace: the terminal's modes, input, widths and `draw`; so blessed writes into a sink and reads from
 * an empty stream, and its handlers of process events are taken off again (see `exits.ts`).
 */
import { PassThrough, Writable } from 'node:stream';
import blessed, { type Widgets } from 'blessed';
import { charWidth, textWidth } from '../text/width.js';
import type { CellRow } from './draw.js';

/** The parts of a blessed screen that its published types leave out. */
export interface CellScreen {
  lines: CellRow[];
  alloc(): void;
  render(): void;
  draw(start: number, end: number): void;
  append(element: Widget): void;
  remove(element: Widget): void;
  destroy(): void;
  readonly program: { cols: number; rows: number; useBuffer: boolean };
}

/** An element: a rectangle with a `render` of our own. */
export interface Widget {
  hidden: boolean;
  position: { left: number; top: number; width: number; height: number };
  render(): void;
  setFront(): void;
  setBack(): void;
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface BlessedUnicode {
  charWidth(text: string | number, index?: number): number;
  strWidth(text: string): number;
}

function replaceWidths(): void {
  const unicode = (blessed as unknown as { unicode: BlessedUnicode }).unicode;
  unicode.charWidth = (text, index = 0) => charWidth(typeof text === 'number' ? text : (text.codePointAt(index) ?? 0));
  unicode.strWidth = textWidth;
}

/** Run `make` and take every listener off `process` that it added. */
function withoutProcessListeners<T>(make: () => T): T {
  const events = ['uncaughtException', 'exit', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGCONT'] as const;
  const before = new Map(events.map((event) => [event, new Set(process.rawListeners(event))]));
  const made = make();
  for (const event of events)
    for (const listener of process.rawListeners(event))
      if (before.get(event)?.has(listener) !== true) process.removeListener(event, listener as () => void);
  return made;
}

/** A blessed screen of a size, that never touches the terminal. `onDraw` is called where blessed would draw. */
export function createCellScreen(
  columns: number,
  rows: number,
  terminal: string,
  onDraw: (rows: readonly CellRow[]) => void,
): CellScreen {
  replaceWidths();
  const sink = Object.assign(new Writable({ write: (_chunk, _encoding, done) => done() }), {
    columns,
    rows,
    isTTY: true,
  });
  const silence = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  // blessed runs `tmux -V` when it finds TMUX: 10 ms for nothing, since it does not talk to the terminal.
  const tmux = process.env['TMUX'];
  delete process.env['TMUX'];
  const screen = withoutProcessListeners(() =>
    blessed.screen({
      input: silence as unknown as NodeJS.ReadStream,
      output: sink as unknown as NodeJS.WriteStream,
      terminal,
      fullUnicode: true,
      forceUnicode: true,
      smartCSR: false,
      resizeTimeout: 0,
    } as Widgets.IScreenOptions),
  ) as unknown as CellScreen & { tput: { brokenACS: boolean } };
  if (tmux !== undefined) process.env['TMUX'] = tmux;
  screen.tput.brokenACS = true;
  screen.draw = () => onDraw(screen.lines);
  return screen;
}

/** Give the buffer another size; all cells are blank afterwards. */
export function resizeCellScreen(screen: CellScreen, columns: number, rows: number): void {
  screen.program.cols = columns;
  screen.program.rows = rows;
  screen.alloc();
}

/** An element whose cells `paint` puts. */
export function createWidget(paint: () => void): Widget {
  const element = blessed.box({ left: 0, top: 0, width: 1, height: 1, tags: false }) as unknown as Widget;
  element.render = paint;
  return element;
}

export function place(widget: Widget, rect: Rect): void {
  widget.position.left = rect.x;
  widget.position.top = rect.y;
  widget.position.width = rect.width;
  widget.position.height = rect.height;
}

export function rectOf(widget: Widget): Rect {
  const { left, top, width, height } = widget.position;
  return { x: left, y: top, width, height };
}
