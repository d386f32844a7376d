/** What a check may look at, and the small lookups in a snapshot that all kinds share. */
import type {
  Bilingual,
  ExecRequest,
  ExecResult,
  Namespace,
  NamespaceId,
  NamespaceKind,
  NetworkNamespace,
  Process,
  Snapshot,
  SnapshotPart,
} from '../../../engine/api/types.js';
import type { CheckResult, Place } from '../types.js';
import { printable, put, same, say } from './words.js';

/** Runs programs in the lab host for probes. A probe only reads. */
export type ProbeExec = (request: ExecRequest) => Promise<ExecResult>;

/** What `within` and `hold` remember between looks, keyed by the check's place in the goal. */
export type CheckMemory = Map<string, { lastPassed?: number; since?: number }>;

export interface CheckContext {
  readonly snapshot: Snapshot;
  readonly exec: ProbeExec;
  readonly memory: CheckMemory;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** The lab host's own namespace of a kind; null when the snapshot lacks it. */
export function hostNamespace(snapshot: Snapshot, kind: NamespaceKind): Namespace | null {
  return snapshot.namespaces.find((namespace) => namespace.kind === kind && namespace.isLabHost) ?? null;
}

/** Is this namespace another than the lab host's? */
export function isOwn(snapshot: Snapshot, kind: NamespaceKind, id: NamespaceId | undefined): boolean {
  const host = hostNamespace(snapshot, kind);
  return id !== undefined && host !== null && id !== host.id;
}

/** Why a part of the snapshot could not be read; null when it was. */
export function problemWith(snapshot: Snapshot, parts: readonly SnapshotPart[]): string | null {
  return snapshot.problems.find((problem) => parts.includes(problem.part))?.reason ?? null;
}

/**
 * A check that did not pass, from a part that could not be read, is not "not yet" but "could not measure".
 * @param parts what the check had to read
 * @param wholly true when what the check speaks of was read, whatever went wrong elsewhere in the lab
 */
export function honest(
  result: CheckResult,
  snapshot: Snapshot,
  parts: readonly SnapshotPart[],
  wholly = false,
): CheckResult {
  if (result.result !== 'notYet' || wholly) return result;
  const reason = problemWith(snapshot, parts);
  if (reason === null) return result;
  return {
    ...result,
    result: 'couldNotMeasure',
    observed: put('could not be read: %', '无法读取：%', same(reason)),
  };
}

export function placeWords(place: Place | undefined): Bilingual {
  if (place === undefined || place === 'host') return say('the lab host', '实验主机');
  if (place === 'any') return say('any place', '任意位置');
  if (place === 'other') return say('another place than the lab host', '实验主机以外的位置');
  if (typeof place === 'string') return same(place);
  return put('the place of the process %', '进程 % 所在的位置', processName(place.process));
}

/** How a selector's process is called in a sentence. */
export function processName(selector: {
  readonly comm?: string;
  readonly argv?: string;
  readonly argvMatches?: string;
}): Bilingual {
  const name = selector.argv ?? selector.comm ?? selector.argvMatches;
  return name === undefined ? say('sought', '符合条件的') : same(`“${name}”`);
}

export function networksAt(
  snapshot: Snapshot,
  place: Place | undefined,
  matching: (selector: object) => readonly Process[],
): readonly NetworkNamespace[] {
  const ids = namespacesAt(snapshot, 'net', place, matching);
  return snapshot.networks.filter((network) => ids.has(network.id));
}

/** Ids of the namespaces of a kind at a place. Empty when the place does not exist (yet). */
export function namespacesAt(
  snapshot: Snapshot,
  kind: NamespaceKind,
  place: Place | undefined,
  matching: (selector: object) => readonly Process[],
): ReadonlySet<NamespaceId> {
  const all = snapshot.namespaces.filter((namespace) => namespace.kind === kind);
  const host = hostNamespace(snapshot, kind);
  if (place === undefined || place === 'host') return new Set(host ? [host.id] : []);
  if (place === 'any') return new Set(all.map((namespace) => namespace.id));
  if (place === 'other')
    return new Set(all.filter((namespace) => namespace.id !== host?.id).map((namespace) => namespace.id));
  if (typeof place === 'string') {
    const named = all.filter((namespace) => namespace.names.includes(place)).map((namespace) => namespace.id);
    if (kind === 'net')
      named.push(...snapshot.networks.filter((network) => network.label === place).map((network) => network.id));
    return new Set(named);
  }
  return new Set(matching(place.process).flatMap((process) => process.namespaces[kind] ?? []));
}

/** Name of a place for "observed" sentences, from a namespace id. */
export function labelOf(snapshot: Snapshot, id: NamespaceId | null): string {
  if (id === null) return '?';
  const network = snapshot.networks.find((one) => one.id === id);
  if (network) return printable(network.label);
  const namespace = snapshot.namespaces.find((one) => one.id === id);
  return printable(namespace?.isLabHost ? 'host' : (namespace?.names[0] ?? id));
}
