import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canaries, routes } from '../attack.js';
import { attacks, type Bundle, bundle, noSwitch, run } from './attack.js';
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
  for (const tmpfs of [true, false])
    for (const name of ['dev', 'sys', 'dev/pts', 'dev/shm', 'dev/mqueue', 'proc'] as const) {
      if (tmpfs && name.startsWith('dev/')) continue; // covered by the tmpfs
      test(`CVE-2026-41579: /${name} as a link ${tmpfs ? 'with' : 'without'} a tmpfs on /dev changes nothing outside`, async () => {
        const machine = await canaries();
        try {
          const { outside } = sharedVolume();
          for (const to of [outside, `${'../'.repeat(12)}${outside.slice(1)}`, join(outside, 'missing')]) {
            const done = run(target(to, { name, tmpfs }));
            assert.deepEqual(readdirSync(outside), [], `/${name} -> ${to}`);
            if (done.status === 0) assert.equal(routes(done.stdout).get('null'), 'null', done.stdout);
          }
          machine.check();
        } finally {
          machine.close();
        }
      });
    }

  test('CVE-2026-41579 twin: looked for outside of the root, devices are made there', { skip: noSwitch }, () => {
    const { outside } = sharedVolume();
    run(target(outside, { tmpfs: false }), { off: ['in-root-open'] });
    assert.ok(readdirSync(outside).includes('null'), readdirSync(outside).join(' '));
  });
});
