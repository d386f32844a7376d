import { CliError } from '../errors.js';

/** Ctrl-P, Ctrl-Q. */
const DEFAULT = [16, 17];

/** `ctrl-a,b`: the bytes. moby/term's ToBytes. */
export function parseDetachKeys(text: string): readonly number[] {
  if (text === '') return DEFAULT;
  return text.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const control = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key)?.[1];
    if (control === undefined) throw new CliError(`Unknown character: '${key}'`);
    return control.toLowerCase().charCodeAt(0) & 0x1f;
  });
}

/** Looks for the keys in what is typed; bytes that might begin them are held back until it is clear. */
export class DetachScanner {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What to pass on, and whether the keys were typed whole. */
  scan(bytes: Buffer): { readonly pass: Buffer; readonly isDetached: boolean } {
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return { pass: Buffer.from(out), isDetached: true };
        continue;
      }
      out.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) out.push(byte);
    }
    return { pass: Buffer.from(out), isDetached: false };
  }
}
