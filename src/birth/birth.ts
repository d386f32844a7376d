import type { BirthWatcher, BornContainer, ExplainedProgram, ExplainedRecord, Lab } from '../../engine/api/types.js';

/** `making`: the bundle is prepared, or the rest runs without asking. */
export type BirthPhase = 'making' | 'asking' | 'born' | 'undone' | 'failed';

export interface BirthRow {
  readonly record: ExplainedRecord;
  readonly state: 'done' | 'current' | 'next';
}

type Answer = 'next' | 'run' | 'stop';

/** Off the main road: records that others jump to, at the end of the program. */
const isAside = (record: ExplainedRecord): boolean => /^(aside|stand-by)$| hook$/.test(record.section);

/** One birth, from the first record to the container's own program. */
export class Birth implements BirthWatcher {
  phase: BirthPhase = 'making';
  /** Why it failed. */
  error: unknown = null;
  born: BornContainer | null = null;
  #records: readonly ExplainedRecord[] = [];
  #order: number[] = [];
  #answers = new Map<number, ExplainedRecord>();
  #current: number | null = null;
  /** Records of this section are issued without asking. */
  #through: string | null = null;
  #decide: ((answer: Answer) => void) | null = null;
  #stopped = false;
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Resolves when it is over, however: `phase` tells. */
  async run(lab: Lab): Promise<void> {
    if (lab.birth === undefined) throw new Error('this lab cannot bear containers');
    try {
      this.born = await lab.birth(this);
      this.phase = 'born';
      // nobody is left to answer for the last record: the process has become another program
      const last = this.#records.find((record) => record.section === 'become' && record.syscall === 'execve');
      if (last !== undefined && !this.#order.includes(last.index)) this.#order.push(last.index);
    } catch (error) {
      this.error = error;
      this.phase = this.#stopped ? 'undone' : 'failed';
    }
    this.#current = null;
    this.#changed();
  }

  planned(program: ExplainedProgram): void {
    this.#records = program.records;
    this.#changed();
  }

  held(index: number): Promise<Answer> {
    this.#current = index;
    this.#order = [...this.#order.filter((one) => one !== index), index];
    const section = this.#records[index]?.section ?? '';
    if (this.#stopped) return Promise.resolve('stop');
    // the process that stands by walks at the same time: it is shown, and not asked for
    if (section === 'stand-by') {
      this.#current = null;
      return Promise.resolve('next');
    }
    if (this.#through !== null && (section === this.#through || section === 'aside')) return Promise.resolve('next');
    this.#through = null;
    this.phase = 'asking';
    return new Promise((resolve) => {
      this.#decide = (answer) => {
        this.#decide = null;
        this.phase = 'making';
        resolve(answer);
        this.#changed();
      };
      this.#changed();
    });
  }

  answered(record: ExplainedRecord): void {
    this.#answers.set(record.index, record);
    if (!this.#order.includes(record.index)) this.#order.push(record.index);
    this.#changed();
  }

  /** Issue the record that is held. */
  next(): void {
    this.#decide?.('next');
  }

  /** And all of its section. */
  section(): void {
    this.#through = this.current?.section ?? null;
    this.#decide?.('next');
  }

  /** And all the rest. */
  rest(): void {
    this.#decide?.('run');
  }

  /** Undo everything: now, or at the next record. */
  stop(): void {
    this.#stopped = true;
    this.#decide?.('stop');
  }

  get isOver(): boolean {
    return this.phase === 'born' || this.phase === 'undone' || this.phase === 'failed';
  }

  /** The record that is held. */
  get current(): ExplainedRecord | null {
    return this.#current === null ? null : (this.#records[this.#current] ?? null);
  }

  /** How far the main road has been walked. */
  get progress(): { readonly done: number; readonly total: number } {
    const road = this.#records.filter((record) => record.syscall !== 'none' && !isAside(record));
    return { done: road.filter((record) => record.index < this.#furthest()).length, total: road.length };
  }

  /** What was issued, in that order, then what lies ahead on the main road. */
  rows(): BirthRow[] {
    const issued = this.#order.flatMap((index): BirthRow[] => {
      const record = this.#answers.get(index) ?? this.#records[index];
      if (record === undefined) return [];
      if (this.#answers.has(index)) return [{ record, state: 'done' }];
      if (index === this.#current) return [{ record, state: 'current' }];
      // a record that jumps on zero keeps no result; one of the process that stands by may still be waiting
      const passed = record.section !== 'stand-by';
      return [{ record: passed ? { ...record, state: 'done', result: 0 } : record, state: 'done' }];
    });
    if (this.isOver) return issued;
    const furthest = this.#furthest();
    const done = new Set(this.#order);
    const ahead = this.#records
      .filter((record) => record.index >= furthest && record.syscall !== 'none' && !isAside(record))
      .filter((record) => !done.has(record.index));
    return [...issued, ...ahead.map((record): BirthRow => ({ record, state: 'next' }))];
  }

  #furthest(): number {
    return this.#order.reduce((most, index) => {
      const record = this.#records[index];
      return record === undefined || isAside(record) ? most : Math.max(most, index + 1);
    }, 0);
  }
}
