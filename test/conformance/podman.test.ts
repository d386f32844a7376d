import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type Check, compareRuntimes, differences, report } from '../helpers/docker/checks.js';
import { groupsBelow, PLACE, raiseFences, removeGroups } from '../helpers/docker/fences.js';
import { imageArchive } from '../helpers/docker/image.js';
import { leftovers } from '../helpers/docker/leftovers.js';
import { Podman } from '../helpers/docker/podman.js';
import { whyNot } from '../helpers/docker/programs.js';
import { makeSlots } from '../helpers/docker/slots.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { LIFE_CHECKS } from './docker/life.js';
import { PODMAN_CHECKS, ROOTLESS_CHECKS } from './docker/podman.js';
import { RUN_CHECKS } from './docker/run.js';

/** Of dockerd's checks those that ask podman the same in the same words. */
const SHARED = [...LIFE_CHECKS, ...RUN_CHECKS.filter(({ name }) => /standard input|logs/.test(name))];

if (inSandbox) {
  const group = process.env['GLASSBOX_TEST_GROUP'] ?? '';
  assert.match(group, /^glassbox-/, 'the sandbox was not given the name of its cgroup');
  raiseFences();
  const slots = makeSlots(PLACE);
  const archive = imageArchive(PLACE);

  const suite = (podman: Podman, checks: readonly Check[], more: () => void): void => {
    describe(podman.name, () => {
      before(() => {
        for (const slot of ['reference', 'subject', 'planted'] as const)
          podman.podman(slot, ['import', '-', podman.image], archive);
      });
      describe('checks', { concurrency: 3 }, () => {
        for (const check of checks)
          test(check.name, { timeout: 1_200_000 }, (t) => compareRuntimes(podman, check, (said) => t.diagnostic(said)));
      });
      more();
      test('nothing is left of the containers', async () => {
        podman.end();
        assert.deepEqual(await leftovers(podman), []);
      });
    });
  };

  const podman = new Podman(group, slots, { rootless: false });
  suite(podman, [...PODMAN_CHECKS, ...SHARED], () => {
    test('faults planted in runc are seen', { timeout: 1_200_000 }, async () => {
      const check = { name: 'planted', script: 'run --rm $IMAGE grep CapBnd /proc/self/status', expect: [] };
      const [good, bad] = await Promise.all([report(podman, 'reference', check), report(podman, 'planted', check)]);
      assert.match(differences(good, bad).join('\n'), /^\+.*CapBnd/m);
    });
  });
  suite(new Podman(group, slots, { rootless: true }), ROOTLESS_CHECKS, () => undefined);

  test('no cgroup is left', () => {
    removeGroups(group);
    assert.deepEqual(groupsBelow(group), []);
  });
} else {
  const why = whyNot(['podman', 'conmon', 'runc', 'python3', 'busybox', 'diff', 'docker-init', 'setpriv', 'newuidmap']);
  test('podman with our runtime', { skip: why ?? false, timeout: 1_200_000 }, () => {
    const group = `glassbox-podman-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 });
    } finally {
      removeGroups(group);
    }
  });
}
