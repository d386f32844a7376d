import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { SetupError } from './say.mjs';

/**
 * Before the bundled modules. Parts of Node that few commands need and that take long to load (child_process: 4 ms) are
 * loaded when something of them is used; so is the clock, since the global `performance` loads perf_hooks when it is touched.
 */
const PRELUDE = `
const bundleHeavy = new Set(['node:child_process', 'node:module', 'node:net', 'node:os', 'node:stream', 'node:tty', 'node:v8']);
const bundleLazily = (name) => new Proxy({}, { get: (_, key) => bundleLoad(name)[key] });
const require = (name) => (bundleHeavy.has(name) ? bundleLazily(name) : bundleLoad(name));
const bundleNow = () => Number(process.hrtime.bigint()) / 1e6;`;

/** The runtime's command in one file, and what V8 made of it: loading thirty modules would take longer than a container. */
export const BUNDLE = 'dist/glassbox-runtime.js';
export const CODE_CACHE = 'dist/glassbox-runtime.cache';

/**
 * Bundle dist/engine/runtime/cli/entry.js. The result is a function of `module`, `require`, the bundle's path and its directory, which
 * bin/glassbox-runtime.cjs calls. Modules that are imported with `import()` are evaluated only then.
 */
export async function bundleRuntime(root, onStart = undefined) {
  // loaded here, since this file is read before node_modules is there
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['dist/engine/runtime/cli/entry.js'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.11',
    alias: { koffi: './dist/engine/kernel/native-koffi.js' },
    define: {
      'import.meta.filename': 'bundleFile',
      'import.meta.dirname': 'bundleDirectory',
      'performance.now': 'bundleNow',
    },
    supported: { 'dynamic-import': false },
    sourcemap: false,
    legalComments: 'none',
    logLevel: 'silent',
  });
  const code = outputFiles[0].text;
  const digest = createHash('sha256')
    .update(PRELUDE + code)
    .digest('hex');
  replace(
    join(root, BUNDLE),
    `// ${digest}\n(function (module, bundleLoad, bundleFile, bundleDirectory) {${PRELUDE}\n${code}\n})\n`,
  );
  await makeCodeCache(root, onStart);
}

/** The docker command in one file: sixty modules less to look for. Modules that are imported with `import()` are evaluated only then. */
export const DOCKER_BUNDLE = 'dist/glassbox-docker.js';

export async function bundleDocker(root) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['dist/src/docker/main.js'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20.11',
    legalComments: 'none',
    logLevel: 'silent',
  });
  replace(join(root, DOCKER_BUNDLE), outputFiles[0].text);
}

/** In another process, because what is compiled depends on V8's flags, which cannot be taken back in this one. */
async function makeCodeCache(root, onStart) {
  const { code, output } = await run(process.execPath, [join(root, 'scripts/lib/code-cache.mjs'), root], {
    cwd: root,
    capture: true,
    onStart,
  });
  if (code === 0) return;
  process.stderr.write(output);
  throw new SetupError({
    en: `the build failed: making the runtime's code cache ended with ${code}`,
    zh: `构建失败：生成运行时的代码缓存以 ${code} 结束`,
  });
}

/** Whole or not at all: another process may read it now. */
export function replace(path, content) {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** What the code cache begins with, so that it is used for this bundle by this Node on this machine only. */
export function cacheKey(source) {
  const digest = source.slice(3, source.indexOf('\n'));
  return `${digest} ${process.version} ${process.arch}\n`;
}

export const readBundle = (root) => readFileSync(join(root, BUNDLE), 'latin1');
