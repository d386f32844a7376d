/** Cutting and padding by columns, never through the middle of a wide glyph. */
import type { Role, Span, Style, StyledLine } from './styled.js';
import { charWidth, glyphs, textWidth } from './width.js';

/** Columns of a styled line. */
export function lineWidth(styled: StyledLine): number {
  let width = 0;
  for (const part of styled) width += textWidth(part.text);
  return width;
}

/** The longest beginning of `text` that fits into `columns`, with the columns it takes. */
export function takeColumns(text: string, columns: number): { readonly text: string; readonly width: number } {
  let width = 0;
  let end = 0;
  for (const char of text) {
    const next = width + charWidth(char.codePointAt(0)!);
    if (next > columns) break;
    width = next;
    end += char.length;
  }
  return { text: text.slice(0, end), width };
}

/** `text` cut to `columns`, the cut shown by `…`. */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns <= 0) return '';
  return `${takeColumns(text, columns - 1).text}…`;
}

/** Like `truncate`, but keeps the end: for paths, whose last part tells most. */
export function truncateStart(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns <= 0) return '';
  const all = glyphs(text);
  let width = 1;
  let from = all.length;
  while (from > 0 && width + all[from - 1]!.width <= columns) width += all[--from]!.width;
  return `…${all
    .slice(from)
    .map((g) => g.text)
    .join('')}`;
}

/** Exactly `columns` wide: cut or filled with blanks. */
export function pad(text: string, columns: number, align: 'left' | 'right' | 'centre' = 'left'): string {
  const cut = truncate(text, columns);
  const missing = Math.max(0, columns - textWidth(cut));
  if (align === 'right') return ' '.repeat(missing) + cut;
  if (align === 'centre') return ' '.repeat(missing >> 1) + cut + ' '.repeat(missing - (missing >> 1));
  return cut + ' '.repeat(missing);
}

/** A styled line cut to `columns`, the cut shown by `…` in the style of what was cut. */
export function truncateLine(styled: StyledLine, columns: number): StyledLine {
  if (lineWidth(styled) <= columns) return styled;
  const kept: Span[] = [];
  let left = columns - 1;
  for (const part of styled) {
    const width = textWidth(part.text);
    if (width <= left) {
      kept.push(part);
      left -= width;
      continue;
    }
    if (columns > 0) kept.push({ ...part, text: `${takeColumns(part.text, left).text}…` });
    break;
  }
  return kept;
}

/** A styled line made exactly `columns` wide; the filling has style `fill`. */
export function padLine(styled: StyledLine, columns: number, fill?: Style): StyledLine {
  const cut = truncateLine(styled, columns);
  const missing = columns - lineWidth(cut);
  if (missing <= 0) return cut;
  return [...cut, fill === undefined ? { text: ' '.repeat(missing) } : { text: ' '.repeat(missing), style: fill }];
}

/** The columns `from`…`to` (exclusive) of a line, exactly `to - from` wide where the line is long enough; half a wide glyph becomes a blank. */
export function sliceLine(styled: StyledLine, from: number, to: number): StyledLine {
  const kept: Span[] = [];
  let column = 0;
  for (const part of styled) {
    if (column >= to) break;
    const width = textWidth(part.text);
    if (column >= from && column + width <= to) kept.push(part);
    else if (column + width > from) {
      let text = '';
      let at = column;
      for (const glyph of glyphs(part.text)) {
        const end = at + glyph.width;
        if (at >= from && end <= to) text += glyph.text;
        else text += ' '.repeat(Math.max(0, Math.min(end, to) - Math.max(at, from)));
        at = end;
      }
      if (text !== '') kept.push({ ...part, text });
    }
    column += width;
  }
  return kept;
}

/** The same line with every span that has no role of its own put into `role`. */
export function inRole(styled: StyledLine, role: Role): StyledLine {
  return styled.map((part) => (part.style?.role === undefined ? { ...part, style: { ...part.style, role } } : part));
}
