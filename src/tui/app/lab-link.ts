/** Follows one lab: its snapshots and its ledger, until it is stopped. */
import type { Bilingual, Lab, LedgerEntry, ObserveEvent } from '../../../engine/api/types.js';

export interface LabListener {
  observed(event: ObserveEvent): void;
  /** In the order in which they were recorded, each once. */
  recorded(entries: readonly LedgerEntry[]): void;
  gone(reason: Bilingual, engineEnded: boolean): void;
  failed(error: unknown): void;
}

export class LabLink {
  readonly lab: Lab;
  readonly #listener: LabListener;
  #ends: (() => void)[] = [];
  #stopped = false;

  constructor(lab: Lab, listener: LabListener) {
    this.lab = lab;
    this.#listener = listener;
  }

  start(): void {
    const listener = this.#listener;
    this.#ends.push(this.lab.watch((event) => this.#live(() => listener.observed(event))));
    // Entries that arrive while the past ones are being fetched wait, so that none is lost and none is out of order.
    let waiting: LedgerEntry[] | null = [];
    this.#ends.push(
      this.lab.watchLedger((entry) =>
        this.#live(() => {
          if (waiting === null) listener.recorded([entry]);
          else waiting.push(entry);
        }),
      ),
    );
    this.lab.ledger().then(
      (past) =>
        this.#live(() => {
          const known = new Set(past.map((entry) => `${entry.seq} ${entry.at} ${entry.act}`));
          const news = (waiting ?? []).filter((entry) => !known.has(`${entry.seq} ${entry.at} ${entry.act}`));
          listener.recorded([...past, ...news]);
          waiting = null;
        }),
      (error: unknown) =>
        this.#live(() => {
          listener.recorded(waiting ?? []);
          waiting = null;
          listener.failed(error);
        }),
    );
    this.lab.onGone((reason, engineEnded) => this.#live(() => listener.gone(reason, engineEnded === true)));
  }

  stop(): void {
    this.#stopped = true;
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  #live(work: () => void): void {
    if (!this.#stopped) work();
  }
}
