/** The lesson pane: the step's text, its question, its goals with their live state, and the hints given so far. */
import { keyId } from '../input/keys.js';
import type { GoalState, LessonGoal, LessonPage, LessonQuestion } from '../lesson-view.js';
import type { Lang, Panel, PanelView } from '../panel.js';
import { STRINGS, text } from '../strings.js';
import { lineWidth } from '../text/fit.js';
import { inlineMarkdown, markdownLines } from '../text/markdown.js';
import { sanitise } from '../text/sanitise.js';
import { line, type Role, type Span, type StyledLine, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { wrapLine } from '../text/wrap.js';

export interface LessonPanelState {
  readonly page: LessonPage | null;
  /** What is new on the page and must come into sight. */
  readonly show?: LessonPart;
}

type PredictQuestion = Extract<LessonQuestion, { kind: 'predict' }>;

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

/** A reason: `commands` in it are marked, but it is no markdown, for paths have stars. */
function withCode(reason: string): Span[] {
  return sanitise(reason)
    .split(/`([^`]+)`/)
    .map((part, index) => span(part, index % 2 === 1 ? 'code' : 'muted'))
    .filter((part) => part.text !== '');
}

function goalLines(goal: LessonGoal, width: number, lang: Lang, why = true): StyledLine[] {
  const look = GOAL_LOOK[goal.state];
  const met = goal.state === 'met';
  const body = inlineMarkdown(goal.text[lang], met ? { role: look.role, dim: true } : { role: look.role });
  if (goal.state === 'broken' || goal.state === 'couldNotMeasure')
    body.push(span(` (${text(look.word, lang)})`, look.role));
  const lines = indented(line(span(`${look.box} `, look.role, { bold: true })), body, width, 4);
  if (why && goal.because !== undefined && !met)
    lines.push(...indented(line('    '), withCode(goal.because[lang]), width, 4));
  return lines;
}

/** The letter of an option: a, b, c … */
function letter(index: number): string {
  return String.fromCharCode(97 + index);
}

/** How a command's key is pressed from where the focus is: in the shell and in other panes behind the prefix. */
function keyOf(key: string, focused: boolean): string {
  return focused ? key : `Ctrl-G ${key}`;
}

function optionLines(question: PredictQuestion, width: number, lang: Lang): StyledLine[] {
  return question.options.flatMap((option, index) => {
    const chosen = question.chosen === index;
    const right = question.truth === index;
    const mark = right ? '✓' : chosen ? '›' : ' ';
    const role: Role = right ? 'ok' : chosen ? 'accent' : 'text';
    const first = line(span(`${mark} `, role), span(`${letter(index)} `, 'key'));
    return indented(first, inlineMarkdown(option[lang], { role }), width, 4);
  });
}

function verdictLines(question: LessonQuestion, width: number, lang: Lang, focused: boolean): StyledLine[] {
  const lines: StyledLine[] = [];
  if (question.kind === 'predict') {
    const letters = question.options.map((_, index) => letter(index)).join(' ');
    if (question.chosen === null) lines.push([span(text('predictHint', lang, { letters }), 'muted')]);
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
  else if (question.given === null) lines.push([span(text('answerHint', lang, { key: keyOf('a', focused) }), 'muted')]);
  if (question.comment !== undefined) lines.push(...wrapLine(withCode(question.comment[lang]), width));
  return lines;
}

function questionLines(question: LessonQuestion, width: number, lang: Lang, focused: boolean): StyledLine[] {
  return [
    ...wrapLine(inlineMarkdown(question.prompt[lang], { role: 'strong', bold: true }), width),
    ...(question.kind === 'predict' ? optionLines(question, width, lang) : []),
    ...verdictLines(question, width, lang, focused),
  ];
}

/** In the frame: `2/9 ▰▰▱▱▱▱▱▱▱`, the goals met where the dock does not say it, the lesson's name. */
function caption(page: LessonPage, lang: Lang, goals: boolean): StyledLine[] {
  const at = page.steps.findIndex((step) => step.state === 'current');
  const bar = page.steps.map((step) =>
    span(
      step.state === 'open' ? '▱' : '▰',
      step.state === 'current' ? 'accent' : step.state === 'done' ? 'ok' : 'muted',
    ),
  );
  return [
    [span(`${at + 1}/${page.steps.length}`, 'title')],
    bar,
    ...(page.goals.length === 0 || !goals ? [] : [[span(goalCount(page, lang), page.complete ? 'ok' : 'title')]]),
    [span(sanitise(page.lessonTitle[lang]), 'title')],
  ];
}

function goalCount(page: LessonPage, lang: Lang): string {
  return `${text('goals', lang)} ${page.goals.filter((goal) => goal.state === 'met').length}/${page.goals.length}`;
}

/** What to do next: in one line. */
function endSpan(page: LessonPage, lang: Lang, focused: boolean): Span | null {
  if (page.busy !== undefined) return span(sanitise(page.busy[lang]), 'info');
  if (page.complete) {
    const done = page.goals.length > 0 || page.question !== null;
    const key = keyOf('n', focused);
    return done ? span(`✓ ${text('stepDone', lang, { key })}`, 'ok') : span(text('goesOn', lang, { key }), 'accent');
  }
  return page.hintsLeft > 0
    ? span(text('hintsLeft', lang, { key: keyOf('h', focused), n: page.hintsLeft }), 'muted')
    : null;
}

function hintLines(page: LessonPage, width: number, lang: Lang, compact: boolean): StyledLine[] {
  if (page.hints.length === 0) return [];
  const lines: StyledLine[] = [[], [span(text('hints', lang), 'heading')]];
  for (const [index, hint] of page.hints.entries()) {
    const mark = line(span(`${index + 1}. `, 'accent'));
    for (const [row, part] of markdownLines(hint[lang], Math.max(1, width - 3), { compact }).entries())
      lines.push([...(row === 0 ? mark : [{ text: '   ' }]), ...part]);
  }
  return lines;
}

/** Rows below which blank rows and the frames of commands are left out. */
const ROOMY = 18;
/** Fewer rows than this are left to the text alone. */
const SHORTEST_DOCKED = 8;

interface Shape {
  readonly width: number;
  readonly height: number;
  readonly lang: Lang;
  readonly focused: boolean;
}

interface Laid {
  readonly lines: readonly StyledLine[];
  readonly dock?: readonly StyledLine[];
  /** The last line of each part in `lines`. */
  readonly ends: ReadonlyMap<LessonPart, number>;
}

/** The step's title and text. */
function textLines(page: LessonPage, { width, height, lang }: Shape): StyledLine[] {
  const compact = height < ROOMY;
  return [
    ...wrapLine(inlineMarkdown(page.stepTitle[lang], { role: 'heading', bold: true }), width),
    ...(compact ? [] : [[]]),
    ...markdownLines(page.body[lang], width, { compact }),
  ];
}

/** Everything one under another. */
function wholePage(page: LessonPage, shape: Shape): Laid {
  const { width, height, lang, focused } = shape;
  const ends = new Map<LessonPart, number>();
  const lines = textLines(page, shape);
  if (page.question !== null) lines.push([], ...questionLines(page.question, width, lang, focused));
  ends.set('question', lines.length - 1);
  if (page.goals.length > 0) {
    lines.push([], [span(text('goals', lang), 'heading')]);
    for (const goal of page.goals) lines.push(...goalLines(goal, width, lang));
  }
  lines.push(...hintLines(page, width, lang, height < ROOMY));
  ends.set('hints', lines.length - 1);
  const end = endSpan(page, lang, focused);
  if (end !== null) lines.push([], [end]);
  ends.set('end', lines.length - 1);
  return { lines, ends };
}

/**
 * Where the page is longer than the pane: what is asked stands at the bottom and only the text scrolls, so that nobody has
 * to look for the goals while typing.
 */
function dockedPage(page: LessonPage, shape: Shape): Laid {
  const { width, height, lang, focused } = shape;
  const { question } = page;
  const lines = textLines(page, shape);
  const asked = question !== null && !(question.kind === 'predict' && question.chosen !== null);
  const most = asked ? height - 4 : Math.floor(height * 0.55);
  const asking = question === null ? [] : questionLines(question, width, lang, focused);
  const docked = asked && asking.length < most;
  const dock: StyledLine[] = [];
  if (docked) dock.push(...asking);
  else if (question !== null) lines.push([], ...asking);
  const questionEnd = lines.length - 1;
  dock.push(...dockedGoals(page, shape, most - 1 - dock.length));
  lines.push(...hintLines(page, width, lang, height < ROOMY));
  const end = lines.length - 1;
  const ends = new Map<LessonPart, number>([
    ['question', questionEnd],
    ['hints', end],
    ['end', end],
  ]);
  const rule = dockRule(page, shape);
  return dock.length === 0 && rule === null ? { lines, ends } : { lines, ends, dock: [rule ?? [], ...dock] };
}

/** The goals in at most `rows` rows, with the reason of the first open one; where they don't fit, only what is still to be done. */
function dockedGoals(page: LessonPage, { width, lang }: Shape, rows: number): StyledLine[] {
  const open = page.goals.filter((goal) => goal.state !== 'met');
  const first = open[0];
  const attempts = [
    () => page.goals.flatMap((goal) => goalLines(goal, width, lang, goal === first)),
    () => open.flatMap((goal) => goalLines(goal, width, lang, goal === first)),
    () => (first === undefined ? [] : goalLines(first, width, lang)),
  ];
  for (const attempt of attempts) {
    const lines = attempt();
    if (lines.length <= rows) return lines;
  }
  return (first === undefined ? [] : goalLines(first, width, lang)).slice(0, Math.max(1, rows));
}

/** `─ Goals 1/2 ───── h: hint (2 left) ─` */
function dockRule(page: LessonPage, { width, lang, focused }: Shape): StyledLine | null {
  const left = page.goals.length === 0 ? '' : ` ${goalCount(page, lang)} `;
  const end = endSpan(page, lang, focused);
  if (left === '' && end === null && page.question === null) return null;
  const right: StyledLine = end === null ? [] : [{ text: ' ' }, end, { text: ' ' }];
  const fill = width - 2 - textWidth(left) - lineWidth(right);
  if (fill < 1) return [span('─', 'frame'), ...right];
  return [span('─', 'frame'), span(left, 'heading'), span('─'.repeat(fill), 'frame'), ...right, span('─', 'frame')];
}

export function lessonPanel(actions: LessonPanelActions): Panel<LessonPanelState> {
  return {
    id: 'lesson',
    title: (lang) => STRINGS.lesson[lang],
    keys: [],
    initial: () => ({ page: null }),
    render(width, height, input, { page, show }): PanelView {
      if (page === null) return { lines: [] };
      // One blank column on both sides reads better, where there is room.
      const margin = width >= 50 ? 1 : 0;
      const { lang, focused } = input;
      const shape: Shape = { width: Math.max(1, width - 2 * margin), height, lang, focused };
      const whole = wholePage(page, shape);
      const laid = whole.lines.length <= height || height < SHORTEST_DOCKED ? whole : dockedPage(page, shape);
      const at = show === undefined ? undefined : laid.ends.get(show);
      const inset = (lines: readonly StyledLine[]): readonly StyledLine[] =>
        margin === 0 ? lines : lines.map((part) => [{ text: ' ' }, ...part]);
      return {
        lines: inset(laid.lines),
        caption: caption(page, lang, laid.dock === undefined),
        ...(laid.dock === undefined ? {} : { dock: inset(laid.dock) }),
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
