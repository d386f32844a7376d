import { EngineError } from '../../kernel/errors.js';
import { digestOf, shortId } from '../digest.js';
import { MEDIA } from '../manifest.js';
import { familiar, type Reference } from '../reference.js';
import { guard } from '../registry/guards.js';
import { ByteProgress } from '../registry/progress.js';
import type { ImageBackend } from '../store/backend.js';
import type { Lease } from '../store/lease.js';
import type { Descriptor, Digest, Image, Progress } from '../types.js';
import { type ArchivedImage, archivedImages } from './archived-images.js';
import { Archive, type ArchivedBlob } from './read-archive.js';

/**
 * `docker load`: archives of Docker (also those with a directory for each layer) and OCI layouts, plain, gzip or zstd. The
 * stream is read once and every file goes to the content store at once; then the images are taken in, one after the other.
 */
export async function loadImages(
  backend: ImageBackend,
  stream: AsyncIterable<Uint8Array>,
  progress: (line: Progress) => void,
): Promise<readonly Image[]> {
  const lease = backend.lease();
  try {
    const archive = await Archive.read(backend, lease, stream);
    const found = parentsFirst(await archivedImages(archive));
    const images: Image[] = [];
    let named = 0;
    for (const one of found) {
      images.push(await loadOne(backend, archive, lease, one, progress));
      named = one.tags.length;
    }
    // as dockerd: ids are told where the last image had no name
    if (named === 0) for (const { id } of images) progress({ stream: `Loaded image ID: ${id}\n` });
    return images;
  } finally {
    lease.release();
  }
}

async function loadOne(
  backend: ImageBackend,
  archive: Archive,
  lease: Lease,
  one: ArchivedImage,
  progress: (line: Progress) => void,
): Promise<Image> {
  const diffIds = one.config.rootfs.diff_ids;
  const layers: Descriptor[] = [];
  for (const [index, name] of one.layers.entries())
    layers.push(await layerOf(backend, await archive.blob(name), diffIds[index]));
  for (const { digest } of layers) lease.hold(digest);
  const rows = new Map<number, ByteProgress>();
  const image = await backend.registerImage({
    config: one.bytes,
    layers: layers.map((descriptor) => ({ descriptor })),
    manifests: one.manifest === undefined ? [] : [one.manifest],
    parent: await parentOf(backend, one),
    unpacking: (index, bytes, done) => {
      const [layer, diffId] = [layers[index], diffIds[index]];
      if (layer === undefined || diffId === undefined || (done && !rows.has(index))) return;
      const row = rows.get(index) ?? new ByteProgress(progress, shortId(diffId), 'Loading layer', layer.size);
      rows.set(index, row);
      row.to(bytes);
      if (done) row.tell();
    },
  });
  for (const tag of one.tags) await putTag(backend, tag, image.id, progress);
  backend.event('load', image.id, image.id);
  return one.tags.length === 0 ? image : backend.get(image.id);
}

/** A tag that another image has moves, and that is said: who loads an archive from somebody must see what it took over. */
async function putTag(
  backend: ImageBackend,
  tag: Reference,
  id: Digest,
  progress: (line: Progress) => void,
): Promise<void> {
  const before = backend.repositories.get(tag);
  if (before !== null && before !== id && guard('archive-retag'))
    progress({
      stream: `The image ${familiar(tag)} already exists, renaming the old one with ID ${before} to empty string\n`,
    });
  await backend.putReference(tag, id);
  progress({ stream: `Loaded image: ${familiar(tag)}\n` });
}

/** As what a layer's file is kept: its first bytes say how it is compressed. */
async function layerOf(
  backend: ImageBackend,
  { digest, size }: ArchivedBlob,
  diffId: Digest | undefined,
): Promise<Descriptor> {
  if (digest === diffId) return { mediaType: MEDIA.layer, digest, size };
  for await (const chunk of backend.content.open(digest)) {
    const magic = Buffer.from(chunk.subarray(0, 4)).toString('hex');
    if (magic.startsWith('1f8b')) return { mediaType: MEDIA.layerGzip, digest, size };
    if (magic === '28b52ffd') return { mediaType: MEDIA.layerZstd, digest, size };
    break;
  }
  return { mediaType: MEDIA.layer, digest, size };
}

/** The image below, where it is here and really is below: its layers are the first ones of this one. */
async function parentOf(backend: ImageBackend, { parent, config }: ArchivedImage): Promise<Digest | null> {
  if (parent === null) return null;
  try {
    const below = (await backend.get(parent)).config.rootfs.diff_ids;
    return below.every((diffId, index) => diffId === config.rootfs.diff_ids[index]) ? parent : null;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'NotFound') return null;
    throw error;
  }
}

/** A parent that comes in the same archive is taken in before its child; of a circle, in any order. */
function parentsFirst(images: readonly ArchivedImage[]): ArchivedImage[] {
  const sorted: ArchivedImage[] = [];
  let rest = images.map((image) => ({ image, id: digestOf(image.bytes) }));
  while (rest.length > 0) {
    const waiting = new Set(rest.map(({ id }) => id));
    const ready = rest.filter(
      ({ image, id }) => image.parent === null || image.parent === id || !waiting.has(image.parent),
    );
    const next = ready.length === 0 ? rest : ready;
    sorted.push(...next.map(({ image }) => image));
    rest = rest.filter((one) => !next.includes(one));
  }
  return sorted;
}
