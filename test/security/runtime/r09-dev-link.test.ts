import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canaries, routes } from '../attack.js';
import { attacks, type Bundle, bundle, noSwitch, run } from './attack.js';
import { manyRuns, type Result } from './many.js';
import { perl } from './perl.js';
import { sharedVolume } from './swapper.js';

/** CVE-2026-41579, CVE-2026-47766: the root file system's /dev is a link, and devices and mount points are made where it leads. */
const LOOK = perl(`my @s = stat '/dev/null'; told 'null', @s && -c _ && $s[6] == 259 ? 'null' : 'OTHER';`);

function target(to: string, options: { name?: string; tmpfs: boolean }): Bundle {
  return bundle((config, rootfs) => {
    config.process.args = LOOK;
    config.linux.maskedPaths = [];
    if (!options.tmpfs) config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    const name = options.name ?? 'dev';
    if (name.includes('/')) mkdirSync(join(rootfs, name, '..'), { recursive: true });
    else rmdirSync(join(rootfs, name));
    symlinkSync(to, join(rootfs, name));
  });
}

attacks(import.meta.url, 'R09: links for directories of the root', () => {
  test('CVE-2026-41579: directories of the root that are links change nothing outside', async () => {
    const machine = await canaries();
    try {
      const cases = (['dev', 'sys', 'proc', 'dev/pts', 'dev/shm', 'dev/mqueue'] as const).flatMap((name) =>
        // below /dev only without a tmpfs on it, which would cover the link
        (name.startsWith('dev/') ? [false] : [true, false]).flatMap((tmpfs) =>
          ['absolute', 'climbing', 'to nothing'].map((kind) => {
            const { outside } = sharedVolume();
            const to =
              kind === 'absolute'
                ? outside
                : kind === 'climbing'
                  ? `${'../'.repeat(12)}${outside.slice(1)}`
                  : join(outside, 'missing');
            return { outside, what: `/${name} -> ${to}, tmpfs ${tmpfs}`, bundle: target(to, { name, tmpfs }) };
          }),
        ),
      );
      const results = await manyRuns(
        cases.map((one) => one.bundle),
        {},
      );
      for (const [n, { outside, what }] of cases.entries()) {
        assert.deepEqual(readdirSync(outside), [], what);
        const { status, stdout } = results[n] as Result;
        if (status === 0) assert.equal(routes(stdout).get('null'), 'null', `${what}: ${stdout}`);
      }
      assert.ok(
        results.some(({ status }) => status === 0),
        `not one of them came through: ${results[0]?.stderr}`,
      );
      machine.check();
    } finally {
      machine.close();
    }
  });

  test('CVE-2026-41579 twin: looked for outside of the root, devices are made there', { skip: noSwitch }, () => {
    const { outside } = sharedVolume();
    run(target(outside, { tmpfs: false }), { off: ['in-root-open'] });
    assert.ok(readdirSync(outside).includes('null'), readdirSync(outside).join(' '));
  });
});
