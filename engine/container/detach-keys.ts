import { EngineError } from '../kernel/errors.js';

const DEFAULT = 'ctrl-p,ctrl-q';

/** The bytes of `ctrl-p,ctrl-q`, `ctrl-@`, `a,b`. Throws InvalidArgument in Docker's words. moby/term, ascii.go. */
export function parseDetachKeys(text: string | null): number[] {
  const keys = text === null || text === '' ? DEFAULT : text;
  return keys.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    if (key === 'DEL') return 127;
    const letter = /^ctrl-(.)$/.exec(key)?.[1];
    const index = letter === undefined ? -1 : '@abcdefghijklmnopqrstuvwxyz[\\]^_'.indexOf(letter);
    if (index < 0)
      throw new EngineError('InvalidArgument', `Invalid escape keys (${keys}) provided: Unknown character: '${key}'`);
    return index;
  });
}

/** Looks for the keys in what is typed. Keys that began a sequence and were not it are passed on. moby/term, proxy.go. */
export class DetachKeys {
  readonly #keys: readonly number[];
  #seen = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What is to be passed on, and whether the sequence is complete. */
  take(bytes: Uint8Array): { pass: Uint8Array; detached: boolean } {
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte === this.#keys[this.#seen]) {
        this.#seen++;
        if (this.#seen === this.#keys.length) {
          this.#seen = 0;
          return { pass: Uint8Array.from(out), detached: true };
        }
        continue;
      }
      out.push(...this.#keys.slice(0, this.#seen));
      this.#seen = byte === this.#keys[0] ? 1 : 0;
      if (this.#seen === 0) out.push(byte);
    }
    return { pass: Uint8Array.from(out), detached: false };
  }
}
