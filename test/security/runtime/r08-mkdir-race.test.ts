import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attacks, type Bundle, bundle, noSwitch, rounds, run } from './attack.js';
import { manyRuns } from './many.js';
import { directoryAndLink, exchange, type SharedVolume, sharedVolume } from './swapper.js';

/** CVE-2024-45310: the missing place of a mount is made, and a directory on the way to it was exchanged for a link. */
function target({ volume }: SharedVolume, name: string): Bundle {
  return bundle((config) => {
    config.process.args = ['true'];
    const file = join(config.root.path, 'etc/passwd');
    config.mounts.push(
      { destination: '/vol', type: 'bind', source: volume, options: ['rbind', 'rw'] },
      { destination: `/vol/place/${name}/deeper`, type: 'tmpfs', source: 'tmpfs', options: [] },
      { destination: `/vol/place/file-${name}`, type: 'bind', source: file, options: ['bind', 'ro'] },
    );
  });
}

attacks(import.meta.url, 'R08: made outside of the root', () => {
  test('CVE-2024-45310: exchanged during the start, nothing is made outside', { timeout: 600_000 }, async () => {
    const shared = sharedVolume();
    directoryAndLink(shared, 'place');
    const swapper = exchange(shared.volume, 'place', 'link');
    try {
      const results = await manyRuns(
        Array.from({ length: rounds(150) }, (_, n) => target(shared, `n${n}`)),
        {},
      );
      assert.deepEqual(readdirSync(shared.outside, { recursive: true }), []);
      assert.ok(
        results.some(({ status }) => status === 0),
        `not one start came through: ${results[0]?.stderr}`,
      );
    } finally {
      await swapper.stop();
    }
  });

  test('CVE-2024-45310: through a link that lies there, nothing is made outside', () => {
    for (const to of ['absolute', 'relative', 'to nothing'] as const) {
      const shared = sharedVolume();
      const where = to === 'to nothing' ? join(shared.outside, 'missing') : shared.outside;
      symlinkSync(to === 'relative' ? `${'../'.repeat(20)}${where.slice(1)}` : where, join(shared.volume, 'place'));
      run(target(shared, 'static'));
      assert.deepEqual(readdirSync(shared.outside, { recursive: true }), [], to);
    }
  });

  test('CVE-2024-45310 twin: looked for outside of the root, it is made there', { skip: noSwitch }, () => {
    const shared = sharedVolume();
    mkdirSync(join(shared.volume, 'unused'));
    symlinkSync(shared.outside, join(shared.volume, 'place'));
    run(target(shared, 'static'), { off: ['in-root-open'] });
    assert.notDeepEqual(readdirSync(shared.outside, { recursive: true }), []);
  });
});
