/** When to draw: at once when the screen has been quiet, at most 60 times a second, and never for more than a part of the time. */

const SHORTEST_MS = 1000 / 60;
/** A frame that took long (a loaded machine, a huge screen) is followed by a pause this many times as long, so that keys and data get their turn. */
const REST = 3;

export class FrameScheduler {
  readonly #draw: () => void;
  #timer: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;
  #notBefore = 0;
  #stopped = false;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  /** Something changed. Any number of calls before the next frame make one frame. */
  request(): void {
    if (this.#stopped || this.#timer !== null || this.#immediate !== null) return;
    const wait = this.#notBefore - performance.now();
    if (wait <= 0) this.#immediate = setImmediate(() => this.#run());
    else this.#timer = setTimeout(() => this.#run(), Math.ceil(wait));
  }

  /** Draw now, if anything is due or not. */
  flush(): void {
    if (!this.#stopped) this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#timer = null;
    this.#immediate = null;
  }

  #run(): void {
    this.#cancel();
    const start = performance.now();
    this.#draw();
    const took = performance.now() - start;
    this.#notBefore = start + Math.max(SHORTEST_MS, took * (1 + REST));
  }
}
