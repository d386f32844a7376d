/** What happened to an object just now, found again by name among the fresh changes. */
import type { Change, ObservedObject } from '../../../engine/api/types.js';

/** `ghost`: the lesson wants it and it is not there. `removed`: it was there a moment ago. */
export type Mark = 'new' | 'changed' | 'removed' | 'ghost';

export interface MarkIndex {
  /** The mark of one object; `key` as in `Change.key`. */
  of(object: ObservedObject, key: string): Mark | null;
  /** Changes of one kind of object whose key begins with `prefix`. */
  under(object: ObservedObject, prefix: string): readonly Change[];
}

function markOf(change: Change): Mark {
  return change.kind === 'added' ? 'new' : change.kind;
}

/** Later changes of the same object win, except that something new that changed is still new, and something re-made has changed. */
export function indexMarks(fresh: readonly Change[]): MarkIndex {
  const byKey = new Map<string, Mark>();
  const byObject = new Map<ObservedObject, Change[]>();
  for (const change of fresh) {
    const id = `${change.object} ${change.key}`;
    const before = byKey.get(id);
    const mark = markOf(change);
    if (before === 'new' && mark === 'changed') continue;
    byKey.set(id, before === 'removed' && mark === 'new' ? 'changed' : mark);
    const list = byObject.get(change.object);
    if (list === undefined) byObject.set(change.object, [change]);
    else list.push(change);
  }
  return {
    of: (object, key) => byKey.get(`${object} ${key}`) ?? null,
    under: (object, prefix) => (byObject.get(object) ?? []).filter((change) => change.key.startsWith(prefix)),
  };
}
