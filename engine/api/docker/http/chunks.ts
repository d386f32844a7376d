import { HttpError } from './errors.js';

/** Longest line of a chunk's size, with what a sender may add to it. */
const MAX_LINE = 1024;

/**
 * A body in chunks that is there whole, and what comes behind it; null: more is to come. For connections that Node has handed
 * over, whose bytes it no longer takes apart. RFC 9112, section 7.1; trailers are passed over.
 */
export function takeChunks(bytes: Buffer, most: number): { readonly body: Buffer; readonly early: Buffer } | null {
  const parts: Buffer[] = [];
  let [at, length] = [0, 0];
  const line = (): string | null => {
    const end = bytes.indexOf('\r\n', at);
    if (end > at + MAX_LINE || (end < 0 && bytes.length > at + MAX_LINE)) throw malformed();
    if (end < 0) return null;
    const text = bytes.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  for (;;) {
    const size = line();
    if (size === null) return null;
    const digits = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(size)?.[1];
    if (digits === undefined) throw malformed();
    const count = Number.parseInt(digits, 16);
    if (count === 0) break;
    length += count;
    if (length > most) throw new HttpError(413, `the request body is larger than ${most} bytes`);
    if (bytes.length < at + count + 2) return null;
    if (bytes.toString('latin1', at + count, at + count + 2) !== '\r\n') throw malformed();
    parts.push(bytes.subarray(at, at + count));
    at += count + 2;
  }
  for (let trailer = line(); trailer !== ''; trailer = line()) if (trailer === null) return null;
  return { body: Buffer.concat(parts), early: bytes.subarray(at) };
}

const malformed = (): HttpError => new HttpError(400, 'malformed chunked encoding');
