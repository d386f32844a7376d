import { archiveTree } from '../../image/layer/archive-tree.js';
import { O } from '../../kernel/constants.js';
import { type Kernel, realKernel } from '../../kernel/kernel.js';
import type { PathStat } from '../types.js';
import { baseName, type ContainerTree, isDirectory, notFound, openPath, openRoot, requestPath } from './resolve.js';
import { statIn } from './stat-path.js';

export interface Archive {
  readonly stat: PathStat;
  /** The archive begins when it is read, and everything is closed when the reading ends, however it does. */
  readonly tar: AsyncIterable<Uint8Array>;
}

/**
 * GET /containers/ID/archive: a file, a link, or a directory with all that is below it, under the last name of its path. What
 * was found at first is what is archived, whatever its name leads to by then: it stays open.
 */
export function getArchive(tree: ContainerTree, path: string): Archive {
  const kernel = tree.kernel ?? realKernel;
  const wanted = requestPath(path);
  const base = baseName(wanted);
  const root = openRoot(tree);
  try {
    const { stat, status } = statIn(kernel, root, wanted, tree);
    const inside = isDirectory(status);
    // a directory itself, or the one that the file is in
    const place = inside ? wanted : wanted.slice(0, wanted.replace(/\/$/, '').lastIndexOf('/'));
    const fd = openPath(kernel, root, place === '' ? '/' : place, O.PATH | O.DIRECTORY | (inside ? O.NOFOLLOW : 0));
    if (fd < 0) throw notFound(fd, wanted, tree);
    const rename = base === '/' ? '' : base;
    const options = inside ? { rename, self: rename !== '' } : { path: base, rename: base };
    return { stat, tar: closing(kernel, fd, archiveTree(fd, { kernel, ...options })) };
  } finally {
    kernel.call('close', root);
  }
}

/** `docker export`: the root file system without what is mounted in it. */
export function exportRootfs(root: string): AsyncIterable<Uint8Array> {
  return archiveTree(root);
}

async function* closing(kernel: Kernel, fd: number, tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* tar;
  } finally {
    kernel.call('close', fd);
  }
}
