import { openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Program } from '../../engine/kernel/program/builder.js';
import { Runtime } from '../../engine/runtime/runtime.js';
import { createOptions, STATE, VARIANTS } from './oci-crash.js';
import { holdAt } from './oci-holds.js';

/** What a process that is going to be killed does. */
export type Job =
  /** Create containers that each stop at a record. */
  | {
      readonly kind: 'hold';
      readonly variant: keyof typeof VARIANTS;
      readonly at: readonly (readonly [id: string, index: number])[];
    }
  /** Create, start, await and delete containers without end. */
  | { readonly kind: 'cycle'; readonly variant: keyof typeof VARIANTS };

/** The arguments of node for a caller: this file, and its job. */
export function callerArguments(job: Job): string[] {
  return ['--import', 'tsx', fileURLToPath(import.meta.url), JSON.stringify(job)];
}

async function main(job: Job): Promise<void> {
  const stdio: [number, number, number] = [openSync('/dev/null', 'r'), 1, 2];
  const variant = VARIANTS[job.variant];
  if (job.kind === 'cycle') {
    const runtime = new Runtime({ root: STATE });
    writeSync(1, 'ready\n');
    for (let n = 0; ; n++) {
      const id = `c${n}`;
      const made = await runtime.create({ ...createOptions(id, variant), stdio });
      await runtime.start(id);
      await made.wait();
      await runtime.delete(id);
      made.dispose();
    }
  }
  const at = new Map(job.at);
  const idOf = (program: Program): string => program.name.replace(/^container /, '');
  const runtime = new Runtime({
    root: STATE,
    inject: (program) => {
      holdAt(program, at.get(idOf(program)) ?? -1);
      return undefined;
    },
  });
  await Promise.all(job.at.map(([id]) => runtime.create({ ...createOptions(id, variant), stdio })));
  writeSync(1, 'all were created\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(JSON.parse(process.argv[2] ?? '') as Job);
}
