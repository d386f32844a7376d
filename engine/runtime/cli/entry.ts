import { fstatSync } from 'node:fs';
import { main } from './main.js';
import { type World, writeAll } from './world.js';

const processWorld: World = {
  env: process.env,
  get cwd() {
    return process.cwd();
  },
  out: (text) => writeAll(1, text),
  err: (text) => writeAll(2, text),
  errIsTerminal: () => isTerminal(2),
  open: async (options) => {
    const { Runtime } = await import('../runtime.js');
    return new Runtime(options);
  },
};

/** Majors of Documentation/admin-guide/devices.txt: consoles and serial lines, and the pseudoterminals of devpts. */
const TERMINAL_MAJORS = new Set([4, 5, 204, 136, 137, 138, 139, 140, 141, 142, 143]);

/** isatty(3), without node:tty, which loads Node's network: 3 ms that every failure would wait for. */
function isTerminal(fd: number): boolean {
  const found = fstatSync(fd);
  return found.isCharacterDevice() && TERMINAL_MAJORS.has((found.rdev >> 8) & 0xfff);
}

/**
 * Be the command, to the exit of the process: what was left open (a terminal that is still read) must not keep it.
 * `bin/glassbox-runtime.mjs` calls this.
 */
export async function start(argv: readonly string[]): Promise<never> {
  process.exit(await main(argv, processWorld));
}
