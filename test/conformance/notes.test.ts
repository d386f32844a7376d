import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runTrials } from '../../src/doctor/probe-script.js';
import { ROOT } from '../helpers/run-cli.js';
import { BY_HAND } from './notes/by-hand.js';
import { CONTAINERS } from './notes/containers.js';
import { LabShell } from './notes/lab-shell.js';
import { NETWORKS } from './notes/networks.js';
import { DAEMON, OBJECTS } from './notes/objects.js';
import type { Step } from './notes/steps.js';

interface Part {
  readonly name: string;
  readonly steps: readonly Step[];
}

const NEEDED = ['brctl', 'busybox', 'ifconfig', 'iptables', 'ip', 'ping', 'python3', 'ss', 'stress-ng', 'wget'];

function reasonToSkip(): string | false {
  if (process.getuid?.() !== 0) return 'needs root: a lab of one user has one id';
  if (!existsSync(join(ROOT, 'dist', 'src', 'cli', 'main.js'))) return 'dist is not built: run npm start -- --version';
  const missing = NEEDED.filter((program) => !found(program));
  return missing.length > 0 && `this machine has no ${missing.join(', ')}`;
}

const found = (program: string): boolean =>
  ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((place) =>
    existsSync(join(place, program)),
  );

const trials = await runTrials({ ...process.env, LC_ALL: 'C' });
const skip = trials.started ? reasonToSkip() : `no lab can be made here: ${trials.reason}`;

/** The machine's docker command, where it has one, and ours. */
const OURS = `mkdir /root/own; printf '#!/bin/sh\\nexec ${process.execPath} -- ${join(ROOT, 'bin', 'glassbox-docker.mjs')} "$@"\\n' >/root/own/docker; chmod 755 /root/own/docker; PATH=/root/own:$PATH; hash -r`;
const BOTH: readonly Part[] = [
  { name: 'containers', steps: CONTAINERS },
  { name: 'volumes and images', steps: OBJECTS },
];
const ALL: readonly Part[] = [
  { name: 'by hand', steps: BY_HAND },
  { name: 'networks', steps: NETWORKS },
  ...BOTH,
  { name: "the engine's settings", steps: DAEMON },
];

async function runAll(shell: LabShell, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const { text, exit } = await shell.run(step);
    const what = `$ ${step.line}\n${text}`;
    for (const pattern of step.see ?? []) assert.match(text, pattern, what);
    if (step.unseen !== undefined) assert.doesNotMatch(text, step.unseen, what);
    if (step.until === undefined) assert.equal(exit, step.exit ?? 0, what);
  }
}

for (const [command, first, parts] of [
  ['the docker command of the machine', 'command -v docker', ALL],
  ['the docker command of our own', OURS, BOTH],
] as const)
  describe(`what study notes teach, in a lab with ${command}`, { skip, timeout: 1_200_000 }, () => {
    let shell: LabShell;
    before(async () => {
      shell = await LabShell.open();
      await runAll(shell, [{ line: first }]);
    });
    after(() => shell.close());

    for (const { name, steps } of parts) it(name, () => runAll(shell, steps));
  });
