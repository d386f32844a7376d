/** What is pushed comes out, in order, until the end. `depth` is how much has not been taken. */
export class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #ended = false;
  #wake: (() => void) | null = null;
  #taken: (() => void) | null = null;
  returned = false;

  get depth(): number {
    return this.#items.length;
  }

  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Resolves when everything pushed was taken. */
  async drained(): Promise<void> {
    while (this.#items.length > 0 && !this.returned) await new Promise<void>((resolve) => (this.#taken = resolve));
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      for (;;) {
        const item = this.#items.shift();
        if (item !== undefined) {
          this.#taken?.();
          yield item;
        } else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.returned = true;
      this.#taken?.();
    }
  }
}
