import type { Change, ObservedObject } from '../../api/types.js';

/** A change without its number and time, as the parts of the comparison give it. */
export type Difference = Omit<Change, 'seq' | 'at'>;

/** How objects of one list are compared. */
export interface Comparison<T> {
  readonly object: ObservedObject;
  key(one: T): string;
  place(one: T): string;
  name(one: T): string;
  /**
   * What counts as a change of it, as a plain value: counters, usage and states that flap are left out. Null: it is never
   * `changed`, only there or not.
   */
  essence(one: T): unknown;
}

/** Compare two lists by key. The order is: removed (in the order they had), then added and changed (in the order they have). */
export function compareLists<T>(before: readonly T[], after: readonly T[], how: Comparison<T>): Difference[] {
  if (before === after) return [];
  const old = new Map(before.map((one) => [how.key(one), one]));
  const current = new Map(after.map((one) => [how.key(one), one]));
  const found: Difference[] = [];
  for (const [key, one] of old) {
    if (!current.has(key))
      found.push({ kind: 'removed', object: how.object, key, place: how.place(one), name: how.name(one), before: one });
  }
  for (const [key, one] of current) {
    const was = old.get(key);
    if (was === undefined) {
      found.push({ kind: 'added', object: how.object, key, place: how.place(one), name: how.name(one), after: one });
    } else if (was !== one && !same(how.essence(was), how.essence(one))) {
      found.push({
        kind: 'changed',
        object: how.object,
        key,
        place: how.place(one),
        name: how.name(one),
        before: was,
        after: one,
      });
    }
  }
  return found;
}

/** Structural equality of plain values whose keys are written in one order. */
export function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
