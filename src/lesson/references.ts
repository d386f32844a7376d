/**
 * What a schema cannot say: ids are unique, references lead somewhere, prose keys are complete in both languages and the code
 * blocks of both are the same, placeholders exist, the Chinese is not stale.
 */
import { join } from 'node:path';
import { codeBlocks } from './prose.js';
import type { Raw, RawLesson } from './source.js';
import { nearest } from './suggest.js';
import type { Language, LessonProblem, LessonText, StepText, VariableSpec } from './types.js';
import { chooseVariables, lookUp, placeholders } from './variables.js';

interface RawStep {
  readonly id: string;
  readonly kind: string;
  readonly goal?: readonly { readonly id: string }[];
  readonly keep?: readonly string[];
  readonly show?: Readonly<Record<string, unknown>>;
  readonly hints?: { readonly rules?: readonly { readonly id: string }[]; readonly ladder?: readonly string[] };
  readonly predict?: {
    readonly options: readonly { readonly id: string; readonly is?: string; readonly matches?: string }[];
  };
  readonly solutions?: readonly { readonly way: string }[];
  readonly tests?: {
    readonly wrong?: readonly { readonly hint: string; readonly run?: unknown; readonly answer?: string }[];
    readonly undo?: { readonly breaks?: readonly string[] };
    readonly noUndo?: string;
    readonly noWrong?: string;
  };
}

interface Where {
  readonly yamlFile: string;
  readonly directory: string;
  at(path: readonly (string | number)[]): { line: number; column: number };
}

/** Variables that every lesson has. */
export const BUILTIN_VARIABLES = ['cgroup', 'cgroup_root', 'lesson_files'] as const;

export function checkReferences(
  raw: RawLesson,
  text: Readonly<Record<Language, LessonText>>,
  where: Where,
): LessonProblem[] {
  const problems: LessonProblem[] = [];
  const yaml = (path: readonly (string | number)[], message: string): void => {
    problems.push({ file: where.yamlFile, ...where.at(path), message });
  };
  const steps = raw['steps'] as unknown as readonly RawStep[];
  const goals = new Map<string, Set<string>>();
  steps.forEach((step, index) => {
    const path = ['steps', index];
    if (goals.has(step.id)) yaml([...path, 'id'], `step id ${step.id} is used twice`);
    const own = new Set<string>();
    (step.goal ?? []).forEach((goal, k) => {
      if (own.has(goal.id)) yaml([...path, 'goal', k], `goal id ${goal.id} is used twice in step ${step.id}`);
      own.add(goal.id);
    });
    checkKeep(step, goals, own, (k, message) => yaml([...path, 'keep', k], message));
    goals.set(step.id, own);
    checkHints(step, (sub, message) => yaml([...path, ...sub], message));
  });
  for (const language of ['en', 'zh'] as const)
    problems.push(...checkProse(steps, text[language], join(where.directory, `text.${language}.md`)));
  problems.push(...compareLanguages(steps, text, where.directory));
  checkPlaceholders(raw, text, steps, yaml, where, problems);
  if (!Object.values(text.en.steps).some((step) => step.engine !== '')) {
    problems.push({
      file: join(where.directory, 'text.en.md'),
      line: 1,
      column: 1,
      message: 'no step has `### engine`: say what a container engine does in the same place',
    });
  }
  return problems;
}

function checkKeep(
  step: RawStep,
  earlier: ReadonlyMap<string, ReadonlySet<string>>,
  _own: ReadonlySet<string>,
  problem: (k: number, message: string) => void,
): void {
  (step.keep ?? []).forEach((reference, k) => {
    const [id, goal] = reference.split('/');
    const known = earlier.get(id!);
    if (!known) problem(k, `keep ${reference}: no earlier step ${id}${suggestion(id!, [...earlier.keys()])}`);
    else if (known.size === 0) problem(k, `keep ${reference}: step ${id} has no goal`);
    else if (goal !== undefined && !known.has(goal))
      problem(k, `keep ${reference}: step ${id} has no goal ${goal}${suggestion(goal, [...known])}`);
  });
}

function suggestion(word: string, candidates: readonly string[]): string {
  const guess = nearest(word, candidates);
  return guess ? `: did you mean ${guess}?` : '';
}

function checkHints(step: RawStep, problem: (path: readonly (string | number)[], message: string) => void): void {
  const rules = (step.hints?.rules ?? []).map((rule) => rule.id);
  const ladder = step.hints?.ladder ?? [];
  if (new Set([...rules, ...ladder]).size !== rules.length + ladder.length)
    problem(['hints'], 'a hint id is used twice');
  if (ladder.length > 0 && ladder.at(-1) !== 'solution')
    problem(['hints', 'ladder'], 'the last rung of the ladder must be `solution`');
  if ((step.kind === 'do' || step.kind === 'fix') && (step.solutions ?? []).length === 0)
    problem(['solutions'], 'no solution');
  if (step.kind === 'do' || step.kind === 'fix') {
    if ((step.tests?.wrong ?? []).length === 0 && !step.tests?.noWrong)
      problem(['tests'], 'no wrong answer: give tests.wrong or say why in tests.noWrong');
    if (!step.tests?.undo && !step.tests?.noUndo)
      problem(['tests'], 'no undo: give tests.undo or say why in tests.noUndo');
  }
  (step.tests?.wrong ?? []).forEach((wrong, k) => {
    if (!rules.includes(wrong.hint) && !ladder.includes(wrong.hint))
      problem(['tests', 'wrong', k, 'hint'], `no hint ${wrong.hint}${suggestion(wrong.hint, rules)}`);
    if ((wrong.run === undefined) === (wrong.answer === undefined))
      problem(['tests', 'wrong', k], 'give run or answer');
  });
  const own = (step.goal ?? []).map((goal) => goal.id);
  for (const goal of step.tests?.undo?.breaks ?? [])
    if (!own.includes(goal)) problem(['tests', 'undo', 'breaks'], `no goal ${goal}${suggestion(goal, own)}`);
  (step.predict?.options ?? []).forEach((option, k) => {
    if (option.is === undefined && option.matches === undefined)
      problem(['predict', 'options', k], 'give is or matches');
    for (const pattern of [option.matches])
      if (pattern !== undefined && !isPattern(pattern))
        problem(['predict', 'options', k], `not a regular expression: ${pattern}`);
  });
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function wanted(step: RawStep): { sections: (keyof StepText)[]; options: string[]; hints: string[]; goals: string[] } {
  const asks = step.kind === 'predict' || step.kind === 'answer';
  return {
    sections: asks ? ['question', 'why'] : ['body'],
    options: (step.predict?.options ?? []).map((option) => option.id),
    hints: [
      ...(step.hints?.rules ?? []).map((rule) => rule.id),
      ...(step.hints?.ladder ?? []).filter((rung) => rung !== 'solution'),
    ],
    goals: (step.goal ?? []).map((goal) => goal.id),
  };
}

function checkProse(steps: readonly RawStep[], text: LessonText, file: string): LessonProblem[] {
  const problems: LessonProblem[] = [];
  const add = (message: string): void => {
    problems.push({ file, line: 1, column: 1, message });
  };
  if (text.intro === '') add('no introduction between the title and the first step');
  for (const step of steps) {
    const prose = text.steps[step.id];
    if (!prose) {
      add(`no prose for step ${step.id}: \`## step: ${step.id} | Title\``);
      continue;
    }
    const need = wanted(step);
    for (const section of need.sections)
      if (prose[section] === '') add(`step ${step.id}: ${section === 'body' ? 'no text' : `no \`### ${section}\``}`);
    for (const [heading, ids, have] of [
      ['option', need.options, prose.options],
      ['hint', need.hints, prose.hints],
    ] as const) {
      for (const id of ids) if (!have[id]) add(`step ${step.id}: no \`### ${heading}: ${id}\``);
      for (const id of Object.keys(have))
        if (!ids.includes(id))
          add(`step ${step.id}: \`### ${heading}: ${id}\` belongs to nothing in lesson.yaml${suggestion(id, ids)}`);
    }
    for (const id of Object.keys(prose.goals))
      if (!need.goals.includes(id))
        add(`step ${step.id}: \`### goal: ${id}\` belongs to nothing in lesson.yaml${suggestion(id, need.goals)}`);
  }
  const ids = steps.map((step) => step.id);
  for (const id of Object.keys(text.steps))
    if (!ids.includes(id)) add(`prose for step ${id}, which lesson.yaml does not have${suggestion(id, ids)}`);
  const order = Object.keys(text.steps).filter((id) => ids.includes(id));
  if (order.join() !== ids.filter((id) => order.includes(id)).join())
    add('the steps stand in another order than in lesson.yaml');
  return problems;
}

/** Both languages: same sections, same code blocks (commands are not translated). */
function compareLanguages(
  steps: readonly RawStep[],
  text: Readonly<Record<Language, LessonText>>,
  directory: string,
): LessonProblem[] {
  const problems: LessonProblem[] = [];
  const file = join(directory, 'text.zh.md');
  const add = (message: string): void => {
    problems.push({ file, line: 1, column: 1, message });
  };
  for (const { id } of steps) {
    const en = text.en.steps[id];
    const zh = text.zh.steps[id];
    if (!en || !zh) continue;
    for (const section of ['body', 'question', 'why', 'engine', 'demo'] as const) {
      if ((en[section] === '') !== (zh[section] === '')) add(`step ${id}: \`${section}\` is in one language only`);
      const bash = (prose: string): string =>
        JSON.stringify(codeBlocks(prose).filter((block) => block.language === 'bash'));
      if (bash(en[section]) !== bash(zh[section]))
        add(`step ${id}: the bash blocks of \`${section}\` differ from the English ones`);
    }
    for (const goal of new Set([...Object.keys(en.goals), ...Object.keys(zh.goals)])) {
      if (!en.goals[goal] || !zh.goals[goal]) add(`step ${id}: \`### goal: ${goal}\` is in one language only`);
    }
  }
  if (text.zh.translates === null)
    add('no `<!-- translates: sha256:… -->` in the first line: run `glassbox lesson stamp`');
  else if (text.zh.translates !== text.en.digest)
    add(
      `stale: translates ${text.zh.translates.slice(0, 12)}…, but text.en.md is ${text.en.digest.slice(0, 12)}…; bring it up to date, then run \`glassbox lesson stamp\``,
    );
  return problems;
}

function checkPlaceholders(
  raw: RawLesson,
  text: Readonly<Record<Language, LessonText>>,
  steps: readonly RawStep[],
  yaml: (path: readonly (string | number)[], message: string) => void,
  where: Where,
  problems: LessonProblem[],
): void {
  const specs = (raw['vars'] ?? {}) as unknown as Readonly<Record<string, VariableSpec>>;
  let vars: Record<string, string>;
  try {
    vars = chooseVariables(specs, {
      seed: 'check',
      lesson: 'check',
      cgroup: 'v1',
      builtin: Object.fromEntries(BUILTIN_VARIABLES.map((name) => [name, 'x'])),
    });
  } catch (error) {
    yaml(['vars'], error instanceof Error ? error.message : String(error));
    return;
  }
  const names = Object.keys(vars);
  const visit = (value: Raw, path: readonly (string | number)[]): void => {
    if (typeof value === 'string') {
      for (const key of placeholders(value))
        if (lookUp(key, vars) === undefined) yaml(path, `unknown variable {{${key}}}${suggestion(key, names)}`);
    } else if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item as Raw, [...path, index]);
    else if (typeof value === 'object' && value !== null)
      for (const [key, item] of Object.entries(value)) visit(item as Raw, [...path, key]);
  };
  visit(raw, []);
  for (const language of ['en', 'zh'] as const) {
    for (const [id, prose] of Object.entries(text[language].steps)) {
      const shows = Object.keys(steps.find((step) => step.id === id)?.show ?? {});
      const all = [
        prose.title,
        prose.body,
        prose.question,
        prose.why,
        prose.engine,
        prose.demo,
        ...Object.values(prose.options),
        ...Object.values(prose.goals),
        ...Object.values(prose.hints),
      ].join('\n');
      for (const key of placeholders(all)) {
        const [head, rest] = key.includes(':')
          ? [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)]
          : ['', key];
        const known =
          head === 'show'
            ? shows.includes(rest)
            : head === 'output'
              ? steps.some((step) => step.id === rest)
              : lookUp(key, vars) !== undefined;
        if (!known)
          problems.push({
            file: join(where.directory, `text.${language}.md`),
            line: 1,
            column: 1,
            message: `step ${id}: unknown placeholder {{${key}}}${suggestion(key, [...names, ...shows.map((show) => `show:${show}`)])}`,
          });
      }
    }
  }
}
