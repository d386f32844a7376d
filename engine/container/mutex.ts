/** One operation at a time, in the order in which they were asked for. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    // the next one waits for the end, whatever it was
    this.#last = next.catch(() => undefined);
    return next;
  }
}
