/** What is focused, zoomed, filtered and open, and what the panels see. No drawing, no input, no lab. */
import type { Bilingual, ObserveEvent } from '../../../engine/api/types.js';
import { type Arrangement, arrange, BIRTH_PANES, PANE_ORDER, type PaneId } from '../layout/arrange.js';
import { PanelPane } from '../layout/panel-pane.js';
import type { LineEditor } from '../overlay/line-editor.js';
import { type Overlay, OverlayPainter } from '../overlay/overlay.js';
import { type AnyPanel, anyPanel, type Lang, type PanelInput } from '../panel.js';
import { mountsPanel } from '../panels/mounts-panel.js';
import type { FreshChanges } from './fresh.js';

export interface ViewStateParts {
  readonly lang: Lang;
  readonly unicode: boolean;
  readonly lesson: AnyPanel | null;
  readonly picture: readonly AnyPanel[];
  readonly ledger: AnyPanel;
  size(): { readonly columns: number; readonly rows: number };
  /** A program in the shell has the whole of its screen (the alternate buffer). */
  editor(): boolean;
  /** The screen must be drawn again. */
  changed(): void;
}

export class ViewState {
  readonly lesson: PanelPane | null;
  readonly ledger: PanelPane;
  /** A container is being born: its pane and the picture take the place of all others. */
  birth: PanelPane | null = null;
  readonly overlayPainter = new OverlayPainter();
  /** Highlighted changes; set by the application, whose timer it shares. */
  fresh: Pick<FreshChanges, 'list'> = { list: () => [] };
  lang: Lang;
  tab = 0;
  focus: PaneId = 'shell';
  zoomed = false;
  /** The prefix key was pressed: the next key is a command. */
  prefix = false;
  filterEditor: LineEditor | null = null;
  overlays: readonly Overlay[] = [];
  /** Instead of a running shell. */
  shellMessage: Bilingual | null = null;
  readonly #parts: ViewStateParts;
  readonly #panes: readonly PaneId[];
  readonly #picture: readonly PanelPane[];
  readonly #mounts = new PanelPane(anyPanel(mountsPanel()));
  #side: PaneId;
  #input: PanelInput;
  #inputs = new Map<PanelPane, PanelInput>();

  constructor(parts: ViewStateParts) {
    this.#parts = parts;
    this.lang = parts.lang;
    this.lesson = parts.lesson === null ? null : new PanelPane(parts.lesson);
    this.ledger = new PanelPane(parts.ledger);
    this.#picture = parts.picture.map((panel) => new PanelPane(panel));
    this.#panes = PANE_ORDER.filter((id) => id !== 'lesson' || parts.lesson !== null);
    this.#side = parts.lesson === null ? 'picture' : 'lesson';
    this.#input = {
      lang: parts.lang,
      snapshot: null,
      fresh: [],
      ghosts: [],
      filter: '',
      focused: false,
      now: Date.now(),
      unicode: parts.unicode,
    };
  }

  get panes(): readonly PaneId[] {
    return this.birth === null ? this.#panes : BIRTH_PANES;
  }

  /** The picture's tabs. */
  get tabs(): readonly PanelPane[] {
    return this.birth === null ? this.#picture : [...this.#picture, this.#mounts];
  }

  get overlay(): Overlay | undefined {
    return this.overlays.at(-1);
  }

  /** The pane beside the shell: the one focused last. */
  get side(): PaneId {
    return this.#side;
  }

  arrange(): Arrangement {
    return arrange({
      ...this.#parts.size(),
      panes: this.panes,
      focus: this.focus,
      side: this.#side,
      zoomed: this.zoomed,
      editor: this.#parts.editor(),
    });
  }

  panelOf(id: PaneId): PanelPane | null {
    if (id === 'lesson') return this.lesson;
    if (id === 'ledger') return this.ledger;
    if (id === 'birth') return this.birth;
    return id === 'picture' ? (this.tabs[this.tab] ?? null) : null;
  }

  /** The focused panel, null while the shell has the focus. */
  get panel(): PanelPane | null {
    return this.panelOf(this.focus);
  }

  inputFor(pane: PanelPane): PanelInput {
    let input = this.#inputs.get(pane);
    if (input === undefined) {
      input = { ...this.#input, filter: pane.filter, focused: this.panel === pane };
      this.#inputs.set(pane, input);
    }
    return input;
  }

  /** Something that panels see has changed. */
  refresh(more: Partial<Pick<PanelInput, 'snapshot' | 'ghosts'>> = {}): void {
    const now = Date.now();
    this.#input = { ...this.#input, ...more, lang: this.lang, now, fresh: this.fresh.list(now) };
    this.#inputs.clear();
    this.#parts.changed();
  }

  /** Show a birth, or none any more: then the shell has the focus. */
  setBirth(pane: PanelPane | null): void {
    this.birth = pane;
    this.zoomed = false;
    if (this.tab >= this.tabs.length) this.tab = 0;
    this.setFocus(pane === null ? 'shell' : 'birth');
  }

  observed(event: ObserveEvent): void {
    for (const pane of this.#picture) pane.snapshot(event);
    if (event.changes.some(({ object }) => object === 'mount')) this.#mounts.state = null; // what is new comes into sight
    this.refresh({ snapshot: event.snapshot });
  }

  setFocus(pane: PaneId): void {
    if (!this.panes.includes(pane)) return;
    this.focus = pane;
    if (pane !== 'shell' && pane !== 'birth') this.#side = pane;
    this.filterEditor = null;
    this.refresh();
  }

  setFilter(pane: PanelPane, filter: string): void {
    pane.filter = filter.toLowerCase();
    this.refresh();
  }

  /** A window on top; one of the same kind is replaced. */
  open(overlay: Overlay): void {
    this.overlays = [...this.overlays.filter((other) => other.id !== overlay.id), overlay];
    this.#parts.changed();
  }

  close(overlay: Overlay): void {
    this.overlays = this.overlays.filter((other) => other !== overlay);
    this.#parts.changed();
  }
}
