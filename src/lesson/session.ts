/**
 * A lesson in progress on a lab: which step, what is met, what was typed; undo, reset and jump by throwing the lab away and replaying.
 * The view gets its lab from `lab`: the first terminal session opened on it is the learner's shell, prepared so that replayed lines have
 * been typed in it before the view sees it.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bilingual, ExecResult, Lab, Session, SessionRequest, Snapshot } from '../../engine/api/types.js';
import { type Abilities, applies, measureAbilities, mentioned, unmetNeeds } from './abilities.js';
import { evaluate, withoutHold } from './checks/evaluate.js';
import { enter } from './checks/probes.js';
import { printable } from './checks/words.js';
import { type RealOutput, solutionWords, stepProse } from './fill-prose.js';
import { type GoalStatus, GoalTracker, type WatchedGoal } from './goals.js';
import { lastEffect, onlyReads, opensUnseen, replayable } from './history.js';
import { fixtureDirectory, instantiate } from './instantiate.js';
import type { Journal, JournalEvent, Progress } from './journal.js';
import { plainOutput } from './shell/osc.js';
import { installShell, shellEnvironment, shellRc } from './shell/rc.js';
import { type ShellCommand, ShellSession } from './shell/shell-session.js';
import type { LessonSource } from './source.js';
import type { Lesson, Line, Step, StepText, Truth, Way } from './types.js';

export interface SessionOptions {
  readonly lab: Lab;
  readonly source: LessonSource;
  readonly seed?: string;
  /** Where progress goes; without it nothing is kept (tests, demo). */
  readonly journal?: Journal;
  /** Go on from here. */
  readonly progress?: Progress | null;
}

/** One thing to do while a state is rebuilt. */
type PlanItem = { readonly exec: Line } | { readonly type: string };

interface Typed {
  readonly step: string;
  readonly line: string;
  readonly exit: number | null;
}

export interface Question {
  readonly chosen: number | null;
  readonly truth: number | null;
  readonly given: string | null;
  readonly verdict: 'right' | 'wrong' | null;
  readonly measured: string | null;
}

const NO_QUESTION: Question = { chosen: null, truth: null, given: null, verdict: null, measured: null };
/** No line of a solution takes so long, unless the machine is very busy. */
const LINE_MS = 20_000;
/** Bound on a program that measures or shows: a busy machine must not make its answer an unknown. */
const MEASURE_MS = 15_000;
const REPLAY_LINES = 200;

/** A lesson cannot be taken in this lab. */
export class LessonNeeds extends Error {
  readonly needs: readonly Bilingual[];
  constructor(needs: readonly Bilingual[]) {
    super(needs.map((need) => need.en).join('; '));
    this.name = 'LessonNeeds';
    this.needs = needs;
  }
}

/** A line of the lesson's own setup failed: the author's fault or a broken lab, never the learner's. */
export class SetupError extends Error {}

export class LessonSession {
  readonly lesson: Lesson;
  readonly steps: readonly Step[];
  readonly abilities: Abilities;
  readonly #source: LessonSource;
  readonly #journal: Journal | null;
  readonly #tracker: GoalTracker;
  readonly #listeners = new Set<() => void>();
  readonly #labListeners = new Set<(lab: Lab) => Promise<void>>();
  #raw: Lab;
  #lab: Lab;
  #unwatch: () => void = () => undefined;
  #shell: ShellSession | null = null;
  #shellReady: Promise<ShellSession> | null = null;
  #plan: readonly PlanItem[] = [];
  #index = 0;
  #typed: Typed[] = [];
  #met = new Set<string>();
  #goalsMet = new Set<string>();
  #hints = new Map<string, string[]>();
  #questions = new Map<string, Question>();
  #shown: Record<string, string> = {};
  #outputs: Record<string, string> = {};
  #busy: Bilingual | null = null;
  #finished = false;
  #closed = false;
  #notice: Bilingual | null = null;

  private constructor(options: SessionOptions, lesson: Lesson, abilities: Abilities) {
    this.#raw = options.lab;
    this.#lab = this.#wrap(options.lab);
    this.#source = options.source;
    this.#journal = options.journal ?? null;
    this.lesson = lesson;
    this.abilities = abilities;
    this.steps = lesson.steps.filter((step) => applies(step.only, abilities));
    this.#tracker = new GoalTracker(
      () => (request) => this.#raw.exec(request),
      () => this.#ticked(),
    );
  }

  /**
   * Start, or go on from `progress`: checks the needs, sets the lesson up in the lab, and prepares the replay of what was typed.
   * @throws LessonNeeds when the lab lacks something the lesson needs; SetupError
   */
  static async start(options: SessionOptions): Promise<LessonSession> {
    const snapshot = await options.lab.snapshot();
    const abilities = await measureAbilities(options.lab, snapshot, mentioned(options.source));
    const needs = unmetNeeds(options.source, abilities);
    if (needs.length > 0) throw new LessonNeeds(needs);
    const seed = options.progress?.seed ?? options.seed ?? randomBytes(8).toString('hex');
    const session = new LessonSession(options, instantiate(options.source, seed, abilities), abilities);
    if (session.steps.length === 0)
      throw new SetupError(`lesson ${options.source.id} has no step that applies to this lab`);
    session.#restore(options.progress ?? null, seed);
    await session.#setUp();
    session.#plan = session.#planTo(session.#index, 'own');
    session.#follow();
    if (session.#typed.length === 0) {
      await session.#runPlanWithoutShell();
    }
    await session.#enter(options.progress?.step === session.step.id);
    return session;
  }

  // ---- what a view reads

  /** The lab for the view. It changes on undo, reset and jump: see `onLab`. */
  get lab(): Lab {
    return this.#lab;
  }

  get step(): Step {
    return this.steps[this.#index]!;
  }

  get stepIndex(): number {
    return this.#index;
  }

  get goals(): readonly GoalStatus[] {
    return this.#tracker.goals;
  }

  get snapshot(): Snapshot | null {
    return this.#tracker.snapshot;
  }

  get busy(): Bilingual | null {
    return this.#busy;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Something the learner should hear once, such as that a replay did not lead to the same state. */
  takeNotice(): Bilingual | null {
    const notice = this.#notice;
    this.#notice = null;
    return notice;
  }

  isMet(step: string): boolean {
    return this.#met.has(step);
  }

  /** Next is free: the goals are met (or were once), the question is answered, or there is nothing to do. */
  get complete(): boolean {
    return this.#met.has(this.step.id) || this.#isPassive(this.step);
  }

  get question(): Question {
    return this.#questions.get(this.step.id) ?? NO_QUESTION;
  }

  get hintsGiven(): readonly string[] {
    return this.#hints.get(this.step.id) ?? [];
  }

  get hintsLeft(): number {
    return this.step.hints.ladder.filter((rung) => !this.hintsGiven.includes(rung)).length;
  }

  get commands(): readonly Typed[] {
    return this.#typed;
  }

  get shell(): ShellSession | null {
    return this.#shell;
  }

  text(part: (text: StepText) => string, step = this.step.id): Bilingual {
    const real: RealOutput = { shown: step === this.step.id ? this.#shown : {}, outputs: this.#outputs };
    return stepProse(this.lesson, step, part, real);
  }

  /** The words of a hint given: prose, or the solution itself. */
  hintText(id: string): Bilingual {
    if (id !== 'solution') return this.text((text) => text.hints[id] ?? '');
    return solutionWords(this.step.solutions.filter((one) => applies(one.only, this.abilities)));
  }

  /** Lines of the solution that goes this way, else of the first one that applies to this lab. */
  solution(step = this.step, way?: Way): readonly Line[] | null {
    const fitting = step.solutions.filter((one) => applies(one.only, this.abilities));
    return (fitting.find((one) => one.way === way) ?? fitting[0])?.run ?? null;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Another lab from now on; the promise is awaited, so that the view has its new shell before the lesson goes on. */
  onLab(listener: (lab: Lab) => Promise<void>): () => void {
    this.#labListeners.add(listener);
    return () => this.#labListeners.delete(listener);
  }

  // ---- what a learner does

  async next(): Promise<Bilingual | null> {
    if (this.#busy) return null;
    if (!this.complete) return { en: 'not yet: see what the goals still want', zh: '还不行：看看目标还缺什么' };
    if (this.#isPassive(this.step)) this.#markMet(this.step);
    if (this.#index + 1 >= this.steps.length) {
      if (!this.#finished) this.#write({ e: 'finish' });
      this.#finished = true;
      this.#changed();
      return {
        en: 'that was the last step; stay and play on as long as you like',
        zh: '这是最后一步；你可以留下来继续探索',
      };
    }
    this.#index += 1;
    await this.#enter(false);
    return null;
  }

  /** Look at the step before. Its state is not rebuilt: `reset` does that. */
  async previous(): Promise<Bilingual | null> {
    if (this.#busy || this.#index === 0) return null;
    this.#index -= 1;
    await this.#enter(true);
    return null;
  }

  /** The next hint: first what the state itself tells, then the ladder. */
  async hint(): Promise<Bilingual | null> {
    const { step } = this;
    const given = [...this.hintsGiven];
    const nothingMissing = this.goals.every((goal) => goal.state === 'met');
    if (this.complete && nothingMissing)
      return { en: 'this step is done: nothing is missing', zh: '本步骤已完成，没有缺少任何东西' };
    const rule = await this.matchingRule();
    const id = rule !== null && !given.includes(rule) ? rule : step.hints.ladder.find((rung) => !given.includes(rung));
    if (id === undefined) return { en: 'there is no further hint', zh: '没有更多提示了' };
    this.#hints.set(step.id, [...given, id]);
    this.#write({ e: 'hint', step: step.id, hint: id });
    this.#changed();
    return null;
  }

  /** Id of the first hint rule that fits the present state. */
  async matchingRule(): Promise<string | null> {
    const snapshot = await this.#fresh();
    for (const rule of this.step.hints.rules) {
      const result = await evaluate(rule.when, {
        snapshot,
        exec: (request) => this.#raw.exec(request),
        memory: new Map(),
        now: () => performance.now(),
      });
      if (result.result === 'passed') return rule.id;
    }
    return null;
  }

  /** Back to the beginning of this step. */
  async reset(): Promise<Bilingual | null> {
    if (this.#busy) return null;
    const { id } = this.step;
    this.#write({ e: 'reset', step: id });
    this.#typed = this.#typed.filter((one) => one.step !== id);
    await this.#rebuild(this.#index, { en: 'rebuilding the beginning of this step', zh: '正在重建本步骤的起始状态' });
    return { en: 'this step begins anew', zh: '本步骤已重新开始' };
  }

  /** Take back the last command that may have changed something. */
  async undo(): Promise<Bilingual | null> {
    if (this.#busy) return null;
    const { id } = this.step;
    const own = this.#typed.filter((one) => one.step === id);
    const last = lastEffect(own);
    if (last < 0)
      return {
        en: 'nothing typed in this step has changed anything yet',
        zh: '在本步骤中还没有输入过会产生改变的命令',
      };
    const undone = own[last]!;
    const kept = own.slice(0, last);
    this.#write({ e: 'undo', step: id, count: own.length - last });
    this.#typed = [...this.#typed.filter((one) => one.step !== id), ...kept];
    await this.#rebuild(this.#index, { en: 'undoing', zh: '正在撤销' });
    const line = printable(undone.line);
    return { en: `undone: ${line}`, zh: `已撤销：${line}` };
  }

  /** Go to any step, with its state built. */
  async jump(target: string): Promise<Bilingual | null> {
    if (this.#busy) return null;
    const index = this.steps.findIndex((step, position) => step.id === target || String(position + 1) === target);
    if (index < 0) return { en: `there is no step ${printable(target)}`, zh: `没有步骤 ${printable(target)}` };
    this.#typed = this.#typed.filter((one) => this.#positionOf(one.step) < index);
    this.#write({ e: 'reset', step: this.steps[index]!.id });
    this.#index = index;
    await this.#rebuild(index, { en: 'building the state of that step', zh: '正在构建该步骤的状态' });
    return null;
  }

  /**
   * Rebuild the state in which this step's lines so far have been typed: for a presenter who goes back.
   * Lines of later steps are forgotten.
   */
  async rewind(target: string, lines: readonly string[]): Promise<void> {
    const index = this.#positionOf(target);
    if (this.#busy || index < 0) return;
    this.#write({ e: 'reset', step: target });
    this.#typed = [
      ...this.#typed.filter((one) => this.#positionOf(one.step) < index),
      ...lines.map((line) => ({ step: target, line, exit: 0 })),
    ];
    for (const line of lines) this.#write({ e: 'command', step: target, line, exit: 0 });
    for (const step of this.steps.slice(index)) {
      this.#met.delete(step.id);
      this.#questions.delete(step.id);
      for (const goal of step.goal) this.#goalsMet.delete(`${step.id}/${goal.id}`);
    }
    this.#index = index;
    await this.#rebuild(index, { en: 'going back', zh: '正在后退' });
  }

  /** Choose an option of a predict step; the truth is measured only now. */
  async predict(option: number): Promise<Bilingual | null> {
    const { predict, id } = this.step;
    if (!predict || option < 0 || option >= predict.options.length) return null;
    if (this.question.chosen !== null) return { en: 'you have already chosen', zh: '你已经选过了' };
    const measured = await this.measure(predict.truth);
    const truth =
      measured === null
        ? -1
        : predict.options.findIndex((one) =>
            one.is !== undefined ? one.is.trim() === measured : new RegExp(one.matches!).test(measured),
          );
    this.#questions.set(id, { ...NO_QUESTION, chosen: option, truth: truth < 0 ? null : truth, measured });
    this.#write({ e: 'predict', step: id, option, truth: truth < 0 ? null : truth });
    this.#markMet(this.step);
    this.#changed();
    return truth < 0 ? { en: 'the truth could not be measured here', zh: '这里无法测得真实结果' } : null;
  }

  /** Answer an answer step. The right answer is computed now, from the live system. */
  async answer(given: string): Promise<Bilingual | null> {
    const { answer, id } = this.step;
    if (!answer) return null;
    const measured = await this.measure(answer.truth);
    if (measured === null)
      return {
        en: 'the right answer could not be measured: is what it asks about still there?',
        zh: '无法测得正确答案：题目所问的对象还在吗？',
      };
    const right = sameAnswer(answer.accept, given, measured);
    this.#questions.set(id, {
      ...NO_QUESTION,
      given,
      verdict: right ? 'right' : 'wrong',
      measured: right ? measured : null,
    });
    this.#write({ e: 'answer', step: id, given: given.slice(0, 500), right });
    if (right) this.#markMet(this.step);
    this.#changed();
    return null;
  }

  /** What the live system says; null when it cannot be measured. */
  async measure(truth: Truth): Promise<string | null> {
    const snapshot = await this.#fresh();
    if (truth.snapshot !== undefined) {
      let value: unknown = snapshot;
      for (const part of truth.snapshot.split('/').slice(1))
        value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
      return value === undefined || value === null
        ? null
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);
    }
    const prefix = enter(snapshot, truth.in, 'all');
    if (prefix === null) return null;
    const result = await this.#raw.exec({
      argv: [...prefix, 'sh', '-c', truth.run ?? ''],
      timeoutMs: MEASURE_MS,
      actor: 'lesson',
      env: this.#environment(),
    });
    const text = plainOutput(result.stdout).trim();
    return result.exitCode === 0 || text !== '' ? text : null;
  }

  /** Evaluate all goals of the step now and wait for it: tests, verification after a replay. */
  async settle(): Promise<readonly GoalStatus[]> {
    const goals = await this.#tracker.settle(await this.#raw.snapshot());
    this.#ticked();
    return goals;
  }

  /** The learner's shell; opened here when no view has opened one. */
  ensureShell(cols = 100, rows = 30): Promise<ShellSession> {
    this.#shellReady ??= this.#openOwn(cols, rows);
    return this.#shellReady;
  }

  /** The shell has ended: the next `ensureShell` or terminal session opens another, in the state as it is. */
  forgetShell(): void {
    this.#shell = null;
    this.#shellReady = null;
  }

  /** Run the lesson's teardown and stop watching. The lab itself belongs to the caller. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unwatch();
    this.#tracker.close();
    for (const line of this.lesson.teardown) await this.#exec(line);
    this.#journal?.close();
  }

  /** Stop at once, as after a crash: no teardown. */
  async abandon(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    this.#tracker.close();
    this.#journal?.close();
  }

  // ---- within

  #isPassive(step: Step): boolean {
    return step.kind === 'explain' || step.kind === 'free' || (step.kind === 'observe' && step.goal.length === 0);
  }

  #positionOf(step: string): number {
    return this.steps.findIndex((one) => one.id === step);
  }

  #environment(): Record<string, string> {
    return { LESSON_FILES: fixtureDirectory(this.lesson.id) };
  }

  #write(event: JournalEvent): void {
    this.#journal?.append(event);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #restore(progress: Progress | null, seed: string): void {
    if (!progress) {
      this.#write({ e: 'start', lesson: this.lesson.id, seed, digest: this.lesson.text.en.digest });
      return;
    }
    this.#index = Math.max(0, progress.step === null ? 0 : this.#positionOf(progress.step));
    this.#typed = progress.commands.filter((command) => this.#positionOf(command.step) >= 0);
    this.#met = new Set(progress.met);
    for (const [step, hints] of Object.entries(progress.hints)) this.#hints.set(step, [...hints]);
    for (const [step, { option, truth }] of Object.entries(progress.predictions))
      this.#questions.set(step, { ...NO_QUESTION, chosen: option, truth });
    for (const [step, { given, right }] of Object.entries(progress.answers))
      this.#questions.set(step, { ...NO_QUESTION, given, verdict: right ? 'right' : 'wrong' });
    this.#finished = progress.finished;
  }

  #exec(line: Line): Promise<ExecResult> {
    return this.#raw.exec({
      argv: ['bash', '-c', line.run],
      env: this.#environment(),
      timeoutMs: 20_000,
      actor: 'lesson',
    });
  }

  async #execAll(lines: readonly Line[], what: string): Promise<void> {
    for (const line of lines) {
      const result = await this.#exec(line);
      const wrong = line.fails ? result.exitCode === 0 : result.exitCode !== 0 && line.anyExit === undefined;
      if (wrong)
        throw new SetupError(
          `${what}: \`${line.run}\` ended with ${result.exitCode}${result.stderr.trim() ? `: ${printable(result.stderr.trim().split('\n').at(-1)!)}` : ''}`,
        );
    }
  }

  /** Fixtures, shell integration and the lesson's own setup in a new lab. */
  async #setUp(): Promise<void> {
    await installShell(this.#raw);
    for (const fixture of this.lesson.fixtures) {
      const target = `${fixtureDirectory(this.lesson.id)}/${fixture}`;
      const content = readFileSync(join(this.lesson.directory, 'files', fixture));
      const script = 'mkdir -p "$(dirname "$0")" && base64 -d > "$0" && chmod "$1" "$0"';
      const executable = content.subarray(0, 2).toString() === '#!' ? '755' : '644';
      const done = await this.#raw.exec({
        argv: ['sh', '-c', script, target, executable],
        stdin: content.toString('base64'),
        actor: 'lesson',
      });
      if (done.exitCode !== 0) throw new SetupError(`cannot put ${fixture} into the lab: ${done.stderr.trim()}`);
    }
    await this.#execAll(this.lesson.setup, 'setup of the lesson');
  }

  #follow(): void {
    this.#unwatch();
    this.#unwatch = this.#raw.watch((event) => this.#tracker.observed(event));
    const watched = this.#raw;
    watched.onGone((reason, engineEnded) => {
      if (engineEnded === true) return;
      const why = { en: `${reason.en}; building a new lab`, zh: `${reason.zh}；正在重建实验室` };
      this.#replace(watched, why).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        this.#notice = {
          en: `${reason.en}; no new lab could be made: ${message}. Your progress is kept: leave and start again`,
          zh: `${reason.zh}；无法重建实验室：${message}。进度已保存：请退出后重新开始`,
        };
        this.#changed();
      });
    });
  }

  /** A new lab in the place of one that is gone, once what is under way is over; that may have replaced it already. */
  async #replace(gone: Lab, why: Bilingual): Promise<void> {
    while (this.#busy !== null && !this.#closed) await new Promise((resolve) => setTimeout(resolve, 50));
    if (!this.#closed && this.#raw === gone) await this.#rebuild(this.#index, why);
  }

  /** Lines that lead to the beginning of step `target`, and on to where the learner was in it. */
  #planTo(target: number, whose: 'own' | 'solutions'): PlanItem[] {
    const plan: PlanItem[] = [];
    for (const [index, step] of this.steps.entries()) {
      if (index > target) break;
      plan.push(...step.setup.map((line) => ({ exec: line })));
      const own = replayable(this.#typed.filter((one) => one.step === step.id)).slice(-REPLAY_LINES);
      // What was typed in a shell that nobody recorded cannot be typed again: the solution stands for it.
      const unseen = own.some((one) => opensUnseen(one.line));
      const met = this.#met.has(step.id);
      if (index === target && !(met && unseen))
        plan.push(...own.filter((one) => !opensUnseen(one.line)).map((one) => ({ type: one.line })));
      else if (whose === 'own' && met && own.length > 0 && !unseen)
        plan.push(...own.map((one) => ({ type: one.line })));
      else plan.push(...(this.solution(step) ?? []).map((line) => ({ type: line.run })));
    }
    return plan;
  }

  /** At a first start only setups are due: they need no shell. */
  async #runPlanWithoutShell(): Promise<void> {
    if (!this.#plan.every((item) => 'exec' in item)) return;
    await this.#execAll(
      this.#plan.map((item) => (item as { exec: Line }).exec),
      `setup of step ${this.step.id}`,
    );
    this.#plan = [];
  }

  /** Begin to look at a step. Its setup runs when it is entered going forward; a rebuild has done it already. */
  async #enter(built: boolean): Promise<void> {
    const { step } = this;
    if (!built && this.#index > 0) await this.#execAll(step.setup, `setup of step ${step.id}`);
    this.#write({ e: 'step', step: step.id });
    const kept: WatchedGoal[] = step.keep.flatMap(({ step: id, goal }) => {
      const earlier = this.steps.find((one) => one.id === id);
      return (earlier?.goal ?? [])
        .filter((one) => goal === null || one.id === goal)
        .map((one) => ({ step: id, id: one.id, check: withoutHold(one.check), kept: true }));
    });
    const own: WatchedGoal[] = step.goal.map((one) => ({ step: step.id, id: one.id, check: one.check, kept: false }));
    this.#tracker.watch([...own, ...kept], this.#goalsMet);
    await this.#fillShows();
    this.#changed();
  }

  async #fillShows(): Promise<void> {
    this.#shown = {};
    const entries = Object.entries(this.step.show);
    if (entries.length === 0) return;
    const snapshot = await this.#fresh();
    for (const [name, show] of entries) {
      const prefix = enter(snapshot, show.in, 'all');
      const result =
        prefix === null
          ? null
          : await this.#raw.exec({
              argv: [...prefix, 'sh', '-c', show.run],
              timeoutMs: MEASURE_MS,
              actor: 'lesson',
              env: this.#environment(),
            });
      this.#shown[name] = result === null ? '' : plainOutput(result.stdout + result.stderr).trimEnd();
    }
  }

  /** A snapshot not older than the last change that the engine has told of. */
  #fresh(): Promise<Snapshot> {
    return this.#raw.snapshot();
  }

  #ticked(): void {
    for (const goal of this.#tracker.goals) if (goal.state === 'met') this.#goalsMet.add(`${goal.step}/${goal.id}`);
    const { step } = this;
    const goals = this.#tracker.goals.filter((goal) => goal.step === step.id);
    const all = this.#tracker.goals;
    if (goals.length > 0 && all.every((goal) => goal.state === 'met') && !this.#busy) this.#markMet(step);
    this.#changed();
  }

  #markMet(step: Step): void {
    if (this.#met.has(step.id)) return;
    this.#met.add(step.id);
    this.#write({ e: 'met', step: step.id });
  }

  /** Throw the lab away and lead a new one to where the plan says. */
  async #rebuild(index: number, why: Bilingual): Promise<void> {
    this.#busy = why;
    this.#changed();
    try {
      await this.#renew(this.#planTo(index, 'own'));
      if (!(await this.#verified())) {
        await this.#renew(this.#planTo(index, 'solutions'));
        this.#notice = (await this.#verified())
          ? {
              en: 'your own commands did not lead back to the same state; the earlier steps were built with the solutions',
              zh: '重放你的命令没有得到相同的状态；已改用参考做法构建前面的步骤',
            }
          : { en: 'the state of the earlier steps could not be rebuilt wholly', zh: '未能完整重建前面步骤的状态' };
      }
    } finally {
      this.#busy = null;
    }
    await this.#enter(true);
  }

  async #renew(plan: readonly PlanItem[]): Promise<void> {
    this.#unwatch();
    this.#shell = null;
    this.#shellReady = null;
    this.#raw = await this.#raw.reset();
    this.#lab = this.#wrap(this.#raw);
    await this.#setUp();
    this.#plan = plan;
    this.#follow();
    for (const listener of this.#labListeners) await listener(this.#lab);
    await this.ensureShell();
  }

  /** Do the goals that this step builds on hold? */
  async #verified(): Promise<boolean> {
    const snapshot = await this.#raw.snapshot();
    for (const { step: id, goal } of this.step.keep) {
      for (const one of this.steps.find((step) => step.id === id)?.goal ?? []) {
        if (goal !== null && goal !== one.id) continue;
        const result = await evaluate(withoutHold(one.check), {
          snapshot,
          exec: (request) => this.#raw.exec(request),
          memory: new Map(),
          now: () => performance.now(),
        });
        if (result.result === 'notYet') return false;
      }
    }
    return true;
  }

  /** The lab as the view sees it: its first terminal session becomes the learner's shell. */
  #wrap(raw: Lab): Lab {
    return {
      info: raw.info,
      exec: (request) => raw.exec(request),
      snapshot: () => raw.snapshot(),
      watch: (listener) => raw.watch(listener),
      ledger: (since) => raw.ledger(since),
      watchLedger: (listener) => raw.watchLedger(listener),
      explain: () => raw.explain(),
      reset: () => raw.reset(),
      close: () => raw.close(),
      onGone: (listener) => raw.onGone(listener),
      openSession: async (request) => {
        if (this.#shellReady !== null || raw !== this.#raw) return raw.openSession(request);
        this.#shellReady = this.#adopt(raw, request);
        return (await this.#shellReady).view();
      },
    };
  }

  async #openOwn(cols: number, rows: number): Promise<ShellSession> {
    const nonce = randomBytes(16).toString('hex');
    const path = `/tmp/.glassbox-rc-${nonce.slice(0, 8)}`;
    const written = await this.#raw.exec({
      argv: ['sh', '-c', 'umask 077; cat > "$0"', path],
      stdin: `${shellRc(nonce)}rm -f -- ${path}\n`,
      actor: 'lesson',
    });
    if (written.exitCode !== 0)
      throw new SetupError(`cannot write the shell's start-up file in the lab: ${written.stderr.trim()}`);
    return this.#adopt(this.#raw, { argv: ['bash', '--rcfile', path, '-i'], cols, rows });
  }

  async #adopt(raw: Lab, request: SessionRequest): Promise<ShellSession> {
    const env = {
      ...shellEnvironment(process.env['LANG'] ?? 'C.UTF-8'),
      ...this.#environment(),
      ...(request.env ?? {}),
    };
    const session: Session = await raw.openSession({ ...request, env });
    const shell = new ShellSession(session);
    this.#shell = shell;
    shell.onActivity(() => this.#tracker.activity());
    const plan = this.#plan;
    this.#plan = [];
    if (plan.length > 0) await this.#replay(shell, plan);
    shell.onCommand((command) => this.#commanded(command));
    return shell;
  }

  async #replay(shell: ShellSession, plan: readonly PlanItem[]): Promise<void> {
    shell.mute(true);
    const marked = await shell.waitForPrompt(5000);
    for (const item of plan) {
      if ('exec' in item) await this.#execAll([item.exec], 'setup of a step');
      else if (marked && !shell.ended) await shell.run(item.type, { timeoutMs: LINE_MS });
      else await this.#exec({ run: item.type });
    }
    shell.mute(false);
    // One fresh prompt for the view, which has seen none of this.
    if (marked && !shell.ended) await shell.run('', { timeoutMs: 3000 });
  }

  #commanded(command: ShellCommand): void {
    if (this.#busy || this.#closed) return;
    const step = this.step.id;
    this.#typed.push({ step, line: command.line, exit: command.exitCode });
    this.#outputs[step] = command.output;
    this.#write({ e: 'command', step, line: command.line, exit: command.exitCode });
    if (!onlyReads(command.line)) this.#tracker.activity();
    this.#changed();
  }
}

/** Compare an answer with the truth as the lesson wants it. */
export function sameAnswer(accept: 'text' | 'number' | 'word' | 'list', given: string, truth: string): boolean {
  const fold = (text: string): string => text.trim().replace(/\s+/g, ' ');
  switch (accept) {
    case 'text':
      return fold(given) === fold(truth);
    case 'word':
      return fold(given).toLowerCase() === fold(truth).toLowerCase();
    case 'number': {
      const parse = (text: string): number => Number(fold(text).replace(/[,_]/g, ''));
      return fold(given) !== '' && Number.isFinite(parse(given)) && parse(given) === parse(truth);
    }
    case 'list': {
      const set = (text: string): string => [...new Set(fold(text).split(/[\s,，、]+/))].sort().join(' ');
      return set(given) === set(truth);
    }
  }
}
