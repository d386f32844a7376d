/** Colour arithmetic: contrast, and the nearest entry of a smaller palette. */

import { type Colour, DEFAULT_COLOUR, RGB } from '../screen/styles.js';
import type { ColourDepth } from '../screen/terminal.js';
import type { Rgb } from '../text/styled.js';

/** The sixteen colours with xterm's default values. */
export const ANSI_RGB: readonly Rgb[] = [
  0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00,
  0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
];
const CUBE = [0, 95, 135, 175, 215, 255] as const;

function channels(rgb: Rgb): readonly [number, number, number] {
  return [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255];
}

/** Relative luminance, WCAG 2.2. */
function luminance(rgb: Rgb): number {
  const [r, g, b] = channels(rgb).map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast ratio of two colours, 1…21, WCAG 2.2. */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The colour of a palette entry, by xterm's defaults. */
export function paletteRgb(index: number): Rgb {
  if (index < 16) return ANSI_RGB[index]!;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return (grey << 16) | (grey << 8) | grey;
  }
  const i = index - 16;
  return (CUBE[Math.floor(i / 36)]! << 16) | (CUBE[Math.floor(i / 6) % 6]! << 8) | CUBE[i % 6]!;
}

function distance(a: Rgb, b: Rgb): number {
  const [r1, g1, b1] = channels(a);
  const [r2, g2, b2] = channels(b);
  return 2 * (r1 - r2) ** 2 + 4 * (g1 - g2) ** 2 + 3 * (b1 - b2) ** 2;
}

const nearestCache = new Map<number, number>();

function nearest(rgb: Rgb, from: number, to: number): number {
  const key = rgb * 2 + (from === 0 ? 1 : 0);
  const known = nearestCache.get(key);
  if (known !== undefined) return known;
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  for (let i = from; i <= to; i++) {
    const d = distance(rgb, paletteRgb(i));
    if (d < least) {
      least = d;
      best = i;
    }
  }
  if (nearestCache.size > 8192) nearestCache.clear();
  nearestCache.set(key, best);
  return best;
}

/** Nearest of the 240 fixed entries (cube and greys): the first sixteen look different on every terminal. */
export function nearest256(rgb: Rgb): number {
  return nearest(rgb, 16, 255);
}

export function nearest16(rgb: Rgb): number {
  return nearest(rgb, 0, 15);
}

/** A colour as it can be sent at a depth. */
export function fitColour(colour: Colour, depth: ColourDepth): Colour {
  if (depth === 'truecolor' || colour < 0) return colour;
  if (depth === 'mono') return DEFAULT_COLOUR;
  if (depth === '256') return colour & RGB ? nearest256(colour & 0xffffff) : colour;
  if (colour & RGB) return nearest16(colour & 0xffffff);
  return colour < 16 ? colour : nearest16(paletteRgb(colour));
}
