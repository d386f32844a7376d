import { type Context, say } from '../context.js';
import { CliError, messageOf } from '../errors.js';

/** How many requests are under way at once, as docker has it. */
const AT_ONCE = 50;

/** Do something to each of the named objects, at once; then print the names of those it was done to, and all errors. */
export async function forEach(
  context: Context,
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
): Promise<number> {
  const results: Promise<unknown>[] = [];
  const running = new Set<Promise<unknown>>();
  for (const name of names) {
    if (running.size >= AT_ONCE) await Promise.race(running);
    const done = act(name).then(
      () => null,
      (error: unknown) => error ?? new Error('unknown'),
    );
    running.add(done);
    void done.then(() => running.delete(done));
    results.push(done);
  }
  const failures: string[] = [];
  for (const [index, name] of names.entries()) {
    const error = await results[index];
    if (error === null) await say(context, name);
    else failures.push(messageOf(error));
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
  return 0;
}

/** A container's path of the API. */
export const container = (name: string, rest = ''): string => `/containers/${encodeURIComponent(name)}${rest}`;
