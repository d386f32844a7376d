/** Where a key, a mouse event or pasted text goes: window on top, filter, prefix, shell, panel, command. */
import type { InputEvent, MouseInput } from '../input/decoder.js';
import { type Key, keyId } from '../input/keys.js';
import { innerRect } from '../layout/arrange.js';
import type { LineEditor } from '../overlay/line-editor.js';
import type { Overlay } from '../overlay/overlay.js';
import type { PanelEffects } from '../panel.js';
import type { Rect } from '../screen/widgets.js';
import type { TerminalPane } from '../terminal-pane/terminal-pane.js';
import type { Painter } from './painter.js';
import type { ViewState } from './view-state.js';

/** The one key that the shell does not get; pressed twice it does. */
export const PREFIX_KEY = 'ctrl-g';
const FUNCTION_KEY = /^f\d+$/;
const WHEEL = 3;
const HELP_PAGE = 10;

export interface RouterParts {
  readonly view: ViewState;
  readonly painter: Painter;
  readonly shell: TerminalPane;
  readonly effects: PanelEffects;
  /** Run the command that has this key; false when none has. */
  command(id: string): boolean;
  /** The same for the commands that the lesson or the demo brings: their function keys work in the shell pane too. */
  extraCommand(id: string): boolean;
  reopenShell(): void;
  toggleLanguage(): void;
  /** Ctrl-C where it interrupts nothing. */
  explainQuit(): void;
}

export class InputRouter {
  readonly #parts: RouterParts;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  route(event: InputEvent): void {
    if (event.type === 'key') this.#key(event.key);
    else if (event.type === 'paste') this.#paste(event.text);
    else this.#mouse(event.mouse);
  }

  #key(key: Key): void {
    const { view, shell } = this.#parts;
    const id = keyId(key);
    if (view.overlay !== undefined) this.#overlayKey(view.overlay, key, id);
    else if (view.filterEditor !== null) this.#filterKey(view.filterEditor, key, id);
    else if (view.prefix) {
      view.prefix = false;
      if (id === PREFIX_KEY) shell.key(key);
      else if (id !== 'escape') this.#parts.command(id);
    } else if (id === PREFIX_KEY) view.prefix = true;
    else if (view.focus === 'shell') this.#shellKey(key, id);
    else this.#panelKey(key, id);
  }

  #shellKey(key: Key, id: string): void {
    const { view, shell } = this.#parts;
    if (FUNCTION_KEY.test(id) && this.#parts.extraCommand(id)) return;
    if (id === 'shift-pageup') shell.scrollPages(-1);
    else if (id === 'shift-pagedown') shell.scrollPages(1);
    else if (view.shellMessage === null) shell.key(key);
    else if (id === 'enter') this.#parts.reopenShell();
  }

  #panelKey(key: Key, id: string): void {
    const { view, effects } = this.#parts;
    const pane = view.panel;
    if (pane?.key(key, view.inputFor(pane), effects) === true) return;
    if (!this.#parts.command(id) && id === 'ctrl-c') this.#parts.explainQuit();
  }

  #overlayKey(overlay: Overlay, key: Key, id: string): void {
    const { view } = this.#parts;
    if (overlay.id === 'help') {
      const lines: Readonly<Record<string, number>> = {
        down: 1,
        j: 1,
        up: -1,
        k: -1,
        pagedown: HELP_PAGE,
        space: HELP_PAGE,
        pageup: -HELP_PAGE,
      };
      if (lines[id] !== undefined) view.overlayPainter.scroll(lines[id]);
      if (id === 'l') this.#parts.toggleLanguage();
    }
    if (overlay.key(key) === 'close') view.close(overlay);
  }

  #filterKey(editor: LineEditor, key: Key, id: string): void {
    const { view } = this.#parts;
    const pane = view.panel;
    if (id === 'enter' || pane === null) view.filterEditor = null;
    else if (id === 'escape' || id === 'ctrl-c') {
      view.filterEditor = null;
      view.setFilter(pane, '');
    } else if (editor.key(key)) view.setFilter(pane, editor.text);
  }

  #paste(pasted: string): void {
    const { view, shell } = this.#parts;
    const pane = view.panel;
    if (view.overlay !== undefined) view.overlay.paste?.(pasted);
    else if (view.filterEditor !== null) {
      view.filterEditor.insert(pasted);
      if (pane !== null) view.setFilter(pane, view.filterEditor.text);
    } else if (view.focus === 'shell' && view.shellMessage === null) shell.paste(pasted);
  }

  #mouse(mouse: MouseInput): void {
    const { view, painter, shell } = this.#parts;
    const wheel = mouse.action === 'wheel-up' ? -WHEEL : mouse.action === 'wheel-down' ? WHEEL : 0;
    if (view.overlay !== undefined) {
      view.overlayPainter.scroll(wheel);
      return;
    }
    const placed = painter.arrangement.panes.find((pane) => contains(pane.rect, mouse.x, mouse.y));
    if (placed === undefined) return;
    const pressed = mouse.action === 'press';
    const spot = pressed
      ? painter.spots.find((s) => s.y === mouse.y && mouse.x >= s.from && mouse.x < s.to)
      : undefined;
    if (spot !== undefined) {
      spot.onClick();
      return;
    }
    // The click that brings the focus to the shell is not passed on to the program in it.
    const focusing = pressed && placed.id !== view.focus;
    if (focusing) view.setFocus(placed.id);
    const inner = innerRect(placed);
    if (!contains(inner, mouse.x, mouse.y)) return;
    const x = mouse.x - inner.x;
    const y = mouse.y - inner.y;
    const pane = view.panelOf(placed.id);
    if (placed.id === 'shell') {
      if (!focusing) shell.mouse(mouse, x, y);
    } else if (wheel !== 0) pane?.scroll(wheel);
    else if (pressed) pane?.click(x, y, view.inputFor(pane), this.#parts.effects);
  }
}

function contains(rect: Rect, x: number, y: number): boolean {
  return x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height;
}
