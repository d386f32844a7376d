/** What a demo types: made of the lesson itself. Explaining steps give their code blocks, the others a solution. */

import { shellLines } from '../lesson/prose.js';
import type { LessonSession } from '../lesson/session.js';
import type { Step } from '../lesson/types.js';
import { fill } from '../lesson/variables.js';

export interface DemoLine {
  readonly run: string;
  /** Unattended play stops here for longer; with keys it makes no difference. */
  readonly pauseBefore: boolean;
  readonly fails: boolean;
}

export interface DemoStep {
  readonly id: string;
  readonly lines: readonly DemoLine[];
}

/** Steps of the demo, those that are left out excepted. */
export function demoScript(session: LessonSession): DemoStep[] {
  return session.steps
    .filter((step) => !step.demo.skip)
    .map((step) => ({ id: step.id, lines: linesOf(session, step) }));
}

function linesOf(session: LessonSession, step: Step): DemoLine[] {
  const pauses = new Set(step.demo.pauses);
  const solution = step.solutions.length > 0 ? session.solution(step, step.demo.way) : null;
  const given = step.demo.run ?? solution;
  const lines = given
    ? given.map((line) => ({ run: line.run, fails: line.fails === true || line.anyExit !== undefined }))
    : shellLines(session.lesson.text.en.steps[step.id]?.body ?? '').map((line) => ({
        run: fill(line.run, session.lesson.vars).text,
        fails: line.fails,
      }));
  return lines.map((line, index) => ({ ...line, pauseBefore: pauses.has(index) }));
}
