import { closeSync, openSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { O, RESOLVE } from '../../kernel/constants.js';
import { ERRNO } from '../../kernel/errno.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';

/**
 * Where a path in a volume leads, without links: nowhere outside of it, whatever links a container has put there. Texts: moby,
 * internal/safepath/errors.go. openat2(2), RESOLVE_BENEATH.
 */
export function resolveSubpath(kernel: Kernel, directory: string, subpath: string): string {
  const base = openSync(directory, O.PATH | O.DIRECTORY | O.CLOEXEC);
  try {
    const how = Buffer.alloc(24);
    how.writeBigUInt64LE(BigInt(O.PATH | O.CLOEXEC), 0);
    how.writeBigUInt64LE(BigInt(RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS), 16);
    const place = kernel.call('openat2', base, subpath, how, how.length);
    if (place < 0) throw refusal(-place, directory, subpath);
    try {
      return readlinkSync(`/proc/self/fd/${place}`);
    } finally {
      closeSync(place);
    }
  } finally {
    closeSync(base);
  }
}

function refusal(errno: number, directory: string, subpath: string): EngineError {
  const cause = new SyscallError('openat2', errno, { path: subpath });
  if (errno === ERRNO.EXDEV)
    return new EngineError(
      'InvalidArgument',
      `path concatenation escapes the base directory, base: ${directory}, subpath: ${subpath}`,
      { cause },
    );
  const why = new Map<number, string>([
    [ERRNO.ENOENT, 'no such file or directory'],
    [ERRNO.ELOOP, 'too many levels of symbolic links'],
  ]).get(errno);
  if (why === undefined) return cause;
  const path = posix.join(directory, subpath);
  return new EngineError('NotFound', `cannot access path ${path}: lstat ${path}: ${why}`, { cause });
}
