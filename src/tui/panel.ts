/**
 * What a pane of the full-screen view shows and understands. A panel holds no state of its own and does no I/O: the
 * frame keeps its state `S`, calls `render` when something changed, scrolls and cuts the lines, and draws them.
 */
import type { Bilingual, Change, ObserveEvent, Snapshot } from '../../engine/api/types.js';
import type { Key } from './input/keys.js';
import type { StyledLine } from './text/styled.js';

export type Lang = keyof Bilingual;

/** Something that the lesson wants to exist and that does not exist yet; the picture draws it as a ghost. */
export interface GhostGoal {
  readonly text: Bilingual;
  /** Same vocabulary as `Change.object`. */
  readonly object: string;
  /** Name the learner is asked to give, where the goal fixes one. */
  readonly name?: string;
  /** Label of the network namespace, path of the cgroup … in which it should be. */
  readonly place?: string;
  /** For a wire: the other end. */
  readonly peer?: { readonly name?: string; readonly place?: string };
  readonly met: boolean;
}

/** A change that is still fresh enough to be highlighted. */
export interface FreshChange extends Change {
  /** Milliseconds since it was seen, 0…`FRESH_MS`. */
  readonly age: number;
}

/** How long a change stays highlighted, milliseconds. */
export const FRESH_MS = 4000;

/** What all panels see. Equal input and state give equal lines. */
export interface PanelInput {
  readonly lang: Lang;
  /** Null until the first snapshot has arrived. */
  readonly snapshot: Snapshot | null;
  readonly fresh: readonly FreshChange[];
  readonly ghosts: readonly GhostGoal[];
  /** Text of the `/` filter, lower case, empty for none. */
  readonly filter: string;
  readonly focused: boolean;
  /** Milliseconds since the epoch, of the last tick. */
  readonly now: number;
  /** False under `--ascii` or on terminals without Unicode: draw with + - | only. */
  readonly unicode: boolean;
}

export interface PanelView {
  /** May be more than `height` (the pane then scrolls) and wider than `width` (it scrolls sideways). */
  readonly lines: readonly StyledLine[];
  /** Row and columns to keep in sight, the selected thing usually. */
  readonly reveal?: { readonly line: number; readonly from?: number; readonly to?: number };
  /** Rows at the top that never scroll away. */
  readonly sticky?: number;
  /** Rows at the bottom that never scroll away, besides `lines`; fewer than `height`. */
  readonly dock?: readonly StyledLine[];
  /** Behind the title in the frame, as much of it as there is room for. */
  readonly caption?: readonly StyledLine[];
}

export interface KeyHint {
  /** As shown: `Enter`, `j/k`. */
  readonly key: string;
  readonly text: Bilingual;
}

/** What a panel may ask of the frame besides a new state. */
export interface PanelEffects {
  /** Put text into the clipboard (OSC 52 where the terminal allows it) and say so in a toast. */
  copy(text: string): void;
  toast(text: Bilingual): void;
  /** Type text at the shell's prompt, without a line end. */
  typeInShell(text: string): void;
}

export interface Panel<S> {
  /** Unique, kebab-case. */
  readonly id: string;
  title(lang: Lang): string;
  /** Keys beyond scrolling, shown by `?` and in the status line (the first few). */
  readonly keys: readonly KeyHint[];
  initial(): S;
  /** Pure. `width` and `height` are the columns and rows inside the border, each at least 1. */
  render(width: number, height: number, input: PanelInput, state: S): PanelView;
  /** New state, the same state when the key was used without a change, or null when the key means nothing here (then it scrolls). */
  onKey?(key: Key, state: S, input: PanelInput, effects: PanelEffects): S | null;
  /** Click on a cell of the panel, `line` counted in the lines that `render` returned. */
  onClick?(line: number, column: number, state: S, input: PanelInput, effects: PanelEffects): S | null;
  /** Called for every snapshot, also while the panel is not visible: for running charts. */
  onSnapshot?(event: ObserveEvent, state: S): S;
}

/** A panel whose state type is hidden, so that panels of all kinds stand in one list. */
export type AnyPanel = Panel<unknown>;

/** Hide a panel's state type. Sound because the frame only hands a panel the states that this panel returned. */
export function anyPanel<S>(panel: Panel<S>): AnyPanel {
  return panel as unknown as AnyPanel;
}
