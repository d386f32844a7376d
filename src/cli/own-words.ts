import type { Invocation } from './spec.js';

/** The command's own words and options again, without the global ones: for commands that read them themselves. */
export function ownWords({ command, given, words }: Invocation): readonly string[] {
  const own = new Set(command.options.map((option) => option.name));
  const options = given
    .filter(({ name }) => own.has(name))
    .flatMap(({ name, value }) => (value === true ? [`--${name}`] : [`--${name}`, value]));
  return [...words, ...options];
}
