import type { Cgroup, Snapshot } from '../../api/types.js';
import { compareLists, type Difference } from './compare.js';

/** One setting of a group: what a change of object `cgroup-limit` carries. */
export interface CgroupLimit {
  readonly hierarchy: string;
  readonly path: string;
  /** `memory.limit`, `cpu.shares`, `cpu.quotaUs`, `pids.max`, `cpuset.cpus`, `freezer.state` …: section and field of `Cgroup`. */
  readonly field: string;
  readonly value: string | number | null;
}

/** One process in a group: what a change of object `cgroup-member` carries. */
export interface CgroupMember {
  readonly hierarchy: string;
  readonly path: string;
  readonly pid: number;
  readonly comm: string;
  /** Group that it was in before; null when not known. */
  readonly from: string | null;
}

/** Groups, their members and their limits. Usage, and members that merely began or ended in a group, are not told. */
export function diffCgroups(before: Snapshot, after: Snapshot): Difference[] {
  const [old, current] = [before.cgroups.groups, after.cgroups.groups];
  if (old === current) return [];
  return [
    ...compareLists<Cgroup>(old, current, {
      object: 'cgroup',
      key: keyOf,
      place: ({ hierarchy }) => (hierarchy === '' ? 'cgroup2' : hierarchy),
      name: ({ path }) => path,
      // What the kernel did to it because of its limits is news; that it is throttled again in each period is not.
      essence: ({ memory, pids }) => ({ oomKills: memory?.oomKills, underOom: memory?.underOom, hitMax: pids?.hitMax }),
    }),
    ...diffMembers(before, after),
    ...compareLists(limitsBefore(old, current), current.flatMap(limitsOf), {
      object: 'cgroup-limit',
      key: ({ hierarchy, path, field }) => `cgroup/${hierarchy}${path}/${field}`,
      place: ({ path }) => path,
      name: ({ field }) => field,
      essence: ({ value }) => value,
    }).filter(({ kind }) => kind === 'changed'),
  ];
}

function keyOf({ hierarchy, path }: Cgroup): string {
  return `cgroup/${hierarchy}${path}`;
}

function limitsOf(group: Cgroup): CgroupLimit[] {
  const { hierarchy, path, memory, cpu, pids, cpuset, freezer } = group;
  const fields: [string, string | number | null | undefined][] = [
    ['memory.limit', memory?.limit],
    ['memory.swapLimit', memory?.swapLimit],
    ['cpu.shares', cpu?.shares],
    ['cpu.weight', cpu?.weight],
    ['cpu.quotaUs', cpu?.quotaUs],
    ['cpu.periodUs', cpu?.periodUs],
    ['pids.max', pids?.max],
    ['cpuset.cpus', cpuset?.cpus],
    ['cpuset.mems', cpuset?.mems],
    ['freezer.state', freezer?.state],
  ];
  return fields.flatMap(([field, value]) => (value === undefined ? [] : [{ hierarchy, path, field, value }]));
}

/** What a group begins with; v1's cpuset is empty and must be filled, everything else is without a limit. */
const DEFAULTS: Readonly<Record<string, string | number | null>> = {
  'memory.limit': null,
  'memory.swapLimit': null,
  'cpu.shares': 1024,
  'cpu.weight': 100,
  'cpu.quotaUs': null,
  'cpu.periodUs': 100_000,
  'pids.max': null,
  'cpuset.cpus': '',
  'cpuset.mems': '',
  'freezer.state': 'THAWED',
};

/**
 * Limits as they were; a group that is new had the defaults, so that what was set before it was first seen is told too. What its
 * hierarchy does not have (the shares in that of cpuacct) is null, and was.
 */
function limitsBefore(old: readonly Cgroup[], current: readonly Cgroup[]): CgroupLimit[] {
  const known = new Set(old.map(keyOf));
  const fresh = current.filter((group) => !known.has(keyOf(group)));
  return [
    ...old.flatMap(limitsOf),
    ...fresh.flatMap(limitsOf).map((limit) => ({
      ...limit,
      value: limit.value === null ? null : (DEFAULTS[limit.field] ?? null),
    })),
  ];
}

function diffMembers(before: Snapshot, after: Snapshot): Difference[] {
  const was = membersOf(before);
  const is = membersOf(after);
  const found: Difference[] = [];
  for (const [key, member] of is) {
    const from = was.get(key);
    // New processes begin in their parent's group: told is only who was somewhere else a moment ago.
    if (from === undefined || from.path === member.path) continue;
    const { hierarchy, path, pid, comm } = member;
    if (from.path !== '/') {
      found.push({
        kind: 'removed',
        object: 'cgroup-member',
        key: `cgroup/${hierarchy}${from.path}/member/${pid}`,
        place: from.path,
        name: `${comm} ${pid}`,
        before: from,
      });
    }
    if (path !== '/') {
      found.push({
        kind: 'added',
        object: 'cgroup-member',
        key: `cgroup/${hierarchy}${path}/member/${pid}`,
        place: path,
        name: `${comm} ${pid}`,
        after: { ...member, from: from.path },
      });
    }
  }
  return found;
}

/** Group of every process in every hierarchy, by hierarchy and process identity. */
function membersOf(snapshot: Snapshot): Map<string, CgroupMember> {
  const byPid = new Map(snapshot.processes.map((process) => [process.pid, process]));
  const members = new Map<string, CgroupMember>();
  for (const { hierarchy, path, procs } of snapshot.cgroups.groups) {
    for (const pid of procs) {
      const process = byPid.get(pid);
      if (process === undefined) continue;
      members.set(`${hierarchy} ${process.hostPid}:${process.startTime}`, {
        hierarchy,
        path,
        pid,
        comm: process.comm,
        from: null,
      });
    }
  }
  return members;
}
