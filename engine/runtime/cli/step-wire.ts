import { readSync, writeSync } from 'node:fs';
import type { ExplainedProgram, ExplainedRecord } from '../../api/types.js';
import { EngineError } from '../../kernel/errors.js';
import type { StepTeller } from './step.js';

const NEXT = 0x6e; // n
const REST = 0x63; // c

/**
 * `run --step-fd N`: the steps for a program. A line of JSON on the descriptor for each: `{"program"}` once, with every
 * record; `{"held": index}` before one, answered by a byte: `n` next, `c` all the rest without asking; anything else, or
 * the end, undoes everything. `{"done": record}` afterwards.
 */
export class StepWire implements StepTeller {
  readonly #fd: number;
  #asking = true;

  constructor(fd: number) {
    this.#fd = fd;
  }

  planned(program: ExplainedProgram): void {
    this.#write({ program });
  }

  async before(record: ExplainedRecord): Promise<void> {
    if (!this.#asking) return;
    this.#write({ held: record.index });
    const answer = this.#read();
    if (answer === REST) this.#asking = false;
    else if (answer !== NEXT)
      throw new EngineError('Aborted', `stopped before record ${record.index + 1} (${record.syscall})`);
  }

  after(record: ExplainedRecord): void {
    this.#write({ done: record });
  }

  sayUndone(): void {
    this.#write({ undone: true });
  }

  close(): void {
    this.#asking = false;
  }

  /** A reader that is gone is met again by `#read`, as the end: then everything is undone in order. */
  #write(value: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
    for (let done = 0; done < bytes.length; ) {
      try {
        done += writeSync(this.#fd, bytes, done);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') return;
        pauseWhereBusy(error);
      }
    }
  }

  /** Nothing else is to be done while a record is held, so this thread may wait. -1 at the end. */
  #read(): number {
    const byte = Buffer.alloc(1);
    for (;;) {
      try {
        return readSync(this.#fd, byte, 0, 1, null) === 0 ? -1 : byte[0]!;
      } catch (error) {
        if (['ECONNRESET', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '')) return -1;
        pauseWhereBusy(error);
      }
    }
  }
}

/** A descriptor that somebody made non-blocking is not ready yet; any other error is one. */
function pauseWhereBusy(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}
