import { EntryWriter } from '../../image/layer/entries.js';
import { statusOf } from '../../image/layer/status.js';
import { decompress } from '../../image/tar/decompress.js';
import { TarParser } from '../../image/tar/parser.js';
import type { TarEntry, TarSink } from '../../image/tar/types.js';
import { O } from '../../kernel/constants.js';
import { EngineError } from '../../kernel/errors.js';
import { realKernel } from '../../kernel/kernel.js';
import {
  type ContainerTree,
  followed,
  isDirectory,
  joined,
  notFound,
  openPath,
  openRoot,
  requestPath,
} from './resolve.js';

export interface PutOptions {
  /** A directory does not replace a file, nor a file a directory. */
  readonly noOverwriteDirNonDir: boolean;
  /** Everything belongs to this user (`cp -a`: the container's own); null: to whom the archive says. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly signal?: AbortSignal;
}

/** Longest time in milliseconds that everything else in the process waits. */
const SLICE_MS = 10;

/**
 * PUT /containers/ID/archive: the entries of a tar (plain, gzip or zstd), below a directory of the container. Links on the way are followed
 * inside of the container's root, as a process there would. moby, daemon/archive_unix.go.
 */
export async function putArchive(
  tree: ContainerTree,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<void> {
  const kernel = tree.kernel ?? realKernel;
  const root = openRoot(tree);
  try {
    const place = placeOf(tree, root, requestPath(path));
    const writer = new EntryWriter(kernel, root, {
      whiteouts: 'literal',
      keepKind: options.noOverwriteDirNonDir,
      kernel,
    });
    try {
      const parser = new TarParser(new Below(writer, place, options.owner));
      let since = performance.now();
      for await (const piece of decompress(tar)) {
        if (options.signal?.aborted === true)
          throw new EngineError('Aborted', 'copy into a container: it was cancelled');
        parser.push(piece);
        if (performance.now() - since > SLICE_MS) {
          await new Promise((resolve) => setImmediate(resolve));
          since = performance.now();
        }
      }
      parser.finish();
      writer.finish();
    } catch (error) {
      throw inDockersWords(error, place);
    } finally {
      writer.close();
    }
  } finally {
    kernel.call('close', root);
  }
}

/** Absolute paths, and the directory of the request as that what is put there. */
function inDockersWords(error: unknown, place: string): unknown {
  if (!(error instanceof EngineError) || error.code !== 'AlreadyExists') return error;
  const [, what, path, by] = /^cannot overwrite (\S+) "(.*)" with (\S+) "/s.exec(error.message) ?? [];
  if (what === undefined) return error;
  return new EngineError('Internal', `cannot overwrite ${what} "/${path}" with ${by} "${place}"`, { cause: error });
}

/** The directory that a path leads to, if it is one and may be written to. */
function placeOf(tree: ContainerTree, root: number, path: string): string {
  const kernel = tree.kernel ?? realKernel;
  const fd = openPath(kernel, root, path, O.PATH);
  if (fd < 0) throw notFound(fd, path, tree);
  try {
    if (!isDirectory(statusOf(kernel, fd)))
      throw new EngineError('InvalidArgument', 'extraction point is not a directory');
  } finally {
    kernel.call('close', fd);
  }
  const place = followed(kernel, root, path);
  const mount = tree.mounts
    .filter(({ Destination }) => place === Destination || place.startsWith(`${Destination}/`))
    .reduce<ContainerTree['mounts'][number] | null>(
      (best, one) => (best === null || one.Destination.length > best.Destination.length ? one : best),
      null,
    );
  if (mount?.RW === false) throw new EngineError('InvalidArgument', 'mounted volume is marked read-only');
  if (mount === null && tree.readonlyRootfs)
    throw new EngineError('InvalidArgument', 'container rootfs is marked read-only');
  return place;
}

/** The entries of an archive as they are called from the root: below a directory, perhaps with another owner. */
class Below implements TarSink {
  readonly #writer: EntryWriter;
  readonly #place: string;
  readonly #owner: PutOptions['owner'];
  #skips = false;

  constructor(writer: EntryWriter, place: string, owner: PutOptions['owner']) {
    this.#writer = writer;
    this.#place = place === '/' ? '' : place;
    this.#owner = owner;
  }

  entry(entry: TarEntry): void {
    const name = this.#below(entry.name);
    // the directory itself stays as it is
    this.#skips = name === null;
    if (name === null) return;
    const linkname = entry.type === 'hardlink' ? (this.#below(entry.linkname) ?? '') : entry.linkname;
    this.#writer.entry({ ...entry, name, linkname, ...(this.#owner ?? {}) });
  }

  data(bytes: Uint8Array, offset: number): void {
    if (!this.#skips) this.#writer.data(bytes, offset);
  }

  end(): void {
    if (!this.#skips) this.#writer.end();
  }

  /** Null: the directory itself. */
  #below(name: string): string | null {
    let depth = 0;
    for (const part of name.split('/')) {
      if (part === '..') depth--;
      else if (part !== '' && part !== '.') depth++;
      if (depth < 0)
        throw new EngineError(
          'InvalidArgument',
          `${JSON.stringify(name)} is outside of ${JSON.stringify(this.#place || '/')}`,
        );
    }
    const parts = joined(name.split('/'));
    return parts.length === 0 ? null : `${this.#place}/${parts.join('/')}`;
  }
}
