/** Does something once nothing has happened for a while, and again only after something has. */
export class Quiet {
  readonly #ms: number;
  readonly #then: () => void;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(ms: number, then: () => void) {
    this.#ms = ms;
    this.#then = then;
  }

  /** Something happened. */
  touch(): void {
    if (this.#closed) return;
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#quiet(), this.#ms).unref();
    else this.#timer.refresh();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #quiet(): void {
    this.#timer = undefined;
    this.#then();
  }
}
