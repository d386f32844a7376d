import { EngineError } from '../kernel/errors.js';
import { MAX_LAYERS } from './config.js';
import { MAX_DOCUMENT } from './content.js';
import { parseDigest } from './digest.js';
import { Fields, present } from './store/fields.js';
import { guard } from './store/guards.js';
import { parseStrictJson } from './store/strict-json.js';
import type { Descriptor, Platform } from './types.js';

export const MEDIA = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
} as const;

const MANIFESTS: readonly string[] = [MEDIA.manifest, MEDIA.dockerManifest];
const INDEXES: readonly string[] = [MEDIA.index, MEDIA.dockerList];
const MAX_MANIFESTS = 1024;

/** One image for one platform: what it is configured as and its layers, lowest first. */
export interface Manifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The same image for several platforms. */
export interface Index {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * A manifest or an index of OCI or Docker schema 2. Who serves bytes that two parsers read differently could have one of them
 * checked and the other run: a document is refused when it has both `layers` and `manifests`, when it names another media
 * type than it was sent as, has a key twice or in another letter case (CVE-2021-41190, GHSA-5j5w-g665-5m35).
 * @param contentType the media type of the descriptor or of the answer's header
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest | Index {
  const fields = new Fields(parseStrictJson(bytes, 'manifest', MAX_DOCUMENT), 'manifest');
  const version = fields.integer('schemaVersion', 0);
  if (version === 1 || fields.has('fsLayers') || fields.has('signatures'))
    throw new EngineError(
      'NotImplemented',
      'Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed',
    );
  if (version !== 2) fields.refuse('schemaVersion', 'is not 2');
  if (guard('manifest-ambiguity')) refuseLookalikes(fields);
  const mediaType = mediaTypeOf(fields, contentType?.split(';', 1)[0]?.trim());
  const annotations = fields.map('annotations');
  if (INDEXES.includes(mediaType)) {
    if ((fields.has('layers') || fields.has('config')) && guard('manifest-ambiguity'))
      fields.refuse('', 'is an index with layers: it is ambiguous');
    const manifests = (fields.list('manifests', MAX_MANIFESTS) ?? []).map((one) => parseDescriptor(one, 'manifest'));
    return present<Index>({ kind: 'index', mediaType, manifests, annotations });
  }
  if (fields.has('manifests') && guard('manifest-ambiguity'))
    fields.refuse('', 'has layers and manifests: it is ambiguous');
  return present<Manifest>({
    kind: 'manifest',
    mediaType,
    config: parseDescriptor(fields.get('config'), 'manifest: config'),
    layers: (fields.list('layers', MAX_LAYERS) ?? []).map((one) => parseDescriptor(one, 'manifest: layer')),
    annotations,
  });
}

/** https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  const fields = new Fields(value, what);
  const platform = fields.fields('platform');
  return present<Descriptor>({
    mediaType: fields.need('mediaType', 255),
    digest: parseDigest(fields.need('digest', 256)),
    size: fields.integer('size', 0) ?? fields.refuse('size', 'is missing'),
    platform: platform === undefined ? undefined : parsePlatform(platform),
    annotations: fields.map('annotations', 1024),
    urls: fields.strings('urls', 64),
  });
}

function parsePlatform(fields: Fields): Platform {
  return present<Platform>({
    os: fields.string('os', 64) ?? '',
    architecture: fields.string('architecture', 64) ?? '',
    variant: fields.string('variant', 64),
    'os.version': fields.string('os.version', 255),
  });
}

function mediaTypeOf(fields: Fields, sentAs: string | undefined): string {
  const known = [...MANIFESTS, ...INDEXES];
  const own = fields.string('mediaType', 255);
  // a server that does not know better says application/json, or nothing
  const outer = sentAs !== undefined && known.includes(sentAs) ? sentAs : undefined;
  if (own !== undefined && outer !== undefined && own !== outer && guard('manifest-ambiguity'))
    fields.refuse('mediaType', `is ${JSON.stringify(own)}, but it was sent as ${outer}`);
  const chosen = own ?? outer;
  if (chosen === undefined) {
    if (fields.has('manifests') === fields.has('layers')) fields.refuse('', 'is neither a manifest nor an index');
    return fields.has('manifests') ? MEDIA.index : MEDIA.manifest;
  }
  if (!known.includes(chosen))
    fields.refuse('mediaType', `is ${JSON.stringify(chosen.slice(0, 100))}, which is not known`);
  return chosen;
}

const TOP_LEVEL = [
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'manifests',
  'subject',
  'annotations',
];

/** Go's parser takes `Layers` for `layers`; ours does not. */
function refuseLookalikes(fields: Fields): void {
  for (const key of fields.keys())
    if (!TOP_LEVEL.includes(key) && TOP_LEVEL.some((known) => known.toLowerCase() === key.toLowerCase()))
      fields.refuse(key, 'is a known key in another letter case: it is ambiguous');
}
