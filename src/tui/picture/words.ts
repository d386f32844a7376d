/** Words of the picture in both languages. What ip(8), iptables(8) and the kernel name themselves is not translated. */
import type { Bilingual } from '../../../engine/api/types.js';
import type { Lang } from '../panel.js';

export const WORDS = {
  labHost: { en: 'lab host', zh: '实验主机' },
  container: { en: 'container', zh: '容器' },
  up: { en: 'up', zh: '启用' },
  noCarrier: { en: 'no carrier', zh: '无载波' },
  down: { en: 'down', zh: '停用' },
  new: { en: 'new', zh: '新增' },
  changed: { en: 'changed', zh: '变更' },
  removed: { en: 'gone', zh: '已消失' },
  ghost: { en: 'goal', zh: '目标' },
  waiting: { en: 'reading the kernel …', zh: '正在读取内核状态……' },
  nothing: { en: 'nothing here yet', zh: '这里还没有内容' },
  noMatch: { en: 'nothing matches the filter', zh: '没有符合筛选条件的内容' },
  unnamed: { en: 'any name', zh: '名称自定' },
  couldNotRead: { en: 'could not be read', zh: '无法读取' },
} as const satisfies Record<string, Bilingual>;

export type Word = keyof typeof WORDS;

export function word(name: Word, lang: Lang): string {
  return WORDS[name][lang];
}

/** `1 process`, `2 processes`; `2 个进程`. */
export function counted(count: number, lang: Lang, en: readonly [one: string, many: string], zh: string): string {
  return lang === 'zh' ? `${count} ${zh}` : `${count} ${count === 1 ? en[0] : en[1]}`;
}

/** `+3 more`; `另有 3 项`. */
export function more(count: number, lang: Lang): string {
  return lang === 'zh' ? `+${count} 项未显示` : `+${count} more`;
}

/** Why part of the snapshot is missing. */
export function problemText(reason: string, lang: Lang): string {
  return `! ${word('couldNotRead', lang)}${lang === 'zh' ? '：' : ': '}${reason}`;
}
