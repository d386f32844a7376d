import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecResult, Lab, ObserveEvent } from '../../engine/api/types.js';
import { plainChanges } from '../plain/changes.js';
import { exportWiring, type WiringFormat } from '../plain/export-wiring.js';
import { plainSnapshot } from '../plain/snapshot.js';
import type { Context } from './context.js';
import type { Invocation } from './spec.js';
import { interrupted, withLab } from './with-lab.js';

/** Longest run of the command, which is the engine's own bound. */
const COMMAND_MS = 3_600_000;
/** After the command, changes that it made are waited for this long. */
const SETTLE_MS = 400;

/** `glassbox observe [--json] [--watch] [--wiring FORMAT] [-- CMD…]`. */
export function runObserve(invocation: Invocation, context: Context): Promise<number> {
  const { options, tail } = invocation;
  const keep = options['keep'];
  return withLab(typeof keep === 'string' ? { keep } : {}, async (lab) => {
    if (options['watch'] !== undefined) return watch(lab, tail, options['json'] !== undefined, context);
    const status = tail === null ? 0 : await runIn(lab, tail, context);
    const snapshot = await lab.snapshot();
    const format = options['wiring'];
    if (typeof format === 'string')
      context.stdout.write(exportWiring(snapshot, format as WiringFormat, { lang: context.language }));
    else if (options['json'] !== undefined) context.stdout.write(`${JSON.stringify(snapshot, null, 2)}\n`);
    else context.stdout.write(`${plainSnapshot(snapshot, { lang: context.language }).join('\n')}\n`);
    return status;
  });
}

/**
 * Print changes until the command has ended, or, without one, until interrupted: 0 then, since that is how it ends.
 * The command starts after the first snapshot, so that what it makes is a change.
 */
async function watch(lab: Lab, tail: readonly string[] | null, json: boolean, context: Context): Promise<number> {
  let stop = (): void => undefined;
  const seen = new Promise<void>((resolve) => {
    stop = lab.watch((event) => {
      context.stdout.write(json ? `${JSON.stringify(event)}\n` : changeLines(event, context));
      resolve();
    });
  });
  const interruption = interrupted();
  try {
    if (tail === null) {
      await interruption.status;
      return 0;
    }
    await Promise.race([seen, interruption.status]);
    const command = runIn(lab, tail, context).then(async (status) => {
      await sleep(SETTLE_MS);
      return status;
    });
    return await Promise.race([command, interruption.status]);
  } finally {
    interruption.cancel();
    stop();
  }
}

function changeLines({ changes }: ObserveEvent, context: Context): string {
  return plainChanges(changes, context.language)
    .map((line) => `${line}\n`)
    .join('');
}

/** Run the command in the lab; what it prints goes to standard error, because standard output is the observation. */
async function runIn(lab: Lab, argv: readonly string[], context: Context): Promise<number> {
  const result: ExecResult = await lab.exec({ argv, timeoutMs: COMMAND_MS, actor: 'learner' });
  context.stderr.write(result.stdout + result.stderr);
  return result.exitCode;
}
