/** Short notices above the status line, gone by themselves. */
import type { Bilingual } from '../../../engine/api/types.js';

const SHOWN_MS = 4000;
const MOST = 3;

export class Toasts {
  #list: Bilingual[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get list(): readonly Bilingual[] {
    return this.#list;
  }

  /** The same notice twice in a row is shown once, for longer. */
  show(text: Bilingual): void {
    this.#list = [...this.#list.filter((other) => other.en !== text.en), text].slice(-MOST);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#list = this.#list.filter((other) => other !== text);
      this.#onChange();
    }, SHOWN_MS);
    this.#timers.add(timer);
    this.#onChange();
  }

  /** What was said of one step says nothing of the next. */
  clear(): void {
    this.stop();
    this.#list = [];
    this.#onChange();
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
