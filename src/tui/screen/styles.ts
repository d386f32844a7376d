/**
 * Interned cell styles. blessed packs a cell's style into one integer with 9 bits a colour; ours are negative integers,
 * names for an entry of this table, so that truecolor and all attributes pass through blessed's cell buffer.
 */

/** -1 the terminal's default, 0…255 palette, `RGB | 0xrrggbb` truecolor. */
export type Colour = number;
export const DEFAULT_COLOUR: Colour = -1;
export const RGB = 0x1000000;

/** Bits of `flags`. The first five are blessed's own. */
export const BOLD = 1;
export const UNDERLINE = 2;
export const BLINK = 4;
export const INVERSE = 8;
export const INVISIBLE = 16;
export const DIM = 32;
export const ITALIC = 64;
export const STRIKE = 128;

/** Number of a style; always negative. */
export type StyleId = number;

export interface CellStyle {
  readonly fg: Colour;
  readonly bg: Colour;
  readonly flags: number;
}

/** More styles than any sensible screen has: a truecolor animation in the shell is running, and the table starts afresh. */
const FULL = 20_000;

function colourCode(colour: Colour, base: 30 | 40): string {
  if (colour < 0) return '';
  if (colour & RGB) return `;${base + 8};2;${(colour >> 16) & 255};${(colour >> 8) & 255};${colour & 255}`;
  if (colour < 8) return `;${base + colour}`;
  if (colour < 16) return `;${base + 52 + colour}`;
  return `;${base + 8};5;${colour}`;
}

const FLAG_CODES: readonly (readonly [number, string])[] = [
  [BOLD, ';1'],
  [DIM, ';2'],
  [ITALIC, ';3'],
  [UNDERLINE, ';4'],
  [BLINK, ';5'],
  [INVERSE, ';7'],
  [INVISIBLE, ';8'],
  [STRIKE, ';9'],
];

/** The SGR sequence that sets exactly this style, whatever was set before. ECMA-48 8.3.117, ISO 8613-6 for 38/48. */
function sgrOf(style: CellStyle): string {
  let codes = '';
  for (const [flag, code] of FLAG_CODES) if (style.flags & flag) codes += code;
  codes += colourCode(style.fg, 30) + colourCode(style.bg, 40);
  return `\x1b[${codes === '' ? '' : `0${codes}`}m`;
}

export class StyleTable {
  #styles: CellStyle[] = [{ fg: DEFAULT_COLOUR, bg: DEFAULT_COLOUR, flags: 0 }];
  #sequences: string[] = ['\x1b[m'];
  #ids = new Map<number, Map<number, StyleId>>();

  /** The number of a style; equal styles have equal numbers. */
  intern(fg: Colour, bg: Colour, flags: number): StyleId {
    const outer = fg * 256 + flags;
    let inner = this.#ids.get(outer);
    if (inner === undefined) {
      inner = new Map();
      this.#ids.set(outer, inner);
    }
    let id = inner.get(bg);
    if (id === undefined) {
      id = -this.#styles.length;
      const style = { fg, bg, flags };
      this.#styles.push(style);
      this.#sequences.push(sgrOf(style));
      inner.set(bg, id);
    }
    return id;
  }

  style(id: StyleId): CellStyle {
    return this.#styles[-id] ?? this.#styles[0]!;
  }

  /** The sequence for a cell's attribute; blessed's own (non-negative) attributes mean the terminal's default. */
  sequence(attribute: number): string {
    return this.#sequences[attribute < 0 ? -attribute : 0] ?? '\x1b[m';
  }

  /** Whether the table should be emptied before the next frame. */
  get full(): boolean {
    return this.#styles.length > FULL;
  }

  get size(): number {
    return this.#styles.length;
  }

  /** Forget all styles. Every number given out before is void: caches of them must be dropped and all cells painted again. */
  clear(): void {
    this.#styles.length = 1;
    this.#sequences.length = 1;
    this.#ids.clear();
  }
}
