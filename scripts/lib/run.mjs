import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { constants as os } from 'node:os';
import { delimiter, join } from 'node:path';

/** Directories in which programs are looked for: PATH, and the sbin ones that a plain user's PATH lacks. */
export function programDirs(env = process.env) {
  return [...new Set([...(env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean))];
}

/** @returns {string | null} the path of an executable file of this name */
export function findProgram(name, env = process.env) {
  for (const dir of programDirs(env)) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch (error) {
      if (!['ENOENT', 'EACCES', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(error.code)) throw error;
    }
  }
  return null;
}

/**
 * Run a program and wait for it. Its standard output goes to our standard error (or is kept with `capture`).
 * `onStart` is told the process id.
 * @returns {Promise<{code: number, output: string}>} `code` is 128+n when a signal ended it, 127 when it is not there
 */
export function run(file, args, { capture = false, onStart, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: capture ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2], ...options });
    if (child.pid !== undefined) onStart?.(child.pid);
    const chunks = [];
    child.stdout?.on('data', (bytes) => chunks.push(bytes));
    child.stderr?.on('data', (bytes) => chunks.push(bytes));
    child.on('error', (error) => {
      if (error.code === 'ENOENT') resolve({ code: 127, output: `${file}: not found\n` });
      else reject(error);
    });
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 128 + os.signals[signal], output: Buffer.concat(chunks).toString() }),
    );
  });
}
