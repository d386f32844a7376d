/** One after the other for the same key; different keys do not wait for each other. Within this process. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Wait until nobody has the key. The answer gives it back; calling that twice is harmless. */
  async take(key: string): Promise<() => void> {
    const before = this.#tails.get(key);
    let free: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      free = resolve;
    });
    const tail = (before ?? Promise.resolve()).then(() => mine);
    this.#tails.set(key, tail);
    await before;
    return () => {
      free();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
  }

  async hold<T>(key: string, work: () => Promise<T>): Promise<T> {
    const release = await this.take(key);
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** Whether somebody has the key. */
  isHeld(key: string): boolean {
    return this.#tails.has(key);
  }
}
