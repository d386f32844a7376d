import { EngineError } from '../../kernel/errors.js';
import { parseImageConfig } from '../config.js';
import { chainIds, shortId } from '../digest.js';
import type { Manifest } from '../manifest.js';
import {
  canonical,
  familiar,
  familiarName,
  nameOf,
  parseReference,
  type Reference,
  withDefaultTag,
  withDigest,
  withTag,
} from '../reference.js';
import type { ImageBackend } from '../store/backend.js';
import type { Lease } from '../store/lease.js';
import type { Descriptor, Digest, Image, ImageConfig, PullOptions } from '../types.js';
import { choose, type Document } from './choose-manifest.js';
import { atEndpoints } from './connect.js';
import { download } from './download.js';
import type { Endpoints } from './endpoints.js';
import { RegistryError } from './errors.js';
import { guard } from './guards.js';
import { allOrNone, type Limit } from './limit.js';
import type { Origins } from './origins.js';
import { formatPlatform, normalise, runsOn, wanted } from './platform.js';
import { ByteProgress, update } from './progress.js';
import type { Repository } from './repository.js';
import { pullError } from './translate.js';

/** What pulls of one engine share. */
export interface Puller {
  readonly backend: ImageBackend;
  readonly endpoints: Endpoints;
  readonly origins: Origins;
  /** Downloads at once, of all pulls together. */
  readonly downloads: Limit;
  readonly secondMs: number | undefined;
}

/** Layers' types that are none of an image: an OCI artifact is not unpacked. */
const SUPPORTED =
  /^(application\/vnd\.oci\.image|application\/vnd\.docker)\.|^(application\/octet-stream|application\/json|text\/html|)$/i;

/** `docker pull`. */
export async function pull(puller: Puller, name: string, options: PullOptions): Promise<Image> {
  const parsed = parseReference(name);
  const reference = options.allTags === true ? parsed : withDefaultTag(parsed);
  if (options.allTags === true && (parsed.tag !== null || parsed.digest !== null))
    throw new EngineError('InvalidArgument', "tag can't be used with --all-tags/-a");
  if (familiarName(reference) === 'scratch') throw new EngineError('PermissionDenied', "'scratch' is a reserved name");
  const asker = { auth: options.auth, signal: options.signal };
  const list = await puller.endpoints.forPull(reference.domain);
  try {
    const { image, isNew } = await atEndpoints(puller.endpoints, list, reference.path, ['pull'], asker, (repository) =>
      reference.tag === null && reference.digest === null
        ? pullAllTags(puller, repository, reference, options)
        : pullOne(puller, repository, reference, options),
    );
    const said = familiar(reference);
    options.progress({ status: `Status: ${isNew ? 'Downloaded newer image' : 'Image is up to date'} for ${said}` });
    puller.backend.event('pull', image.id, familiar(reference));
    warnOfPlatform(image, said, options);
    return image;
  } catch (error) {
    throw pullError(error, reference);
  }
}

interface Pulled {
  readonly image: Image;
  readonly isNew: boolean;
}

async function pullAllTags(
  puller: Puller,
  repository: Repository,
  reference: Reference,
  options: PullOptions,
): Promise<Pulled> {
  const pulled: Pulled[] = [];
  for (const tag of await repository.tags(options.signal))
    pulled.push(await pullOne(puller, repository, withTag(reference, tag), options));
  const last = pulled.at(-1);
  if (last === undefined)
    throw new RegistryError('content', `repository ${familiarName(reference)} has no tags`, { code: 'NotFound' });
  return { image: last.image, isNew: pulled.some(({ isNew }) => isNew) };
}

/** One tag or digest: manifest, configuration, layers, image, names. */
async function pullOne(
  puller: Puller,
  repository: Repository,
  reference: Reference,
  options: PullOptions,
): Promise<Pulled> {
  const { backend } = puller;
  const lease = backend.lease();
  try {
    const top = await repository.manifest(reference.digest ?? reference.tag ?? 'latest', options.signal);
    const line = reference.digest === null ? (reference.tag ?? 'latest') : canonical(reference);
    const { manifest, documents } = await choose(repository, top, options.platform, options.signal);
    options.progress({ status: `Pulling from ${reference.path}`, id: line });
    const before = backend.repositories.get(reference);
    const names = [withDigest(reference, top.digest), ...(reference.digest === null ? [reference] : [])];
    const image = await imageOf(puller, { repository, reference, manifest, documents, names, lease, options });
    options.progress({ status: `Digest: ${top.digest}` });
    return { image, isNew: before !== image.id };
  } finally {
    lease.release();
  }
}

interface Wish {
  readonly repository: Repository;
  readonly reference: Reference;
  readonly manifest: Manifest;
  readonly documents: readonly Document[];
  readonly names: readonly Reference[];
  readonly lease: Lease;
  readonly options: PullOptions;
}

async function imageOf(puller: Puller, wish: Wish): Promise<Image> {
  const { repository, manifest, options } = wish;
  for (const { mediaType } of [manifest.config, ...manifest.layers])
    if (!SUPPORTED.test(mediaType))
      throw new RegistryError('content', `unsupported media type ${mediaType}`, { code: 'InvalidArgument' });
  const bytes = await configOf(repository, manifest.config, options.signal);
  const config = parseImageConfig(bytes);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length)
    throw new RegistryError('content', "layers from manifest don't match image configuration");
  if (config.os !== 'linux')
    throw new RegistryError('content', `operating system "${config.os}" is not supported`, { code: 'InvalidArgument' });
  const known = knownImage(puller.backend, manifest.config.digest);
  const { blobs, announced } =
    known === null ? await fetchLayers(puller, wish, config) : { blobs: known, announced: new Set<number>() };
  const image = await puller.backend.registerImage({
    config: bytes,
    layers: blobs.map((descriptor) => ({ descriptor })),
    manifests: wish.documents,
    references: wish.names,
    unpacking: unpackingReport(manifest.layers, announced, options),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  for (const [index, descriptor] of manifest.layers.entries()) {
    const diffId = diffIds[index];
    if (diffId !== undefined)
      await puller.origins.add(diffId, { repository: nameOf(wish.reference), ...blobOf(descriptor) });
  }
  return image;
}

function blobOf({ digest, size, mediaType }: Descriptor): { digest: Digest; size: number; mediaType: string } {
  return { digest, size, mediaType };
}

async function configOf(
  repository: Repository,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  try {
    const bytes = await repository.smallBlob(descriptor, signal);
    if (bytes.byteLength !== descriptor.size && guard('registry-size'))
      throw new RegistryError('content', `it has ${bytes.byteLength} bytes, its manifest says ${descriptor.size}`);
    return bytes;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new RegistryError(error.failure, `error pulling image configuration: ${error.message}`, {
      cause: error,
      codes: error.codes,
      code: error.code,
    });
  }
}

/** Blobs of an image that is here already: then nothing is fetched, whatever the manifest. */
function knownImage(backend: ImageBackend, id: Digest): readonly Descriptor[] | null {
  try {
    return backend.record(id).layers;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'NotFound') return null;
    throw error;
  }
}

interface FetchedLayers {
  /** One for each layer, of a blob that the store has. */
  readonly blobs: readonly Descriptor[];
  /** Layers that are to be unpacked. */
  readonly announced: ReadonlySet<number>;
}

/** Blobs of all layers, three at a time. */
async function fetchLayers(
  puller: Puller,
  { repository, manifest, lease, options }: Wish,
  config: ImageConfig,
): Promise<FetchedLayers> {
  const { backend } = puller;
  const diffIds = config.rootfs.diff_ids;
  const chain = chainIds(diffIds);
  for (const one of chain) lease.hold(one);
  const report = options.progress;
  const here = new Map<number, Descriptor>();
  const announced = new Set<number>();
  for (const [index, layer] of manifest.layers.entries()) {
    for (const blob of [layer, backend.blobOfLayer(diffIds[index] as Digest)])
      if (blob !== null && !here.has(index) && (await backend.content.claim(blob.digest, lease))) here.set(index, blob);
    const isThere = here.has(index) && backend.snapshots.hasLayer(chain[index] as Digest);
    if (!isThere) announced.add(index);
    update(report, shortId(layer.digest), isThere ? 'Already exists' : 'Pulling fs layer');
  }
  const works = manifest.layers.map((descriptor, index) => async (signal: AbortSignal): Promise<Descriptor> => {
    const known = here.get(index);
    if (known !== undefined) return known;
    const id = shortId(descriptor.digest);
    const { secondMs } = puller;
    return puller.downloads.run(
      () => download({ content: backend.content, repository, descriptor, lease, report, signal, secondMs }),
      signal,
      () => update(report, id, 'Waiting'),
    );
  });
  return { blobs: await allOrNone(works, options.signal), announced };
}

/** `Extracting` with its bar, then `Pull complete`; nothing for layers that were there. */
function unpackingReport(
  layers: readonly Descriptor[],
  announced: ReadonlySet<number>,
  { progress }: PullOptions,
): (index: number, bytes: number, done: boolean) => void {
  const rows = new Map<number, ByteProgress>();
  return (index, bytes, done) => {
    const layer = layers[index];
    if (layer === undefined || !announced.has(index)) return;
    const id = shortId(layer.digest);
    const row = rows.get(index) ?? new ByteProgress(progress, id, 'Extracting', layer.size);
    if (!done || rows.has(index)) {
      rows.set(index, row);
      row.to(bytes);
    }
    if (!done) return;
    if (rows.has(index)) row.tell();
    update(progress, id, 'Pull complete');
  };
}

/** A registry that has one image only gives it for every platform. */
function warnOfPlatform(image: Image, name: string, { platform, progress }: PullOptions): void {
  if (platform === undefined) return;
  const { os, architecture, variant } = image.config;
  const own = normalise({ os, architecture, ...(variant === undefined ? {} : { variant }) });
  const asked = wanted(platform);
  if (runsOn(own, asked)) return;
  progress({
    status: `WARNING: image with reference ${name} was found but its platform (${formatPlatform(own)}) does not match the specified platform (${formatPlatform(asked)})`,
  });
}
