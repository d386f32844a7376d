import { type Stats, utimesSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { AT } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/kernel.js';

const CHUNK = 4 << 20;
const MAX_XATTR = 64 * 1024;
const S_IFLNK = 0o120000;
/** Answers of a file system that cannot copy within the kernel. */
const NOT_INSIDE: readonly number[] = [ERRNO.EXDEV, ERRNO.EINVAL, ERRNO.ENOSYS, ERRNO.EOPNOTSUPP];
/** Attributes that a file system, or a user namespace, may not take: the copy is as good without them. */
const UNTAKEN: readonly number[] = [ERRNO.EOPNOTSUPP, ERRNO.EPERM];

/** Copy one file's content from its beginning, by copy_file_range(2) where it can be; others get a turn between the pieces. */
export async function copyBytes(kernel: Kernel, input: number, output: number): Promise<void> {
  let inside = true;
  const buffer = Buffer.alloc(256 * 1024);
  for (;;) {
    if (inside) {
      const copied = kernel.call('copy_file_range', input, null, output, null, CHUNK, 0);
      if (copied === 0) return;
      if (copied < 0 && !NOT_INSIDE.includes(-copied)) throw new SyscallError('copy_file_range', -copied);
      if (copied < 0) inside = false;
    } else {
      const count = kernel.call('read', input, buffer, buffer.length);
      if (count < 0) throw new SyscallError('read', -count);
      if (count === 0) return;
      for (let at = 0; at < count; ) {
        const written = kernel.call('write', output, buffer.subarray(at, count), count - at);
        if (written < 0) throw new SyscallError('write', -written);
        at += written;
      }
    }
    await turn();
  }
}

/**
 * Give an open file (O_PATH) the owner, mode, extended attributes and times of another: the owner first, for a change of it
 * clears set-user-id and capabilities.
 */
export function copyAttributes(kernel: Kernel, from: number, to: number, stat: Stats): void {
  const isLink = (stat.mode & 0o170000) === S_IFLNK;
  const owned = kernel.call('fchownat', to, '', stat.uid, stat.gid, AT.EMPTY_PATH);
  if (owned < 0) throw new SyscallError('fchownat', -owned, { while: 'copying into a volume' });
  if (isLink) return;
  const path = `/proc/self/fd/${to}`;
  const mode = kernel.call('fchmodat', AT.FDCWD, path, stat.mode & 0o7777);
  if (mode < 0) throw new SyscallError('fchmodat', -mode, { while: 'copying into a volume' });
  copyXattrs(kernel, `/proc/self/fd/${from}`, path);
  utimesSync(path, stat.atimeMs / 1000, stat.mtimeMs / 1000);
}

/** All but what belongs to overlay itself. xattr(7) */
function copyXattrs(kernel: Kernel, from: string, to: string): void {
  const list = Buffer.alloc(MAX_XATTR);
  const length = kernel.call('listxattr', from, list, list.length);
  if (length <= 0) return;
  const value = Buffer.alloc(MAX_XATTR);
  for (const name of list.toString('latin1', 0, length).split('\0')) {
    if (name === '' || /^(trusted|user)\.overlay\./.test(name)) continue;
    const size = kernel.call('getxattr', from, name, value, value.length);
    if (size < 0) continue;
    const set = kernel.call('setxattr', to, name, value.subarray(0, size), size, 0);
    if (set < 0 && !UNTAKEN.includes(-set))
      throw new SyscallError('setxattr', -set, { while: 'copying into a volume' });
  }
}
