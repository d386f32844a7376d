import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bundleDocker, bundleRuntime } from './bundle.mjs';
import { run } from './run.mjs';
import { SetupError, say } from './say.mjs';

const SOURCES = ['engine', 'src'];
const CONFIGURATION = ['tsconfig.json', 'tsconfig.base.json', 'package-lock.json'];
const BUNDLER = ['scripts/lib/bundle.mjs', 'scripts/lib/code-cache.mjs'];

/** Files below `dir` (relative to `root`), sorted. */
function filesBelow(root, dir) {
  if (!existsSync(join(root, dir))) return [];
  return readdirSync(join(root, dir), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Digest of everything that decides what the build writes: names and contents of the sources, its settings, its version. */
export function sourceDigest(root) {
  const hash = createHash('sha256');
  const files = [
    ...CONFIGURATION,
    ...BUNDLER.filter((path) => existsSync(join(root, path))),
    ...SOURCES.flatMap((dir) => filesBelow(root, dir)).filter((path) => /\.(ts|json)$/.test(path)),
  ];
  for (const path of files) {
    const bytes = readFileSync(join(root, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

const stampPath = (root) => join(root, 'dist', '.stamp');

/** Whether dist was completely built from the sources as they are now. */
export function buildIsCurrent(root, digest = sourceDigest(root)) {
  try {
    return readFileSync(stampPath(root), 'utf8') === digest;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Compile engine and src into dist, and make one file each of the runtime's command and the docker command. The stamp is removed before and written (by rename) after, so an interrupted
 * build is never taken for a finished one. Outputs whose source is gone are removed.
 */
export async function build(root, digest = sourceDigest(root), onStart = undefined) {
  say({ en: 'Building …', zh: '正在构建……' });
  rmSync(stampPath(root), { force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { code, output } = await run(process.execPath, [tsc, '-b'], { cwd: root, capture: true, onStart });
  if (code !== 0) {
    process.stderr.write(output);
    throw new SetupError({ en: `the build failed: tsc -b ended with ${code}`, zh: `构建失败：tsc -b 以 ${code} 结束` });
  }
  removeOrphans(root);
  await bundleRuntime(root, onStart);
  await bundleDocker(root);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(`${stampPath(root)}.new`, digest);
  renameSync(`${stampPath(root)}.new`, stampPath(root));
}

/** dist/engine/a.js without engine/a.ts would still be found by an import that should fail. */
function removeOrphans(root) {
  for (const dir of SOURCES) {
    for (const path of filesBelow(root, join('dist', dir))) {
      const source = path.slice('dist/'.length).replace(/\.(d\.ts|js\.map|js)$/, '.ts');
      if (source.endsWith('.ts') && !existsSync(join(root, source))) rmSync(join(root, path));
    }
  }
}
