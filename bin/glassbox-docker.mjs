#!/usr/bin/env -S node --
import { existsSync, statSync } from 'node:fs';

/**
 * The docker command of our own, for machines without Docker's. Node 20 reads --env-file wherever it stands in a command line,
 * unless a -- is before it: so `node -- bin/glassbox-docker.mjs` where it is not called by its own name.
 */
const [major, minor] = process.versions.node.split('.').map(Number);
const dist = (path) => new URL(`../dist/${path}`, import.meta.url);
const changed = (path) => statSync(dist(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
/** One file starts sooner than sixty; but not one that is older than what tsc made since. */
const isBundled = changed('glassbox-docker.js') > changed('src/.tsbuildinfo');
const main = dist(isBundled ? 'glassbox-docker.js' : 'src/docker/main.js');

if (major < 20 || (major === 20 && minor < 11)) {
  process.stderr.write(`docker: Node.js ${process.versions.node} is too old, 20.11 or newer is needed\n`);
  process.exitCode = 1;
} else if (!existsSync(main)) {
  process.stderr.write('docker: not built yet, run: npm start\n');
  process.exitCode = 1;
} else {
  const { start } = await import(main.href);
  await start(process.argv.slice(2));
}
