import { Duplex } from 'node:stream';
import { ReadStream } from 'node:tty';
import { F } from './constants.js';
import { check, type Kernel } from './kernel.js';

const PIECE = 64 << 10;

/**
 * The master side of a terminal as a stream that owns its descriptor. Node's own ends too early: a terminal gives at most 4095
 * bytes at once, and libuv takes a short read of what was hung up for the last one (uv__stream_io), so that the rest of what a
 * program wrote before it ended would be lost. What is left then is read here, up to EIO, by which a terminal says that nobody
 * is at its other side any more; there the kernel keeps some ten kilobytes at most. tty_ioctl(4), pty(7).
 */
export class TerminalStream extends Duplex {
  readonly #kernel: Kernel;
  readonly #stream: ReadStream;
  /** The same terminal, for what libuv leaves; -1 when it is closed. */
  #rest: number;

  constructor(kernel: Kernel, fd: number) {
    super({ allowHalfOpen: false });
    this.#kernel = kernel;
    this.#rest = check(kernel, 'fcntl', [fd, F.DUPFD_CLOEXEC, 3], { while: 'opening a terminal' });
    this.#stream = new ReadStream(fd);
    this.#stream.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) this.#stream.pause();
    });
    // EIO is its end
    this.#stream.on('error', () => this.#stream.destroy());
    this.#stream.once('close', () => this.#finish());
    this.#stream.pause();
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // nobody is there to read it: what was printed until then is still to be read
    this.#stream.write(chunk, encoding, (error) => done(isGone(error) ? null : error));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#close();
    this.#stream.destroy();
    done(error);
  }

  #finish(): void {
    if (this.#rest < 0) return;
    const piece = Buffer.alloc(PIECE);
    for (;;) {
      const count = this.#kernel.call('read', this.#rest, piece, piece.length);
      if (count <= 0) break;
      this.push(Buffer.from(piece.subarray(0, count)));
    }
    this.#close();
    this.push(null);
  }

  #close(): void {
    if (this.#rest >= 0) this.#kernel.call('close', this.#rest);
    this.#rest = -1;
  }
}

function isGone(error: Error | null | undefined): boolean {
  return ['EIO', 'ERR_STREAM_DESTROYED'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}
