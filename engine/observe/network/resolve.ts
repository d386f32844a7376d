import type {
  Firewall,
  Link,
  LinkAddress,
  LinkKind,
  ListeningPort,
  NamespaceId,
  Neighbour,
  NetworkNamespace,
  Route,
  RoutingRule,
} from '../../api/types.js';
import { IFF, NTF } from '../../kernel/netlink/constants.js';
import type {
  AddressMessage,
  LinkMessage,
  NeighbourMessage,
  RouteMessage,
} from '../../kernel/netlink/message-types.js';
import { PeerFinder } from './peers.js';
import { sysctlsOf } from './sysctls.js';
import type { NetworkView } from './view.js';

/** A network namespace with names for indexes and peers across namespaces: what lacks is what netlink does not tell. */
export interface NetworkLinks {
  readonly id: NamespaceId;
  readonly label: string;
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  readonly rules: readonly RoutingRule[];
  readonly sysctls: Readonly<Record<string, string>>;
}

/** Routes that the kernel makes for each address by itself: `ip route` leaves them out too. */
const TABLE_LOCAL = 255;

/** Pure: join what was read of several namespaces. The order of the views is kept; links are in the order of their index. */
export function resolvePeers(views: readonly NetworkView[]): NetworkLinks[] {
  const finder = new PeerFinder(views);
  return views.map((view) => {
    const names = new Map(view.links.map(({ index, name }) => [index, name]));
    return {
      id: view.id,
      label: view.label,
      links: [...view.links]
        .sort((a, b) => a.index - b.index)
        .map((link) => linkOf(link, finder.peerOf(view, link), view.addresses)),
      routes: view.routes.filter(({ table }) => table !== TABLE_LOCAL).flatMap((route) => routesOf(route, names)),
      neighbours: view.neighbours.flatMap((neighbour) => neighbourOf(neighbour, names)),
      rules: rulesOf(view),
      sysctls: sysctlsOf(view.netconf, names),
    };
  });
}

/** Add what netlink does not tell. `sysctls` are added to those that it does. */
export function networkNamespace(
  links: NetworkLinks,
  rest: {
    readonly firewall: Firewall | null;
    readonly listening: readonly ListeningPort[];
    readonly sysctls?: Readonly<Record<string, string>>;
  },
): NetworkNamespace {
  return {
    ...links,
    firewall: rest.firewall,
    listening: rest.listening,
    sysctls: { ...links.sysctls, ...rest.sysctls },
  };
}

const KINDS: ReadonlySet<string> = new Set(['veth', 'bridge', 'vxlan', 'macvlan', 'ipvlan', 'dummy', 'tun', 'vlan']);
const ARPHRD_ETHER = 1;

function kindOf(link: LinkMessage): LinkKind {
  if ((link.flags & IFF.LOOPBACK) !== 0) return 'loopback';
  if (link.kind !== null) return KINDS.has(link.kind) ? (link.kind as LinkKind) : 'other';
  return link.hardware === ARPHRD_ETHER ? 'ether' : 'other';
}

function linkOf(link: LinkMessage, peer: Link['peer'], addresses: readonly AddressMessage[]): Link {
  const { bridge, vxlan, macvlan, ipvlan, statistics } = link;
  return {
    index: link.index,
    name: link.name,
    kind: kindOf(link),
    mac: link.mac,
    mtu: link.mtu,
    up: (link.flags & IFF.UP) !== 0,
    carrier: link.carrier,
    operstate: link.operstate,
    promiscuous: link.promiscuity > 0 || (link.flags & IFF.PROMISC) !== 0,
    master: link.master,
    peer,
    addresses: addresses.filter(({ index }) => index === link.index).map(addressOf),
    rxBytes: statistics?.rxBytes ?? 0,
    txBytes: statistics?.txBytes ?? 0,
    rxPackets: statistics?.rxPackets ?? 0,
    txPackets: statistics?.txPackets ?? 0,
    ...(bridge === null ? {} : { bridge: { stp: bridge.stp, vlanFiltering: bridge.vlanFiltering } }),
    ...(vxlan === null ? {} : { vxlan: { id: vxlan.id, remote: vxlan.remote, port: vxlan.port } }),
    ...(macvlan === null ? {} : { macvlan: { mode: macvlan.mode, lower: link.lower ?? 0 } }),
    ...(ipvlan === null ? {} : { ipvlan: { mode: ipvlan.mode, lower: link.lower ?? 0 } }),
  };
}

function addressOf(address: AddressMessage): LinkAddress {
  const { scope } = address;
  return {
    family: address.family,
    address: address.address,
    prefix: address.prefix,
    scope: scope === 'global' || scope === 'link' || scope === 'host' ? scope : 'other',
    ...(address.broadcast === null ? {} : { broadcast: address.broadcast }),
  };
}

/** One for each next hop: a route over several is several routes to the reader. */
function routesOf(route: RouteMessage, names: ReadonlyMap<number, string>): Route[] {
  const hops = route.nextHops.length > 0 ? route.nextHops : [{ via: route.via, index: route.index }];
  return hops.map(({ via, index }) => ({
    destination: route.destination,
    family: route.family,
    via,
    device: index === null ? null : (names.get(index) ?? null),
    source: route.source,
    protocol: route.protocol,
    scope: route.scope,
    table: route.table,
    metric: route.metric,
    ...(route.type === 'unicast' ? {} : { type: route.type }),
  }));
}

/** What `ip neigh` shows: neither what needs no resolving (NOARP), nor what is answered for others (proxy). */
function neighbourOf(neighbour: NeighbourMessage, names: ReadonlyMap<number, string>): Neighbour[] {
  const { stateNames, flags, index } = neighbour;
  if (stateNames.includes('NOARP') || (flags & NTF.PROXY) !== 0) return [];
  return [
    {
      address: neighbour.address,
      device: names.get(index) ?? `if${index}`,
      mac: neighbour.mac,
      state: stateNames.join(',') || 'NONE',
    },
  ];
}

/** Both families' rules; those that both have (local, main) once. */
function rulesOf(view: NetworkView): RoutingRule[] {
  const seen = new Map<string, RoutingRule>();
  for (const { priority, from, to, table, family } of view.rules) {
    const rule = { priority, from, to, table };
    const key = JSON.stringify(rule);
    if (!seen.has(key) || family === 'inet') seen.set(key, rule);
  }
  return [...seen.values()].sort((a, b) => a.priority - b.priority);
}
