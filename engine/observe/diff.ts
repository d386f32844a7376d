import type { Change, ObservedObject, Snapshot, SnapshotPart } from '../api/types.js';
import { diffCgroups } from './diff/cgroups.js';
import { diffContainers } from './diff/containers.js';
import { diffKernelObjects } from './diff/kernel-objects.js';
import { diffNetworks } from './diff/network.js';
import { diffStorage } from './diff/storage.js';

/**
 * What changed between two snapshots of one lab, in the order in which it is best told: containers, namespaces and processes first,
 * then networks, storage, control groups. Pure. Counters, usage, working directories and states that flap by themselves
 * are not changes. A part that could not be measured in either snapshot says nothing: that it looks empty is no news.
 *
 * @param firstSeq number of the first change; the rest follow
 */
export function diff(before: Snapshot, after: Snapshot, firstSeq = 1): Change[] {
  const found = [
    ...diffContainers(before, after),
    ...diffKernelObjects(before, after),
    ...diffNetworks(before, after),
    ...diffStorage(before, after),
    ...diffCgroups(before, after),
  ];
  const doubtful = new Set([...before.problems, ...after.problems].map(({ part }) => part));
  return found
    .filter(({ object, kind }) => kind === 'changed' || !isOf(object, doubtful))
    .map((difference, at) => ({ seq: firstSeq + at, at: after.takenAt, ...difference }));
}

/** Parts that are read as a whole, so that one failure makes everything of it seem to go (or, mended, to come). */
function isOf(object: ObservedObject, doubtful: ReadonlySet<SnapshotPart>): boolean {
  if (object === 'container') return doubtful.has('containers');
  if (object.startsWith('cgroup')) return doubtful.has('cgroups');
  if (object.startsWith('firewall')) return doubtful.has('firewall');
  return object === 'layer-entry' && doubtful.has('overlays');
}
