import type { Digest } from '../types.js';
import { guard } from './guards.js';

/**
 * What running operations need and no image names yet: garbage collection leaves it. A lease lives as long as its operation,
 * so it is in memory: after a crash no operation runs, and what it held is garbage.
 * https://github.com/containerd/containerd/blob/main/docs/garbage-collection.md
 */
export class Leases {
  readonly #held = new Map<Digest, number>();
  #open = 0;

  /** Give it back with `release`, in a `finally`. */
  lease(): Lease {
    this.#open += 1;
    const mine = new Set<Digest>();
    let isOpen = true;
    return {
      hold: (digest) => {
        if (!isOpen || mine.has(digest)) return;
        mine.add(digest);
        this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
      },
      release: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#open -= 1;
        for (const digest of mine) {
          const left = (this.#held.get(digest) ?? 1) - 1;
          if (left === 0) this.#held.delete(digest);
          else this.#held.set(digest, left);
        }
      },
    };
  }

  holds(digest: Digest): boolean {
    return this.#held.has(digest) && guard('lease');
  }

  /** How many are not yet given back. */
  get open(): number {
    return this.#open;
  }
}

export interface Lease {
  /** Keep content (a blob's digest) or a layer (a chainID) from now on, whether it is there or not. */
  hold(digest: Digest): void;
  release(): void;
}
