import { parseImageConfig } from '../config.js';
import { MEDIA, parseManifest } from '../manifest.js';
import { parseReference, withDefaultTag } from '../reference.js';
import type { Descriptor, Platform, RegistryAuth } from '../types.js';
import { atEndpoints } from './connect.js';
import type { Endpoints } from './endpoints.js';

export interface DistributionInspect {
  readonly Descriptor: Descriptor;
  readonly Platforms: readonly Platform[];
}

/** `GET /distribution/NAME/json`: what a registry has under a name, without pulling it. */
export async function inspectDistribution(
  endpoints: Endpoints,
  name: string,
  auth?: RegistryAuth,
): Promise<DistributionInspect> {
  const reference = withDefaultTag(parseReference(name));
  const list = await endpoints.forPull(reference.domain);
  return atEndpoints(endpoints, list, reference.path, ['pull'], { auth }, async (repository) => {
    const fetched = await repository.manifest(reference.digest ?? reference.tag ?? 'latest');
    const manifest = parseManifest(fetched.bytes, fetched.mediaType);
    const descriptor = { mediaType: manifest.mediaType, digest: fetched.digest, size: fetched.bytes.byteLength };
    if (manifest.kind === 'index')
      return { Descriptor: descriptor, Platforms: manifest.manifests.flatMap(({ platform }) => platform ?? []) };
    const isImage = [MEDIA.config, MEDIA.dockerConfig].some((known) => known === manifest.config.mediaType);
    if (!isImage) return { Descriptor: descriptor, Platforms: [] };
    const config = parseImageConfig(await repository.smallBlob(manifest.config));
    const { os, architecture, variant } = config;
    return { Descriptor: descriptor, Platforms: [{ architecture, os, ...(variant === undefined ? {} : { variant }) }] };
  });
}
