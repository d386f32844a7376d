import type { TarEntry, TarEntryInit } from '../../engine/image/tar/types.js';
import { END_OF_ARCHIVE, tarEntry } from '../../engine/image/tar/write.js';

/** An entry, and content for a file. */
export type Part = readonly [TarEntryInit, (string | Uint8Array)?];

export const dir = (name: string, more: Partial<TarEntry> = {}): Part => [{ name, type: 'directory', ...more }];
export const file = (name: string, content: string | Uint8Array = '', more: Partial<TarEntry> = {}): Part => [
  { name, type: 'file', ...more },
  content,
];
export const symlink = (name: string, linkname: string): Part => [{ name, type: 'symlink', linkname }];
export const hardlink = (name: string, linkname: string): Part => [{ name, type: 'hardlink', linkname }];

/** A whole archive. */
export function archive(...parts: readonly Part[]): Buffer {
  return Buffer.concat([...parts.map(([init, content]) => tarEntry(init, Buffer.from(content ?? ''))), END_OF_ARCHIVE]);
}

/** The same bytes in pieces of the given lengths, over and over. */
export async function* inPieces(bytes: Uint8Array, ...lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths.length === 0 ? bytes.length : (lengths[i % lengths.length] as number);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
