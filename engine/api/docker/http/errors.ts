import type { ServerResponse } from 'node:http';
import { wordsOf } from '../../../kernel/errno-text.js';
import { EngineError } from '../../../kernel/errors.js';
import { noteRefusal } from '../../../kernel/journal/journal.js';
import type { ErrorCode } from '../../types.js';

/** Docker's status codes: httpstatus.FromError. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  InvalidArgument: 400,
  NotFound: 404,
  AlreadyExists: 409,
  FailedPrecondition: 409,
  PermissionDenied: 403,
  Unavailable: 503,
  NotImplemented: 501,
  DeadlineExceeded: 504,
  ResourceExhausted: 500,
  DataLoss: 500,
  Aborted: 500,
  Internal: 500,
};

/** A failure of the transport, whose status says more than any of the engine's codes. */
export class HttpError extends EngineError {
  readonly status: number;

  constructor(status: number, message: string) {
    super('InvalidArgument', message);
    this.status = status;
  }
}

/** How long a client that was refused may go on sending. */
const LINGER_MS = 1_000;

/** The client is not there any more: nobody reads an answer. */
export class ClientGone extends EngineError {
  constructor() {
    super('Aborted', 'the client has gone away');
  }
}

export function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  return error instanceof EngineError ? STATUS[error.code] : 500;
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError)
    return [error.message, ...error.errors.map(messageOf)].filter(Boolean).join('; ');
  return wordsOf(error);
}

/** Answer with `{message}`; where the answer has begun, end it so that nobody takes it for whole. */
export function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const status = statusOf(error);
  const { req } = response;
  // A body that nobody wanted is on its way already: a client that is cut off while it writes never reads the answer. As much
  // of it is read as Go's server reads, for a while.
  if (req.complete || req.destroyed || status === 408 || status === 413) {
    answer(response, status, error);
    return;
  }
  let done = false;
  let seen = 0;
  const once = (): void => {
    if (!done) answer(response, status, error);
    done = true;
  };
  req.on('data', (bytes: Buffer) => {
    seen += bytes.length;
    if (seen > UNREAD_BODY) once();
  });
  req.once('end', once).once('close', once).resume();
  setTimeout(once, LINGER_MS).unref();
}

/** net/http, server.go: maxPostHandlerReadBytes. */
const UNREAD_BODY = 256 << 10;

function answer(response: ServerResponse, status: number, error: unknown): void {
  // What is left of a refused body is not waited for.
  const cut = status === 408 || status === 413 || !(response.req.complete || response.req.method === 'GET');
  for (const name of ['Content-Encoding', 'Content-Length', 'Transfer-Encoding']) response.removeHeader(name);
  if (cut) response.setHeader('Connection', 'close');
  const text = `${JSON.stringify({ message: messageOf(error) })}\n`;
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text, () => {
    if (cut) letGo(response);
  });
}

/** As dockerd answers who wanted a stream: in words, where the stream would have been. moby, container_routes.go. */
export function failAsStream(response: ServerResponse, error: unknown, type: string): void {
  const message = messageOf(error);
  noteRefusal(message);
  const text = `${message}\r\n`;
  response.writeHead(statusOf(error), { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

/** Of a client that may still be sending behind its answer: what comes is thrown away for a while, so that it lives to read that. */
export function letGo({ req }: ServerResponse): void {
  const { socket } = req;
  req.resume();
  setTimeout(() => {
    if (!req.complete) socket.destroy();
  }, LINGER_MS).unref();
}
