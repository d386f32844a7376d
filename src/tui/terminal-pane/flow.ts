/** Flow control between a session and the terminal emulator: a flood of output neither fills the memory nor starves the keys. */
import type { Session } from '../../../engine/api/types.js';

/** Bytes waiting for the emulator at which the session is paused, and below which it goes on. */
export const HIGH_WATER = 256 * 1024;
export const LOW_WATER = 64 * 1024;
/** The emulator parses a chunk in one go and looks at the clock only in between: about a millisecond each. */
const CHUNK = 16 * 1024;

export class FlowControl {
  readonly #session: Pick<Session, 'pause' | 'resume'>;
  readonly #sink: (bytes: Uint8Array, done: () => void) => void;
  #pending = 0;
  #paused = false;

  constructor(session: Pick<Session, 'pause' | 'resume'>, sink: (bytes: Uint8Array, done: () => void) => void) {
    this.#session = session;
    this.#sink = sink;
  }

  /** Bytes given to the emulator and not yet parsed. */
  get pending(): number {
    return this.#pending;
  }

  push(bytes: Uint8Array): void {
    this.#pending += bytes.length;
    if (!this.#paused && this.#pending > HIGH_WATER) {
      this.#paused = true;
      this.#session.pause();
    }
    for (let from = 0; from < bytes.length; from += CHUNK) {
      const chunk = bytes.subarray(from, from + CHUNK);
      this.#sink(chunk, () => this.#done(chunk.length));
    }
  }

  #done(count: number): void {
    this.#pending -= count;
    if (this.#paused && this.#pending < LOW_WATER) {
      this.#paused = false;
      this.#session.resume();
    }
  }
}
