import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Program } from '../../engine/kernel/program/builder.js';
import { RECORD, STATES } from '../../engine/kernel/program/record.js';
import { recordAt } from '../../engine/kernel/program/running.js';
import { Runtime } from '../../engine/runtime/runtime.js';
import { createOptions, STATE, VARIANTS } from './oci-crash.js';

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

/** Make a start stop before one record, as the ones that the runtime holds do. */
export function holdAt(program: Program, index: number): void {
  const record = program.records[index];
  if (record === undefined) throw new RangeError(`${program.name} has no record ${index}`);
  (program.records as (typeof record)[])[index] = { ...record, options: { ...record.options, hold: true } };
}

/** Whether a container's start has come to a record, read from the file of its region. */
export function hasReached(id: string, index: number): boolean {
  const word = Buffer.alloc(4);
  let file: number;
  try {
    file = openSync(`${STATE}/${id}/program`, 'r');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
  try {
    readSync(file, word, 0, 4, recordAt(index) + RECORD.state);
  } finally {
    closeSync(file);
  }
  return STATES[word.readUInt32LE(0)] === 'held';
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
