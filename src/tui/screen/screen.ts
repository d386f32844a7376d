/** The screen: blessed's cell buffer, our drawing, the terminal's modes and their restoring, in one object. */
import { Palette } from '../theme/resolve.js';
import type { ThemeId } from '../theme/themes.js';
import { Canvas } from './canvas.js';
import { type CursorPlace, Drawer } from './draw.js';
import { writeNow } from './exits.js';
import { enterSequence, leaveSequence, mouseSequence } from './modes.js';
import { FrameScheduler } from './scheduler.js';
import { StyleTable } from './styles.js';
import type { TerminalTraits } from './terminal.js';
import { type CellScreen, createCellScreen, resizeCellScreen, type Widget } from './widgets.js';

/** Where the bytes go: `process.stdout`, or a terminal in memory in tests. */
export interface ScreenOutput {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  removeListener(event: 'resize', listener: () => void): unknown;
  /** For restoring from a signal handler; without it `write` is used. */
  readonly fd?: number;
}

export interface ScreenOptions {
  readonly output: ScreenOutput;
  readonly traits: TerminalTraits;
  readonly theme: ThemeId;
  readonly mouse: boolean;
}

export interface FrameStats {
  frames: number;
  bytes: number;
  lastBytes: number;
  lastMs: number;
}

export class Screen {
  readonly styles = new StyleTable();
  readonly canvas: Canvas;
  readonly traits: TerminalTraits;
  readonly stats: FrameStats = { frames: 0, bytes: 0, lastBytes: 0, lastMs: 0 };
  /** Called before each frame: place the widgets. */
  onLayout: () => void = () => undefined;
  /** Where the hardware cursor stands after the frame: an input method shows its candidates there. */
  cursor: () => CursorPlace | null = () => null;
  readonly #output: ScreenOutput;
  readonly #drawer: Drawer;
  readonly #cells: CellScreen;
  readonly #scheduler: FrameScheduler;
  #active = false;
  #mouse: boolean;
  #pending = '';

  constructor(options: ScreenOptions) {
    this.#output = options.output;
    this.traits = options.traits;
    this.#mouse = options.mouse;
    this.#drawer = new Drawer(this.styles, options.traits.unicode);
    this.#scheduler = new FrameScheduler(() => this.#frame());
    this.#cells = createCellScreen(this.columns, this.rows, options.traits.blessedTerminal, (rows) => this.#draw(rows));
    this.canvas = new Canvas(() => this.#cells.lines, new Palette(options.theme, options.traits.depth, this.styles));
  }

  get columns(): number {
    return Math.max(1, this.#output.columns);
  }

  get rows(): number {
    return Math.max(1, this.#output.rows);
  }

  /** The cells as they are meant to be: for tests that compare them with what a terminal shows. */
  get cells(): CellScreen['lines'] {
    return this.#cells.lines;
  }

  get mouse(): boolean {
    return this.#mouse;
  }

  append(widget: Widget): void {
    this.#cells.append(widget);
  }

  /** Take the terminal and draw everything. */
  enter(): void {
    if (this.#active) return;
    this.#active = true;
    this.#output.on('resize', this.#onResize);
    this.#output.write(enterSequence(this.traits, this.#mouse));
    this.#drawer.invalidate();
    this.#onResize();
  }

  /** Give the terminal back, at once and synchronously. */
  leave(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#output.removeListener('resize', this.#onResize);
    const bytes = leaveSequence(this.traits);
    if (this.#output.fd === undefined) this.#output.write(bytes);
    else writeNow(this.#output.fd, bytes);
  }

  destroy(): void {
    this.leave();
    this.#scheduler.stop();
    this.#cells.destroy();
  }

  /** Draw soon: coalesced, at most 60 frames a second. */
  request(): void {
    if (this.#active) this.#scheduler.request();
  }

  /** Draw now. */
  flush(): void {
    if (this.#active) this.#scheduler.flush();
  }

  /** Draw every cell again, for when another program has written over the screen. */
  redraw(): void {
    this.#drawer.invalidate();
    this.request();
  }

  setMouse(on: boolean): void {
    if (on === this.#mouse || !this.traits.mouse) return;
    this.#mouse = on;
    this.send(mouseSequence(on));
  }

  setTheme(theme: ThemeId): void {
    this.canvas.palette = new Palette(theme, this.traits.depth, this.styles);
    this.request();
  }

  /** A sequence of our own that moves nothing (mouse mode, clipboard); goes out with the next frame. */
  send(sequence: string): void {
    this.#pending += sequence;
    this.request();
  }

  readonly #onResize = (): void => {
    resizeCellScreen(this.#cells, this.columns, this.rows);
    this.#drawer.invalidate();
    this.request();
  };

  #frame(): void {
    if (!this.#active) return;
    const start = performance.now();
    if (this.styles.full) {
      this.styles.clear();
      this.canvas.palette.forget();
      this.#onResize();
    }
    this.onLayout();
    this.#cells.render();
    this.stats.lastMs = performance.now() - start;
  }

  #draw(rows: Parameters<Drawer['frame']>[0]): void {
    const bytes = this.#pending + this.#drawer.frame(rows, this.cursor());
    this.#pending = '';
    this.stats.frames++;
    this.stats.lastBytes = Buffer.byteLength(bytes);
    this.stats.bytes += this.stats.lastBytes;
    if (bytes !== '') this.#output.write(bytes);
  }
}
