import type { Readable, Writable } from 'node:stream';
import type { Kernel } from '../../kernel/kernel.js';

/** Bytes that wait to be read: pipe(7), ioctl_tty(2). */
const FIONREAD = 0x541b;
/** What a process left behind holds the other end: so long is waited for a last word, and at most for all words. */
const QUIET_MS = 100;
const MOST_MS = 2_000;

/** What a process prints, carried from `from` to `write` until its end closes. */
export class Output {
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #from: Readable;
  #closed = false;

  constructor(kernel: Kernel, fd: number, from: Readable, write: (chunk: Buffer) => void) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.#from = from;
    from.on('data', write);
    from.on('close', () => {
      this.#closed = true;
    });
    // a terminal whose other side was closed answers EIO: its end; EPIPE: something was typed that came too late for it
    from.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EIO' && error.code !== 'EPIPE') throw error;
      this.#closed = true;
    });
  }

  /** Resolves when all was carried: at the end, or, when something left behind keeps it open, when nothing waits. */
  async drained(): Promise<void> {
    const start = performance.now();
    while (!this.#closed && performance.now() - start < MOST_MS) {
      if (performance.now() - start > QUIET_MS && !this.#waits()) return;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  close(): void {
    this.#from.destroy();
  }

  #waits(): boolean {
    const count = Buffer.alloc(4);
    return this.#kernel.call('ioctl', this.#fd, FIONREAD, count) >= 0 && count.readInt32LE(0) > 0;
  }
}

/** Carry what is typed until `from` ends; a reader that is gone is no failure of ours. */
export function carryInput(from: Readable, to: Writable, atEnd: () => void): () => void {
  const gone = new Set(['EPIPE', 'EIO', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);
  to.on('error', (error: NodeJS.ErrnoException) => {
    if (!gone.has(error.code ?? '')) throw error;
    from.unpipe(to);
  });
  from.pipe(to, { end: false });
  from.once('end', atEnd);
  return () => {
    from.unpipe(to);
    from.pause();
    from.removeListener('end', atEnd);
  };
}
