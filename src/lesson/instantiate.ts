/** A lesson for one learner in one lab: variables drawn and filled in, amounts made numbers, defaults set. */
import type { LessonSource, Raw } from './source.js';
import type { Check, GoalCheck, Lesson, Line, Solution, Step, Truth } from './types.js';
import { chooseVariables, fill } from './variables.js';

export interface LabFacts {
  readonly cgroup: 'v1' | 'v2';
  /** Directory of the lab's control groups, for `{{cgroup_root}}`. */
  readonly cgroupRoot: string;
}

/** Directory in the lab where a lesson's fixtures lie. */
export function fixtureDirectory(id: string): string {
  return `/var/lib/glassbox-lesson/${id}`;
}

/** Keys whose values are amounts, so that a filled placeholder becomes a number. `is` is one only below `count`. */
const NUMERIC = new Set([
  'pidInside',
  'depth',
  'uid',
  'seccomp',
  'oomScoreAdj',
  'mtu',
  'members',
  'ports',
  'packets',
  'port',
  'status',
  'procs',
  'exits',
  'exitCode',
  'layers',
  'memoryMax',
  'memorySwapMax',
  'memoryUsage',
  'memoryPeak',
  'oomKills',
  'memoryFailcnt',
  'cpus',
  'cpuShares',
  'cpuWeight',
  'cpuUsageUs',
  'throttled',
  'throttledUs',
  'pidsMax',
  'pidsCurrent',
  'pidsHitMax',
  'min',
  'max',
  'lowers',
  'owner',
  'seconds',
]);

function fillAll(value: Raw, vars: Readonly<Record<string, string>>, key: string, parent: string): Raw {
  if (typeof value === 'string') {
    const { text } = fill(value, vars);
    const numeric = NUMERIC.has(key) || (key === 'is' && parent === 'count');
    return numeric && value.includes('{{') && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  }
  if (Array.isArray(value)) return value.map((item: Raw) => fillAll(item, vars, key, parent));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, fillAll(item as Raw, vars, name, key)]),
    );
  }
  return value;
}

type Loose = { readonly [key: string]: unknown };

function lines(value: unknown): Line[] {
  return ((value ?? []) as readonly (string | Line)[]).map((line) => (typeof line === 'string' ? { run: line } : line));
}

function goals(value: unknown): GoalCheck[] {
  return ((value ?? []) as readonly (Check & { readonly id: string })[]).map((goal) => ({ id: goal.id, check: goal }));
}

function step(raw: Loose): Step {
  const tests = (raw['tests'] ?? {}) as Loose;
  const hints = (raw['hints'] ?? {}) as Loose;
  const demo = (raw['demo'] ?? {}) as Loose;
  const ghost = raw['ghost'] as Loose | undefined;
  const undo = tests['undo'] as Loose | undefined;
  const shows = (raw['show'] ?? {}) as Readonly<Record<string, string | { run: string }>>;
  const runs = (list: unknown): (Loose & { run: Line[] })[] =>
    ((list ?? []) as readonly Loose[]).map((item) => ({ ...item, run: lines(item['run']) }));
  return {
    id: raw['id'] as string,
    kind: raw['kind'] as Step['kind'],
    ...(raw['only'] ? { only: raw['only'] as NonNullable<Step['only']> } : {}),
    setup: lines(raw['setup']),
    goal: goals(raw['goal']),
    keep: ((raw['keep'] ?? []) as readonly string[]).map((reference) => {
      const [id, goal] = reference.split('/');
      return { step: id!, goal: goal ?? null };
    }),
    show: Object.fromEntries(
      Object.entries(shows).map(([name, show]) => [name, typeof show === 'string' ? { run: show } : show]),
    ),
    ...(raw['predict'] ? { predict: raw['predict'] as NonNullable<Step['predict']> } : {}),
    ...(raw['answer'] ? { answer: raw['answer'] as { truth: Truth; accept: 'text' } } : {}),
    hints: {
      rules: (hints['rules'] ?? []) as Step['hints']['rules'],
      ladder: (hints['ladder'] ?? []) as readonly string[],
    },
    solutions: runs(raw['solutions']) as unknown as Solution[],
    tests: {
      wrong: runs(tests['wrong']) as unknown as Step['tests']['wrong'],
      alsoOk: runs(tests['also_ok']) as unknown as Step['tests']['alsoOk'],
      ...(undo
        ? { undo: { ...undo, run: lines(undo['run']), breaks: (undo['breaks'] ?? []) as readonly string[] } }
        : {}),
      ...(tests['noUndo'] ? { noUndo: tests['noUndo'] as string } : {}),
      ...(tests['noWrong'] ? { noWrong: tests['noWrong'] as string } : {}),
      ...(tests['missingTool'] ? { missingTool: tests['missingTool'] as string } : {}),
    },
    ...(ghost ? { ghost: ghostOf(ghost) } : {}),
    demo: {
      ...(demo['way'] ? { way: demo['way'] as 'by-hand' } : {}),
      ...(demo['run'] ? { run: lines(demo['run']) } : {}),
      pauses: (demo['pauses'] ?? []) as readonly number[],
      skip: demo['skip'] === true,
    },
  };
}

function ghostOf(raw: Loose): NonNullable<Step['ghost']> {
  type Links = NonNullable<Step['ghost']>['links'];
  return {
    places: (raw['places'] ?? []) as readonly string[],
    bridges: (raw['bridges'] ?? []) as NonNullable<Step['ghost']>['bridges'],
    links: ((raw['links'] ?? []) as readonly (Loose & { to?: Loose })[]).map((link) => ({
      ...link,
      in: link['in'] ?? 'host',
      ...(link.to ? { to: { ...link.to, in: link.to['in'] ?? 'host' } } : {}),
    })) as unknown as Links,
  };
}

/** Fill a lesson for the learner with this seed. The same arguments give an equal lesson. */
export function instantiate(source: LessonSource, seed: string, facts: LabFacts): Lesson {
  const vars = chooseVariables(source.vars, {
    seed,
    lesson: source.id,
    cgroup: facts.cgroup,
    builtin: { cgroup_root: facts.cgroupRoot, lesson_files: fixtureDirectory(source.id) },
  });
  const { vars: _specs, ...rest } = source.raw;
  const raw = fillAll(rest, vars, '', '') as unknown as Loose;
  return {
    id: source.id,
    number: source.number,
    minutes: source.minutes,
    title: source.title,
    needs: source.needs,
    teaches: source.teaches,
    uses: source.uses,
    mirrors: source.mirrors,
    directory: source.directory,
    fixtures: source.fixtures,
    seed,
    vars,
    text: source.text,
    setup: lines(raw['setup']),
    teardown: lines(raw['teardown']),
    steps: (raw['steps'] as readonly Loose[]).map(step),
  };
}
