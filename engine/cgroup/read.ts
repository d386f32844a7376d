import { readdirSync } from 'node:fs';
import type { Cgroup, CgroupView } from '../api/types.js';
import { hasVanished, readProc } from '../kernel/procfs/read.js';
import { controlFiles } from './files.js';
import type { CgroupHierarchy, CgroupSetup } from './hierarchy.js';
import { readV1 } from './v1.js';
import { readV2 } from './v2.js';

/** Groups of one hierarchy that are read. */
const GROUPS = 512;

/** The view, and what could not be read of it, one sentence each. */
export interface CgroupReading {
  readonly view: CgroupView;
  readonly problems: readonly string[];
}

/**
 * Read the lab's subtree of every hierarchy.
 *
 * @param labPid pid in the lab of a pid of the engine's own namespace; null leaves a process out (it is not the lab's)
 */
export function readCgroups(setup: CgroupSetup, labPid: (pid: number) => number | null): CgroupReading {
  const problems: string[] = [];
  const groups: Cgroup[] = [];
  // cpu time is counted in cpuacct: where that is a hierarchy of its own, a learner still expects it beside the shares.
  const usage = new Map<string, number>();
  const ordered = [...setup.hierarchies].sort((a, b) => Number(b.name === 'cpuacct') - Number(a.name === 'cpuacct'));
  const byHierarchy = new Map<CgroupHierarchy, Cgroup[]>();
  for (const hierarchy of ordered) {
    const list: Cgroup[] = [];
    byHierarchy.set(hierarchy, list);
    try {
      const paths = listGroups(hierarchy.directory);
      if (paths.truncated) problems.push(`${nameOf(hierarchy)}: more than ${GROUPS} groups, the rest is not read`);
      for (const path of paths.paths) {
        const group = readGroup(hierarchy, path, labPid, usage.get(path) ?? null);
        if (group === null) continue;
        if (group.cpu?.usageUs != null && hierarchy.version === 1) usage.set(path, group.cpu.usageUs);
        list.push(group);
      }
    } catch (error) {
      problems.push(`${nameOf(hierarchy)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const hierarchy of setup.hierarchies) groups.push(...(byHierarchy.get(hierarchy) ?? []));
  return {
    view: {
      mode: setup.mode,
      hierarchies: setup.hierarchies.map((hierarchy) => ({
        name: hierarchy.name,
        controllers: hierarchy.version === 2 ? offered(hierarchy) : hierarchy.controllers,
        mountPoint: hierarchy.mountPoint,
        writable: hierarchy.writable,
      })),
      groups,
    },
    problems,
  };
}

function nameOf(hierarchy: CgroupHierarchy): string {
  return hierarchy.version === 2 ? 'cgroup v2' : `cgroup hierarchy ${hierarchy.name}`;
}

function offered(hierarchy: CgroupHierarchy): readonly string[] {
  const text = readProc(`${hierarchy.directory}/cgroup.controllers`);
  return text === null ? hierarchy.controllers : text.split(/\s+/).filter(Boolean);
}

/** Paths of the groups below (and including) a directory, parents first, names in order. */
function listGroups(directory: string): { paths: string[]; truncated: boolean } {
  const paths: string[] = [];
  const waiting = ['/'];
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (paths.length >= GROUPS) return { paths, truncated: true };
    try {
      const names = readdirSync(path === '/' ? directory : `${directory}${path}`, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort();
      paths.push(path);
      for (const name of names) waiting.push(path === '/' ? `/${name}` : `${path}/${name}`);
    } catch (error) {
      // A group that was removed while the tree was walked is gone; the lab's root itself must be there.
      if (!hasVanished(error) || path === '/') throw error;
    }
  }
  return { paths: paths.sort(), truncated: false };
}

function readGroup(
  hierarchy: CgroupHierarchy,
  path: string,
  labPid: (pid: number) => number | null,
  usageUs: number | null,
): Cgroup | null {
  const directory = path === '/' ? hierarchy.directory : `${hierarchy.directory}${path}`;
  const procs = readProcs(directory);
  if (procs === null) return null;
  const files = controlFiles(directory);
  const values = hierarchy.version === 2 ? readV2(files) : readV1(hierarchy.controllers, files, usageUs);
  const members = procs.flatMap((pid) => labPid(pid) ?? []);
  return { path, hierarchy: hierarchy.name, procs: members.sort((a, b) => a - b), ...values };
}

/** Null when the group is gone. A threaded v2 group answers EOPNOTSUPP: its processes are listed by its domain. */
function readProcs(directory: string): number[] | null {
  try {
    const text = readProc(`${directory}/cgroup.procs`);
    return text === null ? null : text.split('\n').filter(Boolean).map(Number);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EOPNOTSUPP' || error.code === 'ENOTSUP'))
      return [];
    throw error;
  }
}
