import { closeSync, lstatSync, opendirSync, type Stats } from 'node:fs';
import type { LayerEntry } from '../api/types.js';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/kernel.js';
import { O_DIRECTORY, openEntry } from '../kernel/namespaces/open-in-root.js';
import { hasVanished } from '../kernel/procfs/read.js';

/** Bounds on the scan of one layer. */
export interface ScanLimits {
  /** Entries that are listed. */
  readonly listed: number;
  /** Entries that are counted. */
  readonly counted: number;
  /** Milliseconds. */
  readonly time: number;
}

export const LAYER_LIMITS: ScanLimits = { listed: 200, counted: 5_000, time: 30 };

/** What a layer holds. */
export interface LayerScan {
  /** Regular files, whiteouts not among them. */
  readonly files: number;
  /** Of these, one with several names once. */
  readonly bytes: number;
  readonly entries: readonly LayerEntry[];
  readonly truncated: boolean;
}

/** Names that are read of one directory. */
const NAMES = 20_000;
/** Deepest directory that is entered. */
const DEPTH = 64;

/**
 * Walk a layer's directory: files, sizes, whiteouts (character device 0/0, or an empty file with the attribute
 * `overlay.whiteout`) and opaque directories (`overlay.opaque` = `y`). No link is followed and no other mount entered: every
 * directory is opened relative to the one above it.
 *
 * @param dirFd the layer's directory, left open
 * @throws SyscallError or Node's error when it cannot be read
 */
export function scanLayer(kernel: Kernel, dirFd: number, limits: ScanLimits = LAYER_LIMITS): LayerScan {
  const walk: Walk = {
    kernel,
    limits,
    until: performance.now() + limits.time,
    entries: [],
    linked: new Set(),
    seen: 0,
    files: 0,
    bytes: 0,
    truncated: false,
  };
  scanDirectory(walk, dirFd, '', 0);
  return {
    files: walk.files,
    bytes: walk.bytes,
    entries: walk.entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
    truncated: walk.truncated || walk.seen > limits.listed,
  };
}

interface Walk {
  readonly kernel: Kernel;
  readonly limits: ScanLimits;
  readonly until: number;
  readonly entries: LayerEntry[];
  /** Files with several names that were met. */
  readonly linked: Set<string>;
  seen: number;
  files: number;
  bytes: number;
  truncated: boolean;
}

function scanDirectory(walk: Walk, dirFd: number, prefix: string, depth: number): void {
  const at = Buffer.from(`/proc/self/fd/${dirFd}/`);
  for (const name of namesIn(walk, at)) {
    if (isOver(walk)) return;
    const full = Buffer.concat([at, name]);
    const stats = lstat(full);
    if (stats === null) continue;
    walk.seen += 1;
    const path = `${prefix}${name.toString('utf8')}`;
    const type = typeOf(walk.kernel, full, stats);
    if (type === 'file') {
      walk.files += 1;
      if (isFirstName(walk, stats)) walk.bytes += stats.size;
    }
    if (walk.entries.length < walk.limits.listed)
      walk.entries.push({ path, type, bytes: type === 'file' ? stats.size : 0 });
    if (!stats.isDirectory()) continue;
    if (depth >= DEPTH) {
      walk.truncated = true;
      continue;
    }
    const child = openEntry(walk.kernel, dirFd, name, O_DIRECTORY);
    if (child === -ERRNO.ENOENT || child === -ERRNO.ENOTDIR || child === -ERRNO.ELOOP) continue;
    // Something is mounted over it. An overlay sees what lies below, which cannot be reached from here.
    if (child === -ERRNO.EXDEV) {
      walk.truncated = true;
      continue;
    }
    if (child < 0) throw new SyscallError('openat2', -child, { path });
    try {
      scanDirectory(walk, child, `${path}/`, depth + 1);
    } finally {
      closeSync(child);
    }
  }
}

/** A file with several names takes its bytes once. */
function isFirstName({ linked }: Walk, { nlink, dev, ino }: Stats): boolean {
  if (nlink < 2) return true;
  const key = `${dev} ${ino}`;
  const isFirst = !linked.has(key);
  linked.add(key);
  return isFirst;
}

/** True, and noted, when the limits are reached. */
function isOver(walk: Walk): boolean {
  if (walk.seen < walk.limits.counted && performance.now() <= walk.until) return false;
  walk.truncated = true;
  return true;
}

/** Names as bytes (they need not be UTF-8), in order. */
function namesIn(walk: Walk, directory: Buffer): Buffer[] {
  const names: Buffer[] = [];
  const open = opendirSync(directory, { encoding: 'buffer' as BufferEncoding, bufferSize: 256 });
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      if (names.length >= NAMES || performance.now() > walk.until) {
        walk.truncated = true;
        break;
      }
      names.push(entry.name as unknown as Buffer);
    }
  } finally {
    open.closeSync();
  }
  return names.sort(Buffer.compare);
}

function lstat(path: Buffer): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (hasVanished(error)) return null;
    throw error;
  }
}

function typeOf(kernel: Kernel, path: Buffer, stats: Stats): LayerEntry['type'] {
  if (stats.isDirectory()) return attribute(kernel, path, 'opaque') === 'y' ? 'opaque-directory' : 'directory';
  if (stats.isCharacterDevice()) return stats.rdev === 0 ? 'whiteout' : 'other';
  if (stats.isSymbolicLink()) return 'symlink';
  if (!stats.isFile()) return 'other';
  return stats.size === 0 && attribute(kernel, path, 'whiteout') !== null ? 'whiteout' : 'file';
}

/** Value of an overlay attribute under either of its prefixes, null when it has none; overlayfs.rst. */
function attribute(kernel: Kernel, path: Buffer, name: 'opaque' | 'whiteout'): string | null {
  const value = Buffer.alloc(16);
  const ended = Buffer.concat([path, Buffer.alloc(1)]);
  for (const prefix of ['user.overlay.', 'trusted.overlay.']) {
    const length = kernel.call('lgetxattr', ended, `${prefix}${name}`, value, value.length);
    if (length >= 0) return value.toString('latin1', 0, length);
  }
  return null;
}
