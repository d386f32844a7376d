import { EngineError } from '../../kernel/errors.js';
import { digestOf, Hasher, hexOf } from '../digest.js';
import { MEDIA } from '../manifest.js';
import { canonical, familiar, familiarName } from '../reference.js';
import { formatPlatform, normalise, runsOn } from '../registry/platform.js';
import type { ImageBackend } from '../store/backend.js';
import { decompress } from '../tar/decompress.js';
import { contentPadding, END_OF_ARCHIVE, tarEntry, tarHeader } from '../tar/write.js';
import type { Descriptor, Digest, Image, Platform } from '../types.js';
import { type SavedImage, savedImages } from './save-names.js';

/**
 * `docker save`, as Docker 25 and newer write it: an OCI image layout (index.json, blobs/) that is a Docker archive too
 * (manifest.json, repositories). Layers are not compressed and are there once, however many images have them.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function* saveImages(
  backend: ImageBackend,
  names: readonly string[],
  options: { readonly platform?: Platform } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const lease = backend.lease();
  try {
    const images = await Promise.all(
      (await savedImages(backend, names)).map((one) => described(backend, one, options.platform)),
    );
    for (const { layers } of images) for (const { blob } of layers) lease.hold(blob.digest);
    yield tarEntry({ name: 'blobs/', type: 'directory' });
    yield tarEntry({ name: 'blobs/sha256/', type: 'directory' });
    const written = new Set<Digest>();
    const sizes = new Map<Digest, number>();
    for (const image of images) {
      for (const layer of image.layers) {
        if (written.has(layer.diffId)) continue;
        written.add(layer.diffId);
        const size = await plainSize(backend, layer);
        sizes.set(layer.diffId, size);
        yield* layerEntry(backend, layer, size, image.mtime);
      }
    }
    const manifests = images.map((image) => ({ image, ...ociManifest(image, sizes) }));
    for (const { image, bytes, digest } of manifests)
      for (const [name, content] of [
        [image.id, image.config],
        [digest, bytes],
      ] as const) {
        if (written.has(name)) continue;
        written.add(name);
        yield tarEntry({ name: blobPath(name), type: 'file', mtime: image.mtime }, content);
      }
    yield document('index.json', ociIndex(manifests));
    yield document('manifest.json', `${JSON.stringify(images.map((image) => dockerItem(image, sizes)))}\n`);
    yield document('oci-layout', '{"imageLayoutVersion": "1.0.0"}');
    const repositories = legacyRepositories(images);
    if (Object.keys(repositories).length > 0) yield document('repositories', `${JSON.stringify(repositories)}\n`);
    yield END_OF_ARCHIVE;
    for (const { id } of images) backend.event('save', id, id);
  } finally {
    lease.release();
  }
}

interface Layer {
  readonly diffId: Digest;
  readonly blob: Descriptor;
}

interface Described extends SavedImage {
  readonly image: Image;
  /** Its bytes, whose digest is the id. */
  readonly config: Buffer;
  readonly layers: readonly Layer[];
  /** When it was made, as nanoseconds: the same image gives the same archive. */
  readonly mtime: bigint;
}

async function described(backend: ImageBackend, one: SavedImage, platform: Platform | undefined): Promise<Described> {
  const image = await backend.get(one.id);
  checkPlatform(image, one, platform);
  const diffIds = image.config.rootfs.diff_ids;
  // moby says so too (image/tarexport/save.go): its archive has no place for an image without layers
  if (diffIds.length === 0) throw new EngineError('NotImplemented', 'empty export - not implemented');
  const blobs = backend.record(one.id).layers;
  const layers = diffIds.map((diffId, index) => ({ diffId, blob: blobs[index] as Descriptor }));
  const created = Date.parse(image.config.created ?? '');
  const mtime = Number.isNaN(created) || created < 0 ? 0n : BigInt(Math.trunc(created / 1000)) * 1_000_000_000n;
  return { ...one, image, config: await backend.content.read(one.id), layers, mtime };
}

function checkPlatform(image: Image, { tags, id }: SavedImage, platform: Platform | undefined): void {
  if (platform === undefined) return;
  const { os, architecture, variant } = image.config;
  const own = normalise({ os, architecture, ...(variant === undefined ? {} : { variant }) });
  if (runsOn(own, platform)) return;
  const name = tags[0] === undefined ? id : familiar(tags[0]);
  throw new EngineError(
    'NotFound',
    `image with reference ${name} was found but its platform (${formatPlatform(own)}) does not match the specified platform (${formatPlatform(platform)})`,
  );
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

/** A layer's blob as the tar that its diffID is of. */
function plain(backend: ImageBackend, { diffId, blob }: Layer): AsyncIterable<Uint8Array> {
  const stream = backend.content.open(blob.digest);
  return blob.digest === diffId ? stream : decompress(stream);
}

/** A tar's header says how long a file is, before it comes: what is compressed is read twice. */
async function plainSize(backend: ImageBackend, layer: Layer): Promise<number> {
  if (layer.blob.digest === layer.diffId) return (await backend.content.size(layer.diffId)) ?? layer.blob.size;
  let size = 0;
  for await (const chunk of plain(backend, layer)) size += chunk.byteLength;
  return size;
}

async function* layerEntry(
  backend: ImageBackend,
  layer: Layer,
  size: number,
  mtime: bigint,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield tarHeader({ name: blobPath(layer.diffId), type: 'file', size, mtime });
  const hasher = new Hasher();
  for await (const chunk of plain(backend, layer)) {
    hasher.update(chunk);
    yield chunk;
  }
  if (hasher.bytes !== size || hasher.digest() !== layer.diffId)
    throw new EngineError('DataLoss', `layer ${layer.diffId} is damaged on the disk`);
  yield contentPadding(size);
}

function ociManifest(image: Described, sizes: ReadonlyMap<Digest, number>): { bytes: Buffer; digest: Digest } {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: { mediaType: MEDIA.config, digest: image.id, size: image.config.byteLength },
      layers: image.layers.map((layer) => layerSource(layer, sizes)),
    }),
  );
  return { bytes, digest: digestOf(bytes) };
}

function layerSource({ diffId }: Layer, sizes: ReadonlyMap<Digest, number>): Descriptor {
  return { mediaType: MEDIA.layer, digest: diffId, size: sizes.get(diffId) as number };
}

function ociIndex(images: readonly { image: Described; bytes: Buffer; digest: Digest }[]): string {
  const manifests = images.flatMap(({ image, bytes, digest }) => {
    const descriptor = { mediaType: MEDIA.manifest, digest, size: bytes.byteLength };
    if (image.tags.length === 0) return [descriptor];
    return image.tags.map((tag) => ({
      ...descriptor,
      annotations: {
        'io.containerd.image.name': canonical(tag),
        'org.opencontainers.image.ref.name': tag.tag ?? 'latest',
      },
    }));
  });
  return JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.index, manifests });
}

function dockerItem(image: Described, sizes: ReadonlyMap<Digest, number>): Record<string, unknown> {
  return {
    Config: blobPath(image.id),
    RepoTags: image.tags.length === 0 ? null : image.tags.map(familiar),
    Layers: image.layers.map(({ diffId }) => blobPath(diffId)),
    LayerSources: Object.fromEntries(image.layers.map((layer) => [layer.diffId, layerSource(layer, sizes)])),
  };
}

/** For Docker before 1.10: name, tag, topmost layer. */
function legacyRepositories(images: readonly Described[]): Record<string, Record<string, string>> {
  const repositories = new Map<string, Map<string, string>>();
  for (const { tags, layers } of images)
    for (const tag of tags) {
      const name = familiarName(tag);
      const known = repositories.get(name) ?? new Map<string, string>();
      repositories.set(name, known.set(tag.tag ?? 'latest', hexOf((layers.at(-1) as Layer).diffId)));
    }
  return Object.fromEntries([...repositories].map(([name, tags]) => [name, Object.fromEntries(tags)]));
}

function document(name: string, text: string): Buffer {
  return tarEntry({ name, type: 'file' }, Buffer.from(text));
}
