import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { CgroupManager, type CgroupState } from '../../cgroup/manager.js';
import { type PlannedGroup, planCgroups } from '../../cgroup/plan.js';
import { inUserNamespace } from '../../kernel/procfs/id-map.js';
import type { Spec } from '../spec/types.js';

/**
 * The groups that a runtime will make for a container, by the rules that all of them share (`planCgroups`), and which of them
 * are not there yet: a runtime that is killed leaves them, and none removes the parents that it made.
 */
export function groupsToBeMade(id: string, spec: Spec): CgroupState {
  const rootless = process.geteuid?.() !== 0 || inUserNamespace();
  const { plan } = CgroupManager.open(planCgroups({ cgroupsPath: spec.linux.cgroupsPath, id, rootless }));
  return { plan, made: plan.hierarchies.flatMap(missing) };
}

/** Parents first. */
function missing({ directory, mountPoint }: PlannedGroup): string[] {
  const found: string[] = [];
  for (let at = directory; at.startsWith(`${mountPoint}/`) && !existsSync(at); at = posix.dirname(at))
    found.unshift(at);
  return found;
}
