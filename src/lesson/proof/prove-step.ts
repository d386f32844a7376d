/** Points 2 to 9 of one step: each in labs of its own. */
import type { Engine } from '../../../engine/api/types.js';
import { applies } from '../abilities.js';
import { evaluate, needsProbe } from '../checks/evaluate.js';
import { shellLines } from '../prose.js';
import type { LessonSession } from '../session.js';
import type { LessonSource } from '../source.js';
import type { Line, Step } from '../types.js';
import { fill } from '../variables.js';
import { type Bench, closeLab, describeGoals, SETTLE_MS, withBench } from './bench.js';
import type { Findings } from './findings.js';
import { labNamespaces, type MachineState, residue } from './residue.js';

export interface ProofOptions {
  readonly engine: Engine;
  readonly source: LessonSource;
  readonly seed: string;
  readonly findings: Findings;
  /** Leave out what was proved with another seed already: mutations, wrong answers, undo. */
  readonly brief: boolean;
  readonly gate: Gate;
  /** Before the first lab was made. */
  readonly machine: MachineState;
  /** Tries under way; the caller waits for them. */
  readonly pending: Promise<void>[];
}

/** Lets a few tries through at a time: most of a try is waiting, for a ping that must not be answered for instance. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

/** Try one thing; what throws is a failed finding, not the end of the test. */
function attempt(
  options: ProofOptions,
  step: Step,
  point: number,
  what: string,
  use: (bench: Bench) => Promise<string | null>,
): void {
  const { engine, source, seed, findings, gate } = options;
  const base = { point, lesson: source.id, step: step.id, what };
  const run = async (): Promise<void> => {
    try {
      const trouble = await gate.pass(() => withBench(engine, source, seed, step.id, use));
      findings.add({ ...base, ok: trouble === null, ...(trouble === null ? {} : { detail: trouble }) });
    } catch (error) {
      findings.add({ ...base, ok: false, detail: error instanceof Error ? error.message : String(error) });
    }
  };
  options.pending.push(run());
}

/** Does it belong to this lab? */
type Fits = (one: { readonly only?: Step['only'] }) => boolean;

const met = (goals: readonly { readonly state: string }[]): boolean =>
  goals.length > 0 && goals.every((goal) => goal.state === 'met');

/** Would the step after this one be met as well? Then the solution does more than its own step. */
async function nextAlsoMet(session: LessonSession): Promise<string | null> {
  const next = session.steps[session.stepIndex + 1];
  if (!next || next.goal.length === 0 || next.setup.length > 0) return null;
  const snapshot = await session.lab.snapshot();
  for (const goal of next.goal) {
    const result = await evaluate(goal.check, {
      snapshot,
      exec: (request) => session.lab.exec(request),
      memory: new Map(),
      now: () => performance.now(),
    });
    if (result.result !== 'passed') return null;
  }
  return `it meets all goals of the next step ${next.id} too`;
}

export function proveStep(options: ProofOptions, session: Pick<LessonSession, 'abilities'>, step: Step): void {
  const fits: Fits = (one) => applies(one.only, session.abilities);
  if (step.goal.length > 0) proveGoals(options, step, step.solutions.filter(fits), fits);
  if (step.predict) provePrediction(options, step);
  if (step.answer) proveAnswer(options, step);
  if (options.brief) return;
  const wrongs = step.tests.wrong.filter((one) => fits(one) && one.answer === undefined);
  for (const [index, wrong] of wrongs.entries()) {
    attempt(
      options,
      step,
      4,
      `wrong answer ${wrong.id ?? index + 1} stays unmet and gets hint ${wrong.hint}`,
      async (bench) => {
        await bench.type(wrong.run.map((line) => ({ ...line, anyExit: 'a wrong answer' })));
        let selected: string | undefined;
        const goals = await goalsOnce(bench, async (now) => {
          selected = (await bench.session.matchingRule()) ?? step.hints.ladder[0];
          return met(now) || selected === wrong.hint;
        });
        if (index === 0) await proveKill(options, bench, step);
        if (met(goals)) return 'all goals are met';
        return selected === wrong.hint ? null : `the hint selected is ${selected ?? 'none'}`;
      },
    );
  }
  if (step.goal.length > 0 && wrongs.length === 0)
    attempt(options, step, 11, 'a lab can be killed', async (bench) => {
      await proveKill(options, bench, step);
      return null;
    });
  for (const [index, other] of step.tests.alsoOk.filter(fits).entries()) {
    if (other.answer !== undefined) continue;
    attempt(options, step, 5, `also right: ${other.id ?? index + 1}`, (bench) => typeAndMeet(bench, other.run, false));
  }
  const [solution] = step.solutions.filter(fits);
  if (solution && step.goal.length > 0) proveMutations(options, step, solution.run);
  proveMissingTool(options, step, solution?.run);
  proveProse(options, step);
}

async function typeAndMeet(bench: Bench, lines: readonly Line[], strict: boolean): Promise<string | null> {
  const wrong = await bench.type(lines);
  const goals = await bench.goals('met');
  if (!met(goals)) return [...wrong, describeGoals(goals.filter((goal) => goal.state !== 'met'))].join('\n');
  if (strict && wrong.length > 0) return wrong.join('\n');
  return null;
}

function proveGoals(options: ProofOptions, step: Step, solutions: Step['solutions'], fits: Fits): void {
  if (solutions.length === 0) {
    options.findings.add({
      point: 3,
      lesson: options.source.id,
      step: step.id,
      what: 'has a solution for this lab',
      ok: false,
      detail: 'no solution applies here',
    });
    return;
  }
  for (const [index, solution] of solutions.entries()) {
    attempt(
      options,
      step,
      3,
      `solution ${solution.id ?? index + 1} (${solution.way}) meets exactly this step`,
      async (bench) => {
        // A namespace that was just going away cannot be read for a moment.
        const before = await goalsOnce(bench, (goals) => blindOf(goals).length === 0);
        const early = before.filter((goal) => goal.state === 'met');
        options.findings.add({
          point: 2,
          lesson: options.source.id,
          step: step.id,
          what: 'no goal is met at the start',
          ok: early.length === 0,
          ...(early.length > 0 ? { detail: `met already: ${describeGoals(early)}` } : {}),
        });
        const blind = blindOf(before);
        if (blind.length > 0) return `cannot be measured: ${describeGoals(blind)}`;
        // Without its only line a solution is the step's start, which is looked at here already.
        if (index === 0 && !options.brief && onlyLine(solution.run))
          options.findings.add({
            point: 6,
            lesson: options.source.id,
            step: step.id,
            what: withoutLine(solution.run[0]!, 0),
            ok: !met(before),
          });
        const trouble = (await typeAndMeet(bench, solution.run, true)) ?? (await nextAlsoMet(bench.session));
        if (trouble === null && index === 0 && !options.brief) await proveUndo(options, bench, step, fits);
        return trouble;
      },
    );
  }
}

function onlyLine(lines: readonly Line[]): boolean {
  return lines.length === 1 && lines[0]!.optional === undefined;
}

function withoutLine(line: Line, index: number): string {
  return `without line ${index + 1} (${line.run}) some goal is unmet`;
}

function proveMutations(options: ProofOptions, step: Step, lines: readonly Line[]): void {
  if (onlyLine(lines)) return;
  for (const [index, line] of lines.entries()) {
    const what = withoutLine(line, index);
    if (line.optional !== undefined) {
      options.findings.add({
        point: 6,
        lesson: options.source.id,
        step: step.id,
        what,
        ok: true,
        skipped: true,
        detail: `optional: ${line.optional}`,
      });
      continue;
    }
    attempt(options, step, 6, what, async (bench) => {
      await bench.type(
        lines.filter((_line, position) => position !== index).map((one) => ({ ...one, anyExit: 'mutated' })),
      );
      return met(await bench.goals('unmet'))
        ? 'all goals are met: mark the line optional with a reason, or sharpen a goal'
        : null;
    });
  }
}

/** In the lab where the step has just been solved. */
async function proveUndo(options: ProofOptions, bench: Bench, step: Step, fits: Fits): Promise<void> {
  const base = { point: 7, lesson: options.source.id, step: step.id };
  const { undo, noUndo } = step.tests;
  if (noUndo !== undefined)
    options.findings.add({ ...base, what: 'undo shows', ok: true, skipped: true, detail: noUndo });
  if (!undo || !fits(undo)) return;
  await bench.type(undo.run);
  const goals = await goalsOnce(bench, (now) => {
    const broken = brokenOf(now);
    return broken.length > 0 && undo.breaks.every((id) => broken.includes(id));
  });
  const broken = brokenOf(goals);
  const missing = undo.breaks.filter((id) => !broken.includes(id));
  const ok = broken.length > 0 && missing.length === 0;
  const detail = `${missing.join(', ') || 'a goal'} should be broken: ${describeGoals(goals)}`;
  options.findings.add({ ...base, what: '"met, now broken" shows after undoing', ok, ...(ok ? {} : { detail }) });
}

/** Point 11 again: the lab's pid 1 is killed in the middle of the step. */
async function proveKill(options: ProofOptions, bench: Bench, step: Step): Promise<void> {
  const namespaces = labNamespaces(bench.lab.info);
  const stopped = bench.session.abandon();
  process.kill(bench.lab.info.initHostPid, 'SIGKILL');
  await stopped;
  await closeLab(bench.lab);
  const left = await residue(options.machine, namespaces);
  options.findings.add({
    point: 11,
    lesson: options.source.id,
    step: step.id,
    what: 'nothing is left when the lab is killed',
    ok: left.length === 0,
    ...(left.length > 0 ? { detail: left.join('; ') } : {}),
  });
}

type Goals = Awaited<ReturnType<Bench['goals']>>;

/** Goals as soon as they are as they should be, or as they are after the bound. */
async function goalsOnce(bench: Bench, right: (goals: Goals) => boolean | Promise<boolean>): Promise<Goals> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const goals = await bench.goals('unmet');
    if ((await right(goals)) || performance.now() > deadline) return goals;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const blindOf = (goals: Goals): Goals => goals.filter((goal) => goal.state === 'couldNotMeasure');
const brokenOf = (goals: Goals): string[] => goals.filter((goal) => goal.state === 'broken').map((goal) => goal.id);

function proveMissingTool(options: ProofOptions, step: Step, solution: readonly Line[] | undefined): void {
  const tool = step.tests.missingTool;
  if (tool === undefined || !solution) return;
  attempt(options, step, 8, `without ${tool} a goal cannot be measured`, async (bench) => {
    await bench.type(solution);
    const hidden = await bench.lab.exec({
      argv: ['sh', '-c', 'for f in $(which -a "$0"); do mount --bind /dev/null "$f" || exit 1; done', tool],
      actor: 'lesson',
    });
    if (hidden.exitCode !== 0) return `cannot hide ${tool}: ${hidden.stderr.trim()}`;
    const goals = await goalsOnce(bench, (now) => blindOf(now).length > 0);
    return blindOf(goals).length > 0 ? null : describeGoals(goals);
  });
  if (!step.goal.some((goal) => needsProbe(goal.check)))
    options.findings.add({
      point: 8,
      lesson: options.source.id,
      step: step.id,
      what: 'missingTool is for goals that need a probe',
      ok: false,
      detail: 'no goal of this step runs a probe',
    });
}

/** Point 9: the commands of the prose run, in the state at the step's start. */
function proveProse(options: ProofOptions, step: Step): void {
  const text = options.source.text.en.steps[step.id];
  if (!text) return;
  for (const [part, prose] of [
    ['text', `${text.body}\n\n${text.question}`],
    ['why', text.why],
  ] as const) {
    const lines = shellLines(prose);
    if (lines.length === 0) continue;
    attempt(options, step, 9, `the commands of the ${part} run`, async (bench) => {
      const filled = lines.map((line) => ({
        run: fill(line.run, bench.session.lesson.vars).text,
        ...(line.fails ? { fails: true } : {}),
      }));
      const wrong = await bench.type(filled);
      return wrong.length === 0 ? null : wrong.join('\n');
    });
  }
}

function provePrediction(options: ProofOptions, step: Step): void {
  attempt(options, step, 3, 'the truth is one of the options', async ({ session }) => {
    const { predict } = session.step;
    const measured = await session.measure(predict!.truth);
    if (measured === null) return 'the truth cannot be measured';
    const right = predict!.options.filter((one) =>
      one.is !== undefined ? one.is.trim() === measured : new RegExp(one.matches!).test(measured),
    );
    return right.length === 1
      ? null
      : `the truth “${measured}” fits ${right.length === 0 ? 'no option' : right.map((one) => one.id).join(' and ')}`;
  });
}

function proveAnswer(options: ProofOptions, step: Step): void {
  attempt(options, step, 3, 'the right answer can be measured and is accepted', async ({ session }) => {
    const truth = await session.measure(session.step.answer!.truth);
    if (truth === null) return 'the right answer cannot be measured';
    for (const wrong of session.step.tests.wrong) {
      if (wrong.answer === undefined) continue;
      await session.answer(wrong.answer);
      if (session.question.verdict !== 'wrong') return `the wrong answer “${wrong.answer}” is accepted`;
    }
    for (const given of [
      truth,
      ...session.step.tests.alsoOk.flatMap((one) => (one.answer === undefined ? [] : [one.answer])),
    ]) {
      await session.answer(given);
      if (session.question.verdict !== 'right') return `the right answer “${given}” is refused (measured “${truth}”)`;
    }
    return null;
  });
}
