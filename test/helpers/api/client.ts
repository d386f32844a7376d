import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Of the body; undefined where it is none. */
  readonly json: unknown;
}

/** One request over a unix socket, with a JSON body or bytes. */
export function call(
  socketPath: string,
  method: string,
  path: string,
  options: { readonly json?: unknown; readonly bytes?: Buffer; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const body = options.json === undefined ? options.bytes : Buffer.from(JSON.stringify(options.json));
  const type = options.json === undefined ? {} : { 'Content-Type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        socketPath,
        method,
        path,
        headers: { ...type, ...(body === undefined ? {} : { 'Content-Length': body.length }), ...options.headers },
        agent: false,
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(parts);
          const isJson = (response.headers['content-type'] ?? '').startsWith('application/json');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: bytes,
            json: isJson && bytes.length > 0 ? lines(bytes.toString()) : undefined,
          });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

/** One JSON value as itself, several as a list. */
function lines(text: string): unknown {
  const all = text
    .split(/\r?\n/)
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
  return all.length === 1 ? all[0] : all;
}

/** A connection on which bytes are sent as they are. */
export class RawConnection {
  readonly socket: Socket;
  got = Buffer.alloc(0);
  ended = false;
  closed = false;
  #changed: () => void = () => undefined;

  constructor(path: string | { readonly host: string; readonly port: number }) {
    this.socket =
      typeof path === 'string' ? connect({ path, allowHalfOpen: true }) : connect({ ...path, allowHalfOpen: true });
    this.socket.on('data', (part: Buffer) => {
      this.got = Buffer.concat([this.got, part]);
      this.#changed();
    });
    this.socket.on('end', () => {
      this.ended = true;
      this.#changed();
    });
    this.socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
    // A server that refuses may close before it has read all: the bytes that came are what counts.
    this.socket.on('error', () => this.socket.destroy());
  }

  get text(): string {
    return this.got.toString('latin1');
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1] ?? 0);
  }

  /** The bytes behind the head of the answer. */
  get rest(): Buffer {
    const at = this.got.indexOf('\r\n\r\n');
    return at < 0 ? Buffer.alloc(0) : this.got.subarray(at + 4);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Wait until something holds; fails when it does not in time. */
  async until(holds: (one: this) => boolean, what: string, timeMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeMs;
    while (!holds(this)) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${what}: it did not come; got ${JSON.stringify(this.text.slice(0, 400))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 50));
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The pieces of a multiplexed stream. */
export function unframe(bytes: Buffer): { readonly stream: number; readonly text: string }[] {
  const frames: { stream: number; text: string }[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    frames.push({ stream: bytes[at] ?? -1, text: bytes.subarray(at + 8, at + 8 + length).toString() });
    at += 8 + length;
  }
  return frames;
}
