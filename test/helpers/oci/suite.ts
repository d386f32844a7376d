import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inSandbox, isRoot, rerunInSandbox } from '../sandbox.js';
import { compare, describe, isMeant, type MeantDifference } from './compare.js';
import { type Report, UNCOMPARED } from './normalise.js';
import { type Case, CUT_SHORT, type Runtime, runCase } from './run.js';
import { World } from './world.js';

export const RUNC: Runtime = { name: 'runc', command: ['runc'] };
export const CRUN: Runtime = { name: 'crun', command: ['crun'] };

/** The runtime under test: the command line in GLASSBOX_RUNTIME, else this tree's own. */
export function subject(): Runtime {
  const given = process.env['GLASSBOX_RUNTIME'];
  if (given !== undefined && given !== '') return { name: given, command: given.split(' ') };
  const own = fileURLToPath(new URL('../../../bin/glassbox-runtime.mjs', import.meta.url));
  return { name: 'glassbox-runtime', command: [process.execPath, own] };
}

/** Why a reference's report cannot be a measure, or null. */
export function unfit(one: Case, report: Report, base: Report | null): string | null {
  const full = Object.entries(report).flatMap(([name, lines]) => (name.endsWith(UNCOMPARED) ? lines : []));
  const exits = Object.entries(report).filter(([name]) => name === 'exit' || name.endsWith(': exit'));
  const errors = exits.filter(([, [code]]) => code !== '0');
  if (exits.length === 0) return 'no command was run';
  if (one.fails !== undefined) {
    if (errors.length === 0) return 'it should refuse this bundle, and does not';
    return one.fails.test(full.join('\n')) ? null : `it refuses in other words: ${full.join('\n')}`;
  }
  const wanted = String(one.exit ?? 0);
  const wrong = exits.filter(([, [code]]) => code !== '0' && code !== wanted);
  if (wrong.length > 0 || (one.exit !== undefined && errors.length === 0))
    return `exit ${exits.map(([, [code]]) => code).join(', ')} instead of ${wanted}: ${full.join('\n')}`;
  const cut = Object.entries(report).find(([name]) => name.endsWith(CUT_SHORT));
  if (cut !== undefined) return `the probe did not reach its end: ${JSON.stringify(report)}`;
  if (base !== null && compare(base, report).length === 0)
    return 'its report is that of the base config: the probe does not see what the case changes';
  return null;
}

/** A test file that compares the subject with a reference, in a sandbox; skipped with a reason where it cannot be. */
export function differentialSuite(
  url: string,
  title: string,
  cases: readonly Case[],
  reference: Runtime,
  meant: readonly MeantDifference[],
): void {
  if (inSandbox) differential(cases, reference, meant);
  else test(title, { skip: why(reference), timeout: 1_200_000 }, () => rerunInSandbox(url, { timeoutMs: 1_200_000 }));
}

/** Why this machine cannot run a reference, or false. */
export function why({ command: [program = ''] }: Runtime): string | false {
  if (!isRoot) return 'needs root';
  for (const needed of [program, 'busybox', 'python3']) {
    if (spawnSync('which', [needed]).status !== 0) return `${needed} is not installed`;
  }
  return false;
}

/** Each case is a test: both runtimes get the same bundle, and every section of their reports must be equal. */
export function differential(cases: readonly Case[], reference: Runtime, known: readonly MeantDifference[]): void {
  const tested = subject();
  const meant = tested.name === reference.name ? [] : known;
  const used = new Set<MeantDifference>();
  let world: World;
  let helpless = false;
  const bases = new Map<string, Report>();
  /** The reference's report of the base config, with the same commands. */
  const baseOf = async ({ steps, terminal }: Case): Promise<Report> => {
    const key = JSON.stringify([steps, terminal]);
    const known = bases.get(key);
    if (known !== undefined) return known;
    const made = await runCase(reference, world, {
      name: 'base',
      ...(steps === undefined ? {} : { steps }),
      ...(terminal === undefined ? {} : { terminal, change: (c) => Object.assign(c.process, { terminal: true }) }),
    });
    bases.set(key, made);
    return made;
  };
  before(async () => {
    world = await World.make();
    const base = await baseOf({ name: 'base' });
    assert.equal(unfit({ name: 'base' }, base, null), null);
    assert.ok(base['end'] !== undefined, `the base's probe did not reach its end: ${JSON.stringify(base)}`);
  });
  after(() => world.dispose());
  const names = cases.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, 'two cases have one name');

  for (const one of [{ name: 'the base', unseen: 'it is the base' }, ...cases]) {
    test(one.name, { timeout: 600_000 }, async () => {
      assert.ok(!helpless, `${tested.name} cannot even run the base`);
      const expected = await runCase(reference, world, one);
      const base = hasBase(one) ? await baseOf(one) : null;
      assert.equal(unfit(one, expected, base), null, `${reference.name} and the case do not fit`);
      const found = await runCase(tested, world, one);
      helpless = one.name === 'the base' && found['end'] === undefined;
      const unexplained = compare(expected, found).filter((difference) => {
        const explained = meant.filter((entry) => isMeant(one.name, difference, entry));
        for (const entry of explained) used.add(entry);
        return explained.length === 0;
      });
      assert.ok(
        unexplained.length === 0,
        `${one.name}: ${reference.name} (-) and ${tested.name} (+) differ:\n${describe(unexplained)}\n${words(reference, expected)}\n${words(tested, found)}`,
      );
    });
  }

  test('every difference that is said to be meant is still there', () => {
    assert.deepEqual(staleEntries(meant, cases, used), []);
  });
}

/** Whether the base config, run with the same commands, must show something else: only where these run it to its own end. */
function hasBase({ unseen, fails, steps }: Case): boolean {
  if (unseen !== undefined || fails !== undefined) return false;
  const calm = ['create', 'start', 'run', 'delete', '@wait', '@groups'];
  return steps?.every(([command = '', option]) => calm.includes(command) && option !== '--force') ?? true;
}

/** Reasons of known differences that cases of this file should have shown, and none did. */
export function staleEntries(
  meant: readonly MeantDifference[],
  cases: readonly Case[],
  used: ReadonlySet<MeantDifference>,
): string[] {
  return meant
    .filter((entry) => cases.some(({ name }) => entry.cases.test(name)) && !used.has(entry))
    .map(({ reason }) => reason);
}

function words(runtime: Runtime, report: Report): string {
  return Object.entries(report)
    .filter(([name]) => name.endsWith(UNCOMPARED))
    .map(([, lines]) => `${runtime.name} said: ${lines.join('\n')}`)
    .join('\n');
}
