/** From a role in a theme to the style of a cell, at the terminal's colour depth. */

import {
  BOLD,
  type Colour,
  DEFAULT_COLOUR,
  DIM,
  INVERSE,
  ITALIC,
  RGB,
  STRIKE,
  type StyleId,
  type StyleTable,
  UNDERLINE,
} from '../screen/styles.js';
import type { ColourDepth } from '../screen/terminal.js';
import type { Rgb, Role, Style } from '../text/styled.js';
import { nearest256 } from './colour.js';
import { THEMES, type Theme, type ThemeId } from './themes.js';

function colour(rgb: Rgb | null | undefined, ansi: number | undefined, depth: ColourDepth): Colour | null {
  if (depth === 'mono' || rgb === null || rgb === undefined) return null;
  if (depth === 'truecolor') return RGB | rgb;
  if (depth === '256') return nearest256(rgb);
  return ansi ?? DEFAULT_COLOUR;
}

export class Palette {
  readonly theme: Theme;
  readonly depth: ColourDepth;
  /** Colours of cells that nothing else colours; the shell's default text and background too. */
  readonly fg: Colour;
  readonly bg: Colour;
  readonly styles: StyleTable;
  #cache = new Map<string, StyleId>();
  #byStyle = new WeakMap<Style, StyleId>();

  constructor(theme: ThemeId, depth: ColourDepth, styles: StyleTable) {
    this.theme = THEMES[depth === 'mono' ? 'mono' : theme];
    this.depth = depth;
    this.styles = styles;
    this.fg = colour(this.theme.fg, this.theme.ansiFg, depth) ?? DEFAULT_COLOUR;
    this.bg = colour(this.theme.bg, this.theme.ansiBg, depth) ?? DEFAULT_COLOUR;
  }

  /** The style of a cell; without a style, ordinary text. */
  id(style: Style | undefined): StyleId {
    if (style === undefined) return this.#look('text', 0);
    const known = this.#byStyle.get(style);
    if (known !== undefined) return known;
    let flags = 0;
    if (style.bold === true) flags |= BOLD;
    if (style.dim === true) flags |= DIM;
    if (style.italic === true) flags |= ITALIC;
    if (style.underline === true) flags |= UNDERLINE;
    if (style.inverse === true) flags |= INVERSE;
    if (style.strike === true) flags |= STRIKE;
    const id = this.#look(style.role ?? 'text', flags);
    this.#byStyle.set(style, id);
    return id;
  }

  #look(role: Role, more: number): StyleId {
    const key = `${role}/${more}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const look = this.theme.roles[role];
    let flags = more;
    if (look.bold === true) flags |= BOLD;
    if (look.dim === true) flags |= DIM;
    if (look.italic === true) flags |= ITALIC;
    if (look.underline === true) flags |= UNDERLINE;
    if (look.inverse === true) flags |= INVERSE;
    const fg = colour(look.fg, look.ansi, this.depth) ?? this.fg;
    const bg = colour(look.bg, look.ansiBg, this.depth) ?? this.bg;
    const id = this.styles.intern(fg, bg, flags);
    this.#cache.set(key, id);
    return id;
  }

  /** After the style table was emptied. */
  forget(): void {
    this.#cache = new Map();
    this.#byStyle = new WeakMap();
  }
}
