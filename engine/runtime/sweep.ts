import { CgroupManager } from '../cgroup/manager.js';
import { isAlive, type StateDir } from './state-dir.js';

/**
 * Remove what is left of a container whose maker was killed before it was complete, together with the process that stood
 * by to do so. Done before its id is used again, and before containers are listed. True when there was something.
 */
export async function sweep(dir: StateDir): Promise<boolean> {
  const state = dir.tryRead();
  if (state === null || state.init !== null || isAlive(state.creator)) return false;
  await CgroupManager.fromState(state.cgroups).remove();
  dir.remove();
  return true;
}
