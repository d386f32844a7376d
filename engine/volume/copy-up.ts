import { closeSync, fstatSync, openSync, readdirSync, type Stats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { AT } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { type Arg, type Kernel, realKernel } from '../kernel/kernel.js';
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  openBeneath,
  openEntry,
  openInRoot,
} from '../kernel/namespaces/open-in-root.js';
import type { SyscallName } from '../kernel/syscall-table.js';
import { copyAttributes, copyBytes } from './copy-file.js';
import { guard } from './guards.js';

const O_CREATE_NEW = 0o301; // O_WRONLY | O_CREAT | O_EXCL
const AT_SYMLINK_FOLLOW = 0x400;
const S_IFMT = 0o170000;
const KIND = { directory: 0o040000, regular: 0o100000, link: 0o120000, socket: 0o140000 } as const;
const MAX_DEPTH = 1024;
/** Entries after which others get a turn. */
const TURN = 64;

/** Where the tree is: a directory in a root file system that a stranger's image, or a running container, made. */
export interface TreeSource {
  /** A path of ours: the root file system's directory. */
  readonly root: string;
  /** As seen from inside it, `/var/lib/data`; links in it lead nowhere else. */
  readonly path: string;
}

interface Copy {
  readonly kernel: Kernel;
  /** Where in the target an inode with several names was copied to first. */
  readonly linked: Map<string, string>;
  readonly target: number;
  entries: number;
}

/**
 * Copy what an image has at a volume's place into the volume, with owners, modes, times, links, devices and extended attributes.
 * Only into an empty directory: what a volume holds is never covered. Every step goes by descriptors: a directory that is
 * swapped for a symbolic link while we copy is refused, not followed (CVE-2018-15664, CVE-2022-23648).
 *
 * @returns false: the volume had something in it, or the image has no directory there; nothing was done
 */
export async function copyTree(from: TreeSource, to: string, kernel: Kernel = realKernel): Promise<boolean> {
  if (guard('copy-empty-only') && readdirSync(to).length > 0) return false;
  const source = openSource(from, kernel);
  if (source === null) return false;
  const target = openSync(to, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  try {
    const copy: Copy = { kernel, linked: new Map(), target, entries: 0 };
    await copyDirectory(copy, source, target, '', 0);
    copyAttributes(kernel, source, target, fstatSync(source));
    return true;
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

function openSource({ root, path }: TreeSource, kernel: Kernel): number | null {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  try {
    return guard('copy-in-root') ? openInRoot(kernel, root, path, flags) : openSync(`${root}/${path}`, flags);
  } catch (error) {
    const code = error instanceof SyscallError ? error.errno : (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

async function copyDirectory(copy: Copy, source: number, target: number, path: string, depth: number): Promise<void> {
  if (depth > MAX_DEPTH)
    throw new EngineError('InvalidArgument', `copy ${path.slice(0, 80)}…: too many directories deep`);
  const names = readdirSync(`/proc/self/fd/${source}`, { encoding: 'buffer' });
  for (const name of names) {
    copy.entries++;
    if (copy.entries % TURN === 0) await turn();
    await copyEntry(copy, source, target, name, `${path}/${name.toString()}`, depth);
  }
}

async function copyEntry(
  copy: Copy,
  source: number,
  target: number,
  name: Buffer,
  path: string,
  depth: number,
): Promise<void> {
  const { kernel } = copy;
  const entry = openForCopy(kernel, source, name);
  if (entry === null) return;
  try {
    const stat = fstatSync(entry);
    const named = Buffer.concat([name, Buffer.alloc(1)]);
    if (linkAgain(copy, stat, target, named, path)) return;
    const kind = stat.mode & S_IFMT;
    if (kind === KIND.socket) return;
    if (kind === KIND.directory) {
      must(kernel, 'mkdirat', [target, named, 0o700], path);
      const made = mustOpen(openEntry(kernel, target, name, O_PATH | O_DIRECTORY), path);
      try {
        await copyDirectory(copy, entry, made, path, depth + 1);
        copyAttributes(kernel, entry, made, stat);
      } finally {
        closeSync(made);
      }
      return;
    }
    if (kind === KIND.link) {
      const text = Buffer.alloc(4097);
      const length = must(kernel, 'readlinkat', [entry, '', text, 4096], path);
      text[length] = 0;
      must(kernel, 'symlinkat', [text.subarray(0, length + 1), target, named], path);
    } else if (kind === KIND.regular) {
      await copyRegular(copy, entry, target, named, path);
    } else {
      must(kernel, 'mknodat', [target, named, stat.mode & 0o177777, stat.rdev], path);
    }
    const made = mustOpen(openEntryOrLink(kernel, target, named), path);
    try {
      copyAttributes(kernel, entry, made, stat);
    } finally {
      closeSync(made);
    }
    if (stat.nlink > 1) copy.linked.set(`${stat.dev} ${stat.ino}`, path);
  } finally {
    closeSync(entry);
  }
}

/** Another name of an inode that was copied. False: it was not. */
function linkAgain(copy: Copy, stat: Stats, target: number, named: Buffer, path: string): boolean {
  const first = stat.nlink > 1 && !stat.isDirectory() ? copy.linked.get(`${stat.dev} ${stat.ino}`) : undefined;
  if (first === undefined) return false;
  // a container that has the volume already may have put a link on the way: it stays within the volume
  const old = openBeneath(copy.kernel, copy.target, first.slice(1), O_PATH | O_NOFOLLOW);
  try {
    must(copy.kernel, 'linkat', [AT.FDCWD, `/proc/self/fd/${old}`, target, named, AT_SYMLINK_FOLLOW], path);
  } finally {
    closeSync(old);
  }
  return true;
}

async function copyRegular(copy: Copy, entry: number, target: number, named: Buffer, path: string): Promise<void> {
  const input = openSync(`/proc/self/fd/${entry}`, O_CLOEXEC | O_NONBLOCK);
  try {
    const flags = O_CREATE_NEW | O_NOFOLLOW | O_CLOEXEC;
    const output = must(copy.kernel, 'openat', [target, named, flags, 0o600], path);
    try {
      await copyBytes(copy.kernel, input, output);
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
}

/** The entry itself, also when it is a link. Null: it is gone, or another file system is mounted there. */
function openForCopy(kernel: Kernel, directory: number, name: Buffer): number | null {
  const named = Buffer.concat([name, Buffer.alloc(1)]);
  const fd = guard('copy-no-follow')
    ? openEntryOrLink(kernel, directory, named)
    : kernel.call('openat', directory, named, O_PATH | O_CLOEXEC);
  if (fd === -ERRNO.ENOENT || fd === -ERRNO.EXDEV) return null;
  return mustOpen(fd, name.toString());
}

/** openat(2) with O_PATH and O_NOFOLLOW: a link is opened, not followed; a single name leaves no other way out. */
function openEntryOrLink(kernel: Kernel, directory: number, named: Buffer): number {
  return kernel.call('openat', directory, named, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

function mustOpen(fd: number, path: string): number {
  if (fd < 0) throw new SyscallError('openat', -fd, { path, while: 'copying into a volume' });
  return fd;
}

function must(kernel: Kernel, name: SyscallName, args: readonly Arg[], path: string): number {
  const result = kernel.call(name, ...args);
  if (result < 0) throw new SyscallError(name, -result, { path, while: 'copying into a volume' });
  return result;
}
