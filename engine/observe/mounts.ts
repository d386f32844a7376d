import { basename } from 'node:path';
import type { MountTable, Namespace, NamespaceId } from '../api/types.js';
import { EngineError } from '../kernel/errors.js';
import { parseMountinfo } from '../kernel/mountinfo.js';
import { parseNamespaceId } from '../kernel/namespaces/ids.js';
import { readProc, readProcLink } from '../kernel/procfs/read.js';
import { type Finding, labelOf } from './namespaces.js';
import type { Problems } from './problems.js';
import type { RawProcess } from './raw-process.js';

/** One mount namespace's table, and the process through whose root its paths are reached. */
export interface TrackedTable {
  readonly ns: NamespaceId;
  readonly hostPid: number;
  readonly text: string;
  readonly mounts: MountTable['mounts'];
  /** Some mounts were left out. */
  readonly cut: boolean;
}

/** Mounts of all tables together that are told of. The kernel allows 100,000 in each. */
const MOUNTS = 8192;

/** These are never left out: other parts of the picture are found through them. */
const TELLING: ReadonlySet<string> = new Set(['nsfs', 'overlay']);

/** Where the line with this number, counted from 1, ends. */
function endOfLine(text: string, line: number): number {
  let at = -1;
  for (let n = 0; n < line; n++) {
    at = text.indexOf('\n', at + 1);
    if (at < 0) return text.length;
  }
  return at + 1;
}

/**
 * The mount tables of the lab: one read of mountinfo for each mount namespace, parsed only when its text has changed.
 * The file is never kept open: an open mountinfo keeps its mount namespace, and all that is mounted there, alive.
 */
export class MountTables {
  #tables = new Map<NamespaceId, TrackedTable>();
  /** The tables as they were read, before what is too much was left out. */
  #read = new Map<NamespaceId, TrackedTable>();

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
    const read = new Map<NamespaceId, TrackedTable>();
    let left = MOUNTS;
    for (const [ns, process] of [...representatives].sort(
      ([, a], [, b]) => rank(a, initHostPid) - rank(b, initHostPid),
    )) {
      const table = problems.attempt('mounts', `mount table of ${ns}`, () => this.#readOne(ns, process.hostPid), null);
      if (table === null) continue;
      read.set(ns, table);
      if (table.mounts.length > left || table.cut) {
        problems.add('mounts', `there are more than ${MOUNTS} mounts: the rest is not shown`);
      }
      const fits = table.mounts.length <= left;
      const kept = fits ? table.mounts : table.mounts.filter(({ fsType }, n) => n < left || TELLING.has(fsType));
      next.set(ns, fits ? table : { ...table, mounts: kept, cut: true });
      left = Math.max(0, left - table.mounts.length);
    }
    const changed = next.size !== this.#tables.size || [...next].some(([ns, table]) => this.#tables.get(ns) !== table);
    this.#tables = next;
    this.#read = read;
    return changed;
  }

  #readOne(ns: NamespaceId, hostPid: number): TrackedTable | null {
    const before = this.#read.get(ns);
    const text = readProc(`/proc/${hostPid}/mountinfo`);
    // The number may be another process's by now, one of the machine's even.
    if (text === null || readProcLink(`/proc/${hostPid}/ns/mnt`) !== ns) return null;
    if (before !== undefined && before.text === text && before.hostPid === hostPid) return before;
    if (before?.text === text) return { ...before, hostPid };
    const end = endOfLine(text, MOUNTS);
    const rest = text
      .slice(end)
      .split('\n')
      .filter((line) => / - (nsfs|overlay) /.test(line));
    if (rest.length > MOUNTS)
      throw new EngineError('ResourceExhausted', `${rest.length} of them hold namespaces or are overlays`);
    const mounts = parseMountinfo(text.slice(0, end) + rest.join('\n'));
    return { ns, hostPid, text, mounts, cut: end < text.length };
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
