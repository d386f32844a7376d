/** CVE-2020-1726, CVE-2023-0778, CVE-2022-23648: volumes, exports and an image's VOLUMEs. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveMounts } from '../../engine/container/mounts/mount-list.js';
import { containerRoot, copyWork, flip } from './copy-attack.js';
import { attacks, rounds } from './runtime/attack.js';

const WISHES = { Binds: null, Mounts: [], VolumesFrom: null, VolumeDriver: '' };
const noneOf = { mountsOf: () => [], exists: () => true };

attacks(import.meta.url, 'F03: volumes', () => {
  test('CVE-2020-1726: what a volume holds is not covered by the image', () => {
    const { root } = containerRoot();
    const volume = mkdtempSync('/run/copied/volume-');
    writeFileSync(join(volume, 'x'), 'mine');
    assert.equal(copyWork('fill', root, '/safe', { secret: volume }).done, 1);
    assert.equal(readFileSync(join(volume, 'x'), 'utf8'), 'mine');
    const empty = mkdtempSync('/run/copied/volume-');
    copyWork('fill', root, '/safe', { secret: empty });
    assert.equal(readFileSync(join(empty, 'x'), 'utf8'), 'inside');
  });

  test('CVE-2020-1726 twin: without the look into the volume, more is put into it', () => {
    const { root } = containerRoot();
    const volume = mkdtempSync('/run/copied/volume-');
    writeFileSync(join(volume, 'y'), 'mine');
    copyWork('fill', root, '/safe', { secret: volume, off: ['copy-empty-only'] });
    assert.deepEqual(readdirSync(volume).sort(), ['x', 'y']);
  });

  test('CVE-2022-23648: a place of an image that climbs out ends in the container, and is a volume of no name', () => {
    for (const [said, place] of [
      ['../../../etc', '/etc'],
      ['/a/../../../etc', '/etc'],
      ['relative/./path/', '/relative/path'],
    ] as const) {
      const [mount, ...more] = resolveMounts({ hostConfig: WISHES, volumes: { [said]: {} }, ...noneOf });
      assert.deepEqual(
        [mount?.point.Destination, mount?.point.Type, mount?.point.Source, mount?.volume?.name, more],
        [place, 'volume', '', '', []],
      );
    }
    for (const said of ['/', '../..', '/a/..', 'a\0b'])
      assert.throws(
        () => resolveMounts({ hostConfig: WISHES, volumes: { [said]: {} }, ...noneOf }),
        { code: 'InvalidArgument' },
        said,
      );
  });

  test('CVE-2022-23648: a volume is filled with what the image has inside, never through its links', () => {
    const { root, outside, secret } = containerRoot();
    symlinkSync(outside, join(root, 'link'));
    const volume = mkdtempSync('/run/copied/volume-');
    copyWork('fill', root, `/link|${outside}|/../../${outside}`, { secret: volume });
    assert.deepEqual(readdirSync(volume), []);
    const robbed = mkdtempSync('/run/copied/volume-');
    copyWork('fill', root, '/link', { secret: robbed, off: ['copy-in-root'] });
    assert.equal(
      readFileSync(join(robbed, 'x'), 'utf8'),
      secret,
      'the twin: looked up on the machine, it is the machine that is copied',
    );
  });

  test('CVE-2023-0778: a file that becomes a link while it is exported is not followed', async () => {
    const { root, outside, secret } = containerRoot();
    mkdirSync(join(root, 'deep'));
    writeFileSync(join(root, 'deep/x'), 'inside');
    symlinkSync(join(outside, 'x'), join(root, 'deep/link'));
    const swapper = flip(join(root, 'deep'), 'x', 'link');
    try {
      const got = copyWork('export', root, '/', { rounds: rounds(300), secret });
      assert.deepEqual([got.refused, got.leaks], [0, 0], got.errors.join('; '));
      // the twin: whoever reads the same name without care is led out
      let led = false;
      for (let tries = 0; !led && tries < 5000; tries++) {
        led = readFileSync(join(root, 'deep/x'), 'utf8') === secret;
        await sleep(1);
      }
      assert.ok(led, 'the attack does not work, so that the test shows nothing');
    } finally {
      await swapper.stop();
    }
  });
});
