import { CliError } from '../errors.js';

/** A line of progress, an event, a measurement: how long one may be. */
const LONGEST_LINE = 16 << 20;

/** JSON values one after the other, as the engine streams them: one a line, or without any space between. */
export async function* jsonLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end).trim();
      rest = rest.slice(end + 1);
      if (line !== '') yield line;
    }
    if (rest.length > LONGEST_LINE) throw new CliError(`the engine sent a line longer than ${LONGEST_LINE} characters`);
  }
  if (rest.trim() !== '') yield rest.trim();
}

/** Which stream a frame of an attached container without terminal is of. */
export type Sink = (bytes: Buffer) => Promise<void>;

/**
 * Take the multiplexed stream of attach and logs apart: eight bytes of header (stream, three zeros, length big endian), then
 * that many bytes. A frame is passed on in the pieces in which it comes, so its length costs no memory.
 */
export class Demultiplexer {
  readonly #sinks: { readonly 1: Sink; readonly 2: Sink };
  #header = Buffer.alloc(0);
  #left = 0;
  #sink: Sink;
  #system: Buffer[] | null = null;

  constructor(stdout: Sink, stderr: Sink) {
    this.#sinks = { 1: stdout, 2: stderr };
    this.#sink = stdout;
  }

  async write(bytes: Buffer): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        const need = 8 - this.#header.length;
        this.#header = Buffer.concat([this.#header, bytes.subarray(at, at + need)]);
        at += need;
        if (this.#header.length < 8) return;
        this.#begin();
        continue;
      }
      const piece = bytes.subarray(at, at + this.#left);
      at += piece.length;
      this.#left -= piece.length;
      if (this.#system === null) await this.#sink(piece);
      else this.#complain(piece);
    }
  }

  #begin(): void {
    const kind = this.#header[0];
    this.#left = this.#header.readUInt32BE(4);
    this.#header = Buffer.alloc(0);
    this.#system = kind === 3 ? [] : null;
    if (kind === 0 || kind === 1) this.#sink = this.#sinks[1];
    else if (kind === 2) this.#sink = this.#sinks[2];
    else if (kind !== 3) throw new CliError(`Unrecognized input header: ${kind ?? 0}`);
  }

  /** The engine's own error, sent as a frame. */
  #complain(piece: Buffer): void {
    this.#system?.push(piece.subarray(0, 4096));
    if (this.#left === 0)
      throw new CliError(`error from daemon in stream: ${Buffer.concat(this.#system ?? []).toString('utf8')}`);
  }
}
