#!/usr/bin/env -S node --
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
const main = new URL('../dist/src/cli/main.js', import.meta.url);

if (major < 20 || (major === 20 && minor < 11)) {
  process.stderr.write(
    `glassbox: Node.js ${process.versions.node} is too old, 20.11 or newer is needed / Node.js 版本过低，需要 20.11 或更高版本\n`,
  );
  process.exitCode = 1;
} else if (process.argv[2] === 'runtime') {
  process.argv.splice(2, 1);
  await import('./glassbox-runtime.cjs');
} else if (process.argv[2] === 'docker') {
  process.argv.splice(2, 1);
  await import('./glassbox-docker.mjs');
} else if (!existsSync(main)) {
  process.stderr.write('glassbox: not built yet, run: npm start / 尚未构建，请运行：npm start\n');
  process.exitCode = 1;
} else if (process.argv[2] === 'engine') {
  const { main: run } = await import('../dist/engine/docker-daemon.js');
  process.exit(await run(process.argv.slice(3)));
} else {
  const { main: run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2));
}
