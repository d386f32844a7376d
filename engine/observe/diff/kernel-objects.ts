import type { Namespace, Process, Snapshot } from '../../api/types.js';
import { labelOf } from '../namespaces.js';
import { compareLists, type Difference } from './compare.js';

/** Namespaces, processes and host names. */
export function diffKernelObjects(before: Snapshot, after: Snapshot): Difference[] {
  const labels = new Map([...before.namespaces, ...after.namespaces].map((one) => [one.id, labelOf(one)]));
  return [
    ...compareLists(before.namespaces, after.namespaces, {
      object: 'namespace',
      key: ({ id }) => id,
      place: ({ owner }) => (owner === null ? '' : (labels.get(owner) ?? owner)),
      name: (one) => (one.containers === undefined ? (one.names[0] ?? labelOf(one)) : labelOf(one)),
      // Who is in it changes with every process; what is told of it is its names and what else keeps it.
      essence: ({ names, heldBy }) => ({
        names,
        held: heldBy.filter(({ how }) => how !== 'process' && how !== 'hierarchy'),
      }),
    }),
    ...compareLists(before.processes, after.processes, {
      object: 'process',
      key: ({ hostPid, startTime }) => `process/${hostPid}:${startTime}`,
      place: ({ namespaces }) => (namespaces.pid === undefined ? '' : (labels.get(namespaces.pid) ?? namespaces.pid)),
      name: ({ comm }) => comm,
      essence: essenceOfProcess,
    }),
    ...diffHostnames(before, after),
  ];
}

/** Everything but its running: state only as stopped, zombie, or neither; where it stands (cwd) is not told. */
function essenceOfProcess(one: Process): unknown {
  const {
    comm,
    argv,
    ppid,
    uid,
    gid,
    namespaces,
    root,
    capEff,
    capBnd,
    seccomp,
    noNewPrivs,
    uidMap,
    gidMap,
    oomScoreAdj,
  } = one;
  const state = 'TtZ'.includes(one.state) ? one.state : '';
  // A zombie has left its namespaces and its root: that it is one says so.
  if (state === 'Z') return { state };
  return {
    comm,
    argv,
    ppid,
    state,
    uid,
    gid,
    namespaces,
    root,
    capEff,
    capBnd,
    seccomp,
    noNewPrivs,
    uidMap,
    gidMap,
    oomScoreAdj,
  };
}

function diffHostnames(before: Snapshot, after: Snapshot): Difference[] {
  const old = new Map(before.namespaces.map((one) => [one.id, one.hostname]));
  const found: Difference[] = [];
  for (const one of after.namespaces) {
    const was = old.get(one.id);
    if (one.hostname === undefined || was === undefined || was === one.hostname) continue;
    found.push(hostnameChange(one, was, one.hostname));
  }
  return found;
}

function hostnameChange(one: Namespace, before: string, after: string): Difference {
  return {
    kind: 'changed',
    object: 'hostname',
    key: `${one.id}/hostname`,
    place: labelOf(one),
    name: after,
    before,
    after,
  };
}
