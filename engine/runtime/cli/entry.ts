import { fstatSync } from 'node:fs';
import type { Runtime } from '../runtime.js';
import { main } from './main.js';
import { writeAll } from './world.js';

const processWorld = {
  env: process.env,
  out: (text: string) => writeAll(1, text),
  err: (text: string) => writeAll(2, text),
  errIsTerminal: () => isTerminal(2),
};

/** Majors of Documentation/admin-guide/devices.txt: consoles and serial lines, and the pseudoterminals of devpts. */
const TERMINAL_MAJORS = new Set([4, 5, 204, 136, 137, 138, 139, 140, 141, 142, 143]);

/** isatty(3), without node:tty, which loads Node's network: 3 ms that every failure would wait for. */
function isTerminal(fd: number): boolean {
  const found = fstatSync(fd);
  return found.isCharacterDevice() && TERMINAL_MAJORS.has((found.rdev >> 8) & 0xfff);
}

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
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
