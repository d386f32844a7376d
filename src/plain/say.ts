/** How plain text is put together: sentences in one language, indented by depth. */
import type { Bilingual } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import type { Mark } from '../tui/viewmodels/marks.js';

const INDENT = '  ';

export function indented(depth: number, text: string): string {
  return INDENT.repeat(depth) + text;
}

/** `label: value`, with the colon of the language. */
export function labelled(label: string, value: string, lang: Lang): string {
  return lang === 'zh' ? `${label}：${value}` : `${label}: ${value}`;
}

/** Parts of a sentence, joined by the comma of the language. */
export function listed(parts: readonly string[], lang: Lang): string {
  return parts.filter((part) => part !== '').join(lang === 'zh' ? '，' : ', ');
}

/** Names, joined by the comma for enumerations. */
export function enumerated(names: readonly string[], lang: Lang): string {
  return names.join(lang === 'zh' ? '、' : ', ');
}

export const MARKS: Readonly<Record<Mark, Bilingual>> = {
  new: { en: 'new', zh: '新增' },
  changed: { en: 'changed', zh: '有变更' },
  removed: { en: 'gone', zh: '已消失' },
  ghost: { en: 'goal, not there yet', zh: '目标，尚不存在' },
};

/** `text (new)`. */
export function marked(text: string, mark: Mark | null, lang: Lang): string {
  if (mark === null) return text;
  return lang === 'zh' ? `${text}（${MARKS[mark].zh}）` : `${text} (${MARKS[mark].en})`;
}
