import { closeSync, type FSWatcher, fstatSync, openSync, readSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { O } from '../../kernel/constants.js';
import { type Kernel, realKernel } from '../../kernel/kernel.js';
import { type Frame, parseFrames } from './frames.js';

/** What is read of a spool at once. */
const PIECE = 256 << 10;
/** Read parts are given back to the disk in steps of this size. */
const PUNCH_STEP = 1 << 20;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

/**
 * The file that a container's shim appends output to, while it is read: any number of readers, each at its own pace. What
 * all have read is given back to the disk by punching holes, so that offsets stay what they are and nobody who writes has to know.
 * fallocate(2), inotify(7).
 */
export class Spool {
  readonly path: string;
  readonly #fd: number;
  readonly #kernel: Kernel;
  #watcher: FSWatcher | undefined;
  #waiting = new Set<() => void>();
  #readers = new Set<SpoolReader>();
  #punched = 0;
  #complete = false;
  #closed = false;
  #retired = false;

  /** Open it, or make it. */
  constructor(path: string, kernel: Kernel = realKernel) {
    this.path = path;
    this.#kernel = kernel;
    this.#fd = openSync(path, O.RDWR | O.CREAT | O.APPEND | O.CLOEXEC, 0o600);
    this.#watcher = watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) this.#wake();
    });
    this.#watcher.on('error', () => this.#wake()); // the directory is gone: the readers see what there is
  }

  /** What was written so far; 0 when it is closed. */
  get size(): number {
    return this.#closed ? 0 : fstatSync(this.#fd).size;
  }

  /** Nothing more will be written: readers end when they are through. */
  complete(): void {
    this.#complete = true;
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#wake();
  }

  get isComplete(): boolean {
    return this.#complete;
  }

  reader(from: number): SpoolReader {
    const reader = new SpoolReader(this, from);
    this.#readers.add(reader);
    return reader;
  }

  /** For readers. */
  readAt(buffer: Buffer, at: number): number {
    return this.#closed ? 0 : readSync(this.#fd, buffer, 0, buffer.length, at);
  }

  /** For readers: resolves when there may be more, or nothing will come any more. */
  more(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal?.addEventListener('abort', done, { once: true });
      if (signal?.aborted === true || this.#complete || this.#closed) done();
    });
  }

  leave(reader: SpoolReader): void {
    this.#readers.delete(reader);
    if (this.#retired && this.#readers.size === 0) this.close();
  }

  /** Close it when the last reader is through. */
  retire(): void {
    this.complete();
    this.#retired = true;
    if (this.#readers.size === 0) this.close();
  }

  /** Give back what every reader has read. */
  release(): void {
    const read = Math.min(...[...this.#readers].map((one) => one.keep));
    if (!Number.isFinite(read) || read - this.#punched < PUNCH_STEP) return;
    const length = (read - this.#punched) & ~4095;
    // EOPNOTSUPP: a file system without holes keeps what was read until the container is removed
    this.#kernel.call('fallocate', this.#fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, this.#punched, length);
    this.#punched += length;
  }

  close(): void {
    if (this.#closed) return;
    this.complete();
    this.#closed = true;
    closeSync(this.#fd);
  }

  #wake(): void {
    for (const one of [...this.#waiting]) one();
  }
}

/** One reader's place in a spool. */
export class SpoolReader {
  readonly #spool: Spool;
  #at: number;
  /** What must not be given back yet. */
  #keep: number;

  constructor(spool: Spool, from: number) {
    this.#spool = spool;
    this.#at = from;
    this.#keep = from;
  }

  get keep(): number {
    return this.#keep;
  }

  /** Whole frames that are there now, of about a quarter of a megabyte at most; none when all has been read. */
  next(): Frame[] {
    const there = this.#spool.size - this.#at;
    if (there <= 0) return [];
    const buffer = Buffer.allocUnsafe(Math.min(PIECE, there));
    const length = this.#spool.readAt(buffer, this.#at);
    const { frames, taken } = parseFrames(buffer.subarray(0, length), this.#at);
    this.#at += taken;
    return frames;
  }

  /** Everything before this offset is dealt with. */
  done(upTo: number): void {
    this.#keep = upTo;
    this.#spool.release();
  }

  /** Frames as they come, until the spool is complete and read to its end, or `signal` is aborted. */
  async *frames(signal?: AbortSignal): AsyncGenerator<readonly Frame[]> {
    try {
      while (signal?.aborted !== true) {
        // asked before it is read: what is written in between is seen by the next look
        const last = this.#spool.isComplete;
        const found = this.next();
        if (found.length > 0) {
          yield found;
          this.done(this.#at);
        } else if (last) return;
        else await this.#spool.more(signal);
      }
    } finally {
      this.leave();
    }
  }

  leave(): void {
    this.#spool.leave(this);
  }
}
