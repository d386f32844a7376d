/** The store of images against a real file system: what comes in, what it is called, what goes, and that nothing else does. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, test } from 'node:test';
import { findBusybox } from '../../engine/image/base/busybox.js';
import { digestOf, hexOf, shortId } from '../../engine/image/digest.js';
import { type Images, openImages } from '../../engine/image/images.js';
import type { Image } from '../../engine/image/types.js';
import { EngineError } from '../../engine/kernel/errors.js';
import { findProgram } from '../helpers/docker/programs.js';
import { archive, file, inPieces } from '../helpers/image-tar.js';
import { ImageBox, newImage, putImage } from '../helpers/images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

if (!inSandbox)
  test('the store of images, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
else describe('the store of images', declare);

function declare(): void {
  let box: ImageBox;
  let images: Images;
  beforeEach(async () => {
    box = new ImageBox();
    images = await box.open();
  });
  afterEach(() => box.remove());

  const put = (name: string, more: Parameters<typeof putImage>[1] = {}): Promise<Image> =>
    putImage(images.store, { names: [name], ...more });
  const tree = (image: Image): string =>
    join(images.store.snapshots.directoryOf(image.chainId ?? assert.fail('it has no layer')));

  it('takes in an image whole: content, layers, name', async () => {
    const image = await put('a/b:1', {
      layers: [
        { 'etc/x': 'one', 'etc/y': 'y' },
        { 'etc/x': null, z: 'zz' },
      ],
    });
    assert.deepEqual([image.tags, image.digests, image.size], [['a/b:1'], [], 6]);
    assert.equal(readFileSync(join(tree(image), 'z'), 'utf8'), 'zz');
    assert.deepEqual(await images.get('a/b:1'), image);
    assert.deepEqual(
      (await images.layersOf(image)).map(({ size }) => size),
      [4, 2],
    );
    assert.equal(await images.layersSize(), 6);
    const again = await box.open();
    assert.deepEqual(await again.get(image.id), image, 'and finds it again');
    assert.deepEqual(again.problems, []);
  });

  it('tells what of a layer it left out, and where it would leave nothing out is silent', async () => {
    const told: string[] = [];
    images = await box.open({ warn: (message) => told.push(message) });
    const xattrs = new Map(['security.selinux', 'user.kept'].map((name) => [name, Buffer.from('x')] as const));
    const layers = [archive(file('f', 'x', { xattrs }), file('\x1b[2J', 'y', { xattrs })), archive(file('plain'))];
    for (const layer of layers) await images.import(inPieces(layer), {});
    assert.equal(told.length, 1, told.join());
    assert.match(
      told[0] ?? '',
      /^layer sha256:[0-9a-f]{64}: left out "f": "attribute security\.selinux: .*"; and 1 more$/,
    );
  });

  it('finds by name, digest, id and the beginning of one', async () => {
    const image = await put('busybox:1.36');
    const manifest = Buffer.from('{"schemaVersion":2,"manifests":[]}');
    const digest = digestOf(manifest);
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    await images.store.registerImage({
      ...(await newImage({ names: ['busybox:1.36', `busybox@${digest}`] })),
      config: await images.store.content.read(image.id),
      layers: images.store.record(image.id).layers.map((descriptor) => ({ descriptor })),
      manifests: [{ mediaType, bytes: manifest }],
    });
    const hex = hexOf(image.id);
    for (const name of [
      'busybox:1.36',
      'docker.io/library/busybox:1.36',
      `busybox@${digest}`,
      `busybox:nonsense@${digest}`,
      image.id,
      hex,
      hex.slice(0, 12),
      `sha256:${hex.slice(0, 5)}`,
    ])
      assert.equal((await images.get(name)).id, image.id, name);
    assert.deepEqual((await images.get(hex)).digests, [`busybox@${digest}`]);
    for (const [name, message] of [
      ['busybox', 'No such image: busybox:latest'],
      ['x/y:z', 'No such image: x/y:z'],
      ['localhost:5000/q', 'No such image: localhost:5000/q:latest'],
      [`sha256:${'0'.repeat(64)}`, `No such image: sha256:${'0'.repeat(64)}`],
      ['0'.repeat(64), `No such image: sha256:${'0'.repeat(64)}`],
      [`busybox@sha256:${'0'.repeat(64)}`, `No such image: busybox@sha256:${'0'.repeat(64)}`],
      ['A', 'invalid reference format: repository name (library/A) must be lowercase'],
      ['', 'invalid reference format'],
    ] as const)
      await assert.rejects(images.get(name), { message }, name);
    // two ids that begin the same are none: make images until there are
    let twin = '';
    for (let i = 0; i < 40 && twin === ''; i++) {
      const other = await putImage(images.store, { layers: [], created: new Date(i * 1000).toISOString() });
      if (other.id[7] === image.id[7]) twin = other.id;
    }
    if (twin !== '') await assert.rejects(images.get(image.id.slice(7, 8)), /No such image/);
  });

  it('moves a tag, and what had it dangles', async () => {
    const [one, two] = [await put('a'), await put('b')];
    await images.tag('a', 'b');
    assert.deepEqual((await images.get(one.id)).tags, ['a:latest', 'b:latest']);
    assert.deepEqual((await images.get(two.id)).tags, []);
    assert.ok((await images.get(one.id)).lastTagged !== null && two.lastTagged === null, 'when it was tagged');
    assert.deepEqual(box.events, [`tag b:latest ${one.id}`]);
    for (const [target, message] of [
      ['B', 'invalid reference format: repository name (library/B) must be lowercase'],
      [`b@sha256:${'0'.repeat(64)}`, 'refusing to create a tag with a digest reference'],
      ['sha256:abc', 'refusing to create an ambiguous tag using digest algorithm as name'],
    ] as const)
      await assert.rejects(images.tag('a', target), { message });
    await assert.rejects(images.tag('none', 'x'), { message: 'No such image: none:latest' });
  });

  it('lists what the filters leave, newest first', async () => {
    const old = await put('old:1', { created: '2020-01-01T00:00:00Z', config: { Labels: { a: '1' } } });
    await put('mid:1', { created: '2022-01-01T00:00:00Z', config: { Labels: { a: '2', b: '' } } });
    const child = await put('new:1', { created: '2024-01-01T00:00:00Z', parent: old.id });
    const dangling = await putImage(images.store, { created: '2023-01-01T00:00:00Z', layers: [{ d: 'd' }] });
    await images.tag('mid:1', 'mid:2');
    const list = async (filters: Record<string, string[]>, all = false): Promise<string[]> =>
      (await images.list({ filters, all })).map(({ tags }) => tags.join() || '<none>');
    const everything = ['new:1', '<none>', 'mid:1,mid:2', 'old:1'];
    for (const [filters, expected] of [
      [{}, everything],
      [{ dangling: ['true'] }, ['<none>']],
      [{ dangling: ['false'] }, ['new:1', 'mid:1,mid:2', 'old:1']],
      [{ label: ['a'] }, ['mid:1,mid:2', 'old:1']],
      [{ label: ['a=1'] }, ['old:1']],
      [{ label: ['a', 'b'] }, ['mid:1,mid:2']],
      [{ before: ['mid:2'] }, ['old:1']],
      [{ since: ['mid:2'] }, ['new:1', '<none>']],
      [{ since: ['old:1'], before: [child.id] }, ['<none>', 'mid:1,mid:2']],
      [{ reference: ['mid:2'] }, ['mid:2']],
      [{ reference: ['*:1'] }, ['new:1', 'mid:1', 'old:1']],
      [{ reference: ['old', 'new'] }, ['new:1', 'old:1']],
      [{ until: ['2021-01-01T00:00:00Z'] }, ['old:1']],
    ] as [Record<string, string[]>, string[]][])
      assert.deepEqual(await list(filters), expected, JSON.stringify(filters));
    await images.remove('old:1', {});
    assert.deepEqual((await images.get(old.id)).tags, [], 'a child keeps it');
    assert.deepEqual(await list({}), ['new:1', '<none>', 'mid:1,mid:2'], 'an intermediate image is not shown');
    assert.equal((await list({}, true)).length, 4, 'but with all');
    await assert.rejects(list({ nonsense: ['1'] }), { message: "invalid filter 'nonsense'" });
    await assert.rejects(list({ before: ['nothing'] }), { message: 'No such image: nothing:latest' });
    assert.equal((await images.get(dangling.id)).tags.length, 0);
  });

  describe('removes as docker rmi', () => {
    const digest = `sha256:${'1'.repeat(64)}`;
    const other = `sha256:${'2'.repeat(64)}`;
    const [running, stopped] = ['abcdef0123456789', 'fedcba9876543210'];
    interface Row {
      readonly names: readonly string[];
      readonly users?: readonly ('running' | 'stopped')[];
      readonly child?: boolean;
      readonly remove: string;
      readonly force?: boolean;
      /** What is printed; ID and CHAIN stand for the image's. */
      readonly gives: readonly string[] | string;
      readonly left?: readonly string[] | null;
    }
    const rows: Row[] = [
      { names: ['a:1'], remove: 'a:1', gives: ['Untagged: a:1', 'Deleted: ID', 'Deleted: CHAIN'], left: null },
      { names: ['a:1', 'a:2'], remove: 'a:1', gives: ['Untagged: a:1'], left: ['a:2'] },
      {
        names: ['a:1', 'b:1'],
        remove: 'ID',
        gives: 'conflict: unable to delete SHORT (must be forced) - image is referenced in multiple repositories',
        left: ['a:1', 'b:1'],
      },
      {
        names: ['a:1', 'b:1'],
        remove: 'ID',
        force: true,
        gives: ['Untagged: a:1', 'Untagged: b:1', 'Deleted: ID', 'Deleted: CHAIN'],
        left: null,
      },
      { names: ['a:1'], remove: 'SHORT', gives: ['Untagged: a:1', 'Deleted: ID', 'Deleted: CHAIN'], left: null },
      {
        names: ['a:1', `a@${digest}`],
        remove: 'a:1',
        gives: ['Untagged: a:1', `Untagged: a@${digest}`, 'Deleted: ID', 'Deleted: CHAIN'],
        left: null,
      },
      { names: ['a:1', 'a:2', `a@${digest}`], remove: 'a:1', gives: ['Untagged: a:1'], left: ['a:2'] },
      {
        names: ['a:1', `a@${digest}`, `b@${digest}`],
        remove: 'a:1',
        gives: ['Untagged: a:1', `Untagged: a@${digest}`],
        left: [],
      },
      { names: ['a:1', `a@${digest}`], remove: `a@${digest}`, gives: [`Untagged: a@${digest}`], left: ['a:1'] },
      {
        names: ['a:1', `a@${digest}`, `a@${other}`],
        remove: 'ID',
        gives: ['Untagged: a:1', `Untagged: a@${digest}`, `Untagged: a@${other}`, 'Deleted: ID', 'Deleted: CHAIN'],
        left: null,
      },
      {
        names: ['a:1'],
        users: ['running'],
        remove: 'a:1',
        gives: `conflict: unable to remove repository reference "a:1" (must force) - container ${shortId(running)} is using its referenced image SHORT`,
        left: ['a:1'],
      },
      {
        names: ['a:1'],
        users: ['stopped'],
        remove: 'a:1',
        gives: `conflict: unable to remove repository reference "a:1" (must force) - container ${shortId(stopped)} is using its referenced image SHORT`,
        left: ['a:1'],
      },
      {
        names: ['a:1'],
        users: ['stopped'],
        remove: 'a:1',
        force: true,
        gives: ['Untagged: a:1', 'Deleted: ID', 'Deleted: CHAIN'],
        left: null,
      },
      { names: ['a:1'], users: ['running'], remove: 'a:1', force: true, gives: ['Untagged: a:1'], left: [] },
      { names: ['a:1', 'b:1'], users: ['running'], remove: 'a:1', gives: ['Untagged: a:1'], left: ['b:1'] },
      {
        names: ['a:1'],
        users: ['running'],
        remove: 'ID',
        gives: `conflict: unable to delete SHORT (cannot be forced) - image is being used by running container ${shortId(running)}`,
        left: ['a:1'],
      },
      {
        names: ['a:1'],
        users: ['stopped', 'running'],
        remove: 'ID',
        force: true,
        gives: `conflict: unable to delete SHORT (cannot be forced) - image is being used by running container ${shortId(running)}`,
        left: ['a:1'],
      },
      {
        names: ['a:1'],
        users: ['stopped'],
        remove: 'ID',
        gives: `conflict: unable to delete SHORT (must be forced) - image is being used by stopped container ${shortId(stopped)}`,
        left: ['a:1'],
      },
      {
        names: ['a:1'],
        users: ['stopped'],
        remove: 'ID',
        force: true,
        gives: ['Untagged: a:1', 'Deleted: ID', 'Deleted: CHAIN'],
        left: null,
      },
      { names: [], remove: 'ID', gives: ['Deleted: ID', 'Deleted: CHAIN'], left: null },
      { names: ['a:1'], child: true, remove: 'a:1', gives: ['Untagged: a:1'], left: [] },
      {
        names: [],
        child: true,
        remove: 'ID',
        force: true,
        gives: 'conflict: unable to delete SHORT (cannot be forced) - image has dependent child images',
        left: [],
      },
      {
        names: ['a:1'],
        child: true,
        remove: 'ID',
        gives: 'conflict: unable to delete SHORT (cannot be forced) - image has dependent child images',
        left: ['a:1'],
      },
      { names: ['a:1'], remove: 'a:2', gives: 'No such image: a:2', left: ['a:1'] },
    ];
    for (const row of rows)
      it(`${row.names.join(' ').replaceAll(/([12])\1{63}/g, '$1') || 'no name'}${row.users === undefined ? '' : ` used by ${row.users.join()}`}${row.child === true ? ' with a child' : ''}: rmi ${row.force === true ? '-f ' : ''}${row.remove.slice(0, 20)}`, async () => {
        const image = await putImage(images.store, { names: row.names, layers: [{ f: 'content' }] });
        box.users.set(
          image.id,
          (row.users ?? []).map((state) => ({
            id: state === 'running' ? running : stopped,
            running: state === 'running',
          })),
        );
        if (row.child === true)
          await putImage(images.store, {
            names: ['child'],
            layers: [{ f: 'content' }, { g: 'more' }],
            parent: image.id,
          });
        const fill = (text: string): string =>
          text
            .replace('SHORT', shortId(image.id))
            .replace('ID', image.id)
            .replace('CHAIN', image.chainId ?? '');
        const removing = images.remove(fill(row.remove), { force: row.force ?? false });
        if (typeof row.gives === 'string') await assert.rejects(removing, { message: fill(row.gives) });
        else
          assert.deepEqual(
            (await removing).map((one) =>
              one.Untagged === undefined ? `Deleted: ${one.Deleted}` : `Untagged: ${one.Untagged}`,
            ),
            row.gives.map(fill),
          );
        if (row.left === null) await assert.rejects(images.get(image.id), /No such image/);
        else assert.deepEqual((await images.get(image.id)).tags, row.left ?? []);
        if (row.left === null)
          assert.deepEqual(
            box.files().filter((path) => /blobs|layers\/|images\//.test(path)),
            [],
          );
        const again = await box.open();
        assert.deepEqual(again.problems, []);
        assert.deepEqual(
          (await again.list({ all: true })).map(({ tags }) => tags),
          (await images.list({ all: true })).map(({ tags }) => tags),
        );
      });

    it('takes parents without names along, unless told not to', async () => {
      const parent = await putImage(images.store, { layers: [{ a: '1' }] });
      const child = await put('child', { layers: [{ a: '1' }, { b: '2' }], parent: parent.id });
      assert.deepEqual(
        (await images.remove('child', {})).map(({ Deleted: id }) => id),
        [undefined, child.id, child.chainId, parent.id, parent.chainId],
      );
      assert.deepEqual(box.events, [`untag ${child.id}`, `delete ${child.id}`, `delete ${parent.id}`]);
      const kept = await putImage(images.store, { layers: [{ a: '1' }] });
      await put('child', { layers: [{ a: '1' }, { b: '2' }], parent: kept.id });
      await images.remove('child', { noPrune: true });
      assert.equal((await images.get(kept.id)).id, kept.id);
    });

    it('leaves layers that another image or a container stands on, until that goes', async () => {
      const one = await put('one', { layers: [{ a: '1' }, { b: '2' }] });
      const two = await put('two', { layers: [{ a: '1' }, { c: '3' }] });
      assert.deepEqual((await images.remove('one', {})).at(-1), { Deleted: one.chainId });
      assert.equal(await images.layersSize(), 2, 'the shared layer stays');
      await images.prepareSnapshot('container', two);
      assert.deepEqual(
        (await images.remove('two', { force: true })).map(({ Deleted: id }) => id),
        [undefined, two.id],
      );
      assert.equal(await images.layersSize(), 2, "the container's layers stay");
      await images.collectGarbage();
      const { lower } = await images.snapshot('container');
      assert.ok(
        lower.every((directory) => existsSync(directory)),
        'they are on the disk',
      );
      await images.removeSnapshot('container');
      assert.equal(await images.layersSize(), 0);
      assert.deepEqual(
        box.files().filter((path) => /blobs|layers\/|snapshots\//.test(path)),
        [],
      );
    });
  });

  it('prunes what nobody needs, and only that', async () => {
    const dangling = await putImage(images.store, { layers: [{ d: 'dangling' }] });
    const labelled = await putImage(images.store, { layers: [{ d: 'x' }], config: { Labels: { keep: 'yes' } } });
    const used = await put('used', { layers: [{ u: 'used' }] });
    const free = await put('free', { layers: [{ f: 'free' }] });
    box.users.set(used.id, [{ id: '1', running: false }]);
    assert.deepEqual(await images.prune({ 'label!': ['keep'] }), {
      deleted: [{ Deleted: dangling.id }, { Deleted: dangling.chainId }],
      reclaimed: 8,
    });
    assert.deepEqual((await images.prune({ until: ['2000-01-01'] })).deleted, []);
    assert.deepEqual((await images.prune({})).deleted, [{ Deleted: labelled.id }, { Deleted: labelled.chainId }]);
    const all = await images.prune({ dangling: ['false'] });
    assert.deepEqual(all.deleted, [{ Untagged: 'free:latest' }, { Deleted: free.id }, { Deleted: free.chainId }]);
    assert.deepEqual(
      (await images.list()).map(({ id }) => id),
      [used.id],
    );
    assert.equal(box.events.filter((event) => event.startsWith('prune')).length, 4);
    await assert.rejects(images.prune({ before: ['x'] }), { message: "invalid filter 'before'" });
    const two = await Promise.allSettled([images.prune({}), images.prune({})]);
    assert.equal((two[1] as PromiseRejectedResult).reason.message, 'a prune operation is already running');
  });

  it('takes nothing in that is not what it says (I03), and leaves nothing of it', async () => {
    const wanted = await newImage({ names: ['x'], layers: [{ a: '1' }, { b: '2' }] });
    const config = JSON.parse(Buffer.from(wanted.config).toString()) as { rootfs: { diff_ids: string[] } };
    config.rootfs.diff_ids.reverse();
    const flipped = { ...wanted, config: Buffer.from(JSON.stringify(config)) };
    const [first] = wanted.layers;
    const broken = {
      ...first!,
      open: async function* () {
        yield Buffer.from('not what the digest says');
      },
    };
    const dead = {
      ...first!,
      open: async function* () {
        yield Buffer.from('x');
        throw new Error('the line went dead');
      },
    };
    for (const [image, why] of [
      [flipped, /layers from manifest don't match image configuration/],
      [{ ...wanted, layers: wanted.layers.slice(1) }, /layers length mismatch: expected 1, got 2/],
      [{ ...wanted, layers: [broken, ...wanted.layers.slice(1)] }, /content is 24 bytes, expected/],
      [{ ...wanted, layers: [dead, ...wanted.layers.slice(1)] }, /went dead/],
      [{ ...wanted, layers: wanted.layers.map(({ descriptor }) => ({ descriptor })) }, /not found/],
      [
        { ...wanted, config: Buffer.from(Buffer.from(wanted.config).toString().replace('"linux"', '"windows"')) },
        /operating system "windows" cannot be used/,
      ],
      [{ ...wanted, config: Buffer.from('{}') }, /rootfs is missing/],
    ] as const) {
      await assert.rejects(images.store.registerImage(image), why);
      assert.deepEqual(await images.list({ all: true }), []);
      await images.collectGarbage();
      assert.deepEqual(
        box.files().filter((path) => /blobs|ingest|layers|incomplete|images\//.test(path)),
        [],
      );
    }
  });

  it('takes overlapping images in at once, again and again, while others go (I08)', { timeout: 600_000 }, async () => {
    const layer = (n: number): Record<string, string> => ({ [`f${n}`]: `${n}`.repeat(1000) });
    for (let round = 0; round < 4; round++) {
      const wishes = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          newImage({
            names: [`p${i % 4}:t`],
            layers: [layer(1), layer(2), layer(3 + (i % 3))],
            created: `202${i % 4}-01-01T00:00:00Z`,
          }),
        ),
      );
      await Promise.all([
        ...wishes.map((wish) => images.store.registerImage(wish)),
        images.collectGarbage(),
        images.remove('p0:t', { force: true }).catch((error: Error) => assert.match(error.message, /No such image/)),
        images.prune({ dangling: ['false'] }).then(({ deleted }) => assert.ok(Array.isArray(deleted), 'it answers')),
      ]);
      const listed = await images.list({ all: true });
      for (const image of listed)
        for (const { directory } of await images.layersOf(image))
          assert.ok(existsSync(directory), `${directory} is there`);
      const again = await box.open();
      assert.deepEqual(again.problems, []);
    }
    assert.equal(images.store.content.leases.open, 0, 'all leases were given back');
  });

  it('commits a writable layer as one more layer', async () => {
    const base = await put('base', { layers: [{ 'etc/a': 'a', 'etc/gone': 'g', keep: 'k' }] });
    const { upper, lower, work, merged } = await images.prepareSnapshot('c1', base);
    mkdirSync(merged, { recursive: true });
    execFileSync('mount', [
      '-t',
      'overlay',
      'overlay',
      '-o',
      `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`,
      merged,
    ]);
    try {
      rmSync(join(merged, 'etc/gone'));
      writeFileSync(join(merged, 'etc/a'), 'changed');
      writeFileSync(join(merged, 'new'), 'new');
      assert.deepEqual(await images.changes('c1'), [
        { Path: '/etc', Kind: 0 },
        { Path: '/etc/a', Kind: 0 },
        { Path: '/etc/gone', Kind: 2 },
        { Path: '/new', Kind: 1 },
      ]);
      const options = {
        image: base,
        config: { Cmd: ['sh'] },
        createdBy: 'sh -c x',
        author: 'me',
        message: 'why',
        reference: 'mine:1',
      };
      const image = await images.commit({ ...options, upper });
      assert.deepEqual([image.tags, image.parent, image.config.author], [['mine:1'], base.id, 'me']);
      const { created, ...entry } = image.config.history?.at(-1) ?? {};
      assert.deepEqual(entry, { created_by: 'sh -c x', author: 'me', comment: 'why' });
      assert.equal(image.config.rootfs.diff_ids.length, 2);
      assert.deepEqual(readdirSync(tree(image)).sort(), ['etc', 'new']);
      assert.ok(Math.abs(Date.parse(created ?? '') - Date.now()) < 60_000, 'it was made now');
      const empty = await images.commit({ ...options, upper: null });
      assert.deepEqual(
        [empty.config.rootfs.diff_ids, empty.config.history?.at(-1)?.empty_layer],
        [base.config.rootfs.diff_ids, true],
      );
      assert.deepEqual((await images.get(image.id)).tags, [], 'the tag moved: the one before dangles');
      const nothing = await images.prepareSnapshot('c2', base);
      const unchanged = await images.commit({ ...options, upper: nothing.upper });
      assert.equal(unchanged.chainId, base.chainId, 'a container that changed nothing adds no layer');
      assert.deepEqual(box.events.filter((event) => event.startsWith('tag')).length, 3);
      await assert.rejects(images.commit({ ...options, upper: null, reference: 'X' }), /must be lowercase/);
    } finally {
      execFileSync('umount', [merged]);
    }
  });

  it('drops an image of which something is missing, and says so', async () => {
    const [good, bad] = [await put('good'), await put('bad')];
    const [{ digest } = assert.fail('it has no layer')] = images.store.record(bad.id).layers;
    rmSync(images.store.content.path(digest));
    writeFileSync(join(box.root, 'image/images', `${'0'.repeat(64)}.json`), '{"id": 1}');
    const again = await box.open();
    assert.deepEqual(
      (await again.list({ all: true })).map(({ id }) => id),
      [good.id],
    );
    assert.equal(again.problems.length, 2);
    assert.match(again.problems.join(), new RegExp(`${bad.id} is not complete: content ${digest} is missing`));
    assert.deepEqual((await box.open()).problems, [], 'once is enough');
  });

  describe('the base image', () => {
    const quiet = { progress: () => undefined };

    it('is there at first use, says what it is, and runs', async () => {
      images = await openImages({ root: box.root });
      const [base, ...others] = await images.list();
      assert.deepEqual([base?.tags, others], [['busybox:latest'], []]);
      assert.match(base?.config.history?.at(-1)?.comment ?? '', /busybox made on this machine of BusyBox v/);
      assert.deepEqual(base?.config.config?.Cmd, ['sh']);
      const root = tree(base!);
      const script =
        'test "$(ls -l /bin/[ | wc -l)" = 1 && stat -c "%a %u" /tmp /root /home /etc/shadow && id -un && which env';
      assert.deepEqual(
        execFileSync('chroot', [root, '/bin/sh', '-c', script], {
          encoding: 'utf8',
          env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
        }).split('\n'),
        ['1777 0', '700 0', '755 65534', '640 0', 'root', '/usr/bin/env', ''],
      );
    });

    it('is the same bytes for the same machine', async () => {
      const other = new ImageBox();
      try {
        const [one, two] = [await openImages({ root: box.root }), await openImages({ root: other.root })];
        for (const name of ['busybox', 'nginx:alpine'])
          assert.equal((await one.get(name)).id, (await two.get(name)).id);
      } finally {
        other.remove();
      }
    });

    it('is made again by a pull only, once it was removed', async () => {
      images = await openImages({ root: box.root });
      const { id } = await images.get('busybox');
      await images.remove('busybox', {});
      await assert.rejects(images.get('busybox'), { message: 'No such image: busybox:latest' });
      assert.deepEqual(await images.list(), []);
      const lines: string[] = [];
      const again = await images.pull('busybox', { progress: ({ status }) => void lines.push(status ?? '') });
      assert.equal(again.id, id, 'the sandbox has no network');
      assert.match(lines.join(), /No registry can be reached: making busybox:latest of this machine's programs/);
      await assert.rejects(images.pull('busybox:1.36', quiet), /registry-1\.docker\.io/);
    });

    it('is below the stand-ins, which say what they stand for', async () => {
      images = await openImages({ root: box.root });
      const base = await images.get('busybox');
      for (const [name, label] of [
        ['ajinwu/httpd:v1.1', /in place of ajinwu\/httpd:v1\.1; made on this machine/],
        ['nginx', /in place of nginx; made on this machine/],
        ['nginx:stable', /in place of nginx/],
      ] as const) {
        const image = await images.get(name);
        assert.match(image.config.config?.Labels?.['io.glassbox.stand-in'] ?? '', label);
        assert.equal(image.config.rootfs.diff_ids[0], base.config.rootfs.diff_ids[0], 'one base for all');
      }
      await assert.rejects(images.get('nginx:1.99'), { message: 'No such image: nginx:1.99' });
      await assert.rejects(images.get('ajinwu/httpd'), { message: 'No such image: ajinwu/httpd:latest' });
    });

    it("has this machine's stress-ng with its libraries", async (context) => {
      if (findProgram('stress-ng') === null) return context.skip('not installed here: stress-ng');
      images = await openImages({ root: box.root });
      const stress = await images.prepareSnapshot('stress', await images.get('lorel/docker-stress-ng'));
      images.store.snapshots.mount('stress');
      try {
        const said = (word: string[]): string =>
          execFileSync('chroot', [stress.merged, '/usr/bin/stress-entrypoint', ...word, '--version'], {
            encoding: 'utf8',
            env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
          });
        assert.match(said([]), /^stress-ng, version/);
        assert.equal(said(['stress']), said([]), 'the word of 2014 is dropped');
      } finally {
        execFileSync('umount', [stress.merged]);
      }
    });

    it('is told to be impossible where there is no busybox', async () => {
      await assert.rejects(findBusybox(['/nonexistent/busybox']), {
        code: 'FailedPrecondition',
        message: 'this machine has no busybox to make the image of; install it with: apt-get install busybox-static',
      });
      await assert.rejects(findBusybox(['/bin/true']), /does not say that it is BusyBox/);
    });
  });

  it('keeps the images when the file of their names is damaged', async () => {
    const image = await put('named');
    const path = join(box.root, 'image/repositories.json');
    writeFileSync(path, '{"docker.io/library/named:latest": ');
    const again = await box.open();
    assert.match(again.problems.join(), /names of images are lost/);
    assert.deepEqual((await again.get(image.id)).tags, []);
    await again.tag(image.id, 'named');
    assert.deepEqual((await box.open()).problems, []);
    assert.ok(existsSync(`${path}.damaged`), 'what was there is kept');
  });

  it('shows its directories to root only (CVE-2024-25621)', async () => {
    await put('x');
    for (const path of ['image', 'image/blobs', 'image/blobs/sha256', 'image/images', 'image/repositories.json'])
      execFileSync('sh', ['-c', `test -z "$(find '${join(box.root, path)}' -maxdepth 0 -perm /077)"`]);
  });

  it('ends with typed errors only', async () => {
    for (const act of [
      () => images.get('x'),
      () => images.snapshot('x'),
      () => images.removeSnapshot('x'),
      () => images.usage('x'),
    ])
      await assert.rejects(act(), (error) => error instanceof EngineError && error.code === 'NotFound');
  });
}
