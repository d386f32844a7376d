import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { groupsBelow, removeGroups } from '../helpers/docker/fences.js';
import { whyNot } from '../helpers/docker/programs.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { makeArchives } from '../helpers/tour/archive.js';
import { type DockerCommand, dockerCommands } from '../helpers/tour/commands.js';
import { compareGroup, type Difference, reportOf, tell, unmet } from '../helpers/tour/compare.js';
import { dockerd, subject } from '../helpers/tour/engines.js';
import { type Group, walk } from '../helpers/tour/walk.js';
import { Yard } from '../helpers/tour/yard.js';
import { DIFFERENCES } from './tour/differences.js';
import { GROUPS } from './tour/groups.js';

const FEWEST_CHECKS = 400;
/** Groups of one engine that run at the same time. */
const AT_ONCE = 3;
const LOOKS = 3;

/** A part of the tour, for who mends one: GLASSBOX_TOUR_GROUPS is a regular expression for `area/name`. */
const wanted = new RegExp(process.env['GLASSBOX_TOUR_GROUPS'] ?? '');
const chosen = GROUPS.filter(({ area, name }) => wanted.test(`${area}/${name}`));

if (inSandbox) {
  const group = process.env['GLASSBOX_TEST_GROUP'] ?? '';
  assert.match(group, /^glassbox-/, 'the sandbox was not given the name of its cgroup');
  const other = subject();
  const place = mkdtempSync(join(tmpdir(), 'glassbox-tour-'));
  const commands = dockerCommands(place);
  const differencesFor = ({ major }: DockerCommand): readonly Difference[] =>
    other.own
      ? DIFFERENCES.filter(({ from = 0, before: until = Number.POSITIVE_INFINITY }) => major >= from && major < until)
      : [];
  const met = new Set<Difference>();
  const failures: string[] = [];
  let checks = 0;

  describe(`the docker command says the same with dockerd and with ${other.name}`, () => {
    let yards: readonly [Yard, Yard];
    const env: NodeJS.ProcessEnv = { ...process.env, PLACE: place };

    before(async () => {
      const archives = makeArchives(place);
      yards = await Promise.all([Yard.open('reference', group, dockerd()), Yard.open('subject', group, other.command)]);
      for (const yard of yards) {
        const there = yard.run('docker', 'images', '-q').trim().split('\n').filter(Boolean);
        if (there.length > 0) yard.run('docker', 'rmi', '-f', ...there);
        yard.run('docker', 'load', '-i', archives.image);
      }
    });

    after(async () => {
      for (const yard of yards ?? []) await yard.close();
      rmSync(place, { recursive: true });
    });

    /** What differs is looked at again: a race in the engine that is the measure shows now and then, ours every time. */
    async function check(one: Group, docker: DockerCommand, tellAgain: (message: string) => void): Promise<void> {
      for (let look = 1; look < LOOKS; look += 1) {
        const wrong = await compared(one, docker);
        if (wrong.length === 0) return;
        tellAgain(`looked again (${look}): ${wrong.join('\n')}`);
      }
      const wrong = await compared(one, docker);
      failures.push(...wrong);
      assert.ok(wrong.length === 0, wrong.join('\n'));
    }

    async function compared(one: Group, docker: DockerCommand): Promise<string[]> {
      const said = await Promise.all([walk(yards[0], one, docker, env), walk(yards[1], one, docker, env)]);
      const [reference] = said;
      checks += reference.length;
      const whole = process.env['GLASSBOX_TOUR_SAID'];
      if (whole !== undefined)
        appendFileSync(
          whole,
          `## ${one.area}/${one.name} (docker ${docker.version})\n${reference.map((each) => `$ ${each.line}\n${reportOf(each)}(${each.seconds.toFixed(2)} s)\n`).join('')}`,
        );
      const missing = unmet(one, reference);
      if (missing.length > 0) return [`what dockerd said is no measure, it lacks: ${missing.join('; ')}`];
      return compareGroup(one, said, differencesFor(docker), met).map(tell);
    }

    for (const [index, docker] of commands.entries()) {
      describe(`docker ${docker.version}`, () => {
        const groups = chosen.filter(({ newer }) => index === 0 || newer);
        const walked = (one: Group): Promise<void> =>
          test(`${one.area}: ${one.name}`, { timeout: 1_200_000 }, (t) =>
            check(one, docker, (said) => t.diagnostic(said)),
          );
        describe('side by side', { concurrency: AT_ONCE }, () => {
          for (const one of groups.filter(({ alone }) => !alone)) void walked(one);
        });
        for (const one of groups.filter(({ alone }) => alone)) void walked(one);
      });
    }

    test('the tour is long enough, and no difference is listed that is none', () => {
      const report = process.env['GLASSBOX_TOUR_REPORT'];
      if (report !== undefined)
        writeFileSync(report, `${checks} checks, ${failures.length} differ\n\n${failures.join('\n')}`);
      console.log(`${checks} checks, ${failures.length} differ, ${met.size} differences are meant`);
      if (chosen.length < GROUPS.length || process.env['GLASSBOX_TOUR_CLI'] !== undefined) return;
      assert.ok(checks >= FEWEST_CHECKS, `${checks} checks`);
      assert.deepEqual(
        DIFFERENCES.filter((one) => other.own && !met.has(one)).map(({ where, reason }) => `${where}: ${reason}`),
        [],
      );
    });
  });

  test('no cgroup is left', () => {
    removeGroups(group);
    assert.deepEqual(groupsBelow(group), []);
  });
} else {
  const why = whyNot(['dockerd', 'docker', 'containerd', 'runc', 'iptables', 'python3', 'busybox', 'curl', 'nsenter']);
  test('a tour of the docker command', { skip: why ?? false, timeout: 1_200_000 }, () => {
    const group = `glassbox-tour-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 });
    } finally {
      removeGroups(group);
    }
  });
}
