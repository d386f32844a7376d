import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chainIds } from '../../engine/image/digest.js';
import { applyLayer } from '../../engine/image/layer/apply.js';
import { archiveTree } from '../../engine/image/layer/archive-tree.js';
import { changesOf } from '../../engine/image/layer/changes.js';
import { diffLayer } from '../../engine/image/layer/diff.js';
import type { ApplyOptions } from '../../engine/image/layer/types.js';
import { mountSnapshot, unmountSnapshot } from '../../engine/image/snapshot/mount.js';
import { SnapshotStore } from '../../engine/image/snapshot/store.js';
import { MAX_LAYERS } from '../../engine/image/snapshot/types.js';
import type { Digest } from '../../engine/image/types.js';
import { FSCONFIG } from '../../engine/kernel/constants.js';
import { type Kernel, realKernel } from '../../engine/kernel/kernel.js';
import { archive, collect, dir, file, hardlink, inPieces, symlink } from '../helpers/image-tar.js';
import { treeOf, xattrsOf } from '../helpers/image-tree.js';
import { asRootOfUserNamespace } from '../helpers/image-userns.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const inUserNamespace = process.env['GLASSBOX_TEST_USERNS'] === '1';
const userxattr = inUserNamespace;

if (!inSandbox) {
  test('layers and snapshots, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  const inDirectory = async (use: (directory: string) => Promise<void>): Promise<void> => {
    const directory = mkdtempSync(join(tmpdir(), 'glassbox-layers-'));
    try {
      await use(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  const apply = (tar: Uint8Array, target: string, options: ApplyOptions = {}) =>
    applyLayer(inPieces(tar, 10_000), target, { userxattr, ...options });

  /** A store with layers made of these archives, lowest first. */
  const storeOf = async (root: string, ...layers: Buffer[]): Promise<{ store: SnapshotStore; top: Digest }> => {
    const store = await SnapshotStore.open({ root, userxattr });
    const chain: Digest[] = [];
    let top: Digest | null = null;
    for (const tar of layers) {
      const scratch = mkdtempSync(join(root, 'scratch-'));
      const { diffId } = await apply(tar, scratch);
      rmSync(scratch, { recursive: true });
      chain.push(diffId);
      const chainId = chainIds(chain).at(-1) as Digest;
      const draft = await store.prepareLayer(chainId, top);
      const made = await apply(tar, draft.directory, { lower: draft.lower });
      assert.equal(made.diffId, diffId);
      await store.commitLayer(draft, { diffId });
      top = chainId;
    }
    return { store, top: top as Digest };
  };

  const mounted = async (store: SnapshotStore, top: Digest, use: (merged: string, upper: string) => Promise<void>) => {
    const snapshot = await store.prepareSnapshot('test', top, { bare: true });
    store.mount('test');
    try {
      await use(snapshot.merged, snapshot.upper);
    } finally {
      await store.removeSnapshot('test');
    }
  };

  const noDevices = inUserNamespace ? '' : 'mknod dev c 1 3; mknod blk b 7 1; mknod ovl c 5 0;';
  const BUSY = `set -e; umask 022; mkdir -p a/b/c 'odd name' sticky; chmod 1777 sticky; chmod 2750 a/b
    echo one > a/one; ln a/one a/b/again; ln -s ../a/one a/link; ln -s /nowhere broken; ln broken broken-too
    printf 'x\\377y' > "$(printf 'not-utf8-\\377')"; mkfifo pipe; ${noDevices}
    truncate -s 3000000 sparse; printf end >> sparse; printf '%0200d' 7 > ${'n'.repeat(200)}
    echo suid > suid; chmod 4755 suid; ${inUserNamespace ? '' : 'chown 1234:4321 suid a/b; chmod 6755 suid;'}
    mkdir -p ${'deep/'.repeat(12)}; echo d > ${'deep/'.repeat(12)}end
    touch -h -d '2001-02-03 04:05:06.123456789' a/one a/link sparse pipe; touch -d '1969-01-01' suid
    touch -d '2010-10-10 10:10:10.5' a a/b 'odd name'`;

  const gnuTree = (directory: string): void => {
    execFileSync('sh', ['-c', BUSY], { cwd: directory });
    execFileSync('python3', ['-c', 'import os; os.setxattr("a/one", "user.note", b"\\x00\\xffx=y\\n")'], {
      cwd: directory,
    });
    if (!inUserNamespace) execFileSync('setcap', ['cap_net_raw=ep', join(directory, 'suid')]);
  };

  for (const format of [
    'gnu',
    'pax --sparse --sparse-version=0.0',
    'pax --sparse --sparse-version=0.1',
    'pax --sparse',
    'gnu --sparse',
  ])
    test(`GNU tar --format=${format} writes, we read`, () =>
      inDirectory(async (top) => {
        mkdirSync(join(top, 'from'));
        mkdirSync(join(top, 'to'));
        gnuTree(join(top, 'from'));
        const [name = '', ...more] = format.split(' ');
        const words = [`--format=${name}`, ...more, '--sort=name', '--xattrs', '--xattrs-include=*'];
        const tar = execFileSync(
          'tar',
          [...(name === 'gnu' ? words.filter((word) => !word.startsWith('--xattrs')) : words), '-cf', '-', '.'],
          {
            cwd: join(top, 'from'),
            maxBuffer: 1 << 28,
          },
        );
        const done = await apply(tar, join(top, 'to'));
        assert.deepEqual(done.skipped, []);
        // whole seconds are all that GNU's own format knows
        const cut = (lines: string[]): string[] =>
          name === 'gnu'
            ? lines.map((line) => line.replace(/(\d{9}) /, (digits) => (digits.length === 10 ? '* ' : digits)))
            : lines;
        const strip = (lines: string[]): string[] =>
          name === 'gnu' ? cut(lines).map((line) => line.replace(/ -?\d+\*? /g, ' ')) : lines;
        assert.deepEqual(strip(treeOf(join(top, 'to'))), strip(treeOf(join(top, 'from'))));
        if (name === 'pax') assert.deepEqual(xattrsOf(join(top, 'to')), xattrsOf(join(top, 'from')));
      }));

  test('we write, GNU tar reads', () =>
    inDirectory(async (top) => {
      mkdirSync(join(top, 'from'));
      mkdirSync(join(top, 'to'));
      gnuTree(join(top, 'from'));
      const tar = await collect(archiveTree(join(top, 'from')));
      execFileSync('tar', ['-xpf', '-', '--xattrs', '--xattrs-include=*', '--numeric-owner'], {
        cwd: join(top, 'to'),
        input: tar,
      });
      assert.deepEqual(treeOf(join(top, 'to')), treeOf(join(top, 'from')));
      assert.deepEqual(xattrsOf(join(top, 'to')), xattrsOf(join(top, 'from')));
      assert.ok((await collect(archiveTree(join(top, 'from')))).equals(tar), 'the same tree gives other bytes');
    }));

  test('a layer and its own diff are the same', () =>
    inDirectory(async (top) => {
      for (const name of ['from', 'one', 'two']) mkdirSync(join(top, name));
      gnuTree(join(top, 'from'));
      const layer = Buffer.concat([
        (await collect(archiveTree(join(top, 'from')))).subarray(0, -1024),
        archive(
          dir('opaque', { mtime: 5n }),
          file('opaque/.wh..wh..opq'),
          file('opaque/kept', 'k'),
          file('.wh.gone', ''),
        ),
      ]);
      await apply(layer, join(top, 'one'));
      const diff = await collect(diffLayer(join(top, 'one'), { userxattr }));
      await apply(diff, join(top, 'two'));
      assert.deepEqual(treeOf(join(top, 'two')), treeOf(join(top, 'one')));
      assert.deepEqual(xattrsOf(join(top, 'two')), xattrsOf(join(top, 'one')));
      assert.ok(
        (await collect(diffLayer(join(top, 'two'), { userxattr }))).equals(diff),
        'the diff of the diff differs',
      );
    }));

  test('whiteouts and opaque directories, in any order, seen through overlay', () =>
    inDirectory(async (root) => {
      const lower = archive(
        dir('kept', { mode: 0o700, mtime: 99n }),
        file('kept/a', 'a'),
        file('kept/b', 'b'),
        dir('emptied'),
        file('emptied/old', 'o'),
        dir('again'),
        file('again/old', 'o'),
        file('file', 'f'),
        dir('both'),
        file('both/old', 'o'),
        dir('late'),
        file('late/old', 'o'),
      );
      const upper = archive(
        file('kept/.wh.b'),
        file('emptied/.wh..wh..opq'),
        file('emptied/new', 'n'),
        file('.wh.again'),
        dir('again'),
        file('again/new', 'n'),
        dir('both'),
        file('both/new', 'n'),
        file('.wh.both'),
        dir('late'),
        file('late/new', 'n'),
        file('late/.wh..wh..opq'),
        file('.wh.file'),
        file('.wh.never-there'),
        file('.wh..wh.plnk', 'aufs'),
      );
      const { store, top } = await storeOf(root, lower, upper);
      await mounted(store, top, async (merged, writable) => {
        const names = treeOf(merged).map((line) => line.split(' ')[0]);
        assert.deepEqual(names, [
          'again',
          'again/new',
          'both',
          'both/new',
          'emptied',
          'emptied/new',
          'kept',
          'kept/a',
          'late',
          'late/new',
        ]);
        // a directory that the layer took for granted is as it is below
        assert.equal(lstatSync(join(merged, 'kept')).mode & 0o777, 0o700);
        execFileSync(
          'sh',
          ['-c', 'rm kept/a; rm -r again; mkdir again; echo x > again/x; echo y > kept/y; touch late'],
          { cwd: merged },
        );
        const diff = await collect(diffLayer(writable, { userxattr }));
        const listed = execFileSync('tar', ['-tf', '-'], { input: diff, encoding: 'utf8' }).trim().split('\n');
        assert.deepEqual(listed, ['again/', 'again/.wh..wh..opq', 'again/x', 'kept/', 'kept/.wh.a', 'kept/y', 'late/']);
        const seen = treeOf(merged);
        const second = await storeOf(
          join(
            root,
            `second-${process.pid}`.replace(/.*/, (name) => {
              mkdirSync(join(root, name));
              return name;
            }),
          ),
          lower,
          upper,
          diff,
        );
        await mounted(second.store, second.top, async (again) => assert.deepEqual(treeOf(again), seen));
      });
    }));

  test('where no device may be made, attributes are the whiteouts', () =>
    inDirectory(async (top) => {
      const path = (name: string): string => {
        mkdirSync(join(top, name));
        return join(top, name);
      };
      const [lower, upper, writable, work, merged] = ['lower', 'layer', 'upper', 'work', 'merged'].map(path) as [
        string,
        string,
        string,
        string,
        string,
      ];
      const refusing: Kernel = {
        call: (name, ...args) =>
          name === 'mknodat' && (Number(args[2]) & 0o170000) === 0o020000 ? -1 : realKernel.call(name, ...args),
      };
      await apply(archive(dir('d'), file('d/a'), file('d/b'), file('x'), dir('o'), file('o/c')), lower);
      const layer = archive(
        file('.wh.x'),
        dir('d'),
        file('d/.wh.a'),
        dir('o'),
        file('o/.wh..wh..opq'),
        file('o/.wh.c'),
      );
      await apply(layer, upper, { kernel: refusing });
      assert.ok(lstatSync(join(upper, 'x')).isFile(), 'a device was made');
      mountSnapshot({ id: 'x', lower: [upper, lower], upper: writable, work, merged }, { userxattr });
      try {
        assert.deepEqual(
          treeOf(merged).map((line) => line.split(' ')[0]),
          ['d', 'd/b', 'o'],
        );
      } finally {
        unmountSnapshot({ merged });
      }
      const listed = execFileSync('tar', ['-tf', '-'], {
        input: await collect(diffLayer(upper, { userxattr })),
        encoding: 'utf8',
      });
      assert.deepEqual(listed.trim().split('\n'), ['d/', 'd/.wh.a', 'o/', 'o/.wh..wh..opq', '.wh.x']);
    }));

  test('a kernel that refuses a layer at a time only in the end, as Linux 6.1 does, gets them all at once', () =>
    inDirectory(async (root) => {
      const names = ['lower', 'upper', 'work', 'merged'] as const;
      const [lower, upper, work, merged] = names.map((name) => join(root, name)) as [string, string, string, string];
      for (const path of [lower, upper, work, merged]) mkdirSync(path);
      writeFileSync(join(lower, 'below'), 'x');
      let opened = 0;
      const older: Kernel = {
        call: (name, ...args) => {
          if (name === 'fsopen') opened++;
          return name === 'fsconfig' && args[1] === FSCONFIG.CMD_CREATE ? -22 : realKernel.call(name, ...args);
        },
      };
      for (let times = 0; times < 2; times++) {
        mountSnapshot({ id: 'x', lower: [lower], upper, work, merged }, { userxattr, kernel: older });
        assert.deepEqual(readdirSync(merged), ['below']);
        unmountSnapshot({ merged });
      }
      assert.equal(opened, 1, 'it is asked once');
      rmSync(lower, { recursive: true });
      assert.throws(
        () => mountSnapshot({ id: 'x', lower: [lower], upper, work, merged }, { userxattr }),
        /ENOENT|no such file/i,
        'what is really wrong is told',
      );
    }));

  test('changes are what docker diff lists', () =>
    inDirectory(async (root) => {
      const { store, top } = await storeOf(
        root,
        archive(
          dir('etc'),
          file('etc/one', '1'),
          file('etc/two', '2'),
          dir('var/lib'),
          file('var/lib/x', 'x'),
          file('plain', 'p'),
        ),
        archive(dir('etc'), file('etc/three', '3'), dir('gone'), file('gone/a', 'a'), dir('new'), symlink('l', 'etc')),
      );
      await mounted(store, top, async (merged, upper) => {
        execFileSync(
          'sh',
          [
            '-c',
            `echo more >> etc/one; rm etc/three; rm -r gone; mkdir -p add/ed; echo f > add/ed/f; chmod 700 new
             rm -r var/lib; mkdir var/lib; echo z > var/lib/z; touch -c -d '1970-01-01' plain; rm l; mkdir l; cp -p etc/two t; mv t etc/two`,
          ],
          { cwd: merged },
        );
        const lower = store.snapshot('test').lower;
        const lines = (await changesOf(upper, lower, { userxattr })).map(({ Path, Kind }) => `${'CAD'[Kind]} ${Path}`);
        assert.deepEqual(lines, [
          'A /add',
          'A /add/ed',
          'A /add/ed/f',
          'C /etc',
          'C /etc/one',
          'D /etc/three',
          'D /gone',
          'C /l',
          'C /new',
          'C /var',
          'C /var/lib',
          'D /var/lib/x',
          'A /var/lib/z',
        ]);
        const paths = readdirSync(upper, { recursive: true, encoding: 'utf8' });
        const inodes = new Set(paths.map((path) => lstatSync(join(upper, path)).ino)).size;
        assert.deepEqual(await store.usage('test'), { bytes: 12, inodes });
      });
    }));

  test(`${MAX_LAYERS} layers in one mount, by both ways; one more is refused`, () =>
    inDirectory(async (root) => {
      const long = join(root, 'a-data-directory-with-a-rather-long-name', 'as-some-people-have-it');
      mkdirSync(long, { recursive: true });
      const store = await SnapshotStore.open({ root: long, userxattr });
      let top: Digest | null = null;
      const chain: Digest[] = [];
      for (let i = 0; i < MAX_LAYERS; i++) {
        const tar = archive(file(`f${i}`, `${i}`), file('last', `${i}`));
        const { diffId } = await apply(tar, mkdtempSync(join(root, 'scratch-')));
        chain.push(diffId);
        const draft = await store.prepareLayer(chainIds(chain).at(-1) as Digest, top);
        await apply(tar, draft.directory, { lower: draft.lower });
        top = (await store.commitLayer(draft, { diffId })).chainId;
      }
      await assert.rejects(store.prepareLayer(`sha256:${'f'.repeat(64)}` as Digest, top), /max depth exceeded/);
      const { merged } = await store.prepareSnapshot('deep', top);
      for (const oneByOne of [true, false]) {
        store.mount('deep', { oneByOne });
        try {
          // its own file of each, the one that all have; dev, etc, proc, sys and .dockerenv
          assert.equal(readdirSync(merged).length, MAX_LAYERS + 1 + 5);
          assert.equal(readFileSync(join(merged, 'last'), 'utf8'), `${MAX_LAYERS - 1}`);
          writeFileSync(join(merged, 'f0'), 'changed');
        } finally {
          store.unmount('deep');
        }
      }
      await store.removeSnapshot('deep');
      assert.equal(store.chainOf(top as Digest).length, MAX_LAYERS);
    }));

  test('who stands on a layer keeps it; removed is removed; a second draft loses', () =>
    inDirectory(async (root) => {
      const { store, top } = await storeOf(root, archive(file('a', 'a')), archive(file('b', 'bb')));
      const [bottom] = store.listLayers();
      const below = bottom?.chainId as Digest;
      assert.equal(store.layersSize(), 3);
      await assert.rejects(store.removeLayer(below), { code: 'FailedPrecondition' });
      await store.prepareSnapshot('s', top);
      await assert.rejects(store.removeLayer(top), { code: 'FailedPrecondition' });
      await assert.rejects(store.prepareSnapshot('s', top), { code: 'AlreadyExists' });
      await assert.rejects(store.prepareSnapshot('../s', top), { code: 'InvalidArgument' });
      await store.removeSnapshot('s');
      const other = `sha256:${'e'.repeat(64)}` as Digest;
      const drafts = [await store.prepareLayer(other, top), await store.prepareLayer(other, top)] as const;
      await assert.rejects(store.removeLayer(top), { code: 'FailedPrecondition' });
      for (const [i, draft] of drafts.entries()) writeFileSync(join(draft.directory, 'who'), `${i}`);
      const made = await Promise.all(drafts.map((draft) => store.commitLayer(draft, { diffId: other })));
      assert.equal(made[0]?.chainId, made[1]?.chainId);
      assert.ok(
        ['0', '1'].includes(readFileSync(join(store.directoryOf(other), 'who'), 'utf8')),
        'neither draft is there',
      );
      await assert.rejects(store.prepareLayer(other, top), { code: 'AlreadyExists' });
      for (const chainId of [other, top, below]) await store.removeLayer(chainId);
      assert.deepEqual(readdirSync(join(root, 'image/overlay'), { recursive: true }).sort(), [
        'empty',
        'incomplete',
        'l',
        'layers',
        'snapshots',
      ]);
    }));

  test('what a container’s mounts stand on is below its own layer, and follows nothing of the image', () =>
    inDirectory(async (root) => {
      const outside = join(root, 'outside');
      mkdirSync(outside);
      const image = archive(
        dir('etc', { mode: 0o711, mtime: 7n }),
        symlink('etc/hosts', `${outside}/hosts`),
        file('etc/resolv.conf', 'image'),
        symlink('dev', outside),
        dir('proc', { mode: 0o555, mtime: 8n }),
        file('sys', 'a file'),
      );
      const { store, top } = await storeOf(root, image);
      const two = await Promise.all([store.prepareSnapshot('one', top), store.prepareSnapshot('two', top)]);
      assert.deepEqual(two[0].lower, two[1].lower);
      assert.match(two[0].lower[0] ?? '', /-init\/diff$/);
      store.mount('one');
      try {
        const lines = treeOf(two[0].merged).map((line) => line.replace(/ \d{15,}/, '').trim());
        assert.deepEqual(lines, [
          '.dockerenv 100755 0:0 0',
          'dev 40755 0:0',
          'dev/console 100755 0:0 0',
          'dev/pts 40755 0:0',
          'dev/shm 40755 0:0',
          'etc 40711 0:0 7',
          'etc/hostname 100755 0:0 0',
          'etc/hosts 100755 0:0 0',
          'etc/mtab 120777 0:0 -> /proc/mounts',
          'etc/resolv.conf 100755 0:0 0',
          'proc 40555 0:0 8',
          'sys 40755 0:0',
        ]);
        writeFileSync(join(two[0].merged, 'x'), '');
        assert.deepEqual(await changesOf(two[0].upper, two[0].lower, { userxattr }), [{ Path: '/x', Kind: 1 }]);
      } finally {
        store.unmount('one');
      }
      assert.deepEqual(readdirSync(outside), []);
      // a power cut took one of them: it is made again
      rmSync(join(two[0].lower[0] ?? '', 'etc/hosts'));
      await store.prepareSnapshot('three', top);
      assert.equal(lstatSync(join(two[0].lower[0] ?? '', 'etc/hosts')).size, 0);
      const again = await SnapshotStore.open({ root, userxattr });
      assert.deepEqual(again.snapshot('two'), two[1]);
      for (const id of ['one', 'two', 'three']) await again.removeSnapshot(id);
      await again.removeLayer(top);
      for (const name of ['layers', 'l', 'incomplete'])
        assert.deepEqual(readdirSync(join(root, 'image/overlay', name)), []);
    }));

  test('a snapshot above nothing, with directories deeper than a path can say, goes away', () =>
    inDirectory(async (root) => {
      const store = await SnapshotStore.open({ root, userxattr });
      const { merged, upper } = await store.prepareSnapshot('nothing', null, { bare: true });
      store.mount('nothing');
      assert.deepEqual(readdirSync(merged), []);
      const deep =
        'import os\nfor i in range(60):\n  os.mkdir("d" * 200)\n  os.chdir("d" * 200)\nopen("end", "w").write("x")';
      execFileSync('python3', ['-c', deep], { cwd: merged });
      assert.equal((await store.usage('nothing')).bytes, 0);
      const tar = await collect(archiveTree(merged));
      assert.ok(tar.includes('d'.repeat(200)), 'nothing was archived');
      assert.equal(readdirSync(upper).length, 1);
      await store.removeSnapshot('nothing');
      assert.deepEqual(readdirSync(join(root, 'image/overlay/incomplete')), []);
    }));

  test('literal archives: whiteouts are files, kinds are kept when asked, an owner can be left out', () =>
    inDirectory(async (top) => {
      const target = join(top, 'to');
      mkdirSync(target);
      await apply(archive(file('.wh.x', 'w'), dir('d'), file('f', 'f', { uid: 12_345 })), target, {
        whiteouts: 'literal',
        ownership: 'caller',
      });
      assert.equal(readFileSync(join(target, '.wh.x'), 'utf8'), 'w');
      assert.equal(lstatSync(join(target, 'f')).uid, process.getuid?.());
      const keep = { whiteouts: 'literal', keepKind: true } as const;
      await assert.rejects(apply(archive(file('d', '')), target, keep), {
        message: 'cannot overwrite directory "d" with non-directory "d"',
      });
      await assert.rejects(apply(archive(dir('f')), target, keep), {
        message: 'cannot overwrite non-directory "f" with directory "f"',
      });
      const known = `sha256:${'d'.repeat(64)}` as Digest;
      assert.equal(
        (await apply(archive(file('f', 'new'), hardlink('g', 'f')), target, { ...keep, diffId: known })).diffId,
        known,
      );
      assert.equal(readFileSync(join(target, 'g'), 'utf8'), 'new');
    }));

  if (inUserNamespace)
    test('devices are left out, ids that are not there are refused', () =>
      inDirectory(async (top) => {
        const { skipped } = await apply(archive([{ name: 'null', type: 'char', major: 1, minor: 3 }]), top);
        assert.match(skipped[0]?.what ?? '', /user namespace/);
        await assert.rejects(apply(archive(file('f', '', { uid: 4_000_000 })), top), {
          code: 'InvalidArgument',
          message: /failed to Lchown "\/f" for UID 4000000, GID 0 \(try increasing/,
        });
      }));
  else
    test('the same in a user namespace, with user.overlay attributes', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'glassbox-userns-'));
      try {
        execFileSync('chown', ['1000000:1000000', directory]);
        const words = ['--import', import.meta.resolve('tsx'), '--test-reporter=tap', fileURLToPath(import.meta.url)];
        const env = { ...process.env, GLASSBOX_TEST_USERNS: '1', TMPDIR: directory, NODE_TEST_CONTEXT: undefined };
        const done = await asRootOfUserNamespace([process.execPath, ...words], env, 200_000);
        const failures = done.stdout.split('\n').filter((line) => !/^\s*(ok|duration|#)/.test(line));
        assert.equal(done.status, 0, `${failures.join('\n')}${done.stderr}`);
        assert.match(done.stdout, /^# fail 0$/m);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
}
