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
  }).filter(({ kind, before: was, after: is }) => kind !== 'changed' || !isBetween(was as Container, is as Container));
}

/** Its process is gone, or not there yet, and the engine has not said how it ended: the next look knows. */
function isBetween(before: Container, after: Container): boolean {
  return after.state === 'exited' && after.exitCode === null && before.name === after.name;
}
