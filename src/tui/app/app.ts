/** The full-screen view at work: panes, focus, windows, keys, and the lab that it shows. */
import type { Bilingual, Lab, ObserveEvent } from '../../../engine/api/types.js';
import type { InputEvent, MouseInput } from '../input/decoder.js';
import { type Key, keyId } from '../input/keys.js';
import {
  type Arrangement,
  arrange,
  innerRect,
  PANE_ORDER,
  type PaneId,
  type PlacedPane,
  SMALLEST,
} from '../layout/arrange.js';
import { paintFrame, type TabSpot } from '../layout/frame.js';
import { PanelPane } from '../layout/panel-pane.js';
import type { ActionAnswer, AppCommand, LessonHost, LessonPage, LessonView } from '../lesson-view.js';
import { LineEditor } from '../overlay/line-editor.js';
import { type Overlay, OverlayPainter } from '../overlay/overlay.js';
import { confirmWindow, helpWindow, paletteWindow, promptWindow } from '../overlay/windows.js';
import { type AnyPanel, anyPanel, type Lang, type PanelEffects, type PanelInput } from '../panel.js';
import { type LedgerPanelState, ledgerPanel, withEntries } from '../panels/ledger-panel.js';
import { type LessonPanelState, lessonPanel } from '../panels/lesson-panel.js';
import type { CursorPlace } from '../screen/draw.js';
import type { Screen } from '../screen/screen.js';
import { createWidget, place, type Rect } from '../screen/widgets.js';
import { both, STRINGS, text } from '../strings.js';
import { prepareShell } from '../terminal-pane/shell-integration.js';
import { TerminalPane } from '../terminal-pane/terminal-pane.js';
import { padLine, truncate } from '../text/fit.js';
import { sanitise } from '../text/sanitise.js';
import { span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { THEME_IDS, type ThemeId } from '../theme/themes.js';
import { buildCommands, type CommandTarget, THEME_NAMES } from './commands.js';
import { FreshChanges } from './fresh.js';
import { LabLink } from './lab-link.js';
import { commandHints, statusLine } from './status-line.js';
import { Toasts } from './toasts.js';

/** The one key that the shell does not get. */
export const PREFIX_KEY = 'ctrl-g';
/** Characters of an OSC 52 sequence that terminals still take. */
const LONGEST_COPY = 70_000;

export interface AppParts {
  readonly screen: Screen;
  readonly lab: Lab;
  readonly lesson: LessonView | null;
  readonly panels: readonly AnyPanel[];
  readonly commands: readonly AppCommand[];
  readonly lang: Lang;
  readonly theme: ThemeId;
  readonly prompt: string | undefined;
  onQuit(): void;
  suspend(): void;
  onLang(lang: Lang): void;
  onTheme(theme: ThemeId): void;
}

export class App implements CommandTarget, LessonHost {
  readonly panes: readonly PaneId[];
  readonly hasLesson: boolean;
  readonly shell: TerminalPane;
  readonly #parts: AppParts;
  readonly #screen: Screen;
  readonly #toasts: Toasts;
  readonly #fresh: FreshChanges;
  readonly #commands: readonly AppCommand[];
  readonly #tabs: readonly PanelPane[];
  readonly #lessonPane: PanelPane | null;
  readonly #ledgerPane: PanelPane;
  readonly #overlayPainter = new OverlayPainter();
  readonly #effects: PanelEffects;
  #link: LabLink;
  #lang: Lang;
  #theme: ThemeId;
  #tab = 0;
  #focus: PaneId = 'shell';
  #side: PaneId;
  #zoomed = false;
  #prefix = false;
  #filterEditor: LineEditor | null = null;
  #overlays: Overlay[] = [];
  #arrangement: Arrangement;
  #spots: TabSpot[] = [];
  #input: PanelInput;
  #inputs = new Map<PanelPane, PanelInput>();
  #shellMessage: Bilingual | null = null;
  #openingShell = false;
  #endLesson: () => void = () => undefined;
  #page: LessonPage | null = null;

  constructor(parts: AppParts) {
    this.#parts = parts;
    this.#screen = parts.screen;
    this.#lang = parts.lang;
    this.#theme = parts.theme;
    this.hasLesson = parts.lesson !== null;
    this.panes = PANE_ORDER.filter((id) => id !== 'lesson' || this.hasLesson);
    this.#side = this.hasLesson ? 'lesson' : 'picture';
    this.#toasts = new Toasts(() => this.#screen.request());
    this.#fresh = new FreshChanges(() => this.#refresh({}));
    this.#effects = {
      copy: (copied) => this.#copy(copied),
      toast: (notice) => this.toast(notice),
      typeInShell: (typed) => this.typeInShell(typed),
    };
    this.#tabs = parts.panels.map((panel) => new PanelPane(panel));
    this.#lessonPane = this.hasLesson
      ? new PanelPane(anyPanel(lessonPanel({ predict: (option) => this.#act((actions) => actions.predict(option)) })))
      : null;
    this.#ledgerPane = new PanelPane(anyPanel(ledgerPanel()));
    this.#commands = buildCommands(this, [...parts.commands, ...(parts.lesson?.extraCommands ?? [])]);
    this.shell = new TerminalPane({
      onDirty: () => this.#screen.request(),
      onExit: (status) => this.#shellEnded(status),
    });
    this.#input = {
      lang: this.#lang,
      snapshot: null,
      fresh: [],
      ghosts: [],
      filter: '',
      focused: false,
      now: Date.now(),
      unicode: parts.screen.traits.unicode,
    };
    this.#arrangement = this.#arrange();
    this.#link = this.#linkTo(parts.lab);
    this.#screen.onLayout = () => this.#layout();
    this.#screen.cursor = () => this.#cursor();
    this.#mount();
  }

  /** Connect to the lab and the lesson; the screen is drawn meanwhile. */
  start(): void {
    this.#link.start();
    const { lesson } = this.#parts;
    if (lesson !== null) {
      this.#endLesson = lesson.onChange(() => this.#pageChanged());
      this.#pageChanged();
      lesson.attach?.(this);
    }
    void this.#openShell();
  }

  stop(): void {
    this.#endLesson();
    this.#link.stop();
    this.#fresh.clear();
    this.#toasts.stop();
    this.shell.dispose();
  }

  get lang(): Lang {
    return this.#lang;
  }

  get focused(): PaneId {
    return this.#focus;
  }

  get arrangement(): Arrangement {
    return this.#arrangement;
  }

  get tabs(): CommandTarget['tabs'] {
    return this.#tabs.map((pane) => ({
      id: pane.panel.id,
      title: { en: pane.panel.title('en'), zh: pane.panel.title('zh') },
    }));
  }

  // -------------------------------------------------------------------------------------------------------------
  // The lab

  #linkTo(lab: Lab): LabLink {
    return new LabLink(lab, {
      observed: (event) => this.#observed(event),
      recorded: (entries) => {
        this.#ledgerPane.state = withEntries(this.#ledgerPane.state as LedgerPanelState, entries);
        this.#screen.request();
      },
      gone: (reason) => this.#labGone(reason),
      failed: (error) => this.#failed(error),
    });
  }

  #observed(event: ObserveEvent): void {
    this.#fresh.add(event.changes);
    for (const pane of this.#tabs) pane.snapshot(event);
    this.#refresh({ snapshot: event.snapshot });
  }

  /** Show another lab from now on. */
  async setLab(lab: Lab): Promise<void> {
    this.#link.stop();
    this.shell.detach()?.close();
    this.#fresh.clear();
    this.#ledgerPane.state = this.#ledgerPane.panel.initial();
    this.#link = this.#linkTo(lab);
    this.#refresh({ snapshot: null });
    this.#link.start();
    await this.#openShell();
  }

  #labGone(reason: Bilingual): void {
    this.#open(
      confirmWindow(
        () => text('labGone', this.#lang),
        () => text('labGoneText', this.#lang, { reason: reason[this.#lang] }),
        () => this.#resetLab(),
        () => this.#lang,
      ),
    );
  }

  #resetLab(): void {
    const { lesson } = this.#parts;
    // A lesson makes its lab itself, with the state of its step.
    if (lesson !== null) return this.lesson('reset');
    this.#run(async () => {
      await this.setLab(await this.#link.lab.reset());
      this.toast(STRINGS.labNew);
    });
  }

  async #openShell(): Promise<void> {
    if (this.#openingShell) return;
    this.#openingShell = true;
    this.#shellMessage = null;
    const { lab } = this.#link;
    try {
      const prepared = await prepareShell(lab, this.#parts.prompt);
      const { cols, rows } = this.shell.terminal;
      const session = await lab.openSession({ ...prepared.request, cols, rows });
      if (lab !== this.#link.lab) return session.close();
      const { lesson } = this.#parts;
      this.shell.attach(session, {
        nonce: prepared.nonce,
        listener: { onEnd: (command) => lesson?.onCommand?.(command) },
      });
    } catch (error) {
      if (lab !== this.#link.lab) return;
      this.#shellMessage = both('shellFailed', { reason: reasonOf(error) });
    } finally {
      this.#openingShell = false;
      this.#screen.request();
      // The lab changed while its shell was being opened.
      if (lab !== this.#link.lab) void this.#openShell();
    }
  }

  #shellEnded(status: { exitCode: number; signal: string | null }): void {
    const how =
      status.signal === null
        ? both('exitCode', { code: status.exitCode })
        : both('killedBy', { signal: status.signal });
    this.#shellMessage = both('shellEnded', { status: how });
    this.#screen.request();
  }

  // -------------------------------------------------------------------------------------------------------------
  // The lesson

  #pageChanged(): void {
    const { lesson } = this.#parts;
    if (lesson === null || this.#lessonPane === null) return;
    const before = this.#page;
    const page = lesson.page();
    this.#page = page;
    const state: LessonPanelState = { page };
    this.#lessonPane.state = state;
    if (before?.stepId !== page.stepId) {
      this.#lessonPane.toTop();
      // A prediction is one key press: it must reach the lesson.
      if (before !== null && page.question?.kind === 'predict' && page.question.chosen === null) this.focus('lesson');
    }
    if (before !== null && before.stepId === page.stepId && !before.complete && page.complete)
      this.toast(STRINGS.stepDone);
    this.#refresh({ ghosts: page.ghosts });
  }

  lesson(action: 'next' | 'previous' | 'hint' | 'reset' | 'undo'): void {
    this.#act((actions) => actions[action]());
  }

  #act(action: (actions: LessonView['actions']) => Promise<ActionAnswer>): void {
    const { lesson } = this.#parts;
    if (lesson === null) return;
    this.#run(async () => {
      const answer = await action(lesson.actions);
      if (answer !== undefined) this.toast(answer);
    });
  }

  canAnswer(): boolean {
    return this.#page?.question?.kind === 'answer';
  }

  askAnswer(): void {
    const question = this.#page?.question;
    if (question?.kind !== 'answer') return;
    this.#open(
      promptWindow(
        () => sanitise(question.prompt[this.#lang]),
        (given) => this.#act((actions) => actions.answer(given)),
        () => this.#lang,
      ),
    );
  }

  openJump(): void {
    const steps = this.#page?.steps ?? [];
    const entries = steps.map(
      (step, index): AppCommand => ({
        id: step.id,
        title: both('cmdJumpTo', { n: index + 1, title: step.title }),
        keys: [],
        shown: step.state === 'done' ? '✓' : step.state === 'current' ? '●' : ' ',
        run: () => this.#act((actions) => actions.jump(step.id)),
      }),
    );
    this.#open(
      paletteWindow(
        entries,
        text('cmdJump', this.#lang),
        (entry) => this.#runCommand(entry),
        () => this.#lang,
      ),
    );
  }

  /** Text at the shell's prompt, never more than what can be typed: no control characters. */
  typeInShell(typed: string, run = false): void {
    this.shell.paste(typed);
    if (run) this.shell.type('\r');
    this.focus('shell');
  }

  // -------------------------------------------------------------------------------------------------------------
  // Commands

  focus(pane: PaneId): void {
    if (!this.panes.includes(pane)) return;
    this.#focus = pane;
    if (pane !== 'shell') this.#side = pane;
    this.#filterEditor = null;
    this.#refresh({});
  }

  cycleFocus(step: 1 | -1): void {
    const at = this.panes.indexOf(this.#focus);
    this.focus(this.panes[(at + step + this.panes.length) % this.panes.length]!);
  }

  zoom(): void {
    this.#zoomed = !this.#zoomed;
    this.#screen.request();
  }

  tab(index: number): void {
    if (this.#tabs.length === 0) return;
    this.#tab = (index + this.#tabs.length) % this.#tabs.length;
    this.focus('picture');
  }

  cycleTab(step: 1 | -1): void {
    this.tab(this.#tab + step);
  }

  openPalette(): void {
    this.#open(
      paletteWindow(
        this.#commands,
        text('palette', this.#lang),
        (command) => this.#runCommand(command),
        () => this.#lang,
      ),
    );
  }

  openHelp(): void {
    const panels = [this.#lessonPane, ...this.#tabs, this.#ledgerPane].filter((pane) => pane !== null);
    const sections = panels.map((pane) => ({ title: pane.panel.title(this.#lang), keys: pane.panel.keys }));
    this.#open(helpWindow(this.#commands, sections, () => this.#lang));
  }

  openFilter(): void {
    const pane = this.#panelOf(this.#focus === 'shell' ? this.#side : this.#focus);
    if (pane === null) return;
    if (this.#focus === 'shell') this.focus(this.#side);
    this.#filterEditor = new LineEditor(pane.filter);
    this.#screen.request();
  }

  back(): void {
    const pane = this.#panelOf(this.#focus);
    if (pane !== null && pane.filter !== '') this.#setFilter(pane, '');
    else if (this.#zoomed) this.#zoomed = false;
    else this.focus('shell');
    this.#screen.request();
  }

  toggleMouse(): void {
    this.#screen.setMouse(!this.#screen.mouse);
    this.toast(this.#screen.mouse ? STRINGS.mouseOn : STRINGS.mouseOff);
  }

  redraw(): void {
    this.#screen.redraw();
  }

  toggleLanguage(): void {
    this.#lang = this.#lang === 'en' ? 'zh' : 'en';
    this.#parts.onLang(this.#lang);
    this.#refresh({});
  }

  theme(id: ThemeId): void {
    this.#theme = id;
    this.#screen.setTheme(id);
    this.#parts.onTheme(id);
    this.toast(both('cmdThemeTo', { theme: THEME_NAMES[id] }));
  }

  nextTheme(): void {
    this.theme(THEME_IDS[(THEME_IDS.indexOf(this.#theme) + 1) % THEME_IDS.length]!);
  }

  askQuit(): void {
    const { kept } = this.#link.lab.info;
    this.#open(
      confirmWindow(
        () => text('quitTitle', this.#lang),
        () => (kept === null ? text('quitText', this.#lang) : text('quitTextKept', this.#lang, { name: kept })),
        () => this.#parts.onQuit(),
        () => this.#lang,
      ),
    );
  }

  suspend(): void {
    this.#parts.suspend();
  }

  askResetLab(): void {
    this.#open(
      confirmWindow(
        () => text('resetTitle', this.#lang),
        () => text('resetText', this.#lang),
        () => this.#resetLab(),
        () => this.#lang,
      ),
    );
  }

  restartShell(): void {
    this.shell.detach()?.close();
    void this.#openShell();
  }

  scrollShell(pages: 1 | -1): void {
    this.shell.scrollPages(pages);
    this.focus('shell');
  }

  toast(notice: Bilingual): void {
    this.#toasts.show(notice);
  }

  #copy(copied: string): void {
    const encoded = Buffer.from(copied, 'utf8').toString('base64');
    // OSC 52: the terminal's own clipboard, also over ssh; terminals that don't know it ignore it.
    if (encoded.length <= LONGEST_COPY) this.#screen.send(`\x1b]52;c;${encoded}\x07`);
    this.toast(both('copied', { text: sanitise(copied) }));
  }

  #runCommand(command: AppCommand): void {
    if (command.available?.() === false) return;
    this.#run(async () => command.run());
  }

  #run(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.toast(both('actionFailed', { reason: sanitise(reasonOf(error)) }));
  }

  #open(overlay: Overlay): void {
    this.#overlays = [...this.#overlays.filter((other) => other.id !== overlay.id), overlay];
    this.#screen.request();
  }

  // -------------------------------------------------------------------------------------------------------------
  // Input

  input(event: InputEvent): void {
    if (event.type === 'key') this.#key(event.key);
    else if (event.type === 'paste') this.#paste(event.text);
    else this.#mouse(event.mouse);
    this.#screen.request();
  }

  #key(key: Key): void {
    const overlay = this.#overlays.at(-1);
    if (overlay !== undefined) return this.#overlayKey(overlay, key);
    if (this.#filterEditor !== null) return this.#filterKey(this.#filterEditor, key);
    const id = keyId(key);
    if (this.#prefix) {
      this.#prefix = false;
      if (id === PREFIX_KEY) this.shell.key(key);
      else if (id !== 'escape') this.#command(id);
      return;
    }
    if (id === PREFIX_KEY) {
      this.#prefix = true;
      return;
    }
    if (this.#focus === 'shell') return this.#shellKey(key, id);
    const pane = this.#panelOf(this.#focus);
    if (pane !== null && pane.key(key, this.#inputFor(pane), this.#effects)) return;
    if (!this.#command(id) && id === 'ctrl-c') this.toast(STRINGS.useQ);
  }

  #command(id: string): boolean {
    const command = this.#commands.find(
      (candidate) => candidate.keys.includes(id) && candidate.available?.() !== false,
    );
    if (command === undefined) return false;
    this.#runCommand(command);
    return true;
  }

  #shellKey(key: Key, id: string): void {
    if (id === 'shift-pageup') this.shell.scrollPages(-1);
    else if (id === 'shift-pagedown') this.shell.scrollPages(1);
    else if (this.#shellMessage !== null) {
      if (id === 'enter') void this.#openShell();
    } else this.shell.key(key);
  }

  #overlayKey(overlay: Overlay, key: Key): void {
    const id = keyId(key);
    if (overlay.id === 'help') {
      if (id === 'down' || id === 'j') return this.#overlayPainter.scroll(1);
      if (id === 'up' || id === 'k') return this.#overlayPainter.scroll(-1);
      if (id === 'pagedown' || id === 'space') return this.#overlayPainter.scroll(10);
      if (id === 'pageup') return this.#overlayPainter.scroll(-10);
      if (id === 'l') return this.toggleLanguage();
    }
    const before = this.#overlays;
    if (overlay.key(key) === 'close')
      this.#overlays = this.#overlays.filter((other) => other !== overlay || !before.includes(other));
  }

  #filterKey(editor: LineEditor, key: Key): void {
    const pane = this.#panelOf(this.#focus);
    const id = keyId(key);
    if (id === 'enter' || pane === null) this.#filterEditor = null;
    else if (id === 'escape' || id === 'ctrl-c') {
      this.#filterEditor = null;
      this.#setFilter(pane, '');
    } else if (editor.key(key)) this.#setFilter(pane, editor.text);
  }

  #setFilter(pane: PanelPane, filter: string): void {
    pane.filter = filter.toLowerCase();
    this.#refresh({});
  }

  #paste(pasted: string): void {
    const overlay = this.#overlays.at(-1);
    if (overlay !== undefined) overlay.paste?.(pasted);
    else if (this.#filterEditor !== null) {
      this.#filterEditor.insert(pasted);
      const pane = this.#panelOf(this.#focus);
      if (pane !== null) this.#setFilter(pane, this.#filterEditor.text);
    } else if (this.#focus === 'shell' && this.#shellMessage === null) this.shell.paste(pasted);
  }

  #mouse(mouse: MouseInput): void {
    if (this.#overlays.length > 0) {
      if (mouse.action === 'wheel-up') this.#overlayPainter.scroll(-3);
      else if (mouse.action === 'wheel-down') this.#overlayPainter.scroll(3);
      return;
    }
    const placed = this.#arrangement.panes.find((pane) => contains(pane.rect, mouse.x, mouse.y));
    if (placed === undefined) return;
    const inner = innerRect(placed);
    const inside = contains(inner, mouse.x, mouse.y);
    const pressed = mouse.action === 'press';
    if (pressed) {
      const spot = this.#spots.find((s) => s.y === mouse.y && mouse.x >= s.from && mouse.x < s.to);
      if (spot !== undefined) return spot.onClick();
      if (placed.id !== this.#focus) {
        this.focus(placed.id);
        if (placed.id === 'shell') return;
      }
    }
    if (!inside) return;
    if (placed.id === 'shell') return this.shell.mouse(mouse, mouse.x - inner.x, mouse.y - inner.y);
    const pane = this.#panelOf(placed.id);
    if (pane === null) return;
    if (mouse.action === 'wheel-up') pane.scroll(-3);
    else if (mouse.action === 'wheel-down') pane.scroll(3);
    else if (pressed) pane.click(mouse.x - inner.x, mouse.y - inner.y, this.#inputFor(pane), this.#effects);
  }

  // -------------------------------------------------------------------------------------------------------------
  // Drawing

  #panelOf(id: PaneId): PanelPane | null {
    if (id === 'lesson') return this.#lessonPane;
    if (id === 'ledger') return this.#ledgerPane;
    return id === 'picture' ? (this.#tabs[this.#tab] ?? null) : null;
  }

  /** Something that panels see has changed. */
  #refresh(more: Partial<PanelInput>): void {
    const now = Date.now();
    this.#input = { ...this.#input, ...more, lang: this.#lang, now, fresh: this.#fresh.list(now) };
    this.#inputs.clear();
    this.#screen.request();
  }

  #inputFor(pane: PanelPane): PanelInput {
    let input = this.#inputs.get(pane);
    if (input === undefined) {
      input = { ...this.#input, filter: pane.filter, focused: this.#panelOf(this.#focus) === pane };
      this.#inputs.set(pane, input);
    }
    return input;
  }

  #arrange(): Arrangement {
    const { columns, rows } = this.#screen;
    return arrange({ columns, rows, panes: this.panes, focus: this.#focus, side: this.#side, zoomed: this.#zoomed });
  }

  #layout(): void {
    this.#arrangement = this.#arrange();
    this.#spots = [];
    for (const pane of this.#arrangement.panes)
      if (pane.id === 'shell') {
        const { width, height } = innerRect(pane);
        this.shell.resize(width, height);
      }
  }

  /** blessed's tree: the panes in one widget each, then what lies over them. */
  #mount(): void {
    for (const id of PANE_ORDER) {
      const widget = createWidget(() => {
        const pane = this.#arrangement.panes.find((placed) => placed.id === id);
        if (pane === undefined) return;
        place(widget, pane.rect);
        this.#paintPane(pane);
      });
      this.#screen.append(widget);
    }
    const chrome = createWidget(() => {
      place(chrome, this.#arrangement.status);
      if (this.#arrangement.fits) this.#paintChrome();
      else this.#paintTooSmall();
    });
    this.#screen.append(chrome);
    const window = createWidget(() => {
      const overlay = this.#overlays.at(-1);
      if (overlay !== undefined && this.#arrangement.fits)
        place(
          window,
          this.#overlayPainter.paint(
            this.#screen.canvas,
            overlay,
            this.#screen.columns,
            this.#screen.rows,
            this.#screen.traits.unicode,
          ),
        );
    });
    this.#screen.append(window);
  }

  #paintPane(pane: PlacedPane): void {
    const { canvas, traits } = this.#screen;
    const panel = this.#panelOf(pane.id);
    const inner = innerRect(pane);
    if (pane.id === 'shell') this.#paintShell(inner);
    else if (panel === null) canvas.fill(inner);
    else panel.paint(canvas, inner, this.#inputFor(panel));
    const focused = pane.id === this.#focus;
    const number = PANE_ORDER.indexOf(pane.id) + 1;
    const tabs =
      pane.id !== 'picture'
        ? []
        : this.#tabs.map((tab, index) => ({
            label: tab.panel.title(this.#lang),
            active: index === this.#tab,
            onClick: () => this.tab(index),
          }));
    const title = `${number} ${STRINGS[pane.id][this.#lang]}`;
    this.#spots.push(
      ...paintFrame(canvas, pane, { title, focused, tabs, note: this.#note(pane, panel) }, traits.unicode),
    );
  }

  #note(pane: PlacedPane, panel: PanelPane | null): string {
    const parts: string[] = [];
    if (panel !== null && panel.filter !== '') parts.push(`/${panel.filter}`);
    if (panel !== null && panel.position !== '') parts.push(panel.position);
    if (pane.id !== 'shell' || this.#arrangement.panes.length === 1)
      for (const id of this.#arrangement.hidden) parts.push(`${PANE_ORDER.indexOf(id) + 1} ${STRINGS[id][this.#lang]}`);
    return parts.join(' · ');
  }

  #paintShell(inner: Rect): void {
    const { canvas } = this.#screen;
    this.shell.paint(canvas, inner);
    if (this.#shellMessage !== null && inner.height > 0)
      canvas.line(
        inner.x,
        inner.y + inner.height - 1,
        inner.width,
        [span(` ${this.#shellMessage[this.#lang]}`, 'bar-key')],
        { role: 'bar' },
      );
  }

  #paintChrome(): void {
    const { canvas, columns } = this.#screen;
    const { status } = this.#arrangement;
    const shellFocused = this.#focus === 'shell';
    const panelHints = this.#panelOf(this.#focus)?.panel.keys ?? [];
    const lessonIds = this.hasLesson ? ['next', 'hint', 'answer'] : [];
    const hints = [
      ...(shellFocused ? [] : panelHints),
      ...commandHints(this.#commands, [
        ...lessonIds,
        'help',
        'palette',
        'zoom',
        'next-pane',
        'filter',
        'language',
        'quit',
      ]),
    ];
    const styled = statusLine(
      {
        lang: this.#lang,
        mode: this.#prefix ? 'prefix' : this.#filterEditor !== null ? 'filter' : 'keys',
        shellFocused,
        hints,
        filter: this.#filterEditor?.text ?? '',
        scrolledUp: shellFocused ? this.shell.scrolledUp : 0,
        right:
          columns >= 100 ? `${sanitise(this.#link.lab.info.hostname)} · cgroup ${this.#link.lab.info.cgroupMode}` : '',
      },
      columns,
    );
    canvas.line(status.x, status.y, columns, padLine(styled, columns, { role: 'bar' }), { role: 'bar' });
    for (const [index, toast] of [...this.#toasts.list].reverse().entries()) {
      const notice = ` ${truncate(toast[this.#lang], Math.max(1, columns - 6))} `;
      const width = textWidth(notice);
      const y = status.y - 1 - index;
      if (y > 0) canvas.line(columns - width - 2, y, width, [span(notice, 'bar-key')], { role: 'bar' });
    }
  }

  #paintTooSmall(): void {
    const { canvas, columns, rows } = this.#screen;
    canvas.fill({ x: 0, y: 0, width: columns, height: rows });
    const message = text('tooSmall', this.#lang, { size: `${columns}x${rows}` });
    const words = message.length > 0 ? splitAt(message, columns) : [];
    for (const [y, part] of words.slice(0, rows).entries()) canvas.line(0, y, columns, [span(part, 'warn')]);
  }

  /** The hardware cursor: where text is typed, so that an input method shows its candidates there. */
  #cursor(): CursorPlace | null {
    if (!this.#arrangement.fits) return null;
    if (this.#overlays.length > 0) return this.#overlayPainter.cursor;
    if (this.#filterEditor !== null) {
      const x = textWidth(` ${text('filterPrompt', this.#lang)}: `) + this.#filterEditor.column;
      return { x: Math.min(x, this.#screen.columns - 1), y: this.#arrangement.status.y };
    }
    if (this.#focus !== 'shell' || this.#prefix || this.#shellMessage !== null) return null;
    const pane = this.#arrangement.panes.find((placed) => placed.id === 'shell');
    return pane === undefined ? null : this.shell.cursor(innerRect(pane));
  }
}

function contains(rect: Rect, x: number, y: number): boolean {
  return x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Pieces of at most `columns` columns. */
function splitAt(message: string, columns: number): string[] {
  const parts: string[] = [];
  let rest = message;
  while (rest !== '') {
    let size = 0;
    let width = 0;
    for (const char of rest) {
      const next = width + textWidth(char);
      if (next > columns && size > 0) break;
      width = next;
      size += char.length;
    }
    parts.push(rest.slice(0, size).trim());
    rest = rest.slice(size);
  }
  return parts;
}

export { SMALLEST };
