#!/usr/bin/env node
/** `npm run build`: dist, whole, from the sources as they are. */
import { build } from './lib/build.mjs';
import { describeFailure } from './lib/say.mjs';
import { ROOT, requireNode } from './lib/setup.mjs';

try {
  requireNode();
  await build(ROOT);
} catch (error) {
  const { message, exitCode } = describeFailure(error);
  process.stderr.write(`glassbox: ${message}\n`);
  process.exitCode = exitCode;
}
