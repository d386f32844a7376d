import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { ContentStore } from '../content.js';
import { MEDIA } from '../manifest.js';
import type { Lease } from '../store/lease.js';
import type { Descriptor } from '../types.js';

/** A layer that is not compressed is sent compressed, as dockerd does. */
export function isPlain({ mediaType }: Descriptor): boolean {
  return mediaType === MEDIA.layer || mediaType === MEDIA.dockerLayer;
}

/** gzip(1) of a stream: without name and time, so that the same layer gives the same bytes. */
export async function* gzip(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const out = new PassThrough({ highWaterMark: 256 << 10 });
  const done = pipeline(
    Readable.from(stream, { objectMode: false }),
    createGzip({ level: 6, chunkSize: 64 << 10 }),
    out,
  );
  // the failure is thrown where the stream is read, too
  done.catch(() => undefined);
  for await (const chunk of out) yield chunk as Uint8Array;
  await done;
}

/** Put a plain layer's compressed form into the content store: its digest must be known before it is sent to be skipped. */
export async function compressed(
  content: ContentStore,
  layer: Descriptor,
  lease: Lease,
  read: (bytes: number) => void,
): Promise<Descriptor> {
  const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of content.open(layer.digest)) {
      read(chunk.byteLength);
      yield chunk;
    }
  };
  const { digest, size } = await content.ingest(gzip(counted()), { lease });
  return { mediaType: MEDIA.dockerLayerGzip, digest, size };
}
