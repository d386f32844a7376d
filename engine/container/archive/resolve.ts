import { openInRoot } from '../../image/layer/place.js';
import { type Status, statusOf } from '../../image/layer/status.js';
import { cString, decodeName } from '../../image/tar/names.js';
import { AT, O } from '../../kernel/constants.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import { type Kernel, realKernel } from '../../kernel/kernel.js';

/** A container's files, for one request. */
export interface ContainerTree {
  /** A path of ours to its root: where it is mounted, or /proc/PID/root. */
  readonly root: string;
  /** As the user named it: for messages. */
  readonly container: string;
  /** Places where something is mounted, for what may be written. */
  readonly mounts: readonly { readonly Destination: string; readonly RW: boolean }[];
  readonly readonlyRootfs: boolean;
  readonly kernel?: Kernel;
}

/** PATH_MAX of Linux. */
const MAX_PATH = 4096;
/** moby/sys/symlink follows as many. */
const MAX_LINKS = 255;
const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;
const S_IFDIR = 0o040000;

export const isLink = ({ mode }: Status): boolean => (mode & S_IFMT) === S_IFLNK;
export const isDirectory = ({ mode }: Status): boolean => (mode & S_IFMT) === S_IFDIR;

/**
 * A path of a request, absolute and clean as Go's filepath.Join makes it. A last `.` or `/` is kept, for it says that a
 * directory is meant, also through a link. moby/go-archive, PreserveTrailingDotOrSeparator.
 */
export function requestPath(path: string): string {
  if (path.includes('\0') || Buffer.byteLength(path) > MAX_PATH)
    throw new EngineError('InvalidArgument', `invalid path of ${Buffer.byteLength(path)} bytes`);
  const clean = `/${joined(path.split('/')).join('/')}`;
  if (path === '.' || path.endsWith('/.')) return clean === '/' ? '/.' : `${clean}/.`;
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

/** Without empty parts and `.`; `..` takes the part before away, and at the top nothing. */
export function joined(parts: readonly string[]): string[] {
  const kept: string[] = [];
  for (const part of parts) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return kept;
}

/** filepath.Base of a request's path: `.` of `/a/.`, `/` of the root. */
export function baseName(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.at(-1) ?? '/';
}

/** Does something with the root open, and closes it. */
export function withRoot<T>(tree: ContainerTree, use: (root: number, kernel: Kernel) => T): T {
  const kernel = tree.kernel ?? realKernel;
  const root = openRoot(tree);
  try {
    return use(root, kernel);
  } finally {
    kernel.call('close', root);
  }
}

/** To be closed by the caller. */
export function openRoot(tree: ContainerTree): number {
  const kernel = tree.kernel ?? realKernel;
  const fd = kernel.call('openat', AT.FDCWD, cString(tree.root), O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
  if (fd < 0) throw new SyscallError('openat', -fd, { path: tree.root, while: "open a container's root" });
  return fd;
}

/** openat2(2) with the container's root as `/`: a descriptor or a negated errno. */
export function openPath(kernel: Kernel, root: number, path: string, flags: number): number {
  return openInRoot(kernel, root, path.replace(/^\/+/, ''), flags);
}

/** What is there, links as links unless the path ends in `/` or `/.`. Errors in dockerd's words. */
export function lookAt(kernel: Kernel, root: number, path: string, tree: ContainerTree): Status {
  const fd = openPath(kernel, root, path, O.PATH | O.NOFOLLOW);
  if (fd < 0) throw notFound(fd, path, tree);
  try {
    return statusOf(kernel, fd);
  } finally {
    kernel.call('close', fd);
  }
}

export function notFound(errno: number, path: string, { container }: ContainerTree): EngineError {
  const error = new SyscallError('openat2', -errno, { path });
  if (error.errno === 'ENOENT')
    return new EngineError('NotFound', `Could not find the file ${path} in container ${container}`, { cause: error });
  const why = { ENOTDIR: 'not a directory', ELOOP: 'too many levels of symbolic links', EACCES: 'permission denied' };
  const text = (why as Readonly<Record<string, string>>)[error.errno];
  return new EngineError('Internal', `lstat ${path}: ${text ?? error.errno}`, { cause: error });
}

/**
 * Where a path leads when every link is followed inside the root, as far as there is something: the rest stays as it is
 * written. For a message or a prefix only; whatever is opened is resolved by the kernel again.
 */
export function followed(kernel: Kernel, root: number, path: string): string {
  const done: string[] = [];
  const todo = path.split('/').reverse();
  for (let links = 0, part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '..') done.pop();
    if (part === '' || part === '.' || part === '..') continue;
    const target = linkAt(kernel, root, [...done, part].join('/'));
    if (target === null) {
      done.push(part);
      continue;
    }
    if (++links > MAX_LINKS) throw new EngineError('Internal', `evalSymlinksInScope: too many links in ${path}`);
    if (target.startsWith('/')) done.length = 0;
    todo.push(...target.split('/').reverse());
  }
  return `/${done.join('/')}`;
}

function linkAt(kernel: Kernel, root: number, path: string): string | null {
  const fd = openPath(kernel, root, path, O.PATH | O.NOFOLLOW);
  if (fd < 0) return null;
  try {
    if (!isLink(statusOf(kernel, fd))) return null;
    const bytes = Buffer.alloc(MAX_PATH);
    const length = kernel.call('readlinkat', fd, cString(''), bytes, bytes.length);
    return length < 0 ? null : decodeName(bytes.subarray(0, length));
  } finally {
    kernel.call('close', fd);
  }
}
