/**
 * Namespaces as trees: by owner (each user namespace with what it owns and with its children), by kind (pid and user
 * namespaces by parent, the others flat), and the processes with their pids on both sides of each pid namespace.
 */
import type {
  IdMap,
  Namespace,
  NamespaceHolder,
  NamespaceId,
  NamespaceKind,
  Process,
  Snapshot,
} from '../../../engine/api/types.js';
import type { FreshChange } from '../panel.js';
import { type ContainerFact, containersOf } from './containers.js';
import { indexMarks, type Mark, type MarkIndex } from './marks.js';
import { visible } from './safe-text.js';

/** The order in which kinds are listed: as in namespaces(7), user namespaces first because they own the others. */
export const KINDS: readonly NamespaceKind[] = ['user', 'mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup', 'time'];

export interface NamespaceNode {
  /** Namespace id; for removed ones the id that they had. */
  readonly id: string;
  readonly kind: NamespaceKind;
  readonly ns: Namespace | null;
  /** What people call it: a bind mount's name, else its oldest process, else what holds it. Empty where `containers` says it. */
  readonly name: string;
  /** Names of the containers whose namespace it is, the one that it was made for first. */
  readonly containers: readonly string[];
  readonly mark: Mark | null;
  /** `lab`: the lab host's own; `machine`: shared with the whole machine. */
  readonly shared: 'lab' | 'machine' | null;
  readonly members: readonly { readonly pid: number; readonly comm: string }[];
  /** What keeps it alive besides its member processes. */
  readonly holders: readonly NamespaceHolder[];
  /** For a user namespace with a member. */
  readonly uidMap: readonly IdMap[];
  readonly gidMap: readonly IdMap[];
  readonly children: readonly NamespaceNode[];
}

export interface NamespacesModel {
  readonly byOwner: readonly NamespaceNode[];
  readonly byKind: readonly { readonly kind: NamespaceKind; readonly nodes: readonly NamespaceNode[] }[];
  readonly processes: readonly ProcessNode[];
  /** Namespaces left out by `hideShared` or by the filter. */
  readonly hidden: number;
}

export interface ProcessNode {
  readonly process: Process;
  readonly command: string;
  readonly mark: Mark | null;
  /** Container whose process it is. */
  readonly container: ContainerFact | null;
  /** Kinds in which it is not where the lab host's first process is. */
  readonly differs: readonly NamespaceKind[];
  /** Pids from the lab host inwards; the last one is what the process itself sees. */
  readonly pids: readonly number[];
  readonly children: readonly ProcessNode[];
}

export interface NamespacesInput {
  readonly snapshot: Snapshot;
  readonly fresh?: readonly FreshChange[];
  readonly filter?: string;
  /** Leave out the namespaces of the lab host and of the machine, except user namespaces that own something shown. */
  readonly hideShared?: boolean;
}

export function namespacesModel(input: NamespacesInput): NamespacesModel {
  const { snapshot } = input;
  const marks = indexMarks(input.fresh ?? []);
  const leaf = new Map<NamespaceId, NamespaceNode>();
  for (const ns of snapshot.namespaces) leaf.set(ns.id, nodeOf(ns, snapshot, marks));
  for (const change of marks.under('namespace', '')) {
    if (change.kind === 'removed' && !leaf.has(change.key)) leaf.set(change.key, goneNode(change.key, change.name));
  }
  const filter = input.filter ?? '';
  const wanted = (node: NamespaceNode): boolean => {
    if (input.hideShared === true && node.shared !== null) return false;
    return filter === '' || nodeText(node).includes(filter);
  };
  const all = [...leaf.values()].sort(compareNodes);
  const byOwner = all
    .filter((node) => ownerOf(node, leaf) === null)
    .map((node) => ownerTree(node, all, leaf, new Set()));
  const byKind = KINDS.map((kind) => ({ kind, nodes: prune(kindTree(kind, all, leaf), wanted) })).filter(
    ({ nodes }) => nodes.length > 0,
  );
  const hidden = all.filter((node) => !wanted(node)).length;
  return { byOwner: prune(byOwner, wanted), byKind, processes: processTree(snapshot, marks, filter), hidden };
}

function compareNodes(a: NamespaceNode, b: NamespaceNode): number {
  const kind = KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind);
  if (kind !== 0) return kind;
  const rank = (node: NamespaceNode): number => (node.shared === 'lab' ? 0 : node.shared === 'machine' ? 1 : 2);
  return rank(a) - rank(b) || (a.ns?.inode ?? Number.MAX_SAFE_INTEGER) - (b.ns?.inode ?? Number.MAX_SAFE_INTEGER);
}

function nodeOf(ns: Namespace, snapshot: Snapshot, marks: MarkIndex): NamespaceNode {
  const processes = ns.members.map((pid) => snapshot.processes.find((one) => one.pid === pid));
  const members = ns.members.map((pid, i) => ({ pid, comm: visible(processes[i]?.comm ?? '?') }));
  const user = ns.kind === 'user' ? processes.find((process) => process !== undefined) : undefined;
  return {
    id: ns.id,
    kind: ns.kind,
    ns,
    name: nameOf(ns, members),
    containers: (ns.containers ?? []).map(visible),
    mark: marks.of('namespace', ns.id),
    shared: ns.isMachine ? 'machine' : ns.isLabHost ? 'lab' : null,
    members,
    holders: ns.heldBy.filter((holder) => holder.how !== 'process'),
    uidMap: user?.uidMap ?? [],
    gidMap: user?.gidMap ?? [],
    children: [],
  };
}

function nameOf(ns: Namespace, members: readonly { pid: number; comm: string }[]): string {
  if (ns.isLabHost || ns.isMachine || ns.containers !== undefined) return '';
  const name = ns.names[0];
  if (name !== undefined) return visible(name);
  const oldest = members[0];
  return oldest === undefined ? '' : `${oldest.comm} (${oldest.pid})`;
}

function goneNode(id: string, name: string): NamespaceNode {
  const kind = KINDS.find((one) => id.startsWith(`${one}:`)) ?? 'mnt';
  return {
    id,
    kind,
    ns: null,
    name: visible(name),
    containers: [],
    mark: 'removed',
    shared: null,
    members: [],
    holders: [],
    uidMap: [],
    gidMap: [],
    children: [],
  };
}

/** The node under which a namespace stands in the tree by owner: the parent for user namespaces, the owner for the others. */
function ownerOf(node: NamespaceNode, all: ReadonlyMap<NamespaceId, NamespaceNode>): NamespaceId | null {
  const above = node.kind === 'user' ? (node.ns?.parent ?? node.ns?.owner ?? null) : (node.ns?.owner ?? null);
  return above !== null && above !== node.id && all.has(above) ? above : null;
}

function ownerTree(
  node: NamespaceNode,
  all: readonly NamespaceNode[],
  index: ReadonlyMap<NamespaceId, NamespaceNode>,
  above: ReadonlySet<string>,
): NamespaceNode {
  if (node.kind !== 'user') return node;
  const seen = new Set([...above, node.id]);
  const own = all.filter((other) => !seen.has(other.id) && ownerOf(other, index) === node.id);
  // What a user namespace owns comes first, the user namespaces below it after that.
  const sorted = [...own.filter((other) => other.kind !== 'user'), ...own.filter((other) => other.kind === 'user')];
  return { ...node, children: sorted.map((child) => ownerTree(child, all, index, seen)) };
}

function kindTree(
  kind: NamespaceKind,
  all: readonly NamespaceNode[],
  index: ReadonlyMap<NamespaceId, NamespaceNode>,
): NamespaceNode[] {
  const own = all.filter((node) => node.kind === kind);
  if (kind !== 'pid' && kind !== 'user') return own;
  const parentOf = (node: NamespaceNode): NamespaceId | null => {
    const parent = node.ns?.parent ?? null;
    return parent !== null && parent !== node.id && index.has(parent) ? parent : null;
  };
  const build = (node: NamespaceNode, above: ReadonlySet<string>): NamespaceNode => {
    const seen = new Set([...above, node.id]);
    return {
      ...node,
      children: own
        .filter((other) => !seen.has(other.id) && parentOf(other) === node.id)
        .map((child) => build(child, seen)),
    };
  };
  return own.filter((node) => parentOf(node) === null).map((node) => build(node, new Set()));
}

/** Keep nodes that are wanted and those that lead to them. */
function prune(nodes: readonly NamespaceNode[], wanted: (node: NamespaceNode) => boolean): NamespaceNode[] {
  return nodes.flatMap((node) => {
    const children = prune(node.children, wanted);
    return wanted(node) || children.length > 0 ? [{ ...node, children }] : [];
  });
}

function nodeText(node: NamespaceNode): string {
  const members = node.members.map((member) => `${member.pid} ${member.comm}`);
  const holders = node.holders.map((holder) => visible(holder.path ?? ''));
  return [node.id, node.name, ...node.containers, ...members, ...holders].join('\n').toLowerCase();
}

function processTree(snapshot: Snapshot, marks: MarkIndex, filter: string): ProcessNode[] {
  const home = new Map(snapshot.namespaces.filter((ns) => ns.isLabHost || ns.isMachine).map((ns) => [ns.kind, ns.id]));
  const byPid = new Map(snapshot.processes.map((process) => [process.pid, process]));
  const containers = containersOf(snapshot);
  const build = (process: Process, above: ReadonlySet<number>): ProcessNode => {
    const seen = new Set([...above, process.pid]);
    const children = snapshot.processes.filter((other) => other.ppid === process.pid && !seen.has(other.pid));
    return {
      process,
      command: visible(process.argv.length > 0 ? process.argv.join(' ') : `[${process.comm}]`),
      mark: marks.of('process', `process/${process.hostPid}:${process.startTime}`),
      container: containers.ofProcess(process.pid),
      differs: KINDS.filter(
        (kind) =>
          process.namespaces[kind] !== undefined && home.has(kind) && process.namespaces[kind] !== home.get(kind),
      ),
      pids: process.nspid.length > 0 ? process.nspid : [process.pid],
      children: children.sort((a, b) => a.pid - b.pid).map((child) => build(child, seen)),
    };
  };
  const roots = snapshot.processes
    .filter((process) => !byPid.has(process.ppid) || process.ppid === process.pid)
    .sort((a, b) => a.pid - b.pid);
  const keep = (nodes: readonly ProcessNode[]): ProcessNode[] =>
    nodes.flatMap((node) => {
      const children = keep(node.children);
      const hit =
        filter === '' ||
        `${node.pids.join(' ')} ${node.command} ${node.process.comm} ${node.container?.name ?? ''}`
          .toLowerCase()
          .includes(filter);
      return hit || children.length > 0 ? [{ ...node, children }] : [];
    });
  return keep(roots.map((root) => build(root, new Set())));
}

/** `0→1000 ×1`: ids from 0 inside are ids from 1000 outside, one of them. */
export function mapText(map: readonly IdMap[]): string {
  return map.map((entry) => `${entry.inside}→${entry.outside} ×${entry.count}`).join(', ');
}
