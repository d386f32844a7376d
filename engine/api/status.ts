import { EngineError } from '../kernel/errors.js';
import type { ErrorBody, ErrorCode } from './types.js';

/** Error class to HTTP status, once for the whole API. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  InvalidArgument: 400,
  NotFound: 404,
  AlreadyExists: 409,
  FailedPrecondition: 409,
  PermissionDenied: 403,
  Unavailable: 503,
  ResourceExhausted: 507,
  DataLoss: 500,
  Aborted: 409,
  DeadlineExceeded: 504,
  NotImplemented: 501,
  Internal: 500,
};

/** What an error becomes on the wire. Anything that is not an EngineError is a defect of ours: Internal, with its message. */
export function answerOf(error: unknown): { status: number; body: ErrorBody } {
  if (error instanceof EngineError) return { status: STATUS[error.code], body: error.toBody() };
  if (error instanceof AggregateError) {
    const parts = error.errors.map((part: unknown) => (part instanceof Error ? part.message : String(part)));
    return { status: 500, body: { code: 'Internal', message: `${error.message}: ${parts.join('; ')}` } };
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM') {
    return {
      status: 507,
      body: { code: 'ResourceExhausted', message: `the machine has run out of something: ${(error as Error).message}` },
    };
  }
  return { status: 500, body: { code: 'Internal', message: error instanceof Error ? error.message : String(error) } };
}
