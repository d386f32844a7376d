/** One line of text being typed, with the usual editing keys. Works on glyphs, so that a wide or combined one is one step. */
import { type Key, keyId } from '../input/keys.js';
import { sanitise } from '../text/sanitise.js';
import { glyphs, textWidth } from '../text/width.js';

const LONGEST = 1000;

export class LineEditor {
  #glyphs: string[] = [];
  #at = 0;

  constructor(initial = '') {
    this.insert(initial);
  }

  get text(): string {
    return this.#glyphs.join('');
  }

  /** Columns before the cursor. */
  get column(): number {
    return textWidth(this.#glyphs.slice(0, this.#at).join(''));
  }

  insert(text: string): void {
    const more = glyphs(sanitise(text.replace(/[\r\n]+/g, ' '))).map((g) => g.text);
    this.#glyphs.splice(this.#at, 0, ...more.slice(0, Math.max(0, LONGEST - this.#glyphs.length)));
    this.#at = Math.min(this.#at + more.length, this.#glyphs.length);
  }

  /** True when the key edited or moved. */
  key(key: Key): boolean {
    switch (keyId(key)) {
      case 'left':
      case 'ctrl-b':
        this.#at = Math.max(0, this.#at - 1);
        return true;
      case 'right':
      case 'ctrl-f':
        this.#at = Math.min(this.#glyphs.length, this.#at + 1);
        return true;
      case 'home':
      case 'ctrl-a':
        this.#at = 0;
        return true;
      case 'end':
      case 'ctrl-e':
        this.#at = this.#glyphs.length;
        return true;
      case 'backspace':
      case 'ctrl-backspace':
        if (this.#at > 0) this.#glyphs.splice(--this.#at, 1);
        return true;
      case 'delete':
      case 'ctrl-d':
        this.#glyphs.splice(this.#at, 1);
        return true;
      case 'ctrl-u':
        this.#glyphs.splice(0, this.#at);
        this.#at = 0;
        return true;
      case 'ctrl-k':
        this.#glyphs.splice(this.#at);
        return true;
      case 'ctrl-w':
        return this.#deleteWord();
      case 'space':
        this.insert(' ');
        return true;
      default:
        if (key.ctrl || key.alt || isNamed(key)) return false;
        this.insert(key.name);
        return true;
    }
  }

  #deleteWord(): boolean {
    let from = this.#at;
    while (from > 0 && this.#glyphs[from - 1] === ' ') from--;
    while (from > 0 && this.#glyphs[from - 1] !== ' ') from--;
    this.#glyphs.splice(from, this.#at - from);
    this.#at = from;
    return true;
  }
}

/** Whether a key types no character: its name is then a word, while a typed character is one glyph. */
function isNamed(key: Key): boolean {
  return /^[a-z][a-z0-9]+$/.test(key.name) || key.name === '';
}
