import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { type OpenedRuntime, openRuntime } from '../../engine/runtime/open.js';
import { runtimeSetting } from '../../engine/runtime/setting.js';
import { compare, isMeant, type MeantDifference, describe as tell } from '../helpers/oci/compare.js';
import type { Report } from '../helpers/oci/normalise.js';
import { staleEntries, why } from '../helpers/oci/suite.js';
import { World } from '../helpers/oci/world.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { LIVES, type Life, Stage } from './cases/lives.js';

/** Where our own runtime and the others mean to differ when they are driven through one interface. */
const MEANT: readonly MeantDifference[] = [
  {
    cases: /^what a process sees of its groups$/,
    section: /^mounts$/,
    reference: /^ +0:n \/ \/sys\/fs\/cgroup rw,\S* \[\] tmpfs tmpfs rw,mode=755$/,
    subject: /^ +0:n \/ \/sys\/fs\/cgroup ro,\S* \[\] tmpfs tmpfs rw,mode=\d55$/,
    reason: 'runc 1.1 leaves the tmpfs around cgroup v1 writable where the config asks for `ro`',
  },
  {
    cases: /^what a process sees of its groups$/,
    section: /^paths$/,
    reference: /^$/,
    subject: /^touch: \/sys\/fs\/cgroup: Read-only file system$/,
    reason: 'the same tmpfs',
  },
  {
    cases: /^a terminal/,
    section: /^fdflags$/,
    subject: /^(\/proc\/n\/fdinfo\/[012]:flags:\t02000002\n?)+$/,
    reason:
      'the terminal is opened through its master (TIOCGPTPEER, ioctl_tty(2)): the flags of that call are shown, and stay open',
  },
];

const ROOT = '/run/oci-runtimes';
const RUNC_MISSING = why({ name: 'runc', command: ['runc'] });
let world: World;

/** A runtime, or why it cannot be had here. */
function tryOpen(runtime: string): OpenedRuntime | string {
  try {
    return openRuntime({ runtime, root: `${ROOT}/${runtime}` });
  } catch (error) {
    if (error instanceof EngineError && error.code === 'FailedPrecondition') return error.message;
    throw error;
  }
}

async function reportOf(runtime: OpenedRuntime, { live }: Life): Promise<Report> {
  const stage = new Stage(runtime, world);
  try {
    await live(stage);
  } finally {
    await stage.end();
  }
  await stage.note('groups that are left', () => world.groups());
  await stage.note('children that are left', zombies);
  return stage.report;
}

/** Names of children of ours that have ended and that nobody waited for. */
function zombies(): string[] {
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
  return pids.flatMap((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return /^State:\s+Z/m.test(status) ? [/^Name:\s+(.*)/m.exec(status)?.[1] ?? ''] : [];
  });
}

function comparedWith(name: string): void {
  const other = tryOpen(name);
  if (typeof other === 'string') {
    test(`the same with ${name}`, { skip: other }, () => undefined);
    return;
  }
  describe(`the same through one interface with ${name}`, () => {
    const own = openRuntime({ runtime: 'glassbox', root: `${ROOT}/glassbox` });
    const used = new Set<MeantDifference>();
    after(() => {
      own.close();
      other.close();
    });
    for (const life of LIVES) {
      test(life.name, { timeout: 600_000 }, async () => {
        const expected = await reportOf(other, life);
        const found = await reportOf(own, life);
        assert.deepEqual(expected['children that are left'], [], `${name} left children`);
        assert.deepEqual(expected['groups that are left'], [], `${name} left groups`);
        const unexplained = compare(expected, found).filter((difference) => {
          const known = MEANT.filter((entry) => isMeant(life.name, difference, entry));
          for (const entry of known) used.add(entry);
          return known.length === 0;
        });
        assert.ok(unexplained.length === 0, `${name} (-) and glassbox (+) differ:\n${tell(unexplained)}`);
      });
    }
    test('every difference that is said to be meant is still there', () => {
      assert.deepEqual(staleEntries(MEANT, LIVES, used), []);
    });
  });
}

function refusals(): void {
  test('a runtime that is not there is said so when it is opened', () => {
    const open = (runtime: string) => () => openRuntime({ runtime, root: `${ROOT}/none` });
    assert.throws(open('no-such-runtime'), /cannot use the runtime no-such-runtime: there is no such program/);
    assert.throws(open('/etc/passwd'), /cannot use the runtime \/etc\/passwd: it may not be executed/);
    assert.throws(open('false'), /cannot use the runtime false: .*exit 1/);
  });
  test('the setting is GLASSBOX_RUNTIME, and our own runtime without it', () => {
    assert.equal(runtimeSetting({}), 'glassbox');
    assert.equal(runtimeSetting({ GLASSBOX_RUNTIME: '' }), 'glassbox');
    assert.equal(runtimeSetting({ GLASSBOX_RUNTIME: 'runc' }), 'runc');
  });
  test('what another program cannot do is refused', { skip: RUNC_MISSING }, async () => {
    const runc = openRuntime({ runtime: 'runc', root: `${ROOT}/refusing` });
    const stage = new Stage(runc, world);
    try {
      const common = { id: stage.id, bundle: world.bundle, spec: stage.spec(), stdio: stage.stdio('main') };
      const cannot = { code: 'NotImplemented', message: /^runc cannot give .*GLASSBOX_RUNTIME=glassbox/ };
      await assert.rejects(runc.create({ ...common, init: true }), cannot);
      await assert.rejects(runc.create({ ...common, console: { kind: 'shim' } }), cannot);
      await assert.rejects(runc.create({ ...common, step: async () => undefined }), cannot);
      await stage.create(['/bin/true']);
      assert.throws(() => runc.explain(stage.id), cannot);
    } finally {
      await stage.end();
      runc.close();
    }
  });
  test('a container ends although nobody waits for what was executed in it', { skip: RUNC_MISSING }, async () => {
    const runc = openRuntime({ runtime: 'runc', root: `${ROOT}/waiting` });
    const stage = new Stage(runc, world);
    try {
      await stage.create(['/bin/sleep', '1000']);
      await runc.start(stage.id);
      await stage.exec(['/bin/sleep', '1000']);
      await runc.delete(stage.id, { force: true });
      assert.deepEqual(runc.list(), []);
    } finally {
      await stage.end();
      runc.close();
    }
  });
}

if (inSandbox) {
  before(async () => {
    world = await World.make();
  });
  after(() => world.dispose());
  refusals();
  for (const name of ['runc', 'crun']) comparedWith(name);
} else {
  test('one interface, several runtimes', { skip: RUNC_MISSING, timeout: 1_200_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 }),
  );
}
