import { createReadStream } from 'node:fs';
import { lstat, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { digestOf, Hasher, hexOf, isDigest } from './digest.js';
import { makeDirectory, removeUnfinished, unfinishedName, unlinkDurably } from './store/durable.js';
import { type Expectation, Ingest } from './store/ingest.js';
import { KeyedLock } from './store/keyed-lock.js';
import { type Lease, Leases } from './store/lease.js';
import type { Digest } from './types.js';

/** Largest manifest, index or image configuration. CVE-2021-41190's neighbours: what is parsed whole has a bound. */
export const MAX_DOCUMENT = 4 << 20;
/** Largest blob when nobody says a smaller bound: 64 GiB. */
const MAX_BLOB = 2 ** 36;
/** A download that nobody went on with for a day is garbage. */
const STALE_MS = 86_400_000;

export interface IngestOptions extends Expectation {
  /** Bound when `size` is not known. */
  readonly maxBytes?: number;
  /** Holds the new blob; without one it is garbage until something names it. */
  readonly lease?: Lease;
}

/**
 * Bytes by their digest: DIR/blobs/sha256/HEX, and DIR/ingest/ for what is not complete. A blob is there whole and right or not
 * there: temp file, fsync, rename, fsync of the directory. Two who put the same blob don't harm each other.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md#blobs
 */
export class ContentStore {
  readonly #blobs: string;
  readonly #ingests: string;
  readonly #locks = new KeyedLock();
  /** Blobs that are just being removed: who asks for one waits, and sees that it is gone. */
  readonly #deleting = new Map<Digest, Promise<boolean>>();
  readonly leases = new Leases();

  private constructor(directory: string) {
    this.#blobs = join(directory, 'blobs', 'sha256');
    this.#ingests = join(directory, 'ingest');
  }

  static async open(directory: string): Promise<ContentStore> {
    const store = new ContentStore(directory);
    await makeDirectory(store.#blobs);
    await makeDirectory(store.#ingests);
    // a named download can be gone on with, everything else unfinished is lost
    for (const place of [store.#blobs, store.#ingests]) await removeUnfinished(place);
    return store;
  }

  lease(): Lease {
    return this.leases.lease();
  }

  path(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  /**
   * Take a stream in, hashing while it flows. DataLoss when digest or size is not the expected one, ResourceExhausted beyond
   * the bound: then nothing is left. A blob that is there already is not written again.
   */
  async ingest(
    stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: IngestOptions = {},
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const ingest = await this.#start(unfinishedName(), options.size ?? options.maxBytes ?? MAX_BLOB, () => undefined);
    try {
      for await (const chunk of stream) await ingest.write(chunk);
      return await this.commit(ingest, options);
    } finally {
      await ingest.abort();
    }
  }

  /** A small document. */
  async put(bytes: Uint8Array, lease?: Lease): Promise<{ readonly digest: Digest; readonly size: number }> {
    const digest = digestOf(bytes);
    lease?.hold(digest);
    if (await this.has(digest)) return { digest, size: bytes.byteLength };
    return this.ingest([bytes], { expected: digest, size: bytes.byteLength });
  }

  /**
   * Begin or go on with a named ingest (a download by its digest). One at a time for each ref: a second caller waits, and
   * should ask `has` afterwards. End it with `commit`, `close` (keeps the bytes) or `abort`.
   */
  async begin(ref: string, options: { readonly maxBytes?: number } = {}): Promise<Ingest> {
    const name = `${hexOf(digestOf(ref))}.partial`;
    const release = await this.#locks.take(name);
    try {
      return await this.#start(name, options.maxBytes ?? MAX_BLOB, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Check an ingest and give it its name. */
  async commit(
    ingest: Ingest,
    options: Expectation & { readonly lease?: Lease },
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    return ingest.commit(options, async (digest) => {
      options.lease?.hold(digest);
      await this.#deleting.get(digest);
      return this.path(digest);
    });
  }

  async #start(name: string, maxBytes: number, finished: () => void): Promise<Ingest> {
    return Ingest.open(join(this.#ingests, name), maxBytes, finished);
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.size(digest)) !== null;
  }

  /** Null: there is none. */
  async size(digest: Digest): Promise<number | null> {
    await this.#deleting.get(digest);
    const found = await orNull(lstat(this.path(digest)));
    return found?.isFile() === true ? found.size : null;
  }

  /** Hold a blob if it is there: afterwards garbage collection leaves it. */
  async claim(digest: Digest, lease: Lease): Promise<boolean> {
    lease.hold(digest);
    return this.has(digest);
  }

  /** Its bytes as a stream, from `start` on. NotFound when there is none. */
  async *open(digest: Digest, start = 0): AsyncGenerator<Buffer, void, undefined> {
    const file = await orNull(open(this.path(digest), 'r'));
    if (file === null) throw missing(digest);
    const stream = file.createReadStream({ start, highWaterMark: 1 << 20 });
    for await (const chunk of stream) yield chunk as Buffer;
  }

  /** A small blob whole, with its digest checked: what is parsed is what was named. */
  async read(digest: Digest, maxBytes = MAX_DOCUMENT): Promise<Buffer> {
    const size = await this.size(digest);
    if (size === null) throw missing(digest);
    if (size > maxBytes)
      throw new EngineError('ResourceExhausted', `content ${digest} has ${size} bytes, at most ${maxBytes} are read`);
    const chunks: Buffer[] = [];
    for await (const chunk of this.open(digest)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (digestOf(bytes) !== digest) throw new EngineError('DataLoss', `content ${digest} is damaged on the disk`);
    return bytes;
  }

  /** Whether a blob still is what its name says. */
  async verify(digest: Digest): Promise<boolean> {
    const hasher = new Hasher();
    for await (const chunk of createReadStream(this.path(digest))) hasher.update(chunk as Buffer);
    return hasher.digest() === digest;
  }

  /** False: there was none. Whoever calls has made sure that nothing needs it. */
  async delete(digest: Digest): Promise<boolean> {
    const deleting = unlinkDurably(this.path(digest));
    this.#deleting.set(digest, deleting);
    try {
      return await deleting;
    } finally {
      this.#deleting.delete(digest);
    }
  }

  async *list(): AsyncGenerator<{ readonly digest: Digest; readonly size: number }, void, undefined> {
    for (const name of await readdir(this.#blobs)) {
      const digest = `sha256:${name}`;
      if (!isDigest(digest)) continue;
      const size = await this.size(digest);
      if (size !== null) yield { digest, size };
    }
  }

  /** Remove downloads that were left alone for a day. Running ones are not touched. */
  async removeStaleIngests(now = Date.now()): Promise<void> {
    for (const name of await readdir(this.#ingests)) {
      if (!name.endsWith('.partial') || this.#locks.isHeld(name)) continue;
      const path = join(this.#ingests, name);
      const found = await orNull(stat(path));
      if (found !== null && now - found.mtimeMs > STALE_MS && !this.#locks.isHeld(name))
        await rm(path, { force: true });
    }
  }
}

function missing(digest: Digest): EngineError {
  return new EngineError('NotFound', `content ${digest}: not found`);
}

async function orNull<T>(wanted: Promise<T>): Promise<T | null> {
  try {
    return await wanted;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
