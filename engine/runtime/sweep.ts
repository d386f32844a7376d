import { CgroupManager } from '../cgroup/manager.js';
import { isAlive, type StateDir } from './state-dir.js';

/** How long the process that stands by has for its work before we do it. It begins when the maker dies and takes milliseconds. */
const STAND_BY_MS = 500;
const PAUSE_MS = 5;

/**
 * Remove what is left of a container whose maker was killed before it was complete. Done before its id is used again, and
 * after the process that stood by: that one removes by name, the directory last, and must not meet what we make there.
 */
export async function sweep(dir: StateDir): Promise<void> {
  const deadline = performance.now() + STAND_BY_MS;
  while (isUnfinished(dir)) {
    if (performance.now() > deadline) return remove(dir);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Nobody finishes it; without a state it is being begun or removed by somebody else. */
function isUnfinished(dir: StateDir): boolean {
  const state = dir.tryRead();
  return state === null ? dir.exists() : state.init === null && !isAlive(state.creator);
}

async function remove(dir: StateDir): Promise<void> {
  const state = dir.tryRead();
  if (state === null) return;
  await CgroupManager.fromState(state.cgroups).remove();
  dir.remove();
}
