import type { MountPoint } from '../types.js';

/** A place where something is mounted: what inspect shows, and what it takes to mount it. Kept in the container's state. */
export interface ResolvedMount {
  readonly point: MountPoint;
  /** Where the wish came from, for messages and for what happens to volumes on `rm -v`. */
  readonly from: 'bind' | 'mount' | 'image' | 'volumes-from';
  /** Of a tmpfs: its data as mount(8) takes it, without defaults. */
  readonly tmpfs?: string;
  /** Submounts of the source are not taken along. */
  readonly nonRecursive?: boolean;
  /** Read-only of the mount alone; else of everything below where the kernel can. */
  readonly readOnlyNonRecursive?: boolean;
  /** Fails where the kernel cannot. */
  readonly readOnlyForceRecursive?: boolean;
  /** It has the engine's own mounts in it: `rslave` where the user said nothing. */
  readonly impliedSlave?: boolean;
  /** The source is made when it is not there: `-v`, and `bind-create-src`. */
  readonly createSource?: boolean;
  readonly volume?: {
    /** Empty: a name is to be made up; with a label that says that it was. */
    readonly name: string;
    readonly driver: string;
    readonly driverOpts: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
    /** Fill an empty volume with what the image has there. */
    readonly copy: boolean;
    readonly subpath: string;
  };
}

/** A mount with the directory that is bound: volumes mounted, subpaths resolved. */
export interface PlacedMount extends ResolvedMount {
  /** '' for a tmpfs. */
  readonly source: string;
}
