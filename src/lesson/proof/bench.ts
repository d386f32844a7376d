/** A lab brought to the beginning of one step, and ways to try things there. Each try gets a lab of its own. */
import type { Engine, Lab } from '../../../engine/api/types.js';
import { hasCode } from '../../engine-client.js';
import { holdSeconds } from '../checks/evaluate.js';
import { PROBE_MS } from '../checks/probes.js';
import type { GoalStatus } from '../goals.js';
import type { Progress } from '../journal.js';
import { LessonSession } from '../session.js';
import type { ShellSession } from '../shell/shell-session.js';
import type { LessonSource } from '../source.js';
import type { Line } from '../types.js';

/**
 * How long a right solution may take until its goals tick, and a line until its prompt is back. Waiting ends as soon as it
 * is so; what is wrong waits for the whole bound, which a machine that does other work must not reach.
 */
export const SETTLE_MS = 20_000;
const LINE_MS = 60_000;

export interface Bench {
  readonly lab: Lab;
  readonly session: LessonSession;
  readonly shell: ShellSession;
  /** Type lines as the learner; returns what went otherwise than the lines say. */
  type(lines: readonly Line[]): Promise<string[]>;
  /** Goals, after they have had time to tick (or as soon as all are met). */
  goals(expect: 'met' | 'unmet'): Promise<readonly GoalStatus[]>;
}

function startAt(seed: string, step: string): Progress {
  return { seed, digest: '', step, commands: [], met: [], hints: {}, predictions: {}, answers: {}, finished: false };
}

/** Close a lab that may be gone already: then there is nothing to close. */
export async function closeLab(lab: Lab): Promise<void> {
  try {
    await lab.close();
  } catch (error) {
    if (!hasCode(error, 'NotFound')) throw error;
  }
}

/** Bring a fresh lab to a step's beginning, use it, and throw it away whatever happens. */
export async function withBench<T>(
  engine: Engine,
  source: LessonSource,
  seed: string,
  step: string,
  use: (bench: Bench) => Promise<T>,
): Promise<T> {
  const lab = await engine.createLab();
  let session: LessonSession | null = null;
  try {
    session = await LessonSession.start({ lab, source, seed, progress: startAt(seed, step) });
    const shell = await session.ensureShell();
    return await use(benchOf(lab, session, shell));
  } finally {
    try {
      await session?.close();
    } finally {
      await closeLab(lab);
    }
  }
}

export function benchOf(lab: Lab, session: LessonSession, shell: ShellSession): Bench {
  return {
    lab,
    session,
    shell,
    async type(lines) {
      const wrong: string[] = [];
      for (const line of lines) {
        const result = await shell.run(line.run, { timeoutMs: LINE_MS, asLearner: true });
        const shown = `\`${line.run}\``;
        if (result.ended) wrong.push(`${shown} ended the shell`);
        else if (result.timedOut)
          wrong.push(
            `${shown} did not give the prompt back within ${LINE_MS / 1000} s: ${result.output.split('\n').slice(-2).join(' ')}`,
          );
        else if (
          line.fails
            ? result.exitCode === 0
            : line.anyExit === undefined && result.exitCode !== 0 && result.exitCode !== null
        ) {
          wrong.push(`${shown} exited with ${result.exitCode}: ${result.output.split('\n').slice(-3).join(' ')}`);
        }
        if (result.ended) break;
      }
      return wrong;
    },
    async goals(expect) {
      const hold = Math.max(0, ...session.step.goal.map((goal) => holdSeconds(goal.check)));
      const deadline = performance.now() + (expect === 'met' ? SETTLE_MS : 0) + hold * 1000 + (hold > 0 ? PROBE_MS : 0);
      for (;;) {
        const goals = (await session.settle()).filter((goal) => goal.step === session.step.id);
        const kept = session.goals.filter((goal) => goal.kept);
        if ([...goals, ...kept].every((goal) => goal.state === 'met') || performance.now() >= deadline) return goals;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    },
  };
}

export function describeGoals(goals: readonly GoalStatus[]): string {
  return goals
    .map(
      (goal) =>
        `${goal.id}: ${goal.state}; expected ${goal.result?.expected.en ?? '?'}; observed ${goal.result?.observed.en ?? '?'} (${goal.result?.source ?? '-'})`,
    )
    .join('\n');
}
