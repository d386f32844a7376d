import { loadCatalogue } from '../lesson/catalogue.js';
import { COMMAND_LINE } from './commands.js';
import { completionScript, type Shell } from './completion.js';
import type { Context } from './context.js';
import type { Invocation } from './spec.js';

/** `glassbox completion SHELL`. The parser has made sure that the word is one of the three shells. */
export function runCompletion(invocation: Invocation, context: Context): number {
  const lessons = loadCatalogue().lessons.map((lesson) => lesson.id);
  context.stdout.write(completionScript(COMMAND_LINE, invocation.words[0] as Shell, lessons));
  return 0;
}
