import type { IdMap, NamespaceId, NamespaceKind } from '../api/types.js';
import { EngineError } from '../kernel/errors.js';
import { KINDS, parseNamespaceId } from '../kernel/namespaces/ids.js';
import { parseIdMap } from '../kernel/procfs/id-map.js';
import { readProc, readProcLink } from '../kernel/procfs/read.js';
import { parseStat } from '../kernel/procfs/stat.js';
import { parseStatus } from '../kernel/procfs/status.js';

/** What makes a lab that lab: its pid 1 and the namespaces that it was given. Read once, when the observer is made. */
export interface LabIdentity {
  readonly initHostPid: number;
  readonly initStartTime: number;
  /** Index of the lab's pid namespace in the NSpid line that the engine reads: 0 when it shares the engine's own. */
  readonly pidLevel: number;
  readonly namespaces: Readonly<Partial<Record<NamespaceKind, NamespaceId>>>;
  /** The engine's own: a lab namespace equal to one of these is the machine's, shared. */
  readonly machine: Readonly<Partial<Record<NamespaceKind, NamespaceId>>>;
  readonly uidMap: readonly IdMap[];
  readonly gidMap: readonly IdMap[];
  /** Target of /proc/INIT/root: `/` when the lab host pivoted its root, else the prefix of every path of it. */
  readonly root: string;
}

/** Read a lab's identity from its pid 1; throws NotFound when that process is not there (any more). */
export function identifyLab(initHostPid: number): LabIdentity {
  const at = `/proc/${initHostPid}`;
  const stat = parseStat(readProc(`${at}/stat`) ?? '');
  const status = parseStatus(readProc(`${at}/status`) ?? '');
  if (stat === null || status === null) {
    throw new EngineError('NotFound', `lab host: its pid 1 (process ${initHostPid} of the machine) is not running`);
  }
  return {
    initHostPid,
    initStartTime: stat.startTime,
    pidLevel: status.nspid.length - 1,
    namespaces: readNamespaces(`${at}/ns`),
    machine: readNamespaces('/proc/self/ns'),
    uidMap: parseIdMap(readProc(`${at}/uid_map`) ?? ''),
    gidMap: parseIdMap(readProc(`${at}/gid_map`) ?? ''),
    root: readProcLink(`${at}/root`) ?? '/',
  };
}

/** The namespaces that a directory /proc/…/ns links to; a kind that this kernel lacks is left out. */
export function readNamespaces(directory: string): Partial<Record<NamespaceKind, NamespaceId>> {
  const found: Partial<Record<NamespaceKind, NamespaceId>> = {};
  for (const kind of KINDS) {
    const link = readProcLink(`${directory}/${kind}`);
    if (link !== null && parseNamespaceId(link) !== null) found[kind] = link;
  }
  return found;
}

/** A path that /proc/PID/root or cwd links to, as the lab host sees it. */
export function pathInLab(lab: LabIdentity, path: string): string {
  if (lab.root === '/') return path;
  if (path === lab.root) return '/';
  return path.startsWith(`${lab.root}/`) ? path.slice(lab.root.length) : path;
}
