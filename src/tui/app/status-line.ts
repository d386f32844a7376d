/** The last row: what the keys do now. Pure. */
import type { AppCommand } from '../lesson-view.js';
import { shownKey } from '../overlay/windows.js';
import type { KeyHint, Lang } from '../panel.js';
import { text } from '../strings.js';
import { type Span, type StyledLine, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';

export interface StatusContent {
  readonly lang: Lang;
  readonly mode: 'keys' | 'prefix' | 'filter';
  readonly shellFocused: boolean;
  /** Of the focused pane, then of the frame: the first few that fit are shown. */
  readonly hints: readonly KeyHint[];
  readonly filter: string;
  readonly scrolledUp: number;
  /** At the right end. */
  readonly right: string;
}

/** Hints of commands for the status line. */
export function commandHints(commands: readonly AppCommand[], ids: readonly string[]): KeyHint[] {
  return ids.flatMap((id) => {
    const command = commands.find((c) => c.id === id);
    const key = command?.keys[0];
    return command === undefined || key === undefined || command.available?.() === false
      ? []
      : [{ key: shownKey(key), text: command.title }];
  });
}

/** The first part of a hint's text is enough here: up to the first colon or bracket. */
function brief(hint: string): string {
  return hint.split(/[:：(（,，]/, 1)[0]!.trim();
}

export function statusLine(content: StatusContent, width: number): StyledLine {
  const { lang } = content;
  const bar = { role: 'bar' as const };
  if (content.mode === 'filter')
    return [span(` ${text('filterPrompt', lang)}`, 'bar-key'), span(content.filter, 'bar')];
  const spans: Span[] = [{ text: ' ', style: bar }];
  let used = 1;
  const push = (key: string, body: string): boolean => {
    const size = textWidth(key) + textWidth(body) + 3;
    if (used + size > width - textWidth(content.right) - 1) return false;
    spans.push(span(key, 'bar-key'), { text: ` ${body}  `, style: bar });
    used += size;
    return true;
  };
  if (content.mode === 'prefix') {
    spans.push({ text: 'Ctrl-G … ', style: { role: 'bar-key', inverse: true } });
    used += textWidth('Ctrl-G … ');
    push('Esc', text('cancel', lang));
  } else if (content.scrolledUp > 0) push('↑', text('scrolled', lang, { lines: content.scrolledUp }));
  else if (content.shellFocused) push('Ctrl-G', text('afterPrefix', lang));
  for (const hint of content.hints) if (!push(hint.key, brief(hint.text[lang]))) break;
  spans.push({
    text: ' '.repeat(Math.max(0, width - used - textWidth(content.right) - 1)) + content.right,
    style: bar,
  });
  return spans;
}
