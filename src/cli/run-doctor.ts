import { examine } from '../doctor/doctor.js';
import { renderReport } from '../doctor/render.js';
import { tryLab } from '../doctor/try-lab.js';
import { type Context, complain } from './context.js';
import type { Invocation } from './spec.js';

/** `glassbox doctor [--json]`: 0 when a lab can run here, 1 when it cannot. */
export async function runDoctor(invocation: Invocation, context: Context): Promise<number> {
  const { report, brokenLessons } = await examine({ env: { ...context.env }, stdout: context.stdout, tryLab });
  for (const text of brokenLessons) complain(context, text);
  const json = invocation.options['json'] !== undefined;
  context.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report, context));
  return report.verdict === 'cannot' ? 1 : 0;
}
