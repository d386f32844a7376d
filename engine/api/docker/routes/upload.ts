import type { IncomingMessage, ServerResponse } from 'node:http';
import { letGo } from '../http/errors.js';

/** How long a client may say nothing in the midst of an archive. */
const IDLE_MS = 15 * 60_000;

/** A body as it comes: read no faster than it is used, and cut off with an error when the client goes away. */
export function upload(request: IncomingMessage, response: ServerResponse): AsyncIterable<Uint8Array> {
  request.setTimeout(IDLE_MS);
  response.once('finish', () => {
    if (!request.complete) letGo(response);
  });
  // Whoever stops reading early leaves the connection whole: an answer is still to be sent on it.
  const bytes = request.iterator({ destroyOnReturn: false });
  return { [Symbol.asyncIterator]: () => bytes as AsyncIterator<Uint8Array> };
}
