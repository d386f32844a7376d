import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Kernel } from '../../kernel/kernel.js';
import { applyLayer } from '../layer/apply.js';
import { directoryBelow } from '../layer/below.js';
import type { TarType } from '../tar/types.js';
import { END_OF_ARCHIVE, tarEntry } from '../tar/write.js';

/** What a container's mounts stand on, and what says that this is a container. moby, daemon/initlayer/setup_unix.go */
const NAMES: Readonly<Record<string, { readonly type: TarType; readonly linkname?: string }>> = {
  '.dockerenv': { type: 'file' },
  'dev/console': { type: 'file' },
  'dev/pts': { type: 'directory' },
  'dev/shm': { type: 'directory' },
  'etc/hostname': { type: 'file' },
  'etc/hosts': { type: 'file' },
  'etc/mtab': { type: 'symlink', linkname: '/proc/mounts' },
  'etc/resolv.conf': { type: 'file' },
  proc: { type: 'directory' },
  sys: { type: 'directory' },
};

export interface InitLayerOptions {
  readonly userxattr: boolean;
  readonly kernel: Kernel;
}

/**
 * Put these names into a directory that lies between an image's layers and a container's own: so that the container's has
 * only what the container did. A file or link that the image has there is replaced by an empty one, as Docker does; a
 * directory that it has is left as it is. Nothing of the image is followed: the names are made in a directory of ours.
 *
 * @param lower directories of the image, topmost first
 */
export async function makeInitLayer(
  directory: string,
  lower: readonly string[],
  { userxattr, kernel }: InitLayerOptions,
): Promise<void> {
  const mtime = BigInt(Date.now()) * 1_000_000n;
  const missing = Object.entries(NAMES).filter(
    ([name, { type }]) => type !== 'directory' || directoryBelow(kernel, lower, name) === null,
  );
  const entries = missing.map(([name, what]) =>
    tarEntry({ name, mode: what.type === 'symlink' ? 0o777 : 0o755, mtime, ...what }),
  );
  const tar = (async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.concat([...entries, END_OF_ARCHIVE]);
  })();
  await applyLayer(tar, directory, { lower, userxattr, kernel });
}

/** Whether everything is there: it is not written through to the disk, so a power cut may have taken some. */
export function isInitLayer(kernel: Kernel, directory: string, lower: readonly string[]): boolean {
  return Object.entries(NAMES).every(
    ([name, { type }]) =>
      lstatSync(join(directory, name), { throwIfNoEntry: false }) !== undefined ||
      (type === 'directory' && directoryBelow(kernel, lower, name) !== null),
  );
}
