import { closeSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { posix } from 'node:path';
import { O } from '../kernel/constants.js';
import { SyscallError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/kernel.js';
import { openInRoot } from '../kernel/namespaces/open-in-root.js';

/**
 * Make a directory or an empty file, and the directories that lead to it, one name after the other below descriptors, so that
 * no link leads out of the root. A link that leads nowhere is left as it is. openat2(2), mkdir(2).
 */
export function makeInRoot(kernel: Kernel, root: string, path: string, kind: 'directory' | 'file'): void {
  const names = posix.normalize(path).split('/').slice(1);
  let parent = openInRoot(kernel, root, '/', O.PATH | O.DIRECTORY);
  try {
    for (const [index, name] of names.entries()) {
      const place = `/${names.slice(0, index + 1).join('/')}`;
      const own = `/proc/self/fd/${parent}/${name}`;
      const isFile = kind === 'file' && index === names.length - 1;
      let next: number;
      try {
        next = openInRoot(kernel, root, place, isFile ? O.PATH : O.PATH | O.DIRECTORY);
      } catch (error) {
        if (!(error instanceof SyscallError && error.errno === 'ENOENT')) throw error;
        if (lstatSync(own, { throwIfNoEntry: false }) !== undefined) return;
        if (isFile) closeSync(openSync(own, 'wx', 0o755));
        else mkdirSync(own, { mode: 0o755 });
        next = openInRoot(kernel, root, place, O.PATH);
      }
      closeSync(parent);
      parent = next;
    }
  } finally {
    closeSync(parent);
  }
}
