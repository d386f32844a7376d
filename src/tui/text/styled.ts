/**
 * Styled text: what every panel of the full-screen view is made of. A panel is a pure function from data to
 * `StyledLine[]`; colours are chosen by *role*, so that one theme (dark, light, high contrast, mono) can translate them all.
 */

/**
 * The meaning of a piece of text. A theme gives every role a colour, and in mono a combination of bold, underline,
 * reverse and dim. Colour is never the only sign: whoever uses `ok`, `down`, `added` … also writes a glyph or a word.
 */
export type Role =
  | 'text' // ordinary
  | 'muted' // secondary: units, explanations, what is inherited
  | 'strong' // stands out in running text
  | 'accent' // names of things one can act upon
  | 'heading'
  | 'code' // inline code, commands
  | 'code-frame' // the frame around a block of commands
  | 'link'
  | 'quote'
  | 'key' // a key to press
  | 'ok' // a goal met, a link that is up
  | 'warn' // near a limit, weaker than it could be
  | 'error' // broken, out of memory, refused
  | 'info'
  | 'added' // appeared just now
  | 'changed' // changed just now
  | 'removed' // vanished just now
  | 'ghost' // the lesson's goal, not there yet
  | 'selected' // under the cursor
  | 'frame' // border of a pane
  | 'frame-focus' // border of the focused pane
  | 'title'
  | 'title-focus'
  | 'bar' // the status line
  | 'bar-key'
  | 'gauge' // the filled part of a gauge
  | 'gauge-rest' // the empty part
  // The kinds of kernel objects, one hue each: wires, boxes and tree nodes of the same kind look the same everywhere.
  | 'net'
  | 'bridge'
  | 'wire'
  | 'pid'
  | 'mnt'
  | 'uts'
  | 'ipc'
  | 'user'
  | 'cgroup'
  | 'time'
  // Lines of a chart, told apart by their legend and their order too.
  | 'series-1'
  | 'series-2'
  | 'series-3'
  | 'series-4';

/** `0xrrggbb`. Only the terminal pane uses it: panels use roles. */
export type Rgb = number;

export interface Style {
  readonly role?: Role;
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly italic?: boolean;
  readonly underline?: boolean;
  readonly inverse?: boolean;
  readonly strike?: boolean;
}

/** A run of text in one style. `text` holds no control characters and no line break (see `sanitise`). */
export interface Span {
  readonly text: string;
  readonly style?: Style;
  /** What a click on it means, for panels with `onClick`; also what `copy` yields for it when it is longer than what fits. */
  readonly target?: string;
}

/** One row of the screen, left to right. Narrower than the pane: padded with blanks; wider: cut, never wrapped. */
export type StyledLine = readonly Span[];

/** A span in a role: `span('br0', 'bridge')`, `span('UP', 'ok', { bold: true })`. */
export function span(text: string, role?: Role, more?: Omit<Style, 'role'>): Span {
  if (role === undefined && more === undefined) return { text };
  return { text, style: role === undefined ? { ...more } : { role, ...more } };
}

/** A line from strings (ordinary text) and spans. */
export function line(...parts: readonly (string | Span)[]): StyledLine {
  return parts.map((part) => (typeof part === 'string' ? { text: part } : part));
}

export const EMPTY_LINE: StyledLine = [];

/** The line without its styles: for `--plain`, filters, copying and tests. */
export function plainText(styled: StyledLine): string {
  let text = '';
  for (const part of styled) text += part.text;
  return text;
}
