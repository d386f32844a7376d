import { EngineError } from '../errors.js';
import type { LinkRef, Request } from './request-types.js';

/**
 * Links that the kernel takes by index alone: their names are looked up right before a request is sent. A link that is
 * switched, moved or deleted may be named: the kernel finds it, without a gap in which it could be renamed.
 */

type Visit = (link: LinkRef) => LinkRef;

/** The request with `visit` applied to each link that must have an index. */
function mapLinks(request: Request, visit: Visit): Request {
  switch (request.op) {
    case 'link-add': {
      const common = request.master === undefined ? request : { ...request, master: visit(request.master) };
      if ('lower' in common) return { ...common, lower: visit(common.lower) };
      if (common.kind === 'vxlan' && common.vxlan.device !== undefined) {
        return { ...common, vxlan: { ...common.vxlan, device: visit(common.vxlan.device) } };
      }
      if (common.kind === 'veth' && common.peer.master !== undefined) {
        return { ...common, peer: { ...common.peer, master: visit(common.peer.master) } };
      }
      return common;
    }
    case 'link-set': {
      const renamed = request.rename === undefined ? request : { ...request, link: visit(request.link) };
      const { master } = renamed;
      return master === undefined || master === null ? renamed : { ...renamed, master: visit(master) };
    }
    case 'link-delete':
    case 'rule-add':
    case 'rule-delete':
    case 'nsid-set':
      return request;
    case 'route-add':
    case 'route-replace':
    case 'route-delete': {
      const out = request.link === undefined ? request : { ...request, link: visit(request.link) };
      if (out.nextHops === undefined) return out;
      const nextHops = out.nextHops.map((hop) => (hop.link === undefined ? hop : { ...hop, link: visit(hop.link) }));
      return { ...out, nextHops };
    }
    case 'address-add':
    case 'address-replace':
    case 'address-delete':
    case 'neighbour-add':
    case 'neighbour-replace':
    case 'neighbour-delete':
    case 'fdb-add':
    case 'fdb-append':
    case 'fdb-replace':
    case 'fdb-delete':
    case 'bridge-port-set':
    case 'bridge-vlan-add':
    case 'bridge-vlan-delete':
      return { ...request, link: visit(request.link) };
  }
}

/** Names of the links whose index is wanted and not there. */
export function linksToResolve(request: Request): string[] {
  const names = new Set<string>();
  mapLinks(request, (link) => {
    if (link.index === undefined) names.add(link.name);
    return link;
  });
  return [...names];
}

/** The request with the indexes filled in; throws NotFound for a name that is not in `known`. */
export function resolveLinks(request: Request, known: ReadonlyMap<string, number>): Request {
  return mapLinks(request, (link) => {
    if (link.index !== undefined) return link;
    const index = known.get(link.name);
    if (index === undefined) throw new EngineError('NotFound', `find link ${link.name}: there is none`);
    return { ...link, index };
  });
}
