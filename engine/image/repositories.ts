import { readFile } from 'node:fs/promises';
import { EngineError } from '../kernel/errors.js';
import { renameDurably } from '../kernel/replace-file.js';
import { parseDigest } from './digest.js';
import {
  canonical,
  familiar,
  familiarName,
  nameOf,
  parseReference,
  type Reference,
  withDefaultTag,
} from './reference.js';
import { writeDurably } from './store/durable.js';
import { Fields } from './store/fields.js';
import { KeyedLock } from './store/keyed-lock.js';
import { parseStrictJson } from './store/strict-json.js';
import type { Digest } from './types.js';

const MAX_FILE = 64 << 20;

/**
 * Which name is which image: one file, replaced as a whole, so that a change of several names happens at once. Names in
 * canonical form with a tag or a digest. What moby's reference store does.
 */
export class Repositories {
  /** What was found damaged when it was opened. */
  readonly problems: readonly string[];
  /** There was no file. */
  readonly isNew: boolean;
  readonly #path: string;
  readonly #lock = new KeyedLock();
  #ids: Map<string, Digest>;

  private constructor(path: string, ids: Map<string, Digest> | null, problems: readonly string[]) {
    this.#path = path;
    this.#ids = ids ?? new Map();
    this.isNew = ids === null;
    this.problems = problems;
  }

  /** A file that is damaged is kept beside: the images are all there, only without their names. */
  static async open(path: string): Promise<Repositories> {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    try {
      return new Repositories(path, bytes === null ? null : parseNames(bytes), []);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      await renameDurably(path, `${path}.damaged`);
      return new Repositories(path, new Map(), [`names of images are lost: ${path}: ${error.message}`]);
    }
  }

  /** By digest where there is one, as Docker: it says more than the tag. */
  get(reference: Reference): Digest | null {
    return this.#ids.get(keyOf(reference)) ?? null;
  }

  /** All names of an image, sorted. */
  of(id: Digest): Reference[] {
    const names = [...this.#ids].flatMap(([name, one]) => (one === id ? [name] : []));
    return names.sort().map(parseReference);
  }

  /** All tags and digests of a repository, sorted. */
  in(repository: Reference): { readonly reference: Reference; readonly id: Digest }[] {
    const name = nameOf(repository);
    return this.all().filter((one) => nameOf(one.reference) === name);
  }

  all(): { readonly reference: Reference; readonly id: Digest }[] {
    return [...this.#ids]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, id]) => ({ reference: parseReference(name), id }));
  }

  /** Put names on an image. A tag that another had is moved. */
  async put(references: readonly Reference[], id: Digest): Promise<void> {
    for (const reference of references)
      if (familiarName(reference) === 'sha256')
        throw new EngineError('InvalidArgument', 'refusing to create an ambiguous tag using digest algorithm as name');
    await this.#change((ids) => {
      for (const reference of references) ids.set(keyOf(reference), id);
    });
  }

  /** Take names away, all at once. Those that are not there are none the less gone. */
  async remove(references: readonly Reference[]): Promise<void> {
    await this.#change((ids) => {
      for (const reference of references) ids.delete(keyOf(reference));
    });
  }

  /** The new state is on the disk before anybody sees it. */
  async #change(edit: (ids: Map<string, Digest>) => void): Promise<void> {
    await this.#lock.hold('', async () => {
      const next = new Map(this.#ids);
      edit(next);
      if (same(next, this.#ids)) return;
      const sorted = [...next].sort(([a], [b]) => (a < b ? -1 : 1));
      await writeDurably(this.#path, JSON.stringify(Object.fromEntries(sorted), null, 1));
      this.#ids = next;
    });
  }
}

function parseNames(bytes: Uint8Array): Map<string, Digest> {
  const fields = new Fields(parseStrictJson(bytes, 'names of images', MAX_FILE), 'names of images');
  return new Map(fields.keys().map((name) => [canonical(parseReference(name)), parseDigest(fields.get(name))]));
}

function keyOf(reference: Reference): string {
  const named = withDefaultTag(reference);
  return canonical(named.digest === null ? named : { ...named, tag: null });
}

function same(a: ReadonlyMap<string, Digest>, b: ReadonlyMap<string, Digest>): boolean {
  return a.size === b.size && [...a].every(([name, id]) => b.get(name) === id);
}

/** Familiar names, split as Docker's `RepoTags` and `RepoDigests`. */
export function tagsAndDigests(references: readonly Reference[]): { tags: string[]; digests: string[] } {
  return {
    tags: references.filter(({ digest }) => digest === null).map(familiar),
    digests: references.filter(({ digest }) => digest !== null).map(familiar),
  };
}
