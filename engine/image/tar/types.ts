/** What a tar archive says of one file. https://www.gnu.org/software/tar/manual/html_node/Standard.html, pax(1) of POSIX */

export type TarType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';

export interface TarEntry {
  /** As the archive has it, without change: it may be absolute or hold `..`. Bytes that are no UTF-8: see names.ts. */
  readonly name: string;
  readonly type: TarType;
  /** Of a hard or symbolic link, else ''. */
  readonly linkname: string;
  /** Permissions with set-user-id, set-group-id and sticky: at most 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names of the owners, '' when the archive has none. */
  readonly uname: string;
  readonly gname: string;
  /** Bytes of the file, holes included; 0 for what is no file. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** Of a device, else 0. */
  readonly major: number;
  readonly minor: number;
  /** From `SCHILY.xattr.*`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** What a writer must be told; the rest is 0, '' or the type's habit. */
export type TarEntryInit = Pick<TarEntry, 'name' | 'type'> & Partial<TarEntry>;

/** Bounds of an archive; beyond one of them reading ends with ResourceExhausted. */
export interface TarLimits {
  readonly maxEntries: number;
  /** Bytes of a name or link target. PATH_MAX of Linux. */
  readonly maxPath: number;
  /** Components of a name. */
  readonly maxDepth: number;
  /** Bytes of one PAX header, long name or sparse map. */
  readonly maxHeader: number;
  /** Bytes of all files together, holes included. */
  readonly maxBytes: number;
  /** Bytes after the end of the archive: padding of tape blocks. CVE-2017-14992. */
  readonly maxTrailing: number;
}

export const DEFAULT_TAR_LIMITS: TarLimits = {
  maxEntries: 1_000_000,
  maxPath: 4096,
  maxDepth: 1024,
  maxHeader: 1 << 20,
  maxBytes: 128 * 2 ** 30,
  maxTrailing: 16 * 2 ** 30,
};

/** Where a parser puts what it finds, in the archive's order, synchronously. A throw ends the parsing. */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** A piece of the last entry's content; between the pieces of a sparse file are holes. The bytes are the caller's again afterwards. */
  data(bytes: Uint8Array, offset: number): void;
  /** The last entry's content is complete. Called for every entry. */
  end(): void;
}
