import assert from 'node:assert/strict';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attacks, type Bundle, bundle, type How, noSwitch, printed, started } from './attack.js';

/**
 * CVE-2022-36109, CVE-2023-25173: groups that a process has and was not given, or was given and does not have; a file that
 * is closed to a group must be closed.
 */
const GROUPS = ['grep', '^Groups', '/proc/self/status'];
/** The starter is in groups that are nobody's business. */
const MEMBER: How = { prefix: ['setpriv', '--groups=4,27,1234', '--'] };

function target(uid: number, gid: number, additionalGids: number[] | undefined, args = GROUPS): Bundle {
  return bundle((config, rootfs) => {
    config.process.args = args;
    config.process.user = { uid, gid, ...(additionalGids === undefined ? {} : { additionalGids }) };
    writeFileSync(join(rootfs, 'closed'), 'secret');
    chownSync(join(rootfs, 'closed'), 0, 1234);
    chmodSync(join(rootfs, 'closed'), 0o640);
  });
}

const groups = (text: string): number[] =>
  (/^Groups:\s*(.*?)\s*$/m.exec(text)?.[1] ?? 'none')
    .split(' ')
    .filter((word) => word !== '')
    .map(Number)
    .sort((a, b) => a - b);

/** What buildkit's dockerfile_core_test expects of `id`, as an engine translates it: user, group, additional groups. */
const TABLE: readonly (readonly [uid: number, gid: number, additional: number[] | undefined])[] = [
  [0, 0, undefined],
  [0, 0, []],
  [0, 0, [0, 1, 2, 3, 4, 6, 10, 11, 20, 26, 27]],
  [1000, 1000, [1000]],
  [1000, 1000, [0, 1000, 2000]],
  [1000, 0, []],
  [65534, 65534, [65_535]],
];

attacks(import.meta.url, 'R13: supplementary groups', () => {
  test("CVE-2023-25173: a process has the groups of its configuration, and none of the starter's", () => {
    for (const [uid, gid, additional] of TABLE)
      assert.deepEqual(groups(printed(target(uid, gid, additional), MEMBER)), additional ?? [], `${uid}:${gid}`);
  });

  test('CVE-2022-36109: exec has those of its container or its own, and none of the starter', () => {
    const container = started(target(1000, 1000, [1000, 2000], ['sleep', '60']), MEMBER);
    try {
      assert.deepEqual(groups(container.exec(GROUPS, [], MEMBER).stdout), [1000, 2000]);
      assert.deepEqual(
        groups(container.exec(GROUPS, ['--additional-gids', '7'], MEMBER).stdout).filter((gid) => gid === 1234),
        [],
      );
      assert.deepEqual(
        groups(container.exec(GROUPS, ['--user', '1001:1001'], MEMBER).stdout).filter((gid) =>
          [4, 27, 1234].includes(gid),
        ),
        [],
      );
    } finally {
      container.stop();
    }
  });

  const read = (how: How): string =>
    printed(target(1000, 1000, [], ['sh', '-c', 'cat /closed 2>/dev/null || echo refused']), how);

  test("R13: a file of the starter's group stays closed", () => {
    assert.equal(read(MEMBER).trim(), 'refused');
  });

  test('R13 twin: with the groups of the starter it is read', { skip: noSwitch }, () => {
    assert.equal(read({ ...MEMBER, off: ['supplementary-groups'] }).trim(), 'secret');
  });
});
