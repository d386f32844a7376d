import type { ObserveProblem, SnapshotPart } from '../api/types.js';

/** Problems of one part that are listed; the rest are counted. */
const LISTED = 16;

/**
 * What could not be measured. A part of the snapshot that is empty because it could not be read must never look like one
 * that is empty in the kernel, so every failure ends here, and a check on that part answers `couldNotMeasure`.
 */
export class Problems {
  #byPart = new Map<SnapshotPart, Map<string, number>>();

  add(part: SnapshotPart, reason: string): void {
    const reasons = this.#byPart.get(part) ?? new Map<string, number>();
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    this.#byPart.set(part, reasons);
  }

  /** Run a reading; when it throws, note why and return `otherwise`. `what` names the object: `the mounts of mnt:[1]`. */
  attempt<T, U>(part: SnapshotPart, what: string, read: () => T, otherwise: U): T | U {
    try {
      return read();
    } catch (error) {
      this.add(part, `${what}: ${reasonOf(error)}`);
      return otherwise;
    }
  }

  /** Forget a part that is about to be read again. */
  clear(part: SnapshotPart): void {
    this.#byPart.delete(part);
  }

  list(): ObserveProblem[] {
    const problems: ObserveProblem[] = [];
    for (const [part, reasons] of this.#byPart) {
      const all = [...reasons].map(([reason, count]) => (count === 1 ? reason : `${reason} (${count} times)`));
      for (const reason of all.slice(0, LISTED)) problems.push({ part, reason });
      if (all.length > LISTED) problems.push({ part, reason: `and ${all.length - LISTED} more problems` });
    }
    return problems;
  }
}

/** One line of text for whatever was thrown. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? 'unknown error';
}
