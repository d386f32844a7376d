import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageTree } from '../../engine/image/base/tree.js';
import { digestOf } from '../../engine/image/digest.js';
import { type Images, openImages } from '../../engine/image/images.js';
import { MEDIA } from '../../engine/image/manifest.js';
import { parseReference } from '../../engine/image/reference.js';
import type { NewImage } from '../../engine/image/store/backend.js';
import { encodeConfig, type ImageStore } from '../../engine/image/store/image-store.js';
import type { Digest, Image, ImageRunConfig, ImageServiceOptions } from '../../engine/image/types.js';

/** Files of a layer, by path; null removes the one below (whiteout). */
export type LayerFiles = Readonly<Record<string, string | null>>;

export function layerTar(files: LayerFiles): ImageTree {
  const tree = new ImageTree();
  for (const [path, content] of Object.entries(files))
    if (content === null) tree.file(path.replace(/([^/]*)$/, '.wh.$1'), Buffer.alloc(0));
    else tree.file(path, Buffer.from(content));
  return tree;
}

export interface Wanted {
  readonly names?: readonly string[];
  readonly layers?: readonly LayerFiles[];
  readonly config?: ImageRunConfig;
  readonly created?: string;
  readonly parent?: Digest;
}

/** What a pull or load would hand to the store. */
export async function newImage(wanted: Wanted): Promise<NewImage> {
  const layers = await Promise.all(
    (wanted.layers ?? [{ 'etc/name': (wanted.names ?? []).join() }]).map(async (files) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of layerTar(files).tar()) chunks.push(Buffer.from(chunk));
      const bytes = Buffer.concat(chunks);
      const digest = digestOf(bytes);
      return { descriptor: { mediaType: MEDIA.layer, digest, size: bytes.length }, open: () => once(bytes) };
    }),
  );
  const { bytes } = encodeConfig({
    created: wanted.created ?? '2024-05-06T07:08:09Z',
    architecture: 'amd64',
    os: 'linux',
    config: wanted.config ?? {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
    history: layers.map(() => ({ created_by: 'test' })),
  });
  return {
    config: bytes,
    layers,
    references: (wanted.names ?? []).map(parseReference),
    ...(wanted.parent === undefined ? {} : { parent: wanted.parent }),
  };
}

export async function putImage(store: ImageStore, wanted: Wanted): Promise<Image> {
  return store.registerImage(await newImage(wanted));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

/** A store in a directory of its own, with containers as the test says. */
export class ImageBox {
  readonly root: string;
  readonly events: string[] = [];
  /** Containers by the image that they use. */
  readonly users = new Map<Digest, { id: string; running: boolean }[]>();

  constructor(root: string = mkdtempSync(join(tmpdir(), 'glassbox-images-'))) {
    this.root = root;
  }

  open(options: Partial<ImageServiceOptions> = {}): Promise<Images> {
    return openImages({
      root: this.root,
      base: false,
      event: (action, id, { name }) =>
        void this.events.push(`${action} ${name ?? ''}${name === id ? '' : ` ${id}`}`.trim()),
      inUse: (id) => this.users.get(id) ?? [],
      ...options,
    });
  }

  /** Names of files below the store, sorted, without what is inside of layers. */
  files(): string[] {
    const found: string[] = [];
    const walk = (below: string): void => {
      for (const entry of readdirSync(join(this.root, below), { withFileTypes: true })) {
        const path = join(below, entry.name);
        if (entry.isDirectory() && !['diff', 'upper', 'work', 'merged'].includes(entry.name)) walk(path);
        else found.push(path);
      }
    };
    walk('');
    return found.sort();
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
