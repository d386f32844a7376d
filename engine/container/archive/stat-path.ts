import type { Status } from '../../image/layer/status.js';
import type { Kernel } from '../../kernel/kernel.js';
import { timeText } from '../time.js';
import type { PathStat } from '../types.js';
import { baseName, type ContainerTree, followed, isLink, lookAt, requestPath, withRoot } from './resolve.js';

/** S_IFMT's kinds as Go's os.FileMode has them, and the three high permission bits. https://pkg.go.dev/io/fs#FileMode */
const KINDS: ReadonlyMap<number, number> = new Map([
  [0o040000, 2 ** 31], // directory
  [0o120000, 2 ** 27], // symbolic link
  [0o060000, 2 ** 26], // block device
  [0o020000, 2 ** 26 + 2 ** 21], // character device
  [0o010000, 2 ** 25], // FIFO
  [0o140000, 2 ** 24], // socket
]);
const HIGH = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
] as const;

export function goFileMode(mode: number): number {
  const kind = KINDS.get(mode & 0o170000) ?? 0;
  return HIGH.reduce((sum, [bit, value]) => sum + ((mode & bit) === 0 ? 0 : value), kind + (mode & 0o777));
}

/** HEAD /containers/ID/archive: of a link the link itself, and where it leads inside. */
export function statPath(tree: ContainerTree, path: string): PathStat {
  return withRoot(tree, (root, kernel) => statIn(kernel, root, requestPath(path), tree).stat);
}

export function statIn(
  kernel: Kernel,
  root: number,
  path: string,
  tree: ContainerTree,
): { readonly stat: PathStat; readonly status: Status } {
  const status = lookAt(kernel, root, path, tree);
  return {
    status,
    stat: {
      name: baseName(path),
      size: status.size,
      mode: goFileMode(status.mode),
      mtime: timeText(status.mtime),
      linkTarget: isLink(status) ? followed(kernel, root, path) : '',
    },
  };
}
