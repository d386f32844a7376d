import { readdirSync } from 'node:fs';
import type { IdMap, NamespaceId, NamespaceKind } from '../api/types.js';
import { parseNamespaceId } from '../kernel/namespaces/ids.js';
import { type CgroupMembership, parseCgroupFile } from '../kernel/procfs/cgroup-file.js';
import { parseIdMap } from '../kernel/procfs/id-map.js';
import { hasVanished, readProc, readProcLink, readProcStart } from '../kernel/procfs/read.js';
import { type ProcStat, parseStat } from '../kernel/procfs/stat.js';
import { type ProcStatus, parseStatus } from '../kernel/procfs/status.js';
import { readNamespaces } from './lab-identity.js';

/** One process as the machine's procfs shows it; nothing is translated into the lab's numbers yet. */
export interface RawProcess {
  readonly hostPid: number;
  readonly stat: ProcStat;
  readonly status: ProcStatus;
  readonly argv: readonly string[];
  readonly namespaces: Readonly<Partial<Record<NamespaceKind, NamespaceId>>>;
  /** Where its next child will be: /proc/PID/ns/pid_for_children and time_for_children, where they differ from its own. */
  readonly forChildren: readonly NamespaceId[];
  readonly root: string;
  readonly cwd: string;
  readonly cgroups: readonly CgroupMembership[];
  readonly uidMap: readonly IdMap[];
  readonly gidMap: readonly IdMap[];
  readonly oomScoreAdj: number;
}

/** Longest argument list that is kept, bytes. It may be megabytes: no more than this is read. */
const ARGV_BYTES = 4096;

/**
 * Read one process. Null when it went away meanwhile; a zombie is read as far as it goes (it has no root, no cwd, and
 * only its pid and user namespaces). Throws on anything else, such as no permission.
 */
export function readProcess(hostPid: number): RawProcess | null {
  const at = `/proc/${hostPid}`;
  const stat = parseStat(readProc(`${at}/stat`) ?? '');
  const status = parseStatus(readProc(`${at}/status`) ?? '');
  if (stat === null || status === null) return null;
  const namespaces = readNamespaces(`${at}/ns`);
  const cmdline = readProcStart(`${at}/cmdline`, ARGV_BYTES) ?? '';
  const raw: RawProcess = {
    hostPid,
    stat,
    status,
    argv: cmdline === '' ? [] : cmdline.replace(/\0+$/, '').split('\0'),
    namespaces,
    forChildren: readForChildren(at, namespaces),
    root: readProcLink(`${at}/root`) ?? '',
    cwd: readProcLink(`${at}/cwd`) ?? '',
    cgroups: parseCgroupFile(readProc(`${at}/cgroup`) ?? ''),
    uidMap: parseIdMap(readProc(`${at}/uid_map`) ?? ''),
    gidMap: parseIdMap(readProc(`${at}/gid_map`) ?? ''),
    oomScoreAdj: Number(readProc(`${at}/oom_score_adj`) ?? '0'),
  };
  // The number may have been given to another process between two of these reads.
  const after = parseStat(readProc(`${at}/stat`) ?? '');
  return after !== null && after.startTime === stat.startTime ? raw : null;
}

function readForChildren(at: string, own: Partial<Record<NamespaceKind, NamespaceId>>): NamespaceId[] {
  const ids: NamespaceId[] = [];
  for (const kind of ['pid', 'time'] as const) {
    const link = readProcLink(`${at}/ns/${kind}_for_children`);
    if (link !== null && link !== own[kind] && parseNamespaceId(link) !== null) ids.push(link);
  }
  return ids;
}

/** A namespace that a thread or a descriptor of a process holds, beyond what the process itself is in. */
export interface ExtraHold {
  readonly id: NamespaceId;
  readonly how: 'thread' | 'fd';
  /** Thread id on the machine, or descriptor number. */
  readonly number: number;
}

/** Threads and descriptors of one process that are looked at. */
const THREADS = 128;
const DESCRIPTORS = 512;

/** Namespaces of the other threads (/proc/PID/task/TID/ns) where they differ from the process's own. */
export function readThreadHolds(process: RawProcess): { holds: ExtraHold[]; truncated: boolean } {
  const holds: ExtraHold[] = [];
  const tids = listNumbers(`/proc/${process.hostPid}/task`).filter((tid) => tid !== process.hostPid);
  for (const tid of tids.slice(0, THREADS)) {
    const its = readNamespaces(`/proc/${process.hostPid}/task/${tid}/ns`);
    for (const [kind, id] of Object.entries(its)) {
      if (process.namespaces[kind as NamespaceKind] !== id) holds.push({ id, how: 'thread', number: tid });
    }
  }
  return { holds, truncated: tids.length > THREADS };
}

/** Open descriptors: those that are namespaces, and sockets by inode. */
export interface DescriptorScan {
  readonly holds: readonly ExtraHold[];
  /** Descriptor -> socket inode. */
  readonly sockets: ReadonlyMap<number, number>;
  readonly truncated: boolean;
}

/**
 * Look at /proc/PID/fd. A descriptor opened through /proc/PID/ns shows `net:[1]`; one opened through a bind mount shows that
 * path, and `/` once the mount was detached (`ip netns del` while the descriptor is open): those are asked with `identify`.
 *
 * @param isNamespaceMount is this path a bind mount of a namespace in any mount table of the lab
 * @param identify the namespace behind a path of ours to a descriptor, null when it is none
 */
export function scanDescriptors(
  hostPid: number,
  isNamespaceMount: (path: string) => boolean,
  identify: (path: string) => NamespaceId | null,
): DescriptorScan {
  const holds: ExtraHold[] = [];
  const sockets = new Map<number, number>();
  const fds = listNumbers(`/proc/${hostPid}/fd`);
  for (const fd of fds.slice(0, DESCRIPTORS)) {
    const path = `/proc/${hostPid}/fd/${fd}`;
    const target = readProcLink(path);
    if (target === null) continue;
    if (target.startsWith('socket:[')) {
      sockets.set(fd, Number(target.slice(8, -1)));
      continue;
    }
    const direct = parseNamespaceId(target) !== null;
    const id = direct ? target : target === '/' || isNamespaceMount(target) ? identify(path) : null;
    if (id !== null) holds.push({ id, how: 'fd', number: fd });
  }
  return { holds, sockets, truncated: fds.length > DESCRIPTORS };
}

function listNumbers(directory: string): number[] {
  try {
    return readdirSync(directory).map(Number);
  } catch (error) {
    if (hasVanished(error)) return [];
    throw error;
  }
}
