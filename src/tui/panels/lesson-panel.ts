/** The lesson pane: the step's text, its question, its goals with their live state, and the hints given so far. */
import { keyId } from '../input/keys.js';
import type { GoalState, LessonGoal, LessonPage, LessonQuestion } from '../lesson-view.js';
import type { Lang, Panel, PanelView } from '../panel.js';
import { STRINGS, text } from '../strings.js';
import { padLine } from '../text/fit.js';
import { markdownLines } from '../text/markdown.js';
import { sanitise } from '../text/sanitise.js';
import { line, type Role, type StyledLine, span } from '../text/styled.js';
import { wrapLine } from '../text/wrap.js';

export interface LessonPanelState {
  readonly page: LessonPage | null;
  /** What is new on the page and must come into sight. */
  readonly show?: LessonPart;
}

export type LessonPart = 'question' | 'hints' | 'end';

/** What the keys of a question do; set by the application. */
export interface LessonPanelActions {
  predict(option: number): void;
}

const GOAL_LOOK: Readonly<
  Record<GoalState, { readonly box: string; readonly role: Role; readonly word: keyof typeof STRINGS }>
> = {
  met: { box: '[x]', role: 'ok', word: 'goalMet' },
  notYet: { box: '[ ]', role: 'text', word: 'goalNotYet' },
  broken: { box: '[!]', role: 'error', word: 'goalBroken' },
  couldNotMeasure: { box: '[?]', role: 'warn', word: 'goalUnknown' },
};

function indented(first: StyledLine, body: StyledLine, width: number, indent: number): StyledLine[] {
  return wrapLine(body, Math.max(1, width - indent)).map((part, index) => [
    ...(index === 0 ? first : [{ text: ' '.repeat(indent) }]),
    ...part,
  ]);
}

function goalLines(goal: LessonGoal, width: number, lang: Lang): StyledLine[] {
  const look = GOAL_LOOK[goal.state];
  const body = [span(sanitise(goal.text[lang]), look.role, goal.state === 'met' ? { dim: true } : {})];
  if (goal.state === 'broken' || goal.state === 'couldNotMeasure')
    body.push(span(` (${text(look.word, lang)})`, look.role));
  const lines = indented(line(span(`${look.box} `, look.role, { bold: true })), body, width, 4);
  if (goal.because !== undefined && goal.state !== 'met')
    lines.push(...indented(line('    '), [span(sanitise(goal.because[lang]), 'muted')], width, 4));
  return lines;
}

/** The letter of an option: a, b, c … */
function letter(index: number): string {
  return String.fromCharCode(97 + index);
}

function questionLines(question: LessonQuestion, width: number, lang: Lang): StyledLine[] {
  const lines = wrapLine([span(sanitise(question.prompt[lang]), 'strong', { bold: true })], width);
  if (question.kind === 'predict') {
    for (const [index, option] of question.options.entries()) {
      const chosen = question.chosen === index;
      const right = question.truth === index;
      const mark = right ? '✓' : chosen ? '›' : ' ';
      const role: Role = right ? 'ok' : chosen ? 'accent' : 'text';
      lines.push(
        ...indented(
          line(span(`${mark} `, role), span(`${letter(index)} `, 'key')),
          [span(sanitise(option[lang]), role)],
          width,
          4,
        ),
      );
    }
    if (question.chosen === null) lines.push([span(text('predictHint', lang), 'muted')]);
    else if (question.truth !== null)
      lines.push(
        question.truth === question.chosen
          ? [span(`✓ ${text('predictRight', lang)}`, 'ok')]
          : [span(text('predictWrong', lang, { letter: letter(question.chosen) }), 'info')],
      );
    return lines;
  }
  if (question.given !== null) lines.push([span('› ', 'key'), span(sanitise(question.given), 'code')]);
  if (question.verdict === 'right') lines.push([span(`✓ ${text('answerRight', lang)}`, 'ok')]);
  else if (question.verdict === 'wrong') lines.push([span(`✗ ${text('answerWrong', lang)}`, 'warn')]);
  else if (question.given === null) lines.push([span(text('answerHint', lang), 'muted')]);
  if (question.comment !== undefined) lines.push(...wrapLine([span(sanitise(question.comment[lang]), 'muted')], width));
  return lines;
}

/** `2/9 ▰▰▱▱▱▱▱▱▱  [x]1/3`: always in sight, however far the text is scrolled. */
function headLine(page: LessonPage, width: number, lang: Lang): StyledLine {
  const at = page.steps.findIndex((step) => step.state === 'current');
  const bar = page.steps.map((step) =>
    span(
      step.state === 'open' ? '▱' : '▰',
      step.state === 'current' ? 'accent' : step.state === 'done' ? 'ok' : 'muted',
    ),
  );
  const met = page.goals.filter((goal) => goal.state === 'met').length;
  const goals =
    page.goals.length === 0
      ? []
      : [span(`  ${text('goals', lang)} ${met}/${page.goals.length}`, page.complete ? 'ok' : 'muted')];
  const count = span(`${at + 1}/${page.steps.length} `, 'muted');
  const short = page.steps.length <= Math.max(4, width - 30) ? bar : [];
  return padLine([count, ...short, ...goals, span(`  ${sanitise(page.lessonTitle[lang])}`, 'muted')], width);
}

/** The lines of a page, and the last line of each part. */
function pageLines(
  page: LessonPage,
  width: number,
  lang: Lang,
): { lines: StyledLine[]; ends: Map<LessonPart, number> } {
  const ends = new Map<LessonPart, number>();
  const lines: StyledLine[] = [headLine(page, width, lang)];
  lines.push(...wrapLine([span(sanitise(page.stepTitle[lang]), 'heading', { bold: true })], width), []);
  lines.push(...markdownLines(page.body[lang], width));
  if (page.question !== null) lines.push([], ...questionLines(page.question, width, lang));
  ends.set('question', lines.length - 1);
  if (page.goals.length > 0) {
    lines.push([], [span(text('goals', lang), 'heading')]);
    for (const goal of page.goals) lines.push(...goalLines(goal, width, lang));
  }
  if (page.hints.length > 0) {
    lines.push([], [span(text('hints', lang), 'heading')]);
    for (const [index, hint] of page.hints.entries()) {
      const mark = line(span(`${index + 1}. `, 'accent'));
      for (const [row, part] of markdownLines(hint[lang], Math.max(1, width - 3)).entries())
        lines.push([...(row === 0 ? mark : [{ text: '   ' }]), ...part]);
    }
  }
  ends.set('hints', lines.length - 1);
  if (page.busy !== undefined) lines.push([], [span(sanitise(page.busy[lang]), 'info')]);
  else if (page.complete) lines.push([], [span(`✓ ${text('stepDone', lang)}`, 'ok')]);
  else if (page.hintsLeft > 0) lines.push([], [span(text('hintsLeft', lang, { n: page.hintsLeft }), 'muted')]);
  ends.set('end', lines.length - 1);
  return { lines, ends };
}

export function lessonPanel(actions: LessonPanelActions): Panel<LessonPanelState> {
  return {
    id: 'lesson',
    title: (lang) => STRINGS.lesson[lang],
    keys: [],
    initial: () => ({ page: null }),
    render(width, _height, input, state): PanelView {
      if (state.page === null) return { lines: [] };
      // One blank column on both sides reads better, where there is room.
      const margin = width >= 50 ? 1 : 0;
      const { lines, ends } = pageLines(state.page, Math.max(1, width - 2 * margin), input.lang);
      const at = state.show === undefined ? undefined : ends.get(state.show);
      return {
        lines: margin === 0 ? lines : lines.map((l) => [{ text: ' ' }, ...l]),
        sticky: 1,
        ...(at === undefined ? {} : { reveal: { line: at } }),
      };
    },
    onKey(key, state) {
      const question = state.page?.question;
      if (question?.kind !== 'predict' || question.chosen !== null) return null;
      const id = keyId(key);
      const index = id.length === 1 ? id.charCodeAt(0) - 97 : -1;
      if (index < 0 || index >= question.options.length) return null;
      actions.predict(index);
      return state;
    },
  };
}
