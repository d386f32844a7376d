import { basename } from 'node:path';
import type { MountTable, Namespace, NamespaceId } from '../api/types.js';
import { parseMountinfo } from '../kernel/mountinfo.js';
import { parseNamespaceId } from '../kernel/namespaces/ids.js';
import { readProc } from '../kernel/procfs/read.js';
import { type Finding, labelOf } from './namespaces.js';
import type { Problems } from './problems.js';
import type { RawProcess } from './raw-process.js';

/** One mount namespace's table, and the process through whose root its paths are reached. */
export interface TrackedTable {
  readonly ns: NamespaceId;
  readonly hostPid: number;
  readonly text: string;
  readonly mounts: MountTable['mounts'];
}

/**
 * The mount tables of the lab: one read of mountinfo for each mount namespace, parsed only when its text has changed.
 * The file is never kept open: an open mountinfo keeps its mount namespace, and all that is mounted there, alive.
 */
export class MountTables {
  #tables = new Map<NamespaceId, TrackedTable>();

  get tables(): readonly TrackedTable[] {
    return [...this.#tables.values()];
  }

  tableOf(ns: NamespaceId): TrackedTable | undefined {
    return this.#tables.get(ns);
  }

  /** Read again. Returns whether anything differs. @param initHostPid its table comes first */
  refresh(processes: readonly RawProcess[], initHostPid: number, problems: Problems): boolean {
    const representatives = new Map<NamespaceId, RawProcess>();
    for (const process of processes) {
      const ns = process.namespaces.mnt;
      if (ns === undefined || process.stat.state === 'Z') continue;
      const chosen = representatives.get(ns);
      if (chosen === undefined || rank(process, initHostPid) < rank(chosen, initHostPid))
        representatives.set(ns, process);
    }
    const next = new Map<NamespaceId, TrackedTable>();
    for (const [ns, process] of [...representatives].sort(
      ([, a], [, b]) => rank(a, initHostPid) - rank(b, initHostPid),
    )) {
      const table = problems.attempt('mounts', `mount table of ${ns}`, () => this.#read(ns, process.hostPid), null);
      if (table !== null) next.set(ns, table);
    }
    const changed = next.size !== this.#tables.size || [...next].some(([ns, table]) => this.#tables.get(ns) !== table);
    this.#tables = next;
    return changed;
  }

  #read(ns: NamespaceId, hostPid: number): TrackedTable | null {
    const before = this.#tables.get(ns);
    const text = readProc(`/proc/${hostPid}/mountinfo`);
    if (text === null) return null;
    if (before !== undefined && before.text === text && before.hostPid === hostPid) return before;
    return { ns, hostPid, text, mounts: before?.text === text ? before.mounts : parseMountinfo(text) };
  }

  /** Bind mounts of namespaces in every table (nsfs): findings, and the names that they give. */
  namespaceMounts(): { findings: Finding[]; names: Map<NamespaceId, string[]>; paths: Set<string> } {
    const findings: Finding[] = [];
    const names = new Map<NamespaceId, string[]>();
    const paths = new Set<string>();
    for (const table of this.#tables.values()) {
      for (const mount of table.mounts) {
        if (mount.fsType !== 'nsfs' || parseNamespaceId(mount.root) === null) continue;
        paths.add(mount.mountPoint);
        findings.push({
          id: mount.root,
          holder: { how: 'bind-mount', path: mount.mountPoint },
          ref: { kind: 'bind', rootDir: `/proc/${table.hostPid}/root`, path: mount.mountPoint },
          holderKey: `mount ${table.ns} ${mount.id}`,
        });
        const list = names.get(mount.root) ?? [];
        const name = basename(mount.mountPoint);
        if (!list.includes(name)) list.push(name);
        names.set(mount.root, list);
      }
    }
    return { findings, names, paths };
  }
}

/** Lower is better: pid 1 of the lab, then a process that was not chrooted (it sees all mounts), then the oldest. */
function rank(process: RawProcess, initHostPid: number): number {
  if (process.hostPid === initHostPid) return -1;
  return process.hostPid + (process.root === '/' ? 0 : 2 ** 32);
}

/** The tables as the snapshot has them, labelled like their namespaces. */
export function mountTablesOf(tables: readonly TrackedTable[], namespaces: readonly Namespace[]): MountTable[] {
  const byId = new Map(namespaces.map((namespace) => [namespace.id, namespace]));
  return tables.map(({ ns, mounts }) => {
    const namespace = byId.get(ns);
    return { ns, label: namespace === undefined ? ns : labelOf(namespace), mounts };
  });
}
