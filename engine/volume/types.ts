/** A named directory that outlives containers: Docker's shape. */
export interface Volume {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  /** RFC 3339. */
  readonly CreatedAt: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Scope: 'local';
  readonly Options: Readonly<Record<string, string>> | null;
}

export interface VolumeCreateOptions {
  /** Absent or empty: a random name of 64 hex digits, marked as anonymous by the label com.docker.volume.anonymous. */
  readonly Name?: string;
  readonly Driver?: string;
  /** Of the local driver: `type`, `device`, `o`, as mount(8) takes them (tmpfs, bind). */
  readonly DriverOpts?: Readonly<Record<string, string>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

export type VolumeEvent = (action: string, name: string, attributes: Readonly<Record<string, string>>) => void;

/** Errors are EngineError with Docker's words: `get x: no such volume`, `remove x: volume is in use - [ID]`. */
export interface VolumeService {
  create(options: VolumeCreateOptions): Promise<Volume>;
  get(name: string): Promise<Volume>;
  /** Docker's filters: name, label, driver, dangling. */
  list(
    filters?: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ Volumes: readonly Volume[]; Warnings: readonly string[] }>;
  remove(name: string, options?: { readonly force?: boolean }): Promise<void>;
  prune(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ VolumesDeleted: readonly string[]; SpaceReclaimed: number }>;
  /** A container uses it from now on: it can't be removed. Idempotent. */
  acquire(name: string, container: string): Promise<void>;
  release(name: string, container: string): Promise<void>;
  /** For a container that is to start: mounts what a volume with options needs, and answers with the directory to bind. */
  mount(name: string, container: string): Promise<string>;
  unmount(name: string, container: string): Promise<void>;
  usage(name: string): Promise<{ readonly Size: number; readonly RefCount: number }>;
}

/** `openVolumes` of volumes.ts. `volumes/` below the root is ours: `volumes/NAME/_data`. */
export interface VolumeServiceOptions {
  readonly root: string;
  readonly event?: VolumeEvent;
}
