import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * The suites in the order in which they run: what needs nothing first, what takes longest last. `jobs` is how many files
 * run at once; `minutes` is the bound on the whole suite. Files in `first` take longest: begun last they would run on
 * alone. Files in `alone` have nothing beside them: they measure by the clock, or use what the kernel has one of for all
 * its namespaces (loop devices, the table of mounts).
 */
export const SUITES = [
  { name: 'unit', jobs: 2, minutes: 8 },
  {
    name: 'conformance',
    jobs: 3,
    minutes: 30,
    first: [
      'tour',
      'dockerd',
      'docker-cli',
      'runtime-resources',
      'runtime-operations',
      'podman',
      'runtime-mounts',
      'notes',
    ],
  },
  {
    name: 'kernel',
    jobs: 2,
    minutes: 10,
    first: ['birth', 'labhost'],
    alone: ['cgroup-manager', 'image-layers-crash', 'scratch'],
  },
  {
    name: 'security',
    jobs: 3,
    minutes: 15,
    first: ['a01-api', 'n02-network'],
    alone: ['o01-observer', 'r18-resources'],
  },
  {
    name: 'crash',
    jobs: 2,
    minutes: 16,
    first: ['engine-kill', 'kill'],
    alone: ['container-power', 'image-power', 'runtime-shortage'],
  },
  { name: 'tui', jobs: 2, minutes: 6, first: ['real-breakage'] },
  { name: 'lessons', jobs: 2, minutes: 20, first: ['course'] },
];

/** Test files of a suite, relative to the root: those that take longest first. */
export function suiteFiles(root, name) {
  const dir = join(root, 'test', name);
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort((a, b) => rank(name, a) - rank(name, b) || (a < b ? -1 : 1));
}

/** A suite's files in two parts: those that run alone, and those that run beside each other. */
export function partsOf(suite, files) {
  const isAlone = (file) => (suite.alone ?? []).some((name) => file === fileOf(suite.name, name));
  return { alone: files.filter(isAlone), together: files.filter((file) => !isAlone(file)) };
}

const fileOf = (suite, name) => join('test', suite, `${name}.test.ts`);

function rank(name, file) {
  const first = SUITES.find((suite) => suite.name === name)?.first ?? [];
  const at = first.findIndex((one) => file === fileOf(name, one));
  return at < 0 ? first.length : at;
}
