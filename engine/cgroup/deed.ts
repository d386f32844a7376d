import { currentCall } from '../kernel/journal/context.js';
import { DeedKind, noteDeed } from '../kernel/journal/deed.js';
import type { CgroupChange } from './changes.js';

/** Told by `tell-deed.ts`. */
export const CGROUP = new DeedKind<CgroupChange>('change of a control group');

/** Note what was done to the cgroup file system, for whoever asked for it. */
export function noteCgroup(change: CgroupChange): void {
  // a signal is noted where it is sent
  if (change.what !== 'cgroup kill' && currentCall() !== undefined) noteDeed(CGROUP, change);
}
