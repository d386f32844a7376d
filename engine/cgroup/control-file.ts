import { closeSync, existsSync, openSync, readSync, writeSync } from 'node:fs';
import { O } from '../kernel/constants.js';
import { SyscallError } from '../kernel/errors.js';
import { type RecordChange, wroteFile } from './changes.js';

/** Control files are read in one piece; the longest (memory.stat, devices.list of a long list) are some KiB. */
let buffer = Buffer.allocUnsafe(64 << 10);

/** A refusal of node:fs as the error that names the call and the file. */
export function refusal(syscall: string, path: string, error: unknown, during?: string): SyscallError {
  const { errno } = error as NodeJS.ErrnoException;
  if (typeof errno !== 'number') throw error;
  return new SyscallError(syscall, -errno, {
    path,
    cause: error,
    ...(during === undefined ? {} : { while: during }),
  });
}

/** Errno of what a function of node:fs or of this file threw: `ENOENT`. */
export function errnoName(error: unknown): string | undefined {
  if (error instanceof SyscallError) return error.errno;
  return (error as NodeJS.ErrnoException).code;
}

function open(path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    throw refusal('openat', path, error);
  }
}

/**
 * Write values to one control file, each with a write(2) of its own as such files want it. The file is never made:
 * a missing one is ENOENT, which says that the controller is not there. Refused values are in the message, as in runc.
 */
export function writeControl(path: string, values: string | readonly string[], record?: RecordChange): void {
  const fd = open(path, O.WRONLY);
  try {
    for (const value of typeof values === 'string' ? [values] : values) {
      try {
        writeSync(fd, value);
      } catch (error) {
        record?.({ ...wroteFile(path, value), errno: errnoName(error) ?? 'unknown' });
        throw refusal('write', path, error, `failed to write ${JSON.stringify(value)}`);
      }
      record?.(wroteFile(path, value));
    }
  } finally {
    closeSync(fd);
  }
}

/** The whole text of a control file, without the last new line. */
export function readControl(path: string): string {
  const fd = open(path, O.RDONLY);
  try {
    for (let length = 0; ; ) {
      const got = readSync(fd, buffer, length, buffer.length - length, null);
      length += got;
      if (got === 0) return buffer.toString('utf8', 0, length).trimEnd();
      if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
    }
  } catch (error) {
    throw refusal('read', path, error);
  } finally {
    closeSync(fd);
  }
}

/** The text, or null when there is no such file or the group is gone. */
export function readControlIfThere(path: string): string | null {
  if (!existsSync(path)) return null;
  try {
    return readControl(path);
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes(errnoName(error) ?? '')) return null;
    throw error;
  }
}
