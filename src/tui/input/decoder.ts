/**
 * From the bytes of a terminal to keys, mouse events and pasted text. Own decoder because blessed's passes CSI-u keys on
 * as text, has no pasted text, and the shell needs the exact bytes. References: xterm ctlseqs, kitty keyboard protocol.
 */
import { StringDecoder } from 'node:string_decoder';
import type { Key, KeyName } from './keys.js';

export interface MouseInput {
  readonly action: 'press' | 'release' | 'move' | 'wheel-up' | 'wheel-down';
  /** 0 left, 1 middle, 2 right; 3 for none. */
  readonly button: number;
  /** Cell, counted from 0. */
  readonly x: number;
  readonly y: number;
  readonly shift: boolean;
  readonly alt: boolean;
  readonly ctrl: boolean;
}

export type InputEvent =
  | { readonly type: 'key'; readonly key: Key }
  | { readonly type: 'mouse'; readonly mouse: MouseInput }
  | { readonly type: 'paste'; readonly text: string };

/** How long a lone ESC may be the beginning of a sequence, milliseconds. */
const ESCAPE_MS = 30;
/** A string sequence (an answer of the terminal) longer than this is not one. */
const LONGEST_STRING = 4096;
const PASTE_END = '\x1b[201~';

const FINAL_KEYS: Readonly<Record<string, KeyName>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  P: 'f1',
  Q: 'f2',
  R: 'f3',
  S: 'f4',
};
const TILDE_KEYS: Readonly<Record<number, KeyName>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
};
const CODE_KEYS: Readonly<Record<number, KeyName>> = {
  9: 'tab',
  13: 'enter',
  27: 'escape',
  32: 'space',
  127: 'backspace',
  8: 'backspace',
};

interface Modifiers {
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
}
const NONE: Modifiers = { ctrl: false, alt: false, shift: false };

/** The modifier parameter of CSI keys: 1 + shift 1 + alt 2 + ctrl 4. */
function modifiers(parameter: number | undefined): Modifiers {
  const bits = Math.max(0, (parameter ?? 1) - 1);
  return { shift: (bits & 1) !== 0, alt: (bits & 2) !== 0, ctrl: (bits & 4) !== 0 };
}

function makeKey(name: string, mods: Modifiers, raw: string): InputEvent {
  return { type: 'key', key: { name, ...mods, raw } };
}

/** A control character as the key that types it. */
function controlKey(code: number, alt: boolean, raw: string): InputEvent {
  const mods = { ...NONE, alt };
  if (code === 13 || code === 10) return makeKey(code === 13 ? 'enter' : 'j', { ...mods, ctrl: code === 10 }, raw);
  if (code === 9) return makeKey('tab', mods, raw);
  if (code === 127 || code === 8) return makeKey('backspace', { ...mods, ctrl: code === 8 }, raw);
  if (code === 27) return makeKey('escape', mods, raw);
  if (code === 0) return makeKey('space', { ...mods, ctrl: true }, raw);
  if (code <= 26) return makeKey(String.fromCharCode(code + 96), { ...mods, ctrl: true }, raw);
  return makeKey(String.fromCharCode(code + 64), { ...mods, ctrl: true }, raw);
}

function charKey(char: string, alt: boolean, raw: string): InputEvent {
  const code = char.codePointAt(0)!;
  if (code < 32 || code === 127) return controlKey(code, alt, raw);
  if (char === ' ') return makeKey('space', { ...NONE, alt }, raw);
  return makeKey(char, { ctrl: false, alt, shift: /^\p{Lu}$/u.test(char) }, raw);
}

function codeKey(code: number, mods: Modifiers, raw: string): InputEvent | null {
  const name = CODE_KEYS[code];
  if (name !== undefined) return makeKey(name, mods, raw);
  // 57344…63743: kitty's private codes for keys that type nothing (caps lock, media keys).
  if (!Number.isInteger(code) || code < 33 || code > 0x10ffff || (code >= 0xd800 && code <= 0xf8ff)) return null;
  const char = String.fromCodePoint(code);
  return makeKey(mods.shift && !mods.ctrl ? char.toUpperCase() : char, mods, raw);
}

function mouseEvent(body: string, final: string): InputEvent | null {
  const [code, x, y] = body.split(';').map(Number) as [number, number | undefined, number | undefined];
  if (x === undefined || y === undefined || !(x >= 1) || !(y >= 1) || !Number.isInteger(code)) return null;
  const mods = { shift: (code & 4) !== 0, alt: (code & 8) !== 0, ctrl: (code & 16) !== 0 };
  const button = code & 3;
  if (code & 64) {
    if (button > 1) return null; // sideways wheels
    return {
      type: 'mouse',
      mouse: { action: button === 0 ? 'wheel-up' : 'wheel-down', button: 3, x: x - 1, y: y - 1, ...mods },
    };
  }
  const action = code & 32 ? 'move' : final === 'M' ? 'press' : 'release';
  return { type: 'mouse', mouse: { action, button, x: x - 1, y: y - 1, ...mods } };
}

/** CSI sequences: keys, mouse, and answers, which mean nothing to us (null). */
function csi(body: string, final: string, raw: string): InputEvent | null {
  if (body.startsWith('<')) return final === 'M' || final === 'm' ? mouseEvent(body.slice(1), final) : null;
  if (/^[?>=]/.test(body)) return null;
  const parameters = body.split(';').map((p) => (p === '' ? undefined : Number(p.split(':')[0])));
  if (final === '~') {
    const [first, second, third] = parameters;
    if (first === 27 && third !== undefined) return codeKey(third, modifiers(second), raw);
    const name = first === undefined ? undefined : TILDE_KEYS[first];
    return name === undefined ? null : makeKey(name, modifiers(second), raw);
  }
  if (final === 'u') return parameters[0] === undefined ? null : codeKey(parameters[0], modifiers(parameters[1]), raw);
  if (final === 'Z') return makeKey('tab', { ...NONE, shift: true }, raw);
  // CSI R with two numbers is the answer to "where is the cursor" unless its first number is 1 (F3 with modifiers).
  if (final === 'R' && parameters.length === 2 && parameters[0] !== 1) return null;
  const name = FINAL_KEYS[final];
  return name === undefined ? null : makeKey(name, modifiers(parameters[1]), raw);
}

export class InputDecoder {
  readonly #emit: (event: InputEvent) => void;
  readonly #utf8 = new StringDecoder('utf8');
  #buffer = '';
  #paste: string | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(emit: (event: InputEvent) => void) {
    this.#emit = emit;
  }

  write(bytes: Uint8Array | string): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#buffer +=
      typeof bytes === 'string'
        ? bytes
        : this.#utf8.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#drain(false);
    if (this.#buffer !== '' && this.#paste === null) this.#timer = setTimeout(() => this.#drain(true), ESCAPE_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Take events off the buffer. With `final`, what has waited long enough is taken for what it is so far. */
  #drain(final: boolean): void {
    while (this.#buffer !== '') {
      if (this.#paste !== null) {
        if (!this.#drainPaste()) return;
        continue;
      }
      const used = this.#next(final);
      if (used === 0) return;
      this.#buffer = this.#buffer.slice(used);
    }
  }

  #drainPaste(): boolean {
    const end = this.#buffer.indexOf(PASTE_END);
    if (end < 0) {
      // Keep back what may be the beginning of the end mark.
      const keep = Math.min(this.#buffer.length, PASTE_END.length - 1);
      this.#paste += this.#buffer.slice(0, this.#buffer.length - keep);
      this.#buffer = this.#buffer.slice(this.#buffer.length - keep);
      return false;
    }
    const text = this.#paste + this.#buffer.slice(0, end);
    this.#paste = null;
    this.#buffer = this.#buffer.slice(end + PASTE_END.length);
    this.#emit({ type: 'paste', text });
    return true;
  }

  /** Emit what stands first in the buffer; the number of units used, 0 when more must come. */
  #next(final: boolean): number {
    const text = this.#buffer;
    if (text[0] !== '\x1b') {
      const char = String.fromCodePoint(text.codePointAt(0)!);
      this.#emit(charKey(char, false, char));
      return char.length;
    }
    if (text.length === 1) {
      if (!final) return 0;
      this.#emit(controlKey(27, false, '\x1b'));
      return 1;
    }
    const second = text[1]!;
    if (second === '[') return this.#csi(final);
    if (second === 'O') {
      if (text.length < 3 && !final) return 0;
      const name = text.length < 3 ? undefined : FINAL_KEYS[text[2]!];
      this.#emit(name === undefined ? charKey('O', true, '\x1bO') : makeKey(name, NONE, text.slice(0, 3)));
      return name === undefined ? 2 : 3;
    }
    if (second === ']' || second === 'P' || second === '_' || second === '^') return this.#string(final);
    if (second === '\x1b') {
      // Two in a row: the first is a key of its own.
      this.#emit(controlKey(27, false, '\x1b'));
      return 1;
    }
    const char = String.fromCodePoint(text.codePointAt(1)!);
    this.#emit(charKey(char, true, `\x1b${char}`));
    return 1 + char.length;
  }

  #csi(final: boolean): number {
    const text = this.#buffer;
    // X10 mouse reports, from terminals without SGR mode: three bytes, not valid as text; skip them.
    if (text[2] === 'M') return text.length < 6 && !final ? 0 : Math.min(6, text.length);
    const match = /^\x1b\[([0-9:;<=>?]*)([ -/]*)([@-~])/.exec(text);
    if (match === null) {
      const partial = /^\x1b\[[0-9:;<=>?]*[ -/]*$/.test(text);
      if (partial && !final) return 0;
      if (text.length === 2) this.#emit(charKey('[', true, '\x1b['));
      return partial ? text.length : 2;
    }
    const [raw, body, , last] = match as unknown as [string, string, string, string];
    if (body === '200' && last === '~') {
      this.#paste = '';
      return raw.length;
    }
    const event = csi(body, last, raw);
    if (event !== null) this.#emit(event);
    return raw.length;
  }

  /** OSC, DCS, APC, PM: answers to questions that we never asked; dropped whole. */
  #string(final: boolean): number {
    const text = this.#buffer;
    const end = /\x07|\x1b\\/.exec(text.slice(2));
    if (end !== null) return 2 + end.index + end[0].length;
    if (text.length > LONGEST_STRING) return text.length;
    if (!final) return 0;
    if (text.length === 2) this.#emit(charKey(text[1]!, true, text));
    return text.length === 2 ? 2 : text.length;
  }
}
