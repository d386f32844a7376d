import { CgroupManager } from '../cgroup/manager.js';
import { isAlive, type StateDir } from './state-dir.js';

/**
 * Remove what is left of a container whose maker was killed before it was complete, together with the process that stood
 * by to do so. Done before its id is used again.
 */
export async function sweep(dir: StateDir): Promise<void> {
  const state = dir.tryRead();
  if (state === null || state.init !== null || isAlive(state.creator)) return;
  await CgroupManager.fromState(state.cgroups).remove();
  dir.remove();
}
