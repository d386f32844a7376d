import type { Change, LedgerEntry, ObservedObject, Snapshot } from '../api/types.js';
import { tellCgroup, tellLimit, tellMember } from './explain/cgroups.js';
import { tellContainer } from './explain/containers.js';
import { fold } from './explain/fold.js';
import { tellHostname, tellNamespace, tellProcess } from './explain/kernel-objects.js';
import { tellLinkWithMaster } from './explain/links.js';
import { tellAddress, tellChain, tellNeighbour, tellPort, tellRoute, tellRule, tellSysctl } from './explain/network.js';
import { tellLayerEntry, tellMount, tellOverlay } from './explain/storage.js';
import type { Teller, Told } from './explain/told.js';

const TELLERS: Record<ObservedObject, Teller> = {
  container: tellContainer,
  namespace: tellNamespace,
  process: tellProcess,
  link: tellLinkWithMaster,
  address: tellAddress,
  route: tellRoute,
  neighbour: tellNeighbour,
  'firewall-rule': tellRule,
  'firewall-chain': tellChain,
  sysctl: tellSysctl,
  mount: tellMount,
  overlay: tellOverlay,
  'layer-entry': tellLayerEntry,
  cgroup: tellCgroup,
  'cgroup-member': tellMember,
  'cgroup-limit': tellLimit,
  hostname: tellHostname,
  'listening-port': tellPort,
};

/**
 * A change as a learner's ledger entry: what the kernel was asked, the command that asks it, the man page, and one plain
 * sentence in both languages. Pure. What is told is the state's change; which program caused it was not observed, so the
 * command is the shortest that has this effect, not a quotation.
 *
 * @param snapshot the one that has the change: names of bridges, mount points of hierarchies
 */
export function explainChange(change: Change, snapshot: Snapshot): LedgerEntry {
  return entryOf(change, TELLERS[change.object](change, snapshot));
}

/** The changes of one moment as entries: processes are not told, and what one act does in many places is told once. */
export function explainChanges(changes: readonly Change[], snapshot: Snapshot): LedgerEntry[] {
  return fold(changes.filter(({ object }) => object !== 'process')).flatMap(({ changes: [first], told }) => {
    if (first === undefined) return [];
    return told === null ? explainChange(first, snapshot) : entryOf(first, told(snapshot));
  });
}

function entryOf(change: Change, told: Told): LedgerEntry {
  return {
    seq: change.seq,
    at: change.at,
    actor: 'learner',
    domain: told.domain,
    subject: change.place === '' || change.place === 'host' ? 'lab host' : change.place,
    act: told.act,
    command: told.command,
    man: told.man,
    explanation: told.explanation,
    result: { ok: true },
  };
}
