import { EngineError } from '../errors.js';
import { addressBytes, familyOf, macBytes } from './address.js';
import {
  AF_BRIDGE,
  BRIDGE_FLAGS_SELF,
  BRIDGE_VLAN_INFO,
  IFF,
  IFLA,
  IFLA_BR,
  IFLA_BRIDGE,
  IFLA_BRPORT,
  IFLA_INFO,
  IFLA_IPVLAN,
  IFLA_MACVLAN,
  IFLA_VLAN,
  IFLA_VXLAN,
  IFNAME_MAX,
  NLA_F_NESTED,
  VETH_INFO_PEER,
} from './constants.js';
import type {
  BridgeOptions,
  BridgePortSet,
  BridgeVlanChange,
  CommonLinkOptions,
  LinkAdd,
  LinkDelete,
  LinkRef,
  LinkSet,
  NetnsRef,
  VxlanOptions,
} from './request-types.js';
import { Writer } from './wire.js';

/** Payloads of RTM_NEWLINK, RTM_SETLINK and RTM_DELLINK, with attributes in the order in which `ip` sends them. See rtnetlink(7). */

/** struct ifinfomsg. */
export function ifinfomsg(family: number, index: number, flags = 0, change = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, family);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return bytes;
}

/** Index of a link that the kernel takes by index alone; throws FailedPrecondition when it was not looked up. */
export function indexOf(link: LinkRef): number {
  if (link.index === undefined) {
    throw new EngineError('FailedPrecondition', `encode request for link ${link.name}: its index was not looked up`);
  }
  return link.index;
}

/** An interface name as the kernel takes it (dev_valid_name); throws InvalidArgument. */
export function checkName(name: string): string {
  const length = Buffer.byteLength(name);
  if (length === 0 || length > IFNAME_MAX || name === '.' || name === '..' || /[\s/:\0]/.test(name)) {
    throw new EngineError(
      'InvalidArgument',
      `name link "${name}": want 1 to ${IFNAME_MAX} bytes without blanks, "/" and ":"`,
    );
  }
  return name;
}

function netns(writer: Writer, ref: NetnsRef): void {
  if ('fd' in ref) writer.u32(IFLA.NET_NS_FD, ref.fd);
  else writer.u32(IFLA.NET_NS_PID, ref.pid);
}

function common(writer: Writer, name: string, options: CommonLinkOptions): void {
  if (options.netns !== undefined) netns(writer, options.netns);
  if (options.master !== undefined) writer.u32(IFLA.MASTER, indexOf(options.master));
  if (options.mac !== undefined) writer.attribute(IFLA.ADDRESS, macBytes(options.mac));
  if (options.mtu !== undefined) writer.u32(IFLA.MTU, options.mtu);
  if (options.txQueueLength !== undefined) writer.u32(IFLA.TXQLEN, options.txQueueLength);
  writer.text(IFLA.IFNAME, checkName(name));
}

function header(options: CommonLinkOptions): Uint8Array {
  const flags = options.up === undefined ? 0 : IFF.UP;
  return ifinfomsg(0, options.index ?? 0, options.up === true ? flags : 0, flags);
}

export function encodeLinkAdd(request: LinkAdd): Uint8Array {
  const writer = new Writer().raw(header(request));
  if ('lower' in request) writer.u32(IFLA.LINK, indexOf(request.lower));
  common(writer, request.name, request);
  writer.nest(IFLA.LINKINFO, (info) => {
    info.attribute(IFLA_INFO.KIND, Buffer.from(request.kind));
    const data = infoData(request);
    if (data !== null) info.attribute(IFLA_INFO.DATA, data);
  });
  return writer.take();
}

function infoData(request: LinkAdd): Uint8Array | null {
  const writer = new Writer();
  switch (request.kind) {
    case 'dummy':
      return null;
    case 'veth': {
      const { peer } = request;
      return writer.nest(VETH_INFO_PEER, (inner) => common(inner.raw(header(peer)), peer.name, peer)).take();
    }
    case 'bridge': {
      const data = bridgeData(request.bridge ?? {});
      return data.length === 0 ? null : data;
    }
    case 'vxlan':
      return vxlanData(request.vxlan);
    case 'macvlan':
      return writer.u32(IFLA_MACVLAN.MODE, MACVLAN_MODES[request.mode]).take();
    case 'ipvlan':
      writer.u16(IFLA_IPVLAN.MODE, IPVLAN_MODES[request.mode]);
      if (request.flag !== undefined) writer.u16(IFLA_IPVLAN.FLAGS, IPVLAN_FLAGS[request.flag]);
      return writer.take();
    case 'vlan':
      if (!(request.id >= 0 && request.id <= 4094)) {
        throw new EngineError('InvalidArgument', `add link ${request.name}: vlan id ${request.id} is not in 0 to 4094`);
      }
      if (request.protocol !== undefined) writer.u16be(IFLA_VLAN.PROTOCOL, VLAN_PROTOCOLS[request.protocol]);
      return writer.u16(IFLA_VLAN.ID, request.id).take();
  }
}

export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 } as const;
export const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;
export const IPVLAN_FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;
export const VLAN_PROTOCOLS = { '802.1Q': 0x8100, '802.1ad': 0x88a8 } as const;
export const STP_STATES = { disabled: 0, listening: 1, learning: 2, forwarding: 3, blocking: 4 } as const;

/** Hundredths of a second: the kernel's USER_HZ, in which a bridge counts. */
const centiseconds = (seconds: number): number => Math.round(seconds * 100);

function bridgeData(options: BridgeOptions): Uint8Array {
  const writer = new Writer();
  const u8 = (type: number, value: boolean | undefined): void => {
    if (value !== undefined) writer.u8(type, value ? 1 : 0);
  };
  const time = (type: number, value: number | undefined): void => {
    if (value !== undefined) writer.u32(type, centiseconds(value));
  };
  time(IFLA_BR.FORWARD_DELAY, options.forwardDelaySeconds);
  time(IFLA_BR.HELLO_TIME, options.helloTimeSeconds);
  time(IFLA_BR.MAX_AGE, options.maxAgeSeconds);
  time(IFLA_BR.AGEING_TIME, options.ageingTimeSeconds);
  if (options.stp !== undefined) writer.u32(IFLA_BR.STP_STATE, options.stp ? 1 : 0);
  if (options.priority !== undefined) writer.u16(IFLA_BR.PRIORITY, options.priority);
  u8(IFLA_BR.VLAN_FILTERING, options.vlanFiltering);
  if (options.vlanDefaultPvid !== undefined) writer.u16(IFLA_BR.VLAN_DEFAULT_PVID, options.vlanDefaultPvid);
  if (options.groupForwardMask !== undefined) writer.u16(IFLA_BR.GROUP_FWD_MASK, options.groupForwardMask);
  u8(IFLA_BR.MCAST_SNOOPING, options.multicastSnooping);
  u8(IFLA_BR.NF_CALL_IPTABLES, options.nfCallIptables);
  u8(IFLA_BR.NF_CALL_IP6TABLES, options.nfCallIp6tables);
  u8(IFLA_BR.NF_CALL_ARPTABLES, options.nfCallArptables);
  return writer.take();
}

function vxlanData(options: VxlanOptions): Uint8Array {
  if (!(Number.isInteger(options.id) && options.id >= 0 && options.id < 2 ** 24)) {
    throw new EngineError('InvalidArgument', `add vxlan: id ${options.id} is not in 0 to 16777215`);
  }
  const writer = new Writer();
  const flag = (type: number, value: boolean | undefined): void => {
    if (value !== undefined) writer.u8(type, value ? 1 : 0);
  };
  if (options.device !== undefined) writer.u32(IFLA_VXLAN.LINK, indexOf(options.device));
  writer.u32(IFLA_VXLAN.ID, options.id);
  if (options.local !== undefined) {
    const type = familyOf(options.local) === 'inet' ? IFLA_VXLAN.LOCAL : IFLA_VXLAN.LOCAL6;
    writer.attribute(type, addressBytes(options.local));
  }
  if (options.remote !== undefined) {
    const type = familyOf(options.remote) === 'inet' ? IFLA_VXLAN.GROUP : IFLA_VXLAN.GROUP6;
    writer.attribute(type, addressBytes(options.remote));
  }
  if (options.ttl !== undefined) writer.u8(IFLA_VXLAN.TTL, options.ttl);
  if (options.tos !== undefined) writer.u8(IFLA_VXLAN.TOS, options.tos);
  flag(IFLA_VXLAN.LEARNING, options.learning);
  if (options.ageingSeconds !== undefined) writer.u32(IFLA_VXLAN.AGEING, options.ageingSeconds);
  if (options.sourcePorts !== undefined) {
    const { low, high } = options.sourcePorts;
    writer.attribute(IFLA_VXLAN.PORT_RANGE, Uint8Array.of(low >> 8, low & 0xff, high >> 8, high & 0xff));
  }
  flag(IFLA_VXLAN.PROXY, options.proxy);
  flag(IFLA_VXLAN.L2MISS, options.l2miss);
  flag(IFLA_VXLAN.L3MISS, options.l3miss);
  if (options.port !== undefined) writer.u16be(IFLA_VXLAN.PORT, options.port);
  return writer.take();
}

/** By index where it is known, else by the name in the same message. */
export function encodeLinkSet(request: LinkSet): Uint8Array {
  let flags = 0;
  let change = 0;
  const flag = (bit: number, value: boolean | undefined): void => {
    if (value === undefined) return;
    change |= bit;
    if (value) flags |= bit;
  };
  flag(IFF.UP, request.up);
  flag(IFF.PROMISC, request.promiscuous);
  flag(IFF.NOARP, request.arp === undefined ? undefined : !request.arp);
  const index = request.rename === undefined ? (request.link.index ?? 0) : indexOf(request.link);
  const writer = new Writer().raw(ifinfomsg(0, index, flags, change));
  if (request.mac !== undefined) writer.attribute(IFLA.ADDRESS, macBytes(request.mac));
  if (request.mtu !== undefined) writer.u32(IFLA.MTU, request.mtu);
  if (request.txQueueLength !== undefined) writer.u32(IFLA.TXQLEN, request.txQueueLength);
  if (request.master !== undefined) writer.u32(IFLA.MASTER, request.master === null ? 0 : indexOf(request.master));
  if (request.alias !== undefined) writer.bareText(IFLA.IFALIAS, request.alias);
  if (request.netns !== undefined) netns(writer, request.netns);
  if (request.rename !== undefined) writer.text(IFLA.IFNAME, checkName(request.rename));
  else if (index === 0) writer.text(IFLA.IFNAME, checkName(request.link.name));
  const { bridge } = request;
  if (bridge !== undefined) {
    writer.nest(IFLA.LINKINFO, (info) => {
      info.attribute(IFLA_INFO.KIND, Buffer.from('bridge')).attribute(IFLA_INFO.DATA, bridgeData(bridge));
    });
  }
  return writer.take();
}

export function encodeLinkDelete(request: LinkDelete): Uint8Array {
  const writer = new Writer().raw(ifinfomsg(0, request.link.index ?? 0));
  if (request.link.index === undefined) writer.text(IFLA.IFNAME, checkName(request.link.name));
  return writer.take();
}

/** RTM_SETLINK of family AF_BRIDGE: settings of a bridge port. See bridge(8). */
export function encodeBridgePort(request: BridgePortSet): Uint8Array {
  const writer = new Writer().raw(ifinfomsg(AF_BRIDGE, indexOf(request.link)));
  return writer
    .nest(IFLA.PROTINFO | NLA_F_NESTED, (port) => {
      const flag = (type: number, value: boolean | undefined): void => {
        if (value !== undefined) port.u8(type, value ? 1 : 0);
      };
      flag(IFLA_BRPORT.GUARD, request.guard);
      flag(IFLA_BRPORT.MODE, request.hairpin);
      flag(IFLA_BRPORT.LEARNING, request.learning);
      flag(IFLA_BRPORT.UNICAST_FLOOD, request.flood);
      if (request.cost !== undefined) port.u32(IFLA_BRPORT.COST, request.cost);
      if (request.priority !== undefined) port.u16(IFLA_BRPORT.PRIORITY, request.priority);
      if (request.state !== undefined) port.u8(IFLA_BRPORT.STATE, STP_STATES[request.state]);
      flag(IFLA_BRPORT.NEIGH_SUPPRESS, request.neighbourSuppress);
      flag(IFLA_BRPORT.ISOLATED, request.isolated);
    })
    .take();
}

/** RTM_SETLINK or RTM_DELLINK of family AF_BRIDGE: a vlan of a port, or of the bridge itself. */
export function encodeBridgeVlan(request: BridgeVlanChange): Uint8Array {
  const writer = new Writer().raw(ifinfomsg(AF_BRIDGE, indexOf(request.link)));
  let flags = 0;
  if (request.pvid === true) flags |= BRIDGE_VLAN_INFO.PVID;
  if (request.untagged === true) flags |= BRIDGE_VLAN_INFO.UNTAGGED;
  return writer
    .nest(IFLA.AF_SPEC, (spec) => {
      if (request.self === true) spec.u16(IFLA_BRIDGE.FLAGS, BRIDGE_FLAGS_SELF);
      spec.attribute(
        IFLA_BRIDGE.VLAN_INFO,
        Uint8Array.of(flags & 0xff, flags >> 8, request.vid & 0xff, request.vid >> 8),
      );
    })
    .take();
}
