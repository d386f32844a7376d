/** Names of containers and volumes that are paths, options, or look like others. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseBind } from '../../engine/container/mounts/binds.js';
import { resolveMounts } from '../../engine/container/mounts/mount-list.js';
import { verifyName } from '../../engine/container/names.js';
import { cgroupsPathOf } from '../../engine/container/spec/container-spec.js';
import { openVolumes } from '../../engine/volume/volumes.js';
import { attacks } from './runtime/attack.js';

const BAD = [
  '.',
  '..',
  '../x',
  'a/b',
  '/etc',
  '-rf',
  '--privileged',
  'a\0b',
  'a\nb',
  'x'.repeat(300),
  'pаypal',
  'a\u202eb',
  ' a',
  'a b',
  '_a',
  '\u001b[2J',
  '%2e%2e',
  '~root',
  '$(id)',
];

attacks(import.meta.url, 'F04: names', () => {
  test('F04: no container has a name that is a path, an option or a trick', () => {
    for (const name of ['', 'a', ...BAD]) {
      // one leading slash is how dockerd itself writes names
      if (name === '/etc') continue;
      assert.throws(() => verifyName(name), { code: 'InvalidArgument' }, JSON.stringify(name));
    }
    assert.equal(verifyName('/etc'), 'etc');
  });

  test('F04: no volume has one, and nothing is made beside the volumes', async () => {
    mkdirSync('/run/named', { recursive: true });
    const root = mkdtempSync('/run/named/root-');
    const volumes = await openVolumes({ root });
    for (const Name of BAD)
      await assert.rejects(volumes.create({ Name }), { code: 'InvalidArgument' }, JSON.stringify(Name));
    assert.deepEqual(readdirSync('/run/named').length, 1);
    assert.deepEqual((await volumes.list()).Volumes, []);
  });

  test('F04 twin: without the check of names, a volume is made outside', () => {
    const root = mkdtempSync('/run/named/root-');
    const script = `
      import { openVolumes } from ${JSON.stringify(new URL('../../engine/volume/volumes.ts', import.meta.url).href)};
      const volumes = await openVolumes({ root: ${JSON.stringify(root)} });
      await volumes.create({ Name: '../../escaped' }).catch((error) => console.log(error.message));`;
    execFileSync(process.execPath, ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script], {
      env: { ...process.env, GLASSBOX_TEST_GUARDS_OFF: 'volume-name' },
    });
    assert.ok(
      existsSync('/run/named/escaped') || existsSync(join(root, 'escaped')),
      'nothing was made outside of the volumes',
    );
  });

  test('F04: the name of a volume in a bind cannot be a path that climbs', () => {
    for (const raw of ['../x:/a', './x:/a', '..:/a']) {
      const { request } = parseBind(raw, '');
      // as in Docker it is a volume's name, which is refused when the volume is made
      assert.equal(request.Type, 'volume');
    }
    const mounts = resolveMounts({
      hostConfig: { Binds: ['/run/x/../../etc:/a/../b'], Mounts: [], VolumesFrom: null, VolumeDriver: '' },
      volumes: null,
      mountsOf: () => [],
      exists: () => true,
    });
    assert.deepEqual([mounts[0]?.point.Source, mounts[0]?.point.Destination], ['/etc', '/b']);
  });

  test('F04: a group cannot be named outside of the hierarchy', () => {
    const id = 'f'.repeat(64);
    for (const parent of ['../../..', '/../..', '..', 'a/../../..'])
      assert.ok(!cgroupsPathOf(id, parent).includes('..'), `${parent} climbs: ${cgroupsPathOf(id, parent)}`);
    assert.equal(cgroupsPathOf(id, ''), `/docker/${id}`);
  });
});
