import { closeSync } from 'node:fs';
import type { Link, ListeningPort, Namespace, NamespaceId, NetworkNamespace } from '../api/types.js';
import type { Kernel } from '../kernel/kernel.js';
import { readProc } from '../kernel/procfs/read.js';
import { AF_NETLINK, type LabAccess, SOCK_RAW } from './access.js';
import { FirewallReader } from './firewall-reader.js';
import { labelOf, type NamespaceIndex } from './namespaces.js';
import {
  type NetworkLinks,
  type NetworkView,
  networkNamespace,
  parseSysctls,
  readListening,
  readNetwork,
  resolvePeers,
  SYSCTL_COMMAND,
} from './network/index.js';
import { type LinkCounters, NetworkWatch } from './network-watch.js';
import { type Problems, reasonOf } from './problems.js';

const NETLINK_ROUTE = 0;
/** The parameters that SYSCTL_COMMAND asks for (its words after the options). */
const SETTINGS = SYSCTL_COMMAND.filter((word) => word.startsWith('net.'));

/** The lab's network namespaces: dumped when the kernel says that they changed, joined into one picture. */
export class NetworkReader {
  readonly firewall: FirewallReader;
  readonly #kernel: Kernel;
  readonly #access: LabAccess;
  readonly #index: NamespaceIndex;
  #watch: NetworkWatch | null = null;
  #views = new Map<NamespaceId, NetworkView>();
  #unread = new Map<NamespaceId, string>();
  /** The views with their peers found; null when a view was read since. */
  #resolved: { key: string; links: readonly NetworkLinks[] } | null = null;
  #joined = new Map<NamespaceId, { parts: readonly unknown[]; joined: NetworkNamespace }>();
  #listening = new Map<NamespaceId, readonly ListeningPort[]>();
  #settings = new Map<NamespaceId, Record<string, string>>();
  #counters = new Map<NamespaceId, Map<number, LinkCounters>>();
  readonly #missed = new Set<NamespaceId>();
  #watchReason: string | null = null;

  constructor(kernel: Kernel, access: LabAccess, index: NamespaceIndex) {
    this.#kernel = kernel;
    this.#access = access;
    this.#index = index;
    this.firewall = new FirewallReader(kernel, access);
    try {
      this.#watch = new NetworkWatch(kernel, access);
    } catch (error) {
      // Still complete, but later: without it every network is dumped again after whatever ran in the lab.
      this.#watchReason = reasonOf(error);
    }
  }

  /** Null: changes cannot be heard; read after any activity. */
  get watch(): NetworkWatch | null {
    return this.#watch;
  }

  get watchReason(): string | null {
    return this.#watchReason;
  }

  close(): void {
    this.#watch?.close();
    this.#watch = null;
  }

  /** Namespaces of the list that were never dumped; one whose dump failed is tried again with the counters. */
  missing(namespaces: readonly Namespace[]): Set<NamespaceId> {
    return new Set(netsOf(namespaces).flatMap(({ id }) => (this.#views.has(id) || this.#unread.has(id) ? [] : [id])));
  }

  /** Forget namespaces that are gone, or whose id belongs to another one by now. */
  forget(namespaces: readonly Namespace[], replaced: ReadonlySet<NamespaceId>): void {
    const alive = new Set(netsOf(namespaces).flatMap(({ id }) => (replaced.has(id) ? [] : [id])));
    for (const known of [this.#views, this.#unread, this.#listening, this.#settings, this.#counters, this.#joined]) {
      for (const id of known.keys()) {
        if (alive.has(id)) continue;
        known.delete(id);
        this.#resolved = null;
      }
    }
    this.#watch?.retain(alive);
    this.firewall.retain(alive);
  }

  /** Namespaces whose rules were never read, nor are being read. */
  withoutRules(namespaces: readonly Namespace[]): NamespaceId[] {
    return netsOf(namespaces).flatMap(({ id }) => (this.firewall.isKnown(id, this.#index.wayTo(id)) ? [] : [id]));
  }

  /** Namespaces that were to be dumped and could not be opened: due again once it is known anew what holds them. */
  takeMissed(): NamespaceId[] {
    const missed = [...this.#missed];
    this.#missed.clear();
    return missed;
  }

  /** Dump some namespaces again. */
  read(namespaces: readonly Namespace[], which: ReadonlySet<NamespaceId>, problems: Problems): void {
    const nets = netsOf(namespaces);
    const open = new Map<NamespaceId, number>();
    try {
      // Peers are named by ids that only an open descriptor of the other namespace can be compared with.
      for (const { id } of which.size > 0 ? nets : []) {
        const fd = problems.attempt('network', id, () => this.#index.open(id), null);
        if (fd !== null) open.set(id, fd);
      }
      const siblings = [...open].map(([id, nsFd]) => ({ id, nsFd }));
      for (const namespace of nets) {
        if (!which.has(namespace.id)) continue;
        const nsFd = open.get(namespace.id);
        if (nsFd === undefined) {
          // What processes or mounts held and cannot be opened is just going, and the next look does not list it any
          // more; or the process that it was to be opened through has ended, and the next look knows another way.
          if (!namespace.heldBy.every(({ how }) => how === 'socket' || how === 'hierarchy')) {
            this.#missed.add(namespace.id);
            continue;
          }
          this.#unread.set(namespace.id, 'nothing that can be opened holds it');
          continue;
        }
        this.#readOne(namespace, nsFd, siblings);
      }
    } finally {
      for (const fd of open.values()) closeSync(fd);
    }
  }

  #readOne(namespace: Namespace, nsFd: number, siblings: { id: NamespaceId; nsFd: number }[]): void {
    const { id } = namespace;
    try {
      // Listen first, then look: what changes in between is heard.
      if (this.#watch !== null && !this.#watch.has(id)) this.#watch.add(id, nsFd);
      const socket = this.#access.openSocket(nsFd, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
      try {
        this.#counters.delete(id);
        this.#resolved = null;
        this.#views.set(id, readNetwork(this.#kernel, { id, label: labelOf(namespace), fd: socket }, siblings));
      } finally {
        closeSync(socket);
      }
      this.#unread.delete(id);
    } catch (error) {
      this.#unread.set(id, reasonOf(error));
    }
  }

  /**
   * Read the packet counters of all links, without dumping the networks. Namespaces whose counters moved since the last
   * call, and those that cannot be asked and must be dumped for it.
   */
  readCounters(namespaces: readonly Namespace[]): { moved: Set<NamespaceId>; dump: Set<NamespaceId> } {
    const moved = new Set<NamespaceId>();
    const dump = new Set<NamespaceId>();
    for (const { id } of netsOf(namespaces)) {
      const now = this.#watch?.counters(id) ?? null;
      const before = this.#counters.get(id);
      if (now === null) dump.add(id);
      else if (before === undefined || !sameCounters(before, now)) {
        moved.add(id);
        this.#counters.set(id, now);
      }
    }
    return { moved, dump };
  }

  /** Settings that netlink does not tell; each is read through the namespace itself. */
  readSettings(namespaces: readonly Namespace[], problems: Problems): void {
    const read = this.#access.readSettings?.bind(this.#access);
    if (read === undefined) return;
    for (const { id } of netsOf(namespaces)) {
      const values = problems.attempt('network', `settings of ${id}`, () => this.#settingsOf(id, read), null);
      if (values !== null && JSON.stringify(values) !== JSON.stringify(this.#settings.get(id)))
        this.#settings.set(id, values);
    }
  }

  #settingsOf(id: NamespaceId, read: NonNullable<LabAccess['readSettings']>): Record<string, string> | null {
    const fd = this.#index.open(id);
    if (fd === null) return null;
    try {
      const values = read(
        fd,
        SETTINGS.map((name) => `/proc/sys/${name.replaceAll('.', '/')}`),
      );
      const lines = SETTINGS.flatMap((name, at) => (values[at] == null ? [] : [`${name} = ${values[at]}`]));
      return parseSysctls(lines.join('\n'));
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Read the listening sockets of these namespaces, each through a process in it. That walks the machine's whole table of
   * sockets (a millisecond), so it is asked only for namespaces in which a process that holds a socket has run.
   *
   * @param withSockets namespaces in which any process holds a socket; the others have no ports
   * @param hostPidOf a process of the machine that is in the namespace
   * @param owners socket inode -> pid in the lab
   */
  readListening(
    which: ReadonlySet<NamespaceId>,
    withSockets: ReadonlySet<NamespaceId>,
    hostPidOf: (id: NamespaceId) => number | undefined,
    owners: ReadonlyMap<number, number>,
    problems: Problems,
  ): void {
    for (const id of this.#listening.keys()) if (!withSockets.has(id)) this.#listening.delete(id);
    for (const id of which) {
      const hostPid = hostPidOf(id);
      // Nobody is in it, only a socket that was passed on: its port is not in any /proc/PID/net.
      if (hostPid === undefined) continue;
      const ports = problems.attempt('network', `listening ports of ${id}`, () => listeningOf(hostPid, owners), null);
      if (ports !== null) this.#listening.set(id, ports);
    }
  }

  /** The snapshot's networks, host first, then by label. Adds what could not be read to `problems`. */
  assemble(namespaces: readonly Namespace[], problems: Problems): NetworkNamespace[] {
    const nets = netsOf(namespaces);
    const labels = new Map(nets.map((namespace) => [namespace.id, labelOf(namespace)]));
    for (const [id, reason] of this.#unread) problems.add('network', `network of ${labels.get(id) ?? id}: ${reason}`);
    for (const { id } of nets) {
      const found = this.firewall.get(id);
      if (found !== undefined && found !== null) continue;
      const reason = found === null ? (this.firewall.problemOf(id) ?? 'could not be read') : 'not read yet';
      problems.add('firewall', `rules of ${labels.get(id) ?? id}: ${reason}`);
    }
    const key = nets.map(({ id }) => `${id} ${labels.get(id) ?? ''}`).join('\n');
    if (this.#resolved === null || this.#resolved.key !== key) {
      const views = nets.flatMap(({ id }) => {
        const view = this.#views.get(id);
        return view === undefined ? [] : [{ ...view, label: labels.get(id) ?? view.label }];
      });
      this.#resolved = { key, links: resolvePeers(views) };
    }
    return this.#resolved.links.map((links) => this.#join(links));
  }

  /** One namespace of the snapshot: the same object as last time when none of its parts was read again. */
  #join(links: NetworkLinks): NetworkNamespace {
    const { id } = links;
    const parts = [
      links,
      this.#counters.get(id),
      this.firewall.get(id),
      this.#listening.get(id),
      this.#settings.get(id),
    ] as const;
    const known = this.#joined.get(links.id);
    if (known?.parts.every((part, at) => part === parts[at]) === true) return known.joined;
    const joined = networkNamespace(
      { ...links, links: withCounters(links.links, parts[1]) },
      { firewall: parts[2] ?? null, listening: parts[3] ?? [], sysctls: parts[4] ?? {} },
    );
    this.#joined.set(links.id, { parts, joined });
    return joined;
  }
}

function sameCounters(a: ReadonlyMap<number, LinkCounters>, b: ReadonlyMap<number, LinkCounters>): boolean {
  if (a.size !== b.size) return false;
  for (const [index, one] of a) {
    const other = b.get(index);
    if (other === undefined || one.rxBytes !== other.rxBytes || one.txBytes !== other.txBytes) return false;
    if (one.rxPackets !== other.rxPackets || one.txPackets !== other.txPackets) return false;
  }
  return true;
}

/** Links of a dump with the counters that were read after it. */
function withCounters(
  links: readonly Link[],
  counters: ReadonlyMap<number, LinkCounters> | undefined,
): readonly Link[] {
  return counters === undefined ? links : links.map((link) => ({ ...link, ...counters.get(link.index) }));
}

/** The lab's network namespaces; the machine's own is none of its business unless it is the lab host's too. */
function netsOf(namespaces: readonly Namespace[]): Namespace[] {
  const nets = namespaces.filter(({ kind, isMachine, isLabHost }) => kind === 'net' && (!isMachine || isLabHost));
  return nets.sort((a, b) => Number(b.isLabHost) - Number(a.isLabHost) || byLabel.compare(labelOf(a), labelOf(b)));
}

/** Made once: making a collator costs more than sorting with it. */
const byLabel = new Intl.Collator('en', { numeric: true });

function listeningOf(hostPid: number, owners: ReadonlyMap<number, number>): ListeningPort[] {
  const at = `/proc/${hostPid}/net`;
  return readListening(
    {
      tcp: readProc(`${at}/tcp`) ?? '',
      tcp6: readProc(`${at}/tcp6`) ?? '',
      udp: readProc(`${at}/udp`) ?? '',
      udp6: readProc(`${at}/udp6`) ?? '',
    },
    owners,
  );
}
