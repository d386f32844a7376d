/**
 * A terminal within the terminal: an @xterm/headless emulator fed by a session of the lab. Nothing that a program prints
 * passes to the outer terminal: only the emulator's cells do. Answers to queries (device attributes, cursor position) go
 * back to the session alone.
 */
import addonUnicode11 from '@xterm/addon-unicode11';
import xterm, { type IBufferCell, type Terminal } from '@xterm/headless';
import type { Session } from '../../../engine/api/types.js';
import type { MouseInput } from '../input/decoder.js';
import { encodeKey, encodeMouse, encodePaste } from '../input/encode.js';
import type { Key } from '../input/keys.js';
import type { Canvas } from '../screen/canvas.js';
import type { CursorPlace } from '../screen/draw.js';
import type { Rect } from '../screen/widgets.js';
import { FlowControl } from './flow.js';
import { paintTerminal } from './paint.js';
import { type ShellListener, ShellTracker } from './shell-integration.js';

const SCROLLBACK = 5000;
/** Lines that one turn of the wheel moves. */
const WHEEL = 3;

export interface TerminalPaneOptions {
  /** Something on the pane's screen changed. */
  onDirty(): void;
  onExit(status: { exitCode: number; signal: string | null }): void;
  onBell?(): void;
}

export class TerminalPane {
  readonly terminal: Terminal;
  readonly #options: TerminalPaneOptions;
  readonly #scratch: IBufferCell;
  #session: Session | null = null;
  #flow: FlowControl | null = null;
  #tracker: ShellTracker | null = null;
  #sgrMouse = false;
  #cursorShown = true;
  /** Counts sessions: what a session says after another took its place is not heard. */
  #generation = 0;

  constructor(options: TerminalPaneOptions) {
    this.#options = options;
    this.terminal = new xterm.Terminal({ cols: 80, rows: 24, scrollback: SCROLLBACK, allowProposedApi: true });
    this.terminal.loadAddon(new addonUnicode11.Unicode11Addon());
    this.terminal.unicode.activeVersion = '11';
    this.#scratch = this.terminal.buffer.active.getNullCell();
    this.terminal.onData((answer) => this.#session?.write(answer));
    this.terminal.onBinary((answer) => this.#session?.write(Buffer.from(answer, 'latin1')));
    this.terminal.onWriteParsed(() => options.onDirty());
    this.terminal.onBell(() => options.onBell?.());
    this.#followModes();
  }

  /** Modes that the emulator keeps to itself: cursor visibility (DECTCEM) and the form of mouse reports. */
  #followModes(): void {
    const { parser } = this.terminal;
    const set = (on: boolean) => (parameters: (number | number[])[]) => {
      if (parameters.includes(1006)) this.#sgrMouse = on;
      if (parameters.includes(25)) this.#cursorShown = on;
      return false;
    };
    const reset = (): boolean => {
      this.#sgrMouse = false;
      this.#cursorShown = true;
      return false;
    };
    parser.registerCsiHandler({ prefix: '?', final: 'h' }, set(true));
    parser.registerCsiHandler({ prefix: '?', final: 'l' }, set(false));
    parser.registerCsiHandler({ intermediates: '!', final: 'p' }, reset);
    parser.registerEscHandler({ final: 'c' }, reset);
    parser.registerOscHandler(133, (data) => {
      this.#tracker?.mark(data);
      return true;
    });
    parser.registerOscHandler(633, (data) => {
      this.#tracker?.property(data);
      return true;
    });
  }

  /** Others may listen to private sequences of the programs in the pane. */
  registerOscHandler(code: number, handler: (data: string) => boolean): () => void {
    const registration = this.terminal.parser.registerOscHandler(code, handler);
    return () => registration.dispose();
  }

  /** Show a session from now on, on a clean screen. The session that was shown before is not closed. */
  attach(session: Session, shell?: { readonly nonce: string; readonly listener: ShellListener }): void {
    const generation = ++this.#generation;
    this.terminal.reset();
    this.#sgrMouse = false;
    this.#cursorShown = true;
    this.#session = session;
    this.#tracker = shell === undefined ? null : new ShellTracker(shell.nonce, shell.listener);
    const flow = new FlowControl(session, (bytes, done) => this.terminal.write(bytes, done));
    this.#flow = flow;
    session.onData((bytes) => {
      if (generation === this.#generation) flow.push(bytes);
    });
    session.onExit((status) => {
      if (generation !== this.#generation) return;
      this.#session = null;
      this.#options.onExit(status);
    });
    session.resize(this.terminal.cols, this.terminal.rows);
  }

  /** Stop showing the present session; what is on the screen stays. */
  detach(): Session | null {
    this.#generation++;
    const session = this.#session;
    this.#session = null;
    return session;
  }

  get alive(): boolean {
    return this.#session !== null;
  }

  /** The program has the alternate screen, as editors and pagers do. */
  get inEditor(): boolean {
    return this.terminal.buffer.active.type === 'alternate';
  }

  /** Bytes that wait to be shown. */
  get pending(): number {
    return this.#flow?.pending ?? 0;
  }

  /** Lines above the bottom that the view is scrolled up. */
  get scrolledUp(): number {
    const buffer = this.terminal.buffer.active;
    return buffer.baseY - buffer.viewportY;
  }

  /** Text of our own in the pane, a notice that the shell has ended for example. */
  print(text: string): void {
    this.terminal.write(text);
  }

  resize(columns: number, rows: number): void {
    const [cols, lines] = [Math.max(2, columns), Math.max(1, rows)];
    if (cols === this.terminal.cols && lines === this.terminal.rows) return;
    this.terminal.resize(cols, lines);
    this.#session?.resize(cols, lines);
  }

  key(key: Key): void {
    this.terminal.scrollToBottom();
    this.#session?.write(encodeKey(key, this.terminal.modes.applicationCursorKeysMode));
  }

  paste(text: string): void {
    this.terminal.scrollToBottom();
    this.#session?.write(encodePaste(text, this.terminal.modes.bracketedPasteMode));
  }

  /** Bytes as if typed. */
  type(text: string): void {
    this.terminal.scrollToBottom();
    this.#session?.write(text);
  }

  scroll(lines: number): void {
    this.terminal.scrollLines(lines);
    this.#options.onDirty();
  }

  /** Half of it stays visible for orientation. */
  scrollPages(pages: number): void {
    this.scroll(Math.trunc(pages * Math.max(1, this.terminal.rows - 2)));
  }

  /** A mouse event at a cell of the pane: for the program if it asked for the mouse, else the wheel scrolls. */
  mouse(mouse: MouseInput, x: number, y: number): void {
    const tracking = this.terminal.modes.mouseTrackingMode;
    if (tracking !== 'none') {
      const report = encodeMouse(mouse, x, y, { tracking, sgr: this.#sgrMouse });
      if (report !== '') this.#session?.write(Buffer.from(report, 'latin1'));
      return;
    }
    if (mouse.action !== 'wheel-up' && mouse.action !== 'wheel-down') return;
    const up = mouse.action === 'wheel-up';
    if (this.terminal.buffer.active.type === 'alternate') {
      // As xterm's alternateScroll: pagers and editors without mouse support scroll by cursor keys.
      const key: Key = { name: up ? 'up' : 'down', ctrl: false, alt: false, shift: false, raw: '' };
      this.#session?.write(encodeKey(key, this.terminal.modes.applicationCursorKeysMode).repeat(WHEEL));
    } else this.scroll(up ? -WHEEL : WHEEL);
  }

  paint(canvas: Canvas, rect: Rect): void {
    paintTerminal(canvas, rect, this.terminal, this.#scratch);
  }

  /** Where the program's cursor is, in screen cells; null while it is hidden or scrolled out of sight. */
  cursor(rect: Rect): CursorPlace | null {
    const buffer = this.terminal.buffer.active;
    const y = buffer.baseY + buffer.cursorY - buffer.viewportY;
    if (!this.#cursorShown || y < 0 || y >= rect.height) return null;
    return { x: rect.x + Math.min(buffer.cursorX, rect.width - 1), y: rect.y + y };
  }

  dispose(): void {
    this.detach()?.close();
    this.terminal.dispose();
  }
}
