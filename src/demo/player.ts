/**
 * The presenter's hand: types the next command where everybody sees it, runs it, goes back, jumps. Every command is really executed in the
 * lab; going back throws the lab away and leads a new one to the earlier moment.
 */
import type { Bilingual } from '../../engine/api/types.js';
import type { LessonSession } from '../lesson/session.js';
import { type DemoStep, demoScript } from './script.js';

export interface DemoPosition {
  readonly step: string;
  readonly stepIndex: number;
  readonly steps: number;
  /** Lines of this step that have been run. */
  readonly done: number;
  readonly lines: number;
  /** The next line, null when the step's lines are all run. */
  readonly next: string | null;
  /** It stands at the prompt, not yet run. */
  readonly typed: boolean;
  readonly paused: boolean;
  readonly auto: boolean;
  readonly charactersPerSecond: number;
}

/** Speeds, characters a second; the last types at once. */
export const SPEEDS = [8, 15, 25, 45, 90, Number.POSITIVE_INFINITY] as const;

const RUN_MS = 30_000;
const GOAL_MS = 4000;

export class DemoPlayer {
  readonly session: LessonSession;
  readonly #script: readonly DemoStep[];
  readonly #listeners = new Set<() => void>();
  readonly problems: string[] = [];
  #at = 0;
  #done = 0;
  #typed = false;
  #paused = false;
  #auto = false;
  #speed: number;
  #working = false;
  #stop = false;

  constructor(session: LessonSession, speed = 2) {
    this.session = session;
    this.#script = demoScript(session);
    this.#speed = Math.min(Math.max(speed, 0), SPEEDS.length - 1);
  }

  get position(): DemoPosition {
    const step = this.#script[this.#at];
    return {
      step: step?.id ?? '',
      stepIndex: this.#at,
      steps: this.#script.length,
      done: this.#done,
      lines: step?.lines.length ?? 0,
      next: step?.lines[this.#done]?.run ?? null,
      typed: this.#typed,
      paused: this.#paused,
      auto: this.#auto,
      charactersPerSecond: SPEEDS[this.#speed]!,
    };
  }

  get script(): readonly DemoStep[] {
    return this.#script;
  }

  get atEnd(): boolean {
    return this.#at >= this.#script.length - 1 && this.position.next === null;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The presenter's notes of the present step, both languages. */
  get notes(): Bilingual {
    const { step } = this.position;
    return this.session.text((text) => text.demo, step);
  }

  /** Be at the first step of the demo, with the shell ready. */
  async begin(cols: number, rows: number): Promise<void> {
    await this.session.ensureShell(cols, rows);
    await this.#show();
  }

  /** Put the next line at the prompt, letter by letter; in a finished step go on to the next step. */
  async typeNext(): Promise<void> {
    await this.#exclusively(async () => {
      const line = this.#script[this.#at]?.lines[this.#done];
      if (!line) {
        await this.#goOn();
        return;
      }
      if (this.#typed) return;
      const shell = await this.session.ensureShell();
      await shell.waitForPrompt(RUN_MS);
      for (const char of line.run) {
        shell.write(char);
        const pause = 1000 / SPEEDS[this.#speed]!;
        if (pause > 0) await delay(pause * (0.6 + 0.8 * Math.random()));
        if (this.#stop) return;
      }
      this.#typed = true;
      this.#changed();
    });
  }

  /** Run what stands at the prompt; types it first when it does not stand there yet. */
  async runTyped(): Promise<void> {
    if (!this.#typed) await this.typeNext();
    if (!this.#typed) return;
    await this.#exclusively(async () => {
      const line = this.#script[this.#at]!.lines[this.#done]!;
      const shell = await this.session.ensureShell();
      shell.write('\r');
      this.#typed = false;
      const back = await shell.waitForPrompt(RUN_MS);
      this.#done += 1;
      if (!back) {
        this.problems.push(`${this.position.step}: \`${line.run}\` did not give the prompt back`);
        shell.write('\u0003');
        await shell.waitForPrompt(2000);
      }
      this.#changed();
    });
  }

  /** One line back, or to the end of the step before; the kernel's state goes back too. */
  async back(): Promise<void> {
    await this.#exclusively(async () => {
      if (this.#typed) {
        const shell = await this.session.ensureShell();
        shell.write('\u0015');
        this.#typed = false;
      } else if (this.#done > 0) {
        this.#done -= 1;
        await this.#rebuild();
      } else if (this.#at > 0) {
        this.#at -= 1;
        this.#done = Math.max(0, (this.#script[this.#at]?.lines.length ?? 0) - 1);
        await this.#rebuild();
      }
      this.#changed();
    });
  }

  /** To the beginning of a step, by id or number from 1. */
  async jump(target: string): Promise<boolean> {
    const index = this.#script.findIndex((step, position) => step.id === target || String(position + 1) === target);
    if (index < 0) return false;
    await this.#exclusively(async () => {
      this.#at = index;
      this.#done = 0;
      this.#typed = false;
      await this.#rebuild();
      this.#changed();
    });
    return true;
  }

  faster(): void {
    this.#speed = Math.min(this.#speed + 1, SPEEDS.length - 1);
    this.#changed();
  }

  slower(): void {
    this.#speed = Math.max(this.#speed - 1, 0);
    this.#changed();
  }

  pause(paused = !this.#paused): void {
    this.#paused = paused;
    this.#changed();
  }

  stop(): void {
    this.#stop = true;
  }

  /**
   * Play to the end without a hand.
   * @param pauseMs between lines; three times as long where the author wants a pause and between steps
   * @returns what went wrong, as sentences
   */
  async playAll(pauseMs: number): Promise<string[]> {
    this.#auto = true;
    this.#changed();
    while (!this.#stop) {
      while (this.#paused && !this.#stop) await delay(100);
      const line = this.#script[this.#at]?.lines[this.#done];
      if (line) {
        await delay(line.pauseBefore ? pauseMs * 3 : pauseMs);
        await this.typeNext();
        await delay(pauseMs / 2);
        await this.runTyped();
      } else {
        await this.#settleStep();
        if (this.atEnd) break;
        await delay(pauseMs * 3);
        await this.typeNext();
      }
    }
    this.#auto = false;
    this.#changed();
    return this.problems;
  }

  /** Answer the step's question and see that its goals are met, as the audience should. */
  async #settleStep(): Promise<void> {
    const { session } = this;
    const { step } = session;
    if (step.predict && session.question.chosen === null) await session.predict(0);
    if (step.answer && session.question.verdict !== 'right')
      await session.answer((await session.measure(step.answer.truth)) ?? '');
    const deadline = performance.now() + GOAL_MS;
    while (!session.complete && performance.now() < deadline) {
      await session.settle();
      if (!session.complete) await delay(200);
    }
    if (!session.complete) {
      const missing = session.goals
        .filter((goal) => goal.state !== 'met')
        .map((goal) => `${goal.id}: ${goal.result?.observed.en ?? goal.state}`);
      this.problems.push(`${step.id}: the goals are not met after the demo's lines: ${missing.join('; ')}`);
    }
  }

  async #goOn(): Promise<void> {
    if (this.#at >= this.#script.length - 1) return;
    await this.#settleStep();
    this.#at += 1;
    this.#done = 0;
    await this.#show();
  }

  /** Bring the lesson to the demo's step: by going on where the steps follow each other, else by a jump. */
  async #show(): Promise<void> {
    const { session } = this;
    const target = this.#script[this.#at]?.id;
    if (target === undefined) return;
    if (session.step.id !== target) {
      const before = session.stepIndex;
      await session.next();
      if (session.stepIndex === before || session.step.id !== target) await session.jump(target);
    }
    this.#changed();
  }

  async #rebuild(): Promise<void> {
    const step = this.#script[this.#at]!;
    await this.session.rewind(
      step.id,
      step.lines.slice(0, this.#done).map((line) => line.run),
    );
  }

  /** One thing at a time: keys pressed while something is under way are not queued. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      await work();
    } finally {
      this.#working = false;
    }
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
