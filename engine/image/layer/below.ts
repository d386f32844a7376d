import { AT, O, RESOLVE } from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { cString } from '../tar/names.js';
import { type Status, statusOf } from './status.js';

const ENOENT = -2;

/**
 * The directory of this path in the topmost layer that has it; null when there is none, or something else (a file, a link, a
 * whiteout) hides it.
 *
 * @param lower directories of the layers, topmost first
 */
export function directoryBelow(kernel: Kernel, lower: readonly string[], path: string): Status | null {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(O.PATH | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS), 16);
  for (const directory of lower) {
    const root = kernel.call('openat', AT.FDCWD, cString(directory), O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
    if (root < 0) throw new SyscallError('openat', -root, { path: directory, while: 'look at a layer below' });
    const fd = kernel.call('openat2', root, cString(path), how, how.length);
    kernel.call('close', root);
    if (fd === ENOENT) continue;
    if (fd < 0) return null;
    try {
      return statusOf(kernel, fd);
    } finally {
      kernel.call('close', fd);
    }
  }
  return null;
}
