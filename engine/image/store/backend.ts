import type { ContentStore } from '../content.js';
import type { Reference } from '../reference.js';
import type { Repositories } from '../repositories.js';
import type { Snapshots } from '../snapshot/types.js';
import type { Descriptor, Digest, Image, ImageServiceOptions } from '../types.js';
import type { Lease } from './lease.js';

/** What the store knows of an image besides its configuration: ROOT/image/images/HEX.json. */
export interface ImageRecord {
  /** Digest of its configuration, which is a blob. */
  readonly id: Digest;
  /** Its layers' blobs, lowest first: one for each diffID of the configuration. */
  readonly layers: readonly Descriptor[];
  /** Manifests and indexes by which it came, as they were, newest last: blobs too. */
  readonly manifests: readonly Descriptor[];
  readonly parent: Digest | null;
  readonly lastTagged: string | null;
}

/** A layer's blob: in the content store already, or to be taken in. */
export interface LayerBlob {
  readonly descriptor: Descriptor;
  /** Its bytes as the descriptor has them. Called only when the store has not got the blob. */
  readonly open?: () => AsyncIterable<Uint8Array>;
}

/** An image that comes into the store: by pull, load, import, commit, build. */
export interface NewImage {
  /** The configuration's bytes: their digest is the image's id. */
  readonly config: Uint8Array;
  /** Lowest first, one for each diffID. */
  readonly layers: readonly LayerBlob[];
  /** Manifest (and index) that named it, to be kept for push, save and inspect. */
  readonly manifests?: readonly { readonly mediaType: string; readonly bytes: Uint8Array }[];
  readonly parent?: Digest | null;
  /** Names to put on it when it is complete, tags or digests; a tag leaves the image that had it. */
  readonly references?: readonly Reference[];
  /** Count this as tagging, for `lastTagged`: `tag`, `commit` and `import` do, `pull` and `load` don't. */
  readonly isTagging?: boolean;
  /** Told while layer `index` is unpacked: bytes of the blob read. `done` with the last call, also for a layer that was there. */
  readonly unpacking?: (index: number, bytes: number, done: boolean) => void;
  readonly signal?: AbortSignal;
}

/** What `pull`, `push`, `load`, `save` and `import` are built on. */
export interface ImageBackend {
  readonly options: ImageServiceOptions;
  readonly content: ContentStore;
  readonly snapshots: Snapshots;
  readonly repositories: Repositories;
  /** Keeps blobs and layers from garbage collection; release it in a `finally`. */
  lease(): Lease;
  /** As `ImageService.get`. */
  get(name: string): Promise<Image>;
  /** NotFound when there is none. */
  record(id: Digest): ImageRecord;
  /** A blob of this layer that the store has, in whatever compression: then it needn't be fetched again. */
  blobOfLayer(diffId: Digest): Descriptor | null;
  /**
   * Take an image in: blobs into the content store (each checked against its descriptor), layers unpacked into the snapshot
   * store (each checked against its diffID), record, names. Whatever happens, there is a complete image or none.
   */
  registerImage(image: NewImage): Promise<Image>;
  /** Put a name on an image that is there. */
  putReference(reference: Reference, id: Digest): Promise<void>;
  /** Tell that something happened: Docker's event, with the image's labels and `name`. */
  event(action: string, id: Digest, name: string): void;
}
