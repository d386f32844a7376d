import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isMode, isWritable, parseBind, parseVolumesFrom } from '../../engine/container/mounts/binds.js';
import { type MountListInput, resolveMounts } from '../../engine/container/mounts/mount-list.js';
import { isLocal, tmpfsData, verifyMountRequest } from '../../engine/container/mounts/mount-request.js';
import type { ResolvedMount } from '../../engine/container/mounts/types.js';
import type { HostConfig } from '../../engine/container/types.js';

const list = (host: Partial<HostConfig>, more: Partial<MountListInput> = {}): ResolvedMount[] =>
  resolveMounts({
    hostConfig: { Binds: null, Mounts: [], VolumesFrom: null, VolumeDriver: '', ...host },
    volumes: null,
    mountsOf: () => [],
    exists: () => true,
    ...more,
  });

describe('binds', () => {
  it('are paths, names or nothing, with words of each kind at most once', () => {
    for (const good of ['', 'ro', 'rw,z', 'Z,shared,ro', 'nocopy', 'rro', 'cached,ro', 'ro-non-recursive'])
      assert.ok(isMode(good), good);
    for (const bad of ['ro,rw', 'z,Z', 'x', 'ro,', ',', 'RO', 'shared,slave']) assert.ok(!isMode(bad), bad);
    assert.deepEqual(['', 'rw', 'ro', 'rro', 'bad'].map(isWritable), [true, true, false, false, false]);
    assert.deepEqual(parseBind('/a:/b:ro,rslave', '').request, {
      Type: 'bind',
      Source: '/a',
      Target: '/b',
      ReadOnly: true,
      BindOptions: { Propagation: 'rslave' },
    });
    assert.deepEqual(parseBind('v:/b:nocopy', 'other').request, {
      Type: 'volume',
      Source: 'v',
      Target: '/b',
      ReadOnly: false,
      VolumeOptions: { NoCopy: true, DriverConfig: { Name: 'other' } },
    });
    assert.deepEqual(parseBind('/b', '').request, { Type: 'volume', Source: '', Target: '/b', ReadOnly: false });
  });

  it('give the same as the mount that says the same', () => {
    const word = fc.constantFrom('a', 'b', '..', '.', 'c d');
    const path = fc.array(word, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(path, path, fc.boolean(), (source, target, readOnly) => {
        const outcome = (make: () => ResolvedMount[]): unknown => {
          try {
            return make().map(({ point: { Mode: _, ...point } }) => point);
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        assert.deepEqual(
          outcome(() => list({ Binds: [`${source}:${target}${readOnly ? ':ro' : ''}`] })),
          outcome(() => list({ Mounts: [{ Type: 'bind', Source: source, Target: target, ReadOnly: readOnly }] })),
        );
      }),
    );
  });

  it('never throw anything but a refusal', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (raw) => {
        try {
          const { request } = parseBind(raw, '');
          assert.ok(request.Target.startsWith('/'), raw);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'InvalidArgument', raw);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('mounts', () => {
  it('are checked by their type', () => {
    const refused = (mount: object, message: RegExp, exists = true): void =>
      assert.throws(() => verifyMountRequest(mount as Parameters<typeof verifyMountRequest>[0], () => exists), message);
    refused(
      { Type: 'bind', Source: '/x', Target: '/a' },
      /^EngineError: invalid mount config for type "bind": bind source path does not exist: \/x$/,
      false,
    );
    refused({ Type: 'image', Source: 'x', Target: '/a' }, /invalid mount config for type "image": mount type unknown/);
    refused({ Type: 'volume', Target: '/a', VolumeOptions: { Subpath: 'x' } }, /must not set Subpath/);
    refused(
      { Type: 'volume', Source: 'v', Target: '/a', VolumeOptions: { Subpath: '../x' } },
      /subpath must be a relative path within the volume/,
    );
    refused({ Type: 'tmpfs', Target: '/a', TmpfsOptions: { Options: [['uid', '3']] } }, /invalid option: uid/);
    verifyMountRequest(
      { Type: 'bind', Source: '/x', Target: '/a', BindOptions: { CreateMountpoint: true } },
      () => false,
    );
  });

  it('name subpaths that stay below', () => {
    for (const good of ['a', 'a/../b', './a', 'a//b']) assert.ok(isLocal(good), good);
    for (const bad of ['', '/a', '..', 'a/../..', '../a', 'a/../../b', 'a\0']) assert.ok(!isLocal(bad), bad);
  });

  it('say the size of a tmpfs in the largest unit', () => {
    const data = (SizeBytes: number): string => tmpfsData({ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes } });
    assert.deepEqual([2 ** 30, 3 * 2 ** 20, 2048, 1000, 0].map(data), [
      'size=1g',
      'size=3m',
      'size=2k',
      'size=1000',
      '',
    ]);
  });
});

describe('the list of mounts', () => {
  it('takes the place of what others have, and of what the image has', () => {
    const theirs = list({ Binds: ['/theirs:/a', 'shared:/b'] });
    const all = list(
      { Binds: ['/mine:/a'], VolumesFrom: ['other:ro'] },
      { mountsOf: () => theirs, volumes: { '/b': {}, '/c': {} } },
    );
    assert.deepEqual(
      all.map(({ point, from }) => [point.Destination, point.Type, point.Name ?? point.Source, point.RW, from]),
      [
        ['/a', 'bind', '/mine', true, 'bind'],
        ['/b', 'volume', 'shared', false, 'volumes-from'],
        ['/c', 'volume', '', true, 'image'],
      ],
    );
    assert.equal(all[1]?.volume?.copy, false);
    assert.deepEqual(all[2]?.volume?.labels, { 'com.docker.volume.anonymous': '' });
  });

  it('has every place once', () => {
    for (const host of [
      { Binds: ['/x:/a', 'v:/a/'] },
      { Binds: ['/x:/a'], Tmpfs: { '/a': '' } },
      { Mounts: [{ Type: 'tmpfs', Target: '/a' } as const], Tmpfs: { '/a/.': '' } },
      { Binds: ['/x:/a'], Mounts: [{ Type: 'volume', Target: '/b/../a' } as const] },
    ])
      assert.throws(() => list(host), { code: 'InvalidArgument', message: /^Duplicate mount point: / });
    assert.deepEqual(list({ Tmpfs: { '/c': '' } }, { volumes: { '/c': {} } }), []);
  });

  it('makes the source of -v, and not that of --mount', () => {
    assert.equal(list({ Binds: ['/new:/a'] }, { exists: () => false })[0]?.createSource, true);
    assert.throws(
      () => list({ Mounts: [{ Type: 'bind', Source: '/new', Target: '/a' }] }, { exists: () => false }),
      /bind source path does not exist: \/new/,
    );
  });

  it('reads --volumes-from', () => {
    assert.deepEqual(parseVolumesFrom('c'), { container: 'c', mode: 'rw' });
    assert.deepEqual(parseVolumesFrom('c:ro,z'), { container: 'c', mode: 'ro,z' });
    for (const bad of ['', 'c:shared', 'c:nocopy', 'c:what'])
      assert.throws(() => parseVolumesFrom(bad), { code: 'InvalidArgument' });
  });
});

describe("the engine's own directory", () => {
  const of = (bind: string): string | undefined =>
    list({ Binds: [bind] }, { dataRoot: '/var/lib/engine' })[0]?.point.Propagation;

  it('spreads what is unmounted there, whether it is in the source or around it', () => {
    for (const source of ['/var/lib/engine', '/var/lib/engine/volumes', '/var/lib', '/'])
      assert.equal(of(`${source}:/x`), 'rslave', source);
    for (const source of ['/var/lib/engine-too', '/var/log', '/v'])
      assert.equal(of(`${source}:/x`), 'rprivate', source);
    assert.equal(of('/var/lib:/x:rshared'), 'rshared');
    assert.throws(
      () => of('/var/lib/engine:/x:private'),
      /must use either propagation mode "rslave" or "rshared".*propagation: "private"/,
    );
  });
});
