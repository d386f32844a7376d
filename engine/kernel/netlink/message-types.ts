import type { Family } from './address.js';

/** What rtnetlink tells: decoded messages. A field is null when the kernel did not send it. */

export interface LinkStatistics {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxDropped: number;
  readonly txDropped: number;
}

/** IFLA_INFO_DATA of a bridge. Times in seconds. */
export interface BridgeInfo {
  readonly stp: boolean;
  readonly forwardDelaySeconds: number | null;
  readonly helloTimeSeconds: number | null;
  readonly maxAgeSeconds: number | null;
  readonly ageingTimeSeconds: number | null;
  readonly priority: number | null;
  readonly vlanFiltering: boolean;
  readonly vlanDefaultPvid: number | null;
  readonly groupForwardMask: number | null;
  readonly multicastSnooping: boolean | null;
  readonly nfCallIptables: boolean | null;
  readonly nfCallIp6tables: boolean | null;
  readonly nfCallArptables: boolean | null;
  /** `8000.2:42:…` as `ip -d link` prints it. */
  readonly bridgeId: string | null;
  readonly rootId: string | null;
}

/** IFLA_INFO_SLAVE_DATA of a port, or IFLA_PROTINFO of a message of family AF_BRIDGE. */
export interface BridgePortInfo {
  readonly state: string;
  readonly priority: number | null;
  readonly cost: number | null;
  readonly hairpin: boolean;
  readonly guard: boolean;
  readonly learning: boolean | null;
  readonly flood: boolean | null;
  readonly isolated: boolean;
  readonly neighbourSuppress: boolean;
  readonly portNumber: number | null;
}

export interface VxlanInfo {
  readonly id: number;
  readonly remote: string | null;
  readonly local: string | null;
  readonly lowerIndex: number | null;
  readonly port: number;
  readonly sourcePorts: { readonly low: number; readonly high: number } | null;
  readonly ttl: number | null;
  readonly tos: number | null;
  readonly learning: boolean;
  readonly ageingSeconds: number | null;
  readonly proxy: boolean;
  readonly l2miss: boolean;
  readonly l3miss: boolean;
}

export interface LinkMessage {
  /** 0, or AF_BRIDGE for the bridge's own telling of a port. */
  readonly family: number;
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND: `veth`, `bridge` …; null for a device without it, such as lo or a network card. */
  readonly kind: string | null;
  /** ARPHRD_ number: 1 Ethernet, 772 loopback. See netdevice(7). */
  readonly hardware: number;
  readonly flags: number;
  readonly mac: string;
  readonly broadcast: string;
  readonly mtu: number;
  readonly minMtu: number | null;
  readonly maxMtu: number | null;
  readonly txQueueLength: number | null;
  readonly txQueues: number | null;
  readonly rxQueues: number | null;
  readonly gsoMaxSize: number | null;
  readonly gsoMaxSegments: number | null;
  readonly group: number | null;
  readonly linkMode: number | null;
  readonly qdisc: string | null;
  readonly operstate: string;
  readonly carrier: boolean;
  readonly carrierChanges: number | null;
  readonly promiscuity: number;
  readonly master: number | null;
  /** IFLA_LINK: the veth peer's or the lower device's index, in the namespace that `linkNetnsid` names. Null when it is itself. */
  readonly lower: number | null;
  /** IFLA_LINK_NETNSID: number that the link's namespace gives to the one in which `lower` is; null when it is the same one, -1 when it has none. */
  readonly linkNetnsid: number | null;
  readonly alias: string | null;
  readonly altNames: readonly string[];
  readonly statistics: LinkStatistics | null;
  readonly bridge: BridgeInfo | null;
  readonly slaveKind: string | null;
  readonly port: BridgePortInfo | null;
  readonly vxlan: VxlanInfo | null;
  readonly macvlan: { readonly mode: string } | null;
  readonly ipvlan: { readonly mode: string } | null;
  readonly vlan: { readonly id: number; readonly protocol: string } | null;
  /** In a notification: the index and the namespace to which it went. */
  readonly newNetnsid: number | null;
  readonly newIndex: number | null;
}

export interface AddressMessage {
  readonly family: Family;
  readonly index: number;
  readonly address: string;
  readonly prefix: number;
  /** Other end of a point-to-point link. */
  readonly peer: string | null;
  readonly broadcast: string | null;
  readonly label: string | null;
  readonly scope: string;
  readonly flags: number;
  /** Seconds; null for ever. */
  readonly validSeconds: number | null;
  readonly preferredSeconds: number | null;
}

export interface NextHopMessage {
  readonly via: string | null;
  readonly index: number;
  readonly weight: number;
  readonly flags: number;
}

export interface RouteMessage {
  readonly family: Family;
  /** `default` or CIDR. */
  readonly destination: string;
  readonly via: string | null;
  readonly index: number | null;
  readonly source: string | null;
  readonly metric: number;
  readonly table: number;
  readonly protocol: string;
  readonly scope: string;
  readonly type: string;
  readonly flags: number;
  readonly mtu: number | null;
  readonly nextHops: readonly NextHopMessage[];
}

export interface NeighbourMessage {
  readonly family: Family;
  readonly index: number;
  readonly address: string;
  readonly mac: string | null;
  /** NUD_ bits. */
  readonly state: number;
  readonly stateNames: readonly string[];
  readonly flags: number;
}

/** An entry of a bridge's or a vxlan's forwarding database. */
export interface FdbMessage {
  readonly index: number;
  readonly mac: string;
  readonly master: number | null;
  readonly self: boolean;
  readonly destination: string | null;
  readonly vlan: number | null;
  readonly state: 'permanent' | 'static' | 'dynamic';
  readonly flags: number;
}

export interface RuleMessage {
  readonly family: Family;
  readonly priority: number;
  /** `all` or CIDR. */
  readonly from: string;
  readonly to: string;
  readonly table: number;
  readonly inInterface: string | null;
  readonly outInterface: string | null;
  readonly fwmark: number | null;
  readonly not: boolean;
  readonly action: string;
}

export interface NsidMessage {
  /** -1: none was given. */
  readonly nsid: number;
}

/** Settings of /proc/sys/net/ipv{4,6}/conf that rtnetlink tells; index -1 is `all`, -2 is `default`. */
export interface NetconfMessage {
  readonly family: Family;
  readonly index: number;
  readonly forwarding: number | null;
  readonly rpFilter: number | null;
  readonly proxyNeighbour: number | null;
}
