import { closeSync } from 'node:fs';
import type { ListeningPort, Namespace, NamespaceId, NetworkNamespace } from '../api/types.js';
import type { Kernel } from '../kernel/kernel.js';
import { readProc } from '../kernel/procfs/read.js';
import { AF_NETLINK, type LabAccess, SOCK_RAW } from './access.js';
import { FirewallReader } from './firewall-reader.js';
import { labelOf, type NamespaceIndex } from './namespaces.js';
import { type NetworkView, networkNamespace, readListening, readNetwork, resolvePeers } from './network/index.js';
import { NetworkWatch } from './network-watch.js';
import { type Problems, reasonOf } from './problems.js';

const NETLINK_ROUTE = 0;

/** The lab's network namespaces: dumped when the kernel says that they changed, joined into one picture. */
export class NetworkReader {
  readonly firewall: FirewallReader;
  readonly #kernel: Kernel;
  readonly #access: LabAccess;
  readonly #index: NamespaceIndex;
  #watch: NetworkWatch | null = null;
  #views = new Map<NamespaceId, NetworkView>();
  #unread = new Map<NamespaceId, string>();
  #listening = new Map<NamespaceId, readonly ListeningPort[]>();
  #fingerprints = new Map<NamespaceId, string>();
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
    for (const known of [this.#views, this.#unread, this.#listening, this.#fingerprints]) {
      for (const id of known.keys()) if (!alive.has(id)) known.delete(id);
    }
    this.#watch?.retain(alive);
    this.firewall.retain(alive);
  }

  /** Namespaces whose rules were never read, nor are being read. */
  withoutRules(namespaces: readonly Namespace[]): NamespaceId[] {
    return netsOf(namespaces).flatMap(({ id }) => (this.firewall.isKnown(id) ? [] : [id]));
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
        this.#views.set(id, readNetwork(this.#kernel, { id, label: labelOf(namespace), fd: socket }, siblings));
      } finally {
        closeSync(socket);
      }
      this.#unread.delete(id);
    } catch (error) {
      this.#unread.set(id, reasonOf(error));
    }
  }

  /** Namespaces whose packet counters moved since the last call; those that cannot be asked are among them. */
  counted(namespaces: readonly Namespace[]): Set<NamespaceId> {
    const moved = new Set<NamespaceId>();
    for (const { id } of netsOf(namespaces)) {
      const now = this.#watch?.fingerprint(id) ?? null;
      if (now === null || now !== this.#fingerprints.get(id)) moved.add(id);
      if (now !== null) this.#fingerprints.set(id, now);
    }
    return moved;
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
      if (this.firewall.get(id) === undefined)
        problems.add('firewall', `rules of ${labels.get(id) ?? id}: not read yet`);
    }
    const views = nets.flatMap(({ id }) => {
      const view = this.#views.get(id);
      return view === undefined ? [] : [{ ...view, label: labels.get(id) ?? view.label }];
    });
    return resolvePeers(views).map((links) =>
      networkNamespace(links, {
        firewall: this.firewall.get(links.id) ?? null,
        listening: this.#listening.get(links.id) ?? [],
      }),
    );
  }
}

/** The lab's network namespaces; the machine's own is none of its business unless it is the lab host's too. */
function netsOf(namespaces: readonly Namespace[]): Namespace[] {
  const nets = namespaces.filter(({ kind, isMachine, isLabHost }) => kind === 'net' && (!isMachine || isLabHost));
  const order = (one: Namespace): string => `${one.isLabHost ? 0 : 1}${labelOf(one)}`;
  return nets.sort((a, b) => order(a).localeCompare(order(b), 'en', { numeric: true }));
}

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
