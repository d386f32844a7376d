import type { IdMap, NamespaceId, Process } from '../api/types.js';
import { relativeTo, toInside } from '../kernel/procfs/id-map.js';
import { type LabIdentity, pathInLab } from './lab-identity.js';
import type { Finding } from './namespaces.js';
import type { RawProcess } from './raw-process.js';

/** Pid in the lab host's pid namespace; 0 for a process that is not in it. */
export function labPidOf(lab: LabIdentity, raw: RawProcess): number {
  return raw.status.nspid[lab.pidLevel] ?? 0;
}

/**
 * Processes as the learner's tools show them: pids of the lab host's pid namespace, ids of its user namespace, paths of
 * its root, cgroup paths relative to its subtree.
 *
 * @param cgroupRoots path of the lab's group in each hierarchy, by controller list, as the engine's own /proc shows it
 * @param parents parent of each user namespace, as the namespace index found them
 */
export function processesOf(
  lab: LabIdentity,
  raws: readonly RawProcess[],
  cgroupRoots: ReadonlyMap<string, string>,
  parents: ReadonlyMap<NamespaceId, NamespaceId | null>,
): Process[] {
  const pids = new Map(raws.map((raw) => [raw.hostPid, labPidOf(lab, raw)]));
  const maps = new Map<NamespaceId, { uid: readonly IdMap[]; gid: readonly IdMap[] }>();
  for (const raw of raws) {
    const ns = raw.namespaces.user;
    if (ns !== undefined && raw.uidMap.length + raw.gidMap.length > 0)
      maps.set(ns, { uid: raw.uidMap, gid: raw.gidMap });
  }
  return raws
    .map((raw) => {
      const user = raw.namespaces.user;
      const above = user === undefined || user === lab.namespaces.user ? null : (parents.get(user) ?? null);
      const parent =
        above === null
          ? undefined
          : above === lab.namespaces.user
            ? { uid: lab.uidMap, gid: lab.gidMap }
            : maps.get(above);
      return {
        pid: labPidOf(lab, raw),
        hostPid: raw.hostPid,
        startTime: raw.stat.startTime,
        ppid: pids.get(raw.stat.ppid) ?? 0,
        nspid: raw.status.nspid.slice(lab.pidLevel),
        comm: raw.stat.comm,
        argv: raw.argv,
        state: raw.stat.state,
        uid: toInside(lab.uidMap, raw.status.uid[0] as number),
        gid: toInside(lab.gidMap, raw.status.gid[0] as number),
        namespaces: raw.namespaces,
        root: pathInLab(lab, raw.root),
        cwd: pathInLab(lab, raw.cwd),
        cgroups: cgroupPaths(raw, cgroupRoots),
        capEff: raw.status.capEff,
        capBnd: raw.status.capBnd,
        seccomp: raw.status.seccomp,
        noNewPrivs: raw.status.noNewPrivs,
        uidMap: parent === undefined ? raw.uidMap : relativeTo(raw.uidMap, parent.uid),
        gidMap: parent === undefined ? raw.gidMap : relativeTo(raw.gidMap, parent.gid),
        oomScoreAdj: raw.oomScoreAdj,
      };
    })
    .sort((a, b) => a.pid - b.pid);
}

function cgroupPaths(raw: RawProcess, roots: ReadonlyMap<string, string>): Record<string, string> {
  const paths: Record<string, string> = {};
  for (const { controllers, path } of raw.cgroups) {
    const root = roots.get(controllers);
    if (root !== undefined) paths[controllers] = relativePath(root, path);
  }
  return paths;
}

/** `path` within the subtree `root`, `/` for the root itself; a path outside is shown with `/..` as the kernel does. */
export function relativePath(root: string, path: string): string {
  if (root === '/' || root === '') return path;
  if (path === root) return '/';
  if (path.startsWith(`${root}/`)) return path.slice(root.length);
  const up = root
    .split('/')
    .filter(Boolean)
    .map(() => '..');
  return `/${up.join('/')}${path}`;
}

/** What the processes themselves hold: the namespaces they are in, and those that their next child will be in. */
export function processFindings(lab: LabIdentity, raws: readonly RawProcess[]): Finding[] {
  const findings: Finding[] = [];
  for (const raw of raws) {
    const pid = labPidOf(lab, raw);
    const holderKey = `${raw.hostPid}:${raw.stat.startTime}`;
    for (const [kind, id] of Object.entries(raw.namespaces)) {
      const path = `/proc/${raw.hostPid}/ns/${kind}`;
      findings.push({ id, holder: { how: 'process', pid }, ref: { kind: 'link', path }, holderKey, member: pid });
    }
    for (const id of raw.forChildren) {
      const path = `/proc/${raw.hostPid}/ns/${id.slice(0, id.indexOf(':'))}_for_children`;
      findings.push({ id, holder: { how: 'process', pid }, ref: { kind: 'link', path }, holderKey });
    }
  }
  return findings;
}
