/** I01: what an archive's names and links may try. The names are those of containerd's TestBreakouts, pkg/archive/tar_test.go. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fstatSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { applyLayer } from '../../engine/image/layer/apply.js';
import { archiveTree } from '../../engine/image/layer/archive-tree.js';
import { openInRoot } from '../../engine/image/layer/place.js';
import { mountSnapshot, unmountSnapshot } from '../../engine/image/snapshot/mount.js';
import { AT, O } from '../../engine/kernel/constants.js';
import { EngineError } from '../../engine/kernel/errors.js';
import { check, realKernel } from '../../engine/kernel/kernel.js';
import { applyInChild, Yard } from '../helpers/image-attack.js';
import { archive, collect, dir, file, hardlink, inPieces, type Part, symlink } from '../helpers/image-tar.js';
import { treeOf, xattrsOf } from '../helpers/image-tree.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** A file as a process with that root sees it, links followed. */
function seen(root: string, path: string): { readonly key: string; readonly content: string } | null {
  const top = check(realKernel, 'openat', [AT.FDCWD, root, O.PATH, 0]);
  const fd = openInRoot(realKernel, top, path, O.RDONLY);
  realKernel.call('close', top);
  if (fd < 0) return null;
  try {
    const { dev, ino } = fstatSync(fd);
    return { key: `${dev}:${ino}`, content: fstatSync(fd).isFile() ? readFileSync(fd, 'utf8') : '' };
  } finally {
    realKernel.call('close', fd);
  }
}

type Check = (root: string) => void;
const same =
  (one: string, two: string): Check =>
  (root) => {
    assert.ok(seen(root, one) !== null, `${one} is missing`);
    assert.equal(seen(root, one)?.key, seen(root, two)?.key, `${one} is not ${two}`);
  };
const holds =
  (path: string, content: string): Check =>
  (root) =>
    assert.equal(seen(root, path)?.content, content, path);
const none =
  (path: string): Check =>
  (root) =>
    assert.equal(seen(root, path), null, path);
const isLink =
  (path: string, target: string): Check =>
  (root) =>
    assert.ok(
      treeOf(root).some((line) => line.startsWith(`${path} 120`) && line.includes(` -> ${target}`)),
      `${path} -> ${target}`,
    );
const all =
  (...checks: Check[]): Check =>
  (root) => {
    for (const one of checks) one(root);
  };

interface Row {
  readonly base?: readonly Part[];
  /** The base is a layer below, and what is checked is overlay's view; else it is in the same directory. */
  readonly below?: boolean;
  readonly tar: readonly Part[];
  readonly must: Check | 'InvalidArgument' | 'NotFound';
}

const etc = dir('etc', { mode: 0o770 });
const passwd = file('/etc/passwd', 'inside');
const etcBase = [dir('/etc/'), file('/etc/passwd', 'inside')];
const users = [dir('/etc/'), file('/etc/passwd', 'all users')];
const unbroken = file('/localetc/unbroken', 'unbroken');
const local = same('/localetc/localpasswd', '/etc/passwd');
const localpasswd = hardlink('/localetc/localpasswd', '/etc/passwd');

const rows = (outside: string): Readonly<Record<string, Row>> => ({
  SymlinkAbsolute: { tar: [etc, symlink('localetc', '/etc'), unbroken], must: holds('etc/unbroken', 'unbroken') },
  SymlinkUpAndOut: {
    tar: [etc, dir('dummy'), symlink('localetc', '/dummy/../etc'), unbroken],
    must: holds('etc/unbroken', 'unbroken'),
  },
  SymlinkMultipleAbsolute: {
    tar: [
      etc,
      dir('dummy'),
      symlink('/dummy/etc', '/etc'),
      symlink('localetc', '/dummy/etc'),
      file('/dummy/etc/unbroken', 'unbroken'),
    ],
    must: holds('etc/unbroken', 'unbroken'),
  },
  SymlinkMultipleRelative: {
    tar: [etc, dir('dummy'), symlink('/dummy/etc', '/etc'), symlink('localetc', './dummy/etc'), unbroken],
    must: holds('etc/unbroken', 'unbroken'),
  },
  SymlinkEmptyFile: {
    tar: [etc, file('etc/emptied', 'notempty'), symlink('localetc', '/etc'), file('/localetc/emptied')],
    must: holds('etc/emptied', ''),
  },
  HardlinkRelative: {
    tar: [
      etc,
      passwd,
      dir('breakouts'),
      symlink('breakouts/d1', '../../etc'),
      hardlink('breakouts/mypasswd', '/breakouts/d1/passwd'),
    ],
    must: same('/breakouts/mypasswd', '/etc/passwd'),
  },
  HardlinkDownAndOut: {
    tar: [
      etc,
      passwd,
      dir('breakouts'),
      dir('downandout'),
      symlink('breakouts/d1', '../downandout/../../etc'),
      hardlink('breakouts/mypasswd', '/breakouts/d1/passwd'),
    ],
    must: same('/breakouts/mypasswd', '/etc/passwd'),
  },
  HardlinkAbsolute: {
    tar: [etc, passwd, symlink('localetc', '/etc'), hardlink('localpasswd', '/localetc/passwd')],
    must: same('localpasswd', '/etc/passwd'),
  },
  HardlinkRelativeLong: {
    tar: [etc, passwd, symlink('localetc', '../../../../../../../etc'), hardlink('localpasswd', '/localetc/passwd')],
    must: same('localpasswd', '/etc/passwd'),
  },
  // the kernel finds no `upandout`; containerd cleans the words of the link instead
  HardlinkRelativeUpAndOut: {
    tar: [etc, passwd, symlink('localetc', 'upandout/../../../etc'), hardlink('localpasswd', '/localetc/passwd')],
    must: 'NotFound',
  },
  HardlinkDirectRelative: {
    tar: [etc, passwd, hardlink('localpasswd', '../../../../../etc/passwd')],
    must: same('localpasswd', '/etc/passwd'),
  },
  HardlinkDirectAbsolute: {
    tar: [etc, passwd, hardlink('localpasswd', '/etc/passwd')],
    must: same('localpasswd', '/etc/passwd'),
  },
  SymlinkParentDirectory: {
    tar: [etc, passwd, symlink('..', '/etc/'), hardlink('localpasswd', '/etc/passwd')],
    must: same('localpasswd', '/etc/passwd'),
  },
  SymlinkEmptyFilename: {
    tar: [etc, passwd, symlink('', '/etc/'), hardlink('localpasswd', '/etc/passwd')],
    must: same('localpasswd', '/etc/passwd'),
  },
  SymlinkParentRelative: { tar: [etc, passwd, symlink('localetc/sub/..', '/etc/'), localpasswd], must: local },
  SymlinkSlashEnded: { tar: [etc, passwd, dir('localetc/'), localpasswd], must: local },
  SymlinkOverrideDirectory: {
    base: [...etcBase, dir('localetc')],
    tar: [symlink('localetc', '/etc'), localpasswd],
    must: local,
  },
  SymlinkOverrideDirectoryRelative: {
    base: [...etcBase, dir('localetc')],
    tar: [symlink('localetc', '../../etc'), localpasswd],
    must: local,
  },
  DirectoryOverrideSymlink: {
    base: [...etcBase, symlink('localetc', '/etc')],
    tar: [dir('/localetc/'), localpasswd],
    must: local,
  },
  DirectoryOverrideSymlinkAndHardlink: {
    base: [...etcBase, symlink('localetc', 'etc'), localpasswd],
    tar: [dir('/localetc/'), file('/localetc/localpasswd', 'different')],
    must: all(holds('/etc/passwd', 'inside'), holds('/localetc/localpasswd', 'different')),
  },
  WhiteoutRootParent: { base: etcBase, below: true, tar: [file('.wh...')], must: 'InvalidArgument' },
  WhiteoutParent: { base: etcBase, below: true, tar: [file('etc/.wh...')], must: 'InvalidArgument' },
  WhiteoutRoot: { base: etcBase, below: true, tar: [file('.wh..')], must: 'InvalidArgument' },
  WhiteoutCurrentDirectory: { base: etcBase, below: true, tar: [file('etc/.wh..')], must: 'InvalidArgument' },
  WhiteoutNothing: { base: etcBase, below: true, tar: [file('etc/.wh.')], must: 'InvalidArgument' },
  WhiteoutSymlink: {
    base: [...users, symlink('localetc', '/etc')],
    below: true,
    tar: [file('.wh.localetc')],
    must: all(holds('etc/passwd', 'all users'), none('localetc')),
  },
  // a parent that is a link in a layer below becomes a directory of this layer, as with Docker's overlay2
  WhiteoutSymlinkPath: {
    base: [...users, file('/etc/whitedout', 'ahhhh'), symlink('localetc', '/etc')],
    below: true,
    tar: [file('localetc/.wh.whitedout')],
    must: all(holds('etc/passwd', 'all users'), none('localetc/whitedout')),
  },
  WhiteoutDirectoryName: {
    base: users,
    below: true,
    tar: [file('.wh.etc/somefile', 'non-empty')],
    must: all(holds('etc/passwd', 'all users'), holds('.wh.etc/somefile', 'non-empty')),
  },
  WhiteoutDeadSymlinkParent: {
    base: [...users, symlink('localetc', '/dne')],
    below: true,
    tar: [file('localetc/.wh.etc')],
    must: holds('etc/passwd', 'all users'),
  },
  WhiteoutRelativePath: { base: users, below: true, tar: [file('dne/../.wh.etc')], must: none('etc/passwd') },
  HardlinkSymlinkBeforeCreateTarget: {
    tar: [
      etc,
      symlink('localpasswd', '/etc/passwd'),
      hardlink('localpasswd-dup', 'localpasswd'),
      file('/etc/passwd', 'after'),
    ],
    must: same('localpasswd-dup', '/etc/passwd'),
  },
  HardlinkSymlinkRelative: {
    tar: [etc, passwd, symlink('passwdlink', '../../../../../etc/passwd'), hardlink('localpasswd', '/passwdlink')],
    must: all(isLink('localpasswd', '../../../../../etc/passwd'), same('localpasswd', '/etc/passwd')),
  },
  HardlinkSymlinkAbsolute: {
    tar: [etc, passwd, symlink('passwdlink', '/etc/passwd'), hardlink('localpasswd', '/passwdlink')],
    must: all(isLink('localpasswd', '/etc/passwd'), same('localpasswd', '/etc/passwd')),
  },
  HardlinkSymlinkChmod: {
    tar: [symlink(join(outside, 'also'), join(outside, 'perm400')), hardlink('sketchylink', join(outside, 'also'))],
    must: isLink('sketchylink', join(outside, 'perm400')),
  },
  DirectoryCreation: {
    base: [dir('/etc/')],
    tar: [dir('/etc/subdir'), dir('/etc/subdir2/'), dir('/etc/subdir2/more'), dir('/other/noparent-1/1')],
    must: (root) =>
      assert.ok(
        seen(root, 'etc/subdir2/more') !== null && seen(root, 'other/noparent-1/1') !== null,
        'a directory is missing',
      ),
  },
  // umoci, CVE-2021-29136: the root itself is exchanged for a link
  'SymlinkRoot "/."': {
    tar: [
      symlink('/.', outside),
      symlink('.', outside),
      symlink('/', outside),
      symlink('./', outside),
      file('evil', 'x'),
    ],
    must: holds('evil', 'x'),
  },
  'link to a file outside, written through': {
    tar: [symlink('x', join(outside, 'etc/passwd')), file('x', 'evil')],
    must: holds('x', 'evil'),
  },
  'link to a directory outside, written through': {
    tar: [symlink('d', outside), file('d/etc/passwd', 'evil'), file('d/new', 'evil')],
    must: holds('d/etc/passwd', 'evil'),
  },
  'hard link to a file outside': { tar: [hardlink('x', join(outside, 'etc/passwd'))], must: 'NotFound' },
  'hard link to itself': { tar: [file('x', 'x'), hardlink('x', 'x')], must: 'NotFound' },
  'links in a circle': {
    tar: [symlink('a', 'b'), symlink('b', 'a'), file('a/x', 'x')],
    must: (root) => assert.fail(root),
  },
  'up and out, absolute': {
    tar: [file(`../../../../../../../../../..${outside}/up`, 'x'), file(`${outside}/abs`, 'x')],
    must: holds(`${outside}/up`, 'x'),
  },
  'twice, as another kind each time': {
    tar: [
      file('x', 'a'),
      dir('x'),
      file('x/y', 'b'),
      symlink('x', '/'),
      file('x', 'last'),
      dir('d'),
      file('d/f'),
      file('d', 'file'),
    ],
    must: all(holds('x', 'last'), holds('d', 'file')),
  },
  'a directory exchanged for a link while its files come': {
    tar: [dir('d'), file('d/a', 'a'), symlink('d', outside), file('d/b', 'b')],
    must: holds(`${outside}/b`, 'b'),
  },
});

if (!inSandbox) {
  test('I01: archives, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  const apply = (directory: string, parts: readonly Part[], lower: readonly string[] = []) =>
    applyLayer(inPieces(archive(...parts), 700), directory, { lower });
  const inYard = async (use: (yard: Yard) => Promise<void> | void): Promise<void> => {
    const yard = new Yard();
    try {
      await use(yard);
    } finally {
      yard.remove();
    }
  };

  test('every name and link stays inside, and means what it says', () =>
    inYard(async (yard) => {
      for (const [name, { base = [], below = false, tar, must }] of Object.entries(rows(yard.outside))) {
        const target = yard.layer();
        const lower = below ? yard.layer() : target;
        await apply(lower, base);
        let outcome: string = 'ok';
        try {
          await apply(target, tar, below ? [lower] : []);
        } catch (error) {
          assert.ok(error instanceof EngineError, `${name}: ${String(error)}`);
          outcome = error.code;
        }
        assert.equal(yard.isHurt, false, `${name}: something outside was changed`);
        if (name === 'links in a circle') assert.equal(outcome, 'Internal', 'ELOOP');
        else assert.equal(outcome, typeof must === 'string' ? must : 'ok', name);
        if (outcome !== 'ok' || typeof must === 'string') continue;
        const merged = join(target, '../merged');
        const work = join(target, '../work');
        const upper = join(target, '../upper');
        for (const path of [merged, work, upper]) mkdirSync(path);
        mountSnapshot({ id: 'x', lower: below ? [target, lower] : [target], upper, work, merged });
        try {
          must(merged);
        } catch (error) {
          assert.fail(`${name}: ${(error as Error).message}\n${treeOf(merged).join('\n')}`);
        } finally {
          unmountSnapshot({ merged });
        }
      }
    }));

  test('attributes that would speak to overlay or to the machine’s security modules are left out; modes are kept', () =>
    inYard(async (yard) => {
      const target = yard.layer();
      const xattrs = new Map(
        [
          'trusted.overlay.redirect',
          'trusted.overlay.opaque',
          'user.overlay.opaque',
          'trusted.x',
          'security.selinux',
          'user.kept',
        ].map((name) => [name, Buffer.from('/etc')] as const),
      );
      const { skipped } = await apply(target, [
        file('f', 'x', { xattrs, mode: 0o6755, uid: 7, gid: 8 }),
        dir('d', { xattrs }),
        [{ name: 'disk', type: 'block', major: 8, minor: 0, mode: 0o666 }],
      ]);
      assert.deepEqual(
        Object.entries(xattrsOf(target)).map(([path, names]) => [path, Object.keys(names)]),
        [
          ['d', ['user.kept']],
          ['f', ['user.kept']],
        ],
      );
      assert.equal(skipped.length, 10);
      const { mode, uid, gid } = lstatSync(join(target, 'f'));
      assert.deepEqual([mode & 0o7777, uid, gid], [0o6755, 7, 8]);
      assert.ok(lstatSync(join(target, 'disk')).isBlockDevice(), 'the device is no device');
    }));

  // renameat2(2) with RENAME_EXCHANGE, over and over: there is no moment in which one of the names is missing
  const SWAP = `import ctypes, os, sys
libc = ctypes.CDLL(None)
while os.getppid() == ${process.pid}:
    for _ in range(300): libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)`;
  const swapping = async (one: string, two: string, use: () => Promise<void>): Promise<void> => {
    const child = spawn('python3', ['-c', SWAP, one, two], { stdio: 'ignore' });
    try {
      await use();
    } finally {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
  };

  test('CVE-2018-15664, CVE-2025-47290: a directory exchanged for a link meanwhile, in and out', () =>
    inYard(async (yard) => {
      const target = yard.layer();
      mkdirSync(join(target, 'place'));
      mkdirSync(join(target, 'place/etc'));
      writeFileSync(join(target, 'place/etc/passwd'), 'inside');
      symlinkSync(yard.outside, join(target, 'link'));
      const tar = archive(
        dir('place/sub'),
        file('place/sub/x', 'evil'),
        file('place/etc/passwd', 'inside'),
        symlink('place/l', '/'),
      );
      await swapping(join(target, 'place'), join(target, 'link'), async () => {
        let through = 0;
        for (let i = 0; i < 60; i++) {
          try {
            await applyLayer(inPieces(tar), target, { whiteouts: 'literal' });
            through++;
          } catch (error) {
            assert.ok(error instanceof EngineError, String(error));
          }
          for (const path of ['place', 'link'])
            try {
              const read = await collect(archiveTree(target, { path: `${path}/etc` }));
              assert.ok(!read.includes('the machine'), 'a file of the machine was read');
            } catch (error) {
              assert.ok(error instanceof EngineError && error.code === 'NotFound', String(error));
            }
        }
        assert.ok(through > 0, 'not one archive came through');
      });
      assert.equal(yard.isHurt, false, 'something outside was changed');
    }));

  const twins: readonly {
    guard: string;
    attack: (outside: string) => readonly Part[];
    shows: (yard: Yard, target: string) => boolean;
  }[] = [
    {
      guard: 'layer-in-root',
      attack: (outside) => [symlink('d', outside), file('d/new', 'evil')],
      shows: (yard) => yard.isHurt,
    },
    {
      guard: 'layer-no-follow',
      attack: (outside) => [symlink('x', join(outside, 'etc/passwd')), file('x', 'evil')],
      shows: (yard) => yard.isHurt,
    },
    {
      guard: 'layer-link-in-root',
      attack: (outside) => [hardlink('x', join(outside, 'etc/passwd'))],
      shows: (_, target) =>
        readdirSync(target).includes('x') && readFileSync(join(target, 'x'), 'utf8') === 'the machine’s',
    },
    {
      guard: 'layer-whiteout-names',
      attack: () => [file('.wh...')],
      shows: (_, target) => JSON.stringify(xattrsOf(join(target, '..'))).includes('trusted.overlay.opaque'),
    },
    {
      guard: 'layer-attributes',
      attack: () => [dir('d', { xattrs: new Map([['trusted.overlay.redirect', Buffer.from('/etc')]]) })],
      shows: (_, target) => JSON.stringify(xattrsOf(target)).includes('trusted.overlay.redirect'),
    },
  ];
  for (const { guard, attack, shows } of twins)
    test(`twin of ${guard}: with it nothing happens, without it the attack succeeds`, () =>
      inYard(async (yard) => {
        const tar = yard.file(archive(...attack(yard.outside)));
        const stands = yard.layer();
        await apply(stands, attack(yard.outside)).catch((error: unknown) =>
          assert.ok(error instanceof EngineError, String(error)),
        );
        assert.equal(shows(yard, stands), false, 'the attack succeeds although the guard stands');
        const falls = yard.layer();
        const [result] = applyInChild(yard, [{ tar, directory: falls }], [guard]);
        assert.ok(shows(yard, falls), `nothing happened without ${guard}: ${JSON.stringify(result)}`);
      }));
}
