/**
 * Markdown to styled lines. Uses marked's lexer; the rendering is our own because marked-terminal neither wraps
 * Chinese nor shows marks inside list items.
 */
import { Lexer, lexer, type Token, type Tokens } from 'marked';
import { HARD_BREAK, inlineSpans, splitHard } from './markdown-inline.js';
import { sanitise, sanitiseLines } from './sanitise.js';
import type { Span, Style, StyledLine } from './styled.js';
import { type Align, tableLines } from './table.js';
import { textWidth } from './width.js';
import { wrapLine } from './wrap.js';

export interface MarkdownStyle {
  /** Where rows are dear: commands have a bar at their left and no frame above and below. */
  readonly compact?: boolean;
}

const BULLETS = ['•', '◦', '▪'];
const RULE: Style = { role: 'frame' };

function paragraph(spans: readonly Span[], columns: number): StyledLine[] {
  return splitHard(spans).flatMap((part) => wrapLine(part, columns));
}

/**
 * A block of commands in a frame. The frame stands left and above, never right: what is selected with the mouse is then
 * the command alone. A command wider than the pane goes on behind `┊`, so that the break is not taken for a new command.
 */
function codeBlock(token: Tokens.Code, columns: number, { compact }: MarkdownStyle): StyledLine[] {
  const label = token.lang?.split(/\s+/, 1)[0] ?? '';
  const frame: Style = { role: 'code-frame' };
  const inner = Math.max(1, columns - 2);
  const top = label === '' ? '┌' : `┌ ${sanitise(label)} `;
  const lines: StyledLine[] = [];
  if (compact !== true)
    lines.push([{ text: top + '─'.repeat(Math.max(0, Math.min(columns, 40) - textWidth(top))), style: frame }]);
  for (const text of sanitiseLines(token.text)) {
    const whole: Span = { text, style: { role: 'code' }, target: text };
    for (const [index, part] of wrapCommand(whole, inner).entries())
      lines.push([{ text: index === 0 ? '│ ' : '┊ ', style: frame }, ...part]);
  }
  if (compact !== true) lines.push([{ text: `└${'─'.repeat(Math.max(0, Math.min(columns, 40) - 1))}`, style: frame }]);
  return lines;
}

/** Break a command at blanks, keeping every other character as it is; the blanks at its start too. */
function wrapCommand(whole: Span, columns: number): StyledLine[] {
  const indent = /^ */.exec(whole.text)![0];
  if (indent.length >= columns) return [[whole]];
  const body = wrapLine([{ ...whole, text: whole.text.slice(indent.length) }], columns - indent.length);
  return body.map((part) => [{ text: indent }, ...part]);
}

function heading(token: Tokens.Heading, columns: number): StyledLine[] {
  const style: Style = { role: 'heading', bold: true };
  const lines = paragraph(inlineSpans(token.tokens, style), columns);
  if (token.depth === 1) {
    const width = Math.min(columns, Math.max(...lines.map((l) => l.reduce((n, s) => n + textWidth(s.text), 0))));
    lines.push([{ text: '━'.repeat(width), style: { role: 'heading' } }]);
  }
  return lines;
}

function indented(lines: readonly StyledLine[], first: Span, rest: string): StyledLine[] {
  return lines.map((styled, index) => [index === 0 ? first : { text: rest }, ...styled]);
}

function list(token: Tokens.List, columns: number, depth: number, style: MarkdownStyle): StyledLine[] {
  const out: StyledLine[] = [];
  const start = typeof token.start === 'number' ? token.start : 1;
  const digits = String(start + token.items.length - 1).length;
  for (const [index, item] of token.items.entries()) {
    const bullet = item.task
      ? item.checked === true
        ? '[x] '
        : '[ ] '
      : token.ordered
        ? `${String(start + index).padStart(digits)}. `
        : `${BULLETS[depth % BULLETS.length]} `;
    const width = textWidth(bullet);
    const body = blocks(item.tokens, Math.max(1, columns - width), depth + 1, item.loose, style);
    const mark: Span = { text: bullet, style: { role: 'accent' } };
    out.push(...indented(body.length === 0 ? [[]] : body, mark, ' '.repeat(width)));
    if (token.loose && index < token.items.length - 1) out.push([]);
  }
  return out;
}

function quote(token: Tokens.Blockquote, columns: number, depth: number, style: MarkdownStyle): StyledLine[] {
  const bar: Span = { text: '▎ ', style: { role: 'quote' } };
  return blocks(token.tokens, Math.max(1, columns - 2), depth, true, style).map((styled) => [
    bar,
    ...styled.map((s): Span => (s.style?.role === undefined ? { ...s, style: { ...s.style, role: 'quote' } } : s)),
  ]);
}

function table(token: Tokens.Table, columns: number): StyledLine[] {
  const aligns = token.align.map((a): Align => (a === 'center' ? 'centre' : (a ?? 'left')));
  const cells = (row: readonly Tokens.TableCell[]): StyledLine[] => row.map((cell) => inlineSpans(cell.tokens));
  return tableLines(cells(token.header), token.rows.map(cells), aligns, columns);
}

function block(token: Token, columns: number, depth: number, style: MarkdownStyle): StyledLine[] {
  switch (token.type) {
    case 'heading':
      return heading(token as Tokens.Heading, columns);
    case 'paragraph':
      return paragraph(inlineSpans((token as Tokens.Paragraph).tokens), columns);
    case 'text':
      return paragraph(inlineSpans([token]), columns);
    case 'code':
      return codeBlock(token as Tokens.Code, columns, style);
    case 'list':
      return list(token as Tokens.List, columns, depth, style);
    case 'blockquote':
      return quote(token as Tokens.Blockquote, columns, depth, style);
    case 'table':
      return table(token as Tokens.Table, columns);
    case 'hr':
      return [[{ text: '─'.repeat(columns), style: RULE }]];
    case 'html':
      return paragraph(
        inlineSpans([{ type: 'text', raw: token.raw, text: token.raw.replace(/<!--[\s\S]*?-->|<[^>]*>/g, '').trim() }]),
        columns,
      ).filter((l) => l.length > 0);
    default:
      return [];
  }
}

/** Blocks one under another; `airy` puts an empty line between them. */
function blocks(
  tokens: readonly Token[],
  columns: number,
  depth: number,
  airy: boolean,
  style: MarkdownStyle,
): StyledLine[] {
  const out: StyledLine[] = [];
  for (const token of tokens) {
    const lines = block(token, columns, depth, style);
    if (lines.length === 0) continue;
    if (airy && out.length > 0) out.push([]);
    out.push(...lines);
  }
  return out;
}

/** A markdown text as lines of at most `columns` columns (framed commands included). */
export function markdownLines(source: string, columns: number, style: MarkdownStyle = {}): StyledLine[] {
  return blocks(lexer(source), Math.max(1, columns), 0, true, style);
}

/** Markdown of one paragraph, a goal or a question: spans without breaks. */
export function inlineMarkdown(source: string, base: Style = {}): Span[] {
  return inlineSpans(Lexer.lexInline(source), base).map((part) => (part === HARD_BREAK ? { text: ' ' } : part));
}
