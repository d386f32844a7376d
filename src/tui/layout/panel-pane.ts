/**
 * Shows a panel in a pane: keeps its state, scrolls and cuts its lines. A panel that throws fails alone: its pane shows the
 * error in place of its content until the next change, and the shell and the lesson beside it live on.
 */

import type { ObserveEvent } from '../../../engine/api/types.js';
import type { Key } from '../input/keys.js';
import { keyId } from '../input/keys.js';
import type { AnyPanel, PanelEffects, PanelInput, PanelView } from '../panel.js';
import type { Canvas } from '../screen/canvas.js';
import type { Rect } from '../screen/widgets.js';
import { text } from '../strings.js';
import { lineWidth, sliceLine } from '../text/fit.js';
import { sanitiseLines } from '../text/sanitise.js';
import { span } from '../text/styled.js';

const SIDEWAYS = 8;

export class PanelPane {
  readonly panel: AnyPanel;
  filter = '';
  #state: unknown;
  #top = 0;
  #left = 0;
  #view: PanelView = { lines: [] };
  #cache: { input: PanelInput; state: unknown; width: number; height: number } | null = null;
  #width = 1;
  #height = 1;
  /** The selected thing must come into sight with the next frame. */
  #reveal = true;
  #wide = 0;
  #failure: string | null = null;

  constructor(panel: AnyPanel) {
    this.panel = panel;
    this.#state = panel.initial();
  }

  /** The panel's state, for tests and for keeping it over a language change. */
  get state(): unknown {
    return this.#state;
  }

  set state(state: unknown) {
    this.#state = state;
    this.#reveal = true;
  }

  get view(): PanelView {
    return this.#view;
  }

  /** `12-34/80`, '' when everything is in sight. */
  get position(): string {
    const count = this.#view.lines.length;
    if (count <= this.#room && this.#left === 0) return '';
    const last = Math.min(count, this.#top + this.#room);
    return `${this.#top + 1}-${last}/${count}${this.#left > 0 ? ` ›${this.#left}` : ''}`;
  }

  /** True when there is more below what is in sight. */
  get more(): boolean {
    return this.#top + this.#room < this.#view.lines.length;
  }

  /** Rows in which `lines` scroll, those that stick at the top included. */
  get #room(): number {
    return Math.max(1, this.#height - (this.#view.dock?.length ?? 0));
  }

  /** Back to the beginning: for a new page of the lesson. */
  toTop(): void {
    this.#top = 0;
    this.#left = 0;
  }

  snapshot(event: ObserveEvent): void {
    const { panel } = this;
    this.#retry();
    if (panel.onSnapshot !== undefined)
      this.#state = this.#guarded(() => panel.onSnapshot?.(event, this.#state), this.#state);
  }

  /** What `work` yields, or `otherwise` when the panel throws; the failure is shown in the pane. */
  #guarded<T>(work: () => T, otherwise: T): T {
    try {
      return work();
    } catch (error) {
      this.#failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#cache = null;
      return otherwise;
    }
  }

  /** After a snapshot or a key the panel gets another chance. */
  #retry(): void {
    if (this.#failure === null) return;
    this.#failure = null;
    this.#cache = null;
  }

  #failureView(input: PanelInput): PanelView {
    const lines = sanitiseLines(this.#failure ?? '').map((part) => [span(part, 'muted')]);
    return { lines: [[span(text('panelFailed', input.lang, { panel: this.panel.id }), 'error')], ...lines] };
  }

  /** Renders only when something that the panel sees has changed. */
  #render(input: PanelInput): void {
    const cache = this.#cache;
    if (
      cache !== null &&
      cache.input === input &&
      cache.state === this.#state &&
      cache.width === this.#width &&
      cache.height === this.#height
    )
      return;
    const before = cache?.input.lang === input.lang ? 0 : this.#view.lines.length;
    const render = (): PanelView => this.panel.render(this.#width, this.#height, input, this.#state);
    const view = this.#failure === null ? this.#guarded(render, null) : null;
    this.#view = view ?? this.#failureView(input);
    // The other language takes other lines for the same text: stay at the same place in it.
    if (before > 0) this.#top = Math.round((this.#top / before) * this.#view.lines.length);
    this.#cache = { input, state: this.#state, width: this.#width, height: this.#height };
    this.#wide = this.#view.lines.reduce((most, l) => Math.max(most, lineWidth(l)), 0);
  }

  #settle(): void {
    const { lines, reveal, sticky = 0 } = this.#view;
    if (this.#reveal && reveal !== undefined) {
      const room = Math.max(1, this.#room - sticky);
      if (reveal.line >= sticky) {
        if (reveal.line - sticky < this.#top) this.#top = reveal.line - sticky;
        else if (reveal.line - sticky >= this.#top + room) this.#top = reveal.line - sticky - room + 1;
      }
      if (reveal.from !== undefined && reveal.from < this.#left) this.#left = reveal.from;
      if (reveal.to !== undefined && reveal.to > this.#left + this.#width)
        this.#left = Math.min(reveal.to - this.#width, reveal.from ?? reveal.to);
    }
    this.#reveal = false;
    this.#top = Math.max(0, Math.min(this.#top, lines.length - this.#room));
    this.#left = Math.max(0, Math.min(this.#left, this.#wide - this.#width));
  }

  paint(canvas: Canvas, rect: Rect, input: PanelInput): void {
    this.#width = Math.max(1, rect.width);
    this.#height = Math.max(1, rect.height);
    this.#render(input);
    this.#settle();
    const { lines, sticky = 0, dock = [] } = this.#view;
    const room = this.#room;
    for (let y = 0; y < rect.height; y++) {
      if (y >= room) {
        canvas.line(rect.x, rect.y + y, rect.width, dock[y - room] ?? []);
        continue;
      }
      const source = lines[y < sticky ? y : this.#top + y] ?? [];
      const visible = this.#left > 0 ? sliceLine(source, this.#left, this.#left + rect.width) : source;
      canvas.line(rect.x, rect.y + y, rect.width, visible);
    }
  }

  /** True when the key was used. */
  key(key: Key, input: PanelInput, effects: PanelEffects): boolean {
    const before = this.#state;
    this.#retry();
    const next = this.#guarded(() => this.panel.onKey?.(key, before, input, effects) ?? null, null);
    if (next !== null) {
      // The key may have had an effect that set another state meanwhile: an unchanged one must not undo that.
      if (next !== before) this.state = next;
      return true;
    }
    return this.scrollKey(keyId(key));
  }

  scrollKey(id: string): boolean {
    const page = Math.max(1, this.#room - 1);
    switch (id) {
      case 'up':
      case 'k':
        return this.scroll(-1);
      case 'down':
      case 'j':
        return this.scroll(1);
      case 'pageup':
        return this.scroll(-page);
      case 'pagedown':
      case 'space':
        return this.scroll(page);
      case 'home':
      case 'g':
        return this.scroll(Number.NEGATIVE_INFINITY);
      case 'end':
      case 'G':
        return this.scroll(Number.POSITIVE_INFINITY);
      case 'left':
        return this.sideways(-SIDEWAYS);
      case 'right':
        return this.sideways(SIDEWAYS);
      default:
        return false;
    }
  }

  scroll(lines: number): boolean {
    this.#top = Math.max(0, Math.min(this.#top + lines, Math.max(0, this.#view.lines.length - this.#room)));
    return true;
  }

  sideways(columns: number): boolean {
    this.#left = Math.max(0, Math.min(this.#left + columns, Math.max(0, this.#wide - this.#width)));
    return true;
  }

  /** A click at a cell of the pane. */
  click(x: number, y: number, input: PanelInput, effects: PanelEffects): void {
    const { sticky = 0 } = this.#view;
    if (y >= this.#room) return;
    const before = this.#state;
    const next = this.#guarded(
      () => this.panel.onClick?.(y < sticky ? y : this.#top + y, this.#left + x, before, input, effects) ?? null,
      null,
    );
    if (next !== null && next !== before) this.#state = next;
  }
}
