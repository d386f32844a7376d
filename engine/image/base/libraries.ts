import { execFile } from 'node:child_process';
import { realpath, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { EngineError } from '../../kernel/errors.js';
import type { ImageTree } from './tree.js';

const run = promisify(execFile);

/** What one of the machine's own programs prints. Only programs of the machine are run here, never of an image. */
export async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(program, args, {
    encoding: 'utf8',
    timeout: 20_000,
    maxBuffer: 1 << 20,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  return stdout;
}

/** The first of these that is a file, or null. */
export async function firstFile(paths: readonly string[]): Promise<string | null> {
  for (const path of paths)
    try {
      if ((await stat(path)).isFile()) return path;
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  return null;
}

/**
 * The shared libraries and the loader of a program, as the machine's loader finds them, under the names by which it does.
 * Empty for a static program. ld.so(8), ldd(1)
 */
export async function librariesOf(program: string): Promise<string[]> {
  let text: string;
  try {
    text = await outputOf('ldd', [program]);
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string };
    if (/not a dynamic executable|not a valid dynamic program/i.test(stderr + stdout)) return [];
    throw new EngineError('FailedPrecondition', `cannot tell what libraries ${program} needs`, { cause: error });
  }
  if (/statically linked/.test(text)) return [];
  const missing = /^\s*(\S+) => not found/m.exec(text)?.[1];
  if (missing !== undefined)
    throw new EngineError('FailedPrecondition', `${program} needs ${missing}, which is not on this machine`);
  return [
    ...new Set([...text.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)].map(([, path]) => path ?? '')),
  ].sort();
}

/** Put a program of the machine into a tree, with what it needs to run there. */
export async function addProgram(tree: ImageTree, source: string, path: string): Promise<void> {
  tree.file(path, { source: await realpath(source) }, 0o755);
  for (const library of await librariesOf(source))
    tree.file(library.replace(/^\/+/, ''), { source: await realpath(library) }, 0o755);
}
