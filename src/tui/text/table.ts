/** Tables by display width: columns fit the pane, cells wrap, Chinese stays aligned. */
import { lineWidth, padLine } from './fit.js';
import type { Span, StyledLine } from './styled.js';
import { wrapLine } from './wrap.js';

export type Align = 'left' | 'right' | 'centre';

const GAP = 3; // ` │ `
const NARROWEST = 4;

/** Widths of the columns: what they ask for, the widest ones giving way first until the table fits into `total`. */
export function columnWidths(wanted: readonly number[], total: number): number[] {
  const widths = wanted.map((w) => Math.max(1, w));
  const room = Math.max(widths.length, total - GAP * (widths.length - 1));
  let over = widths.reduce((a, b) => a + b, 0) - room;
  while (over > 0) {
    const widest = Math.max(...widths);
    if (widest <= 1) break;
    const at = widths.indexOf(widest);
    const next = Math.max(0, ...widths.filter((_, index) => index !== at));
    const step = Math.max(1, Math.min(over, widest - Math.max(next, NARROWEST)));
    widths[at] = widest - step;
    over -= step;
  }
  return widths;
}

function aligned(cell: StyledLine, width: number, align: Align): StyledLine {
  const missing = width - lineWidth(cell);
  if (missing <= 0 || align === 'left') return padLine(cell, width);
  const left = align === 'right' ? missing : missing >> 1;
  return padLine([{ text: ' '.repeat(left) }, ...cell], width);
}

/** A table as lines of at most `total` columns. `head` may be empty. */
export function tableLines(
  head: readonly StyledLine[],
  rows: readonly (readonly StyledLine[])[],
  aligns: readonly Align[],
  total: number,
): StyledLine[] {
  const columns = Math.max(head.length, ...rows.map((row) => row.length), 0);
  if (columns === 0) return [];
  const wanted: number[] = [];
  for (let c = 0; c < columns; c++) wanted.push(Math.max(...[head, ...rows].map((row) => lineWidth(row[c] ?? []))));
  const widths = columnWidths(wanted, total);
  const separator: Span = { text: ' │ ', style: { role: 'frame' } };
  const drawRow = (row: readonly StyledLine[]): StyledLine[] => {
    const cells = widths.map((width, c) => wrapLine(row[c] ?? [], width));
    const height = Math.max(1, ...cells.map((cell) => cell.length));
    const lines: StyledLine[] = [];
    for (let y = 0; y < height; y++) {
      const spans: Span[] = [];
      for (const [c, width] of widths.entries()) {
        if (c > 0) spans.push(separator);
        spans.push(...aligned(cells[c]?.[y] ?? [], width, aligns[c] ?? 'left'));
      }
      lines.push(spans);
    }
    return lines;
  };
  const lines: StyledLine[] = [];
  if (head.length > 0) {
    lines.push(...drawRow(head.map((cell) => cell.map((s) => ({ ...s, style: { ...s.style, bold: true } })))));
    lines.push([{ text: widths.map((w) => '─'.repeat(w)).join('─┼─'), style: { role: 'frame' } }]);
  }
  for (const row of rows) lines.push(...drawRow(row));
  return lines;
}
