import type { CgroupView, Container, Namespace, NamespaceId, Process } from '../../api/types.js';
import { type RecordedContainer, stateWithoutProcess } from './fields.js';

/** What the record of one says that has ended. */
const ENDED = /^(exited|dead|removing)$/;

/**
 * Containers as the kernel has them: their processes are those of the cgroup whose path has their id, the oldest of them (or
 * the one that the record names, when it is among them) is the first; it says in which namespaces the container is. Where
 * there are no cgroups the record's process is believed if it is in a mount namespace other than the lab host's.
 */
export function joinContainers(
  records: readonly RecordedContainer[],
  processes: readonly Process[],
  cgroups: CgroupView,
  labMnt: NamespaceId | undefined,
): Container[] {
  if (records.length === 0) return [];
  const ids = new Set(records.map(({ id }) => id));
  const members = new Map<string, Process[]>();
  const paths = new Map<string, string>();
  for (const process of processes) {
    if (process.state === 'Z') continue;
    const found = containerPath(process, ids);
    if (found === null) continue;
    const list = members.get(found.id);
    if (list === undefined) members.set(found.id, [process]);
    else list.push(process);
    if (!paths.has(found.id)) paths.set(found.id, found.path);
  }
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const frozen = new Set(cgroups.groups.flatMap(({ path, freezer }) => (freezer?.frozen === true ? [path] : [])));
  return records.map((record) => {
    const { id, name, image, imageId, networkMode } = record;
    const named = record.pid === 0 ? undefined : byPid.get(record.pid);
    const own =
      members.get(id) ??
      (cgroups.mode === 'none' && named !== undefined && named.namespaces.mnt !== labMnt ? [named] : []);
    const first = own.find(({ pid }) => pid === record.pid) ?? oldest(own);
    const cgroup = paths.get(id) ?? null;
    const state =
      first === undefined
        ? stateWithoutProcess(record.status)
        : cgroup !== null && frozen.has(cgroup)
          ? 'paused'
          : 'running';
    return {
      id,
      name,
      image,
      imageId,
      state,
      // A record that still says otherwise was written while there was a process.
      exitCode: state === 'exited' && ENDED.test(record.status) ? record.exitCode : null,
      pid: first?.pid ?? null,
      processes: own.map(({ pid }) => pid),
      namespaces: first?.namespaces ?? {},
      cgroup,
      networkMode,
    };
  });
}

function oldest(processes: readonly Process[]): Process | undefined {
  return processes.reduce<Process | undefined>(
    (best, one) => (best === undefined || one.startTime < best.startTime ? one : best),
    undefined,
  );
}

/** The container in whose cgroup a process is, and that cgroup's path: up to the part that is the id. */
function containerPath(process: Process, ids: ReadonlySet<string>): { id: string; path: string } | null {
  for (const path of Object.values(process.cgroups)) {
    const parts = path.split('/');
    const at = parts.findLastIndex((part) => ids.has(part));
    if (at >= 0) return { id: parts[at] as string, path: parts.slice(0, at + 1).join('/') };
  }
  return null;
}

/**
 * Whose each namespace is: names of the containers whose first process is in it, the one that has been in it longest first,
 * before it the one for which the engine made it. The lab host's own and the machine's belong to nobody.
 *
 * @param madeFor container for which a namespace was made that is bound to a file of this name
 */
export function nameNamespaces(
  namespaces: readonly Namespace[],
  containers: readonly Container[],
  processes: readonly Process[],
  madeFor: (name: string) => string | null,
): Namespace[] {
  const names = new Map(containers.map(({ id, name }) => [id, name]));
  const started = new Map(processes.map(({ pid, startTime }) => [pid, startTime]));
  const users = new Map<NamespaceId, Container[]>();
  for (const container of containers) {
    for (const id of Object.values(container.namespaces)) {
      const list = users.get(id);
      if (list === undefined) users.set(id, [container]);
      else list.push(container);
    }
  }
  const since = ({ pid }: Container): number => (pid === null ? 0 : (started.get(pid) ?? 0));
  return namespaces.map((namespace) => {
    if (namespace.isLabHost || namespace.isMachine) return namespace;
    const owners = (users.get(namespace.id) ?? []).toSorted((a, b) => since(a) - since(b)).map(({ name }) => name);
    const maker = namespace.names.map((name) => names.get(madeFor(name) ?? '')).find((name) => name !== undefined);
    const all = [...new Set([...(maker === undefined ? [] : [maker]), ...owners])];
    return all.length === 0 ? namespace : { ...namespace, containers: all };
  });
}
