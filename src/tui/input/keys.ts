/** Keys and mouse events, as the rest of the view sees them. */

/** Names of keys that type no character. */
export type KeyName =
  | 'enter'
  | 'escape'
  | 'tab'
  | 'backspace'
  | 'delete'
  | 'insert'
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'home'
  | 'end'
  | 'pageup'
  | 'pagedown'
  | 'f1'
  | 'f2'
  | 'f3'
  | 'f4'
  | 'f5'
  | 'f6'
  | 'f7'
  | 'f8'
  | 'f9'
  | 'f10'
  | 'f11'
  | 'f12'
  | 'space';

export interface Key {
  /**
   * A `KeyName`, or the character typed (`a`, `A`, `/`, `你`): one code point, or several when an input method commits a word.
   * With `ctrl` the lower-case letter (`ctrl` + `g`).
   */
  readonly name: KeyName | (string & {});
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  /** The bytes that the terminal sent, decoded as UTF-8. */
  readonly raw: string;
}

/** Short form for tables and tests: `ctrl-g`, `alt-left`, `shift-tab`, `a`. */
export function keyId(key: Key): string {
  const shift = key.shift && key.name.length > 1 ? 'shift-' : '';
  return `${key.ctrl ? 'ctrl-' : ''}${key.alt ? 'alt-' : ''}${shift}${key.name}`;
}
