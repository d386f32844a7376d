/** Runs the screen against a terminal in memory and compares every cell that is meant with the cell that is shown. */
import { PassThrough } from 'node:stream';
import addonUnicode11 from '@xterm/addon-unicode11';
import xterm, { type Terminal } from '@xterm/headless';
import { type AppHandle, type AppOptions, runApp } from '../../src/tui/run-app.js';
import { RIGHT_HALF } from '../../src/tui/screen/draw.js';
import { Screen } from '../../src/tui/screen/screen.js';
import { detectTerminal, type TerminalTraits } from '../../src/tui/screen/terminal.js';
import { createWidget } from '../../src/tui/screen/widgets.js';
import { charWidth } from '../../src/tui/text/width.js';
import type { ThemeId } from '../../src/tui/theme/themes.js';

export const TRAITS: TerminalTraits = detectTerminal({ TERM: 'xterm-256color', COLORTERM: 'truecolor' });

/** An output stream that is a terminal of Unicode 11. */
export class MemoryTerminal {
  readonly terminal: Terminal;
  columns: number;
  rows: number;
  written = '';
  writes = 0;
  #resize = new Set<() => void>();

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 0, allowProposedApi: true });
    this.terminal.loadAddon(new addonUnicode11.Unicode11Addon());
    this.terminal.unicode.activeVersion = '11';
  }

  write(text: string): void {
    this.written += text;
    this.writes++;
    this.terminal.write(text);
  }

  on(_event: 'resize', listener: () => void): void {
    this.#resize.add(listener);
  }

  removeListener(_event: 'resize', listener: () => void): void {
    this.#resize.delete(listener);
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.terminal.resize(columns, rows);
    for (const listener of this.#resize) listener();
  }

  /** Bytes since the last call. */
  takeBytes(): number {
    const bytes = Buffer.byteLength(this.written);
    this.written = '';
    this.writes = 0;
    return bytes;
  }

  /** Wait until everything written has been parsed. */
  settle(): Promise<void> {
    return new Promise((resolve) => this.terminal.write('', resolve));
  }

  text(): string[] {
    const buffer = this.terminal.buffer.active;
    return Array.from(
      { length: this.rows },
      (_, y) =>
        buffer
          .getLine(buffer.viewportY + y)
          ?.translateToString(true)
          .trimEnd() ?? '',
    );
  }

  cursor(): { x: number; y: number } {
    const buffer = this.terminal.buffer.active;
    return { x: buffer.cursorX, y: buffer.cursorY };
  }
}

export interface WrongCell {
  readonly x: number;
  readonly y: number;
  readonly want: string;
  readonly shown: string;
}

/** Cells whose shown glyph is not the one meant. A half of a wide glyph that an overlay covers is meant to be blank. */
export function wrongCells(screen: Screen, out: MemoryTerminal): WrongCell[] {
  const wrong: WrongCell[] = [];
  const buffer = out.terminal.buffer.active;
  for (const [y, row] of screen.cells.entries()) {
    const source = buffer.getLine(buffer.viewportY + y)!;
    for (let x = 0; x < row.length; x++) {
      const cell = source.getCell(x)!;
      const shown = cell.getWidth() === 0 ? RIGHT_HALF : cell.getChars() || ' ';
      let want = row[x]![1];
      const half = want === RIGHT_HALF && (x === 0 || charWidth(row[x - 1]![1].codePointAt(0)!) !== 2);
      const alone = want !== RIGHT_HALF && charWidth(want.codePointAt(0)!) === 2 && row[x + 1]?.[1] !== RIGHT_HALF;
      if (half || alone) want = ' ';
      // A script younger than Unicode 11 takes one column there; the second must then be empty.
      const younger =
        want === RIGHT_HALF && shown === ' ' && x > 0 && source.getCell(x - 1)!.getChars() === row[x - 1]![1];
      // So is a combining mark younger than Unicode 11: it is not shown, and the next cell is as meant.
      const lost = want.length > shown.length && want.startsWith(shown) && /^\p{M}+$/u.test(want.slice(shown.length));
      if (want !== shown && !younger && !lost) wrong.push({ x, y, want, shown });
    }
  }
  return wrong;
}

/** A bare screen with one painting function: for what needs no panes. */
export function bareScreen(
  columns: number,
  rows: number,
  theme: ThemeId = 'dark',
): { screen: Screen; out: MemoryTerminal; paint: (work: () => void) => Promise<void> } {
  const out = new MemoryTerminal(columns, rows);
  const screen = new Screen({ output: out, traits: TRAITS, theme, mouse: false });
  let current: () => void = () => undefined;
  screen.append(createWidget(() => current()));
  screen.enter();
  return {
    screen,
    out,
    paint: async (work) => {
      current = work;
      screen.flush();
      await out.settle();
    },
  };
}

export interface RunningApp extends AppHandle {
  readonly out: MemoryTerminal;
  readonly keys: PassThrough;
  /** Type bytes as a terminal sends them, then draw. */
  type(bytes: string): Promise<void>;
  /** Draw what is due and wait until it is shown. */
  settle(): Promise<void>;
  /** Wait until the screen's text fulfils a condition. */
  until(condition: (text: string) => boolean, what: string, timeoutMs?: number): Promise<void>;
}

/** The whole view in a terminal in memory. */
export async function startApp(
  columns: number,
  rows: number,
  options: Omit<AppOptions, 'input' | 'output'>,
): Promise<RunningApp> {
  const out = new MemoryTerminal(columns, rows);
  const keys = new PassThrough();
  const handle = runApp({ traits: TRAITS, ...options, input: keys, output: out });
  const settle = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => handle.app.shell.terminal.write('', resolve));
    await new Promise((resolve) => setImmediate(resolve));
    handle.screen.flush();
    await out.settle();
  };
  const until: RunningApp['until'] = async (condition, what, timeoutMs = 45_000) => {
    const end = Date.now() + timeoutMs;
    for (;;) {
      await settle();
      if (condition(out.text().join('\n'))) return;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}; the screen shows:\n${out.text().join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await settle();
  return {
    ...handle,
    out,
    keys,
    settle,
    until,
    type: async (bytes) => {
      keys.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, bytes === '\x1b' ? 45 : 5));
      await settle();
    },
  };
}
