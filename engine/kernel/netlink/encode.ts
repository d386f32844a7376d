import { EngineError } from '../errors.js';
import { addressBytes, broadcastOf, type Family, familyNumber, familyOf, macBytes, parseCidr } from './address.js';
import {
  AF_BRIDGE,
  FIB_RULE_INVERT,
  FR_ACT,
  FRA,
  IFA,
  IFA_F,
  NDA,
  NETNSA,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NTF,
  NUD,
  RTM,
} from './constants.js';
import {
  encodeBridgePort,
  encodeBridgeVlan,
  encodeLinkAdd,
  encodeLinkDelete,
  encodeLinkSet,
  indexOf,
} from './link-encode.js';
import { SCOPES } from './names.js';
import type { AddressChange, FdbChange, NeighbourChange, NsidSet, Request, RuleChange } from './request-types.js';
import { encodeRoute } from './route-encode.js';
import { Writer } from './wire.js';

/** A request as a message without its header: `flags` lack NLM_F_REQUEST and NLM_F_ACK, which sending adds. */
export interface Encoded {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

const NEW = NLM_F_CREATE | NLM_F_EXCL;
const PUT = NLM_F_CREATE | NLM_F_REPLACE;

/**
 * Bytes of a request, equal to what iproute2 sends for the command that `describe` names.
 * Throws InvalidArgument for an address, name or number that cannot be sent, FailedPrecondition for a link without index.
 */
export function encode(request: Request): Encoded {
  switch (request.op) {
    case 'link-add':
      return { type: RTM.NEWLINK, flags: NEW, payload: encodeLinkAdd(request) };
    case 'link-set':
      return { type: RTM.NEWLINK, flags: 0, payload: encodeLinkSet(request) };
    case 'link-delete':
      return { type: RTM.DELLINK, flags: 0, payload: encodeLinkDelete(request) };
    case 'address-add':
      return { type: RTM.NEWADDR, flags: NEW, payload: encodeAddress(request) };
    case 'address-replace':
      return { type: RTM.NEWADDR, flags: PUT, payload: encodeAddress(request) };
    case 'address-delete':
      return { type: RTM.DELADDR, flags: 0, payload: encodeAddress(request) };
    case 'route-add':
      return { type: RTM.NEWROUTE, flags: NEW, payload: encodeRoute(request) };
    case 'route-replace':
      return { type: RTM.NEWROUTE, flags: PUT, payload: encodeRoute(request) };
    case 'route-delete':
      return { type: RTM.DELROUTE, flags: 0, payload: encodeRoute(request) };
    case 'neighbour-add':
      return { type: RTM.NEWNEIGH, flags: NEW, payload: encodeNeighbour(request) };
    case 'neighbour-replace':
      return { type: RTM.NEWNEIGH, flags: PUT, payload: encodeNeighbour(request) };
    case 'neighbour-delete':
      return { type: RTM.DELNEIGH, flags: 0, payload: encodeNeighbour(request) };
    case 'fdb-add':
      return { type: RTM.NEWNEIGH, flags: NEW, payload: encodeFdb(request) };
    case 'fdb-append':
      return { type: RTM.NEWNEIGH, flags: NLM_F_CREATE | NLM_F_APPEND, payload: encodeFdb(request) };
    case 'fdb-replace':
      return { type: RTM.NEWNEIGH, flags: PUT, payload: encodeFdb(request) };
    case 'fdb-delete':
      return { type: RTM.DELNEIGH, flags: 0, payload: encodeFdb(request) };
    case 'rule-add':
      return { type: RTM.NEWRULE, flags: NEW, payload: encodeRule(request) };
    case 'rule-delete':
      return { type: RTM.DELRULE, flags: 0, payload: encodeRule(request) };
    case 'bridge-port-set':
      return { type: RTM.SETLINK, flags: 0, payload: encodeBridgePort(request) };
    case 'bridge-vlan-add':
      return { type: RTM.SETLINK, flags: 0, payload: encodeBridgeVlan(request) };
    case 'bridge-vlan-delete':
      return { type: RTM.DELLINK, flags: 0, payload: encodeBridgeVlan(request) };
    case 'nsid-set':
      return { type: RTM.NEWNSID, flags: 0, payload: encodeNsid(request) };
  }
}

/** struct ifaddrmsg, then IFA_LOCAL and IFA_ADDRESS (the same, unless the link is point-to-point). */
function encodeAddress(request: AddressChange): Uint8Array {
  const { family, prefix } = parseCidr(`${request.address}/${request.prefix}`);
  let flags = 0;
  if (request.noDad === true) flags |= IFA_F.NODAD;
  if (request.noPrefixRoute === true) flags |= IFA_F.NOPREFIXROUTE;
  const head = new Uint8Array(8);
  const scope = request.scope ?? (isLoopback(request.address) && family === 'inet' ? 'host' : 'global');
  head.set([familyNumber(family), prefix, flags & 0xff, SCOPES[scope]]);
  new DataView(head.buffer).setUint32(4, indexOf(request.link), true);
  const writer = new Writer().raw(head);
  writer.attribute(IFA.LOCAL, addressBytes(request.address));
  writer.attribute(IFA.ADDRESS, addressBytes(sameFamily(request.peer ?? request.address, family)));
  if (request.broadcast !== undefined) {
    const text = request.broadcast === 'auto' ? broadcastOf(request.address, prefix) : request.broadcast;
    writer.attribute(IFA.BROADCAST, addressBytes(sameFamily(text, 'inet')));
  }
  if (request.label !== undefined) writer.text(IFA.LABEL, request.label);
  if (flags > 0xff) writer.u32(IFA.FLAGS, flags);
  return writer.take();
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.');
}

function sameFamily(address: string, family: Family): string {
  if (familyOf(address) !== family) {
    throw new EngineError('InvalidArgument', `encode address ${address}: it is not of family ${family}`);
  }
  return address;
}

/** struct ndmsg. */
function ndmsg(family: number, index: number, state: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, family);
  view.setInt32(4, index, true);
  view.setUint16(8, state, true);
  view.setUint8(10, flags);
  return bytes;
}

function encodeNeighbour(request: NeighbourChange): Uint8Array {
  const states = { permanent: NUD.PERMANENT, noarp: NUD.NOARP, reachable: NUD.REACHABLE, stale: NUD.STALE };
  const state = states[request.state ?? 'permanent'];
  const flags = request.proxy === true ? NTF.PROXY : 0;
  const writer = new Writer().raw(ndmsg(familyNumber(familyOf(request.address)), indexOf(request.link), state, flags));
  writer.attribute(NDA.DST, addressBytes(request.address));
  if (request.mac !== undefined) writer.attribute(NDA.LLADDR, macBytes(request.mac));
  return writer.take();
}

/** An entry of a forwarding database: RTM_NEWNEIGH of family AF_BRIDGE. See bridge(8). */
function encodeFdb(request: FdbChange): Uint8Array {
  const states = {
    permanent: NUD.NOARP | NUD.PERMANENT,
    static: NUD.NOARP | NUD.REACHABLE,
    dynamic: NUD.REACHABLE,
  };
  const state = states[request.state ?? 'permanent'];
  const flags = request.where === 'self' ? NTF.SELF : NTF.MASTER;
  const writer = new Writer().raw(ndmsg(AF_BRIDGE, indexOf(request.link), state, flags));
  writer.attribute(NDA.LLADDR, macBytes(request.mac));
  if (request.destination !== undefined) writer.attribute(NDA.DST, addressBytes(request.destination));
  if (request.vlan !== undefined) writer.u16(NDA.VLAN, request.vlan);
  if (request.port !== undefined) writer.u16be(NDA.PORT, request.port);
  if (request.vni !== undefined) writer.u32(NDA.VNI, request.vni);
  return writer.take();
}

/** struct fib_rule_hdr and its attributes. See ip-rule(8). */
function encodeRule(request: RuleChange): Uint8Array {
  const from = request.from === undefined || request.from === 'all' ? null : parseCidr(request.from);
  const to = request.to === undefined || request.to === 'all' ? null : parseCidr(request.to);
  for (const cidr of [from, to]) if (cidr !== null) sameFamily(cidr.address, request.family);
  const action = request.action ?? (request.op === 'rule-add' ? 'lookup' : null);
  const actions = {
    lookup: FR_ACT.TO_TBL,
    blackhole: FR_ACT.BLACKHOLE,
    unreachable: FR_ACT.UNREACHABLE,
    prohibit: FR_ACT.PROHIBIT,
  };
  const table = request.table ?? (action === 'lookup' ? 254 : 0);
  const head = new Uint8Array(12);
  head.set([familyNumber(request.family), to?.prefix ?? 0, from?.prefix ?? 0, 0, table < 256 ? table : 0, 0, 0]);
  head[7] = action === null ? 0 : actions[action];
  new DataView(head.buffer).setUint32(8, request.not === true ? FIB_RULE_INVERT : 0, true);
  const writer = new Writer().raw(head);
  if (from !== null) writer.attribute(FRA.SRC, addressBytes(from.address));
  if (to !== null) writer.attribute(FRA.DST, addressBytes(to.address));
  if (request.fwmark !== undefined) writer.u32(FRA.FWMARK, request.fwmark);
  if (request.fwmask !== undefined) writer.u32(FRA.FWMASK, request.fwmask);
  if (request.inInterface !== undefined) writer.text(FRA.IIFNAME, request.inInterface);
  if (request.outInterface !== undefined) writer.text(FRA.OIFNAME, request.outInterface);
  if (request.priority !== undefined) writer.u32(FRA.PRIORITY, request.priority);
  if (table >= 256) writer.u32(FRA.TABLE, table);
  return writer.take();
}

/** struct rtgenmsg (one byte, padded), then the namespace and its number. */
function encodeNsid(request: NsidSet): Uint8Array {
  const writer = new Writer().raw(new Uint8Array(4));
  if ('fd' in request.netns) writer.u32(NETNSA.FD, request.netns.fd);
  else writer.u32(NETNSA.PID, request.netns.pid);
  writer.u32(NETNSA.NSID, request.nsid ?? -1);
  return writer.take();
}
