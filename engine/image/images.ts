import { EngineError } from '../kernel/errors.js';
import { importImage, loadImages, saveImages } from './archive/index.js';
import { BaseImages } from './base/make.js';
import { BASE } from './base/recipes.js';
import { commitImage } from './commit.js';
import { GarbageCollector } from './gc.js';
import { changesOf } from './layer/changes.js';
import { listImages } from './list.js';
import { pruneImages } from './prune.js';
import { familiar, parseTagged } from './reference.js';
import { Registries } from './registry/index.js';
import { removeImage } from './remove.js';
import { ImageStore } from './store/image-store.js';
import type {
  CommitOptions,
  DeletedImage,
  Image,
  ImageListOptions,
  ImageService,
  ImageServiceOptions,
  ImportOptions,
  Platform,
  Progress,
  PullOptions,
  PushOptions,
  RegistryAuth,
  SearchResult,
  Snapshot,
} from './types.js';

/** Open the store, repairing what a crash or a loss of power left, and removing what nobody needs. */
export async function openImages(options: ImageServiceOptions): Promise<Images> {
  const store = await ImageStore.open(options);
  const images = new Images(store);
  await images.collectGarbage();
  return images;
}

export class Images implements ImageService {
  /** What pull, load and others are built on; also for a build. */
  readonly store: ImageStore;
  readonly #garbage: GarbageCollector;
  readonly #base: BaseImages;
  readonly #registries: Registries;
  #isPruning = false;

  constructor(store: ImageStore) {
    this.store = store;
    this.#garbage = new GarbageCollector(store);
    this.#base = new BaseImages(store);
    this.#registries = new Registries(store);
  }

  /** What was found damaged when the store was opened. */
  get problems(): readonly string[] {
    const { snapshots, records, repositories } = this.store;
    return [...snapshots.problems, ...records.problems, ...repositories.problems];
  }

  async get(name: string): Promise<Image> {
    try {
      return await this.store.get(name);
    } catch (error) {
      if (!isMissing(error) || !(await this.#makeMissing(name))) throw error;
      return this.store.get(name);
    }
  }

  async list(options: ImageListOptions = {}): Promise<readonly Image[]> {
    if (this.store.isNew && this.store.records.all().length === 0) await this.#makeMissing(BASE.repository);
    return listImages(this.store, options);
  }

  async tag(source: string, target: string): Promise<void> {
    const reference = parseTagged(target);
    if (reference.digest !== null)
      throw new EngineError('InvalidArgument', 'refusing to create a tag with a digest reference');
    const { id } = await this.get(source);
    await this.store.changes.hold('', async () => {
      const { record, config } = this.store.known(id);
      await this.store.records.put({ ...record, lastTagged: new Date().toISOString() }, config);
      await this.store.repositories.put([reference], id);
    });
    this.store.event('tag', id, familiar(reference));
  }

  async remove(
    name: string,
    options: { readonly force?: boolean; readonly noPrune?: boolean },
  ): Promise<readonly DeletedImage[]> {
    const removed = await this.store.changes.hold('', () => removeImage(this.store, this.#garbage, name, options));
    for (const { Untagged: untagged } of removed) if (untagged !== undefined) await this.#base.forget(untagged);
    return removed;
  }

  async prune(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ deleted: readonly DeletedImage[]; reclaimed: number }> {
    if (this.#isPruning) throw new EngineError('FailedPrecondition', 'a prune operation is already running');
    this.#isPruning = true;
    try {
      return await this.store.changes.hold('', () => pruneImages(this.store, this.#garbage, filters));
    } finally {
      this.#isPruning = false;
    }
  }

  /** From a registry; what no registry can be reached for is made here, if it can be. */
  async pull(name: string, options: PullOptions): Promise<Image> {
    try {
      return await this.#registries.pull(name, options);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'Unavailable') throw error;
      if (options.allTags === true || !this.#base.knows(name)) throw error;
      return this.#makeInstead(name, options, error);
    }
  }

  async push(name: string, options: PushOptions): Promise<void> {
    return this.#registries.push(name, options);
  }

  async search(
    term: string,
    options: {
      readonly limit?: number;
      readonly filters?: Readonly<Record<string, readonly string[]>>;
      readonly auth?: RegistryAuth;
    },
  ): Promise<readonly SearchResult[]> {
    return this.#registries.search(term, options);
  }

  async login(auth: RegistryAuth): Promise<{ readonly Status: string; readonly IdentityToken?: string }> {
    return this.#registries.login(auth);
  }

  distribution(name: string, auth?: RegistryAuth): ReturnType<ImageService['distribution']> {
    return this.#registries.distribution(name, auth);
  }

  async *save(names: readonly string[], options: { readonly platform?: Platform } = {}): AsyncIterable<Uint8Array> {
    for (const name of names) if (!name.includes('@')) await this.#makeMissing(name);
    yield* saveImages(this.store, names, options);
  }

  async load(archive: AsyncIterable<Uint8Array>, progress: (line: Progress) => void): Promise<readonly Image[]> {
    return loadImages(this.store, archive, progress);
  }

  async import(tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Image> {
    return importImage(this.store, tar, options);
  }

  async commit(options: CommitOptions): Promise<Image> {
    return commitImage(this.store, options);
  }

  async prepareSnapshot(id: string, image: Image | null): Promise<Snapshot> {
    if (image === null) return this.store.snapshots.prepareSnapshot(id, null);
    const lease = this.store.lease();
    try {
      if (image.chainId !== null) lease.hold(image.chainId);
      this.store.known(image.id);
      return await this.store.snapshots.prepareSnapshot(id, image.chainId);
    } finally {
      lease.release();
    }
  }

  async snapshot(id: string): Promise<Snapshot> {
    return this.store.snapshots.snapshot(id);
  }

  /** Also the layers below, if their image went before. */
  async removeSnapshot(id: string): Promise<void> {
    const top = this.store.snapshots.topOf(id);
    await this.store.snapshots.removeSnapshot(id);
    await this.#garbage.removeLayersFrom(top);
  }

  async listSnapshots(): Promise<readonly string[]> {
    return this.store.snapshots.listSnapshots();
  }

  async usage(id: string): Promise<{ readonly bytes: number; readonly inodes: number }> {
    return this.store.snapshots.usage(id);
  }

  async changes(id: string): Promise<readonly { readonly Path: string; readonly Kind: 0 | 1 | 2 }[]> {
    const { upper, lower } = this.store.snapshots.snapshot(id);
    return changesOf(upper, lower, { userxattr: this.store.options.userxattr ?? false });
  }

  async layersOf(image: Image): ReturnType<ImageService['layersOf']> {
    const { config, chain } = this.store.known(image.id);
    return config.rootfs.diff_ids.map((diffId, index) => {
      const chainId = chain[index]!;
      const { size } = this.store.snapshots.layer(chainId);
      return { diffId, chainId, directory: this.store.snapshots.directoryOf(chainId), size };
    });
  }

  async layersSize(): Promise<number> {
    return this.store.snapshots.layersSize();
  }

  async collectGarbage(): Promise<void> {
    await this.store.changes.hold('', () => this.#garbage.collect());
  }

  async #makeMissing(name: string): Promise<boolean> {
    if (this.store.options.base === false || !this.#base.knows(name)) return false;
    try {
      return await this.#base.ensure(name);
    } catch (error) {
      // the machine has not got what it is made of: then it is an image like any other, and who pulls it is told so
      if (error instanceof EngineError && error.code === 'FailedPrecondition') return false;
      throw error;
    }
  }

  async #makeInstead(name: string, { progress }: PullOptions, offline: EngineError): Promise<Image> {
    if (this.store.options.base === false) throw offline;
    const said = familiar(parseTagged(name));
    try {
      progress({ status: `No registry can be reached: making ${said} of this machine's programs` });
      const image = await this.#base.make(name);
      progress({ status: `Status: Made ${said} on this machine` });
      this.store.event('pull', image.id, said);
      return image;
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'FailedPrecondition') throw error;
      throw new EngineError(offline.code, `${offline.message} (and ${error.message})`, { cause: offline });
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'NotFound';
}
