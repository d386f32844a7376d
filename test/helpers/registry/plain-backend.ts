import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseImageConfig } from '../../../engine/image/config.js';
import { ContentStore } from '../../../engine/image/content.js';
import { chainIds, digestOf, Hasher } from '../../../engine/image/digest.js';
import { canonical, parseReference, type Reference } from '../../../engine/image/reference.js';
import type { RegistryConfig } from '../../../engine/image/registry/endpoints.js';
import { Registries } from '../../../engine/image/registry/index.js';
import { Repositories, tagsAndDigests } from '../../../engine/image/repositories.js';
import type { Snapshots } from '../../../engine/image/snapshot/types.js';
import type { ImageBackend, ImageRecord, NewImage } from '../../../engine/image/store/backend.js';
import type { Lease } from '../../../engine/image/store/lease.js';
import { decompress } from '../../../engine/image/tar/decompress.js';
import type { Descriptor, Digest, Image, ImageServiceOptions, Progress } from '../../../engine/image/types.js';
import { EngineError } from '../../../engine/kernel/errors.js';

/** An image store on real content and real names that unpacks nothing: layers are only hashed. Needs no privilege. */
export class PlainBackend implements ImageBackend {
  readonly options: ImageServiceOptions;
  readonly content: ContentStore;
  readonly repositories: Repositories;
  readonly events: string[] = [];
  readonly #records = new Map<Digest, ImageRecord>();
  readonly #layers = new Set<Digest>();

  private constructor(options: ImageServiceOptions, content: ContentStore, repositories: Repositories) {
    this.options = options;
    this.content = content;
    this.repositories = repositories;
  }

  static async open(options: ImageServiceOptions): Promise<PlainBackend> {
    const content = await ContentStore.open(join(options.root, 'image'));
    return new PlainBackend(
      options,
      content,
      await Repositories.open(join(options.root, 'image', 'repositories.json')),
    );
  }

  get snapshots(): Snapshots {
    return { hasLayer: (id: Digest) => this.#layers.has(id) } as unknown as Snapshots;
  }

  lease(): Lease {
    return this.content.lease();
  }

  async get(name: string): Promise<Image> {
    const id = this.#records.has(name as Digest) ? (name as Digest) : this.repositories.get(parseReference(name));
    if (id === null) throw new EngineError('NotFound', `No such image: ${name}`);
    const config = parseImageConfig(await this.content.read(id));
    const chainId = chainIds(config.rootfs.diff_ids).at(-1) ?? null;
    return {
      id,
      config,
      chainId,
      ...tagsAndDigests(this.repositories.of(id)),
      parent: null,
      size: 0,
      lastTagged: null,
    };
  }

  record(id: Digest): ImageRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new EngineError('NotFound', `No such image: ${id}`);
    return record;
  }

  /** How many images there are. */
  get count(): number {
    return this.#records.size;
  }

  blobOfLayer(): Descriptor | null {
    return null;
  }

  async registerImage(image: NewImage): Promise<Image> {
    const config = parseImageConfig(image.config);
    const chain = chainIds(config.rootfs.diff_ids);
    for (const [index, { descriptor }] of image.layers.entries()) {
      const hasher = new Hasher();
      const isNew = !this.#layers.has(chain[index] as Digest);
      for await (const chunk of decompress(this.content.open(descriptor.digest))) hasher.update(chunk);
      if (hasher.digest() !== config.rootfs.diff_ids[index])
        throw new EngineError('DataLoss', "layers from manifest don't match image configuration");
      if (isNew) image.unpacking?.(index, descriptor.size, false);
      this.#layers.add(chain[index] as Digest);
      image.unpacking?.(index, descriptor.size, true);
    }
    const id = digestOf(image.config);
    await this.content.put(image.config);
    const manifests: Descriptor[] = [];
    for (const { mediaType, bytes } of image.manifests ?? [])
      manifests.push({ mediaType, ...(await this.content.put(bytes)) });
    const layers = image.layers.map(({ descriptor }) => descriptor);
    this.#records.set(id, { id, layers, manifests, parent: image.parent ?? null, lastTagged: null });
    await this.repositories.put(image.references ?? [], id);
    return this.get(id);
  }

  async putReference(reference: Reference, id: Digest): Promise<void> {
    await this.repositories.put([reference], id);
  }

  event(action: string, id: Digest, name: string): void {
    this.events.push(`${action} ${id.slice(0, 12)} ${name}`);
  }

  /** All names, in full. */
  get names(): string[] {
    return this.repositories.all().map(({ reference }) => canonical(reference));
  }

  /** Blobs that are there. */
  async blobs(): Promise<Digest[]> {
    const found: Digest[] = [];
    for await (const { digest } of this.content.list()) found.push(digest);
    return found;
  }
}

export interface PlainEngine {
  readonly backend: PlainBackend;
  readonly registries: Registries;
  /** What was reported so far. */
  readonly lines: Progress[];
  readonly progress: (line: Progress) => void;
  /** The reported lines, one a row: `ID STATUS`, without those that only move a bar. */
  text(): string[];
  close(): Promise<void>;
}

/** A store in a directory of its own, and registries whose seconds are short. */
export async function plainEngine(config: RegistryConfig = {}): Promise<PlainEngine> {
  const root = await mkdtemp(join(tmpdir(), 'glassbox-registry-'));
  const { insecureRegistries, registryMirrors, ...rest } = config;
  const backend = await PlainBackend.open({
    root,
    ...(insecureRegistries === undefined ? {} : { insecureRegistries }),
    ...(registryMirrors === undefined ? {} : { registryMirrors }),
  });
  const lines: Progress[] = [];
  return {
    backend,
    registries: new Registries(backend, { certificates: join(root, 'certs.d'), retrySecondMs: 1, ...rest }),
    lines,
    progress: (line) => void lines.push(line),
    text: () =>
      lines.flatMap(({ id, status, stream, progressDetail }) => {
        if (progressDetail !== undefined && Object.keys(progressDetail).length > 0) return [];
        if (status === undefined) return stream === undefined ? [] : [stream.trimEnd()];
        return [id === undefined ? status : `${id}: ${status}`];
      }),
    close: () => rm(root, { recursive: true, force: true }),
  };
}
