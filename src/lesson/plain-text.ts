/** A step as lines of text: the same facts as the full screen, for plain mode, screen readers, logs. */

import type { GoalStatus } from './goals.js';
import type { LessonSession } from './session.js';
import type { Bilingual, Language } from './types.js';

const WORDS = {
  step: { en: 'Step', zh: '步骤' },
  goals: { en: 'Goals', zh: '目标' },
  met: { en: '[met]', zh: '[已达成]' },
  notYet: { en: '[not yet]', zh: '[未达成]' },
  broken: { en: '[met, now broken]', zh: '[曾达成，现已破坏]' },
  couldNotMeasure: { en: '[could not be measured]', zh: '[无法测量]' },
  because: { en: 'because', zh: '因为' },
  expected: { en: 'expected', zh: '期望' },
  read: { en: 'read from', zh: '来源' },
  right: { en: 'right', zh: '正确' },
  wrong: { en: 'wrong', zh: '不正确' },
  chosen: { en: 'you chose', zh: '你选择了' },
  truth: { en: 'the truth', zh: '真实结果' },
  engine: { en: 'What a container engine does in the same place', zh: '容器引擎在同一位置的做法' },
  hint: { en: 'Hint', zh: '提示' },
  kept: { en: 'from an earlier step', zh: '来自前面的步骤' },
} satisfies Record<string, Bilingual>;

export type PlainWord = keyof typeof WORDS;

export function word(name: PlainWord, language: Language): string {
  return WORDS[name][language];
}

/** Markdown is readable as it is; only the emphasis marks go, and code fences become indentation. */
export function plainMarkdown(markdown: string): string {
  let code = false;
  const out: string[] = [];
  for (const line of markdown.split('\n')) {
    if (/^ {0,3}(```|~~~)/.test(line)) {
      code = !code;
      continue;
    }
    out.push(
      code
        ? `    ${line}`
        : line
            .replace(/^#{1,6} /, '')
            .replace(/\*\*([^*]+)\*\*/g, '$1')
            .replace(/(^|[^*\w])\*([^*\s][^*]*)\*/g, '$1$2')
            .replace(/`([^`]+)`/g, '$1'),
    );
  }
  return out.join('\n');
}

/** How the words of a lesson become lines: as they are, or as a terminal shows them. */
export type MarkdownLines = (markdown: string) => string;

/** Words of a goal: the author's, or those of the check. */
export function goalLabel(session: LessonSession, goal: GoalStatus): Bilingual {
  const own = session.text((text) => text.goals[goal.id] ?? '', goal.step);
  const expected = goal.result?.expected ?? { en: goal.id, zh: goal.id };
  return { en: own.en || expected.en, zh: own.zh || expected.zh };
}

/** "not yet, because …": what was expected, what was seen, and where it was read. */
export function because(goal: GoalStatus): Bilingual | null {
  const { result } = goal;
  if (!result || goal.state === 'met') return null;
  return {
    en: `expected: ${result.expected.en}; observed: ${result.observed.en} (${result.source})`,
    zh: `期望：${result.expected.zh}；观察到：${result.observed.zh}（${result.source}）`,
  };
}

export function renderGoals(session: LessonSession, language: Language): string[] {
  const lines: string[] = [];
  for (const goal of session.goals) {
    const kept = goal.kept ? ` (${word('kept', language)})` : '';
    lines.push(`${word(goal.state, language)} ${goalLabel(session, goal)[language]}${kept}`);
    const why = because(goal);
    if (why) lines.push(`    ${why[language]}`);
  }
  return lines;
}

/** The whole page of the present step. */
export function renderStep(
  session: LessonSession,
  language: Language,
  markdown: MarkdownLines = plainMarkdown,
): string {
  const { step } = session;
  const lines = [
    `== ${session.lesson.text[language].title}: ${word('step', language)} ${session.stepIndex + 1}/${session.steps.length}: ${session.text((text) => text.title)[language]} ==`,
    '',
    markdown(session.text((text) => text.body)[language]),
  ];
  const question = session.text((text) => text.question)[language];
  if (question !== '') lines.push('', markdown(question));
  step.predict?.options.forEach((option, index) => {
    lines.push(`  ${'abcdefgh'[index]!}) ${markdown(session.text((text) => text.options[option.id] ?? '')[language])}`);
  });
  lines.push(...renderVerdict(session, language, markdown));
  if (session.goals.length > 0) lines.push('', `${word('goals', language)}:`, ...renderGoals(session, language));
  for (const hint of session.hintsGiven)
    lines.push('', `${word('hint', language)}: ${markdown(session.hintText(hint)[language])}`);
  if (session.complete) {
    const engine = session.text((text) => text.engine)[language];
    if (engine !== '') lines.push('', `${word('engine', language)}:`, markdown(engine));
  }
  return lines.join('\n');
}

/** What became of a prediction or an answer. */
export function renderVerdict(
  session: LessonSession,
  language: Language,
  markdown: MarkdownLines = plainMarkdown,
): string[] {
  const { question, step } = session;
  const lines: string[] = [];
  if (step.predict && question.chosen !== null) {
    const letter = (index: number): string => 'abcdefgh'[index]!;
    lines.push(
      '',
      `${word('chosen', language)}: ${letter(question.chosen)}; ${word('truth', language)}: ${question.truth === null ? '?' : letter(question.truth)}${question.measured === null ? '' : ` (${question.measured})`}`,
    );
  }
  if (step.answer && question.verdict !== null)
    lines.push('', `${question.given ?? ''}: ${word(question.verdict, language)}`);
  const why = session.text((text) => text.why)[language];
  if (session.complete && why !== '') lines.push('', markdown(why));
  return lines;
}
