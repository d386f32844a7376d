import { readdirSync } from 'node:fs';
import { AT, O } from '../../kernel/constants.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { tryOpenBeneath } from '../../kernel/namespaces/open-in-root.js';
import { guard } from '../tar/guards.js';
import { cString, decodeName } from '../tar/names.js';

const DIRECTORY = O.PATH | O.DIRECTORY | O.CLOEXEC;
/** Links to nothing that are followed by hand, as the kernel follows 40. */
const MAX_LINKS = 40;
const ENOENT = -2;
const EEXIST = -17;

/** A name of an archive, below the root: without empty parts, `.` and `..`, which can't lead higher than the root. */
export function cleanName(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

/** A path of a tree whose root is open and taken for `/`: no link leads out. A descriptor or a negated errno. */
export function openInRoot(kernel: Kernel, root: number, path: string, flags: number): number {
  const name = cString(path === '' ? '.' : path);
  return guard('layer-in-root')
    ? tryOpenBeneath(kernel, root, name, flags)
    : kernel.call('openat', root, name, flags | O.CLOEXEC, 0);
}

/**
 * The directories of a tree, as open descriptors. Links on the way to one are followed as a process with that root would
 * follow them; missing directories are made. Some stay open, for the next entry is mostly in the same directory.
 */
export class Places {
  readonly root: number;
  private retired = -1;
  private readonly open = new Map<string, number>();
  private readonly kernel: Kernel;
  private readonly made: (path: string, fd: number) => void;

  /** @param made told of each directory that was made because the archive took it for granted: its path and a descriptor */
  constructor(kernel: Kernel, root: number, made: (path: string, fd: number) => void) {
    this.kernel = kernel;
    this.root = root;
    this.made = made;
  }

  /** A descriptor (O_PATH) of the directory that an entry is in; good until the next call. */
  parentOf(parts: readonly string[]): number {
    this.closeRetired();
    if (parts.length < 2) return this.root;
    const path = parts.slice(0, -1).join('/');
    const known = this.open.get(path);
    if (known !== undefined) return known;
    const fd = this.find(path);
    if (this.open.size >= 32) this.closeOldest();
    this.open.set(path, fd);
    return fd;
  }

  /**
   * Something was removed or replaced: names that lead there, or through a link there, may mean another directory now. The
   * descriptor that is in use stays good until the next call.
   */
  forget(inUse = -1): void {
    for (const fd of this.open.values()) {
      if (fd === inUse) this.retired = fd;
      else this.kernel.call('close', fd);
    }
    this.open.clear();
  }

  close(): void {
    this.closeRetired();
    this.forget();
  }

  private closeRetired(): void {
    if (this.retired >= 0) this.kernel.call('close', this.retired);
    this.retired = -1;
  }

  private closeOldest(): void {
    for (const [path, fd] of this.open) {
      this.kernel.call('close', fd);
      this.open.delete(path);
      return;
    }
  }

  private find(path: string): number {
    const fd = openInRoot(this.kernel, this.root, path, DIRECTORY);
    if (fd >= 0) return fd;
    if (fd !== ENOENT) throw new SyscallError('openat2', -fd, { path, while: 'open directory of a layer' });
    return this.make(path, 0);
  }

  /** Make what is missing, one name after the other. */
  private make(path: string, links: number): number {
    const parts = path.split('/');
    let at = -1;
    for (let n = 1; n <= parts.length; n++) {
      const upTo = parts.slice(0, n).join('/');
      let next = openInRoot(this.kernel, this.root, upTo, DIRECTORY);
      if (next === ENOENT) {
        const name = cString(parts[n - 1] as string);
        const parent = at < 0 ? this.root : at;
        const made = this.kernel.call('mkdirat', parent, name, 0o755);
        if (made === EEXIST) {
          const target = this.linkTarget(parent, name);
          if (at >= 0) this.kernel.call('close', at);
          return this.throughLink(parts, n, target, links);
        }
        if (made < 0) next = made;
        else {
          next = openInRoot(this.kernel, this.root, upTo, DIRECTORY);
          if (next >= 0) this.made(upTo, next);
        }
      }
      if (at >= 0) this.kernel.call('close', at);
      if (next < 0) throw new SyscallError('mkdirat', -next, { path: upTo, while: 'make directory of a layer' });
      at = next;
    }
    return at;
  }

  /** A link that leads to nothing yet: what it names is made. */
  private throughLink(parts: readonly string[], n: number, target: string, links: number): number {
    if (links === MAX_LINKS) throw new EngineError('InvalidArgument', `open ${parts.join('/')}: too many links`);
    const from = target.startsWith('/') ? '' : `${parts.slice(0, n - 1).join('/')}/`;
    const path = cleanName(`${from}${target}/${parts.slice(n).join('/')}`).join('/');
    const fd = openInRoot(this.kernel, this.root, path, DIRECTORY);
    return fd >= 0 ? fd : this.make(path, links + 1);
  }

  private linkTarget(parent: number, name: Buffer): string {
    const bytes = Buffer.alloc(4096);
    const length = this.kernel.call('readlinkat', parent, name, bytes, bytes.length);
    if (length < 0)
      throw new SyscallError('readlinkat', -length, { path: decodeName(name.subarray(0, -1)), while: 'open a layer' });
    return decodeName(bytes.subarray(0, length));
  }
}

/** Remove a name and everything below it, following no link. */
export function removeTree(kernel: Kernel, parent: number, name: Buffer): void {
  const done = kernel.call('unlinkat', parent, name, 0);
  if (done === 0 || done === ENOENT) return;
  const dir = kernel.call('openat', parent, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC, 0);
  const path = decodeName(name.subarray(0, -1));
  if (dir < 0) throw new SyscallError('unlinkat', -done, { path });
  try {
    for (const child of namesIn(dir)) removeTree(kernel, dir, Buffer.concat([child, Buffer.alloc(1)]));
  } finally {
    kernel.call('close', dir);
  }
  const removed = kernel.call('unlinkat', parent, name, AT.REMOVEDIR);
  if (removed < 0) throw new SyscallError('unlinkat', -removed, { path });
}

/** Names in an open directory, as bytes. */
export function namesIn(dir: number): Buffer[] {
  return readdirSync(`/proc/self/fd/${dir}`, { encoding: 'buffer' });
}
