import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * The suites in the order in which they run: what needs nothing first, what takes longest last. `jobs` is how many
 * files run at once: one where files use the kernel's shared tables or measure time. `minutes` is the bound on the
 * whole suite; `fileMs` on each file.
 */
export const SUITES = [
  { name: 'unit', jobs: 2, minutes: 6 },
  { name: 'conformance', jobs: 2, minutes: 20 },
  { name: 'kernel', jobs: 1, minutes: 8 },
  { name: 'security', jobs: 1, minutes: 14 },
  { name: 'crash', jobs: 1, minutes: 16 },
  { name: 'tui', jobs: 1, minutes: 4 },
  { name: 'lessons', jobs: 2, minutes: 16 },
];

/** Test files of a suite, relative to the root, sorted. */
export function suiteFiles(root, name) {
  const dir = join(root, 'test', name);
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}
