import { type FileHandle, open } from 'node:fs/promises';
import { EngineError } from '../../kernel/errors.js';
import type { TarEntryInit } from '../tar/types.js';
import { contentPadding, END_OF_ARCHIVE, tarHeader } from '../tar/write.js';

/** When everything in a made image was made: the same input shall give the same bytes. */
export const MADE = '2024-01-01T00:00:00Z';
const MADE_NS = BigInt(Date.parse(MADE)) * 1_000_000n;

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

interface Entry extends Owner {
  readonly init: TarEntryInit;
  /** Content, or the machine's file that has it. */
  readonly content?: Uint8Array | { readonly source: string };
}

/** A tree of files in the making, and its tar. Paths are as in a layer: `etc/passwd`. Directories above are made. */
export class ImageTree {
  readonly #entries = new Map<string, Entry>();

  directory(path: string, mode = 0o755, owner: Owner = {}): this {
    this.#parents(path);
    return this.#set(path, { init: { name: `${path}/`, type: 'directory', mode, ...owner } });
  }

  file(path: string, content: Uint8Array | { readonly source: string }, mode = 0o644): this {
    this.#parents(path);
    return this.#set(path, { init: { name: path, type: 'file', mode }, content });
  }

  symlink(path: string, target: string): this {
    this.#parents(path);
    return this.#set(path, { init: { name: path, type: 'symlink', linkname: target } });
  }

  /** Another name of a file that is in the tree. */
  hardlink(path: string, target: string, mode: number): this {
    this.#parents(path);
    return this.#set(path, { init: { name: path, type: 'hardlink', linkname: target, mode } });
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** Sorted by name, hard links last: what they link to has to be there. */
  async *tar(): AsyncGenerator<Uint8Array, void, undefined> {
    const sorted = [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
    const isLink = ({ init }: Entry): boolean => init.type === 'hardlink';
    for (const entry of [...sorted.filter((one) => !isLink(one)), ...sorted.filter(isLink)]) yield* write(entry);
    yield END_OF_ARCHIVE;
  }

  #parents(path: string): void {
    const parts = path.split('/').slice(0, -1);
    for (let length = 1; length <= parts.length; length++) {
      const parent = parts.slice(0, length).join('/');
      if (!this.#entries.has(parent))
        this.#set(parent, { init: { name: `${parent}/`, type: 'directory', mode: 0o755 } });
    }
  }

  #set(path: string, entry: Entry): this {
    this.#entries.set(path, { ...entry, init: { ...entry.init, mtime: MADE_NS } });
    return this;
  }
}

async function* write({ init, content }: Entry): AsyncGenerator<Uint8Array, void, undefined> {
  if (content === undefined) yield tarHeader(init);
  else if (content instanceof Uint8Array) {
    yield tarHeader({ ...init, size: content.byteLength });
    yield content;
    yield contentPadding(content.byteLength);
  } else {
    const file = await open(content.source, 'r');
    try {
      const { size } = await file.stat();
      yield tarHeader({ ...init, size });
      yield* exactly(file, size, content.source);
      yield contentPadding(size);
    } finally {
      await file.close();
    }
  }
}

/** As many bytes as the header says, also when the file is just being replaced. */
async function* exactly(file: FileHandle, size: number, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < size; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(size - at, 1 << 20)), 0, undefined, at);
    if (bytesRead === 0) throw new EngineError('Aborted', `${path} became shorter while it was read`);
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
