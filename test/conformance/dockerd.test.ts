import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { compareRuntimes, differences, report } from '../helpers/docker/checks.js';
import { Dockerd } from '../helpers/docker/dockerd.js';
import { groupsBelow, PLACE, raiseFences, removeGroups } from '../helpers/docker/fences.js';
import { imageArchive } from '../helpers/docker/image.js';
import { leftovers } from '../helpers/docker/leftovers.js';
import { whyNot } from '../helpers/docker/programs.js';
import { makeSlots } from '../helpers/docker/slots.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { EXEC_CHECKS } from './docker/exec.js';
import { LIFE_CHECKS } from './docker/life.js';
import { LIMIT_CHECKS } from './docker/limits.js';
import { lostDaemon } from './docker/lost-daemon.js';
import { RUN_CHECKS } from './docker/run.js';
import { SHARING_CHECKS } from './docker/sharing.js';
import { SIGHT_CHECKS } from './docker/sight.js';
import { UPKEEP_CHECKS } from './docker/upkeep.js';
import { USERNS_CHECKS } from './docker/userns.js';

const CHECKS = [
  ...LIFE_CHECKS,
  ...RUN_CHECKS,
  ...EXEC_CHECKS,
  ...UPKEEP_CHECKS,
  ...LIMIT_CHECKS,
  ...SIGHT_CHECKS,
  ...SHARING_CHECKS,
];

if (inSandbox) {
  const group = process.env['GLASSBOX_TEST_GROUP'] ?? '';
  assert.match(group, /^glassbox-/, 'the sandbox was not given the name of its cgroup');
  raiseFences();
  const slots = makeSlots(PLACE);
  const archive = imageArchive(PLACE);

  describe('dockerd with our runtime as its default does what it does with runc', () => {
    const daemon = new Dockerd('plain', group, slots, ['--live-restore']);
    before(async () => {
      await daemon.start();
      daemon.load(archive);
    });
    after(() => daemon.end());

    describe('checks', { concurrency: 3 }, () => {
      for (const check of CHECKS) test(check.name, { timeout: 150_000 }, () => compareRuntimes(daemon, check));

      test('faults planted in runc are seen', { timeout: 150_000 }, async () => {
        const faults: [string, RegExp][] = [
          ['limits: the control files', /^\+.*67108864/m],
          ['sight: options with a value', /^\+.*Max open files +100 +201/m],
          ['exec: what the program gets', /^\+.*uid=1001/m],
        ];
        for (const [name, wanted] of faults) {
          const check = CHECKS.find((one) => one.name === name);
          assert.ok(check !== undefined, `there is no check ${name}`);
          const [good, bad] = await Promise.all([report(daemon, 'reference', check), report(daemon, 'planted', check)]);
          assert.match(differences(good, bad).join('\n'), wanted);
        }
      });
    });

    test('containers outlive a daemon that was killed', { timeout: 120_000 }, () => lostDaemon(daemon));
    test('nothing is left of the containers', async () => assert.deepEqual(await leftovers(daemon), []));
  });

  describe('dockerd with --userns-remap', () => {
    const daemon = new Dockerd('remapped', `${group}`, slots, ['--userns-remap', '65534']);
    before(async () => {
      await daemon.start();
      daemon.load(archive);
    });
    after(() => daemon.end());
    describe('checks', { concurrency: 2 }, () => {
      for (const check of USERNS_CHECKS) test(check.name, { timeout: 150_000 }, () => compareRuntimes(daemon, check));
    });
    test('nothing is left of the containers', async () => assert.deepEqual(await leftovers(daemon), []));
  });

  test('no cgroup is left', () => {
    removeGroups(group);
    assert.deepEqual(groupsBelow(group), []);
  });
} else {
  const why = whyNot(['dockerd', 'docker', 'containerd', 'runc', 'iptables', 'python3', 'busybox', 'diff']);
  test('dockerd with our runtime', { skip: why ?? false, timeout: 300_000 }, () => {
    const group = `glassbox-dockerd-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 280_000 });
    } finally {
      removeGroups(group);
    }
  });
}
