import { gzipSync } from 'node:zlib';
import { digestOf } from '../../../engine/image/digest.js';
import { MEDIA } from '../../../engine/image/manifest.js';
import { END_OF_ARCHIVE, tarEntry } from '../../../engine/image/tar/write.js';
import type { Descriptor, Digest } from '../../../engine/image/types.js';

export interface TestLayer {
  readonly tar: Buffer;
  readonly diffId: Digest;
  /** As a registry has it. */
  readonly blob: Buffer;
  readonly descriptor: Descriptor;
}

/** A layer of some files. */
export function testLayer(
  files: Readonly<Record<string, string | Buffer>>,
  mediaType: string = MEDIA.dockerLayerGzip,
): TestLayer {
  const entries = Object.entries(files).map(([name, content]) =>
    tarEntry({ name, type: 'file' }, Buffer.from(content)),
  );
  const tar = Buffer.concat([...entries, END_OF_ARCHIVE]);
  const blob = mediaType.endsWith('gzip') ? gzipSync(tar) : tar;
  return { tar, diffId: digestOf(tar), blob, descriptor: { mediaType, digest: digestOf(blob), size: blob.byteLength } };
}

/** Bytes that no compression makes smaller, the same in each run. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export interface TestImage {
  readonly id: Digest;
  readonly config: Buffer;
  readonly layers: readonly TestLayer[];
  readonly mediaType: string;
  readonly manifest: Buffer;
  /** Of the manifest. */
  readonly digest: Digest;
}

export interface ImageOptions {
  readonly oci?: boolean;
  readonly architecture?: string;
  readonly variant?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

export function testImage(layers: readonly TestLayer[], options: ImageOptions = {}): TestImage {
  const config = Buffer.from(
    JSON.stringify({
      architecture: options.architecture ?? 'amd64',
      ...(options.variant === undefined ? {} : { variant: options.variant }),
      config: options.config ?? { Cmd: ['sh'] },
      created: '2024-01-02T03:04:05Z',
      history: layers.map((_, index) => ({ created: '2024-01-02T03:04:05Z', created_by: `layer ${index}` })),
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const id = digestOf(config);
  const mediaType = options.oci === true ? MEDIA.manifest : MEDIA.dockerManifest;
  const configType = options.oci === true ? MEDIA.config : MEDIA.dockerConfig;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: configType, size: config.byteLength, digest: id },
      layers: layers.map(({ descriptor }) => descriptor),
    }),
  );
  return { id, config, layers, mediaType, manifest, digest: digestOf(manifest) };
}

/** An index (or Docker's manifest list) of images. */
export function testIndex(
  images: readonly { readonly image: TestImage; readonly platform?: Descriptor['platform'] }[],
  mediaType: string = MEDIA.index,
): { readonly mediaType: string; readonly bytes: Buffer; readonly digest: Digest } {
  const manifests = images.map(({ image, platform }) => ({
    mediaType: image.mediaType,
    size: image.manifest.byteLength,
    digest: image.digest,
    ...(platform === undefined ? {} : { platform }),
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  return { mediaType, bytes, digest: digestOf(bytes) };
}
