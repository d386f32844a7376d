/** Markdown inside a line: from marked's inline tokens to spans. */
import type { Token, Tokens } from 'marked';
import { sanitise } from './sanitise.js';
import type { Role, Span, Style } from './styled.js';
import { charWidth } from './width.js';

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  apos: "'",
  nbsp: '\u00a0',
};

/** Marked leaves entities as they were written; a terminal has to show the character. */
function decodeEntities(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39|apos|nbsp);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

function isWide(char: string | undefined): boolean {
  return char !== undefined && charWidth(char.codePointAt(0)!) === 2;
}

/** `，`, `：`, `（` … take the room of a blank themselves. */
function isWideMark(char: string | undefined): boolean {
  return char !== undefined && /[\u3001-\u3011\uff01-\uff1f]/.test(char);
}

/** A line break in the source is a blank between Latin words and nothing between Chinese characters or beside their marks. */
function joinLines(text: string): string {
  return text.replace(/[ \t]*\n[ \t]*/g, (_, offset: number, whole: string) => {
    const before = whole.slice(0, offset).at(-1);
    const after = [...whole.slice(offset).trimStart()][0];
    const isChinese = (isWide(before) && isWide(after)) || isWideMark(before) || isWideMark(after);
    return isChinese ? '' : ' ';
  });
}

/** Marks a hard line break (`<br>`, two blanks at the end of a line) in a list of spans. */
export const HARD_BREAK: Span = { text: '\n' };

function styled(style: Style, more: Style): Style {
  return { ...style, ...more };
}

function pushText(out: Span[], text: string, style: Style): void {
  const clean = sanitise(joinLines(decodeEntities(text)));
  if (clean === '') return;
  out.push(Object.keys(style).length === 0 ? { text: clean } : { text: clean, style });
}

function isToken<T extends Tokens.Generic>(token: Token, type: T['type']): token is Token & T {
  return token.type === type;
}

/** HTML tags that mean something in a terminal; others vanish, their content stays. */
function htmlStyle(tag: string): Style | null {
  const name = /^<\s*([a-z]+)/i.exec(tag)?.[1]?.toLowerCase();
  if (name === 'kbd') return { role: 'key' };
  if (name === 'b' || name === 'strong') return { bold: true };
  if (name === 'em' || name === 'i') return { italic: true };
  if (name === 'code') return { role: 'code' };
  return null;
}

/** The spans of inline tokens; `base` is the style around them, a heading's for example. */
export function inlineSpans(tokens: readonly Token[], base: Style = {}): Span[] {
  const out: Span[] = [];
  let open: Style = {};
  for (const token of tokens) {
    const style = styled(base, open);
    if (isToken<Tokens.Text>(token, 'text')) {
      if (token.tokens !== undefined) out.push(...inlineSpans(token.tokens, style));
      else pushText(out, token.text, style);
    } else if (isToken<Tokens.Escape>(token, 'escape')) pushText(out, token.text, style);
    else if (isToken<Tokens.Strong>(token, 'strong')) out.push(...inlineSpans(token.tokens, strong(style)));
    else if (isToken<Tokens.Em>(token, 'em')) out.push(...inlineSpans(token.tokens, { ...style, italic: true }));
    else if (isToken<Tokens.Del>(token, 'del')) out.push(...inlineSpans(token.tokens, { ...style, strike: true }));
    else if (isToken<Tokens.Codespan>(token, 'codespan')) {
      const text = sanitise(joinLines(token.text));
      out.push({ text, style: { ...style, role: 'code' }, target: token.text });
    } else if (isToken<Tokens.Br>(token, 'br')) out.push(HARD_BREAK);
    else if (isToken<Tokens.Link>(token, 'link')) {
      out.push(
        ...inlineSpans(token.tokens, { ...style, role: 'link', underline: true }).map((s) => ({
          ...s,
          target: token.href,
        })),
      );
      if (token.href !== token.text && !token.href.startsWith('#'))
        pushText(out, ` (${token.href})`, { ...style, role: 'muted' });
    } else if (isToken<Tokens.Image>(token, 'image')) pushText(out, `[${token.text}]`, { ...style, role: 'muted' });
    else if (isToken<Tokens.HTML>(token, 'html')) {
      if (/^<br\s*\/?>$/i.test(token.raw)) out.push(HARD_BREAK);
      else if (token.raw.startsWith('</')) open = {};
      else open = htmlStyle(token.raw) ?? open;
    } else if (!isToken<Tokens.Checkbox>(token, 'checkbox')) pushText(out, token.raw, style);
  }
  return out;
}

function strong(style: Style): Style {
  const role: Role = style.role ?? 'strong';
  return { ...style, role, bold: true };
}

/** Split spans at hard line breaks. */
export function splitHard(spans: readonly Span[]): Span[][] {
  const lines: Span[][] = [[]];
  for (const part of spans) {
    if (part === HARD_BREAK) lines.push([]);
    else lines.at(-1)!.push(part);
  }
  return lines;
}
