/** The full-screen view at work: the lab, the lesson, and what its commands do. */
import type { Bilingual, Lab } from '../../../engine/api/types.js';
import type { InputEvent } from '../input/decoder.js';
import type { PaneId } from '../layout/arrange.js';
import type { ActionAnswer, AppCommand, LessonHost, LessonPage, LessonView } from '../lesson-view.js';
import { LineEditor } from '../overlay/line-editor.js';
import { confirmWindow, helpWindow, paletteWindow, promptWindow } from '../overlay/windows.js';
import { type AnyPanel, anyPanel, type Lang, type PanelEffects } from '../panel.js';
import { type LedgerPanelState, ledgerPanel, withEntries } from '../panels/ledger-panel.js';
import { type LessonPanelState, type LessonPart, lessonPanel } from '../panels/lesson-panel.js';
import type { Screen } from '../screen/screen.js';
import { both, STRINGS, text } from '../strings.js';
import type { TerminalPane } from '../terminal-pane/terminal-pane.js';
import { sanitise } from '../text/sanitise.js';
import { THEME_IDS, type ThemeId } from '../theme/themes.js';
import { BirthHost } from './birth-host.js';
import { buildCommands, type CommandTarget, THEME_NAMES } from './commands.js';
import { FreshChanges } from './fresh.js';
import { LabLink } from './lab-link.js';
import { Painter } from './painter.js';
import { InputRouter } from './router.js';
import { ShellHost } from './shell-host.js';
import { Toasts } from './toasts.js';
import { ViewState } from './view-state.js';

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
  /** The engine has ended: there is nothing left to show. */
  onEngineEnd(reason: Bilingual): void;
  suspend(): void;
  onLang(lang: Lang): void;
  onTheme(theme: ThemeId): void;
}

export class App implements CommandTarget, LessonHost {
  readonly view: ViewState;
  readonly painter: Painter;
  readonly #parts: AppParts;
  readonly #screen: Screen;
  readonly #shell: ShellHost;
  readonly #toasts: Toasts;
  readonly #fresh: FreshChanges;
  readonly #extra: readonly AppCommand[];
  readonly #commands: readonly AppCommand[];
  readonly #router: InputRouter;
  #link: LabLink;
  #theme: ThemeId;
  #page: LessonPage | null = null;
  #endLesson: () => void = () => undefined;
  #birth: BirthHost | null = null;
  #stopped = false;

  constructor(parts: AppParts) {
    this.#parts = parts;
    this.#screen = parts.screen;
    this.#theme = parts.theme;
    const changed = (): void => this.#screen.request();
    this.view = new ViewState({
      lang: parts.lang,
      unicode: parts.screen.traits.unicode,
      lesson:
        parts.lesson === null
          ? null
          : anyPanel(lessonPanel({ predict: (option) => this.#act((actions) => actions.predict(option)) })),
      picture: parts.panels,
      ledger: anyPanel(ledgerPanel()),
      size: () => ({ columns: parts.screen.columns, rows: parts.screen.rows }),
      editor: () => this.#shell.pane.inEditor,
      changed,
    });
    this.#fresh = new FreshChanges(() => this.view.refresh());
    this.view.fresh = this.#fresh;
    this.#toasts = new Toasts(changed);
    this.#link = this.#linkTo(parts.lab);
    this.#shell = new ShellHost({
      prompt: parts.prompt,
      lab: () => this.#link.lab,
      lang: () => this.view.lang,
      dirty: changed,
      message: (message) => {
        this.view.shellMessage = message;
        changed();
      },
      finished: (command) => parts.lesson?.onCommand?.(command),
    });
    this.#extra = [...parts.commands, ...(parts.lesson?.extraCommands ?? [])];
    this.#commands = buildCommands(this, this.#extra);
    const effects: PanelEffects = {
      copy: (copied) => this.#copy(copied),
      toast: (notice) => this.toast(notice),
      typeInShell: (typed) => this.typeInShell(typed),
    };
    this.painter = new Painter({
      screen: parts.screen,
      view: this.view,
      shell: this.shell,
      commands: this.#commands,
      labInfo: () => this.#link.lab.info,
      toasts: () => this.#toasts.list,
      openTab: (index) => this.tab(index),
    });
    this.#router = new InputRouter({
      view: this.view,
      painter: this.painter,
      shell: this.shell,
      effects,
      command: (id) => this.#command(id, this.#commands),
      extraCommand: (id) => this.#command(id, this.#extra),
      reopenShell: () => this.restartShell(),
      toggleLanguage: () => this.toggleLanguage(),
      explainQuit: () => this.toast(STRINGS.useQ),
    });
  }

  /** Connect to the lab and the lesson; the screen is drawn meanwhile. */
  start(): void {
    this.#link.start();
    const { lesson } = this.#parts;
    if (lesson !== null) {
      this.#endLesson = lesson.onChange(() => this.#pageChanged(lesson));
      this.#pageChanged(lesson);
      lesson.attach?.(this);
    }
    this.#run(() => this.#shell.open());
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#endLesson();
    this.#link.stop();
    this.#fresh.clear();
    this.#toasts.stop();
    this.#shell.dispose();
  }

  input(event: InputEvent): void {
    this.#router.route(event);
    this.#screen.request();
  }

  get shell(): TerminalPane {
    return this.#shell.pane;
  }

  get panes(): readonly PaneId[] {
    return this.view.panes;
  }

  get hasLesson(): boolean {
    return this.#parts.lesson !== null;
  }

  get tabs(): CommandTarget['tabs'] {
    return this.view.tabs.map(({ panel }) => ({
      id: panel.id,
      title: { en: panel.title('en'), zh: panel.title('zh') },
    }));
  }

  // The lab

  #linkTo(lab: Lab): LabLink {
    return new LabLink(lab, {
      observed: (event) => {
        this.#fresh.add(event.changes);
        this.view.observed(event);
      },
      recorded: (entries) => {
        this.view.ledger.state = withEntries(this.view.ledger.state as LedgerPanelState, entries);
        this.#screen.request();
      },
      gone: (reason, engineEnded) => (engineEnded ? this.#parts.onEngineEnd(reason) : this.#labGone(reason)),
      failed: (error) => this.#failed(error),
    });
  }

  /** Show another lab from now on. */
  async setLab(lab: Lab): Promise<void> {
    this.#link.stop();
    this.#fresh.clear();
    this.view.ledger.state = this.view.ledger.panel.initial();
    this.#link = this.#linkTo(lab);
    this.view.refresh({ snapshot: null });
    this.#link.start();
    await this.#shell.reopen();
  }

  #labGone(reason: Bilingual): void {
    const body = (): string => text('labGoneText', this.view.lang, { reason: reason[this.view.lang] });
    this.#confirm(
      () => text('labGone', this.view.lang),
      body,
      () => this.#resetLab(),
    );
  }

  #resetLab(): void {
    // A lesson makes its lab itself, with the state of its step.
    if (this.hasLesson) this.lesson('reset');
    else
      this.#run(async () => {
        await this.setLab(await this.#link.lab.reset());
        this.toast(STRINGS.labNew);
      });
  }

  // A container being born

  canWatchBirth(): boolean {
    return this.#birth === null && this.#link.lab.birth !== undefined;
  }

  watchBirth(): void {
    if (!this.canWatchBirth()) return;
    this.#birth = new BirthHost(this.view, {
      changed: () => this.view.refresh(),
      left: (born) => {
        this.#birth = null;
        if (born !== null) this.typeInShell(`glassbox-runtime exec ${born.id} sh -i`);
      },
    });
    this.#run(async () => this.#birth?.run(this.#link.lab));
  }

  // The lesson

  #pageChanged(lesson: LessonView): void {
    const before = this.#page;
    const page = lesson.page();
    const pane = this.view.lesson;
    this.#page = page;
    if (pane === null) return;
    const show = newPart(before, page);
    const state: LessonPanelState = show === null ? { page } : { page, show };
    pane.state = state;
    if (before?.stepId !== page.stepId) {
      pane.toTop();
      this.#followStep(page, before !== null);
    } else if (before?.complete === false && page.complete && this.painter.arrangement.hidden.includes('lesson'))
      this.toast(both('stepDone', { key: this.view.focus === 'shell' ? 'Ctrl-G n' : 'n' }));
    this.view.refresh({ ghosts: page.ghosts });
  }

  /** The focus and the picture go where the step is done: a letter must reach the lesson, a command the shell. */
  #followStep(page: LessonPage, moved: boolean): void {
    this.#toasts.clear();
    const tab = this.view.tabs.findIndex((pane) => pane.panel.id === page.picture);
    if (tab >= 0) this.view.tab = tab;
    if (page.question?.kind === 'predict' && page.question.chosen === null) this.focus('lesson');
    else if (moved && !page.complete && this.view.focus === 'lesson') this.focus('shell');
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
    const title = (): string => sanitise(question.prompt[this.view.lang]);
    this.view.open(
      promptWindow(
        title,
        (given) => this.#act((actions) => actions.answer(given)),
        () => this.view.lang,
      ),
    );
  }

  openJump(): void {
    const marks = { done: '✓', current: '●', open: ' ' } as const;
    const entries = (this.#page?.steps ?? []).map(
      (step, index): AppCommand => ({
        id: step.id,
        title: both('cmdJumpTo', { n: index + 1, title: step.title }),
        keys: [],
        shown: marks[step.state],
        run: () => this.#act((actions) => actions.jump(step.id)),
      }),
    );
    this.#palette(entries, 'cmdJump');
  }

  /** Text at the shell's prompt, as if pasted: control characters are dropped. With `run`, Enter after it. */
  typeInShell(typed: string, run = false): void {
    this.shell.paste(typed);
    if (run) this.shell.type('\r');
    this.focus('shell');
  }

  // Commands

  focus(pane: PaneId): void {
    this.view.setFocus(pane);
  }

  cycleFocus(step: 1 | -1): void {
    const { panes, focus } = this.view;
    this.focus(panes[(panes.indexOf(focus) + step + panes.length) % panes.length]!);
  }

  zoom(): void {
    this.view.zoomed = !this.view.zoomed;
    this.#screen.request();
  }

  tab(index: number): void {
    const count = this.view.tabs.length;
    if (count === 0) return;
    this.view.tab = (index + count) % count;
    this.focus('picture');
  }

  cycleTab(step: 1 | -1): void {
    this.tab(this.view.tab + step);
  }

  openPalette(): void {
    this.#palette(this.#commands, 'palette');
  }

  #palette(entries: readonly AppCommand[], title: 'palette' | 'cmdJump'): void {
    const lang = (): Lang => this.view.lang;
    this.view.open(
      paletteWindow(
        entries,
        () => text(title, lang()),
        (entry) => this.#runCommand(entry),
        lang,
      ),
    );
  }

  openHelp(): void {
    const { lesson, tabs, ledger } = this.view;
    const panels = [...(lesson === null ? [] : [lesson]), ...tabs, ledger].map((pane) => pane.panel);
    this.view.open(helpWindow(this.#commands, panels, () => this.view.lang));
  }

  openFilter(): void {
    const target = this.view.focus === 'shell' ? this.view.side : this.view.focus;
    const pane = this.view.panelOf(target);
    if (pane === null) return;
    this.focus(target);
    this.view.filterEditor = new LineEditor(pane.filter);
  }

  back(): void {
    const pane = this.view.panel;
    if (pane !== null && pane.filter !== '') this.view.setFilter(pane, '');
    else if (this.view.zoomed) this.zoom();
    else this.focus('shell');
  }

  toggleMouse(): void {
    this.#screen.setMouse(!this.#screen.mouse);
    this.toast(this.#screen.mouse ? STRINGS.mouseOn : STRINGS.mouseOff);
  }

  redraw(): void {
    this.#screen.redraw();
  }

  toggleLanguage(): void {
    this.view.lang = this.view.lang === 'en' ? 'zh' : 'en';
    this.#parts.onLang(this.view.lang);
    this.view.refresh();
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
    const body = (): string =>
      kept === null ? text('quitText', this.view.lang) : text('quitTextKept', this.view.lang, { name: kept });
    this.#confirm(
      () => text('quitTitle', this.view.lang),
      body,
      () => this.#parts.onQuit(),
    );
  }

  suspend(): void {
    this.#parts.suspend();
  }

  askResetLab(): void {
    this.#confirm(
      () => text('resetTitle', this.view.lang),
      () => text('resetText', this.view.lang),
      () => this.#resetLab(),
    );
  }

  #confirm(title: () => string, body: () => string, yes: () => void): void {
    this.view.open(confirmWindow(title, body, yes, () => this.view.lang));
  }

  restartShell(): void {
    this.#run(() => this.#shell.reopen());
  }

  scrollShell(pages: 1 | -1): void {
    this.shell.scrollPages(pages);
    this.focus('shell');
  }

  scrollSide(pages: 1 | -1): void {
    const { lesson, side } = this.view;
    const pane = lesson ?? this.view.panelOf(side);
    pane?.scrollKey(pages === 1 ? 'pagedown' : 'pageup');
    this.#screen.request();
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

  #command(id: string, commands: readonly AppCommand[]): boolean {
    const command = commands.find((candidate) => candidate.keys.includes(id) && candidate.available?.() !== false);
    if (command !== undefined) this.#runCommand(command);
    return command !== undefined;
  }

  #runCommand(command: AppCommand): void {
    this.#run(async () => command.run());
  }

  #run(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.toast(both('actionFailed', { reason: sanitise(error instanceof Error ? error.message : String(error)) }));
  }
}

/** What a page has that the one before it, of the same step, had not. */
function newPart(before: LessonPage | null, page: LessonPage): LessonPart | null {
  if (before === null || before.stepId !== page.stepId) return null;
  if (page.hints.length > before.hints.length) return 'hints';
  if (page.complete && !before.complete) return 'end';
  return JSON.stringify(page.question) === JSON.stringify(before.question) ? null : 'question';
}
