import { connectEngine } from '../engine-client.js';
import { LESSON_COMMANDS } from '../lesson/commands.js';
import type { Context } from './context.js';
import type { Invocation } from './spec.js';

/** `glassbox lesson …`: the lesson engine's own commands, which read their words themselves. */
export function runLesson({ command, given, words }: Invocation, context: Context): Promise<number> {
  const name = command.name.split(' ')[1]!;
  const own = new Set(command.options.map((option) => option.name));
  const options = given
    .filter((option) => own.has(option.name))
    .flatMap(({ name: option, value }) => (value === true ? [`--${option}`] : [`--${option}`, value]));
  return LESSON_COMMANDS[name]!([...words, ...options], { ...context, connect: connectEngine });
}
