#!/usr/bin/env node
/**
 * `npm start [-- ARGUMENTS]`: set up what is missing, then be the `glassbox` command with these arguments.
 * `--yes` (before any `--`) installs missing Debian packages without asking.
 */
import { LAB_PACKAGES } from './lib/host-packages.mjs';
import { memoryPath, offerPackages } from './lib/packages.mjs';
import { describeFailure } from './lib/say.mjs';
import { ROOT, requireNode, setUp } from './lib/setup.mjs';
import { readArguments } from './lib/start-arguments.mjs';

try {
  requireNode();
  const { yes, rest, textOnly } = readArguments(process.argv.slice(2));
  await setUp();
  if (!textOnly) await offerPackages(LAB_PACKAGES, { memory: memoryPath(ROOT), yes: yes || process.env.CI === 'true' });
  process.argv.splice(2, process.argv.length, ...rest);
  await import('../bin/glassbox.mjs');
} catch (error) {
  const { message, exitCode } = describeFailure(error);
  process.stderr.write(`glassbox: ${message}\n`);
  process.exitCode = exitCode;
}
