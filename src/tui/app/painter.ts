/** Draws the view: blessed's tree holds one widget for each pane, one for the status line, one for the window on top. */
import type { Bilingual, LabInfo } from '../../../engine/api/types.js';
import {
  type Arrangement,
  innerRect,
  PANE_ORDER,
  type PaneId,
  type PlacedPane,
  paneNumber,
} from '../layout/arrange.js';
import { paintFrame, type TabSpot } from '../layout/frame.js';
import type { PanelPane } from '../layout/panel-pane.js';
import type { AppCommand } from '../lesson-view.js';
import type { KeyHint, Lang } from '../panel.js';
import type { CursorPlace } from '../screen/draw.js';
import type { Screen } from '../screen/screen.js';
import { createWidget, place, type Rect } from '../screen/widgets.js';
import { STRINGS, text } from '../strings.js';
import type { TerminalPane } from '../terminal-pane/terminal-pane.js';
import { padLine, takeColumns, truncate } from '../text/fit.js';
import { sanitise } from '../text/sanitise.js';
import { span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { wrapText } from '../text/wrap.js';
import { latestNews } from './news.js';
import { commandHints, statusLine } from './status-line.js';
import type { ViewState } from './view-state.js';

/** Of the focused panel's keys, how many stand in the status line. */
const OWN_HINTS = 2;
/** From here on a sentence is wrapped between words. */
const WIDEST_WORD = 10;
const HINTED = ['help', 'palette', 'zoom', 'next-pane', 'filter', 'language', 'quit'] as const;
const HINTED_IN_LESSONS = ['answer', 'next', 'hint'] as const;

export interface PainterParts {
  readonly screen: Screen;
  readonly view: ViewState;
  readonly shell: TerminalPane;
  readonly commands: readonly AppCommand[];
  labInfo(): LabInfo;
  toasts(): readonly Bilingual[];
  /** A tab of the picture was clicked. */
  openTab(index: number): void;
}

export class Painter {
  readonly #parts: PainterParts;
  arrangement: Arrangement;
  /** Where tabs are, for clicks. */
  spots: TabSpot[] = [];

  constructor(parts: PainterParts) {
    this.#parts = parts;
    this.arrangement = parts.view.arrange();
    parts.screen.onLayout = () => this.#layout();
    parts.screen.cursor = () => this.#cursor();
    this.#mount();
  }

  #layout(): void {
    this.arrangement = this.#parts.view.arrange();
    this.spots = [];
    const shell = this.arrangement.panes.find((pane) => pane.id === 'shell');
    if (shell === undefined) return;
    const { width, height } = innerRect(shell);
    this.#parts.shell.resize(width, height);
  }

  #mount(): void {
    const { screen, view } = this.#parts;
    for (const id of [...PANE_ORDER, 'birth'] as const) {
      const widget = createWidget(() => {
        const pane = this.arrangement.panes.find((placed) => placed.id === id);
        if (pane === undefined) return;
        place(widget, pane.rect);
        this.#pane(pane);
      });
      screen.append(widget);
    }
    const status = createWidget(() => {
      place(status, this.arrangement.status);
      if (this.arrangement.fits) this.#statusLine();
      else this.#tooSmall();
    });
    screen.append(status);
    const window = createWidget(() => {
      const { overlay } = view;
      if (overlay === undefined || !this.arrangement.fits) return;
      place(
        window,
        view.overlayPainter.paint(screen.canvas, overlay, screen.columns, screen.rows, screen.traits.unicode),
      );
    });
    screen.append(window);
  }

  #pane(pane: PlacedPane): void {
    const { screen, view } = this.#parts;
    const { canvas } = screen;
    const panel = view.panelOf(pane.id);
    const inner = innerRect(pane);
    if (pane.id === 'shell') this.#shell(inner);
    else if (panel === null) canvas.fill(inner);
    else panel.paint(canvas, inner, view.inputFor(panel));
    const tabs = view.tabs.map((tab, index) => ({
      label: tab.panel.title(view.lang),
      active: index === view.tab,
      onClick: () => this.#parts.openTab(index),
    }));
    const content = {
      title: view.birth === null ? paneTitle(pane.id, view.lang) : STRINGS[pane.id][view.lang],
      focused: pane.id === view.focus,
      tabs: pane.id === 'picture' ? tabs : [],
      ...(panel?.view.caption === undefined ? {} : { caption: panel.view.caption }),
      note: this.#note(pane, panel),
    };
    this.spots.push(...paintFrame(canvas, pane, content, screen.traits.unicode));
  }

  /** At the right of a frame: the filter, the scroll position, the panes for which there is no room. */
  #note(pane: PlacedPane, panel: PanelPane | null): string {
    const { view } = this.#parts;
    const { lang } = view;
    const parts: string[] = [];
    if (panel !== null && panel.filter !== '') parts.push(`/${panel.filter}`);
    if (panel !== null && panel.position !== '') {
      const key = view.focus === 'shell' ? 'Ctrl-G Space' : 'Space';
      parts.push(pane.id === 'lesson' && panel.more ? `${panel.position} ↓${key}` : panel.position);
    }
    // Where the picture has no room, what changes in the kernel is at least named.
    if (pane.id === 'shell' && this.arrangement.hidden.includes('picture')) {
      const news = latestNews(view.fresh.list(Date.now()), lang);
      if (news !== null) parts.push(news);
    }
    if (pane.id !== 'shell' || this.arrangement.panes.length === 1)
      for (const id of this.arrangement.hidden) parts.push(paneTitle(id, lang));
    return parts.join(' · ');
  }

  #shell(inner: Rect): void {
    const { screen, view, shell } = this.#parts;
    shell.paint(screen.canvas, inner);
    if (view.shellMessage === null || inner.height < 1) return;
    const message = [span(` ${view.shellMessage[view.lang]}`, 'bar-key')];
    screen.canvas.line(inner.x, inner.y + inner.height - 1, inner.width, message, { role: 'bar' });
  }

  #hints(): KeyHint[] {
    const { view, commands } = this.#parts;
    // Behind the prefix a key is a command, not the panel's own.
    const own = view.prefix ? [] : (view.panel?.panel.keys ?? []).slice(0, OWN_HINTS);
    const panes =
      view.birth === null
        ? { key: `${paneNumber(view.panes[0]!)}-${paneNumber(view.panes.at(-1)!)}`, text: STRINGS.panesKeys }
        : undefined;
    const [first, second, ...rest] = commandHints(commands, HINTED);
    const general = [first, second, panes, ...rest].filter((hint) => hint !== undefined);
    return [...own, ...(view.lesson === null ? [] : commandHints(commands, HINTED_IN_LESSONS)), ...general];
  }

  #statusLine(): void {
    const { screen, view, shell } = this.#parts;
    const { canvas, columns } = screen;
    const { status } = this.arrangement;
    const info = this.#parts.labInfo();
    const shellFocused = view.focus === 'shell';
    const styled = statusLine(
      {
        lang: view.lang,
        mode: view.prefix ? 'prefix' : view.filterEditor !== null ? 'filter' : 'keys',
        shellFocused,
        hints: this.#hints(),
        filter: view.filterEditor?.text ?? '',
        scrolledUp: shellFocused ? shell.scrolledUp : 0,
        right: columns >= 100 ? `${sanitise(info.hostname)} · cgroup ${info.cgroupMode}` : '',
      },
      columns,
    );
    canvas.line(0, status.y, columns, padLine(styled, columns, { role: 'bar' }), { role: 'bar' });
    const toasts = [...this.#parts.toasts()].reverse();
    for (const [index, toast] of toasts.entries()) {
      const notice = ` ${truncate(toast[view.lang], Math.max(1, columns - 6))} `;
      const width = textWidth(notice);
      const y = status.y - 1 - index;
      if (y > 0) canvas.line(columns - width - 2, y, width, [span(notice, 'bar-key')], { role: 'bar' });
    }
  }

  #tooSmall(): void {
    const { screen, view } = this.#parts;
    const { canvas, columns, rows } = screen;
    canvas.fill({ x: 0, y: 0, width: columns, height: rows });
    let rest = text('tooSmall', view.lang, { size: `${columns}x${rows}` });
    if (columns >= WIDEST_WORD) {
      const lines = wrapText(rest, columns).slice(0, rows);
      for (const [y, part] of lines.entries()) canvas.line(0, y, columns, [span(part.trim(), 'warn')]);
      return;
    }
    for (let y = 0; y < rows && rest !== ''; y++) {
      // A single column has no room for a wide character: then one code point a line, cut by the canvas.
      const part = takeColumns(rest, columns).text || [...rest][0]!;
      canvas.line(0, y, columns, [span(part.trim(), 'warn')]);
      rest = rest.slice(part.length);
    }
  }

  /** The hardware cursor stands where text is typed: an input method shows its candidates there. */
  #cursor(): CursorPlace | null {
    const { screen, view, shell } = this.#parts;
    if (!this.arrangement.fits) return null;
    if (view.overlay !== undefined) return view.overlayPainter.cursor;
    if (view.filterEditor !== null) {
      const x = textWidth(` ${text('filterPrompt', view.lang)}`) + view.filterEditor.column;
      return { x: Math.min(x, screen.columns - 1), y: this.arrangement.status.y };
    }
    if (view.focus !== 'shell' || view.prefix || view.shellMessage !== null) return null;
    const pane = this.arrangement.panes.find((placed) => placed.id === 'shell');
    return pane === undefined ? null : shell.cursor(innerRect(pane));
  }
}

/** The number that goes to it, and its name. */
function paneTitle(id: PaneId, lang: Lang): string {
  return `${paneNumber(id)} ${STRINGS[id][lang]}`;
}
