import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { compare, isMeant, type MeantDifference } from '../helpers/oci/compare.js';
import { mountOn, namespace, without } from '../helpers/oci/config.js';
import type { Report } from '../helpers/oci/normalise.js';
import { type Case, type Runtime, runCase } from '../helpers/oci/run.js';
import { RUNC, staleEntries, unfit, why } from '../helpers/oci/suite.js';
import { World } from '../helpers/oci/world.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { BIND_CASES } from './cases/binds.js';
import { COMBINED_CASES, ROOTLESS_CASES } from './cases/combined.js';
import { DESCRIPTOR_CASES, EXEC_CASES, TERMINAL_CASES } from './cases/exec.js';
import { HOOK_CASES } from './cases/hooks.js';
import { LIFE_CASES } from './cases/life.js';
import { LIMIT_CASES } from './cases/limits.js';
import { OPTION_CASES, PLACE_CASES } from './cases/mounts.js';
import { NAMESPACE_CASES } from './cases/namespaces.js';
import { PROGRAM_CASES } from './cases/programs.js';
import { RESOURCE_CASES } from './cases/resources.js';
import { CGROUP_CASES, ROOT_CASES } from './cases/rootfs.js';
import { SECCOMP_CASES } from './cases/seccomp.js';
import { CAPABILITY_CASES, USER_CASES } from './cases/users.js';

const TABLES = [
  BIND_CASES,
  COMBINED_CASES,
  ROOTLESS_CASES,
  DESCRIPTOR_CASES,
  EXEC_CASES,
  TERMINAL_CASES,
  HOOK_CASES,
  LIFE_CASES,
  LIMIT_CASES,
  OPTION_CASES,
  PLACE_CASES,
  NAMESPACE_CASES,
  PROGRAM_CASES,
  RESOURCE_CASES,
  CGROUP_CASES,
  ROOT_CASES,
  SECCOMP_CASES,
  CAPABILITY_CASES,
  USER_CASES,
];

/** A change of the second run only, and the section in which it must be found. */
const PLANTS: readonly (readonly [section: string, planted: Omit<Case, 'name'>])[] = [
  ['argv', { change: (c) => c.process.args.push('planted') }],
  ['env', { change: (c) => c.process.env.reverse() }],
  ['cwd', { change: (c) => Object.assign(c.process, { cwd: '/data' }) }],
  ['status', { change: (c) => c.process.capabilities?.bounding?.pop() }],
  ['status', { change: (c) => Object.assign(c.process, { noNewPrivileges: true }) }],
  ['limits', { change: (c) => Object.assign(c.process, { rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 7 }] }) }],
  ['oom', { change: (c) => Object.assign(c.process, { oomScoreAdj: 1 }) }],
  ['fdowners', { change: (c) => Object.assign(c.process, { user: { uid: 9, gid: 0 } }) }],
  ['namespaces', { change: (c) => namespace(c, 'cgroup') }],
  ['namespaces', { change: (c, w) => namespace(c, 'ipc', w.held('ipc')) }],
  ['net', { change: (c) => without(c, 'network') }],
  ['uts', { change: (c) => Object.assign(c, { hostname: 'planted' }) }],
  ['sysctl', { change: (c) => Object.assign(c.linux, { sysctl: { 'net.core.somaxconn': '11' } }) }],
  ['mounts', { change: (c) => mountOn(c, '/dev/shm').options?.push('noatime') }],
  ['mount order', { change: (c) => c.mounts.push(...c.mounts.splice(3, 1)) }],
  ['dev', { change: (c) => Object.assign(c.linux, { devices: [{ path: '/dev/p', type: 'c', major: 1, minor: 3 }] }) }],
  ['devuse', { change: (c) => c.linux.resources?.devices?.push({ allow: true, access: 'rwm' }) }],
  ['paths', { change: (c) => c.linux.maskedPaths?.push('/data/file') }],
  ['writing', { change: (c) => Object.assign(c.root, { readonly: true }) }],
  ['cgroup', { change: (c) => Object.assign(c.linux, { cgroupsPath: `${c.linux.cgroupsPath}/planted` }) }],
  ['raw', { options: ['--no-new-keyring'] }],
  ['exit', { change: (c) => Object.assign(c.process, { args: ['/bin/false'] }) }],
  ['rootfs afterwards', { change: (c) => c.mounts.push({ destination: '/planted', type: 'tmpfs' }) }],
];

/** A runtime that does its work and leaves something. */
const leaving = (what: string): Runtime => ({
  name: `runc that leaves ${what}`,
  command: ['sh', '-c', `runc "$@"; code=$?; ${what}; exit $code`, 'sh'],
});

if (!inSandbox) {
  test('the harness that compares runtimes', { skip: why(RUNC), timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  let world: World;
  let base: Report;
  before(async () => {
    world = await World.make();
    base = await runCase(RUNC, world, { name: 'base' });
  });
  after(() => world.dispose());

  test('runc agrees with itself, on cases of each table', async () => {
    for (const one of TABLES.flatMap((table) => [0, 1, 2].map((n) => table[Math.floor((n * table.length) / 3)]!))) {
      const [first, second] = [await runCase(RUNC, world, one), await runCase(RUNC, world, one)];
      assert.deepEqual(compare(first, second), [], one.name);
    }
  });

  for (const [section, planted] of PLANTS) {
    test(`a difference that was planted is found in: ${section}`, async () => {
      const report = await runCase(RUNC, world, { name: 'planted', ...planted });
      const found = compare(base, report).map((difference) => difference.section);
      assert.ok(found.includes(section), `${section} is not among what differs: ${found.join(', ')}`);
    });
  }

  for (const [section, what] of [
    ['left: processes', 'sleep 50 >/dev/null 2>&1 & true'],
    ['left: mounts', 'mount -t tmpfs left /mnt'],
    ['left: groups', `for g in pids memory; do mkdir /sys/fs/cgroup/$g$GROUP/left; done`],
    ['left: state', 'mkdir -p /run/oci/state/left'],
  ] as const) {
    test(`what a runtime leaves is found in: ${section}`, async () => {
      const report = await runCase(leaving(what), world, { name: 'leaving', env: { GROUP: world.cgroup } });
      const found = compare(base, report).map((difference) => difference.section);
      assert.deepEqual(found, [section]);
      assert.deepEqual(compare(base, await runCase(RUNC, world, { name: 'after it' })), [], 'and was removed');
    });
  }

  test('a reference that proves nothing is refused', async () => {
    const refusal = async (one: Case): Promise<string> => unfit(one, await runCase(RUNC, world, one), base) ?? 'none';
    assert.match(
      await refusal({
        name: 'sees nothing',
        change: (c) => c.process.args.pop() && c.process.args.push('/etc/passwd'),
      }),
      /instead of 0/,
    );
    assert.match(await refusal({ name: 'is cut short', more: 'exit 0' }), /did not reach its end/);
    assert.match(await refusal({ name: 'changes nothing', change: (c) => c }), /that of the base/);
    assert.match(await refusal({ name: 'should fail', fails: /./ }), /should refuse/);
    const broken: Case = { name: 'fails otherwise', change: (c) => c.process.args.splice(0), fails: /no such words/ };
    assert.match(await refusal(broken), /other words/);
    assert.match(await refusal({ name: 'fails', change: (c) => c.process.args.splice(0) }), /exit 1 instead of 0/);
  });

  test('a known difference explains what it names, and is stale when nothing shows it', () => {
    const entry: MeantDifference = { cases: /^a$/, section: /^env$/, subject: /X=1/, reason: 'a test' };
    const difference = { section: 'env', reference: [], subject: ['X=1'] };
    assert.equal(isMeant('a', difference, entry), true);
    assert.equal(isMeant('b', difference, entry), false);
    assert.equal(isMeant('a', { ...difference, section: 'cwd' }, entry), false);
    assert.equal(isMeant('a', { ...difference, subject: ['Y=1'] }, entry), false);
    assert.deepEqual(staleEntries([entry], [{ name: 'a' }], new Set()), ['a test']);
    assert.deepEqual(staleEntries([entry], [{ name: 'a' }], new Set([entry])), []);
    assert.deepEqual(staleEntries([entry], [{ name: 'b' }], new Set()), [], 'another file has its cases');
  });

  test('no two cases have one name', () => {
    const names = TABLES.flat().map(({ name }) => name);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
    assert.ok(names.length >= 120, `${names.length} cases`);
  });
}
