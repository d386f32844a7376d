import type { LabOptions } from '../../engine/api/types.js';
import type { Context } from './context.js';
import { reportFailure } from './report-failure.js';
import type { Invocation } from './spec.js';

/** No lab could be made; the command was never tried. env(1), nohup(1) and docker run use it in the same way. */
const EXIT_NO_LAB = 125;

/** `glassbox play [--keep NAME] [-- CMD…]`. */
export async function runPlay(invocation: Invocation, context: Context): Promise<number> {
  const keep = invocation.options['keep'];
  const options: LabOptions = typeof keep === 'string' ? { keep } : {};
  if (invocation.tail === null) {
    const { openSandbox } = await import('../sandbox/sandbox.js');
    return openSandbox(options, context);
  }
  const { runPassthrough } = await import('../engine-client.js');
  try {
    return await runPassthrough(invocation.tail, { ...options, env: { GLASSBOX_LANG: context.language } });
  } catch (error) {
    reportFailure(error, context);
    return EXIT_NO_LAB;
  }
}
