import type { Kernel } from '../../kernel/kernel.js';
import type { Digest, Snapshot } from '../types.js';
import type { Step } from './durable.js';

/** What is known of a complete layer. */
export interface LayerRecord {
  readonly chainId: Digest;
  readonly diffId: Digest;
  /** chainID of the layer below; null for the lowest. */
  readonly parent: Digest | null;
  /** Bytes and inodes of the layer alone, unpacked. */
  readonly size: number;
  readonly inodes: number;
  /** RFC 3339. */
  readonly created: string;
}

/** A layer that is being made. Nobody else sees it before `commitLayer`. */
export interface LayerDraft {
  readonly chainId: Digest;
  readonly parent: Digest | null;
  /** Put the layer's files here: `applyLayer(tar, draft.directory, { lower: draft.lower, userxattr })`. */
  readonly directory: string;
  /** Directories of the layers below, topmost first. */
  readonly lower: readonly string[];
}

/** Bytes of files and number of inodes, each hard-linked file once. */
export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
}

/** More lower layers than this are refused, as Docker's overlay2 does (`max depth exceeded`). */
export const MAX_LAYERS = 127;

/**
 * Layers and writable layers on disk. Open with `SnapshotStore.open({ root, userxattr })`, which also removes what a crash
 * left. One process at a time.
 */
export interface Snapshots {
  /** Begin a layer above `parent`. AlreadyExists when it is complete already. Two drafts of one layer may be made at once: the first commit wins. */
  prepareLayer(chainId: Digest, parent: Digest | null): Promise<LayerDraft>;
  /**
   * Make a draft a layer, durably: syncfs, record, fsync, rename, fsync of the directory (a power cut leaves the whole layer
   * or none). When somebody else was first, the draft is removed and theirs is returned.
   */
  commitLayer(draft: LayerDraft, made: { readonly diffId: Digest } & Partial<DiskUsage>): Promise<LayerRecord>;
  abandonLayer(draft: LayerDraft): Promise<void>;
  /** NotFound when there is none. */
  layer(chainId: Digest): LayerRecord;
  hasLayer(chainId: Digest): boolean;
  listLayers(): readonly LayerRecord[];
  /** `layers/…/diff` */
  directoryOf(chainId: Digest): string;
  /** From the given layer down to the lowest: the chain that a mount needs. */
  chainOf(top: Digest): readonly LayerRecord[];
  /** FailedPrecondition while a layer or a snapshot stands on it. The record goes first, then the files. */
  removeLayer(chainId: Digest): Promise<void>;

  /**
   * A writable layer above `top` (null: above nothing). AlreadyExists when the id is taken; durable when it returns. Between
   * the two lies, as Docker's `-init` layer, what a container's mounts need: `/dev/pts`, `/etc/hosts`, … (init-layer.ts);
   * not with `bare`.
   */
  prepareSnapshot(id: string, top: Digest | null, options?: { readonly bare?: boolean }): Promise<Snapshot>;
  /** NotFound when there is none. */
  snapshot(id: string): Snapshot;
  /** The layer that a snapshot stands on. */
  topOf(id: string): Digest | null;
  listSnapshots(): readonly string[];
  /** Unmount it if it is mounted, and remove it. NotFound when there is none. */
  removeSnapshot(id: string): Promise<void>;
  usage(id: string): Promise<DiskUsage>;
  /** Bytes of all layers. */
  layersSize(): number;
}

export interface MountOptions {
  /** Overlay's marks are `user.overlay.*`: in a user namespace. */
  readonly userxattr?: boolean;
  /** Give the layers one by one (default, where the kernel can) or in one page. */
  readonly oneByOne?: boolean;
  readonly kernel?: Kernel;
}

export interface StoreOptions {
  /** The engine's data directory: `image/overlay/` below it is ours. */
  readonly root: string;
  readonly userxattr?: boolean;
  readonly kernel?: Kernel;
  /** Told after each step that reaches the disk; a test ends the process there. */
  readonly step?: (step: Step) => void;
}
