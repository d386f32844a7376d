import { EngineError } from '../kernel/errors.js';

/** For `catch`: what is not there is null; every other failure stays one. */
export function orNull(error: unknown): null {
  if (error instanceof EngineError && error.code === 'NotFound') return null;
  throw error;
}
