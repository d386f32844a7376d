/**
 * Running charts in braille: two values and four levels to a cell. Values keep their cells until two new ones have come,
 * so a tick changes few characters: every second one only redraws the newest cell.
 */

/** Dots of the left and the right half of a cell, from the bottom. */
const LEFT = [0x40, 0x04, 0x02, 0x01] as const;
const RIGHT = [0x80, 0x20, 0x10, 0x08] as const;
const BRAILLE = 0x2800;
const ASCII_LEVELS = [' ', '.', ':', '|', '#'] as const;

export interface ChartOptions {
  readonly width: number;
  readonly height: number;
  /** Value that fills the whole height; what is larger is cut. */
  readonly top: number;
  /** How many values were ever added: tells which half of a cell the newest one belongs to. */
  readonly added: number;
  readonly unicode: boolean;
}

/** Rows of the chart from top to bottom, each `width` columns, the newest value at the right. Null leaves a gap. */
export function chart(values: readonly (number | null)[], options: ChartOptions): string[] {
  const { width, height, top, unicode } = options;
  const columns = unicode ? width * 2 : width;
  // With an odd count the newest value stands in the left half of the last cell.
  const padding = unicode && options.added % 2 === 1 ? 1 : 0;
  const shown = values.slice(-(columns - padding));
  const levels = height * 4;
  const heights: number[] = new Array<number>(columns).fill(0);
  shown.forEach((value, i) => {
    const x = columns - padding - shown.length + i;
    if (value !== null && value > 0 && top > 0)
      heights[x] = Math.max(1, Math.min(levels, Math.round((value / top) * levels)));
  });
  const rows: string[] = [];
  for (let row = height - 1; row >= 0; row--) {
    let text = '';
    for (let x = 0; x < width; x++) {
      if (!unicode) {
        text += ASCII_LEVELS[Math.max(0, Math.min(4, heights[x]! - row * 4))];
        continue;
      }
      let dots = 0;
      for (let level = 0; level < 4; level++) {
        if (heights[2 * x]! > row * 4 + level) dots |= LEFT[level]!;
        if (heights[2 * x + 1]! > row * 4 + level) dots |= RIGHT[level]!;
      }
      text += String.fromCharCode(BRAILLE + dots);
    }
    rows.push(text);
  }
  return rows;
}

/** A gauge: `██████░░░░`; a value above zero shows at least one filled cell. */
export function gauge(
  share: number,
  width: number,
  unicode: boolean,
): { readonly filled: string; readonly rest: string } {
  const bounded = Math.min(1, Math.max(0, share));
  const filled = bounded === 0 ? 0 : Math.max(1, Math.round(bounded * width));
  return { filled: (unicode ? '█' : '#').repeat(filled), rest: (unicode ? '░' : '.').repeat(width - filled) };
}

/** The smallest of 1, 2, 5 × 10ⁿ that is not below `value`: the top of a scale without a limit. */
export function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 5, 10]) if (step * power >= value) return step * power;
  return 10 * power;
}
