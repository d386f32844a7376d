/**
 * What the full-screen view needs to know of a lesson, and what it may ask of it. `src/lesson` fills it in; the view holds no
 * lesson logic. A page is an immutable value: whenever something differs there is a new page and `onChange` is called.
 */
import type { Bilingual, Lab } from '../../engine/api/types.js';
import type { GhostGoal, KeyHint } from './panel.js';
import type { FinishedCommand } from './terminal-pane/shell-integration.js';

/** `broken`: it was met and no longer is. `couldNotMeasure` is neither met nor not. */
export type GoalState = 'notYet' | 'met' | 'broken' | 'couldNotMeasure';

export interface LessonGoal {
  readonly id: string;
  readonly text: Bilingual;
  readonly state: GoalState;
  /** "Not yet, because …": expected, observed, and where it was read. Shown below the goal unless it is met. */
  readonly because?: Bilingual;
}

export type LessonQuestion =
  | {
      readonly kind: 'predict';
      readonly prompt: Bilingual;
      /** Shown as a, b, c …; that letter chooses. */
      readonly options: readonly Bilingual[];
      readonly chosen: number | null;
      /** Index of what proved right; null until the truth is known. */
      readonly truth: number | null;
    }
  | {
      readonly kind: 'answer';
      readonly prompt: Bilingual;
      readonly given: string | null;
      readonly verdict: 'right' | 'wrong' | null;
      /** Why it is wrong, what was measured. */
      readonly comment?: Bilingual;
    };

export interface LessonStepSummary {
  readonly id: string;
  readonly title: Bilingual;
  readonly state: 'done' | 'current' | 'open';
}

export interface LessonPage {
  readonly lessonId: string;
  readonly lessonTitle: Bilingual;
  readonly stepId: string;
  readonly stepTitle: Bilingual;
  readonly stepKind: 'explain' | 'predict' | 'do' | 'answer' | 'observe' | 'fix' | 'free';
  /** All steps of the lesson, in order: the progress bar and the jump list. */
  readonly steps: readonly LessonStepSummary[];
  /** Markdown. */
  readonly body: Bilingual;
  readonly goals: readonly LessonGoal[];
  readonly question: LessonQuestion | null;
  /** Hints given so far, in order (markdown, inline). */
  readonly hints: readonly Bilingual[];
  /** How many more the ladder has. */
  readonly hintsLeft: number;
  /** The tab of the picture that shows what the step is about; it comes to the front with the step. */
  readonly picture?: 'wiring' | 'namespaces' | 'cgroups' | 'layers';
  /** What the goals still want, for the picture. */
  readonly ghosts: readonly GhostGoal[];
  /** The step's goals are met (or it has none): `next` leads on. */
  readonly complete: boolean;
  /** While something is under way, resetting for example: shown instead of the key hints. */
  readonly busy?: Bilingual;
}

/** A short answer to the person, shown as a toast; nothing where the new page says enough. */
export type ActionAnswer = Bilingual | undefined;

export interface LessonActions {
  next(): Promise<ActionAnswer>;
  previous(): Promise<ActionAnswer>;
  hint(): Promise<ActionAnswer>;
  /** Rebuild the state of this step's beginning. */
  reset(): Promise<ActionAnswer>;
  /** Take back the last command that changed something. */
  undo(): Promise<ActionAnswer>;
  answer(text: string): Promise<ActionAnswer>;
  predict(option: number): Promise<ActionAnswer>;
  jump(stepId: string): Promise<ActionAnswer>;
}

/** What the view offers to the lesson (and to the demo) while it runs. */
export interface LessonHost {
  /** Another lab host from now on: new session, new picture, new ledger. */
  setLab(lab: Lab): Promise<void>;
  toast(text: Bilingual): void;
  /** Put text at the shell's prompt; with `run` press Enter after it. */
  typeInShell(text: string, run?: boolean): void;
}

export interface LessonView {
  readonly actions: LessonActions;
  page(): LessonPage;
  /** Returns the function that ends the subscription. */
  onChange(listener: () => void): () => void;
  /** Called once, when the view is up. */
  attach?(host: LessonHost): void;
  /** The learner's shell has run a command. */
  onCommand?(command: FinishedCommand): void;
  /** Keys of its own, shown in the help: the demo's "type next", "run", "pause". */
  readonly extraCommands?: readonly AppCommand[];
}

/** An entry of the palette, with a key when it has one. */
export interface AppCommand {
  readonly id: string;
  readonly title: Bilingual;
  /**
   * Short ids as `keyId` gives them: `z`, `shift-tab`, `f5`. They work outside the shell pane, or after the
   * prefix key; function keys of commands that a lesson or the demo brings work in the shell pane too.
   */
  readonly keys: readonly string[];
  /** How the help shows the keys, where their ids are not fit to be read. */
  readonly shown?: string;
  /** Extra words that find it in the palette. */
  readonly words?: string;
  available?(): boolean;
  run(): void | Promise<void>;
}

export type { KeyHint };
