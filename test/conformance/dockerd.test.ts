import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Check, compareRuntimes, differences, report, unmet } from '../helpers/docker/checks.js';
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

/** Shows each fault of the planted runtime. */
const PLANTED: Check = {
  name: 'planted',
  script: `
    run -d --name "$P"p -m 32m --ulimit nofile=100:200 $IMAGE sh -c 'trap "echo got" USR1; grep CapBnd /proc/self/status; ulimit -Hn; while :; do sleep 0.1; done' >/dev/null
    await logged "$P"p '^20[01]'; d logs "$P"p; limit "$P"p memory/memory.limit_in_bytes memory.max
    d exec -u 1000 "$P"p id -u; d kill -s USR1 "$P"p >/dev/null; sleep 0.5; echo "$(d logs "$P"p | grep -c got) lines"`,
  expect: ['CapBnd', '\n200\n', ': 33554432 ', '\n1000\n1 lines'],
};

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
      for (const check of CHECKS)
        test(check.name, { timeout: 1_200_000 }, (t) => compareRuntimes(daemon, check, (said) => t.diagnostic(said)));

      test('faults planted in runc are seen', { timeout: 1_200_000 }, async () => {
        const [good, bad] = await Promise.all([
          report(daemon, 'reference', PLANTED),
          report(daemon, 'planted', PLANTED),
        ]);
        assert.deepEqual(unmet(PLANTED, good), []);
        const lines = differences(good, bad).join('\n');
        for (const seen of [/^\+CapBnd/m, /^\+.*: 67108864 /m, /^\+201$/m, /^\+1001$/m, /^\+0 lines/m])
          assert.match(lines, seen);
      });
    });

    test('containers outlive a daemon that was killed', { timeout: 600_000 }, () => lostDaemon(daemon));
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
      for (const check of USERNS_CHECKS)
        test(check.name, { timeout: 1_200_000 }, (t) => compareRuntimes(daemon, check, (said) => t.diagnostic(said)));
    });
    test('nothing is left of the containers', async () => assert.deepEqual(await leftovers(daemon), []));
  });

  test('no cgroup is left', () => {
    removeGroups(group);
    assert.deepEqual(groupsBelow(group), []);
  });
} else {
  const why = whyNot(['dockerd', 'docker', 'containerd', 'runc', 'iptables', 'python3', 'busybox', 'diff']);
  test('dockerd with our runtime', { skip: why ?? false, timeout: 1_200_000 }, () => {
    const group = `glassbox-dockerd-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 });
    } finally {
      removeGroups(group);
    }
  });
}
