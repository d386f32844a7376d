import { type Bilingual, type Language, pick } from '../i18n/text.js';
import { textWidth } from '../tui/text/width.js';
import type { Report } from './report.js';
import type { Group, Row, Status } from './types.js';

const GROUPS: Readonly<Record<Group, Bilingual>> = {
  lab: { en: 'Lab', zh: '实验室' },
  machine: { en: 'Machine', zh: '机器' },
  namespaces: { en: 'Namespaces', zh: '命名空间' },
  files: { en: 'Files and mounts', zh: '文件与挂载' },
  cgroups: { en: 'Control groups', zh: '控制组' },
  network: { en: 'Network', zh: '网络' },
  security: { en: 'Security and devices', zh: '安全与设备' },
  terminal: { en: 'Terminal', zh: '终端' },
  programs: { en: 'Programs', zh: '程序' },
};

/** A word for each status: never colour alone. */
const STATUS: Readonly<Record<Status, Bilingual>> = {
  ok: { en: 'ok', zh: '正常' },
  weaker: { en: 'weaker', zh: '较弱' },
  missing: { en: 'MISSING', zh: '缺失' },
  unknown: { en: 'unknown', zh: '未知' },
};

const COLOUR: Readonly<Record<Status, number>> = { ok: 32, weaker: 33, missing: 31, unknown: 36 };

const WORDS = {
  for: { en: 'for', zh: '用途' },
  do: { en: 'do', zh: '处理' },
  run: { en: 'run', zh: '运行' },
  colon: { en: ': ', zh: '：' },
  found: { en: '{count} found: {names}', zh: '已找到 {count} 个：{names}' },
  lessons: { en: 'Lessons', zh: '课程' },
  allRun: { en: 'all {count} run here', zh: '全部 {count} 课均可运行' },
  someRun: { en: '{runs} of {count} run here', zh: '{count} 课中有 {runs} 课可运行' },
  noLessons: { en: 'none is installed', zh: '尚未安装课程' },
  cannotRun: { en: '{id} does not run: {missing} is missing', zh: '{id} 无法运行，缺少：{missing}' },
  ready: { en: 'The lab runs here, with everything.', zh: '实验室可以在此运行，一切齐备。' },
  weaker: {
    en: 'The lab runs here; the rows above say what is weaker or missing.',
    zh: '实验室可以在此运行；上面列出了较弱或缺失的部分。',
  },
  cannot: {
    en: 'No lab runs here yet. It cannot do without: {names}.',
    zh: '实验室暂时无法在此运行。不可或缺的是：{names}。',
  },
} as const satisfies Record<string, Bilingual>;

export interface RenderOptions {
  readonly language: Language;
  readonly color: boolean;
}

/** The report as lines: one a row, with its purpose and remedy below it where it is not ok. */
export function renderReport(report: Report, { language, color }: RenderOptions): string {
  const t = (text: Bilingual, values?: Record<string, string | number>) => pick(text, language, values);
  const paint = (text: string, code: number) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const status = (row: Row) => paint(pad(t(STATUS[row.status]), 7), COLOUR[row.status]);
  const label = (word: Bilingual) => `${t(word)}${t(WORDS.colon)}`;
  const lines: string[] = [];
  for (const group of Object.keys(GROUPS) as Group[]) {
    const rows = report.rows.filter((row) => row.group === group);
    if (rows.length === 0) continue;
    lines.push(paint(t(GROUPS[group]), 1));
    const widest = Math.max(...rows.map((row) => textWidth(t(row.name))));
    const brief = group === 'programs' ? rows.filter((row) => row.status === 'ok') : [];
    if (brief.length > 0) {
      const names = brief.map((row) => t(row.name)).join(' ');
      lines.push(`  ${paint(pad(t(STATUS.ok), 7), COLOUR.ok)}  ${t(WORDS.found, { count: brief.length, names })}`);
    }
    for (const row of rows) {
      if (brief.includes(row)) continue;
      lines.push(`  ${status(row)}  ${pad(t(row.name), widest)}  ${t(row.found)}`);
      if (row.status === 'ok') continue;
      lines.push(`           ${label(WORDS.for)}${t(row.purpose)}`);
      if (row.remedy !== null) lines.push(`           ${label(WORDS.do)}${t(row.remedy)}`);
      if (row.command !== null) lines.push(`           ${label(WORDS.run)}${row.command}`);
    }
    lines.push('');
  }
  lines.push(paint(t(WORDS.lessons), 1), ...lessonLines(report, t), '', verdictLine(report, t));
  return `${lines.join('\n')}\n`;
}

/** Without a lab: what it cannot do without and what is not known to be there; else a word on the whole. */
function verdictLine({ verdict, rows }: Report, t: Translate): string {
  if (verdict !== 'cannot') return t(WORDS[verdict]);
  const needed = rows.filter((row) => row.essential && row.status !== 'ok' && row.status !== 'weaker');
  return t(WORDS.cannot, { names: needed.map((row) => t(row.name)).join(', ') });
}

type Translate = (text: Bilingual, values?: Record<string, string | number>) => string;

function lessonLines({ lessons, rows }: Report, t: Translate): string[] {
  if (lessons.length === 0) return [`  ${t(WORDS.noLessons)}`];
  const runs = lessons.filter((one) => one.runs === 'yes').length;
  const count = lessons.length;
  const name = (id: string) => {
    const row = rows.find((one) => one.id === id);
    return row === undefined ? id : t(row.name);
  };
  const rest = lessons.flatMap(({ id, runs: verdict, missing }) => {
    if (verdict === 'yes') return [];
    return [`  ${t(WORDS.cannotRun, { id, missing: missing.map(name).join(', ') })}`];
  });
  return [`  ${runs === count ? t(WORDS.allRun, { count }) : t(WORDS.someRun, { runs, count })}`, ...rest];
}

function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - textWidth(text)));
}
