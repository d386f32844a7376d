/**
 * A part's share of the processor: it may be read the moment something happened, as long as its readings have not cost
 * more than their share lately. A lab in which a program is busy all the time is thus read less often, never not at all.
 */
export class Budget {
  readonly #share: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /**
   * @param share of one processor that the part may use for long, for example 0.01
   * @param burst milliseconds of processor time that may be used at once
   */
  constructor(share: number, burst: number, now = performance.now()) {
    this.#share = share;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /**
   * May the part be read now?
   *
   * @param urgent what is missed now cannot be told later: it may be in debt for as much as a burst, and is the longer silent
   */
  allows(now = performance.now(), urgent = false): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#share);
    this.#at = now;
    return this.#tokens > (urgent ? -this.#burst : 0);
  }

  /** Run a reading and charge the processor time that it took: not the time that others had the processor meanwhile. */
  charge<T>(read: () => T): T {
    const from = process.cpuUsage();
    try {
      return read();
    } finally {
      const { user, system } = process.cpuUsage(from);
      this.#tokens -= (user + system) / 1000;
    }
  }
}
