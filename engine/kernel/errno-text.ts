import { getSystemErrorMap } from 'node:util';
import { ERRNO, type ErrnoName } from './errno.js';
import { EngineError, SyscallError } from './errors.js';

/** The text of an errno value (positive) as strerror(3) has it, in lower case as Go prints it: `no such file or directory`. */
export function errnoText(errno: number): string {
  const text = getSystemErrorMap().get(-errno)?.[1] ?? UNKNOWN_TO_LIBUV[errno] ?? `errno ${errno}`;
  return GO_TEXTS[text] ?? text;
}

const UNKNOWN_TO_LIBUV: Readonly<Record<number, string>> = {
  [ERRNO.ENOEXEC]: 'exec format error',
  [ERRNO.EUSERS]: 'too many users',
  [ERRNO.EDQUOT]: 'disk quota exceeded',
};

/** Where libuv's words are not those of strerror(3). */
const GO_TEXTS: Readonly<Record<string, string>> = {
  'too many symbolic links encountered': 'too many levels of symbolic links',
  'resource busy or locked': 'device or resource busy',
  'illegal operation on a directory': 'is a directory',
  'not enough memory': 'cannot allocate memory',
  'i/o error': 'input/output error',
  'file already exists': 'file exists',
  'name too long': 'file name too long',
  'file table overflow': 'too many open files in system',
  'bad address in system call argument': 'bad address',
  'cross-device link not permitted': 'invalid cross-device link',
  'operation not supported on socket': 'operation not supported',
  'result too large': 'numerical result out of range',
  'text file is busy': 'text file busy',
};

/**
 * What an error says to those who know Docker's and runc's words: `open /x: no such file or directory`, where our own errors
 * name the errno.
 *
 * @param doing said instead of the call and its path, of an error of node:fs
 */
export function wordsOf(error: unknown, doing?: string): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof SyscallError && error.message.endsWith(`: ${error.errno}`))
    return `${error.message.slice(0, -error.errno.length)}${errnoText(ERRNO[error.errno as ErrnoName])}`;
  const { errno, syscall, path } = error as NodeJS.ErrnoException;
  if (error instanceof EngineError || errno === undefined || syscall === undefined) return error.message;
  return `${doing ?? (path === undefined ? syscall : `${syscall} ${path}`)}: ${errnoText(-errno)}`;
}
