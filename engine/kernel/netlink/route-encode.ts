import { EngineError } from '../errors.js';
import { addressBytes, type Cidr, type Family, familyNumber, familyOf, parseCidr } from './address.js';
import { RTA, RTAX_MTU, RTNH_F } from './constants.js';
import { indexOf } from './link-encode.js';
import { ROUTE_PROTOCOLS, ROUTE_TYPES, SCOPES } from './names.js';
import type { NextHop, RouteChange } from './request-types.js';
import { viewOf, Writer } from './wire.js';

/** Scope of `ip`'s own choice: a delete matches any; on-link means the link; a route through a gateway the world. */
function defaultScope(request: RouteChange, family: Family): number {
  if (request.scope !== undefined) return SCOPES[request.scope];
  if (family === 'inet6') return SCOPES.global;
  if (request.op === 'route-delete') return SCOPES.nowhere;
  const type = request.type ?? 'unicast';
  if (type === 'local') return SCOPES.host;
  if (type === 'broadcast') return SCOPES.link;
  if (type !== 'unicast') return SCOPES.global;
  return request.via === undefined && request.nextHops === undefined ? SCOPES.link : SCOPES.global;
}

/** Family and prefix of the destination; null for `default`, whose family the other addresses tell. */
function destination(request: RouteChange): { family: Family; cidr: Cidr | null } {
  const named = request.destination === 'default' ? null : parseCidr(request.destination);
  const hint = request.via ?? request.source ?? request.nextHops?.find((hop) => hop.via !== undefined)?.via;
  const family = named?.family ?? request.family ?? (hint === undefined ? 'inet' : familyOf(hint));
  if (request.family !== undefined && request.family !== family) {
    throw new EngineError(
      'InvalidArgument',
      `encode route ${request.destination}: it is not of family ${request.family}`,
    );
  }
  if (named === null) return { family, cidr: family === 'inet' ? null : { family, address: '::', prefix: 0 } };
  return { family, cidr: named };
}

/** struct rtmsg and its attributes. See rtnetlink(7), ip-route(8). */
export function encodeRoute(request: RouteChange): Uint8Array {
  const { family, cidr } = destination(request);
  const table = request.table ?? 254;
  const deleting = request.op === 'route-delete';
  const protocol = request.protocol ?? (deleting ? undefined : 'boot');
  const type = ROUTE_TYPES[request.type ?? 'unicast'];
  const head = new Uint8Array(12);
  head.set([familyNumber(family), cidr?.prefix ?? 0, 0, 0, table < 256 ? table : 0]);
  head[5] = protocol === undefined ? 0 : ROUTE_PROTOCOLS[protocol];
  head[6] = defaultScope(request, family);
  head[7] = deleting && request.type === undefined ? 0 : type;
  viewOf(head).setUint32(8, request.onlink === true ? RTNH_F.ONLINK : 0, true);
  const writer = new Writer().raw(head);
  if (cidr !== null) writer.attribute(RTA.DST, addressBytes(cidr.address));
  if (request.source !== undefined) writer.attribute(RTA.PREFSRC, addressBytes(request.source));
  if (request.via !== undefined) gateway(writer, request.via, family);
  if (request.metric !== undefined) writer.u32(RTA.PRIORITY, request.metric);
  if (table >= 256) writer.u32(RTA.TABLE, table);
  if (request.link !== undefined) writer.u32(RTA.OIF, indexOf(request.link));
  const { mtu, nextHops } = request;
  if (mtu !== undefined) writer.nest(RTA.METRICS, (metrics) => metrics.u32(RTAX_MTU, mtu));
  if (nextHops !== undefined) {
    writer.nest(RTA.MULTIPATH, (list) => {
      for (const hop of nextHops) list.raw(nextHop(hop, family));
    });
  }
  return writer.take();
}

/** RTA_GATEWAY, or RTA_VIA where an IPv4 route goes through an IPv6 neighbour. */
function gateway(writer: Writer, via: string, family: Family): void {
  const viaFamily = familyOf(via);
  if (viaFamily === family) {
    writer.attribute(RTA.GATEWAY, addressBytes(via));
  } else if (family === 'inet') {
    writer.attribute(RTA.VIA, Uint8Array.of(familyNumber(viaFamily), 0, ...addressBytes(via)));
  } else {
    throw new EngineError('InvalidArgument', `encode route via ${via}: an IPv6 route needs an IPv6 gateway`);
  }
}

/** struct rtnexthop: {u16 length, u8 flags, u8 weight - 1, s32 interface}, then attributes. */
function nextHop(hop: NextHop, family: Family): Uint8Array {
  const weight = hop.weight ?? 1;
  if (!(weight >= 1 && weight <= 256)) {
    throw new EngineError('InvalidArgument', `encode next hop: weight ${weight} is not in 1 to 256`);
  }
  const writer = new Writer().raw(new Uint8Array(8));
  if (hop.via !== undefined) gateway(writer, hop.via, family);
  const bytes = writer.take();
  const view = viewOf(bytes);
  view.setUint16(0, bytes.length, true);
  view.setUint8(2, hop.onlink === true ? RTNH_F.ONLINK : 0);
  view.setUint8(3, weight - 1);
  view.setInt32(4, hop.link === undefined ? 0 : indexOf(hop.link), true);
  return bytes;
}
