import { describeFdb, describePort, describeVlan } from './bridge-describe.js';
import { actOf, type Description, messageOf, verbOf } from './description.js';
import { describeLinkAdd, describeLinkSet, netnsWord } from './link-describe.js';
import type { AddressChange, NeighbourChange, Request } from './request-types.js';
import { describeRoute, describeRule } from './route-describe.js';
import { option, words } from './shell-words.js';

/** What a request does, in words and as a command. Needs no index and never throws. */
export function describe(request: Request): Description {
  switch (request.op) {
    case 'link-add':
      return describeLinkAdd(request);
    case 'link-set':
      return describeLinkSet(request);
    case 'link-delete':
      return {
        command: words('ip', 'link', 'delete', request.link.name, ...(request.kind ? ['type', request.kind] : [])),
        man: 'ip-link(8)',
        act: actOf('RTM_DELLINK', { dev: request.link.name }),
        explanation: {
          en: `Deletes the interface ${request.link.name}; its addresses and routes go with it, and so does the other end when it is a veth.`,
          zh: `删除接口 ${request.link.name}；它的地址和路由随之消失，如果是 veth，另一端也一并消失。`,
        },
      };
    case 'address-add':
    case 'address-replace':
    case 'address-delete':
      return describeAddress(request);
    case 'route-add':
    case 'route-replace':
    case 'route-delete':
      return describeRoute(request);
    case 'neighbour-add':
    case 'neighbour-replace':
    case 'neighbour-delete':
      return describeNeighbour(request);
    case 'fdb-add':
    case 'fdb-append':
    case 'fdb-replace':
    case 'fdb-delete':
      return describeFdb(request);
    case 'rule-add':
    case 'rule-delete':
      return describeRule(request);
    case 'bridge-port-set':
      return describePort(request);
    case 'bridge-vlan-add':
    case 'bridge-vlan-delete':
      return describeVlan(request);
    case 'nsid-set': {
      const place = netnsWord(request.netns);
      const nsid = request.nsid === null ? 'auto' : String(request.nsid);
      return {
        command: words('ip', 'netns', 'set', place, nsid),
        man: 'ip-netns(8)',
        act: actOf('RTM_NEWNSID', { netns: place, nsid }),
        explanation: {
          en: `Gives the network namespace ${place} a number (${nsid}) by which this namespace refers to it.`,
          zh: `给网络命名空间 ${place} 分配一个编号（${nsid}），本命名空间用这个编号来指代它。`,
        },
      };
    }
  }
}

function describeAddress(request: AddressChange): Description {
  const { address, prefix, link } = request;
  const cidr = `${address}/${prefix}`;
  const v6 = address.includes(':');
  const deleting = request.op === 'address-delete';
  return {
    command: words(
      'ip',
      ...(v6 ? ['-6'] : []),
      'address',
      verbOf(request.op),
      ...(request.peer === undefined ? [cidr] : [address, 'peer', `${request.peer}/${prefix}`]),
      ...option('broadcast', request.broadcast === 'auto' ? '+' : request.broadcast),
      'dev',
      link.name,
      ...option('scope', request.scope),
      ...option('label', request.label),
      ...(request.noDad === true ? ['nodad'] : []),
      ...(request.noPrefixRoute === true ? ['noprefixroute'] : []),
    ),
    man: 'ip-address(8)',
    act: actOf(messageOf(request.op, 'ADDR'), {
      dev: link.name,
      local: cidr,
      peer: request.peer,
      broadcast: request.broadcast,
      scope: request.scope,
      label: request.label,
    }),
    explanation: deleting
      ? {
          en: `Takes the address ${cidr} from ${link.name}; the route to its network, which the kernel added, goes too.`,
          zh: `从 ${link.name} 上删除地址 ${cidr}；内核为该网段自动添加的路由也随之删除。`,
        }
      : {
          en: `Gives ${link.name} the address ${cidr}; once the interface is up, the kernel adds a route to that network by itself.`,
          zh: `为 ${link.name} 配置地址 ${cidr}；接口启用后，内核会自动添加到该网段的路由。`,
        },
  };
}

function describeNeighbour(request: NeighbourChange): Description {
  const { address, link, mac } = request;
  const deleting = request.op === 'neighbour-delete';
  return {
    command: words(
      'ip',
      'neighbour',
      verbOf(request.op),
      ...(request.proxy === true ? ['proxy'] : []),
      address,
      ...option('lladdr', mac),
      'dev',
      link.name,
      ...option('nud', request.state),
    ),
    man: 'ip-neighbour(8)',
    act: actOf(messageOf(request.op, 'NEIGH'), {
      dev: link.name,
      dst: address,
      lladdr: mac,
      state: request.state,
      proxy: request.proxy,
    }),
    explanation: deleting
      ? {
          en: `Forgets the hardware address of ${address} on ${link.name}; it will be asked for again.`,
          zh: `删除 ${link.name} 上 ${address} 的邻居表项；下次需要时会重新解析。`,
        }
      : request.proxy === true
        ? {
            en: `Makes ${link.name} answer for ${address} when neighbours ask who has it (proxy ARP).`,
            zh: `当邻居询问谁拥有 ${address} 时，由 ${link.name} 代为应答（代理 ARP）。`,
          }
        : {
            en: `Notes that ${address} has the hardware address ${mac ?? '(none)'} on ${link.name}, without asking by ARP.`,
            zh: `直接记录 ${link.name} 上 ${address} 的硬件地址为 ${mac ?? '（无）'}，不再通过 ARP 询问。`,
          },
  };
}
