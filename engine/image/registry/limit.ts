import { canceled } from './errors.js';

/** At most so many at once; the others wait in line. */
export class Limit {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** @param waiting told when there is a line */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal, waiting?: () => void): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else {
      waiting?.();
      await this.#wait(signal);
    }
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        const at = this.#line.indexOf(go);
        if (at >= 0) this.#line.splice(at, 1);
        reject(canceled(signal?.reason));
      };
      if (signal?.aborted === true) return leave();
      signal?.addEventListener('abort', leave, { once: true });
      this.#line.push(go);
    });
  }
}

/**
 * All of them, and when one fails the others are given up and waited for: nothing runs on after an operation has ended.
 */
export async function allOrNone<T>(
  works: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal?: AbortSignal,
): Promise<T[]> {
  const control = new AbortController();
  const outer = (): void => control.abort(signal?.reason);
  if (signal?.aborted === true) outer();
  signal?.addEventListener('abort', outer, { once: true });
  let first: { readonly error: unknown } | null = null;
  try {
    const done = await Promise.allSettled(
      works.map(async (work) => {
        try {
          return await work(control.signal);
        } catch (error) {
          first ??= { error };
          control.abort(error);
          throw error;
        }
      }),
    );
    if (first !== null) throw (first as { readonly error: unknown }).error;
    return done.map((one) => (one as PromiseFulfilledResult<T>).value);
  } finally {
    signal?.removeEventListener('abort', outer);
  }
}
