import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { EngineError } from '../../kernel/errors.js';
import { renameDurably, step } from '../../kernel/replace-file.js';
import { Hasher } from '../digest.js';
import type { Digest } from '../types.js';
import { writeAll } from './durable.js';
import { guard } from './guards.js';

export interface Expectation {
  /** What the bytes must hash to. */
  readonly expected?: Digest;
  /** How many there must be, exactly. */
  readonly size?: number;
}

/** Pieces are gathered up to this before they are written: a socket gives small ones, and each write is a call. */
const BATCH = 1 << 20;

/** Where content goes that has no name yet, because only its last byte decides what it is called. */
export class Ingest {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #maxBytes: number;
  readonly #finished: () => void;
  #hasher: Hasher;
  readonly #batch: Buffer;
  #gathered = 0;
  #onDisk: number;
  #isOpen = true;

  private constructor(path: string, file: FileHandle, hasher: Hasher, maxBytes: number, finished: () => void) {
    this.#path = path;
    this.#file = file;
    this.#hasher = hasher;
    this.#onDisk = hasher.bytes;
    this.#batch = Buffer.allocUnsafe(Math.max(1, Math.min(BATCH, maxBytes)));
    this.#maxBytes = maxBytes;
    this.#finished = finished;
  }

  /** Bytes that an earlier try left are read again, for their hash: what is on the disk is what is hashed. */
  static async open(path: string, maxBytes: number, finished: () => void): Promise<Ingest> {
    const hasher = new Hasher();
    const file = await open(path, 'a+', 0o600);
    try {
      for await (const chunk of createReadStream(path)) hasher.update(chunk as Buffer);
      return new Ingest(path, file, hasher, maxBytes, finished);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How many bytes there are already: where a resumed download goes on. */
  get offset(): number {
    return this.#hasher.bytes;
  }

  /** The bytes are the caller's again when this is done. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.offset + bytes.byteLength > this.#maxBytes)
      throw new EngineError('ResourceExhausted', `content is larger than its bound of ${this.#maxBytes} bytes`);
    this.#hasher.update(bytes);
    for (let at = 0; at < bytes.byteLength; ) {
      const piece = bytes.subarray(at, at + this.#batch.length - this.#gathered);
      this.#batch.set(piece, this.#gathered);
      this.#gathered += piece.byteLength;
      at += piece.byteLength;
      if (this.#gathered === this.#batch.length) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    await writeAll(this.#file, this.#batch.subarray(0, this.#gathered), this.#onDisk);
    this.#onDisk += this.#gathered;
    this.#gathered = 0;
  }

  /** Begin again from nothing: a server that cannot resume sends everything. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hasher = new Hasher();
    this.#onDisk = 0;
    this.#gathered = 0;
  }

  /**
   * Check, put on the disk, and name by `nameOf`. What fails the check is removed: it could not become right by resuming.
   * Ends the ingest in any case.
   */
  async commit(
    expectation: Expectation,
    pathOf: (digest: Digest) => Promise<string>,
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const size = this.offset;
    const digest = this.#hasher.digest();
    const wrong = whatIsWrong(expectation, digest, size);
    if (wrong !== null && guard('content-check')) {
      await this.abort();
      throw new EngineError('DataLoss', wrong);
    }
    try {
      await this.#flush();
      step('ingested');
      if (guard('store-sync')) await this.#file.sync();
      step('synced blob');
      // by its expected name, if nobody looks
      await renameDurably(this.#path, await pathOf(wrong === null ? digest : (expectation.expected ?? digest)));
    } finally {
      await this.#end();
    }
    return { digest, size };
  }

  /** Stop, and keep the bytes for another try under the same ref. */
  async close(): Promise<void> {
    try {
      if (this.#isOpen) await this.#flush();
    } finally {
      await this.#end();
    }
  }

  /** Stop, and forget the bytes. */
  async abort(): Promise<void> {
    if (!this.#isOpen) return;
    await rm(this.#path, { force: true });
    await this.#end();
  }

  async #end(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#file.close();
    } finally {
      this.#finished();
    }
  }
}

function whatIsWrong({ expected, size: wanted }: Expectation, digest: Digest, size: number): string | null {
  if (wanted !== undefined && wanted !== size) return `content is ${size} bytes, expected ${wanted}`;
  if (expected !== undefined && expected !== digest) return `content has digest ${digest}, expected ${expected}`;
  return null;
}
