import { EngineError } from '../../kernel/errors.js';
import { TarParser } from './parser.js';
import type { TarEntry, TarLimits } from './types.js';

/** An entry and its content, which has to be read (or left unread) before the next entry is asked for. */
export interface TarFile {
  readonly entry: TarEntry;
  /** Holes of a sparse file come as zeros. */
  readonly content: AsyncIterable<Uint8Array>;
}

type Event = { readonly entry: TarEntry } | { readonly bytes: Uint8Array; readonly offset: number } | 'end';

const HOLE = Buffer.alloc(64 << 10);

/**
 * The entries of an archive, one after the other. Holds no more than one chunk of the source, which must not change it afterwards.
 *
 * @throws EngineError DataLoss, ResourceExhausted, InvalidArgument
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  limits: Partial<TarLimits> = {},
): AsyncGenerator<TarFile, void, undefined> {
  const events = eventsOf(source, limits);
  try {
    for (;;) {
      const next = await events.next();
      if (next.done === true) return;
      // what the reader left unread of the entry before
      if (next.value === 'end' || !('entry' in next.value)) continue;
      const { entry } = next.value;
      yield { entry, content: contentOf(entry, events) };
    }
  } finally {
    await events.return();
  }
}

/** Whole content of a small file. ResourceExhausted beyond `most` bytes. */
export async function readContent({ entry, content }: TarFile, most: number): Promise<Buffer> {
  if (entry.size > most)
    throw new EngineError('ResourceExhausted', `read ${entry.name} of a tar: ${entry.size} bytes are too many`);
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* contentOf(entry: TarEntry, events: AsyncGenerator<Event, void, undefined>): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (;;) {
    const next = await events.next();
    if (next.done === true || (next.value !== 'end' && 'entry' in next.value))
      throw new EngineError('Internal', `read ${entry.name} of a tar: its content was asked for too late`);
    const end = next.value === 'end' ? entry.size : next.value.offset;
    for (; at < end; at += Math.min(HOLE.length, end - at)) yield HOLE.subarray(0, Math.min(HOLE.length, end - at));
    if (next.value === 'end') return;
    yield next.value.bytes;
    at += next.value.bytes.length;
  }
}

async function* eventsOf(
  source: AsyncIterable<Uint8Array>,
  limits: Partial<TarLimits>,
): AsyncGenerator<Event, void, undefined> {
  let found: Event[] = [];
  const parser = new TarParser(
    {
      entry: (entry) => found.push({ entry }),
      data: (bytes, offset) => found.push({ bytes, offset }),
      end: () => found.push('end'),
    },
    limits,
  );
  for await (const chunk of source) {
    parser.push(chunk);
    const events = found;
    found = [];
    yield* events;
  }
  parser.finish();
}
