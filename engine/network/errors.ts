import { EngineError } from '../kernel/errors.js';

/** Docker's words for what is refused; the code says which HTTP status an API answers with. */

export const invalid = (message: string): EngineError => new EngineError('InvalidArgument', message);
export const forbidden = (message: string): EngineError => new EngineError('PermissionDenied', message);
export const notFound = (message: string): EngineError => new EngineError('NotFound', message);
export const conflict = (message: string): EngineError => new EngineError('AlreadyExists', message);
export const failed = (message: string, cause?: unknown): EngineError =>
  new EngineError('Internal', message, cause === undefined ? {} : { cause });

/** Errors of Node's own calls by their code. */
export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}
