import type { Clock } from '../../engine/container/clock.js';

/** A clock whose hands a test turns. Both of its times can be moved apart, as when somebody sets the machine's clock. */
export class FakeClock implements Clock {
  #wall = Date.parse('2026-01-01T00:00:00Z');
  #steady = 1_000_000;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#steady;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#steady + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  get waiting(): number {
    return this.#timers.length;
  }

  /** Somebody sets the clock: what is measured does not move. */
  setWall(ms: number): void {
    this.#wall = ms;
  }

  /** Let time pass, with what is due on the way, and whatever that promises. */
  async pass(ms: number): Promise<void> {
    const end = this.#steady + ms;
    for (;;) {
      await settled();
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#wall += next.at - this.#steady;
      this.#steady = next.at;
      next.callback();
    }
    this.#wall += end - this.#steady;
    this.#steady = end;
    await settled();
  }
}

/** Promises that are ready have been followed. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
