/** Words of the image specification, and what the rest of the engine may ask of images. https://github.com/opencontainers/image-spec */

/** `sha256:` and 64 lower-case hex digits; `parseDigest` is the only maker. */
export type Digest = string & { readonly __digest: true };

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly urls?: readonly string[];
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
}

export interface HealthcheckConfig {
  /** `[]` inherit, `['NONE']`, `['CMD', …]`, `['CMD-SHELL', line]`. */
  readonly Test?: readonly string[];
  /** Nanoseconds; 0 inherits. */
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** `config` of an image's configuration, in the names of the specification and of Docker. */
export interface ImageRunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, Record<string, never>>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly Healthcheck?: HealthcheckConfig;
  readonly OnBuild?: readonly string[] | null;
  readonly Shell?: readonly string[];
  readonly ArgsEscaped?: boolean;
}

export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** An image's configuration, application/vnd.oci.image.config.v1+json; its digest is the image's id. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly os: string;
  readonly config?: ImageRunConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly HistoryEntry[];
}

/** An image that is complete in the store. */
export interface Image {
  readonly id: Digest;
  readonly config: ImageConfig;
  /** Id of the layers one on the other: chainID of the last; null for an image without layers. */
  readonly chainId: Digest | null;
  /** `name:tag`, familiar form (`busybox:latest`), sorted. */
  readonly tags: readonly string[];
  /** `name@sha256:…`, familiar form. */
  readonly digests: readonly string[];
  /** The image that it was committed or built from, for `Parent`; null where it is not known. */
  readonly parent: Digest | null;
  /** Bytes of all its layers, unpacked. */
  readonly size: number;
  /** When a tag was last put on it, RFC 3339; null: never. */
  readonly lastTagged: string | null;
}

/** What to put under a container: directories for overlay's `lowerdir`, topmost first, and the writable pair. */
export interface Snapshot {
  readonly id: string;
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  /** Where it is mounted while the container runs. */
  readonly merged: string;
}

/** One line of progress, as Docker's clients draw it: JSON of `docker pull`, `push`, `load`, `import`. */
export interface Progress {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  /** Text bar for old clients. */
  readonly progress?: string;
  readonly stream?: string;
  readonly aux?: unknown;
}

export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress?: string;
}

/** Told when something happened to an image: Docker's event (`pull`, `tag`, `untag`, `delete`, `load`, `import`, `push`, `save`, `prune`). */
export type ImageEvent = (action: string, id: string, attributes: Readonly<Record<string, string>>) => void;

export interface ImageListOptions {
  readonly all?: boolean;
  /** Docker's filters of `images`: reference, dangling, label, before, since, until. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

export interface DeletedImage {
  readonly Untagged?: string;
  readonly Deleted?: string;
}

/**
 * Everything that the engine can do with images. Names are given as a user writes them: `busybox`, `a/b:1`, an id or a
 * prefix of one, `name@sha256:…`. Errors are EngineError with Docker's own words (`No such image: x:latest`).
 */
export interface ImageService {
  /** NotFound when there is none; InvalidArgument for a name that is none, or an ambiguous prefix. */
  get(name: string): Promise<Image>;
  list(options?: ImageListOptions): Promise<readonly Image[]>;
  tag(source: string, target: string): Promise<void>;
  /** As `docker rmi`; `inUse` answers with the containers that need an image. */
  remove(
    name: string,
    options: { readonly force?: boolean; readonly noPrune?: boolean },
  ): Promise<readonly DeletedImage[]>;
  prune(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ deleted: readonly DeletedImage[]; reclaimed: number }>;

  pull(name: string, options: PullOptions): Promise<Image>;
  push(name: string, options: PushOptions): Promise<void>;
  search(
    term: string,
    options: {
      readonly limit?: number;
      readonly filters?: Readonly<Record<string, readonly string[]>>;
      readonly auth?: RegistryAuth;
    },
  ): Promise<readonly SearchResult[]>;
  /** Ask a registry whether it takes these credentials. Returns an identity token where it gives one. */
  login(auth: RegistryAuth): Promise<{ readonly Status: string; readonly IdentityToken?: string }>;
  /** The descriptor and platforms that a registry has for a name: `GET /distribution/NAME/json`. */
  distribution(
    name: string,
    auth?: RegistryAuth,
  ): Promise<{ readonly Descriptor: Descriptor; readonly Platforms: readonly Platform[] }>;

  /** Docker's archive (with OCI's index.json in it, as Docker 25 and newer write it) of some images, as a tar stream. */
  save(names: readonly string[], options?: { readonly platform?: Platform }): AsyncIterable<Uint8Array>;
  /** Docker and OCI archives, plain, gzip or zstd. */
  load(archive: AsyncIterable<Uint8Array>, progress: (line: Progress) => void): Promise<readonly Image[]>;
  /** `docker import`: a root file system's tar becomes an image of one layer. */
  import(tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Image>;

  /**
   * Make an image of a container's writable layer (`upper`, overlay's whiteouts) on top of another image, or a layer-less
   * change of its configuration when `upper` is null.
   */
  commit(options: CommitOptions): Promise<Image>;

  /** Make a writable layer on an image's (null: on nothing). `id` names it; it must not exist. Crash-safe. */
  prepareSnapshot(id: string, image: Image | null): Promise<Snapshot>;
  snapshot(id: string): Promise<Snapshot>;
  removeSnapshot(id: string): Promise<void>;
  /** Ids of all writable layers, for the engine's start: those of no container are removed by it. */
  listSnapshots(): Promise<readonly string[]>;
  /** Bytes and files of a writable layer. */
  usage(id: string): Promise<{ readonly bytes: number; readonly inodes: number }>;
  /** What changed in a writable layer against the image below, as `docker diff`, sorted by path: 0 modified, 1 added, 2 deleted. */
  changes(id: string): Promise<readonly { readonly Path: string; readonly Kind: 0 | 1 | 2 }[]>;
  /** Layers with their sizes, lowest first: for the picture, `system df` and GraphDriver. */
  layersOf(
    image: Image,
  ): Promise<
    readonly { readonly diffId: Digest; readonly chainId: Digest; readonly directory: string; readonly size: number }[]
  >;
  /** Bytes of all layers in the store, each counted once. */
  layersSize(): Promise<number>;

  /** Remove blobs and layers that no image, snapshot or running operation needs; also what a crash left. */
  collectGarbage(): Promise<void>;
}

export interface PullOptions {
  readonly platform?: Platform;
  readonly auth?: RegistryAuth;
  /** Every tag of the repository. */
  readonly allTags?: boolean;
  readonly progress: (line: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface PushOptions {
  readonly auth?: RegistryAuth;
  readonly allTags?: boolean;
  readonly platform?: Platform;
  readonly progress: (line: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface ImportOptions {
  readonly reference?: string;
  readonly message?: string;
  /** Dockerfile instructions, one a line: `CMD ["sh"]`. */
  readonly changes?: readonly string[];
  readonly platform?: Platform;
}

export interface CommitOptions {
  readonly image: Image | null;
  readonly upper: string | null;
  /** Configuration of the new image, already merged. */
  readonly config: ImageRunConfig;
  readonly reference?: string;
  readonly author?: string;
  readonly message?: string;
  /** `created_by` of the history entry: the container's command. */
  readonly createdBy: string;
}

export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
}

/** How the service is opened: `openImages` of images.ts. */
export interface ImageServiceOptions {
  /** The engine's data directory: `image/` below it is ours. On a real file system: overlay's upper layer can't be on an overlay. */
  readonly root: string;
  readonly event?: ImageEvent;
  /** Containers that need an image: `id` short form for the message, whether they run. */
  readonly inUse?: (id: Digest) => readonly { readonly id: string; readonly running: boolean }[];
  readonly insecureRegistries?: readonly string[];
  readonly registryMirrors?: readonly string[];
  /** Make `busybox:latest` and the stand-ins of this machine's programs when they are asked for; default true. */
  readonly base?: boolean;
  /** Overlay without privileges of the machine stores its marks in `user.overlay.*`: true in a user namespace. */
  readonly userxattr?: boolean;
  /** Told what of a layer could not be unpacked: devices and attributes that this machine, or our guards, refuse. */
  readonly warn?: (message: string) => void;
}
