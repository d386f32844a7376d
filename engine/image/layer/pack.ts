import { read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import { O, S_IF } from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { decodeName } from '../tar/names.js';
import type { TarEntryInit, TarType } from '../tar/types.js';
import { contentPadding, END_OF_ARCHIVE, tarHeader } from '../tar/write.js';
import { getXattr, listXattrs, passes } from './attributes.js';
import { type Status, statusOf } from './status.js';
import { openDirectory, type Walked } from './walk.js';

const read = promisify(readCallback);

const S_IFMT = 0o170000;
const TYPES: ReadonlyMap<number, TarType> = new Map([
  [S_IF.REG, 'file'],
  [S_IF.DIR, 'directory'],
  [S_IF.CHR, 'char'],
  [S_IF.BLK, 'block'],
  [S_IF.FIFO, 'fifo'],
  [0o120000, 'symlink'],
]);
/** Bytes that are put together before they are handed on, and that are read of a file at once. */
const PIECE = 256 << 10;
const ELOOP = -40;
const ENOENT = -2;
const ENXIO = -6;

/**
 * Makes an archive of files that are walked by. What is handed on are pieces of about 256 KiB, however small the files are.
 * A file that shrinks while it is read is filled up with zeros, one that grows is cut, as GNU tar does.
 */
export class Packer {
  private readonly kernel: Kernel;
  /** Files with several names: the first name of each. */
  private readonly links = new Map<string, string>();
  private held: Uint8Array[] = [];
  private heldBytes = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** An entry that is no file on the disk, without content. */
  *mark(init: TarEntryInit): Generator<Uint8Array, void, undefined> {
    yield* this.hold(tarHeader(init));
  }

  /** @param name that it gets, without the slash of directories */
  async *add({ status, dir, name: at }: Walked, name: string): AsyncGenerator<Uint8Array, void, undefined> {
    const type = TYPES.get(status.mode & S_IFMT);
    // a socket is of no use to anyone else
    if (type === undefined) return;
    if (type !== 'directory' && status.links > 1) {
      const key = `${status.device} ${status.inode}`;
      const first = this.links.get(key);
      if (first !== undefined) {
        yield* this.hold(tarHeader({ ...described(status, 'hardlink', name), linkname: first }));
        return;
      }
      this.links.set(key, name);
    }
    switch (type) {
      case 'file':
        yield* this.file(status, dir, at, name);
        return;
      case 'directory':
        yield* this.directory(status, dir, at, name);
        return;
      case 'symlink': {
        const linkname = this.linkTarget(dir, at);
        if (linkname !== null) yield* this.hold(tarHeader({ ...described(status, type, name), linkname }));
        return;
      }
      default:
        yield* this.hold(tarHeader(described(status, type, name)));
    }
  }

  *end(): Generator<Uint8Array, void, undefined> {
    yield* this.hold(END_OF_ARCHIVE);
    if (this.heldBytes > 0) yield this.release();
  }

  private *directory(status: Status, dir: number, at: Buffer, name: string): Generator<Uint8Array, void, undefined> {
    const fd = openDirectory(this.kernel, dir, at);
    if (fd === null) return;
    try {
      const xattrs = this.xattrs(fd);
      yield* this.hold(tarHeader({ ...described(status, 'directory', `${name}/`), xattrs }));
    } finally {
      this.kernel.call('close', fd);
    }
  }

  private async *file(_: Status, dir: number, at: Buffer, name: string): AsyncGenerator<Uint8Array, void, undefined> {
    const flags = O.RDONLY | O.NOFOLLOW | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
    const fd = this.kernel.call('openat', dir, at, flags, 0);
    if (fd === ENOENT || fd === ELOOP || fd === ENXIO) return;
    if (fd < 0) throw new SyscallError('openat', -fd, { path: name, while: 'archive' });
    try {
      // what was opened counts: its name may be another file's by now
      const status = statusOf(this.kernel, fd);
      if ((status.mode & S_IFMT) !== S_IF.REG) return;
      const { size } = status;
      yield* this.hold(tarHeader({ ...described(status, 'file', name), size, xattrs: this.xattrs(fd) }));
      for (let done = 0; done < size; ) {
        const piece = Buffer.allocUnsafe(Math.min(PIECE, size - done));
        const { bytesRead } = await read(fd, piece, 0, piece.length, done);
        if (bytesRead === 0) piece.fill(0);
        const got = bytesRead === 0 ? piece : piece.subarray(0, bytesRead);
        yield* this.hold(got);
        done += got.length;
      }
      yield* this.hold(contentPadding(size));
    } finally {
      this.kernel.call('close', fd);
    }
  }

  private xattrs(fd: number): ReadonlyMap<string, Uint8Array> {
    const xattrs = new Map<string, Uint8Array>();
    for (const name of listXattrs(this.kernel, fd)) {
      // a PAX keyword has no "="
      if (!passes(name) || name.includes('=')) continue;
      const value = getXattr(this.kernel, fd, name);
      if (value !== null) xattrs.set(name, value);
    }
    return xattrs;
  }

  private linkTarget(dir: number, at: Buffer): string | null {
    const target = Buffer.alloc(4096);
    const length = this.kernel.call('readlinkat', dir, at, target, target.length);
    return length < 0 ? null : decodeName(target.subarray(0, length));
  }

  private *hold(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    if (bytes.length === 0) return;
    this.held.push(bytes);
    this.heldBytes += bytes.length;
    if (this.heldBytes >= PIECE) yield this.release();
  }

  private release(): Uint8Array {
    const bytes = this.held.length === 1 ? (this.held[0] as Uint8Array) : Buffer.concat(this.held);
    this.held = [];
    this.heldBytes = 0;
    return bytes;
  }
}

function described(status: Status, type: TarType, name: string): TarEntryInit {
  const isDevice = type === 'char' || type === 'block';
  return {
    name,
    type,
    mode: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    mtime: status.mtime,
    ...(isDevice ? { major: status.major, minor: status.minor } : {}),
  };
}
