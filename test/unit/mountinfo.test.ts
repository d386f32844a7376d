import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mountOf, parseMountinfo, parseMountinfoLine, unescapeMountField } from '../../engine/kernel/mountinfo.js';
import { readProc } from '../../engine/kernel/procfs/read.js';
import { parseOverlayOptions, splitLowerdir } from '../../engine/observe/overlay-options.js';

describe('proc_pid_mountinfo', () => {
  it('parses a line with optional fields', () => {
    assert.deepEqual(
      parseMountinfoLine('36 35 98:0 /mnt1 /mnt2 rw,noatime shared:7 master:1 - ext3 /dev/root rw,errors=continue'),
      {
        id: 36,
        parent: 35,
        device: '98:0',
        root: '/mnt1',
        mountPoint: '/mnt2',
        options: ['rw', 'noatime'],
        propagation: ['shared:7', 'master:1'],
        fsType: 'ext3',
        source: '/dev/root',
        superOptions: ['rw', 'errors=continue'],
      },
    );
  });

  it('parses a line without, and one whose source is empty', () => {
    assert.deepEqual(
      parseMountinfoLine('1 0 0:4 net:[4026532285] /run/netns/r1 rw - nsfs nsfs rw')?.root,
      'net:[4026532285]',
    );
    const empty = parseMountinfoLine('1 0 0:4 / /x rw -  tmpfs  rw');
    assert.equal(empty === null || empty.superOptions.length >= 0, true);
    assert.equal(parseMountinfoLine('1 0 0:4 / /x rw - tmpfs  rw')?.source, '');
  });

  it('undoes the octal escapes, bytes of UTF-8 included, and leaves other backslashes', () => {
    assert.equal(unescapeMountField('/a\\040b\\011c\\012d\\134e\\043'), '/a b\tc\nd\\e#');
    assert.equal(unescapeMountField('/\\344\\270\\255'), '/中');
    assert.equal(unescapeMountField('/x\\9y\\'), '/x\\9y\\');
  });

  it('splits options before it undoes escapes, so a comma of a path stays in it', () => {
    const mount = parseMountinfoLine('1 0 0:4 / /m rw - overlay overlay rw,lowerdir=/a\\054b:/c,upperdir=/u');
    assert.deepEqual(mount?.superOptions, ['rw', 'lowerdir=/a,b:/c', 'upperdir=/u']);
  });

  it('refuses what is not a line of it', () => {
    for (const line of ['', 'x', '1 0 0:4 / /x rw', '1 0 0:4 / /x rw shared:1 ext4 /dev/x rw', 'a b c d e f - g h i']) {
      assert.equal(parseMountinfoLine(line), null, line);
    }
  });

  it('reads every line of this process', () => {
    const text = readProc('/proc/self/mountinfo') ?? '';
    assert.equal(parseMountinfo(text).length, text.split('\n').filter(Boolean).length);
  });

  it('finds the mount of a path: the longest, and of those the last', () => {
    const mounts = parseMountinfo(
      '1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /run rw - tmpfs b rw\n3 2 0:3 / /run rw - tmpfs c rw\n',
    );
    assert.equal(mountOf(mounts, '/run/x')?.id, 3);
    assert.equal(mountOf(mounts, '/runner')?.id, 1);
    assert.equal(mountOf([], '/'), null);
  });
});

describe('overlay options', () => {
  it('splits layers at colons that are not escaped', () => {
    assert.deepEqual(splitLowerdir('/a\\:1:/b\\\\:c'), ['/a:1', '/b\\', 'c']);
    assert.deepEqual(splitLowerdir('/a::/data'), ['/a', '/data']);
  });

  it('knows both ways of naming layers', () => {
    assert.deepEqual(parseOverlayOptions(['rw', 'lowerdir=l1:l2', 'upperdir=u', 'workdir=w', 'userxattr']), {
      upper: 'u',
      work: 'w',
      lower: ['l1', 'l2'],
      xattrPrefix: 'user.overlay.',
    });
    assert.deepEqual(parseOverlayOptions(['ro', 'lowerdir+=/a:b', 'lowerdir+=/c', 'datadir+=/d']), {
      upper: null,
      work: null,
      lower: ['/a:b', '/c', '/d'],
      xattrPrefix: 'trusted.overlay.',
    });
  });
});
