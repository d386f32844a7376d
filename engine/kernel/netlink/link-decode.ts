import { addressText, macText } from './address.js';
import {
  IFLA,
  IFLA_BR,
  IFLA_BRPORT,
  IFLA_INFO,
  IFLA_IPVLAN,
  IFLA_MACVLAN,
  IFLA_VLAN,
  IFLA_VXLAN,
} from './constants.js';
import type { BridgeInfo, BridgePortInfo, LinkMessage, LinkStatistics, VxlanInfo } from './message-types.js';
import { operstateName, stpStateName } from './names.js';
import { Attributes, textOf, viewOf } from './wire.js';

const IFINFOMSG_BYTES = 16;
const IFF_LOWER_UP = 0x10000;

/** Payload of RTM_NEWLINK or RTM_DELLINK; null when it is too short to be one. */
export function decodeLink(payload: Uint8Array): LinkMessage | null {
  if (payload.length < IFINFOMSG_BYTES) return null;
  const view = viewOf(payload);
  const attributes = new Attributes(payload, IFINFOMSG_BYTES);
  const info = attributes.nested(IFLA.LINKINFO);
  const kind = info?.text(IFLA_INFO.KIND) ?? null;
  const slaveKind = info?.text(IFLA_INFO.SLAVE_KIND) ?? null;
  const data = info?.nested(IFLA_INFO.DATA) ?? null;
  const index = view.getInt32(4, true);
  const flags = view.getUint32(8, true);
  const family = view.getUint8(0);
  const lower = attributes.number(IFLA.LINK);
  const netnsid = attributes.signed(IFLA.LINK_NETNSID);
  const master = attributes.number(IFLA.MASTER);
  const port = slaveKind === 'bridge' ? info?.nested(IFLA_INFO.SLAVE_DATA) : attributes.nested(IFLA.PROTINFO);
  return {
    family,
    index,
    name: attributes.text(IFLA.IFNAME) ?? '',
    kind,
    hardware: view.getUint16(2, true),
    flags,
    mac: macText(attributes.bytes(IFLA.ADDRESS) ?? new Uint8Array()),
    broadcast: macText(attributes.bytes(IFLA.BROADCAST) ?? new Uint8Array()),
    mtu: attributes.number(IFLA.MTU) ?? 0,
    minMtu: attributes.number(IFLA.MIN_MTU),
    maxMtu: attributes.number(IFLA.MAX_MTU),
    txQueueLength: attributes.number(IFLA.TXQLEN),
    txQueues: attributes.number(IFLA.NUM_TX_QUEUES),
    rxQueues: attributes.number(IFLA.NUM_RX_QUEUES),
    gsoMaxSize: attributes.number(IFLA.GSO_MAX_SIZE),
    gsoMaxSegments: attributes.number(IFLA.GSO_MAX_SEGS),
    group: attributes.number(IFLA.GROUP),
    linkMode: attributes.number(IFLA.LINKMODE),
    qdisc: attributes.text(IFLA.QDISC),
    operstate: operstateName(attributes.number(IFLA.OPERSTATE) ?? 0),
    carrier: (flags & IFF_LOWER_UP) !== 0,
    carrierChanges: attributes.number(IFLA.CARRIER_CHANGES),
    promiscuity: attributes.number(IFLA.PROMISCUITY) ?? 0,
    master: master === null || master === 0 ? null : master,
    lower: lower === null || lower === 0 || (lower === index && netnsid === null) ? null : lower,
    linkNetnsid: netnsid,
    alias: attributes.text(IFLA.IFALIAS),
    altNames: (attributes.nested(IFLA.PROP_LIST)?.list ?? [])
      .filter(({ type }) => type === IFLA.ALT_IFNAME)
      .map(({ value }) => textOf(value)),
    statistics: statistics(attributes.bytes(IFLA.STATS64)),
    bridge: kind === 'bridge' && data !== null ? bridgeInfo(data) : null,
    slaveKind,
    port: port === null || port === undefined ? null : portInfo(port),
    vxlan: kind === 'vxlan' && data !== null ? vxlanInfo(data) : null,
    macvlan: kind === 'macvlan' && data !== null ? { mode: macvlanMode(data.number(IFLA_MACVLAN.MODE)) } : null,
    ipvlan: kind === 'ipvlan' && data !== null ? { mode: ipvlanMode(data.number(IFLA_IPVLAN.MODE)) } : null,
    vlan: kind === 'vlan' && data !== null ? vlanInfo(data) : null,
    newNetnsid: attributes.signed(IFLA.NEW_NETNSID),
    newIndex: attributes.signed(IFLA.NEW_IFINDEX),
  };
}

/** The first eight counters of struct rtnl_link_stats64. */
function statistics(bytes: Uint8Array | null): LinkStatistics | null {
  if (bytes === null || bytes.length < 64) return null;
  const view = viewOf(bytes);
  const at = (position: number): number => Number(view.getBigUint64(position * 8, true));
  return {
    rxPackets: at(0),
    txPackets: at(1),
    rxBytes: at(2),
    txBytes: at(3),
    rxErrors: at(4),
    txErrors: at(5),
    rxDropped: at(6),
    txDropped: at(7),
  };
}

function bool(value: number | null): boolean | null {
  return value === null ? null : value !== 0;
}

function seconds(centiseconds: number | null): number | null {
  return centiseconds === null ? null : centiseconds / 100;
}

function bridgeInfo(data: Attributes): BridgeInfo {
  return {
    stp: (data.number(IFLA_BR.STP_STATE) ?? 0) !== 0,
    forwardDelaySeconds: seconds(data.number(IFLA_BR.FORWARD_DELAY)),
    helloTimeSeconds: seconds(data.number(IFLA_BR.HELLO_TIME)),
    maxAgeSeconds: seconds(data.number(IFLA_BR.MAX_AGE)),
    ageingTimeSeconds: seconds(data.number(IFLA_BR.AGEING_TIME)),
    priority: data.number(IFLA_BR.PRIORITY),
    vlanFiltering: (data.number(IFLA_BR.VLAN_FILTERING) ?? 0) !== 0,
    vlanDefaultPvid: data.number(IFLA_BR.VLAN_DEFAULT_PVID),
    groupForwardMask: data.number(IFLA_BR.GROUP_FWD_MASK),
    multicastSnooping: bool(data.number(IFLA_BR.MCAST_SNOOPING)),
    nfCallIptables: bool(data.number(IFLA_BR.NF_CALL_IPTABLES)),
    nfCallIp6tables: bool(data.number(IFLA_BR.NF_CALL_IP6TABLES)),
    nfCallArptables: bool(data.number(IFLA_BR.NF_CALL_ARPTABLES)),
    bridgeId: bridgeId(data.bytes(IFLA_BR.BRIDGE_ID)),
    rootId: bridgeId(data.bytes(IFLA_BR.ROOT_ID)),
  };
}

/** struct ifla_bridge_id {u8 prio[2]; u8 addr[6]}, in the form that `ip -d link` prints. */
function bridgeId(bytes: Uint8Array | null): string | null {
  if (bytes === null || bytes.length !== 8) return null;
  const [high = 0, low = 0, ...mac] = bytes;
  const priority = `${high.toString(16).padStart(2, '0')}${low.toString(16).padStart(2, '0')}`;
  return `${priority}.${mac.map((byte) => byte.toString(16)).join(':')}`;
}

function portInfo(data: Attributes): BridgePortInfo {
  return {
    state: stpStateName(data.number(IFLA_BRPORT.STATE) ?? 0),
    priority: data.number(IFLA_BRPORT.PRIORITY),
    cost: data.number(IFLA_BRPORT.COST),
    hairpin: (data.number(IFLA_BRPORT.MODE) ?? 0) !== 0,
    guard: (data.number(IFLA_BRPORT.GUARD) ?? 0) !== 0,
    learning: bool(data.number(IFLA_BRPORT.LEARNING)),
    flood: bool(data.number(IFLA_BRPORT.UNICAST_FLOOD)),
    isolated: (data.number(IFLA_BRPORT.ISOLATED) ?? 0) !== 0,
    neighbourSuppress: (data.number(IFLA_BRPORT.NEIGH_SUPPRESS) ?? 0) !== 0,
    portNumber: data.number(IFLA_BRPORT.NO),
  };
}

function vxlanInfo(data: Attributes): VxlanInfo {
  const range = data.bytes(IFLA_VXLAN.PORT_RANGE);
  const flag = (type: number): boolean => (data.number(type) ?? 0) !== 0;
  return {
    id: data.number(IFLA_VXLAN.ID) ?? 0,
    remote: addressText(data.bytes(IFLA_VXLAN.GROUP) ?? data.bytes(IFLA_VXLAN.GROUP6)),
    local: addressText(data.bytes(IFLA_VXLAN.LOCAL) ?? data.bytes(IFLA_VXLAN.LOCAL6)),
    lowerIndex: data.number(IFLA_VXLAN.LINK) || null,
    port: data.numberBe(IFLA_VXLAN.PORT) ?? 0,
    sourcePorts:
      range?.length === 4 ? { low: viewOf(range).getUint16(0, false), high: viewOf(range).getUint16(2, false) } : null,
    ttl: data.number(IFLA_VXLAN.TTL),
    tos: data.number(IFLA_VXLAN.TOS),
    learning: flag(IFLA_VXLAN.LEARNING),
    ageingSeconds: data.number(IFLA_VXLAN.AGEING),
    proxy: flag(IFLA_VXLAN.PROXY),
    l2miss: flag(IFLA_VXLAN.L2MISS),
    l3miss: flag(IFLA_VXLAN.L3MISS),
  };
}

function macvlanMode(mode: number | null): string {
  const names: Readonly<Record<number, string>> = { 1: 'private', 2: 'vepa', 4: 'bridge', 8: 'passthru', 16: 'source' };
  return names[mode ?? 0] ?? String(mode);
}

function ipvlanMode(mode: number | null): string {
  return ['l2', 'l3', 'l3s'][mode ?? -1] ?? String(mode);
}

function vlanInfo(data: Attributes): { id: number; protocol: string } {
  const protocol = data.numberBe(IFLA_VLAN.PROTOCOL);
  const name = protocol === 0x8100 ? '802.1Q' : protocol === 0x88a8 ? '802.1ad' : `0x${(protocol ?? 0).toString(16)}`;
  return { id: data.number(IFLA_VLAN.ID) ?? 0, protocol: name };
}
