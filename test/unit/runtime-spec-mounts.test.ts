import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MOUNT_ATTR, MS } from '../../engine/kernel/constants.js';
import {
  MOUNT_OPTIONS,
  type MountOptions,
  mountAttributes,
  parseMountOptions,
  rootfsPropagation,
} from '../../engine/runtime/spec/mount-options.js';

const NOTHING: MountOptions = {
  flags: { set: 0, clear: 0 },
  propagation: [],
  recursive: { set: 0, clear: 0 },
  data: [],
  bind: false,
  rbind: false,
  tmpCopyUp: false,
  idmap: 'no',
};

/** mount(8)'s words with the numbers of linux/mount.h, written out: the table under test has names. */
const FLAGS: Readonly<Record<string, readonly [set: number, clear: number]>> = {
  ro: [1, 0],
  rw: [0, 1],
  nosuid: [2, 0],
  suid: [0, 2],
  nodev: [4, 0],
  dev: [0, 4],
  noexec: [8, 0],
  exec: [0, 8],
  sync: [16, 0],
  async: [0, 16],
  remount: [32, 0],
  mand: [64, 0],
  nomand: [0, 64],
  dirsync: [128, 0],
  nosymfollow: [256, 0],
  symfollow: [0, 256],
  noatime: [1024, 0],
  atime: [0, 1024],
  nodiratime: [2048, 0],
  diratime: [0, 2048],
  silent: [32_768, 0],
  loud: [0, 32_768],
  acl: [65_536, 0],
  noacl: [0, 65_536],
  relatime: [0x20_0000, 0],
  norelatime: [0, 0x20_0000],
  iversion: [0x80_0000, 0],
  noiversion: [0, 0x80_0000],
  strictatime: [0x100_0000, 0],
  nostrictatime: [0, 0x100_0000],
  lazytime: [0x200_0000, 0],
  nolazytime: [0, 0x200_0000],
  defaults: [0, 0],
};
const PROPAGATION: Readonly<Record<string, number>> = {
  private: 0x4_0000,
  rprivate: 0x4_4000,
  slave: 0x8_0000,
  rslave: 0x8_4000,
  shared: 0x10_0000,
  rshared: 0x10_4000,
  unbindable: 0x2_0000,
  runbindable: 0x2_4000,
};
const RECURSIVE: Readonly<Record<string, readonly [set: number, clear: number]>> = {
  rro: [1, 0],
  rrw: [0, 1],
  rnosuid: [2, 0],
  rsuid: [0, 2],
  rnodev: [4, 0],
  rdev: [0, 4],
  rnoexec: [8, 0],
  rexec: [0, 8],
  rnodiratime: [0x80, 0],
  rdiratime: [0, 0x80],
  rnosymfollow: [0x20_0000, 0],
  rsymfollow: [0, 0x20_0000],
  rrelatime: [0, 0x70],
  rnorelatime: [0, 0],
  rnoatime: [0x10, 0x70],
  ratime: [0, 0x70],
  rstrictatime: [0x20, 0x70],
  rnostrictatime: [0, 0x70],
};

describe('parseMountOptions', () => {
  it('knows each word', () => {
    for (const [word, [set, clear]] of Object.entries(FLAGS))
      assert.deepEqual(parseMountOptions([word]), { ...NOTHING, flags: { set, clear } }, word);
    for (const [word, flags] of Object.entries(PROPAGATION)) {
      assert.deepEqual(parseMountOptions([word]), { ...NOTHING, propagation: [flags] }, word);
      assert.equal(rootfsPropagation(word), flags, word);
    }
    for (const [word, [set, clear]] of Object.entries(RECURSIVE))
      assert.deepEqual(parseMountOptions([word]), { ...NOTHING, recursive: { set, clear } }, word);
    assert.deepEqual(parseMountOptions(['bind']), { ...NOTHING, flags: { set: 4096, clear: 0 }, bind: true });
    assert.deepEqual(parseMountOptions(['rbind']), {
      ...NOTHING,
      flags: { set: 4096 | 16_384, clear: 0 },
      bind: true,
      rbind: true,
    });
    assert.deepEqual(parseMountOptions(['tmpcopyup']), { ...NOTHING, tmpCopyUp: true });
    assert.deepEqual(parseMountOptions(['idmap']), { ...NOTHING, idmap: 'idmap' });
    assert.deepEqual(parseMountOptions(['idmap', 'ridmap']), { ...NOTHING, idmap: 'ridmap' });
    const tested = [FLAGS, PROPAGATION, RECURSIVE].flatMap((table) => Object.keys(table));
    assert.deepEqual(MOUNT_OPTIONS, [...tested, 'bind', 'rbind', 'tmpcopyup', 'idmap', 'ridmap'].sort());
    assert.deepEqual([rootfsPropagation(''), rootfsPropagation('ro')], [0, undefined]);
  });

  it('gives the rest to the file system, in order', () => {
    const words = ['size=1m', 'nosuid', 'mode=755', '', 'RO', 'size=2m', 'constructor', '__proto__'];
    const { data, flags } = parseMountOptions(words);
    assert.deepEqual(data, ['size=1m', 'mode=755', '', 'RO', 'size=2m', 'constructor', '__proto__']);
    assert.equal(flags.set, MS.NOSUID);
  });

  it('lets the last of two contradictions count', () => {
    assert.deepEqual(parseMountOptions(['ro', 'rw']).flags, { set: 0, clear: MS.RDONLY });
    assert.deepEqual(parseMountOptions(['rw', 'ro']).flags, { set: MS.RDONLY, clear: 0 });
    assert.deepEqual(parseMountOptions(['rro', 'rrw']).recursive, { set: 0, clear: MOUNT_ATTR.RDONLY });
    assert.deepEqual(parseMountOptions(['rnoatime', 'rstrictatime']).recursive, {
      set: MOUNT_ATTR.STRICTATIME,
      clear: MOUNT_ATTR.ATIME,
    });
  });

  it('never asks mount_setattr for what it refuses', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...MOUNT_OPTIONS), { maxLength: 12 }), (options) => {
        const { flags, recursive } = parseMountOptions(options);
        assert.equal(flags.set & flags.clear, 0, 'a flag both set and cleared');
        const time = recursive.clear & MOUNT_ATTR.ATIME;
        assert.ok(time === 0 || time === MOUNT_ATTR.ATIME, 'a part of the access time cleared');
        assert.ok((recursive.set & MOUNT_ATTR.ATIME) === 0 || time !== 0, 'an access time set and none cleared');
        assert.notEqual(recursive.set & MOUNT_ATTR.ATIME, MOUNT_ATTR.NOATIME | MOUNT_ATTR.STRICTATIME);
        assert.equal(recursive.set & recursive.clear & ~MOUNT_ATTR.ATIME, 0, 'an attribute both set and cleared');
      }),
    );
  });

  it('knows what the installed runc knows', (test) => {
    if (!existsSync('/usr/sbin/runc')) return test.skip('runc is not installed');
    const { mountOptions } = JSON.parse(execFileSync('/usr/sbin/runc', ['features'], { encoding: 'utf8' })) as {
      mountOptions: string[];
    };
    assert.ok(mountOptions.length > 50, 'runc lists no options');
    assert.deepEqual(
      mountOptions.filter((word) => !MOUNT_OPTIONS.includes(word)),
      [],
    );
  });
});

describe('mountAttributes', () => {
  it('turns the flags of one mount into attributes', () => {
    const all = MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC | MS.NODIRATIME | MS.NOSYMFOLLOW;
    assert.equal(mountAttributes(all), 0x20_008f);
    assert.equal(mountAttributes(MS.BIND | MS.REC | MS.RELATIME | MS.SYNCHRONOUS | MS.LAZYTIME), 0);
    assert.equal(mountAttributes(MS.NOATIME), MOUNT_ATTR.NOATIME);
    assert.equal(mountAttributes(MS.NOATIME | MS.STRICTATIME), MOUNT_ATTR.STRICTATIME);
  });
});
