/** Every command of the view with its keys: one list for the keyboard, the palette and the help. */
import type { Bilingual } from '../../../engine/api/types.js';
import type { PaneId } from '../layout/arrange.js';
import { paneNumber } from '../layout/arrange.js';
import type { AppCommand } from '../lesson-view.js';
import { both, STRINGS } from '../strings.js';
import { THEME_IDS, type ThemeId } from '../theme/themes.js';

/** What the commands act upon. */
export interface CommandTarget {
  readonly panes: readonly PaneId[];
  readonly tabs: readonly { readonly id: string; readonly title: Bilingual }[];
  readonly hasLesson: boolean;
  focus(pane: PaneId): void;
  cycleFocus(step: 1 | -1): void;
  zoom(): void;
  tab(index: number): void;
  cycleTab(step: 1 | -1): void;
  openPalette(): void;
  openHelp(): void;
  openFilter(): void;
  back(): void;
  toggleMouse(): void;
  redraw(): void;
  toggleLanguage(): void;
  theme(id: ThemeId): void;
  nextTheme(): void;
  askQuit(): void;
  suspend(): void;
  askResetLab(): void;
  restartShell(): void;
  scrollShell(pages: 1 | -1): void;
  /** The pane beside the shell, by a page, whatever has the focus. */
  scrollSide(pages: 1 | -1): void;
  lesson(action: 'next' | 'previous' | 'hint' | 'reset' | 'undo'): void;
  canWatchBirth(): boolean;
  watchBirth(): void;
  askAnswer(): void;
  canAnswer(): boolean;
  openJump(): void;
}

export const THEME_NAMES: Readonly<Record<ThemeId, Bilingual>> = {
  dark: STRINGS.themeDark,
  light: STRINGS.themeLight,
  'high-contrast': STRINGS.themeHighContrast,
  mono: STRINGS.themeMono,
};

function lessonCommands(target: CommandTarget): AppCommand[] {
  return [
    { id: 'next', title: STRINGS.cmdNext, keys: ['n'], run: () => target.lesson('next') },
    { id: 'previous', title: STRINGS.cmdPrevious, keys: ['p'], run: () => target.lesson('previous') },
    { id: 'hint', title: STRINGS.cmdHint, keys: ['h'], run: () => target.lesson('hint') },
    {
      id: 'answer',
      title: STRINGS.cmdAnswer,
      keys: ['a'],
      available: () => target.canAnswer(),
      run: () => target.askAnswer(),
    },
    { id: 'undo', title: STRINGS.cmdUndo, keys: ['u'], run: () => target.lesson('undo') },
    { id: 'reset', title: STRINGS.cmdReset, keys: ['r'], run: () => target.lesson('reset') },
    { id: 'jump', title: STRINGS.cmdJump, keys: ['J'], run: () => target.openJump() },
  ];
}

export function buildCommands(target: CommandTarget, extra: readonly AppCommand[]): AppCommand[] {
  const focus = target.panes.map((pane): AppCommand => {
    const n = paneNumber(pane);
    return {
      id: `pane-${pane}`,
      title: both('cmdFocus', { n, pane: STRINGS[pane] }),
      keys: [String(n)],
      run: () => target.focus(pane),
    };
  });
  const tabs = target.tabs.map(
    (tab, index): AppCommand => ({
      id: `tab-${tab.id}`,
      title: both('cmdTab', { tab: tab.title }),
      keys: [],
      run: () => target.tab(index),
    }),
  );
  const themes = THEME_IDS.map(
    (id): AppCommand => ({
      id: `theme-${id}`,
      title: both('cmdThemeTo', { theme: THEME_NAMES[id] }),
      keys: [],
      words: 'colour color',
      run: () => target.theme(id),
    }),
  );
  return [
    ...extra,
    ...(target.hasLesson ? lessonCommands(target) : []),
    ...focus,
    { id: 'next-pane', title: STRINGS.cmdNextPane, keys: ['tab'], run: () => target.cycleFocus(1) },
    { id: 'previous-pane', title: STRINGS.cmdPreviousPane, keys: ['shift-tab'], run: () => target.cycleFocus(-1) },
    { id: 'zoom', title: STRINGS.cmdZoom, keys: ['z', '+'], run: () => target.zoom() },
    { id: 'next-tab', title: STRINGS.cmdNextTab, keys: [']', '.'], run: () => target.cycleTab(1) },
    { id: 'previous-tab', title: STRINGS.cmdPreviousTab, keys: ['[', ','], run: () => target.cycleTab(-1) },
    { id: 'filter', title: STRINGS.cmdFilter, keys: ['/'], words: 'search find', run: () => target.openFilter() },
    { id: 'palette', title: STRINGS.cmdPalette, keys: [':'], run: () => target.openPalette() },
    { id: 'help', title: STRINGS.cmdHelp, keys: ['?', 'f1'], run: () => target.openHelp() },
    { id: 'back', title: STRINGS.cmdBack, keys: ['escape'], run: () => target.back() },
    {
      id: 'language',
      title: STRINGS.cmdLanguage,
      keys: ['l'],
      words: 'language chinese english 语言',
      run: () => target.toggleLanguage(),
    },
    { id: 'theme', title: STRINGS.cmdTheme, keys: ['t'], run: () => target.nextTheme() },
    { id: 'mouse', title: STRINGS.cmdMouse, keys: ['m'], words: 'copy select', run: () => target.toggleMouse() },
    { id: 'redraw', title: STRINGS.cmdRedraw, keys: ['f', 'ctrl-l'], run: () => target.redraw() },
    { id: 'text-down', title: STRINGS.cmdTextDown, keys: ['space', 'down'], run: () => target.scrollSide(1) },
    { id: 'text-up', title: STRINGS.cmdTextUp, keys: ['backspace', 'up'], run: () => target.scrollSide(-1) },
    { id: 'scroll-up', title: STRINGS.cmdScrollUp, keys: ['pageup'], run: () => target.scrollShell(-1) },
    { id: 'scroll-down', title: STRINGS.cmdScrollDown, keys: ['pagedown'], run: () => target.scrollShell(1) },
    ...tabs,
    ...themes,
    {
      id: 'birth',
      title: STRINGS.cmdBirth,
      keys: ['B'],
      words: 'container step explain syscall',
      available: () => target.canWatchBirth(),
      run: () => target.watchBirth(),
    },
    { id: 'new-shell', title: STRINGS.cmdNewShell, keys: [], run: () => target.restartShell() },
    { id: 'reset-lab', title: STRINGS.cmdResetLab, keys: [], run: () => target.askResetLab() },
    { id: 'suspend', title: STRINGS.cmdSuspend, keys: [], run: () => target.suspend() },
    { id: 'quit', title: STRINGS.cmdQuit, keys: ['q'], words: 'exit leave', run: () => target.askQuit() },
  ];
}
