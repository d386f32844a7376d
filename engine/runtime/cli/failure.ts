import { statSync } from 'node:fs';
import { wordsOf } from '../../kernel/errno-text.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';

/** An error that decides the exit code; the message is printed as it is. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

/** Whether `path` can be gone to; the sentence names it as it was given. */
export function requireDirectory(path: string, given: string): void {
  try {
    if (!statSync(path).isDirectory()) throw new CliError(`chdir ${given}: not a directory`);
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(wordsOf(error, `chdir ${given}`));
  }
}

/**
 * A call that the kernel refused while a process was being made, and a hook that failed, are told as runc does, and Docker looks for
 * these words.
 */
export function startFailure(error: unknown): string {
  const words = wordsOf(error);
  if (words.startsWith('error running hook #'))
    return `unable to start container process: error during container init: ${words}`;
  return `${error instanceof SyscallError ? 'unable to start container process: ' : ''}${words}`;
}

export const isNotFound = (error: unknown): boolean => error instanceof EngineError && error.code === 'NotFound';
export const isAborted = (error: unknown): boolean => error instanceof EngineError && error.code === 'Aborted';
