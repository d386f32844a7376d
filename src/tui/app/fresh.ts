/** The changes that are still highlighted. Only while there are any does a timer run, so that an idle screen costs nothing. */
import type { Change } from '../../../engine/api/types.js';
import { FRESH_MS, type FreshChange } from '../panel.js';

const TICK_MS = 500;
/** A script that makes thousands of things at once is not highlighted one by one. */
const MOST = 200;

export class FreshChanges {
  #seen: { readonly change: Change; readonly at: number }[] = [];
  #timer: NodeJS.Timeout | null = null;
  readonly #onTick: () => void;

  constructor(onTick: () => void) {
    this.#onTick = onTick;
  }

  add(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const at = Date.now();
    const keys = new Set(changes.map((change) => change.key));
    this.#seen = [
      ...this.#seen.filter((entry) => !keys.has(entry.change.key)),
      ...changes.map((change) => ({ change, at })),
    ].slice(-MOST);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  list(now: number): readonly FreshChange[] {
    return this.#seen.map(({ change, at }) => ({ ...change, age: Math.max(0, now - at) }));
  }

  #tick(): void {
    const oldest = Date.now() - FRESH_MS;
    this.#seen = this.#seen.filter((entry) => entry.at > oldest);
    if (this.#seen.length === 0) this.clear();
    this.#onTick();
  }

  clear(): void {
    this.#seen = [];
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
