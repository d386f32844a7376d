import type { Container, Snapshot } from '../../api/types.js';
import { compareLists, type Difference } from './compare.js';

/** Containers that came, went, or changed their name or state. Processes that come and go in one are told as such. */
export function diffContainers(before: Snapshot, after: Snapshot): Difference[] {
  return compareLists<Container>(before.containers ?? [], after.containers ?? [], {
    object: 'container',
    key: ({ id }) => `container/${id}`,
    place: () => '',
    name: ({ name }) => name,
    essence: ({ name, state, pid, exitCode }) => ({ name, state, pid, exitCode }),
  });
}
