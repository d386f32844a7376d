import type { NamespaceId, ObserveProblem } from '../../api/types.js';
import type { Kernel } from '../../kernel/kernel.js';
import { AF_INET, AF_INET6 } from '../../kernel/netlink/constants.js';
import type {
  AddressMessage,
  LinkMessage,
  NeighbourMessage,
  NetconfMessage,
  RouteMessage,
  RuleMessage,
} from '../../kernel/netlink/message-types.js';
import { Rtnetlink } from '../../kernel/netlink/rtnetlink.js';
import { netnsOfSocket } from '../../kernel/netlink/socket.js';

/** One network namespace as rtnetlink tells it, with indexes and nsids not yet resolved: see `resolvePeers`. */
export interface NetworkView {
  readonly id: NamespaceId;
  readonly label: string;
  readonly links: readonly LinkMessage[];
  readonly addresses: readonly AddressMessage[];
  readonly routes: readonly RouteMessage[];
  readonly neighbours: readonly NeighbourMessage[];
  readonly rules: readonly RuleMessage[];
  readonly netconf: readonly NetconfMessage[];
  /** The numbers by which this namespace knows others. */
  readonly nsids: ReadonlyMap<number, NamespaceId>;
}

export interface NetworkTarget {
  readonly id: NamespaceId;
  readonly label: string;
  /** A NETLINK_ROUTE socket that was opened in the namespace and is used for nothing else. */
  readonly fd: number;
}

/** A namespace that peers may be in: an open fd of its nsfs file. */
export interface Sibling {
  readonly id: NamespaceId;
  readonly nsFd: number;
}

/**
 * Read one network namespace: about seven dumps, 1 to 2 ms for a small one. Only when a link has its other end in
 * another namespace are the siblings asked for, one request each.
 *
 * @throws NetlinkError, SyscallError, EngineError as Rtnetlink does
 */
export function readNetwork(kernel: Kernel, target: NetworkTarget, siblings: readonly Sibling[] = []): NetworkView {
  const netlink = new Rtnetlink(kernel, target.fd);
  const links = netlink.links();
  return {
    id: target.id,
    label: target.label,
    links,
    addresses: netlink.addresses(),
    routes: netlink.routes(),
    neighbours: netlink.neighbours(),
    rules: netlink.rules(),
    netconf: [...netlink.netconf(AF_INET), ...netlink.netconf(AF_INET6)],
    nsids: readNsids(netlink, target.id, links, siblings),
  };
}

function readNsids(
  netlink: Rtnetlink,
  own: NamespaceId,
  links: readonly LinkMessage[],
  siblings: readonly Sibling[],
): Map<number, NamespaceId> {
  const wanted = new Set(
    links.flatMap(({ linkNetnsid }) => (linkNetnsid === null || linkNetnsid < 0 ? [] : [linkNetnsid])),
  );
  const nsids = new Map<number, NamespaceId>();
  for (const { id, nsFd } of siblings) {
    if (wanted.size === nsids.size) break;
    if (id === own) continue;
    const nsid = netlink.nsidOf({ fd: nsFd });
    if (nsid !== null && wanted.has(nsid)) nsids.set(nsid, id);
  }
  return nsids;
}

/**
 * Read several network namespaces; one that cannot be read becomes a problem and the others are still read. A target
 * without `nsFd` has it asked of its socket.
 */
export function readNetworks(
  kernel: Kernel,
  targets: readonly (NetworkTarget & { readonly nsFd?: number })[],
): { views: NetworkView[]; problems: ObserveProblem[] } {
  const views: NetworkView[] = [];
  const problems: ObserveProblem[] = [];
  const opened: number[] = [];
  const report = (label: string, error: unknown): void => {
    problems.push({
      part: 'network',
      reason: `network of ${label}: ${error instanceof Error ? error.message : String(error)}`,
    });
  };
  try {
    const siblings: Sibling[] = [];
    for (const { id, label, fd, nsFd } of targets) {
      try {
        const own = nsFd ?? netnsOfSocket(kernel, fd);
        if (nsFd === undefined) opened.push(own);
        siblings.push({ id, nsFd: own });
      } catch (error) {
        report(label, error);
      }
    }
    for (const target of targets) {
      try {
        views.push(readNetwork(kernel, target, siblings));
      } catch (error) {
        report(target.label, error);
      }
    }
  } finally {
    for (const fd of opened) kernel.call('close', fd);
  }
  return { views, problems };
}
