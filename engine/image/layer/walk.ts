import { O, S_IF } from '../../kernel/constants.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { decodeName } from '../tar/names.js';
import { namesIn } from './place.js';
import { type Status, statusAt } from './status.js';

const S_IFMT = 0o170000;
/** Each level holds a descriptor. */
const MAX_DEPTH = 2048;

/** Something that a walk came by. */
export interface Walked {
  /** Below the walk's root, `a/b`. */
  readonly path: string;
  readonly status: Status;
  /** Open descriptor of the directory that it is in, and its name there with a NUL. Good until the walk goes on. */
  readonly dir: number;
  readonly name: Buffer;
}

export const isDirectory = ({ mode }: { readonly mode: number }): boolean => (mode & S_IFMT) === S_IF.DIR;

/**
 * Everything below an open directory: sorted by the bytes of the names, a directory before what is in it. Names are
 * reached through open directories and no link is followed, so that nobody who moves things meanwhile leads the walk out of
 * the tree (CVE-2018-15664); what goes away meanwhile is left out.
 *
 * @param root descriptor of the directory, not O_PATH
 */
export function* walk(kernel: Kernel, root: number, below = '', depth = 0): Generator<Walked, void, undefined> {
  if (depth > MAX_DEPTH)
    throw new EngineError('ResourceExhausted', `walk through a tree: ${below.slice(0, 40)}… is too deep`);
  for (const bytes of namesIn(root).sort(Buffer.compare)) {
    const name = Buffer.concat([bytes, Buffer.alloc(1)]);
    const status = statusAt(kernel, root, name);
    if (status === null) continue;
    const path = below + decodeName(bytes);
    yield { path, status, dir: root, name };
    if (!isDirectory(status)) continue;
    const fd = openDirectory(kernel, root, name);
    if (fd === null) continue;
    try {
      yield* walk(kernel, fd, `${path}/`, depth + 1);
    } finally {
      kernel.call('close', fd);
    }
  }
}

/** Null when it is no directory any more. */
export function openDirectory(kernel: Kernel, dir: number, name: Uint8Array): number | null {
  const fd = kernel.call('openat', dir, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC, 0);
  if (fd >= 0) return fd;
  if ([-2, -20, -40].includes(fd)) return null;
  throw new SyscallError('openat', -fd, { path: decodeName(name.subarray(0, -1)), while: 'walk through a tree' });
}
