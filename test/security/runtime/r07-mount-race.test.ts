import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canaries } from '../attack.js';
import { attacks, type Bundle, bundle, noSwitch, rounds, run } from './attack.js';
import { manyRuns, type Result } from './many.js';
import { directoryAndLink, exchange, type SharedVolume, sharedVolume } from './swapper.js';

/**
 * CVE-2021-30465: between finding the place of a mount and mounting there, another container that shares the volume
 * exchanges the place for a link. The mount of a container must be in that container, under whatever name of its own, or
 * the start must fail.
 */
const MARK = 'marked-r07';

function target({ volume }: SharedVolume): Bundle {
  return bundle((config) => {
    config.process.args = ['cat', '/proc/self/mountinfo'];
    config.mounts.push(
      { destination: '/vol', type: 'bind', source: volume, options: ['rbind', 'rw'] },
      { destination: '/vol/place', type: 'tmpfs', source: MARK, options: ['nosuid', 'size=64k'] },
    );
  });
}

/** It started, and its mount is somewhere else. */
const lost = ({ status, stdout }: Result): boolean => status === 0 && !stdout.includes(` ${MARK} `);
/** It shows a tree of the machine: the fourth field of mountinfo is what of a file system is mounted. proc(5) */
const foreign = ({ stdout }: Result): boolean =>
  /^\S+ \S+ \S+ (\/shared\/outside-|\/ \S+ .* - (ext4|xfs|btrfs|overlay) )/m.test(stdout);

attacks(import.meta.url, 'R07: places of mounts exchanged for links', () => {
  test('CVE-2021-30465: exchanged during the start, no mount leaves its container', { timeout: 600_000 }, async () => {
    const machine = await canaries();
    const shared = sharedVolume();
    directoryAndLink(shared, 'place');
    const swapper = exchange(shared.volume, 'place', 'link');
    try {
      const results = await manyRuns(
        Array.from({ length: rounds(300) }, () => target(shared)),
        {},
      );
      for (const done of results) {
        assert.equal(lost(done), false, done.stdout);
        assert.equal(foreign(done), false, done.stdout);
      }
      assert.ok(
        results.some(({ status }) => status === 0),
        `not one start came through: ${results[0]?.stderr}`,
      );
      assert.deepEqual(readdirSync(shared.outside), []);
      assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(MARK));
      machine.check();
    } finally {
      await swapper.stop();
      machine.close();
    }
  });

  test('CVE-2021-30465: a link that lies there from the beginning neither', () => {
    const shared = sharedVolume();
    symlinkSync(shared.outside, join(shared.volume, 'place'));
    const done = run(target(shared));
    assert.equal(lost(done), false, done.stdout);
    assert.deepEqual(readdirSync(shared.outside), []);
  });

  test('CVE-2021-30465 twin: looked for outside of the root, the mount is gone from the container', {
    skip: noSwitch,
  }, () => {
    const shared = sharedVolume();
    symlinkSync(shared.outside, join(shared.volume, 'place'));
    const done = run(target(shared), { off: ['in-root-open'] });
    assert.equal(lost(done), true, done.stdout + done.stderr);
  });
});
