import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { bad } from '../bodies/fields.js';
import { takeChunks } from './chunks.js';
import { HttpError } from './errors.js';
import { jsonFault } from './json-syntax.js';

/** Largest JSON body, bytes: a thousand times what the largest `docker run` sends. */
export const MAX_JSON = 4 << 20;
/** Largest body in chunks before a stream, bytes: what `exec start` is told is a hundred of them. */
const MAX_CHUNKED = 64 << 10;
/** What may stand behind a body in one piece with its end: a client's first input, as much as a socket gives at once. */
const MAX_EARLY = 128 << 10;
/** How long a client may take for a JSON body. */
export const BODY_TIME_MS = 30_000;

/** Bytes that the request announces; null: chunked. */
export function announcedLength(request: IncomingMessage): number | null {
  if (request.headers['transfer-encoding'] !== undefined) return null;
  return Number(request.headers['content-length'] ?? 0);
}

/** The JSON of a body; undefined when there is none. Refused: another type, too large, too slow, not one JSON value. */
export async function readJson(request: IncomingMessage, timeMs = BODY_TIME_MS): Promise<unknown> {
  if (!isJson(request)) return undefined;
  return parseJson(await within(timeMs, request, collect(request)));
}

/** The same of a connection that Node has handed over: the body is in what came early, and in the next bytes. */
export async function readHandedOver(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  timeMs = BODY_TIME_MS,
): Promise<{ body: unknown; early: Buffer }> {
  const length = announcedLength(request);
  if ((length ?? 0) > MAX_JSON) throw tooLarge();
  const { body, early } = await within(
    timeMs,
    socket,
    length === null ? takeChunked(socket, head) : takeCounted(socket, head, length),
  );
  return { body: body.length > 0 && isJson(request) ? parseJson(body.toString('utf8')) : undefined, early };
}

/** True when a JSON body is there to be read. Docker's CheckForJSON: without a body the type does not matter. */
function isJson(request: IncomingMessage): boolean {
  const type = request.headers['content-type'] ?? '';
  const length = announcedLength(request);
  if (length === 0 && type === '') return false;
  const media = (type.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (length === 0) return false;
  if (media === '') bad(`malformed Content-Type header (${type}): mime: no media type`);
  if (media !== 'application/json')
    bad(`unsupported Content-Type header (${type.slice(0, 200)}): must be 'application/json'`);
  if ((length ?? 0) > MAX_JSON) throw tooLarge();
  return true;
}

const tooLarge = (): HttpError => new HttpError(413, `the request body is larger than ${MAX_JSON} bytes`);

async function collect(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_JSON) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface Taken {
  readonly body: Buffer;
  /** What came behind it. */
  readonly early: Buffer;
}

function takeCounted(socket: Duplex, head: Buffer, count: number): Promise<Taken> {
  const done = (bytes: Buffer): Taken | null =>
    bytes.length < count ? null : { body: bytes.subarray(0, count), early: bytes.subarray(count) };
  return take(socket, head, count + MAX_EARLY, done);
}

function takeChunked(socket: Duplex, head: Buffer): Promise<Taken> {
  return take(socket, head, 2 * MAX_CHUNKED + MAX_EARLY, (bytes) => takeChunks(bytes, MAX_CHUNKED));
}

/** Bytes of a socket until they are enough, and never more than `most`, sizes of chunks and trailers included; it is left paused. */
function take(socket: Duplex, head: Buffer, most: number, enough: (bytes: Buffer) => Taken | null): Promise<Taken> {
  return new Promise((resolve, reject) => {
    let bytes = head;
    const first = enough(bytes);
    if (first !== null) return resolve(first);
    const done = (finish: () => void): void => {
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      socket.pause();
      finish();
    };
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        if (bytes.length > most) throw tooLarge();
        const taken = enough(bytes);
        if (taken !== null) done(() => resolve(taken));
      } catch (error) {
        done(() => reject(error as Error));
      }
    };
    const onEnd = (): void => done(() => reject(new HttpError(400, 'invalid JSON: unexpected EOF')));
    socket.on('data', onData).on('end', onEnd).on('close', onEnd);
    socket.resume();
  });
}

async function within<T>(timeMs: number, source: { destroyed: boolean }, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HttpError(408, 'the request body did not come in time')), timeMs);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    if (source.destroyed && !(error instanceof HttpError)) throw new HttpError(400, 'the request body was cut off');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** One JSON value, or 400 in Go's words. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return bad('invalid JSON: got EOF while reading request body');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return bad(`invalid JSON: ${jsonFault(text)}`);
  }
}
