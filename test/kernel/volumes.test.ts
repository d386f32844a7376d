import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { copyTree } from '../../engine/volume/copy-up.js';
import { isMounted } from '../../engine/volume/local-mount.js';
import { openVolumes } from '../../engine/volume/volumes.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

function run(program: string, ...args: string[]): string {
  const done = spawnSync(program, args, { encoding: 'utf8', timeout: 600_000 });
  assert.equal(done.status, 0, `${program} ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** Take a guard away for as long as something is done. */
async function without<T>(guard: string, act: () => Promise<T>): Promise<T> {
  process.env['GLASSBOX_TEST_GUARDS_OFF'] = guard;
  try {
    return await act();
  } finally {
    delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
  }
}

if (!inSandbox) {
  test('volumes in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () => {
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 });
  });
} else {
  let place: string;
  beforeEach(() => {
    place = mkdtempSync('/run/volumes-');
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  describe('volumes with options', () => {
    test('of tmpfs are mounted for the first container and unmounted after the last', async () => {
      const volumes = await openVolumes({ root: place });
      await volumes.create({ Name: 'ram', DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=1000' } });
      const path = await volumes.mount('ram', 'c1');
      assert.equal(await volumes.mount('ram', 'c2'), path);
      assert.match(
        readFileSync('/proc/self/mountinfo', 'utf8'),
        new RegExp(` ${path} rw.* - tmpfs tmpfs rw,size=1024k,uid=1000`),
      );
      await assert.rejects(volumes.remove('ram'), /volume is in use - \[c1, c2\]/);
      await volumes.unmount('ram', 'c1');
      await volumes.unmount('ram', 'c1');
      assert.equal(isMounted(path), true);
      // an engine that was killed finds it mounted, and mounts it no second time
      const again = await openVolumes({ root: place });
      await again.mount('ram', 'c2');
      assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').split(` ${path} `).length, 2);
      await again.unmount('ram', 'c2');
      assert.equal(isMounted(path), false);
      await again.remove('ram');
    });

    test('bind a directory, read-only where that is asked', async () => {
      const volumes = await openVolumes({ root: place });
      const device = join(place, 'device');
      mkdirSync(device);
      writeFileSync(join(device, 'file'), 'seen');
      await volumes.create({ Name: 'bound', DriverOpts: { type: 'none', device, o: 'bind,ro' } });
      const path = await volumes.mount('bound', 'c1');
      assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'seen');
      assert.throws(() => writeFileSync(join(path, 'file'), 'x'), { code: 'EROFS' });
      await volumes.unmount('bound', 'c1');
    });

    test('that cannot be mounted say so as Docker does', async () => {
      const volumes = await openVolumes({ root: place });
      const device = join(place, 'missing');
      await volumes.create({ Name: 'lost', DriverOpts: { type: 'none', device, o: 'bind' } });
      await assert.rejects(volumes.mount('lost', 'c1'), (error: unknown) => {
        assert.ok(error instanceof EngineError, String(error));
        assert.equal(
          error.message,
          `failed to mount local volume: mount ${device}:${place}/volumes/lost/_data, flags: 0x1000: no such file or directory`,
        );
        return true;
      });
      await volumes.remove('lost');
    });

    test('stay whole while something is mounted in them', async () => {
      const volumes = await openVolumes({ root: place });
      const precious = join(place, 'precious');
      mkdirSync(precious);
      writeFileSync(join(precious, 'file'), 'alive');
      const { Mountpoint } = await volumes.create({ Name: 'data' });
      run('mount', '--bind', precious, Mountpoint);
      await assert.rejects(volumes.remove('data'), /remove data: .*_data is mounted/);
      assert.equal(readFileSync(join(Mountpoint, 'file'), 'utf8'), 'alive');
      await assert.rejects(without('remove-unmounted', () => volumes.remove('data')));
      assert.equal(existsSync(Mountpoint), false, 'the guard makes no difference');
      assert.equal(readFileSync(join(precious, 'file'), 'utf8'), 'alive');
      run('umount', '-l', mountedBelow(place));
    });
  });

  describe('an image’s content in a new volume', () => {
    test('has all that it had', async () => {
      const source = join(place, 'rootfs/var/data');
      const target = join(place, 'target');
      mkdirSync(join(source, 'dir/deep'), { recursive: true, mode: 0o750 });
      mkdirSync(target);
      writeFileSync(join(source, 'file'), 'content');
      writeFileSync(join(source, 'big'), Buffer.alloc(9 << 20, 7));
      writeFileSync(join(source, 'dir/deep/ünïcode'), 'x');
      symlinkSync('/etc/passwd', join(source, 'link'));
      linkSync(join(source, 'file'), join(source, 'dir/same'));
      run(
        'sh',
        '-c',
        `cd ${source} && mkfifo fifo && mknod null c 1 3 && chown 12:34 file && chown -h 5:6 link && chmod 4711 file && chmod 1777 dir && touch -d 2001-02-03 file dir && setfattr -n user.x -v y file 2>/dev/null; true`,
      );
      run('chown', '7:8', source);
      assert.equal(await copyTree({ root: join(place, 'rootfs'), path: '/var/data' }, target), true);
      const list = (path: string): string =>
        run(
          'sh',
          '-c',
          `cd ${path} && find . -printf '%p %y %m %U:%G %s %l %n %Ty-%Tm-%Td\\n' | grep -v ' d ' | sort; find . -type d -printf '%p %m %U:%G %Ty\\n' | sort; md5sum big`,
        );
      assert.equal(list(target), list(source));
      assert.equal(statSync(join(target, 'file')).ino, statSync(join(target, 'dir/same')).ino);
      assert.equal(lstatSync(join(target, 'null')).rdev, 0x103);
    });

    test('never covers what the volume holds', async () => {
      const root = join(place, 'rootfs');
      const target = join(place, 'target');
      mkdirSync(join(root, 'data'), { recursive: true });
      mkdirSync(target);
      writeFileSync(join(root, 'data/image'), 'image');
      writeFileSync(join(target, 'own'), 'own');
      assert.equal(await copyTree({ root, path: '/data' }, target), false);
      assert.deepEqual(readdirSync(target), ['own']);
      await without('copy-empty-only', () => copyTree({ root, path: '/data' }, target));
      assert.deepEqual(readdirSync(target).sort(), ['image', 'own'], 'the guard makes no difference');
      assert.equal(await copyTree({ root, path: '/nothing' }, mkdtempSync(join(place, 'empty-'))), false);
    });

    test('comes from the image, wherever its links point', async () => {
      const root = join(place, 'rootfs');
      mkdirSync(join(root, 'etc'), { recursive: true });
      mkdirSync(join(place, 'secret'));
      writeFileSync(join(place, 'secret/key'), 'of the machine');
      writeFileSync(join(root, 'etc/inside'), 'of the image');
      symlinkSync(join(place, 'secret'), join(root, 'data'));
      symlinkSync('/etc', join(root, 'absolute'));
      for (const path of ['/data', `/../../../..${join(place, 'secret')}`]) {
        const target = mkdtempSync(join(place, 'target-'));
        assert.equal(await copyTree({ root, path }, target), false, path);
        assert.deepEqual(readdirSync(target), []);
      }
      const target = mkdtempSync(join(place, 'target-'));
      assert.equal(await copyTree({ root, path: '/absolute' }, target), true);
      assert.deepEqual(readdirSync(target), ['inside']);
      const stolen = mkdtempSync(join(place, 'target-'));
      await without('copy-in-root', () => copyTree({ root, path: '/data' }, stolen));
      assert.deepEqual(readdirSync(stolen), ['key'], 'the guard makes no difference');
    });

    test('is not the machine’s when somebody swaps directories for links meanwhile', { timeout: 600_000 }, async () => {
      const root = join(place, 'rootfs');
      mkdirSync(join(root, 'data/dir'), { recursive: true });
      mkdirSync(join(place, 'secret'));
      writeFileSync(join(place, 'secret/key'), 'of the machine');
      const swapper = spawn(
        'busybox',
        [
          'sh',
          '-c',
          `cd ${root}/data; ln -s ${place}/secret link; while :; do mv -T dir real; mv -T link dir; mv -T dir link; mv -T real dir; done`,
        ],
        { stdio: 'ignore' },
      );
      try {
        const stolen = async (attempts: number): Promise<number> => {
          let count = 0;
          for (let attempt = 0; attempt < attempts; attempt++) {
            const target = mkdtempSync(join(place, 'target-'));
            await copyTree({ root, path: '/data' }, target).catch((error: unknown) => {
              if (!(error instanceof EngineError)) throw error;
            });
            for (const name of readdirSync(target))
              if (!lstatSync(join(target, name)).isSymbolicLink() && existsSync(join(target, name, 'key'))) count++;
            rmSync(target, { recursive: true });
          }
          return count;
        };
        assert.equal(await stolen(500), 0);
        assert.ok((await without('copy-no-follow', () => stolen(500))) > 0, 'the guard makes no difference');
      } finally {
        swapper.kill('SIGKILL');
        await once(swapper, 'exit');
      }
    });

    test('keeps links as they are', async () => {
      const root = join(place, 'rootfs');
      mkdirSync(join(root, 'data'), { recursive: true });
      symlinkSync('../../../etc/shadow', join(root, 'data/link'));
      const target = mkdtempSync(join(place, 'target-'));
      await copyTree({ root, path: 'data' }, target);
      assert.equal(readlinkSync(join(target, 'link')), '../../../etc/shadow');
    });
  });

  function mountedBelow(path: string): string {
    const line = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .find((text) => text.includes(` ${path}/`));
    assert.ok(line !== undefined, 'nothing is mounted');
    return line.split(' ')[4] ?? '';
  }
}
