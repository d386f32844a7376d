/**
 * Markdown for a terminal that is written to line by line (`glassbox learn --plain`): marked-terminal renders, our own
 * wrap breaks the lines, because it alone knows where Chinese may be broken. Loaded when first wanted: it costs 0.2 s.
 */
import type { Tokens } from 'marked';
import type { Span } from '../tui/text/styled.js';
import { textWidth } from '../tui/text/width.js';
import { wrapLine } from '../tui/text/wrap.js';

export interface MarkdownLook {
  readonly columns: number;
  /** Emphasis by SGR attributes (bold, underline …), never by hue alone. */
  readonly color: boolean;
}

export type RenderMarkdown = (markdown: string, look: MarkdownLook) => string;

/** Lines are not made wider than this, however wide the terminal: longer ones are hard to read. */
const WIDEST = 100;
/** Stands before a line that must stay whole (commands, tables). marked-terminal removes controls from what it reads. */
const WHOLE = '\u0001';
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const SGR = /(\u001b\[[\d;]*m)/;
const RESET = '\u001b[0m';

/** SGR attributes on and off; ECMA-48 8.3.117. */
const LOOKS = { strong: [1, 22], em: [3, 23], code: [36, 39], heading: [1, 22], del: [9, 29], quote: [2, 22] } as const;

export async function loadTerminalMarkdown(): Promise<RenderMarkdown> {
  const [{ Marked }, { markedTerminal }] = await Promise.all([import('marked'), import('marked-terminal')]);
  const build = (color: boolean) => {
    const paint =
      (look: keyof typeof LOOKS) =>
      (text: string): string =>
        color ? `\u001b[${LOOKS[look][0]}m${text}\u001b[${LOOKS[look][1]}m` : text;
    const whole = (text: string): string => text.replace(/^/gm, WHOLE);
    const asIs = (text: string): string => text;
    const base = markedTerminal({
      heading: paint('heading'),
      firstHeading: paint('heading'),
      strong: paint('strong'),
      em: paint('em'),
      del: paint('del'),
      blockquote: paint('quote'),
      hr: () => '-'.repeat(8),
      html: (text) => text.replace(/<br *\/?>/g, '\n').replace(/<!--[\s\S]*?-->|<[^>]*>/g, ''),
      table: whole,
      paragraph: asIs,
      listitem: asIs,
      tableOptions: { style: { head: [], border: [] } },
      emoji: false,
      showSectionPrefix: false,
      tab: 2,
    });
    return new Marked(base, {
      renderer: {
        // marked-terminal 7.3 prints the marks of emphasis in tight lists (its issue 371) and boxes of tasks twice,
        // colours code by the terminal of the process, and links as the environment says: here the look says it.
        text(token) {
          const inner = (token as Tokens.Text).tokens;
          return inner ? this.parser.parseInline(inner) : token.text.replace(CONTROLS, '');
        },
        checkbox: () => '',
        codespan: ({ text }) => paint('code')(text.replace(CONTROLS, '')),
        code: ({ text }) => `${whole(text.replace(CONTROLS, '').replace(/^/gm, '    '))}\n\n`,
        link({ href, tokens }) {
          const text = this.parser.parseInline(tokens);
          const target = href.replace(CONTROLS, '');
          return text === target ? text : `${text} (${target})`;
        },
      },
    });
  };
  const [coloured, bare] = [build(true), build(false)];
  return (markdown, { columns, color }) => {
    const width = Math.max(20, Math.min(columns, WIDEST));
    const text = (color ? coloured : bare).parse(markdown, { async: false });
    return joinParagraphs(text)
      .flatMap((line) => wrapped(line, width))
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .replace(/^\n+/, '')
      .trimEnd();
  };
}

/** A line break within a paragraph is a blank in Latin text and nothing between Chinese characters. */
function joinParagraphs(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const before = lines.at(-1);
    const starts = line.startsWith(WHOLE) || /^\s*(\* |\d+\. |$)/.test(bare(line));
    if (before === undefined || starts || before.startsWith(WHOLE) || bare(before).trim() === '') lines.push(line);
    else lines[lines.length - 1] = before.trimEnd() + (touchesHan(before, line) ? '' : ' ') + line.trimStart();
  }
  return lines;
}

const bare = (line: string): string =>
  line
    .split(SGR)
    .filter((_, index) => index % 2 === 0)
    .join('');

function touchesHan(before: string, after: string): boolean {
  const wide = /[\p{Script=Han}\u3000-\u303f\uff00-\uff60]/u;
  return wide.test([...bare(before).trimEnd()].at(-1) ?? '') && wide.test([...bare(after).trimStart()][0] ?? '');
}

/** A span that knows the attributes in force in it. */
interface Painted extends Span {
  readonly sgr: string;
}

/** One line as lines of at most `columns`; those after the first stand below the text of a list item. */
function wrapped(line: string, columns: number): string[] {
  if (line.startsWith(WHOLE)) return [line.slice(WHOLE.length)];
  if (textWidth(bare(line)) <= columns) return [line.trimEnd()];
  const indent = /^\s*(\* |\d+\. )?/.exec(bare(line))![0].length;
  const spans: Painted[] = [];
  let on: readonly number[] = [];
  for (const [index, part] of line.split(SGR).entries()) {
    if (index % 2 === 1) on = attributes(on, Number.parseInt(part.slice(2), 10));
    else if (part !== '') spans.push({ text: part, sgr: on.length === 0 ? '' : `\u001b[${on.join(';')}m` });
  }
  const [head, ...rest] = dropColumns(spans, indent);
  const body = wrapLine(head === undefined ? [] : [head, ...rest], Math.max(10, columns - indent));
  return body.map((parts, index) => {
    const text = parts.map((part) =>
      isPainted(part) && part.sgr !== '' ? `${part.sgr}${part.text}${RESET}` : part.text,
    );
    return (index === 0 ? bare(line).slice(0, indent) : ' '.repeat(indent)) + text.join('');
  });
}

/** The attributes in force after one more. 22 ends bold and dim alike. */
function attributes(on: readonly number[], code: number): readonly number[] {
  const ends = Object.values(LOOKS).flatMap(([start, end]): number[] => (end === code ? [start] : []));
  return ends.length === 0 ? [...on, code] : on.filter((one) => !ends.includes(one));
}

const isPainted = (part: Span): part is Painted => 'sgr' in part;

/** Without the first `count` characters, which are blanks, a bullet or a number. */
function dropColumns(spans: readonly Painted[], count: number): Painted[] {
  let left = count;
  return spans.flatMap((part) => {
    const cut = Math.min(left, part.text.length);
    left -= cut;
    return cut === part.text.length ? [] : [{ ...part, text: part.text.slice(cut) }];
  });
}
