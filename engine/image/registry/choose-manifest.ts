import { type Manifest, MEDIA, parseManifest } from '../manifest.js';
import type { Platform } from '../types.js';
import { RegistryError } from './errors.js';
import { guard } from './guards.js';
import { formatPlatform, matching, wanted } from './platform.js';
import type { FetchedManifest, Repository } from './repository.js';

/** Indexes may name indexes, but not without end (and not themselves: a digest cannot). */
const MOST_NESTED = 4;

/** A manifest or index as it was. */
export type Document = { readonly mediaType: string; readonly bytes: Uint8Array };

/** Go from what a tag names to the manifest for a platform. All documents on the way are kept with the image. */
export async function choose(
  repository: Repository,
  top: FetchedManifest,
  platform: Platform | undefined,
  signal: AbortSignal | undefined,
): Promise<{ readonly manifest: Manifest; readonly documents: readonly Document[] }> {
  const target = wanted(platform);
  const documents: Document[] = [];
  let fetched = top;
  for (let depth = 0; depth < MOST_NESTED; depth++) {
    const parsed = parseFetched(fetched);
    documents.push({ mediaType: parsed.mediaType, bytes: fetched.bytes });
    if (parsed.kind === 'manifest') return { manifest: parsed, documents };
    const [best] = matching(parsed.manifests, target).filter(({ mediaType }) => isManifest(mediaType));
    if (best === undefined)
      throw new RegistryError(
        'content',
        `no matching manifest for ${formatPlatform(target)} in the manifest list entries`,
        {
          code: 'NotFound',
        },
      );
    fetched = await repository.manifest(best.digest, signal);
    if (guard('registry-media-type') && fetched.mediaType !== best.mediaType && isManifest(fetched.mediaType))
      throw new RegistryError(
        'content',
        `manifest ${best.digest} is ${best.mediaType} in its list and was sent as ${fetched.mediaType}: it is ambiguous`,
      );
    if (fetched.bytes.byteLength !== best.size && guard('registry-size'))
      throw new RegistryError(
        'content',
        `manifest ${best.digest} has ${fetched.bytes.byteLength} bytes, its list says ${best.size}`,
      );
  }
  throw new RegistryError('content', `manifest lists are nested more than ${MOST_NESTED} deep`, {
    code: 'ResourceExhausted',
  });
}

function isManifest(mediaType: string): boolean {
  return [MEDIA.manifest, MEDIA.dockerManifest, MEDIA.index, MEDIA.dockerList].some((known) => known === mediaType);
}

/** What the server says that it sent must be what it is: another client may go by the one or by the other. */
function parseFetched({ bytes, mediaType }: FetchedManifest): ReturnType<typeof parseManifest> {
  return guard('registry-media-type') ? parseManifest(bytes, mediaType) : parseManifest(bytes);
}
