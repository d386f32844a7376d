import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { OutputChunk } from '../../../container/types.js';
import { type Client, type ClientEvents, deliver } from './client.js';
import { HttpError } from './errors.js';
import { write } from './send.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Largest frame of a client's: keystrokes and pastes. */
const MAX_FRAME = 1 << 20;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** The answer to a web socket's opening request, RFC 6455 section 4.2.2. */
export function handshake(request: IncomingMessage): string {
  const key = request.headers['sec-websocket-key'] ?? '';
  if ((request.headers.upgrade ?? '').toLowerCase() !== 'websocket' || !/^[A-Za-z0-9+/]{22}==$/.test(key))
    throw new HttpError(400, 'this endpoint is for web sockets');
  if (request.headers['sec-websocket-version'] !== '13')
    throw new HttpError(400, 'version 13 of web sockets is spoken');
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** A frame of the server's: whole, never masked. */
export function serverFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const header =
    length < 126
      ? Buffer.from([0x80 | opcode, length])
      : length < 65_536
        ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0]), uint32(length)]);
  return Buffer.concat([header, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A client that speaks frames of RFC 6455. Streams are not told apart, as with dockerd. */
export class WebSocketClient implements Client {
  readonly #socket: Duplex;
  readonly #early: Buffer;
  /** 1 before API 1.28. */
  readonly #opcode: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Duplex, early: Buffer, binary: boolean) {
    this.#socket = socket;
    this.#early = early;
    this.#opcode = binary ? BINARY : TEXT;
  }

  listen(events: ClientEvents): void {
    deliver(
      this.#socket,
      this.#early,
      async (bytes) => {
        this.#rest = Buffer.concat([this.#rest, bytes]);
        for (let frame = this.#next(); frame !== null; frame = this.#next()) {
          if (frame.opcode <= BINARY) await events.data(frame.payload);
          else if (frame.opcode === PING) await write(this.#socket, serverFrame(PONG, frame.payload));
          else if (frame.opcode === CLOSE) return this.#close(frame.payload.subarray(0, 2), events);
        }
      },
      events.gone,
    );
    this.#socket.once('close', () => events.gone());
  }

  send(chunk: OutputChunk): Promise<void> {
    return write(this.#socket, serverFrame(this.#opcode, chunk.bytes));
  }

  end(): void {
    if (!this.#socket.destroyed) this.#socket.end(serverFrame(CLOSE, Buffer.from([0x03, 0xe8])));
    setTimeout(() => this.#socket.destroy(), 1_000).unref();
  }

  #close(code: Buffer, events: ClientEvents): void {
    if (!this.#socket.writableEnded) this.#socket.end(serverFrame(CLOSE, code));
    events.gone();
  }

  /** The next whole frame; null when more bytes are needed. A frame that may not be ends the connection. */
  #next(): { opcode: number; payload: Buffer } | null {
    const bytes = this.#rest;
    const [first, second] = [bytes[0], bytes[1]];
    if (first === undefined || second === undefined) return null;
    const short = second & 0x7f;
    const at = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < at) return null;
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    const code = (second & 0x80) === 0 || (first & 0x70) !== 0 ? 1002 : length > MAX_FRAME ? 1009 : null;
    if (code !== null) {
      this.#rest = Buffer.alloc(0);
      return { opcode: CLOSE, payload: Buffer.from([code >> 8, code & 255]) };
    }
    if (bytes.length < at + 4 + length) return null;
    const mask = bytes.subarray(at, at + 4);
    const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
    for (let n = 0; n < length; n++) payload[n] = (payload[n] ?? 0) ^ (mask[n & 3] ?? 0);
    this.#rest = bytes.subarray(at + 4 + length);
    return { opcode: first & 0x0f, payload };
  }
}
