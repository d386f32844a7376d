import { closeSync, openSync } from 'node:fs';
import { ERRNO } from '../errno.js';
import { SyscallError } from '../errors.js';
import type { Kernel } from '../kernel.js';

/** Flags of open(2), the same on x86-64 and arm64 except O_DIRECTORY and O_NOFOLLOW. */
const arm = process.arch === 'arm64';
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = arm ? 0o40000 : 0o200000;
export const O_NOFOLLOW = arm ? 0o100000 : 0o400000;

const RESOLVE_NO_XDEV = 0x01;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_IN_ROOT = 0x10;

/**
 * Open a path as a process with another root sees it, with openat2(2) RESOLVE_IN_ROOT: a symbolic link there, absolute or
 * full of `..`, cannot lead out of that root. Never creates.
 *
 * @param rootDir a path of ours to the directory that shall be `/`, such as `/proc/123/root`
 * @returns a new descriptor, close-on-exec
 * @throws SyscallError
 */
export function openInRoot(kernel: Kernel, rootDir: string, path: string, flags: number): number {
  const root = openSync(rootDir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  try {
    return openBeneath(kernel, root, path, flags);
  } finally {
    closeSync(root);
  }
}

/** As `openInRoot` for a root that is already open. */
export function openBeneath(kernel: Kernel, rootFd: number, path: string, flags: number): number {
  const fd = tryOpenBeneath(kernel, rootFd, path, flags);
  if (fd < 0) throw new SyscallError('openat2', -fd, { path });
  return fd;
}

/** As `openBeneath`: a descriptor or a negated errno. A path may be bytes that end with a NUL. */
export function tryOpenBeneath(kernel: Kernel, rootFd: number, path: string | Uint8Array, flags: number): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16);
  for (let tries = 1; ; tries++) {
    const fd = kernel.call('openat2', rootFd, path === '' ? '.' : path, how, how.length);
    if (fd !== -ERRNO.EAGAIN || tries === TRIES) return fd;
  }
}

/** openat2(2) answers EAGAIN when a rename elsewhere made it unsure of a `..`. */
const TRIES = 1000;

/**
 * Open a name in an open directory, following no link and entering no other mount.
 *
 * @param name as the directory has it: bytes, without a NUL
 * @returns a descriptor or a negated errno: ELOOP or ENOTDIR for a link, EXDEV for a mount point
 */
export function openEntry(kernel: Kernel, dirFd: number, name: Uint8Array, flags: number): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_NOFOLLOW | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS), 16);
  return kernel.call('openat2', dirFd, Buffer.concat([name, Buffer.alloc(1)]), how, how.length);
}
