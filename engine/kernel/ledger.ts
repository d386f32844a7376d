import type { Bilingual, LedgerDomain, LedgerEntry } from '../api/types.js';
import { explainRecord } from './program/explain.js';
import { noteOfRecord } from './program/note.js';
import type { RunningProgram } from './program/running.js';

/** What the ledger is told; it adds order and time. */
export type LedgerNote = Omit<LedgerEntry, 'seq' | 'at'>;

/** Entries kept; older ones are forgotten. A lab host's own program is about 150 of them. */
const CAPACITY = 20_000;

/** Every change to the kernel, in order: for the explain view, for cleaning up, and to prove that nothing is left. */
export class Ledger {
  #entries: LedgerEntry[] = [];
  #next = 1;
  #listeners = new Set<(entry: LedgerEntry) => void>();

  note(note: LedgerNote, at = Date.now()): LedgerEntry {
    const entry: LedgerEntry = { ...note, seq: this.#next++, at };
    this.#entries.push(entry);
    if (this.#entries.length > CAPACITY + CAPACITY / 10) this.#entries.splice(0, this.#entries.length - CAPACITY);
    for (const listener of this.#listeners) listener(entry);
    return entry;
  }

  /** An act of the engine outside a program: a file written, a cgroup made. */
  act(
    domain: LedgerDomain,
    subject: string,
    act: string,
    options: { command?: string; man?: string; explanation: Bilingual; actor?: LedgerEntry['actor'] },
  ): LedgerEntry {
    return this.note({
      actor: options.actor ?? 'engine',
      domain,
      subject,
      act,
      command: options.command ?? null,
      man: options.man ?? null,
      explanation: options.explanation,
      result: { ok: true },
    });
  }

  /** Every record of a program that was issued; `before` is called ahead of a labelled record, to note what the parent did then. */
  program(
    running: RunningProgram,
    subject: string,
    options: { actor?: LedgerEntry['actor']; before?: (label: string) => void } = {},
  ): void {
    const actor = options.actor ?? 'engine';
    const records = running.issuedRecords();
    for (const trace of running.trace()) {
      const record = records[trace.index];
      if (record?.options.label !== undefined) options.before?.(record.options.label);
      if (record === undefined || record.syscall === 'none' || trace.state === 'pending') continue;
      this.note({
        actor,
        subject,
        domain: record.syscall.includes('mount') || record.syscall === 'pivot_root' ? 'mount' : 'syscall',
        ...noteOfRecord(explainRecord(record, trace.index, trace)),
      });
    }
  }

  since(seq: number): readonly LedgerEntry[] {
    return this.#entries.filter((entry) => entry.seq > seq);
  }

  watch(listener: (entry: LedgerEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
