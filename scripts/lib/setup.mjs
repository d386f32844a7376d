import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, buildIsCurrent, sourceDigest } from './build.mjs';
import { dependenciesAreCurrent, installDependencies } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { SetupError } from './say.mjs';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Node's own version, before anything that an older one could not parse is loaded. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 11)) return;
  throw new SetupError({
    en: `Node.js ${process.versions.node} is too old: Glassbox needs 20.11 or newer`,
    zh: `Node.js ${process.versions.node} 版本过低：Glassbox 需要 20.11 或更高版本`,
  });
}

/**
 * Make node_modules and dist current. Nothing is done, and no lock taken, when they are.
 * @param {{build: boolean}} what
 */
export async function setUp(what = { build: true }) {
  const ready = () => dependenciesAreCurrent(ROOT) && (!what.build || buildIsCurrent(ROOT));
  if (ready()) return;
  await withLock(join(ROOT, '.glassbox', 'setup.lock'), async (hold) => {
    if (!dependenciesAreCurrent(ROOT)) await installDependencies(ROOT, hold);
    if (!what.build) return;
    const digest = sourceDigest(ROOT);
    if (!buildIsCurrent(ROOT, digest)) await build(ROOT, digest, hold);
  });
}
