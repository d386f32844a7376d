import { AT, O } from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import { type Kernel, realKernel } from '../../kernel/kernel.js';
import { cString, decodeName } from '../tar/names.js';
import { getXattr } from './attributes.js';
import { namesIn } from './place.js';
import { type Status, statusAt } from './status.js';
import type { ChangesOf, LayerChange } from './types.js';
import { isDirectory } from './walk.js';
import { OverlayMarker } from './whiteouts.js';

const MODIFIED = 0;
const ADDED = 1;
const DELETED = 2;
const S_IFMT = 0o170000;
const SLICE_MS = 10;

/** What a name is in the layers below: the file that is seen, and, of a directory, the directories that it is made of. */
interface Below {
  readonly status: Status;
  readonly path: string;
  readonly directories: readonly string[];
}

/**
 * As Docker compares a container's tree with its image's: added and deleted by name; modified when type, mode, owner, device,
 * capability differ, or, of what is no directory, size or time; a directory in which something changed is modified. Only the
 * names that the upper directory has are looked up below. moby, pkg/archive/changes.go
 */
export const changesOf: ChangesOf = async (upper, lower, options = {}) => {
  const compare = new Comparison(realKernel, options.userxattr === true);
  await compare.directory(upper, lower, '');
  return compare.found.sort((a, b) => (a.Path < b.Path ? -1 : a.Path > b.Path ? 1 : 0));
};

class Comparison {
  readonly found: LayerChange[] = [];
  private readonly kernel: Kernel;
  private readonly marker: OverlayMarker;
  private since = performance.now();

  constructor(kernel: Kernel, userxattr: boolean) {
    this.kernel = kernel;
    this.marker = new OverlayMarker(kernel, userxattr);
  }

  /**
   * @param path of the directory as the container sees it, '' for its root
   * @returns whether anything in it changed
   */
  async directory(upper: string, lower: readonly string[], path: string): Promise<boolean> {
    const before = this.found.length;
    const names = this.names(upper);
    for (const name of names) await this.entry(`${upper}/${name}`, this.below(lower, name), `${path}/${name}`);
    if (lower.length > 0 && this.isOpaque(upper)) {
      const own = new Set(names);
      for (const name of new Set(lower.flatMap((directory) => this.names(directory))))
        if (!own.has(name) && this.below(lower, name) !== null) this.add(`${path}/${name}`, DELETED);
    }
    if (performance.now() - this.since > SLICE_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      this.since = performance.now();
    }
    return this.found.length > before;
  }

  private async entry(upper: string, below: Below | null, path: string): Promise<void> {
    const status = this.status(upper);
    if (status === null) return;
    if (this.isWhiteout(status, upper)) {
      if (below !== null) this.add(path, DELETED);
      return;
    }
    const isListed = below === null || this.differs(status, upper, below);
    if (isListed) this.add(path, below === null ? ADDED : MODIFIED);
    if (!isDirectory(status)) return;
    const changed = await this.directory(upper, below?.directories ?? [], path);
    if (changed && !isListed) this.add(path, MODIFIED);
  }

  private differs(status: Status, upper: string, { status: old, path }: Below): boolean {
    if (status.mode !== old.mode || status.uid !== old.uid || status.gid !== old.gid) return true;
    if (status.major !== old.major || status.minor !== old.minor) return true;
    if (isDirectory(status)) return false;
    if (status.size !== old.size || !sameTime(status.mtime, old.mtime)) return true;
    return (status.mode & S_IFMT) === 0o100000 && this.capability(upper) !== this.capability(path);
  }

  /** Look a name up in the directories that a directory is made of, topmost first, as overlay does. */
  private below(lower: readonly string[], name: string): Below | null {
    let seen: { status: Status; path: string } | null = null;
    const directories: string[] = [];
    for (const directory of lower) {
      const path = `${directory}/${name}`;
      const status = this.status(path);
      if (status === null) continue;
      if (this.isWhiteout(status, path)) break;
      if (!isDirectory(status)) {
        seen ??= { status, path };
        break;
      }
      seen ??= { status, path };
      directories.push(path);
      if (this.isOpaque(path)) break;
    }
    return seen === null ? null : { ...seen, directories };
  }

  private status(path: string): Status | null {
    return statusAt(this.kernel, AT.FDCWD, cString(path));
  }

  private isWhiteout(status: Status, path: string): boolean {
    return this.marker.isWhiteout({ ...status, rdev: status.major + status.minor }, path);
  }

  private capability(path: string): string | undefined {
    return getXattr(this.kernel, path, 'security.capability')?.toString('latin1');
  }

  private names(directory: string): string[] {
    return this.open(directory, (fd) => namesIn(fd).map(decodeName)) ?? [];
  }

  private isOpaque(directory: string): boolean {
    return this.open(directory, (fd) => this.marker.isOpaque(fd)) ?? false;
  }

  /** Null when it is gone. */
  private open<T>(directory: string, use: (fd: number) => T): T | null {
    const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
    const fd = this.kernel.call('openat', AT.FDCWD, cString(directory), flags, 0);
    if (fd === -2 || fd === -20) return null;
    if (fd < 0) throw new SyscallError('openat', -fd, { path: directory, while: 'compare layers' });
    try {
      return use(fd);
    } finally {
      this.kernel.call('close', fd);
    }
  }

  private add(Path: string, Kind: LayerChange['Kind']): void {
    this.found.push({ Path, Kind });
  }
}

/** Equal, or equal in whole seconds where one has no more: an archive may have cut it. */
function sameTime(a: bigint, b: bigint): boolean {
  const second = 1_000_000_000n;
  return a === b || (a / second === b / second && (a % second === 0n || b % second === 0n));
}
