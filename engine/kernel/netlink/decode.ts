import { addressText, type Family, familyName, macText } from './address.js';
import { FIB_RULE_INVERT, FR_ACT, FRA, IFA, NDA, NETCONFA, NETNSA, NTF, NUD, RTA, RTAX_MTU } from './constants.js';
import type {
  AddressMessage,
  FdbMessage,
  NeighbourMessage,
  NetconfMessage,
  NextHopMessage,
  NsidMessage,
  RouteMessage,
  RuleMessage,
} from './message-types.js';
import { neighbourStateNames, routeProtocolName, routeTypeName, scopeName } from './names.js';
import { Attributes, viewOf } from './wire.js';

/**
 * Payloads of rtnetlink(7) messages into values. Each answers null for what is too short, of a foreign family, or lacks
 * what names the object; none throws.
 */

const INFINITE = 0xffffffff;

export function decodeAddress(payload: Uint8Array): AddressMessage | null {
  if (payload.length < 8) return null;
  const view = viewOf(payload);
  const family = familyName(view.getUint8(0));
  const attributes = new Attributes(payload, 8);
  const remote = addressText(attributes.bytes(IFA.ADDRESS));
  const local = addressText(attributes.bytes(IFA.LOCAL)) ?? remote;
  if (family === null || local === null) return null;
  const cache = attributes.bytes(IFA.CACHEINFO);
  const lifetime = (at: number): number | null => {
    if (cache === null || cache.length < 8) return null;
    const value = viewOf(cache).getUint32(at, true);
    return value === INFINITE ? null : value;
  };
  return {
    family,
    index: view.getUint32(4, true),
    address: local,
    prefix: view.getUint8(1),
    peer: remote === local ? null : remote,
    broadcast: addressText(attributes.bytes(IFA.BROADCAST)),
    label: attributes.text(IFA.LABEL),
    scope: scopeName(view.getUint8(3)),
    flags: attributes.number(IFA.FLAGS) ?? view.getUint8(2),
    preferredSeconds: lifetime(0),
    validSeconds: lifetime(4),
  };
}

export function decodeRoute(payload: Uint8Array): RouteMessage | null {
  if (payload.length < 12) return null;
  const view = viewOf(payload);
  const family = familyName(view.getUint8(0));
  if (family === null) return null;
  const attributes = new Attributes(payload, 12);
  const prefix = view.getUint8(1);
  const metrics = attributes.nested(RTA.METRICS);
  const hops = attributes.bytes(RTA.MULTIPATH);
  return {
    family,
    destination: cidrText(family, attributes.bytes(RTA.DST), prefix, 'default'),
    via: gatewayText(attributes),
    index: attributes.number(RTA.OIF),
    source: addressText(attributes.bytes(RTA.PREFSRC)),
    metric: attributes.number(RTA.PRIORITY) ?? 0,
    table: attributes.number(RTA.TABLE) ?? view.getUint8(4),
    protocol: routeProtocolName(view.getUint8(5)),
    scope: scopeName(view.getUint8(6)),
    type: routeTypeName(view.getUint8(7)),
    flags: view.getUint32(8, true),
    mtu: metrics?.number(RTAX_MTU) ?? null,
    nextHops: hops === null ? [] : nextHops(hops),
  };
}

function gatewayText(attributes: Attributes): string | null {
  const via = attributes.bytes(RTA.VIA);
  return addressText(attributes.bytes(RTA.GATEWAY)) ?? (via === null ? null : addressText(via.subarray(2)));
}

/** A prefix without an address is the whole world; `whole` is its name. */
function cidrText(family: Family, bytes: Uint8Array | null, prefix: number, whole: string): string {
  if (prefix === 0) return whole;
  return `${addressText(bytes) ?? (family === 'inet' ? '0.0.0.0' : '::')}/${prefix}`;
}

function nextHops(bytes: Uint8Array): NextHopMessage[] {
  const view = viewOf(bytes);
  const hops: NextHopMessage[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < 8 || length > bytes.length - at) break;
    hops.push({
      via: gatewayText(new Attributes(bytes.subarray(at, at + length), 8)),
      index: view.getInt32(at + 4, true),
      weight: view.getUint8(at + 3) + 1,
      flags: view.getUint8(at + 2),
    });
    at += Math.ceil(length / 4) * 4;
  }
  return hops;
}

export function decodeNeighbour(payload: Uint8Array): NeighbourMessage | null {
  if (payload.length < 12) return null;
  const view = viewOf(payload);
  const family = familyName(view.getUint8(0));
  const attributes = new Attributes(payload, 12);
  const address = addressText(attributes.bytes(NDA.DST));
  if (family === null || address === null) return null;
  const mac = attributes.bytes(NDA.LLADDR);
  const state = view.getUint16(8, true);
  return {
    family,
    index: view.getInt32(4, true),
    address,
    mac: mac === null || mac.length === 0 ? null : macText(mac),
    state,
    stateNames: neighbourStateNames(state),
    flags: view.getUint8(10),
  };
}

/** A neighbour message of family AF_BRIDGE: an entry of a forwarding database. */
export function decodeFdb(payload: Uint8Array): FdbMessage | null {
  if (payload.length < 12) return null;
  const view = viewOf(payload);
  const attributes = new Attributes(payload, 12);
  const mac = attributes.bytes(NDA.LLADDR);
  if (mac === null) return null;
  const state = view.getUint16(8, true);
  const flags = view.getUint8(10);
  return {
    index: view.getInt32(4, true),
    mac: macText(mac),
    master: attributes.number(NDA.MASTER),
    self: (flags & NTF.SELF) !== 0,
    destination: addressText(attributes.bytes(NDA.DST)),
    vlan: attributes.number(NDA.VLAN),
    state: (state & NUD.PERMANENT) !== 0 ? 'permanent' : (state & NUD.NOARP) !== 0 ? 'static' : 'dynamic',
    flags,
  };
}

export function decodeRule(payload: Uint8Array): RuleMessage | null {
  if (payload.length < 12) return null;
  const view = viewOf(payload);
  const family = familyName(view.getUint8(0));
  if (family === null) return null;
  const attributes = new Attributes(payload, 12);
  return {
    family,
    priority: attributes.number(FRA.PRIORITY) ?? 0,
    from: cidrText(family, attributes.bytes(FRA.SRC), view.getUint8(2), 'all'),
    to: cidrText(family, attributes.bytes(FRA.DST), view.getUint8(1), 'all'),
    table: attributes.number(FRA.TABLE) ?? view.getUint8(4),
    inInterface: attributes.text(FRA.IIFNAME),
    outInterface: attributes.text(FRA.OIFNAME),
    fwmark: attributes.number(FRA.FWMARK),
    not: (view.getUint32(8, true) & FIB_RULE_INVERT) !== 0,
    action: ruleAction(view.getUint8(7)),
  };
}

function ruleAction(action: number): string {
  const names: Readonly<Record<number, string>> = {
    [FR_ACT.TO_TBL]: 'lookup',
    [FR_ACT.GOTO]: 'goto',
    [FR_ACT.NOP]: 'nop',
    [FR_ACT.BLACKHOLE]: 'blackhole',
    [FR_ACT.UNREACHABLE]: 'unreachable',
    [FR_ACT.PROHIBIT]: 'prohibit',
  };
  return names[action] ?? String(action);
}

export function decodeNsid(payload: Uint8Array): NsidMessage | null {
  if (payload.length < 1) return null;
  const nsid = new Attributes(payload, 1).signed(NETNSA.NSID);
  return nsid === null ? null : { nsid };
}

export function decodeNetconf(payload: Uint8Array): NetconfMessage | null {
  if (payload.length < 1) return null;
  const family = familyName(payload[0]!);
  const attributes = new Attributes(payload, 1);
  const index = attributes.signed(NETCONFA.IFINDEX);
  if (family === null || index === null) return null;
  return {
    family,
    index,
    forwarding: attributes.signed(NETCONFA.FORWARDING),
    rpFilter: attributes.signed(NETCONFA.RP_FILTER),
    proxyNeighbour: attributes.signed(NETCONFA.PROXY_NEIGH),
  };
}
