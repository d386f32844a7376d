import { EngineError } from '../../kernel/errors.js';
import { MEDIA } from '../manifest.js';
import { familiar, parseTagged } from '../reference.js';
import { wanted } from '../registry/platform.js';
import type { ImageBackend } from '../store/backend.js';
import { encodeConfig } from '../store/image-store.js';
import type { Image, ImageConfig, ImportOptions } from '../types.js';
import { applyChanges } from './changes.js';
import { decompressAny } from './decompress-any.js';

/** `docker import`: a tar of a root file system becomes an image of one layer. */
export async function importImage(
  backend: ImageBackend,
  stream: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Image> {
  const reference = options.reference === undefined || options.reference === '' ? null : parseTagged(options.reference);
  if (reference !== null && reference.digest !== null)
    throw new EngineError('InvalidArgument', 'cannot import digest reference');
  // before the stream is read: a wrong line costs nothing
  const config = applyChanges({}, options.changes ?? []);
  const { os, architecture, variant } = wanted(options.platform);
  const lease = backend.lease();
  try {
    const { digest, size } = await backend.content.ingest(decompressAny(stream), { lease });
    const created = new Date().toISOString();
    const comment = options.message ?? '';
    const whole: ImageConfig = {
      created,
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
      config,
      rootfs: { type: 'layers', diff_ids: [digest] },
      history: [{ created, comment }],
    };
    const image = await backend.registerImage({
      config: encodeConfig(whole).bytes,
      layers: [{ descriptor: { mediaType: MEDIA.layer, digest, size } }],
      references: reference === null ? [] : [reference],
      isTagging: reference !== null,
    });
    backend.event('import', image.id, reference === null ? image.id : familiar(reference));
    return image;
  } finally {
    lease.release();
  }
}
