import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hexOf, parseDigest } from '../digest.js';
import { makeDirectory, writeDurably } from '../store/durable.js';
import { Fields } from '../store/fields.js';
import { KeyedLock } from '../store/keyed-lock.js';
import { parseStrictJson } from '../store/strict-json.js';
import type { Digest } from '../types.js';

/** Where a layer was pulled from or pushed to, and as which blob. */
export interface Origin {
  /** In full: `docker.io/library/busybox`. */
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/** As many as dockerd keeps of one layer. */
const MOST_ORIGINS = 50;
const MOST_BYTES = 1 << 20;

/**
 * Remembers as which compressed blobs registries have a layer: DIR/HEX.json by diffID. A push asks for these before it
 * compresses and sends. Only a hint: a registry is asked each time. v2metadata-by-diffid of dockerd.
 */
export class Origins {
  readonly #directory: string;
  readonly #lock = new KeyedLock();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Newest first. */
  async of(diffId: Digest): Promise<readonly Origin[]> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#path(diffId));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    const fields = new Fields(parseStrictJson(bytes, 'origins of a layer', MOST_BYTES), 'origins of a layer');
    return (fields.list('origins', MOST_ORIGINS) ?? []).map((one) => {
      const origin = new Fields(one, 'origin of a layer');
      return {
        repository: origin.need('repository', 4096),
        digest: parseDigest(origin.need('digest', 256)),
        size: origin.integer('size', 0) ?? 0,
        mediaType: origin.need('mediaType', 255),
      };
    });
  }

  async add(diffId: Digest, origin: Origin): Promise<void> {
    await this.#lock.hold(diffId, async () => {
      const known = await this.of(diffId);
      const [newest] = known;
      if (newest?.repository === origin.repository && newest.digest === origin.digest) return;
      const others = known.filter((one) => one.repository !== origin.repository || one.digest !== origin.digest);
      await makeDirectory(this.#directory);
      await writeDurably(this.#path(diffId), JSON.stringify({ origins: [origin, ...others].slice(0, MOST_ORIGINS) }));
    });
  }

  #path(diffId: Digest): string {
    return join(this.#directory, `${hexOf(diffId)}.json`);
  }
}
