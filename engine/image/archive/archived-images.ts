import { EngineError } from '../../kernel/errors.js';
import { MAX_LAYERS, parseImageConfig } from '../config.js';
import { MAX_DOCUMENT } from '../content.js';
import { hexOf, isDigest } from '../digest.js';
import { type Manifest, MEDIA, parseManifest } from '../manifest.js';
import { parseReference, type Reference } from '../reference.js';
import { matching, ownPlatform } from '../registry/platform.js';
import { Fields } from '../store/fields.js';
import { parseStrictJson } from '../store/strict-json.js';
import type { Descriptor, Digest, ImageConfig } from '../types.js';
import type { Archive } from './read-archive.js';

/** What an archive says of one image. */
export interface ArchivedImage {
  /** The configuration's bytes. */
  readonly bytes: Buffer;
  readonly config: ImageConfig;
  /** Names of the layers' files, lowest first. */
  readonly layers: readonly string[];
  readonly tags: readonly Reference[];
  readonly parent: Digest | null;
  /** OCI's manifest by which it was found. */
  readonly manifest?: { readonly mediaType: string; readonly bytes: Buffer };
}

const MOST_IMAGES = 1000;
const MOST_NESTED = 4;

/** Docker's manifest.json first: an archive that has both is Docker's. */
export async function archivedImages(archive: Archive): Promise<ArchivedImage[]> {
  if (archive.has('manifest.json')) return dockerImages(archive);
  if (archive.has('index.json')) return ociImages(archive);
  // a link as manifest.json is told as what it is
  return dockerImages(archive);
}

async function dockerImages(archive: Archive): Promise<ArchivedImage[]> {
  const parsed = parseStrictJson(await archive.document('manifest.json'), 'manifest.json', MAX_DOCUMENT);
  if (!Array.isArray(parsed) || parsed.length > MOST_IMAGES)
    throw new EngineError('InvalidArgument', 'invalid manifest, manifest cannot be null (but can be [])');
  const images: ArchivedImage[] = [];
  for (const one of parsed as unknown[]) {
    const item = new Fields(one, 'manifest.json');
    const bytes = await archive.document(item.need('Config', 1024));
    const config = parseImageConfig(bytes);
    const layers = item.strings('Layers', MAX_LAYERS) ?? [];
    if (layers.length !== config.rootfs.diff_ids.length)
      throw new EngineError(
        'InvalidArgument',
        `invalid manifest, layers length mismatch: expected ${layers.length}, got ${config.rootfs.diff_ids.length}`,
      );
    const parent = item.string('Parent', 256);
    images.push({
      bytes,
      config,
      layers,
      tags: (item.strings('RepoTags', MOST_IMAGES) ?? []).map(parseTag),
      parent: isDigest(parent) ? parent : null,
    });
  }
  return images;
}

function parseTag(text: string): Reference {
  const reference = parseReference(text);
  if (reference.tag === null || reference.digest !== null)
    throw new EngineError('InvalidArgument', `invalid tag ${JSON.stringify(text)}`);
  return reference;
}

async function ociImages(archive: Archive): Promise<ArchivedImage[]> {
  const index = parseManifest(await archive.document('index.json'), MEDIA.index);
  if (index.kind !== 'index') throw new EngineError('InvalidArgument', 'index.json is not an index');
  const found = new Map<Digest, ArchivedImage>();
  for (const descriptor of index.manifests) {
    const chosen = await choose(archive, descriptor);
    if (chosen === null) continue;
    const { manifest } = chosen;
    const bytes = await documentOf(archive, manifest.config);
    const tag = nameIn(descriptor);
    const before = found.get(manifest.config.digest);
    found.set(manifest.config.digest, {
      bytes,
      config: parseImageConfig(bytes),
      layers: manifest.layers.map(({ digest }) => path(digest)),
      tags: [...(before?.tags ?? []), ...(tag === null ? [] : [tag])],
      parent: null,
      manifest: { mediaType: manifest.mediaType, bytes: chosen.bytes },
    });
  }
  if (found.size === 0 && index.manifests.length > 0)
    throw new EngineError('NotFound', 'load image archive: it has no image for this platform');
  return [...found.values()];
}

function path(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

async function documentOf(archive: Archive, { digest, size }: Descriptor): Promise<Buffer> {
  const bytes = await archive.document(path(digest));
  if (bytes.byteLength !== size)
    throw new EngineError('DataLoss', `content ${digest} is ${bytes.byteLength} bytes, expected ${size}`);
  return bytes;
}

/** Go from a descriptor to the manifest for this machine; null: there is none, or it is no image. */
async function choose(archive: Archive, top: Descriptor): Promise<{ manifest: Manifest; bytes: Buffer } | null> {
  let descriptor = top;
  for (let depth = 0; depth < MOST_NESTED; depth++) {
    const bytes = await documentOf(archive, descriptor);
    const parsed = parseManifest(bytes, descriptor.mediaType);
    if (parsed.kind === 'manifest') {
      const isImage = [MEDIA.config, MEDIA.dockerConfig].some((known) => known === parsed.config.mediaType);
      return isImage ? { manifest: parsed, bytes } : null;
    }
    const best = matching(parsed.manifests, ownPlatform()).find(({ digest }) => archive.has(path(digest)));
    if (best === undefined) return null;
    descriptor = best;
  }
  throw new EngineError('ResourceExhausted', `load image archive: indexes are nested more than ${MOST_NESTED} deep`);
}

/** A name in full; `latest` alone names nothing. */
function nameIn({ annotations = {} }: Descriptor): Reference | null {
  const full = annotations['io.containerd.image.name'];
  if (full !== undefined) return parseTag(full);
  const short = annotations['org.opencontainers.image.ref.name'];
  return short === undefined || !/[:/]/.test(short) ? null : parseTag(short);
}
