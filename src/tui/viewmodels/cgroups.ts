/**
 * Control groups as one tree, whichever dialect: the groups of a path in all v1 hierarchies become one node, as they are
 * one in v2. Rates (cpu share, throttled share) come from the history, because the kernel only has counters.
 */
import type { Cgroup, Snapshot } from '../../../engine/api/types.js';
import type { FreshChange } from '../panel.js';
import type { CgroupHistory } from './cgroup-history.js';
import { type ContainerFact, type ContainerIndex, containersOf, shortIds } from './containers.js';
import { indexMarks, type Mark, type MarkIndex } from './marks.js';
import { visible } from './safe-text.js';
import { naturalCompare } from './wiring.js';

export interface CgroupNode {
  /** Path relative to the lab's subtree; `/` is its root. */
  readonly path: string;
  /** Last part of the path; the id of a container short. */
  readonly name: string;
  /** Container whose group it is. */
  readonly container: ContainerFact | null;
  readonly mark: Mark | null;
  /** Hierarchies in which it exists; `['']` on v2. */
  readonly hierarchies: readonly string[];
  readonly procs: readonly number[];
  readonly memory: Cgroup['memory'];
  readonly cpu: Cgroup['cpu'];
  readonly pids: Cgroup['pids'];
  readonly cpuset: Cgroup['cpuset'];
  readonly freezer: Cgroup['freezer'];
  readonly io: Cgroup['io'];
  /** Processors in use, 1 is one whole processor; null until two samples are there. */
  readonly cpuShare: number | null;
  /** Processors that the quota allows; null for no limit. */
  readonly cpuLimit: number | null;
  readonly children: readonly CgroupNode[];
}

export interface CgroupsModel {
  readonly mode: Snapshot['cgroups']['mode'];
  readonly hierarchies: Snapshot['cgroups']['hierarchies'];
  readonly roots: readonly CgroupNode[];
  readonly hidden: number;
}

export interface CgroupsInput {
  readonly snapshot: Snapshot;
  readonly fresh?: readonly FreshChange[];
  readonly filter?: string;
  readonly history?: CgroupHistory;
  /** Paths that the lesson wants and that are not there yet. */
  readonly wanted?: readonly string[];
}

export function cgroupsModel(input: CgroupsInput): CgroupsModel {
  const { cgroups } = input.snapshot;
  const marks = indexMarks(input.fresh ?? []);
  const containers = containersOf(input.snapshot);
  const byPath = new Map<string, Cgroup[]>();
  for (const group of cgroups.groups) {
    const list = byPath.get(group.path);
    if (list === undefined) byPath.set(group.path, [group]);
    else list.push(group);
  }
  const gone = marks
    .under('cgroup', '')
    .filter((change) => change.kind === 'removed' && !byPath.has(change.name) && change.name.startsWith('/'));
  const wanted = (input.wanted ?? [])
    .map((path) => (path.startsWith('/') ? path : `/${path}`))
    .filter((path) => !byPath.has(path));
  const paths = [...new Set([...byPath.keys(), ...gone.map((change) => change.name), ...wanted])].sort((a, b) =>
    comparePaths(a, b, containers),
  );
  const parentOf = (path: string): string | null => {
    for (let at = path; at !== '/' && at !== ''; ) {
      at = at.slice(0, at.lastIndexOf('/')) || '/';
      if (byPath.has(at)) return at;
    }
    return null;
  };
  const parents = new Map(paths.map((path) => [path, parentOf(path)]));
  const build = (path: string): CgroupNode =>
    mergedNode(
      path,
      parents.get(path) ?? null,
      byPath.get(path) ?? [],
      marks,
      containers,
      input.history,
      wanted.includes(path) ? 'ghost' : 'removed',
      paths.filter((other) => parents.get(other) === path).map(build),
    );
  const filter = input.filter ?? '';
  let hidden = 0;
  const prune = (nodes: readonly CgroupNode[]): CgroupNode[] =>
    nodes.flatMap((node) => {
      const children = prune(node.children);
      if (filter === '' || children.length > 0 || nodeText(node).includes(filter)) return [{ ...node, children }];
      hidden++;
      return [];
    });
  const roots = prune(paths.filter((path) => parents.get(path) === null).map(build));
  return { mode: cgroups.mode, hierarchies: cgroups.hierarchies, roots, hidden };
}

function nodeText({ path, container }: CgroupNode): string {
  const names = container === null ? [] : [container.name, container.image, container.state];
  return [visible(path), ...names].join('\n').toLowerCase();
}

/** Parents before children, siblings in natural order, behind them those of containers in theirs: an id says nothing to people. */
function comparePaths(a: string, b: string, containers: ContainerIndex): number {
  const left = a.split('/').filter((part) => part !== '');
  const right = b.split('/').filter((part) => part !== '');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] === right[i]) continue;
    const [one, other] = [left, right].map((parts) => containers.ofCgroup(`/${parts.slice(0, i + 1).join('/')}`));
    if (one && other) return containers.all.indexOf(one) - containers.all.indexOf(other);
    if (one || other) return one ? 1 : -1;
    return naturalCompare(left[i]!, right[i]!);
  }
  return left.length - right.length;
}

function first<T>(groups: readonly Cgroup[], pick: (group: Cgroup) => T | null): T | null {
  for (const group of groups) {
    const value = pick(group);
    if (value !== null) return value;
  }
  return null;
}

function mergedNode(
  path: string,
  parent: string | null,
  groups: readonly Cgroup[],
  marks: MarkIndex,
  containers: ContainerIndex,
  history: CgroupHistory | undefined,
  absent: Mark,
  children: readonly CgroupNode[],
): CgroupNode {
  const cpu = first(groups, (group) => group.cpu);
  const limited = cpu !== null && cpu.quotaUs !== null && cpu.periodUs !== null && cpu.quotaUs > 0 && cpu.periodUs > 0;
  return {
    path,
    name: visible(
      shortIds(
        parent === null || parent === '/'
          ? path === '/'
            ? '/'
            : path.replace(/^\//, '')
          : path.slice(parent.length + 1),
      ),
    ),
    container: containers.ofCgroup(path),
    mark: groups.length === 0 ? absent : markOf(marks, path),
    hierarchies: groups.map((group) => group.hierarchy),
    procs: [...new Set(groups.flatMap((group) => group.procs))].sort((a, b) => a - b),
    memory: first(groups, (group) => group.memory),
    cpu,
    pids: first(groups, (group) => group.pids),
    cpuset: first(groups, (group) => group.cpuset),
    freezer: first(groups, (group) => group.freezer),
    io: first(groups, (group) => group.io),
    cpuShare: history?.rate(path, 'cpu') ?? null,
    cpuLimit: limited ? cpu.quotaUs! / cpu.periodUs! : null,
    children,
  };
}

function markOf(marks: MarkIndex, path: string): Mark | null {
  for (const object of ['cgroup', 'cgroup-limit', 'cgroup-member'] as const) {
    for (const change of marks.under(object, '')) {
      if (change.kind === 'removed' && object === 'cgroup') continue;
      if (change.place !== path && change.name !== path) continue;
      return object === 'cgroup' && change.kind === 'added' ? 'new' : 'changed';
    }
  }
  return null;
}

/** All nodes of a tree, parents first. */
export function flatCgroups(nodes: readonly CgroupNode[]): CgroupNode[] {
  return nodes.flatMap((node) => [node, ...flatCgroups(node.children)]);
}
