import type { Context } from './context.js';
import type { Invocation } from './spec.js';

/** Hand over to the code of one command; each is imported only here. */
export async function dispatch(invocation: Invocation, context: Context): Promise<number> {
  switch (invocation.command.name) {
    case 'completion': {
      const { runCompletion } = await import('./run-completion.js');
      return runCompletion(invocation, context);
    }
    default:
      throw new Error(`no code for the command ${invocation.command.name}`);
  }
}
