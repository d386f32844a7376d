import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Check, differences, report, unmet } from '../../helpers/docker/checks.js';
import type { Dockerd } from '../../helpers/docker/dockerd.js';
import { PLACE } from '../../helpers/docker/fences.js';

const BEFORE: Check = {
  name: 'before',
  script: String.raw`
    run -d --name "$P"kept -m 48m $IMAGE sh -c 'trap "exit 7" TERM; echo before; while [ ! -e /go ]; do sleep 0.1; done; echo after; while :; do sleep 0.1; done' >/dev/null
    run -d --name "$P"ended $IMAGE sh -c 'while [ ! -e /go ]; do sleep 0.1; done; echo last; exit 9' >/dev/null
    await logged "$P"kept before; d exec "$P"kept true && state "$P"kept
    pid "$P"kept >kept.pid; pid "$P"ended >ended.pid`,
  expect: ['running 0'],
};

const AFTER: Check = {
  name: 'after',
  script: String.raw`
    state "$P"kept; pid "$P"kept | cmp - kept.pid && echo 'the same process'
    await is "$P"ended Status exited; state "$P"ended
    try d exec "$P"kept sh -c 'echo in; exit 3'
    await logged "$P"kept after; d logs "$P"kept
    d pause "$P"kept >/dev/null; state "$P"kept; d unpause "$P"kept >/dev/null
    d update -m 64m --memory-swap 64m "$P"kept >/dev/null; limit "$P"kept memory/memory.limit_in_bytes memory.max
    d stop -t 20 "$P"kept >/dev/null; state "$P"kept
    say again; d start "$P"kept >/dev/null; await is "$P"kept Status running; d rm -f "$P"kept "$P"ended`,
  expect: ['the same process', 'exited 9 oom=false', '| in\n= 3', 'before\nafter', 'paused 0', '67108864', 'exited 7'],
};

/**
 * `kill -9` of dockerd (its containerd ends with it): the containers run on, one of them ends meanwhile, and a new daemon
 * finds both. While there is no daemon, files in a container are reached through /proc.
 */
export async function lostDaemon(daemon: Dockerd): Promise<void> {
  const slots = ['reference', 'subject'] as const;
  const phase = (check: Check): Promise<string[][]> =>
    Promise.all(slots.map((slot) => report(daemon, slot, check, `lost-${slot}-`)));
  const begun = await phase(BEFORE);
  await daemon.end('SIGKILL');
  const pidOf = (slot: string, name: string): string =>
    readFileSync(join(PLACE, 'work', `lost-${slot}-`, `${name}.pid`), 'utf8').trim();
  for (const slot of slots) {
    for (const name of ['kept', 'ended']) {
      assert.ok(existsSync(`/proc/${pidOf(slot, name)}/root/bin`), `${slot}: ${name} ended with its daemon`);
      writeFileSync(`/proc/${pidOf(slot, name)}/root/go`, '');
    }
  }
  for (let waited = 0; slots.some((slot) => existsSync(`/proc/${pidOf(slot, 'ended')}/root/bin`)); waited += 50) {
    assert.ok(waited < 45_000, 'a container that has ended is still there');
    await sleep(50);
  }
  await daemon.start();
  const ended = await phase(AFTER);
  for (const [check, [expected = [], found = []]] of [
    [BEFORE, begun],
    [AFTER, ended],
  ] as const) {
    assert.deepEqual(unmet(check, expected), [], `runc's report is no measure:\n${expected.join('\n')}`);
    const lines = differences(expected, found);
    assert.ok(
      lines.length === 0,
      `${check.name}: runc (-) and the runtime under test (+) differ:\n${lines.join('\n')}`,
    );
  }
}
