import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { type Program, recordIndex } from '../../engine/kernel/program/builder.js';
import { RECORD, STATES } from '../../engine/kernel/program/record.js';
import { recordAt } from '../../engine/kernel/program/running.js';
import { Runtime } from '../../engine/runtime/runtime.js';
import { createOptions, prepareRootfs, STATE, type Variant } from './oci-crash.js';

/** Records at which the runtime holds a start itself, and lets it go. */
export const HOLDS = ['mapped', 'hooks', 'hooked', 'created', 'start', 'shim'] as const;

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

/** A record that only a shim issues once its container is complete. */
export function isShims(program: Program, index: number): boolean {
  const { labels, records } = program;
  const shim = labels.get('shim');
  return (
    shim !== undefined && index > shim && index < recordIndex(program, 'wait') && records[index]?.section === 'shim'
  );
}

/** A record that a shim only issues when its container has ended. */
export function isShimsEnd(program: Program, index: number): boolean {
  const wait = program.labels.get('wait');
  return wait !== undefined && index > wait && program.records[index]?.section === 'shim';
}

/** A runtime of which a start can be made to stop at a record. */
export class Holder {
  readonly runtime: Runtime;
  readonly stdio: [number, number, number];
  /** Where the next start stops. */
  hold: number | null = null;
  #program: Program | undefined;

  constructor() {
    prepareRootfs();
    this.stdio = [openSync('/dev/null', 'r'), 1, 2];
    this.runtime = new Runtime({
      root: STATE,
      inject: (program) => {
        this.#program = program;
        if (this.hold !== null) holdAt(program, this.hold);
        return undefined;
      },
    });
  }

  /** The program of a start, and the records that a start that goes well issues. */
  async plain(variant: Variant): Promise<{ program: Program; issued: number[] }> {
    this.hold = null;
    const made = await this.runtime.create({ ...createOptions('one', variant), stdio: this.stdio });
    await this.runtime.start('one');
    assert.equal(await made.wait(), 0, `${variant.name} must end well`);
    const { records } = this.runtime.explain('one');
    await this.runtime.delete('one');
    made.dispose();
    assert.ok(this.#program !== undefined, 'the program was not seen');
    const not = new Set(['skipped', 'pending']);
    return { program: this.#program, issued: records.filter(({ state }) => !not.has(state)).map(({ index }) => index) };
  }
}

/** Wait for up to half a minute, as long as it makes sense. */
export async function until(
  holds: () => boolean,
  why: () => string,
  goesOn: () => boolean = () => true,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    assert.ok(goesOn() && performance.now() < deadline, `waited in vain: ${why()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
