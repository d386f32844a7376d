import { connectEngine } from '../engine-client.js';
import { LESSON_COMMANDS } from '../lesson/commands.js';
import type { Context } from './context.js';
import { ownWords } from './own-words.js';
import type { Invocation } from './spec.js';

/** `glassbox lesson …`: the lesson engine's own commands, which read their words themselves. */
export function runLesson(invocation: Invocation, context: Context): Promise<number> {
  const name = invocation.command.name.split(' ')[1]!;
  return LESSON_COMMANDS[name]!(ownWords(invocation), { ...context, connect: connectEngine });
}
