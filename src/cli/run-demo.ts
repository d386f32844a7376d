import { demoCommand } from '../demo/command.js';
import { connectEngine } from '../engine-client.js';
import { type Context, complain } from './context.js';
import { ownWords } from './own-words.js';
import { showScreen, surfaceOf } from './show-screen.js';
import { type Invocation, UsageError } from './spec.js';

/** `glassbox demo LESSON …`: on the full screen where there is one, else in the terminal as it is. */
export function runDemo(invocation: Invocation, context: Context): Promise<number> {
  if (invocation.words.length === 0 && invocation.options['notes'] === undefined) {
    throw new UsageError({ en: 'LESSON is missing', zh: '缺少 LESSON' }, invocation.command);
  }
  const surface = surfaceOf(context);
  if (surface.kind === 'lines' && !context.plain) {
    complain(
      context,
      { en: '{why}; showing it in lines', zh: '{why}；改用逐行显示' },
      { why: surface.why[context.language] },
    );
  }
  return demoCommand(ownWords(invocation), {
    ...context,
    connect: connectEngine,
    ...(surface.kind === 'screen' && !context.plain ? { show: (shown) => showScreen(shown, context) } : {}),
  });
}
