import type { Kernel } from '../../kernel/kernel.js';
import type { TarLimits } from '../tar/types.js';
import type { Digest } from '../types.js';

/**
 * How overlay marks are stored: in `trusted.overlay.*` by who has CAP_SYS_ADMIN on the machine, in `user.overlay.*` (mount
 * option `userxattr`) in a user namespace.
 */
export interface OverlayMarks {
  readonly userxattr?: boolean;
}

export interface ApplyOptions extends OverlayMarks {
  /**
   * `overlay`: `.wh.` entries become overlay's whiteouts, as for a layer. `literal`: they are files like any other, as for
   * `docker cp` and any archive that is no layer. Default: overlay.
   */
  readonly whiteouts?: 'overlay' | 'literal';
  /**
   * Directories of the layers below, topmost first: a parent directory that the archive doesn't name takes owner, mode and
   * time of the one below. Without, 0755 of root.
   */
  readonly lower?: readonly string[];
  /** Who owns the files: what the archive says (default), or whoever runs this: for a user namespace of one id. */
  readonly ownership?: 'archive' | 'caller';
  /** A directory doesn't replace a file nor a file a directory: AlreadyExists. For `cp`; default false. */
  readonly keepKind?: boolean;
  /** The stream's digest, where the caller has compared it already (an uncompressed blob's own): it is not made again. */
  readonly diffId?: Digest;
  readonly limits?: Partial<TarLimits>;
  readonly signal?: AbortSignal;
  readonly kernel?: Kernel;
}

export interface AppliedLayer {
  /** sha256 of the stream as it came in, which is the uncompressed tar. */
  readonly diffId: Digest;
  /** Bytes of the stream. */
  readonly streamBytes: number;
  /** Bytes of the files made, holes included: the layer's size as Docker counts it. */
  readonly bytes: number;
  readonly entries: number;
  /** What was left out and why: devices that a user namespace may not make, attributes that the file system doesn't take. At most 100. */
  readonly skipped: readonly { readonly path: string; readonly what: string }[];
}

/**
 * Put a layer's tar (uncompressed; see tar/decompress.ts) into a directory: overlay's upper or lower directory, or, with
 * `whiteouts: 'literal'`, any. Nothing outside of the directory is read or changed, whatever names and links the archive
 * has. `directory` is a path or an open descriptor of it. Not atomic: after an error throw the directory away.
 *
 * @throws EngineError DataLoss (the archive is damaged), ResourceExhausted (beyond a bound), InvalidArgument (names such as
 *   `.wh...`, ids that the user namespace hasn't), Aborted
 */
export type ApplyLayer = (
  tar: AsyncIterable<Uint8Array>,
  directory: string | number,
  options?: ApplyOptions,
) => Promise<AppliedLayer>;

export interface DiffOptions extends OverlayMarks {
  readonly kernel?: Kernel;
}

/**
 * An overlay's upper directory as a layer's tar: whiteouts and opaque directories as `.wh.` entries, names sorted, hard links
 * kept, sockets left out. The same directory gives the same bytes.
 */
export type DiffLayer = (upper: string, options?: DiffOptions) => AsyncIterable<Uint8Array>;

/** One line of `docker diff`: 0 modified, 1 added, 2 deleted. */
export interface LayerChange {
  readonly Path: string;
  readonly Kind: 0 | 1 | 2;
}

/** What `docker diff` lists: the upper directory against those below (topmost first), sorted by path. */
export type ChangesOf = (
  upper: string,
  lower: readonly string[],
  options?: OverlayMarks,
) => Promise<readonly LayerChange[]>;

export interface ArchiveOptions {
  /**
   * Path below the root of what shall be archived, as seen with `root` as `/`; links on the way are followed inside of it,
   * the last one is not. Default: everything.
   */
  readonly path?: string;
  /** Name that the topmost entry gets; default: the last component of `path`, or `./`-less names for everything. */
  readonly rename?: string;
  /** Include the topmost directory's own entry. Default: for a `path` yes, for the whole tree no. */
  readonly self?: boolean;
  readonly kernel?: Kernel;
}

/** A tree as a tar, as `docker export` and `docker cp` give it. `root` is a path or an open descriptor. Mounts below it are entered. */
export type ArchiveTree = (root: string | number, options?: ArchiveOptions) => AsyncIterable<Uint8Array>;
