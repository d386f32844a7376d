/** Keys that all list-like panels share: move the selection, open and close the details. */
import type { Key } from '../input/keys.js';

export interface ListState {
  readonly selected: string | null;
  readonly detail: boolean;
}

/** The next state, the same state at an edge, null for a key that means nothing to a list. */
export function listKey<S extends ListState>(key: Key, state: S, items: readonly { readonly id: string }[]): S | null {
  if (key.ctrl || key.alt) return null;
  switch (key.name) {
    case 'escape':
      if (state.detail) return { ...state, detail: false };
      return state.selected === null ? null : { ...state, selected: null };
    case 'enter':
      return state.selected === null ? null : { ...state, detail: !state.detail };
    case 'up':
    case 'k':
    case 'down':
    case 'j': {
      if (state.detail || items.length === 0) return null;
      const at = items.findIndex((item) => item.id === state.selected);
      const back = key.name === 'up' || key.name === 'k';
      const next = at < 0 ? 0 : Math.min(items.length - 1, Math.max(0, back ? at - 1 : at + 1));
      return { ...state, selected: items[next]!.id };
    }
    default:
      return null;
  }
}
