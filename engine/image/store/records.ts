import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import { parseImageConfig } from '../config.js';
import { type ContentStore, MAX_DOCUMENT } from '../content.js';
import { chainIds, hexOf, isDigest, parseDigest } from '../digest.js';
import { parseDescriptor } from '../manifest.js';
import type { Snapshots } from '../snapshot/types.js';
import type { Digest, ImageConfig } from '../types.js';
import type { ImageRecord } from './backend.js';
import { makeDirectory, removeUnfinished, unlinkDurably, writeDurably } from './durable.js';
import { Fields } from './fields.js';
import { parseStrictJson } from './strict-json.js';

/** An image as it is kept in memory: all that a look-up needs. */
export interface KnownImage {
  readonly record: ImageRecord;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly chain: readonly Digest[];
}

/** Which images there are: DIR/HEX.json for each, in memory while the engine runs. */
export class ImageRecords {
  readonly #directory: string;
  readonly #images = new Map<Digest, KnownImage>();
  readonly #problems: string[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Records of images that are not complete are dropped: nothing else can be done with them, and what is left is collected. */
  static async open(directory: string, content: ContentStore, snapshots: Snapshots): Promise<ImageRecords> {
    const records = new ImageRecords(directory);
    await makeDirectory(directory);
    await removeUnfinished(directory);
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const id = `sha256:${name.replace(/\.json$/, '')}`;
      if (!name.endsWith('.json') || !isDigest(id)) continue;
      try {
        const image = await readImage(parseRecord(await readFile(path)), content);
        await checkComplete(image, content, snapshots);
        if (image.record.id !== id) throw new EngineError('DataLoss', `record ${name} is of image ${image.record.id}`);
        records.#images.set(id, image);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        records.#problems.push(`image ${id} is not complete: ${error.message}`);
        await unlinkDurably(path);
      }
    }
    return records;
  }

  /** What was found wrong when the store was opened. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  find(id: Digest): KnownImage | null {
    return this.#images.get(id) ?? null;
  }

  all(): readonly KnownImage[] {
    return [...this.#images.values()];
  }

  children(id: Digest): readonly KnownImage[] {
    return this.all().filter(({ record }) => record.parent === id);
  }

  async put(record: ImageRecord, config: ImageConfig): Promise<void> {
    await writeDurably(join(this.#directory, `${hexOf(record.id)}.json`), JSON.stringify(record, null, 1));
    this.#images.set(record.id, { record, config, chain: chainIds(config.rootfs.diff_ids) });
  }

  async remove(id: Digest): Promise<void> {
    this.#images.delete(id);
    await unlinkDurably(join(this.#directory, `${hexOf(id)}.json`));
  }
}

async function readImage(record: ImageRecord, content: ContentStore): Promise<KnownImage> {
  const config = parseImageConfig(await content.read(record.id));
  return { record, config, chain: chainIds(config.rootfs.diff_ids) };
}

async function checkComplete(
  { record, chain }: KnownImage,
  content: ContentStore,
  snapshots: Snapshots,
): Promise<void> {
  if (record.layers.length !== chain.length) throw new EngineError('DataLoss', 'its record has not all layers');
  for (const { digest, size } of [...record.layers, ...record.manifests])
    if ((await content.size(digest)) !== size) throw new EngineError('DataLoss', `content ${digest} is missing`);
  for (const layer of chain)
    if (!snapshots.hasLayer(layer)) throw new EngineError('DataLoss', `layer ${layer} is missing`);
}

function parseRecord(bytes: Uint8Array): ImageRecord {
  const fields = new Fields(parseStrictJson(bytes, 'image record', MAX_DOCUMENT), 'image record');
  const parent = fields.string('parent');
  const descriptors = (key: string): ImageRecord['layers'] =>
    (fields.list(key, 4096) ?? []).map((one) => parseDescriptor(one, `image record: ${key}`));
  return {
    id: parseDigest(fields.need('id')),
    layers: descriptors('layers'),
    manifests: descriptors('manifests'),
    parent: parent === undefined ? null : parseDigest(parent),
    lastTagged: fields.string('lastTagged') ?? null,
  };
}
