import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideIdentity, mapText, toOutside } from '../../engine/labhost/identity.js';

const WHOLE = '         0          0 4294967295\n';

test('root of the machine maps the lab to a million ids that nobody has', () => {
  const identity = decideIdentity({ uid: 0, gid: 0, hasNewuidmap: false, ownUids: WHOLE, ownGids: WHOLE });
  assert.equal(identity.mode, 'root');
  assert.deepEqual(identity.uids, [{ inside: 0, outside: 1_000_000, count: 1_000_000 }]);
  assert.equal(mapText(identity.uids), '0 1000000 1000000\n');
  assert.deepEqual(
    [toOutside(identity.uids, 0), toOutside(identity.uids, 33), toOutside(identity.uids, 5_000_000)],
    [1_000_000, 1_000_033, 65534],
  );
});

test('root of a user namespace takes what ids it has, never its own', () => {
  const rootless = '0 1000 1\n1 100000 65536\n';
  const container = decideIdentity({ uid: 0, gid: 0, hasNewuidmap: false, ownUids: rootless, ownGids: rootless });
  assert.deepEqual(container.uids, [{ inside: 0, outside: 1, count: 65536 }]);
  const lab = '0 1000000 1000000\n';
  assert.deepEqual(decideIdentity({ uid: 0, gid: 0, hasNewuidmap: false, ownUids: lab, ownGids: lab }).uids, [
    { inside: 0, outside: 1, count: 999_999 },
  ]);
  const single = '0 1000 1\n';
  assert.equal(
    decideIdentity({ uid: 0, gid: 0, hasNewuidmap: false, ownUids: single, ownGids: single }).mode,
    'one-user',
  );
});

test('a user gets their own id as root and their subordinate range behind it', () => {
  const subuid = 'other:100000:65536\n4242:200000:65536\n4242:900000:10\n';
  const identity = decideIdentity({ uid: 4242, gid: 77, hasNewuidmap: true, subuid, subgid: subuid });
  assert.equal(identity.mode, 'subuid');
  assert.deepEqual(identity.uids, [
    { inside: 0, outside: 4242, count: 1 },
    { inside: 1, outside: 200_000, count: 65536 },
  ]);
  assert.deepEqual(identity.gids[0], { inside: 0, outside: 77, count: 1 });
});

for (const [what, options] of [
  ['newuidmap is missing', { hasNewuidmap: false, subuid: '4242:200000:65536', subgid: '4242:200000:65536' }],
  ['there is no range', { hasNewuidmap: true, subuid: '', subgid: '' }],
  ['only uids have a range', { hasNewuidmap: true, subuid: '4242:200000:65536', subgid: '' }],
  ['the range is damaged', { hasNewuidmap: true, subuid: '4242:x:65536', subgid: '4242:200000:-1' }],
] as const) {
  test(`one user alone when ${what}`, () => {
    const identity = decideIdentity({ uid: 4242, gid: 77, ...options });
    assert.equal(identity.mode, 'one-user');
    assert.deepEqual(identity.uids, [{ inside: 0, outside: 4242, count: 1 }]);
  });
}
