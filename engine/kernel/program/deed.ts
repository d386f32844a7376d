import { currentCall } from '../journal/context.js';
import { DeedKind, noteDeed } from '../journal/deed.js';
import { hideInWords, hideValue } from '../journal/secrets.js';
import type { DataRef, Program, RecordSpec, Word } from './builder.js';
import { RECORD, STATES } from './record.js';
import { recordAt, type TraceEntry } from './running.js';
import { tickLengthNs } from './ticks.js';

/** Words of a record that are kept: its state, its result and its two times, low halves first. */
const KEPT = [
  RECORD.state,
  RECORD.result,
  RECORD.result + 4,
  RECORD.begun,
  RECORD.begun + 4,
  RECORD.ended,
  RECORD.ended + 4,
];
const WORD = 2 ** 32;
/** About what a record takes in memory: its specification and its kept words. */
const RECORD_BYTES = 700;

/**
 * A program that ran for somebody: its records, and what became of them. While it runs that is read from it; when its region
 * is given back, or its file removed, it is kept here in a few words a record.
 */
export class ProgramDeed {
  readonly name: string;
  /** How many records there are. */
  readonly length: number;
  #records: () => readonly RecordSpec[];
  #live: (() => readonly TraceEntry[]) | null;
  #kept: Int32Array | null = null;

  constructor(program: Program, live: () => readonly TraceEntry[]) {
    const { name, records } = program;
    this.name = name;
    this.length = records.length;
    const shown = records.map(withoutSecrets);
    this.#records = () => shown;
    this.#live = live;
  }

  /** Let go of the records, which are some thousand objects: they are made again when somebody asks. */
  makeAgainBy(records: () => readonly RecordSpec[]): void {
    this.#records = () => records().map(withoutSecrets);
  }

  get program(): Pick<Program, 'name' | 'records'> {
    return { name: this.name, records: this.#records() };
  }

  /** Read it from elsewhere from now on: from the file of a region that was given back. */
  readFrom(live: () => readonly TraceEntry[]): void {
    this.#live = live;
  }

  /** Keep what became of the records: the region is about to go. */
  keep(region: Buffer): void {
    const words = new Int32Array(region.buffer, region.byteOffset, region.byteLength >> 2);
    const { length } = this;
    const kept = this.#kept ?? new Int32Array(length * KEPT.length);
    for (let index = 0, to = 0; index < length; index++) {
      const at = recordAt(index);
      for (const offset of KEPT) kept[to++] = words[(at + offset) >> 2] as number;
    }
    this.#kept = kept;
    this.#live = null;
  }

  trace(): readonly TraceEntry[] {
    try {
      if (this.#live !== null) return this.#live();
    } catch (error) {
      // its region went without a word, as when somebody removes its file: what was kept before is told
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return this.#kept === null ? [] : expand(this.#kept);
  }
}

function expand(kept: Int32Array): TraceEntry[] {
  const nsPerTick = tickLengthNs();
  const unsigned = (at: number): number => ((kept[at] as number) >>> 0) + ((kept[at + 1] as number) >>> 0) * WORD;
  return Array.from({ length: kept.length / KEPT.length }, (_, index) => {
    const at = index * KEPT.length;
    const state = STATES[kept[at] as number] ?? 'pending';
    const issued = state === 'done' || state === 'failed';
    const ticks = unsigned(at + 5) - unsigned(at + 3);
    return {
      index,
      state,
      result: issued ? ((kept[at + 1] as number) >>> 0) + (kept[at + 2] as number) * WORD : null,
      durationNs: issued && ticks > 0 ? Math.round(ticks * nsPerTick) : null,
    };
  });
}

/** Told by `tell-deed.ts`. */
export const PROGRAM = new DeedKind<ProgramDeed>('program');

/** Note a program that was started; null where nobody is told. */
export function noteProgram(program: Program, live: () => readonly TraceEntry[]): ProgramDeed | null {
  if (currentCall() === undefined) return null;
  const deed = new ProgramDeed(program, live);
  noteDeed(PROGRAM, deed, program.records.length * RECORD_BYTES);
  return deed;
}

/** The record without the values of an environment, and without passwords among a program's arguments. */
function withoutSecrets(record: RecordSpec): RecordSpec {
  const first = record.syscall === 'execve' ? 1 : record.syscall === 'execveat' ? 2 : -1;
  if (first < 0) return record;
  const hide = (word: Word, hideIn: (words: string[]) => string[]): Word =>
    typeof word === 'object' && word.kind === 'data' ? { ...word, text: hiddenVector(word, hideIn) } : word;
  const args = record.args.map((word, n) =>
    n === first
      ? hide(word, (words) => hideInWords(words))
      : n === first + 1
        ? hide(word, (words) => words.map(hideValue))
        : word,
  );
  return { ...record, args };
}

/** The text of a vector of strings, which is their JSON. */
function hiddenVector({ text }: DataRef, hideIn: (words: string[]) => string[]): string {
  return /^\[(?:"|\])/.test(text) ? JSON.stringify(hideIn(JSON.parse(text) as string[])) : text;
}
