import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { EngineError } from '../errors.js';

/**
 * Reading proc(5) while the processes that it describes come and go. A file of a process that has gone is `null`: that is
 * an answer, not a failure. Everything else that goes wrong (permission, no descriptors left) is thrown as it came.
 */

/** Largest proc file that is read; mountinfo of a busy machine is some 100 KiB, and one with 100,000 mounts (fs.mount-max) 20 MiB. */
const LARGEST = 32 << 20;
let buffer = Buffer.allocUnsafe(64 << 10);

/** Does this error say that the process, or the path in its root, went away: ENOENT, ENOTDIR, or ESRCH (an open file of it). */
export function hasVanished(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ESRCH' || errno === 'ENOTDIR';
}

/** The symbolic errno of an error that Node (`code`) or a system call of ours (`errno`) threw, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('errno' in error && typeof error.errno === 'string') return error.errno;
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Whole bytes of an open proc file from its start; valid until the next call of a function of this module.
 *
 * @throws EngineError ResourceExhausted when it is larger than is ever read: a part must not look like the whole
 */
export function readOpenProc(fd: number): Buffer {
  let length = 0;
  for (;;) {
    if (length === buffer.length) {
      if (buffer.length >= LARGEST)
        throw new EngineError('ResourceExhausted', `a file of proc is larger than ${LARGEST} bytes`);
      buffer = Buffer.concat([buffer], buffer.length * 2);
    }
    const got = readSync(fd, buffer, length, buffer.length - length, length);
    if (got === 0) return buffer.subarray(0, length);
    length += got;
  }
}

/** Text of a proc file (UTF-8, as file names and arguments are bytes that usually are), null when the process has gone. */
export function readProc(path: string): string | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (hasVanished(error)) return null;
    throw error;
  }
  try {
    return readOpenProc(fd).toString('utf8');
  } catch (error) {
    if (hasVanished(error)) return null;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The first bytes of a proc file, at most `bytes`; null when the process has gone. For files that a process can make as long as it likes. */
export function readProcStart(path: string, bytes: number): string | null {
  let fd: number | null = null;
  try {
    fd = openSync(path, 'r');
    const start = Buffer.alloc(bytes);
    return start.toString('utf8', 0, readSync(fd, start, 0, bytes, 0));
  } catch (error) {
    if (hasVanished(error)) return null;
    throw error;
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** Target of a proc link, null when the process has gone (or, for a zombie, when the link's object has). */
export function readProcLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (hasVanished(error)) return null;
    throw error;
  }
}
