/** From keys and mouse events to the bytes that a program in the shell pane expects, in the modes that it has set. */

import type { MouseInput } from './decoder.js';
import type { Key } from './keys.js';

const CURSOR_FINALS: Readonly<Record<string, string>> = {
  up: 'A',
  down: 'B',
  right: 'C',
  left: 'D',
  home: 'H',
  end: 'F',
};
const TILDES: Readonly<Record<string, number>> = {
  insert: 2,
  delete: 3,
  pageup: 5,
  pagedown: 6,
  f5: 15,
  f6: 17,
  f7: 18,
  f8: 19,
  f9: 20,
  f10: 21,
  f11: 23,
  f12: 24,
};
const PF_FINALS: Readonly<Record<string, string>> = { f1: 'P', f2: 'Q', f3: 'R', f4: 'S' };
const PLAIN: Readonly<Record<string, string>> = {
  enter: '\r',
  tab: '\t',
  escape: '\x1b',
  backspace: '\x7f',
  space: ' ',
};

/** What xterm sends for a key. `application` is DECCKM: cursor keys as SS3. */
export function encodeKey(key: Key, application: boolean): string {
  const code = 1 + (key.shift ? 1 : 0) + (key.alt ? 2 : 0) + (key.ctrl ? 4 : 0);
  const cursor = CURSOR_FINALS[key.name];
  if (cursor !== undefined) return code > 1 ? `\x1b[1;${code}${cursor}` : `${application ? '\x1bO' : '\x1b['}${cursor}`;
  const pf = PF_FINALS[key.name];
  if (pf !== undefined) return code > 1 ? `\x1b[1;${code}${pf}` : `\x1bO${pf}`;
  const tilde = TILDES[key.name];
  if (tilde !== undefined) return code > 1 ? `\x1b[${tilde};${code}~` : `\x1b[${tilde}~`;
  const alt = key.alt ? '\x1b' : '';
  if (key.name === 'tab' && key.shift) return '\x1b[Z';
  if (key.name === 'space' && key.ctrl) return `${alt}\0`;
  if (key.name === 'backspace' && key.ctrl) return `${alt}\b`;
  const plain = PLAIN[key.name];
  if (plain !== undefined) return alt + plain;
  if (key.ctrl && key.name.length === 1) {
    const unit = key.name.toUpperCase().charCodeAt(0);
    if (unit >= 63 && unit <= 95) return alt + (unit === 63 ? '\x7f' : String.fromCharCode(unit & 31));
  }
  return alt + key.name;
}

/** Which mouse reports a program asked for (DECSET 9, 1000, 1002, 1003), and how they are to be written (1006). */
export interface MouseModes {
  readonly tracking: 'none' | 'x10' | 'vt200' | 'drag' | 'any';
  readonly sgr: boolean;
}

/** The report of a mouse event at `x`, `y` in the program's own screen, '' when it did not ask for it. */
export function encodeMouse(mouse: MouseInput, x: number, y: number, modes: MouseModes): string {
  const { tracking } = modes;
  if (tracking === 'none') return '';
  if (tracking === 'x10' && mouse.action !== 'press') return '';
  if (mouse.action === 'move' && (tracking === 'vt200' || (tracking === 'drag' && mouse.button === 3))) return '';
  let code = mouse.button;
  if (mouse.action === 'wheel-up') code = 64;
  else if (mouse.action === 'wheel-down') code = 65;
  else if (mouse.action === 'move') code += 32;
  if (tracking !== 'x10') code += (mouse.shift ? 4 : 0) + (mouse.alt ? 8 : 0) + (mouse.ctrl ? 16 : 0);
  if (modes.sgr) return `\x1b[<${code};${x + 1};${y + 1}${mouse.action === 'release' ? 'm' : 'M'}`;
  // The old form has no room for columns beyond 223 and no button in a release.
  if (x > 222 || y > 222) return '';
  if (mouse.action === 'release') code = (code & ~3) | 3;
  return `\x1b[M${String.fromCharCode(32 + code)}${String.fromCharCode(33 + x)}${String.fromCharCode(33 + y)}`;
}

/** Pasted text as it goes to a program: marked when it asked for that (DECSET 2004), and never able to end the mark itself. */
export function encodePaste(text: string, bracketed: boolean): string {
  const clean = text.replace(/\r?\n/g, '\r').replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, '');
  return bracketed ? `\x1b[200~${clean}\x1b[201~` : clean;
}
