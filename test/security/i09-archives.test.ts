import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { loadImages } from '../../engine/image/archive/index.js';
import { digestOf, hexOf } from '../../engine/image/digest.js';
import { MEDIA } from '../../engine/image/manifest.js';
import type { TarEntryInit } from '../../engine/image/tar/types.js';
import { END_OF_ARCHIVE, tarEntry, tarHeader } from '../../engine/image/tar/write.js';
import { without } from '../helpers/registry/guards.js';
import { Place, type RealStore, ran, realStore } from '../helpers/registry/real-store.js';
import { type TestImage, testImage, testLayer } from '../helpers/registry/test-images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

type Entry = readonly [init: TarEntryInit | string, content?: string | Buffer];

function archiveOf(...entries: readonly Entry[]): Buffer {
  return Buffer.concat([
    ...entries.map(([init, content = '']) =>
      tarEntry(typeof init === 'string' ? { name: init, type: 'file' } : init, Buffer.from(content)),
    ),
    END_OF_ARCHIVE,
  ]);
}

function entriesOf(image: TestImage, tags: readonly string[]): Entry[] {
  const config = `${hexOf(image.id)}.json`;
  const layers = image.layers.map(({ diffId }) => `${hexOf(diffId)}/layer.tar`);
  return [
    ...image.layers.map(({ tar }, index): Entry => [layers[index] as string, tar]),
    [config, image.config],
    ['manifest.json', JSON.stringify([{ Config: config, RepoTags: tags, Layers: layers }])],
  ];
}

const honest = testImage([testLayer({ a: 'honest' }, MEDIA.layer)]);
const evil = testImage([testLayer({ a: 'evil' }, MEDIA.layer)]);

if (!inSandbox) {
  test('I09: archives of images, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('I09: archives that lie', () => {
    let place: Place;
    let victim: RealStore;
    let canary: string;

    before(() => {
      ran('ip', ['link', 'set', 'lo', 'up']);
      place = new Place();
      canary = place.fresh('canary');
      writeFileSync(canary, JSON.stringify([{ Config: 'x', RepoTags: ['read/it:1'], Layers: [] }]));
    });
    after(() => place.remove());
    beforeEach(async () => {
      victim = await realStore(place);
    });

    const load = (archive: Buffer): Promise<unknown> =>
      loadImages(
        victim.store,
        (async function* () {
          // in pieces, as from a socket
          for (let at = 0; at < archive.byteLength; at += 1000) yield archive.subarray(at, at + 1000);
        })(),
        (line) => void victim.lines.push(line),
      );

    test('CVE-2026-50195: a tag that another image has moves, and that is said', async () => {
      await load(archiveOf(...entriesOf(honest, ['busybox:latest'])));
      victim.lines.length = 0;
      await load(archiveOf(...entriesOf(evil, ['busybox:latest', 'evil:1'])));
      assert.deepEqual(
        victim.text().filter((row) => !row.includes('Loading layer')),
        [
          `The image busybox:latest already exists, renaming the old one with ID ${honest.id} to empty string`,
          'Loaded image: busybox:latest',
          'Loaded image: evil:1',
        ],
      );
      assert.deepEqual((await victim.store.get(honest.id)).tags, [], 'the old one is still there, without its name');
      victim.lines.length = 0;
      await load(archiveOf(...entriesOf(evil, ['busybox:latest'])));
      assert.deepEqual(victim.text(), ['Loaded image: busybox:latest']);
    });

    test('CVE-2026-50195 twin: unsaid, the tag moves in silence', async () => {
      await load(archiveOf(...entriesOf(honest, ['busybox:latest'])));
      victim.lines.length = 0;
      await without(['archive-retag'], () => load(archiveOf(...entriesOf(evil, ['busybox:latest']))));
      assert.ok(!victim.text().some((row) => row.includes('already exists')), 'it is said without the guard too');
      assert.equal((await victim.store.get('busybox')).id, evil.id);
    });

    test('CVE-2026-50195: no link is followed, and nothing but plain files is taken', async () => {
      const rest = entriesOf(evil, ['x:1']).filter(([init]) => init !== 'manifest.json');
      const manifest = entriesOf(evil, ['x:1']).find(([init]) => init === 'manifest.json') as Entry;
      const link = (name: string, linkname: string, type: 'symlink' | 'hardlink' = 'symlink'): Entry => [
        { name, type, linkname },
      ];
      const hex = hexOf(evil.layers[0]!.diffId);
      for (const [what, entries] of [
        ['manifest.json is a link to a file of the machine', [...rest, link('manifest.json', canary)]],
        [
          'manifest.json is a link to a file beside it',
          [...rest, ['other.json', manifest[1]!], link('manifest.json', 'other.json')],
        ],
        ['manifest.json is a link upwards', [...rest, link('manifest.json', `../../../../../..${canary}`)]],
        [
          'manifest.json is a hard link',
          [...rest, ['other.json', manifest[1]!], link('manifest.json', 'other.json', 'hardlink')],
        ],
        ['a directory is a link', [...rest, manifest, link('blobs', '/etc')]],
        ['the configuration is a link', [link(`${hexOf(evil.id)}.json`, '/etc/passwd'), ...rest.slice(0, 1), manifest]],
        [
          'a layer is a link out of the archive',
          [...rest.slice(1), manifest, link(`${hex}/layer.tar`, `../../../../..${canary}`)],
        ],
        ['a layer is a link to the machine', [...rest.slice(1), manifest, link(`${hex}/layer.tar`, canary)]],
        ['a layer is a link to itself', [...rest.slice(1), manifest, link(`${hex}/layer.tar`, 'layer.tar')]],
        ['a device', [...rest, manifest, [{ name: 'disk', type: 'block', major: 8, minor: 0 }]]],
        ['a pipe', [...rest, manifest, [{ name: 'pipe', type: 'fifo' }]]],
        ['a name above', [...rest, manifest, ['../escaped', 'x']]],
        ['a name from the root', [...rest, manifest, [canary, 'x']]],
        ['a name that goes up in the middle', [...rest, manifest, ['a/../../escaped', 'x']]],
        ['manifest.json twice', [...rest, manifest, manifest]],
        ['manifest.json twice, spelled differently', [...rest, manifest, ['./manifest.json', '[]']]],
        ['no manifest at all', rest],
      ] as readonly (readonly [string, readonly Entry[]])[]) {
        await assert.rejects(load(archiveOf(...entries)), { code: 'InvalidArgument' }, what);
        assert.equal(victim.store.records.all().length, 0, what);
        assert.equal(victim.store.content.leases.open, 0, what);
      }
      assert.match(readFileSync(canary, 'utf8'), /read\/it/, 'the canary was written');
    });

    test('I09 twin: with the guard away, manifest.json may be a link', async () => {
      const rest = entriesOf(evil, ['x:1']).filter(([init]) => init !== 'manifest.json');
      const manifest = entriesOf(evil, ['x:1']).find(([init]) => init === 'manifest.json') as Entry;
      const archive = archiveOf(
        ...rest,
        ['other.json', manifest[1]!],
        [{ name: 'manifest.json', type: 'symlink', linkname: 'other.json' }],
      );
      await without(['archive-links'], () => load(archive));
      assert.equal((await victim.store.get('x:1')).id, evil.id);
    });

    test('I09: paths of manifest.json that leave the archive', async () => {
      const [layer, config] = entriesOf(evil, []);
      for (const item of [
        { Config: '/etc/passwd', Layers: [layer![0]] },
        { Config: '../../etc/passwd', Layers: [layer![0]] },
        { Config: config![0], Layers: [canary] },
        { Config: config![0], Layers: [`../..${canary}`] },
        { Config: config![0], Layers: [] },
        { Config: config![0], Layers: [layer![0], layer![0]] },
        { Config: config![0], Layers: [layer![0]], RepoTags: ['Bad Tag'] },
        { Config: config![0], Layers: [layer![0]], RepoTags: ['notag'] },
        { Config: config![0], Layers: [layer![0]], RepoTags: [`a@${evil.id}`] },
        { Config: 7, Layers: [] },
        null,
      ]) {
        const archive = archiveOf(layer!, config!, ['manifest.json', JSON.stringify([item])]);
        await assert.rejects(load(archive), { code: 'InvalidArgument' }, JSON.stringify(item));
      }
      for (const text of ['null', '{}', '', '[', '"x"'])
        await assert.rejects(
          load(archiveOf(layer!, config!, ['manifest.json', text])),
          { code: 'InvalidArgument' },
          text,
        );
      assert.equal(victim.store.records.all().length, 0);
    });

    test('I09: a blob, a layer and a size that are not what they say', async () => {
      const hex = hexOf(digestOf('something else'));
      await assert.rejects(load(archiveOf([`blobs/sha256/${hex}`, 'x'], ...entriesOf(evil, []))), { code: 'DataLoss' });
      const other = entriesOf(evil, []);
      other[0] = [other[0]![0], honest.layers[0]!.tar];
      await assert.rejects(load(archiveOf(...other)), { code: 'DataLoss' });
      assert.equal(victim.store.records.all().length, 0);
      const whole = archiveOf(...entriesOf(evil, ['x:1']));
      for (const at of [100, 600, 1500, whole.byteLength - 1100])
        await assert.rejects(load(whole.subarray(0, at)), { code: 'DataLoss' }, `cut off at ${at}`);
      await assert.rejects(
        load(Buffer.from('no archive at all, but some text that is long enough to be taken for one'.repeat(20))),
        {
          code: 'DataLoss',
        },
      );
    });

    test('I09: a large archive in little memory', async () => {
      const start = process.memoryUsage().rss;
      const size = 150 << 20;
      let most = 0;
      const stream = async function* (): AsyncGenerator<Uint8Array> {
        yield tarHeader({ name: 'unused/large', type: 'file', size });
        const zeros = Buffer.alloc(1 << 20);
        for (let at = 0; at < size; at += zeros.byteLength) {
          most = Math.max(most, process.memoryUsage().rss - start);
          yield zeros;
        }
        yield archiveOf(...entriesOf(evil, ['x:1']));
      };
      await loadImages(victim.store, stream(), () => undefined);
      assert.ok(most < 110 << 20, `it took ${most >> 20} MiB`);
    });
  });
}
