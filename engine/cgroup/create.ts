import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { madeDirectory, type RecordChange } from './changes.js';
import { errnoName, readControl, refusal, writeControl } from './control-file.js';
import type { PlannedGroup } from './plan.js';
import type { Resources } from './resources.js';
import { asksThrottle } from './v1-write.js';

/** Make a v1 group, ready to take a process. */
export function makeV1(
  group: PlannedGroup,
  made: string[],
  resources: Resources | undefined,
  record?: RecordChange,
): void {
  makeLevels(group, made, record);
  if (group.controllers.includes('cpuset')) fillCpuset(group, made, resources?.cpu ?? {}, record);
}

/**
 * Make a group's directory and those above it that are missing. `made` gets what was made, parents first, at once: after
 * a failure the caller knows what to remove. A parent that somebody removes meanwhile is made again.
 */
function makeLevels(group: PlannedGroup, made: string[], record?: RecordChange): void {
  const make = (directory: string, tries: number): void => {
    if (directory.length <= group.mountPoint.length) return;
    try {
      mkdirSync(directory, 0o755);
    } catch (error) {
      const code = errnoName(error);
      if (code === 'EEXIST') return;
      if (code !== 'ENOENT' || tries === 0) throw refusal('mkdir', directory, error);
      make(dirname(directory), tries);
      make(directory, tries - 1);
      return;
    }
    made.push(directory);
    record?.(madeDirectory(directory));
  };
  make(group.directory, 3);
}

/** CPUs and memory nodes of a v1 cpuset. */
interface CpusetLists {
  readonly cpus: string;
  readonly mems: string;
}

/**
 * A new v1 cpuset is empty and takes no process until both lists are set. What the configuration asks for is written as it
 * is, the rest is the parent's, which may itself have to inherit first. cpuset(7); libcontainer/cgroups/fs/cpuset.go.
 */
function fillCpuset(
  group: PlannedGroup,
  made: readonly string[],
  asked: { readonly cpus?: string; readonly mems?: string },
  record?: RecordChange,
): void {
  const fill = (directory: string, wanted: typeof asked): CpusetLists => {
    if (directory === group.mountPoint) return readLists(directory);
    const has = made.includes(directory) ? { cpus: '', mems: '' } : readLists(directory);
    if (has.cpus !== '' && has.mems !== '') return has;
    const parent = fill(dirname(directory), {});
    const set = (file: keyof CpusetLists): string => {
      if (has[file] !== '') return has[file];
      const value = wanted[file] || parent[file];
      writeControl(`${directory}/cpuset.${file}`, value, record);
      return value;
    };
    return { cpus: set('cpus'), mems: set('mems') };
  };
  fill(group.directory, asked);
}

function readLists(directory: string): CpusetLists {
  return { cpus: readControl(`${directory}/cpuset.cpus`), mems: readControl(`${directory}/cpuset.mems`) };
}

/**
 * Make a v2 group with every controller enabled on the way to it. What the kernel does not let us enable is left out: a
 * limit that needs it is refused later, when its file is not there. libcontainer/cgroups/fs2/create.go.
 */
export function makeV2(
  group: PlannedGroup,
  made: string[],
  resources: Resources | undefined,
  record?: RecordChange,
): void {
  const domain = resources !== undefined && needsDomain(resources);
  makeLevels(group, made, record);
  const levels = group.directory.slice(group.mountPoint.length + 1).split('/');
  let directory = group.mountPoint;
  for (const [n, level] of ['', ...levels].entries()) {
    if (n > 0) {
      directory = `${directory}/${level}`;
      checkType(directory, domain, record);
    }
    if (n < levels.length) enable(directory, group.controllers, made.includes(directory), record);
  }
}

function checkType(directory: string, domain: boolean, record?: RecordChange): void {
  const type = readControl(`${directory}/cgroup.type`);
  if (type === 'domain') return;
  if (domain)
    throw new EngineError(
      'FailedPrecondition',
      type === 'domain invalid'
        ? `cannot enter cgroupv2 ${JSON.stringify(directory)} with domain controllers -- it is in an invalid state`
        : `cannot enter cgroupv2 ${JSON.stringify(directory)} with domain controllers -- it is in ${type} mode`,
    );
  if (type === 'domain invalid') writeControl(`${directory}/cgroup.type`, 'threaded', record);
}

/** Refusals that mean: this controller cannot be had here. cgroups(7). */
const NOT_HERE = new Set(['EBUSY', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'EACCES', 'EPERM', 'ENOENT', 'EROFS']);

function enable(directory: string, controllers: readonly string[], fresh: boolean, record?: RecordChange): void {
  const file = `${directory}/cgroup.subtree_control`;
  const has = new Set(fresh ? [] : readControl(file).split(' '));
  const missing = controllers.filter((name) => !has.has(name));
  if (missing.length === 0) return;
  const attempt = (names: readonly string[]): boolean => {
    try {
      writeControl(file, names.map((name) => `+${name}`).join(' '), record);
      return true;
    } catch (error) {
      if (NOT_HERE.has(errnoName(error) ?? '')) return false;
      throw error;
    }
  };
  if (!attempt(missing)) for (const name of missing) attempt([name]);
}

/** Whether a resource is limited that a threaded group cannot have. */
function needsDomain({ memory, cpu, blockIO, hugepageLimits }: Resources): boolean {
  return Boolean(
    memory?.limit ||
      memory?.swap ||
      memory?.reservation ||
      cpu?.shares ||
      cpu?.quota ||
      cpu?.period ||
      blockIO?.weight ||
      (blockIO !== undefined && asksThrottle(blockIO)) ||
      hugepageLimits.length,
  );
}
