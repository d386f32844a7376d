import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { noteRefusal } from '../../../kernel/journal/journal.js';
import { ClientGone, messageOf } from './errors.js';

/** JSON as Go's encoder writes it, with the newline behind. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`;
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

export function sendEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status);
  response.end();
}

/** Write parts as one, and wait until there is room for more: back-pressure. Throws when the other side is gone. */
export function write(to: Writable, ...parts: readonly (Uint8Array | string)[]): Promise<void> {
  if (to.destroyed || to.writableEnded) return Promise.reject(new ClientGone());
  to.cork();
  let room = true;
  for (const part of parts) room = to.write(part);
  to.uncork();
  if (room) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const onDrain = (): void => {
      to.off('close', onClose);
      resolve();
    };
    const onClose = (): void => {
      to.off('drain', onDrain);
      reject(new ClientGone());
    };
    to.once('drain', onDrain).once('close', onClose);
  });
}

/**
 * Bytes of a service as an answer. The first piece is waited for before the status is sent, so that a failure at once is an
 * error like any other; one that comes later cuts the connection.
 */
export async function sendBytes(
  response: ServerResponse,
  type: string,
  bytes: AsyncIterable<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const pieces = bytes[Symbol.asyncIterator]();
  try {
    let piece = await pieces.next();
    response.writeHead(200, { 'Content-Type': type, ...headers });
    for (; piece.done !== true; piece = await pieces.next()) await write(response, piece.value);
    response.end();
  } finally {
    await pieces.return?.();
  }
}

/**
 * Lines of JSON that tell of work while it is done. The status is sent with the first line; an error before it is a plain one,
 * an error behind it is a line of its own, as Docker's streamformatter writes it.
 */
export class ProgressLines {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Nobody waits for a line to be read. */
  readonly say = (line: object): void => {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) return;
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
    if (response.writableLength > MAX_BACKLOG && 'progressDetail' in line) return;
    response.write(`${JSON.stringify(line)}\r\n`);
  };

  /** @param alwaysLines the status is 200 whatever comes of it, as POST /images/load has it */
  async run(work: () => Promise<void>, alwaysLines = false): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#response.headersSent && !alwaysLines) throw error;
      const message = messageOf(error);
      noteRefusal(message);
      this.say({ errorDetail: { message }, error: message });
    }
    if (!this.#response.headersSent) this.#response.writeHead(200, { 'Content-Type': 'application/json' });
    this.#response.end();
  }
}

/** A reader that is this far behind misses steps of progress; it does not miss what came of it. */
const MAX_BACKLOG = 1 << 20;
