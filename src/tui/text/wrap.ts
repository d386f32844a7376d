/**
 * Line breaking for Chinese mixed with Latin words: a small part of UAX #14 with the usual kinsoku rules (GB/T 15834,
 * JLREQ 3.1.7): no line starts with closing punctuation, none ends with an opening one, Latin words stay whole.
 */
import type { Span, StyledLine } from './styled.js';
import { glyphs, textWidth } from './width.js';

/** May not stand first in a line. */
export const NO_START = /^[，。、；：？！）】》”’」』〉〕｝…—～·‰％℃,.;:?!)\]}%]/u;
/** May not stand last in a line. */
export const NO_END = /^[（【《“‘「『〈〔｛([{￥]/u;

interface Unit {
  readonly text: string;
  readonly width: number;
  readonly span: number;
}

type Quality = 'none' | 'poor' | 'good';

function unitsOf(styled: StyledLine): Unit[] {
  const units: Unit[] = [];
  for (const [index, part] of styled.entries())
    for (const glyph of glyphs(part.text)) units.push({ text: glyph.text, width: glyph.width, span: index });
  return units;
}

/** How good a break between two neighbours is. A blank inside inline code is a poor place: a command reads best in one piece. */
function breakBetween(before: Unit, after: Unit, isCode: (span: number) => boolean): Quality {
  if (after.text === ' ') return 'none';
  // A blank between an address and the comma after it ends the link, not the line.
  if (before.text === ' ' && after.width === 2 && NO_START.test(after.text)) return 'none';
  if (before.text === ' ') return before.span === after.span && isCode(before.span) ? 'poor' : 'good';
  if (NO_START.test(after.text) || NO_END.test(before.text)) return 'none';
  return before.width === 2 || after.width === 2 ? 'good' : 'none';
}

function toSpans(styled: StyledLine, units: readonly Unit[]): StyledLine {
  const out: Span[] = [];
  let index = -1;
  let text = '';
  const flush = (): void => {
    if (index >= 0 && text !== '') out.push({ ...styled[index]!, text });
  };
  for (const unit of units) {
    if (unit.span !== index) {
      flush();
      index = unit.span;
      text = '';
    }
    text += unit.text;
  }
  flush();
  return out;
}

function trimmed(units: readonly Unit[], from: number, to: number): readonly Unit[] {
  let end = to;
  while (end > from && units[end - 1]!.text === ' ') end--;
  return units.slice(from, end);
}

/** Where to cut what has no permitted break: at `full`, or a little before it where punctuation would stand wrong. */
function forced(units: readonly Unit[], start: number, full: number): number {
  let at = full;
  const wrong = (): boolean =>
    units[at]!.text === ' ' || NO_START.test(units[at]!.text) || NO_END.test(units[at - 1]!.text);
  while (at > start + 1 && wrong()) at--;
  return at > start + 1 ? at : full;
}

/**
 * Break one styled paragraph into lines of at most `columns` columns. Blanks at a break vanish. What has no permitted
 * break and does not fit is broken where the line is full; a wide glyph in a column too narrow for it gets a line of its own.
 */
export function wrapLine(styled: StyledLine, columns: number): StyledLine[] {
  const width = Math.max(1, columns);
  let total = 0;
  for (const part of styled) total += textWidth(part.text);
  if (total <= width) return [styled];
  const units = unitsOf(styled);
  const isCode = (span: number): boolean => styled[span]!.style?.role === 'code';
  const lines: StyledLine[] = [];
  let start = 0;
  let used = 0;
  let good = -1;
  let poor = -1;
  let i = 0;
  while (i < units.length) {
    const unit = units[i]!;
    if (i > start) {
      const quality = breakBetween(units[i - 1]!, unit, isCode);
      if (quality === 'good') good = i;
      else if (quality === 'poor') poor = i;
    }
    if (used + unit.width <= width || i === start || unit.text === ' ') {
      used += unit.width;
      i++;
      continue;
    }
    let at = good > start ? good : poor > start ? poor : forced(units, start, i);
    lines.push(toSpans(styled, trimmed(units, start, at)));
    while (at < units.length && units[at]!.text === ' ') at++;
    start = at;
    i = at;
    used = 0;
    good = -1;
    poor = -1;
  }
  if (start < units.length) lines.push(toSpans(styled, trimmed(units, start, units.length)));
  return lines;
}

/** `wrapLine` for plain text of one paragraph. */
export function wrapText(text: string, columns: number): string[] {
  return wrapLine([{ text }], columns).map((parts) => parts.map((part) => part.text).join(''));
}
