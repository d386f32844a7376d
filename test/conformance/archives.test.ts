import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { importImage } from '../../engine/image/archive/index.js';
import { digestOf, hexOf } from '../../engine/image/digest.js';
import { MEDIA } from '../../engine/image/manifest.js';
import { parseReference } from '../../engine/image/reference.js';
import { whyNot } from '../helpers/docker/programs.js';
import { Place, type RealStore, ran, realStore } from '../helpers/registry/real-store.js';
import { noise, testImage, testLayer } from '../helpers/registry/test-images.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

const SKOPEO = ['--insecure-policy', '--tmpdir', '/tmp'];
const NAME = 'lab/rootfs:1';

if (!inSandbox) {
  const skip = whyNot(['skopeo', 'umoci', 'podman', 'tar', 'gzip', 'zstd', 'xz', 'bzip2']) ?? false;
  test('archives: to and from skopeo, umoci and podman', { skip, timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('archives of images', () => {
    let place: Place;
    let ours: RealStore;
    let id: string;
    /** Our archive. */
    let archive: string;

    before(async () => {
      place = new Place();
      ours = await realStore(place);
      const root = place.fresh('rootfs');
      mkdirSync(join(root, 'bin'), { recursive: true });
      writeFileSync(join(root, 'bin/noise'), noise(200_000));
      symlinkSync('bin/noise', join(root, 'link'));
      const tar = place.fresh('rootfs.tar');
      ran('tar', ['-C', root, '-cf', tar, '.']);
      const stream = async function* (): AsyncGenerator<Uint8Array> {
        yield readFileSync(tar);
      };
      const image = await importImage(ours.store, stream(), {
        reference: NAME,
        message: 'made by a test',
        changes: ['CMD ["/bin/noise"]', 'ENV A=b'],
      });
      id = image.id;
      archive = place.fresh('ours.tar');
      await ours.saveTo(archive, NAME);
    });
    after(() => place.remove());

    /** Load a file into an empty store: the image has the content that was imported, under these names. */
    async function loads(file: string, what: string, tags: readonly string[]): Promise<void> {
      const theirs = await realStore(place);
      const [image] = await theirs.loadFrom(file);
      assert.ok(image !== undefined, what);
      assert.deepEqual(image.tags, tags, what);
      assert.deepEqual(image.config.config?.Cmd, ['/bin/noise'], what);
      const directory = theirs.store.snapshots.directoryOf(image.chainId!);
      assert.deepEqual(readFileSync(join(directory, 'link')), noise(200_000), what);
    }

    test('our archive: what Docker 25 and newer write', () => {
      const names = ran('tar', ['tf', archive]).trim().split('\n');
      assert.deepEqual(
        names.filter((name) => !/^blobs\/sha256\/[0-9a-f]{64}$/.test(name)),
        ['blobs/', 'blobs/sha256/', 'index.json', 'manifest.json', 'oci-layout', 'repositories'],
      );
      const read = (name: string): unknown => JSON.parse(ran('tar', ['xOf', archive, name]));
      const [item] = read('manifest.json') as [{ Config: string; RepoTags: string[]; Layers: string[] }];
      assert.deepEqual(item.RepoTags, [NAME]);
      assert.equal(item.Config, `blobs/sha256/${id.slice(7)}`);
      const index = read('index.json') as { manifests: { annotations: Record<string, string> }[] };
      assert.deepEqual(index.manifests[0]?.annotations, {
        'io.containerd.image.name': 'docker.io/lab/rootfs:1',
        'org.opencontainers.image.ref.name': '1',
      });
      assert.deepEqual(read('repositories'), { 'lab/rootfs': { '1': item.Layers[0]?.split('/')[2] } });
      for (const name of names.filter((one) => /[0-9a-f]{64}$/.test(one))) {
        const file = place.fresh('blob');
        ran('sh', ['-c', `tar xOf "$1" "$2" > "$3"`, 'sh', archive, name, file]);
        assert.equal(hexOf(digestOf(readFileSync(file))), name.split('/')[2], 'a blob is not what its name says');
      }
    });

    test('the same image gives the same archive, and what two images share is there once', async () => {
      const again = place.fresh('again.tar');
      await ours.saveTo(again, NAME);
      assert.equal(digestOf(readFileSync(again)), digestOf(readFileSync(archive)));
      const shared = testLayer({ shared: 'x' }, MEDIA.layer);
      for (const name of ['one', 'two']) {
        const image = testImage([shared, testLayer({ own: name }, MEDIA.layer)]);
        for (const { blob } of image.layers) await ours.store.content.put(blob);
        await ours.store.registerImage({ config: image.config, layers: image.layers });
        await ours.store.putReference(parseReference(`many/${name}:1`), image.id);
      }
      const both = place.fresh('both.tar');
      await ours.saveTo(both, 'many/one', 'many/two:1', id);
      const names = ran('tar', ['tf', both]).trim().split('\n');
      assert.equal(new Set(names).size, names.length, 'a name is there twice');
      const items = JSON.parse(ran('tar', ['xOf', both, 'manifest.json'])) as { RepoTags: string[] | null }[];
      assert.deepEqual(
        items.map(({ RepoTags }) => RepoTags),
        [['many/one:1'], ['many/two:1'], null],
      );
      const theirs = await realStore(place);
      assert.equal((await theirs.loadFrom(both)).length, 3);
      for (const [name, message] of [
        ['nosuch:1', 'reference does not exist'],
        ['nosuch', 'No such image: nosuch'],
      ] as const)
        await assert.rejects(ours.saveTo(place.fresh(), name), { code: 'NotFound', message });
    });

    test('plain, gzip, zstd, xz, bzip2; and what is said', async () => {
      await loads(archive, 'plain', [NAME]);
      for (const program of ['gzip', 'zstd', 'xz', 'bzip2']) {
        const file = place.fresh(program);
        ran('sh', ['-c', `${program} -q -c "$1" > "$2"`, 'sh', archive, file]);
        await loads(file, program, [NAME]);
        writeFileSync(`${file}.cut`, readFileSync(file).subarray(0, 100_000));
        await assert.rejects((await realStore(place)).loadFrom(`${file}.cut`), { code: 'DataLoss' }, program);
      }
      const theirs = await realStore(place);
      await theirs.loadFrom(archive);
      assert.equal(theirs.text().at(-1), `Loaded image: ${NAME}`);
      assert.ok(
        theirs.text().some((row) => row.endsWith(': Loading layer')),
        theirs.text().join('\n'),
      );
      const nameless = place.fresh('nameless.tar');
      await ours.saveTo(nameless, id);
      theirs.lines.length = 0;
      await theirs.loadFrom(nameless);
      assert.deepEqual(theirs.text(), [`Loaded image ID: ${id}`]);
    });

    test('skopeo reads ours, both as what it is to Docker and to OCI; we read what it writes', async () => {
      for (const kind of ['docker-archive', 'oci-archive']) {
        const seen = JSON.parse(ran('skopeo', [...SKOPEO, 'inspect', '--config', `${kind}:${archive}`])) as {
          config: { Env: string[] };
        };
        assert.deepEqual(seen.config.Env, ['A=b'], kind);
        for (const flags of [[], ['--dest-compress']]) {
          const file = place.fresh(kind);
          ran('skopeo', [...SKOPEO, 'copy', ...flags, `docker-archive:${archive}`, `${kind}:${file}:copied/it:2`]);
          await loads(file, `${kind} ${flags.join(' ')}`, ['copied/it:2']);
        }
      }
    });

    test('umoci unpacks ours; we read what it makes of it', async () => {
      const layout = place.fresh('layout');
      ran('skopeo', [...SKOPEO, 'copy', `oci-archive:${archive}`, `oci:${layout}:1`]);
      const bundle = place.fresh('bundle');
      ran('umoci', ['unpack', '--image', `${layout}:1`, bundle]);
      assert.deepEqual(readFileSync(join(bundle, 'rootfs/bin/noise')), noise(200_000));
      ran('umoci', ['config', '--image', `${layout}:1`, '--tag', '2', '--config.env', 'A=c']);
      const file = place.fresh('umoci.tar');
      ran('umoci', ['rm', '--image', `${layout}:1`]);
      ran('tar', ['-C', layout, '-cf', file, '.']);
      await loads(file, 'umoci', []);
    });

    test('podman loads ours; we load what it saves', async () => {
      const at = place.fresh('podman');
      const podman = (...args: string[]): string =>
        ran(
          'podman',
          [
            '--root',
            `${at}/root`,
            '--runroot',
            `${at}/run`,
            '--tmpdir',
            `${at}/tmp`,
            '--storage-driver',
            'vfs',
            '--events-backend',
            'file',
            ...args,
          ],
          { TMPDIR: place.path },
        );
      assert.match(podman('load', '-i', archive), /Loaded image.*: .*lab\/rootfs:1/);
      podman('tag', NAME, 'docker.io/pod/man:3');
      for (const format of ['docker-archive', 'oci-archive']) {
        const file = place.fresh(format);
        podman('save', '-q', '--format', format, '-o', file, 'docker.io/pod/man:3');
        await loads(file, `podman's ${format}`, ['pod/man:3']);
      }
    });

    test('an old archive: a directory for each layer, a link for one that is there already', async () => {
      const directory = place.fresh('old');
      const layers = [
        testLayer({ a: '1' }, MEDIA.layer),
        testLayer({ b: '2' }, MEDIA.layer),
        testLayer({ a: '1' }, MEDIA.layer),
      ];
      const image = testImage(layers);
      for (const [index, { tar }] of layers.entries()) {
        mkdirSync(join(directory, `layer${index}`), { recursive: true });
        if (index < 2) writeFileSync(join(directory, `layer${index}`, 'layer.tar'), tar);
        else symlinkSync('../layer0/layer.tar', join(directory, 'layer2', 'layer.tar'));
        writeFileSync(join(directory, `layer${index}`, 'VERSION'), '1.0');
        writeFileSync(join(directory, `layer${index}`, 'json'), '{}');
      }
      const config = `${hexOf(image.id)}.json`;
      writeFileSync(join(directory, config), image.config);
      const item = {
        Config: config,
        RepoTags: ['old/one:1'],
        Layers: layers.map((_, index) => `layer${index}/layer.tar`),
      };
      writeFileSync(join(directory, 'manifest.json'), JSON.stringify([item]));
      const file = place.fresh('old.tar');
      ran('tar', ['-C', directory, '-cf', file, '.']);
      const theirs = await realStore(place);
      const [loaded] = await theirs.loadFrom(file);
      assert.equal(loaded?.id, image.id);
      renameSync(file, `${file}.done`);
      rmSync(directory, { recursive: true });
    });
  });
}
