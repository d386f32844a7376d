import { EngineError } from '../../kernel/errors.js';
import { digestOf, shortId } from '../digest.js';
import { type Manifest, MEDIA, parseManifest } from '../manifest.js';
import {
  familiar,
  familiarName,
  nameOf,
  parseReference,
  type Reference,
  withDefaultTag,
  withDigest,
} from '../reference.js';
import type { ImageBackend } from '../store/backend.js';
import type { Lease } from '../store/lease.js';
import type { Descriptor, Digest, PushOptions } from '../types.js';
import { compressed, isPlain } from './compress.js';
import { atEndpoints } from './connect.js';
import type { Endpoints } from './endpoints.js';
import { mayRetry, RegistryError } from './errors.js';
import { allOrNone, type Limit } from './limit.js';
import type { Origin, Origins } from './origins.js';
import { ByteProgress, type Report, update } from './progress.js';
import type { Repository } from './repository.js';
import { retryingText, withRetries } from './retry.js';
import { cancelUpload, startUpload, upload } from './upload.js';

export interface Pusher {
  readonly backend: ImageBackend;
  readonly endpoints: Endpoints;
  readonly origins: Origins;
  /** Uploads at once, of all pushes together. */
  readonly uploads: Limit;
  readonly secondMs: number | undefined;
}

/** What is not larger is sent in one request. */
const SMALL = 1 << 20;
/** Other repositories of the registry that are asked for a blob: dockerd asks one to four, by the layer's size. */
const MOST_MOUNTS = 3;

/** `docker push`. */
export async function push(pusher: Pusher, name: string, options: PushOptions): Promise<void> {
  const parsed = parseReference(name);
  if (parsed.digest !== null) throw new EngineError('InvalidArgument', 'cannot push a digest reference');
  const reference = options.allTags === true ? parsed : withDefaultTag(parsed);
  const { repositories } = pusher.backend;
  options.progress({ status: `The push refers to repository [${nameOf(reference)}]` });
  const known = repositories.in(reference).filter((one) => one.reference.tag !== null);
  if (known.length === 0)
    throw new EngineError('NotFound', `An image does not exist locally with the tag: ${familiarName(reference)}`);
  const wanted = options.allTags === true ? known : known.filter((one) => one.reference.tag === reference.tag);
  if (wanted.length === 0) throw new EngineError('NotFound', `tag does not exist: ${familiar(reference)}`);
  const asker = { auth: options.auth, signal: options.signal };
  const list = await pusher.endpoints.forPush(reference.domain);
  await atEndpoints(pusher.endpoints, list, reference.path, ['pull', 'push'], asker, async (repository) => {
    const sent = new Map<Digest, Descriptor>();
    for (const one of wanted)
      await pushTag(pusher, { repository, reference: one.reference, id: one.id, sent, options });
  });
}

interface Wish {
  readonly repository: Repository;
  readonly reference: Reference;
  readonly id: Digest;
  /** diffIDs that this repository has by now, and as what. */
  readonly sent: Map<Digest, Descriptor>;
  readonly options: PushOptions;
}

async function pushTag(pusher: Pusher, wish: Wish): Promise<void> {
  const { backend } = pusher;
  const { repository, reference, options } = wish;
  const lease = backend.lease();
  try {
    const image = await backend.get(wish.id);
    const record = backend.record(wish.id);
    for (const layer of record.layers) lease.hold(layer.digest);
    const original = await manifestOf(backend, wish.id, record.layers);
    const diffIds = image.config.rootfs.diff_ids;
    const report = options.progress;
    // topmost first, as dockerd lists them
    const order = diffIds.map((_, index) => index).reverse();
    for (const index of order) update(report, shortId(diffIds[index] as Digest), 'Preparing');
    const layers: Descriptor[] = new Array<Descriptor>(diffIds.length);
    const works = order.map((index) => async (signal: AbortSignal): Promise<void> => {
      const diffId = diffIds[index] as Digest;
      const layer = (original?.manifest.layers ?? record.layers)[index] as Descriptor;
      const work = (): Promise<Descriptor> => pushLayer(pusher, wish, { diffId, layer, lease, report, signal });
      layers[index] = await pusher.uploads.run(work, signal, () => update(report, shortId(diffId), 'Waiting'));
    });
    await allOrNone(works, options.signal);
    const config = await backend.content.read(wish.id);
    await sendConfig(repository, wish.id, config, options.signal);
    const { mediaType, bytes } =
      original ?? newManifest({ mediaType: MEDIA.dockerConfig, digest: wish.id, size: config.byteLength }, layers);
    await repository.putManifest(reference.tag ?? 'latest', mediaType, bytes, options.signal);
    const digest = digestOf(bytes);
    options.progress({ status: `${reference.tag}: digest: ${digest} size: ${bytes.byteLength}` });
    await backend.putReference(withDigest(reference, digest), wish.id);
    options.progress({ progressDetail: {}, aux: { Tag: reference.tag, Digest: digest, Size: bytes.byteLength } });
    backend.event('push', wish.id, familiar(reference));
  } finally {
    lease.release();
  }
}

/** The manifest by which an image came, where the store still has all that it names: pushed as it is, it keeps its digest. */
async function manifestOf(
  backend: ImageBackend,
  id: Digest,
  layers: readonly Descriptor[],
): Promise<{ readonly mediaType: string; readonly bytes: Uint8Array; readonly manifest: Manifest } | null> {
  for (const descriptor of backend.record(id).manifests.toReversed()) {
    if (!(await backend.content.has(descriptor.digest))) continue;
    const bytes = await backend.content.read(descriptor.digest);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    if (manifest.kind !== 'manifest' || manifest.config.digest !== id || manifest.layers.length !== layers.length)
      continue;
    const present = await Promise.all(manifest.layers.map(({ digest }) => backend.content.has(digest)));
    if (present.every(Boolean) && !manifest.layers.some(isPlain))
      return { mediaType: manifest.mediaType, bytes, manifest };
  }
  return null;
}

/** Docker's schema 2, indented as dockerd writes it: https://distribution.github.io/distribution/spec/manifest-v2-2/ */
function newManifest(config: Descriptor, layers: readonly Descriptor[]): { mediaType: string; bytes: Uint8Array } {
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.dockerManifest,
    config: { mediaType: config.mediaType, size: config.size, digest: config.digest },
    layers: layers.map(({ size, digest, mediaType }) => ({ mediaType: dockerType(mediaType), size, digest })),
  };
  return { mediaType: MEDIA.dockerManifest, bytes: Buffer.from(JSON.stringify(manifest, null, 3)) };
}

function dockerType(mediaType: string): string {
  return mediaType === MEDIA.layerGzip ? MEDIA.dockerLayerGzip : mediaType;
}

interface LayerWish {
  readonly diffId: Digest;
  readonly layer: Descriptor;
  readonly lease: Lease;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Have the registry hold a layer: it may have it here, or in another repository, or it is sent. Returns as which blob. */
async function pushLayer(pusher: Pusher, wish: Wish, one: LayerWish): Promise<Descriptor> {
  const { repository, sent } = wish;
  const id = shortId(one.diffId);
  const name = nameOf(wish.reference);
  const known = sent.get(one.diffId);
  if (known !== undefined) {
    update(one.report, id, 'Layer already exists');
    return known;
  }
  const remember = async (blob: Descriptor, status: string): Promise<Descriptor> => {
    update(one.report, id, status);
    sent.set(one.diffId, blob);
    const { digest, size, mediaType } = blob;
    await pusher.origins.add(one.diffId, { repository: name, digest, size, mediaType });
    return blob;
  };
  return withRetries(
    async () => {
      const origins = await pusher.origins.of(one.diffId);
      const blobs = candidates(one.layer, origins);
      const there = blobs.find(({ repository: from }) => from === name) ?? blobs[0];
      if (there !== undefined && (await repository.blobSize(there.blob.digest, one.signal)) !== null)
        return remember(there.blob, 'Layer already exists');
      const mounted = await mountFrom(wish, blobs, one.signal);
      if (mounted !== null) return remember(mounted.blob, `Mounted from ${mounted.path}`);
      return remember(await sendLayer(pusher, wish, one), 'Pushed');
    },
    {
      mayRetry,
      waiting: (seconds) => update(one.report, id, retryingText(seconds)),
      secondMs: pusher.secondMs,
      signal: one.signal,
    },
  );
}

interface Candidate {
  readonly blob: Descriptor;
  /** In full; null: not known to be anywhere. */
  readonly repository: string | null;
}

/**
 * As which blobs a registry may have a layer. The manifest that is pushed names one if it is compressed; a layer that is not
 * goes as whatever it went as before.
 */
function candidates(layer: Descriptor, origins: readonly Origin[]): Candidate[] {
  const known = origins.map(({ repository, digest, size, mediaType }) => ({
    repository,
    blob: { digest, size, mediaType },
  }));
  if (isPlain(layer)) return known;
  const same = known.filter(({ blob }) => blob.digest === layer.digest);
  return [...same.map((one) => ({ ...one, blob: layer })), { blob: layer, repository: null }];
}

async function mountFrom(
  { repository, reference }: Wish,
  blobs: readonly Candidate[],
  signal: AbortSignal,
): Promise<{ readonly blob: Descriptor; readonly path: string } | null> {
  const own = nameOf(reference);
  const domain = `${reference.domain}/`;
  const others = blobs.flatMap(({ repository: from, blob }) =>
    from !== null && from !== own && from.startsWith(domain) ? [{ blob, path: from.slice(domain.length) }] : [],
  );
  for (const other of others.slice(0, MOST_MOUNTS)) {
    try {
      const started = await startUpload(repository, { digest: other.blob.digest, from: other.path }, signal);
      if (started === 'mounted') return other;
      await cancelUpload(repository, started, signal);
    } catch (error) {
      // not allowed to read there: it is sent
      if (!(error instanceof RegistryError) || error.failure !== 'answer') throw error;
    }
  }
  return null;
}

async function sendLayer(
  pusher: Pusher,
  wish: Wish,
  { layer, diffId, lease, report, signal }: LayerWish,
): Promise<Descriptor> {
  const { content } = pusher.backend;
  const { repository } = wish;
  const row = new ByteProgress(report, shortId(diffId), 'Pushing', layer.size);
  const blob = isPlain(layer) ? await compressed(content, layer, lease, (bytes) => row.add(bytes)) : layer;
  if (isPlain(layer) && (await repository.blobSize(blob.digest, signal)) !== null) return blob;
  const location = await startUpload(repository, null, signal);
  if (location === 'mounted') throw new RegistryError('content', 'the registry has mounted a blob that was not named');
  const isSmall = blob.size <= SMALL;
  const body = isSmall
    ? await content.read(blob.digest)
    : countedStream(content.open(blob.digest), isPlain(layer) ? null : row);
  await upload(repository, location, { digest: blob.digest, body }, signal);
  row.to(layer.size);
  row.tell();
  return blob;
}

async function* countedStream(
  stream: AsyncIterable<Uint8Array>,
  row: ByteProgress | null,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    row?.add(chunk.byteLength);
    yield chunk;
  }
}

async function sendConfig(
  repository: Repository,
  digest: Digest,
  bytes: Buffer,
  signal: AbortSignal | undefined,
): Promise<void> {
  if ((await repository.blobSize(digest, signal)) !== null) return;
  const location = await startUpload(repository, null, signal);
  if (location !== 'mounted') await upload(repository, location, { digest, body: bytes }, signal);
}
