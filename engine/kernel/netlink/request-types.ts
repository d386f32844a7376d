import type { Family } from './address.js';

/**
 * What can be asked of rtnetlink, as plain values: `encode.ts` turns one into bytes, `describe.ts` into the command
 * that would do the same, `transact.ts` sends it.
 */

/**
 * An interface by name, and by index where it is known. Requests that the kernel only takes by index (addresses,
 * routes, neighbours, masters) have it looked up before they are sent.
 */
export interface LinkRef {
  readonly name: string;
  readonly index?: number;
}

/** A network namespace to move an interface to: an open fd of its nsfs file, or a process in it (pid as the caller sees it). `name` is for the reader. */
export type NetnsRef =
  | { readonly fd: number; readonly name?: string }
  | { readonly pid: number; readonly name?: string };

/** Options of a bridge; times in seconds, as `ip -d link` has centiseconds of USER_HZ. */
export interface BridgeOptions {
  readonly stp?: boolean;
  readonly forwardDelaySeconds?: number;
  readonly helloTimeSeconds?: number;
  readonly maxAgeSeconds?: number;
  readonly ageingTimeSeconds?: number;
  readonly priority?: number;
  readonly vlanFiltering?: boolean;
  readonly vlanDefaultPvid?: number;
  readonly groupForwardMask?: number;
  readonly multicastSnooping?: boolean;
  readonly nfCallIptables?: boolean;
  readonly nfCallIp6tables?: boolean;
  readonly nfCallArptables?: boolean;
}

export interface VxlanOptions {
  readonly id: number;
  /** Unicast peer, or (multicast) the group. */
  readonly remote?: string;
  readonly local?: string;
  readonly device?: LinkRef;
  /** Destination UDP port; 4789 is IANA's, the kernel's own default is 8472. */
  readonly port?: number;
  readonly sourcePorts?: { readonly low: number; readonly high: number };
  readonly ttl?: number;
  readonly tos?: number;
  readonly learning?: boolean;
  readonly ageingSeconds?: number;
  readonly proxy?: boolean;
  readonly l2miss?: boolean;
  readonly l3miss?: boolean;
}

export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';
export type IpvlanMode = 'l2' | 'l3' | 'l3s';
/** Whether the interfaces of one parent reach each other. */
export type IpvlanFlag = 'bridge' | 'private' | 'vepa';

/** What may be said of any new interface. */
export interface CommonLinkOptions {
  readonly mac?: string;
  readonly mtu?: number;
  readonly txQueueLength?: number;
  readonly up?: boolean;
  readonly master?: LinkRef;
  /** Make it there at once, not here. */
  readonly netns?: NetnsRef;
  /** Take this index; refused when it is in use. */
  readonly index?: number;
}

export type LinkSpec =
  | { readonly kind: 'veth'; readonly peer: CommonLinkOptions & { readonly name: string } }
  | { readonly kind: 'bridge'; readonly bridge?: BridgeOptions }
  | { readonly kind: 'vxlan'; readonly vxlan: VxlanOptions }
  | { readonly kind: 'macvlan'; readonly lower: LinkRef; readonly mode: MacvlanMode }
  | { readonly kind: 'ipvlan'; readonly lower: LinkRef; readonly mode: IpvlanMode; readonly flag?: IpvlanFlag }
  | { readonly kind: 'vlan'; readonly lower: LinkRef; readonly id: number; readonly protocol?: '802.1Q' | '802.1ad' }
  | { readonly kind: 'dummy' };

export type LinkAdd = { readonly op: 'link-add'; readonly name: string } & CommonLinkOptions & LinkSpec;

export interface LinkSet {
  readonly op: 'link-set';
  readonly link: LinkRef;
  readonly rename?: string;
  readonly up?: boolean;
  readonly promiscuous?: boolean;
  readonly arp?: boolean;
  readonly mtu?: number;
  readonly mac?: string;
  readonly alias?: string;
  readonly txQueueLength?: number;
  /** Null takes it out of its bridge. */
  readonly master?: LinkRef | null;
  readonly netns?: NetnsRef;
  /** Change options of an existing bridge. */
  readonly bridge?: BridgeOptions;
}

export interface LinkDelete {
  readonly op: 'link-delete';
  readonly link: LinkRef;
  /** `ip` wants to be told for some kinds; ignored by the kernel. */
  readonly kind?: LinkSpec['kind'];
}

export type AddressScope = 'global' | 'site' | 'link' | 'host' | 'nowhere';

export interface AddressChange {
  readonly op: 'address-add' | 'address-replace' | 'address-delete';
  readonly link: LinkRef;
  readonly address: string;
  readonly prefix: number;
  /** The other end of a point-to-point link. */
  readonly peer?: string;
  /** `auto`: the last address of the network, as `ip addr add … broadcast +`. */
  readonly broadcast?: string;
  readonly scope?: AddressScope;
  readonly label?: string;
  /** Skip IPv6 duplicate address detection: the address is usable at once. */
  readonly noDad?: boolean;
  readonly noPrefixRoute?: boolean;
}

export interface NextHop {
  readonly via?: string;
  readonly link?: LinkRef;
  readonly weight?: number;
  readonly onlink?: boolean;
}

export type RouteType = 'unicast' | 'local' | 'broadcast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw';

export interface RouteChange {
  readonly op: 'route-add' | 'route-replace' | 'route-delete';
  /** `default` or CIDR. */
  readonly destination: string;
  /** Needed for `default` without an address that tells it. */
  readonly family?: Family;
  readonly via?: string;
  readonly link?: LinkRef;
  readonly onlink?: boolean;
  readonly source?: string;
  readonly metric?: number;
  readonly table?: number;
  readonly scope?: AddressScope;
  readonly type?: RouteType;
  readonly protocol?: 'kernel' | 'boot' | 'static' | 'dhcp';
  readonly mtu?: number;
  readonly nextHops?: readonly NextHop[];
}

export type NeighbourState = 'permanent' | 'noarp' | 'reachable' | 'stale';

export interface NeighbourChange {
  readonly op: 'neighbour-add' | 'neighbour-replace' | 'neighbour-delete';
  readonly link: LinkRef;
  readonly address: string;
  readonly mac?: string;
  readonly state?: NeighbourState;
  /** Answer for this address on the link (proxy ARP / NDP) instead of resolving it. */
  readonly proxy?: boolean;
}

export interface FdbChange {
  readonly op: 'fdb-add' | 'fdb-append' | 'fdb-replace' | 'fdb-delete';
  readonly link: LinkRef;
  readonly mac: string;
  /** `self`: the table of the device itself (vxlan); `master`: that of the bridge it is a port of. */
  readonly where: 'self' | 'master';
  readonly state?: 'permanent' | 'static' | 'dynamic';
  /** Remote VTEP, for vxlan. */
  readonly destination?: string;
  readonly vlan?: number;
  readonly vni?: number;
  readonly port?: number;
}

export interface RuleChange {
  readonly op: 'rule-add' | 'rule-delete';
  readonly family: Family;
  readonly priority?: number;
  readonly from?: string;
  readonly to?: string;
  readonly inInterface?: string;
  readonly outInterface?: string;
  readonly fwmark?: number;
  readonly fwmask?: number;
  readonly not?: boolean;
  readonly action?: 'lookup' | 'blackhole' | 'unreachable' | 'prohibit';
  readonly table?: number;
}

export type StpState = 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';

export interface BridgePortSet {
  readonly op: 'bridge-port-set';
  readonly link: LinkRef;
  readonly state?: StpState;
  readonly cost?: number;
  readonly priority?: number;
  readonly hairpin?: boolean;
  readonly guard?: boolean;
  readonly learning?: boolean;
  readonly flood?: boolean;
  readonly isolated?: boolean;
  readonly neighbourSuppress?: boolean;
}

export interface BridgeVlanChange {
  readonly op: 'bridge-vlan-add' | 'bridge-vlan-delete';
  readonly link: LinkRef;
  readonly vid: number;
  readonly pvid?: boolean;
  readonly untagged?: boolean;
  /** The bridge's own port instead of a member. */
  readonly self?: boolean;
}

/** Give a namespace a number by which this one speaks of it (`ip netns set`). */
export interface NsidSet {
  readonly op: 'nsid-set';
  readonly netns: NetnsRef;
  /** Null: the kernel chooses. */
  readonly nsid: number | null;
}

export type Request =
  | LinkAdd
  | LinkSet
  | LinkDelete
  | AddressChange
  | RouteChange
  | NeighbourChange
  | FdbChange
  | RuleChange
  | BridgePortSet
  | BridgeVlanChange
  | NsidSet;
