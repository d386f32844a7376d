import { EngineError } from '../../kernel/errors.js';
import { MAX_DOCUMENT } from '../content.js';
import { isDigest } from '../digest.js';
import { guard } from '../registry/guards.js';
import type { ImageBackend } from '../store/backend.js';
import type { Lease } from '../store/lease.js';
import { readContent, readTar, type TarFile } from '../tar/read.js';
import type { Digest } from '../types.js';
import { decompressAny } from './decompress-any.js';

/** A file of an archive: its bytes are in the content store. */
export interface ArchivedBlob {
  readonly digest: Digest;
  readonly size: number;
}

const MOST_FILES = 10_000;
const MOST_DOCUMENTS = 64 << 20;
const MOST_LINKS = 16;
/** Small files by their names: read into memory, all others into the content store. */
const DOCUMENT = /^(?:manifest\.json|index\.json|oci-layout|repositories|[^/]+\.json|[^/]+\/(?:json|VERSION))$/;
const BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/;

/** The files of an archive of images, by name. No file is made under a name of the archive, and no link of it is followed on a disk. */
export class Archive {
  readonly #backend: ImageBackend;
  readonly #lease: Lease;
  readonly #documents = new Map<string, Buffer>();
  readonly #blobs = new Map<string, ArchivedBlob>();
  readonly #links = new Map<string, string>();
  #documentBytes = 0;

  private constructor(backend: ImageBackend, lease: Lease) {
    this.#backend = backend;
    this.#lease = lease;
  }

  /** Read the whole stream: plain, gzip or zstd. Blobs are held by the lease. */
  static async read(backend: ImageBackend, lease: Lease, stream: AsyncIterable<Uint8Array>): Promise<Archive> {
    const archive = new Archive(backend, lease);
    for await (const file of readTar(decompressAny(stream), { maxEntries: MOST_FILES })) await archive.#take(file);
    return archive;
  }

  has(name: string): boolean {
    return this.#documents.has(name) || this.#blobs.has(name);
  }

  /** A small file whole. */
  async document(name: string): Promise<Buffer> {
    const path = this.#resolve(name);
    const document = this.#documents.get(path);
    if (document !== undefined) return document;
    const blob = this.#blobs.get(path);
    if (blob === undefined) throw missing(name);
    return this.#backend.content.read(blob.digest, MAX_DOCUMENT);
  }

  /** A file as a blob of the content store. */
  async blob(name: string): Promise<ArchivedBlob> {
    const path = this.#resolve(name);
    const blob = this.#blobs.get(path);
    if (blob !== undefined) return blob;
    const document = this.#documents.get(path);
    if (document === undefined) throw missing(name);
    return this.#backend.content.put(document, this.#lease);
  }

  async #take(file: TarFile): Promise<void> {
    const { entry } = file;
    const name = plainName(entry.name);
    if (entry.type === 'directory' || name === '') return;
    if (this.has(name) || this.#links.has(name)) throw refuse(name, 'is there twice');
    if (entry.type === 'symlink') return this.#takeLink(name, entry.linkname);
    if (entry.type !== 'file') throw refuse(name, `is a ${entry.type}`);
    if (DOCUMENT.test(name)) {
      const content = await readContent(file, MAX_DOCUMENT);
      this.#documentBytes += content.byteLength;
      if (this.#documentBytes > MOST_DOCUMENTS)
        throw new EngineError(
          'ResourceExhausted',
          `load image archive: more than ${MOST_DOCUMENTS} bytes of documents`,
        );
      this.#documents.set(name, content);
      return;
    }
    const expected = `sha256:${BLOB.exec(name)?.[1] ?? ''}`;
    const blob = await this.#backend.content.ingest(file.content, {
      lease: this.#lease,
      size: entry.size,
      ...(isDigest(expected) && guard('registry-digest') ? { expected } : {}),
    });
    this.#blobs.set(name, blob);
  }

  /**
   * Old archives of Docker and those of skopeo have links to a layer that is there under another name, and only these are
   * taken: as another name for a file of the archive. A link as manifest.json could be anything (CVE-2026-50195).
   */
  #takeLink(name: string, target: string): void {
    if (!/^[^/]+\/layer\.tar$/.test(name) && guard('archive-links')) throw refuse(name, 'is a symbolic link');
    const base = name.split('/').slice(0, -1);
    for (const part of target.split('/')) {
      if (part === '..') {
        if (base.pop() === undefined) throw refuse(name, 'is a link out of the archive');
      } else if (part !== '.' && part !== '') base.push(part);
    }
    if (target.startsWith('/')) throw refuse(name, 'is a link out of the archive');
    this.#links.set(name, base.join('/'));
  }

  #resolve(name: string): string {
    let path = plainName(name);
    for (let count = 0; this.#links.has(path); count++) {
      if (count === MOST_LINKS) throw refuse(name, 'is a link to itself');
      path = this.#links.get(path) as string;
    }
    return path;
  }
}

/** Without `./` in front. A name that leaves the archive is refused; and so is one that could be written in two ways. */
function plainName(text: string): string {
  const name = text.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  if (name === '' || name === '.') return '';
  if (name.startsWith('/') || name.length > 1024) throw refuse(text, 'is not a name in an archive');
  for (const part of name.split('/'))
    if (part === '' || part === '.' || part === '..') throw refuse(text, 'is not a plain name');
  return name;
}

function refuse(name: string, why: string): EngineError {
  return new EngineError('InvalidArgument', `load image archive: entry ${JSON.stringify(name.slice(0, 200))} ${why}`);
}

function missing(name: string): EngineError {
  return new EngineError('InvalidArgument', `load image archive: ${JSON.stringify(name.slice(0, 200))} is not in it`);
}
