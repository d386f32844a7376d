import type { Runtime } from '../runtime.js';
import { main } from './main.js';
import { isTerminal, writeAll } from './world.js';

const processWorld = {
  env: process.env,
  out: (text: string) => writeAll(1, text),
  err: (text: string) => writeAll(2, text),
  errIsTerminal: () => isTerminal(2),
};

/** What keeps the process from ending although nothing is left to do (a terminal that is still read) is given this long. */
const LINGER_MS = 200;

/**
 * Be the command, to the end of the process. It is not left by `exit` as long as a thread of the runtime may wait in the
 * kernel: that thread's memory would be taken from under it. bin/glassbox-runtime.cjs calls this.
 */
export async function start(argv: readonly string[]): Promise<void> {
  const opened: Runtime[] = [];
  process.exitCode = await main(argv, {
    ...processWorld,
    cwd: process.cwd(),
    open: async (options) => {
      const { Runtime } = await import('../runtime.js');
      const runtime = new Runtime(options);
      opened.push(runtime);
      return runtime;
    },
  });
  if (opened.length === 0) process.exit();
  for (const runtime of opened) runtime.close();
  const { realKernel } = await import('../../kernel/kernel.js');
  // what Node would still give back piece by piece, in 2 ms, the kernel takes at once
  process.once('exit', (code) => realKernel.call('exit_group', code));
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
