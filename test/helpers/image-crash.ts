import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { digestOf } from '../../engine/image/digest.js';
import type { Images } from '../../engine/image/images.js';
import { contentPadding, END_OF_ARCHIVE, tarHeader } from '../../engine/image/tar/write.js';
import type { Image } from '../../engine/image/types.js';
import { type ImageBox, newImage, putImage } from './images.js';

/** What the store holds, in few words: `names id`, sorted. */
export async function contents(images: Images): Promise<string[]> {
  const all = await images.list({ all: true });
  return all.map(({ tags, id }) => `${tags.join(',')} ${id.slice(7, 19)}`).sort();
}

/**
 * What must hold after every crash: nothing was found damaged, every image is complete and right, nothing is there that
 * nobody needs, and opening it once more changes nothing.
 */
export async function assertSound(box: ImageBox, when: string): Promise<Images> {
  const images = await box.open();
  assert.deepEqual(images.problems, [], when);
  const files = box.files();
  const needed = new Set<string>();
  for (const { id } of await images.list({ all: true })) {
    const record = images.store.record(id);
    for (const { digest } of [{ digest: id }, ...record.layers, ...record.manifests]) {
      assert.ok(await images.store.content.verify(digest), `${when}: ${digest} is what it is called`);
      needed.add(digest.slice(7));
    }
    for (const { chainId, directory } of await images.layersOf(await images.get(id))) {
      assert.ok(existsSync(directory), `${when}: ${directory} is there`);
      needed.add(chainId.slice(7));
    }
  }
  for (const name of await images.listSnapshots())
    for (let top = images.store.snapshots.topOf(name); top !== null; top = images.store.snapshots.layer(top).parent)
      needed.add(top.slice(7));
  const spare = files.filter((path) => {
    // an image's layers with what a container's mounts need on top: HEX-init
    const name = /(?:blobs\/sha256|layers)\/([^/]+?)(?:-init)?\//.exec(`${path}/`)?.[1];
    return name === undefined ? /~|incomplete\/.|ingest\/.*(?<!partial)$/.test(path) : !needed.has(name);
  });
  assert.deepEqual(spare, [], `${when}: nothing is left over`);
  const again = await box.open();
  assert.deepEqual([await contents(again), box.files()], [await contents(images), files], `${when}: opening twice`);
  return images;
}

/** Something that is done to a store, from a state that `prepare` makes. */
export interface Operation {
  readonly name: string;
  readonly prepare: (images: Images) => Promise<void>;
  readonly act: (images: Images) => Promise<unknown>;
  /** Whether the operation, done again after it was broken off, may say that there is nothing to do. */
  readonly again?: RegExp;
  /** Then this does the rest. */
  readonly settle?: (images: Images) => Promise<unknown>;
}

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'take an image in',
    prepare: async ({ store }) => void (await putImage(store, { names: ['old:1'], layers: [{ a: '1' }, { b: '2' }] })),
    act: async ({ store }) =>
      putImage(store, { names: ['new:1', 'old:2'], layers: [{ a: '1' }, { c: '3' }], created: '2025-01-01T00:00:00Z' }),
  },
  {
    name: 'load an archive',
    prepare: async ({ store }) => void (await putImage(store, { names: ['loaded:1'], layers: [{ a: '1' }] })),
    act: async (images) => images.load(await archive(), () => undefined),
  },
  {
    name: 'tag',
    prepare: async ({ store }) => {
      await putImage(store, { names: ['one'], layers: [{ a: '1' }] });
      await putImage(store, { names: ['two'], layers: [{ a: '2' }] });
    },
    act: (images) => images.tag('one', 'two'),
  },
  {
    name: 'remove by name',
    prepare: async ({ store }) => {
      const { id } = await putImage(store, { layers: [{ a: '1' }] });
      await putImage(store, {
        names: ['x', `x@${digestOf('manifest')}`],
        layers: [{ a: '1' }, { b: '2' }],
        parent: id,
      });
      await putImage(store, { names: ['y'], layers: [{ a: '1' }, { c: '3' }] });
    },
    act: (images) => images.remove('x', {}),
    again: /No such image: x/,
    // the name went first: what had it dangles
    settle: (images) => images.prune({}),
  },
  {
    name: 'prune',
    prepare: async ({ store }) => {
      for (const a of ['1', '2']) await putImage(store, { layers: [{ a }, { b: '2' }] });
      await putImage(store, { names: ['kept'], layers: [{ a: '1' }] });
    },
    act: (images) => images.prune({}),
  },
  {
    name: 'commit',
    prepare: async (images) => {
      const base = await putImage(images.store, { names: ['base'], layers: [{ a: '1' }] });
      const { upper } = await images.prepareSnapshot('container', base);
      await writeTree(upper);
    },
    act: async (images) => {
      const { upper } = await images.snapshot('container');
      const image = await images.get('base');
      return images.commit({ image, upper, config: {}, reference: 'made', createdBy: 'test' });
    },
  },
  {
    name: 'remove a container whose image is gone',
    prepare: async (images) => {
      const image: Image = await putImage(images.store, { names: ['gone'], layers: [{ a: '1' }, { b: '2' }] });
      await images.prepareSnapshot('container', image);
      await images.remove('gone', { force: true });
    },
    act: (images) => images.removeSnapshot('container'),
    again: /container.*not|not.*container/,
  },
];

async function writeTree(directory: string): Promise<void> {
  const { mkdir, writeFile } = await import('node:fs/promises');
  await mkdir(`${directory}/dir`);
  await writeFile(`${directory}/dir/file`, 'changed');
}

/** An archive as `docker save` makes it. */
export async function archive(): Promise<AsyncIterable<Uint8Array>> {
  const image = await newImage({ names: [], layers: [{ a: '1' }, { l: 'loaded' }], created: '2026-01-01T00:00:00Z' });
  const blobs: [string, Buffer][] = [];
  for (const { descriptor, open } of image.layers) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of open?.() ?? []) chunks.push(Buffer.from(chunk));
    blobs.push([`blobs/sha256/${descriptor.digest.slice(7)}`, Buffer.concat(chunks)]);
  }
  const config = `blobs/sha256/${digestOf(image.config).slice(7)}`;
  const manifest = [{ Config: config, RepoTags: ['loaded:1'], Layers: blobs.map(([name]) => name) }];
  const files: [string, Buffer][] = [
    ...blobs,
    [config, Buffer.from(image.config)],
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
  ];
  return (async function* () {
    for (const [name, content] of files)
      yield Buffer.concat([
        tarHeader({ name, type: 'file', size: content.length }),
        content,
        contentPadding(content.length),
      ]);
    yield END_OF_ARCHIVE;
  })();
}
