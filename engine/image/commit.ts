import { arch } from 'node:process';
import { EngineError } from '../kernel/errors.js';
import { MAX_LAYERS } from './config.js';
import { diffLayer } from './layer/diff.js';
import { MEDIA } from './manifest.js';
import { familiar, parseTagged } from './reference.js';
import type { LayerBlob } from './store/backend.js';
import { encodeConfig, type ImageStore } from './store/image-store.js';
import type { CommitOptions, Digest, HistoryEntry, Image, ImageConfig } from './types.js';

/** sha256 of the tar of nothing, 1024 zeros: a container that changed nothing gets no layer. */
const EMPTY_LAYER = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

/** `docker commit`: the writable layer as one more layer, and a history entry. moby's image.NewChildImage */
export async function commitImage(store: ImageStore, options: CommitOptions): Promise<Image> {
  const reference = options.reference === undefined || options.reference === '' ? null : parseTagged(options.reference);
  if (reference !== null && reference.digest !== null)
    throw new EngineError('InvalidArgument', 'refusing to create a tag with a digest reference');
  const lease = store.lease();
  try {
    const base = options.image?.config;
    const below = base?.rootfs.diff_ids ?? [];
    const layer = options.upper === null ? null : await takeLayer(store, options.upper, lease);
    if (layer !== null && below.length + 1 > MAX_LAYERS) throw new EngineError('InvalidArgument', 'max depth exceeded');
    const created = new Date().toISOString();
    const entry: HistoryEntry = {
      created,
      created_by: options.createdBy,
      ...(options.author === undefined || options.author === '' ? {} : { author: options.author }),
      ...(options.message === undefined || options.message === '' ? {} : { comment: options.message }),
      ...(layer === null ? { empty_layer: true } : {}),
    };
    const config: ImageConfig = {
      created,
      ...(options.author === undefined || options.author === '' ? {} : { author: options.author }),
      architecture: base?.architecture ?? machineArchitecture(),
      ...(base?.variant === undefined ? {} : { variant: base.variant }),
      os: base?.os ?? 'linux',
      config: options.config,
      rootfs: { type: 'layers', diff_ids: [...below, ...(layer === null ? [] : [layer.descriptor.digest])] },
      history: [...(base?.history ?? []), entry],
    };
    const inherited = options.image === null ? [] : store.record(options.image.id).layers;
    const image = await store.registerImage({
      config: encodeConfig(config).bytes,
      layers: [...inherited.map((descriptor) => ({ descriptor })), ...(layer === null ? [] : [layer])],
      parent: options.image?.id ?? null,
      ...(reference === null ? {} : { references: [reference], isTagging: true }),
    });
    if (reference !== null) store.event('tag', image.id, familiar(reference));
    return image;
  } finally {
    lease.release();
  }
}

/** Its tar is the blob, uncompressed: digest and diffID are one. */
async function takeLayer(
  store: ImageStore,
  upper: string,
  lease: { hold(digest: Digest): void; release(): void },
): Promise<LayerBlob | null> {
  const tar = diffLayer(upper, { userxattr: store.options.userxattr ?? false });
  const { digest, size } = await store.content.ingest(tar, { lease });
  return digest === EMPTY_LAYER ? null : { descriptor: { mediaType: MEDIA.layer, digest, size } };
}

/** In Go's words, as images have it. https://go.dev/doc/install/source#environment */
export function machineArchitecture(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', loong64: 'loong64' };
  return names[arch] ?? arch;
}
