import { join } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import { step } from '../../kernel/replace-file.js';
import { parseImageConfig } from '../config.js';
import { ContentStore } from '../content.js';
import { chainIds, digestOf } from '../digest.js';
import { parseDescriptor } from '../manifest.js';
import type { Reference } from '../reference.js';
import { Repositories, tagsAndDigests } from '../repositories.js';
import { SnapshotStore } from '../snapshot/store.js';
import type { Descriptor, Digest, Image, ImageConfig, ImageServiceOptions } from '../types.js';
import type { ImageBackend, ImageRecord, NewImage } from './backend.js';
import { makeDirectory, removeUnfinished } from './durable.js';
import { findImage } from './find.js';
import { KeyedLock } from './keyed-lock.js';
import type { Lease } from './lease.js';
import { ImageRecords, type KnownImage } from './records.js';
import { unpackLayer } from './unpack.js';

/** What there is of images on the disk, and how it gets there: content, layers, records, names, in this order. */
export class ImageStore implements ImageBackend {
  readonly options: ImageServiceOptions;
  readonly content: ContentStore;
  readonly snapshots: SnapshotStore;
  readonly repositories: Repositories;
  readonly records: ImageRecords;
  /** No image ever had a name when it was opened. */
  readonly isNew: boolean;
  /** By chainID, for unpacking and removing layers. */
  readonly layerLocks = new KeyedLock();
  /** Changes of records and names, one after the other: `this.changes.hold('', …)`. Never taken while waiting for a layer's. */
  readonly changes = new KeyedLock();

  private constructor(
    options: ImageServiceOptions,
    parts: { content: ContentStore; snapshots: SnapshotStore; repositories: Repositories; records: ImageRecords },
  ) {
    this.options = options;
    this.content = parts.content;
    this.snapshots = parts.snapshots;
    this.repositories = parts.repositories;
    this.records = parts.records;
    this.isNew = parts.repositories.isNew;
  }

  static async open(options: ImageServiceOptions): Promise<ImageStore> {
    const root = join(options.root, 'image');
    await makeDirectory(root);
    await removeUnfinished(root);
    const content = await ContentStore.open(root);
    const snapshots = await SnapshotStore.open({
      root: options.root,
      userxattr: options.userxattr ?? false,
      step: (name) => step(`layer ${name}`),
    });
    const records = await ImageRecords.open(join(root, 'images'), content, snapshots);
    const repositories = await Repositories.open(join(root, 'repositories.json'));
    const store = new ImageStore(options, { content, snapshots, repositories, records });
    // names of images that are not there: only after a damage, because names come last and go first
    await repositories.remove(
      repositories.all().flatMap(({ reference, id }) => (records.find(id) === null ? [reference] : [])),
    );
    return store;
  }

  lease(): Lease {
    return this.content.lease();
  }

  known(id: Digest): KnownImage {
    const known = this.records.find(id);
    if (known === null) throw new EngineError('NotFound', `No such image: ${id}`);
    return known;
  }

  record(id: Digest): ImageRecord {
    return this.known(id).record;
  }

  async get(name: string): Promise<Image> {
    return this.imageOf(findImage(this, name));
  }

  /** As others see it. `references` in place of all its names, for filters. */
  imageOf(
    { record, config, chain }: KnownImage,
    references: readonly Reference[] = this.repositories.of(record.id),
  ): Image {
    return {
      id: record.id,
      config,
      chainId: chain.at(-1) ?? null,
      ...tagsAndDigests(references),
      parent: record.parent,
      size: chain.reduce((sum, layer) => sum + this.snapshots.layer(layer).size, 0),
      lastTagged: record.lastTagged,
    };
  }

  blobOfLayer(diffId: Digest): Descriptor | null {
    for (const { record, config } of this.records.all()) {
      const index = config.rootfs.diff_ids.indexOf(diffId);
      if (index >= 0) return record.layers[index] ?? null;
    }
    return null;
  }

  async registerImage(image: NewImage): Promise<Image> {
    const config = parseImageConfig(image.config);
    const diffIds = config.rootfs.diff_ids;
    if (config.os !== '' && config.os !== 'linux')
      throw new EngineError(
        'InvalidArgument',
        `image operating system ${JSON.stringify(config.os)} cannot be used on this platform`,
      );
    if (image.layers.length !== diffIds.length)
      throw new EngineError(
        'InvalidArgument',
        `invalid manifest, layers length mismatch: expected ${image.layers.length}, got ${diffIds.length}`,
      );
    const lease = this.lease();
    try {
      for (const { descriptor } of image.layers) lease.hold(descriptor.digest);
      const chain = chainIds(diffIds);
      for (const layer of chain) lease.hold(layer);
      const { digest: id } = await this.content.put(image.config, lease);
      const manifests = await this.#keepManifests(image, lease);
      for (const [index, diffId] of diffIds.entries()) await this.#takeLayer(image, index, diffId, chain, lease);
      step('unpacked');
      await this.changes.hold('', () => this.#record(id, image, config, manifests));
      return this.imageOf(this.known(id));
    } finally {
      lease.release();
    }
  }

  async putReference(reference: Reference, id: Digest): Promise<void> {
    await this.changes.hold('', async () => {
      this.known(id);
      await this.repositories.put([reference], id);
    });
  }

  event(action: string, id: Digest, name: string): void {
    const labels = this.records.find(id)?.config.config?.Labels ?? {};
    this.options.event?.(action, id, { ...labels, name });
  }

  async #keepManifests(image: NewImage, lease: Lease): Promise<Descriptor[]> {
    const kept: Descriptor[] = [];
    for (const { mediaType, bytes } of image.manifests ?? []) {
      const { digest, size } = await this.content.put(bytes, lease);
      kept.push(parseDescriptor({ mediaType, digest, size }, 'manifest'));
    }
    return kept;
  }

  async #takeLayer(
    image: NewImage,
    index: number,
    diffId: Digest,
    chain: readonly Digest[],
    lease: Lease,
  ): Promise<void> {
    const { descriptor: blob, open } = image.layers[index]!;
    if (!(await this.content.claim(blob.digest, lease))) {
      if (open === undefined) throw new EngineError('NotFound', `content ${blob.digest}: not found`);
      await this.content.ingest(open(), { expected: blob.digest, size: blob.size, lease });
    }
    await unpackLayer(
      { blob, diffId, chainId: chain[index]!, parent: chain[index - 1] ?? null },
      {
        content: this.content,
        snapshots: this.snapshots,
        locks: this.layerLocks,
        userxattr: this.options.userxattr ?? false,
        progress: (bytes, done) => image.unpacking?.(index, bytes, done),
        warn: this.options.warn,
        ...(image.signal === undefined ? {} : { signal: image.signal }),
      },
    );
  }

  async #record(id: Digest, image: NewImage, config: ImageConfig, manifests: readonly Descriptor[]): Promise<void> {
    const before = this.records.find(id)?.record;
    const isNew = (one: Descriptor): boolean => !manifests.some(({ digest }) => digest === one.digest);
    const size = async (one: Descriptor): Promise<Descriptor> => ({
      ...one,
      size: (await this.content.size(one.digest)) ?? one.size,
    });
    await this.records.put(
      {
        id,
        layers: before?.layers ?? (await Promise.all(image.layers.map(({ descriptor }) => size(descriptor)))),
        manifests: [...(before?.manifests ?? []).filter(isNew), ...manifests],
        parent: image.parent ?? before?.parent ?? null,
        lastTagged: image.isTagging === true ? new Date().toISOString() : (before?.lastTagged ?? null),
      },
      config,
    );
    if ((image.references ?? []).length > 0) await this.repositories.put(image.references ?? [], id);
  }
}

/** For what is made here: the bytes of a configuration, and its id. */
export function encodeConfig(config: ImageConfig): { readonly bytes: Uint8Array; readonly id: Digest } {
  const bytes = Buffer.from(JSON.stringify(config));
  return { bytes, id: digestOf(bytes) };
}
