/** The last `capacity` values, oldest first. Adding is O(1) and keeps no more memory than that. */
export class RingBuffer<T> {
  readonly capacity: number;
  #values: T[] = [];
  #next = 0;
  #added = 0;

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new RangeError(`capacity of a ring buffer must be a positive integer, not ${capacity}`);
    this.capacity = capacity;
  }

  push(value: T): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.capacity;
    this.#added++;
  }

  get length(): number {
    return this.#values.length;
  }

  /** How many values were ever added: charts use it to know which of them stand in even columns. */
  get added(): number {
    return this.#added;
  }

  last(): T | undefined {
    return this.#added === 0 ? undefined : this.#values[(this.#next + this.capacity - 1) % this.capacity];
  }

  /** Oldest first. */
  toArray(): T[] {
    if (this.#values.length < this.capacity) return [...this.#values];
    return [...this.#values.slice(this.#next), ...this.#values.slice(0, this.#next)];
  }
}
