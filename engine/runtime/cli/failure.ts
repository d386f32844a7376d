import { statSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { EngineError, SyscallError } from '../../kernel/errors.js';

/** An error that decides the exit code; the message is printed as it is. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

/** Where libuv's words are not strerror(3)'s. Docker and podman look for those in what a runtime prints. */
const WORDS: Readonly<Record<string, string>> = {
  EEXIST: 'file exists',
  EISDIR: 'is a directory',
  EPERM: 'operation not permitted',
  EINVAL: 'invalid argument',
  EBUSY: 'device or resource busy',
  ENXIO: 'no such device or address',
  ESRCH: 'no such process',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
};

/**
 * What an error says, in the words of Go and strerror(3): `open /x: no such file or directory`.
 * @param doing said instead of the call and its path
 */
export function messageOf(error: unknown, doing?: string): string {
  if (error instanceof EngineError || !(error instanceof Error))
    return error instanceof Error ? error.message : String(error);
  const { code, errno, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || errno === undefined || syscall === undefined) return error.message;
  const words = WORDS[code] ?? getSystemErrorMap().get(errno)?.[1] ?? code;
  return `${doing ?? (path === undefined ? syscall : `${syscall} ${path}`)}: ${words}`;
}

/** Whether `path` can be gone to; the sentence names it as it was given. */
export function requireDirectory(path: string, given: string): void {
  try {
    if (!statSync(path).isDirectory()) throw new CliError(`chdir ${given}: not a directory`);
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(messageOf(error, `chdir ${given}`));
  }
}

/** A call that the kernel refused while a process was being made is told as runc does, and Docker looks for these words. */
export function startFailure(error: unknown): string {
  return `${error instanceof SyscallError ? 'unable to start container process: ' : ''}${messageOf(error)}`;
}

export const isNotFound = (error: unknown): boolean => error instanceof EngineError && error.code === 'NotFound';
export const isAborted = (error: unknown): boolean => error instanceof EngineError && error.code === 'Aborted';
