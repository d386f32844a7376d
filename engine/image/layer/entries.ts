import { readFileSync, writeSync } from 'node:fs';
import { AT, O, S_IF } from '../../kernel/constants.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { parseIdMap } from '../../kernel/procfs/id-map.js';
import { guard } from '../tar/guards.js';
import { cString } from '../tar/names.js';
import type { TarEntry, TarSink } from '../tar/types.js';
import { passes, setXattr } from './attributes.js';
import { directoryBelow } from './below.js';
import { cleanName, openInRoot, Places, removeTree } from './place.js';
import { type Status, statusAt, statusOf, timespecs } from './status.js';
import type { ApplyOptions } from './types.js';
import { OverlayMarker, ociMark } from './whiteouts.js';

const EPERM = 1;
const ENOENT = 2;
const EEXIST = 17;
const ENOTDIR = 20;
const EINVAL = 22;
const ELOOP = 40;
const EOPNOTSUPP = 95;
const S_IFMT = 0o170000;
const S_IF_LINK = 0o120000;
const S_ISGID = 0o2000;
const MAX_ID = 0xffff_fffe;
const MAX_SKIPPED = 100;

/** A name in its directory, ready for the kernel. */
interface Spot {
  readonly parts: readonly string[];
  /** For messages. */
  readonly path: string;
  readonly dir: number;
  /** The last part, with its NUL. */
  readonly name: Buffer;
}

/**
 * Puts the entries of an archive into a directory, one after the other, with calls that wait: a promise for each of them
 * would cost more than the calls. Names are reached through open directories only (place.ts), and the last name is never
 * followed when it is a link.
 */
export class EntryWriter implements TarSink {
  bytes = 0;
  readonly skipped: { path: string; what: string }[] = [];

  private readonly kernel: Kernel;
  private readonly options: ApplyOptions;
  private readonly places: Places;
  private readonly marker: OverlayMarker;
  private readonly asLayer: boolean;
  private readonly me: { readonly uid: number; readonly gid: number };
  /** A new file has our ids, unless its directory gives its group on. */
  private groupsDiffer: boolean;
  private readonly directories = new Map<string, bigint>();

  private file = -1;
  private fileEntry: TarEntry | null = null;
  private filePath = '';
  private fileEnd = 0;

  /** @param root an open descriptor of the directory */
  constructor(kernel: Kernel, root: number, options: ApplyOptions) {
    this.kernel = kernel;
    this.options = options;
    this.places = new Places(kernel, root, (path, fd) => this.implied(path, fd));
    this.marker = new OverlayMarker(kernel, options.userxattr === true);
    this.asLayer = options.whiteouts !== 'literal';
    this.me = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    this.groupsDiffer = !this.asLayer || (statusOf(kernel, root).mode & S_ISGID) !== 0;
  }

  entry(entry: TarEntry): void {
    const parts = cleanName(entry.name);
    const base = parts.at(-1);
    // the root itself is the store's, as Docker and containerd have it
    if (base === undefined) return;
    const mark = this.asLayer ? ociMark(base) : { kind: 'none' as const };
    if (mark.kind === 'ignored') return;
    const spot = this.spot(parts);
    if (mark.kind === 'opaque') this.marker.opaque(spot.dir, spot.path);
    else if (mark.kind === 'whiteout') this.whiteout(this.spot([...parts.slice(0, -1), mark.hides]), entry.mtime);
    else this.make(entry, spot);
  }

  data(bytes: Uint8Array, offset: number): void {
    // the content of an entry that is no file here, such as a whiteout's
    if (this.file < 0) return;
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.file, bytes, at, bytes.length - at, offset + at);
      } catch (error) {
        throw failedWrite(error, this.filePath);
      }
    }
    this.fileEnd = offset + bytes.length;
  }

  end(): void {
    const entry = this.fileEntry;
    if (entry === null) return;
    const fd = this.file;
    if (this.fileEnd !== entry.size) this.check('ftruncate', this.filePath, fd, entry.size);
    this.own(entry, this.filePath, 'fchown', (uid, gid) => this.kernel.call('fchown', fd, uid, gid));
    this.check('fchmod', this.filePath, fd, entry.mode);
    this.attributes(entry, this.filePath, fd);
    this.check('utimensat', this.filePath, fd, null, timespecs(entry.mtime), 0);
    this.closeFile();
    this.bytes += entry.size;
  }

  /** Everything is there: the directories' times, which making their files changed. */
  finish(): void {
    const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;
    for (const [path, mtime] of this.directories) {
      const fd = openInRoot(this.kernel, this.places.root, path, flags);
      // replaced by a later entry
      if (fd === -ENOENT || fd === -ENOTDIR || fd === -ELOOP) continue;
      if (fd < 0) throw new SyscallError('openat2', -fd, { path, while: 'apply layer' });
      this.check('utimensat', path, fd, null, timespecs(mtime), 0);
      this.kernel.call('close', fd);
    }
  }

  close(): void {
    this.closeFile();
    this.places.close();
  }

  private closeFile(): void {
    if (this.file >= 0) this.kernel.call('close', this.file);
    this.file = -1;
    this.fileEntry = null;
  }

  private spot(parts: readonly string[]): Spot {
    return {
      parts,
      path: parts.join('/'),
      dir: this.places.parentOf(parts),
      name: cString(parts.at(-1) as string),
    };
  }

  private make(entry: TarEntry, spot: Spot): void {
    switch (entry.type) {
      case 'file':
        this.makeFile(entry, spot);
        return;
      case 'directory':
        this.makeDirectory(entry, spot);
        return;
      case 'hardlink':
        this.makeLink(entry, spot);
        return;
      case 'symlink':
        this.createAt(spot, 'symlinkat', () =>
          this.kernel.call('symlinkat', cString(entry.linkname), spot.dir, spot.name),
        );
        break;
      case 'fifo':
        this.createAt(spot, 'mknodat', () => this.kernel.call('mknodat', spot.dir, spot.name, S_IF.FIFO | 0o600, 0));
        break;
      default:
        if (!this.makeDevice(entry, spot)) return;
    }
    this.finishSpecial(entry, spot);
    // as lstat(2) says it, and Docker's sizes have it
    if (entry.type === 'symlink') this.bytes += cString(entry.linkname).length - 1;
  }

  private makeFile(entry: TarEntry, spot: Spot): void {
    const noFollow = guard('layer-no-follow') ? O.EXCL | O.NOFOLLOW : 0;
    const flags = O.WRONLY | O.CREAT | noFollow | O.CLOEXEC;
    this.file = this.createAt(spot, 'openat', () => this.kernel.call('openat', spot.dir, spot.name, flags, 0o600));
    this.fileEntry = entry;
    this.filePath = spot.path;
    this.fileEnd = 0;
  }

  private makeDirectory(entry: TarEntry, spot: Spot): void {
    const made = this.kernel.call('mkdirat', spot.dir, spot.name, 0o700);
    let hides = false;
    if (made === -EEXIST) {
      const there = statusAt(this.kernel, spot.dir, spot.name);
      if (there === null || (there.mode & S_IFMT) !== S_IF.DIR) {
        // what it hid stays hidden: a whiteout that a directory replaces makes that opaque
        hides = there !== null && this.isWhiteout(there, spot);
        this.clear(spot, true);
        this.must('mkdirat', spot, this.kernel.call('mkdirat', spot.dir, spot.name, 0o700));
      }
    } else {
      this.must('mkdirat', spot, made);
    }
    const fd = this.kernel.call('openat', spot.dir, spot.name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC, 0);
    this.must('openat', spot, fd);
    try {
      if (hides) this.marker.opaque(fd, spot.path);
      this.own(entry, spot.path, 'fchown', (uid, gid) => this.kernel.call('fchown', fd, uid, gid));
      this.check('fchmod', spot.path, fd, entry.mode);
      this.attributes(entry, spot.path, fd);
    } finally {
      this.kernel.call('close', fd);
    }
    if ((entry.mode & S_ISGID) !== 0) this.groupsDiffer = true;
    this.directories.delete(spot.path);
    this.directories.set(spot.path, entry.mtime);
  }

  /** Never follows the last name of the target: a hard link to a link is one more name of the link. */
  private makeLink(entry: TarEntry, spot: Spot): void {
    const target = cleanName(entry.linkname);
    if (target.length === 0)
      throw new EngineError('InvalidArgument', `apply layer: hard link ${spot.path} has no target`);
    const { dir, name } = this.linkTarget(entry.linkname, target);
    try {
      this.createAt(spot, 'linkat', () => this.kernel.call('linkat', dir, name, spot.dir, spot.name, 0));
    } finally {
      if (dir >= 0) this.kernel.call('close', dir);
    }
  }

  private linkTarget(linkname: string, target: readonly string[]): { readonly dir: number; readonly name: Buffer } {
    if (!guard('layer-link-in-root')) return { dir: AT.FDCWD, name: cString(linkname) };
    const path = target.slice(0, -1).join('/');
    const dir = openInRoot(this.kernel, this.places.root, path, O.PATH | O.DIRECTORY);
    if (dir < 0) throw new SyscallError('linkat', -dir, { path: linkname, while: 'apply layer: find a link’s target' });
    return { dir, name: cString(target.at(-1) as string) };
  }

  /** False when it was left out: a user namespace may not make devices. */
  private makeDevice(entry: TarEntry, spot: Spot): boolean {
    const { major, minor, type } = entry;
    if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
      throw new EngineError('InvalidArgument', `apply layer: device ${spot.path}: ${major}:${minor} is out of range`);
    if (this.asLayer && type === 'char' && major === 0 && minor === 0) {
      this.whiteout(spot, entry.mtime);
      return false;
    }
    const number = ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
    const mode = (type === 'char' ? S_IF.CHR : S_IF.BLK) | 0o600;
    const made = this.createAt(
      spot,
      'mknodat',
      () => this.kernel.call('mknodat', spot.dir, spot.name, mode, number),
      inUserNamespace() ? EPERM : 0,
    );
    if (made === 0) return true;
    this.skip(spot.path, `device ${major}:${minor}: a user namespace may not make it`);
    return false;
  }

  private finishSpecial(entry: TarEntry, spot: Spot): void {
    this.own(entry, spot.path, 'fchownat', (uid, gid) =>
      this.kernel.call('fchownat', spot.dir, spot.name, uid, gid, AT.SYMLINK_NOFOLLOW),
    );
    const path = `/proc/self/fd/${spot.dir}/${spot.parts.at(-1)}`;
    if (entry.type !== 'symlink') this.setMode(entry, spot);
    this.attributes(entry, spot.path, path);
    this.check('utimensat', spot.path, spot.dir, spot.name, timespecs(entry.mtime), AT.SYMLINK_NOFOLLOW);
  }

  /** chmod(2) follows links, and another process may have put one there: CVE-2021-32760. */
  private setMode(entry: TarEntry, spot: Spot): void {
    const noFollow = guard('layer-no-follow') ? O.NOFOLLOW : 0;
    const fd = this.kernel.call('openat', spot.dir, spot.name, O.PATH | noFollow | O.CLOEXEC, 0);
    this.must('openat', spot, fd);
    const { mode } = statusOf(this.kernel, fd);
    if ((mode & S_IFMT) !== S_IF_LINK) this.check('fchmodat', spot.path, AT.FDCWD, `/proc/self/fd/${fd}`, entry.mode);
    this.kernel.call('close', fd);
  }

  /** Make a name; when it is there already, remove it first. Returns what the call gave, or `-tolerated`. */
  private createAt(
    spot: Spot,
    syscall: 'openat' | 'symlinkat' | 'mknodat' | 'linkat',
    call: () => number,
    tolerated = 0,
  ): number {
    let value = call();
    if (value === -EEXIST) {
      this.clear(spot, false);
      value = call();
    }
    if (value < 0 && value !== -tolerated) this.must(syscall, spot, value);
    return value;
  }

  private clear(spot: Spot, forDirectory: boolean): void {
    if (this.options.keepKind === true) {
      const there = statusAt(this.kernel, spot.dir, spot.name);
      const isDirectory = there !== null && (there.mode & S_IFMT) === S_IF.DIR;
      const [of, by] = forDirectory ? ['non-directory', 'directory'] : ['directory', 'non-directory'];
      if (isDirectory !== forDirectory)
        throw new EngineError('AlreadyExists', `cannot overwrite ${of} "${spot.path}" with ${by} "${spot.path}"`);
    }
    removeTree(this.kernel, spot.dir, spot.name);
    this.places.forget(spot.dir);
  }

  private whiteout(spot: Spot, mtime: bigint): void {
    const there = statusAt(this.kernel, spot.dir, spot.name);
    if (there === null) {
      // in an opaque directory there is nothing to hide, and a file that says so would be seen
      if (!this.marker.hide(spot.dir, spot.name, spot.path)) return;
      this.check('utimensat', spot.path, spot.dir, spot.name, timespecs(mtime), AT.SYMLINK_NOFOLLOW);
    } else if ((there.mode & S_IFMT) === S_IF.DIR) {
      // a whiteout hides what the layers below have, not what this layer has
      const fd = this.kernel.call('openat', spot.dir, spot.name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC, 0);
      this.must('openat', spot, fd);
      this.marker.opaque(fd, spot.path);
      this.kernel.call('close', fd);
    }
  }

  private isWhiteout(status: Status, spot: Spot): boolean {
    return (
      this.asLayer &&
      this.marker.isWhiteout(
        { mode: status.mode, size: status.size, rdev: status.major + status.minor },
        `/proc/self/fd/${spot.dir}/${spot.parts.at(-1)}`,
      )
    );
  }

  /** A directory that the archive took for granted is what it is in the layers below. */
  private implied(path: string, fd: number): void {
    const found = directoryBelow(this.kernel, this.options.lower ?? [], path);
    const handle = `/proc/self/fd/${fd}`;
    this.check('fchmodat', path, AT.FDCWD, handle, found === null ? 0o755 : found.mode & 0o7777);
    if (found === null) return;
    this.own(found, path, 'fchownat', (uid, gid) => this.kernel.call('fchownat', AT.FDCWD, handle, uid, gid, 0));
    this.check('fchmodat', path, AT.FDCWD, handle, found.mode & 0o7777);
    this.directories.set(path, found.mtime);
    if ((found.mode & S_ISGID) !== 0) this.groupsDiffer = true;
  }

  private own(
    { uid, gid }: { readonly uid: number; readonly gid: number },
    path: string,
    syscall: 'fchown' | 'fchownat',
    chown: (uid: number, gid: number) => number,
  ): void {
    if (this.options.ownership === 'caller') return;
    if (!(uid >= 0 && uid <= MAX_ID && gid >= 0 && gid <= MAX_ID))
      throw new EngineError('InvalidArgument', `apply layer: ${path}: owner ${uid}:${gid} is out of range`);
    if (!this.groupsDiffer && uid === this.me.uid && gid === this.me.gid) return;
    const done = chown(uid, gid);
    if (done === -EINVAL)
      throw new SyscallError(syscall, EINVAL, {
        path,
        text: `failed to Lchown "/${path}" for UID ${uid}, GID ${gid} (try increasing the number of subordinate IDs in /etc/subuid and /etc/subgid): invalid argument`,
      });
    if (done < 0) throw new SyscallError(syscall, -done, { path });
  }

  private attributes(entry: TarEntry, path: string, file: number | string): void {
    for (const [name, value] of entry.xattrs) {
      if (!passes(name)) {
        this.skip(path, `attribute ${name}: it is not taken from archives`);
        continue;
      }
      const done = setXattr(this.kernel, file, name, value);
      if (done === -EOPNOTSUPP || done === -EPERM) this.skip(path, `attribute ${name}: the file system refuses it`);
      else if (done < 0) throw new SyscallError('fsetxattr', -done, { path, while: `set attribute ${name}` });
    }
  }

  private skip(path: string, what: string): void {
    if (this.skipped.length < MAX_SKIPPED) this.skipped.push({ path, what });
  }

  private must(syscall: string, spot: Spot, value: number): void {
    if (value < 0) throw new SyscallError(syscall, -value, { path: spot.path, while: 'apply layer' });
  }

  private check(
    syscall: 'fchmod' | 'fchmodat' | 'ftruncate' | 'utimensat',
    path: string,
    ...args: (number | string | Buffer | null)[]
  ): void {
    const value = this.kernel.call(syscall, ...args);
    if (value < 0) throw new SyscallError(syscall, -value, { path, while: 'apply layer' });
  }
}

let userNamespace: boolean | undefined;

/** Whether ids here are not the machine's own. user_namespaces(7) */
function inUserNamespace(): boolean {
  userNamespace ??= !parseIdMap(readFileSync('/proc/self/uid_map', 'utf8')).some(
    ({ inside, outside, count }) => inside === 0 && outside === 0 && count === 0xffff_ffff,
  );
  return userNamespace;
}

function failedWrite(error: unknown, path: string): unknown {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? error : new SyscallError('write', -errno, { path, while: 'apply layer', cause: error });
}
