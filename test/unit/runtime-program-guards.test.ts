/**
 * Every guard that a test can take away does something: what it adds to a program is gone without it, and nothing else. Guards are
 * read when the engine is loaded, so each set of programs is compiled by a process of its own.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { GuardName } from '../../engine/runtime/guards.js';

const CHILD = fileURLToPath(new URL('./runtime-program-guards-child.ts', import.meta.url));
const IN_ROOT = 'RESOLVE_NO_MAGICLINKS';

interface Effect {
  /** Records of a container that are gone without the guard, by what their lines have in common. */
  readonly container: RegExp | null;
  readonly exec: RegExp | null;
  /** What takes their place. */
  readonly instead?: RegExp;
}
const outside = (where: string): { readonly elsewhere: string } => ({ elsewhere: where });

/** A new guard does not compile until it is listed here. */
const EFFECTS: Readonly<Record<GuardName, Effect | { readonly elsewhere: string }>> = {
  'non-dumpable': { container: /^clone: prctl\(PR_SET_DUMPABLE, 0\)$/, exec: /^join: prctl\(PR_SET_DUMPABLE, 0\)$/ },
  'close-range': {
    container: /^birth: close_range|^descriptors: /,
    exec: /^birth: close_range|^descriptors: /,
  },
  'cwd-check': {
    container: /^working directory: (getcwd|futex\(&path|openat2\(-1|\[inside)/,
    exec: /^working directory: (getcwd|futex\(&path|openat2\(-1|\[inside)/,
  },
  'in-root-open': {
    container: new RegExp(`openat2.*${IN_ROOT}`),
    exec: new RegExp(`openat2.*${IN_ROOT}`),
    instead: /openat2/,
  },
  'mask-null-check': { container: /^(masked paths|enter): (statx|futex\(&statx)/, exec: null },
  'proc-check': {
    container: /^(mounts|sysctls|apparmor): (fstatfs|futex\(&statfs|openat2\(-1|\[outside-proc)/,
    exec: /^apparmor: (fstatfs|futex\(&statfs)/,
  },
  'console-check': {
    container: /^terminal: (fstatfs|statx|futex)|"dev(\/console)?".*NO_SYMLINKS/,
    exec: /^terminal: (fstatfs|statx|futex)/,
    instead: /"dev(\/console)?"/,
  },
  'bounding-drop': { container: /^identity: prctl\(PR_CAPBSET_DROP/, exec: /^identity: prctl\(PR_CAPBSET_DROP/ },
  'supplementary-groups': { container: /^identity: setgroups/, exec: /^identity: setgroups/ },
  'own-session': { container: /^init: setsid\(\)$/, exec: /^process: setsid\(\)$/ },
  keyring: { container: /^keyring: /, exec: /^keyring: / },
  'inheritable-empty': {
    container: /^(identity|confine): capset\(.*inheritable: (?!.*SETPCAP)/,
    exec: /^(identity|confine): capset\(.*inheritable: (?!.*SETPCAP)/,
    instead: /capset\(.*inheritable: .*SETPCAP/,
  },
  'sealed-exe': outside('the image'),
  'setgroups-deny': outside('the id maps'),
  'private-state-dir': outside('the state directory'),
  'sysctl-check': outside('validation'),
  'user-bounds': outside('validation'),
  'passwd-bounds': outside('planning: HOME'),
};

type Lines = Readonly<Record<'container' | 'exec', readonly string[]>>;

async function compiledWithout(guards: string, sandbox = '1'): Promise<Lines> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', CHILD], {
    maxBuffer: 16 << 20,
    timeout: 600_000,
    env: { ...process.env, GLASSBOX_TEST_SANDBOX: sandbox, GLASSBOX_TEST_GUARDS_OFF: guards },
  });
  return JSON.parse(stdout) as Lines;
}

/** Lines of `one` that `other` has fewer of. */
function without(one: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return one.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

describe('guards', () => {
  let whole: Lines;
  before(async () => {
    whole = await compiledWithout('');
  });

  for (const [guard, effect] of Object.entries(EFFECTS))
    it('elsewhere' in effect ? `${guard} acts in ${effect.elsewhere}, not in a program` : guard, async () => {
      const bare = await compiledWithout(guard);
      for (const kind of ['container', 'exec'] as const) {
        const gone = without(whole[kind], bare[kind]);
        const come = without(bare[kind], whole[kind]);
        const expected = 'elsewhere' in effect ? null : effect[kind];
        if (expected === null) {
          assert.deepEqual([...gone, ...come], [], `${kind}: nothing is to change`);
          continue;
        }
        assert.ok(gone.length > 0, `${kind}: the guard adds nothing to a program`);
        for (const line of gone) assert.match(line, expected, `${kind}: more is gone than the guard`);
        const instead = 'elsewhere' in effect ? undefined : effect.instead;
        for (const line of come) assert.match(line, instead ?? /^$/, `${kind}: something has come in its place`);
        assert.deepEqual(
          bare[kind].filter((line) => expected.test(line)),
          [],
          `${kind}: some of the guard is still there`,
        );
      }
    });

  it('outside of a sandbox every guard stands, whatever the environment says', async () => {
    assert.deepEqual(await compiledWithout(Object.keys(EFFECTS).join(','), '0'), whole);
  });
});
