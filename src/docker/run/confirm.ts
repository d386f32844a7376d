import { createInterface } from 'node:readline';
import type { Context } from '../context.js';
import { write } from '../io.js';

/** Ask on standard output; only y or yes agrees, the end of the input does not. */
export async function confirm(context: Context, question: string): Promise<boolean> {
  await write(context.stdout, `${question} [y/N] `);
  const lines = createInterface({ input: context.stdin });
  try {
    for await (const line of lines) return /^y(?:es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}
