import { existsSync } from 'node:fs';
import { SIG } from '../kernel/constants.js';
import { EngineError } from '../kernel/errors.js';
import type { RecordChange } from './changes.js';
import { writeControl } from './control-file.js';
import { freeze, isFrozen, thaw } from './freeze.js';
import type { Groups } from './groups.js';
import { membersBelow, signalMember } from './remove.js';

/** Pids of all processes in the groups, as our own pid namespace numbers them, ascending. */
export function allPids(groups: Groups): number[] {
  const directory = groups.counting?.directory;
  return directory === undefined ? [] : [...new Set(membersBelow(directory))].sort((a, b) => a - b);
}

/**
 * Signal every process of the groups, also those that are born meanwhile: for SIGKILL the kernel sees to it (cgroup.kill);
 * otherwise all are stopped first, and go on after it unless they were paused before. libcontainer signalAllProcesses.
 */
export function killGroups(groups: Groups, signal: number, record?: RecordChange): void {
  const { freezer } = groups;
  const paused = freezer !== undefined && isFrozen(freezer);
  const killed = signal === SIG.KILL && killV2(groups, record);
  if (killed && groups.mode === 'v2') return;
  if (!killed && !paused && freezer !== undefined) freeze(freezer);
  try {
    for (const pid of allPids(groups))
      if (!signalMember(pid, signal, (text) => groups.holds(text), record))
        throw new EngineError('PermissionDenied', `unable to signal process ${pid} of the container`);
  } finally {
    // a process that is frozen on v1 does not die before it is thawed
    if (freezer !== undefined && (!paused || signal === SIG.KILL)) thaw(freezer);
  }
}

/** False on kernels before 5.14. Beside v1 it reaches those that did not leave the v2 group. */
function killV2({ v2 }: Groups, record?: RecordChange): boolean {
  if (v2 === undefined || !existsSync(`${v2.directory}/cgroup.kill`)) return false;
  writeControl(`${v2.directory}/cgroup.kill`, '1', record);
  return true;
}
