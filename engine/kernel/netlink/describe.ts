import { actOf, type Description } from './description.js';
import { describeLinkAdd, describeLinkSet, netnsWord } from './link-describe.js';
import type {
  AddressChange,
  BridgePortSet,
  BridgeVlanChange,
  FdbChange,
  NeighbourChange,
  NextHop,
  Request,
  RouteChange,
  RuleChange,
} from './request-types.js';
import { onOff, words } from './shell-words.js';

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

/** The part of an `op` after its dash: `ip`'s own verb. */
function verbOf(op: string): string {
  return op.slice(op.lastIndexOf('-') + 1);
}

function messageOf(op: string, object: string): string {
  return `RTM_${verbOf(op) === 'delete' ? 'DEL' : 'NEW'}${object}`;
}

function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [name, String(value)];
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

function hopWords(hop: NextHop): string[] {
  return [
    ...(hop.via === undefined ? [] : ['via', hop.via]),
    ...option('dev', hop.link?.name),
    ...option('weight', hop.weight),
    ...(hop.onlink === true ? ['onlink'] : []),
  ];
}

function describeRoute(request: RouteChange): Description {
  const v6 = request.family === 'inet6' || [request.destination, request.via ?? ''].some((text) => text.includes(':'));
  const path = hopWords(request);
  const type = request.type === undefined || request.type === 'unicast' ? [] : [request.type];
  const where =
    request.via !== undefined
      ? { en: ` through the gateway ${request.via}`, zh: `，经由网关 ${request.via}` }
      : request.link !== undefined
        ? { en: ` directly out of ${request.link.name}`, zh: `，直接从 ${request.link.name} 发出` }
        : { en: '', zh: '' };
  const goal =
    request.destination === 'default'
      ? { en: 'everything that no other route matches', zh: '其他路由都不匹配的所有数据包' }
      : { en: `packets to ${request.destination}`, zh: `发往 ${request.destination} 的数据包` };
  const table =
    request.table === undefined
      ? { en: '', zh: '' }
      : { en: ` in table ${request.table}`, zh: `（路由表 ${request.table}）` };
  return {
    command: words(
      'ip',
      ...(v6 ? ['-6'] : []),
      'route',
      verbOf(request.op),
      ...type,
      request.destination,
      ...path,
      ...option('src', request.source),
      ...option('metric', request.metric),
      ...option('table', request.table),
      ...option('scope', request.scope),
      ...option('proto', request.protocol),
      ...option('mtu', request.mtu),
      ...(request.nextHops ?? []).flatMap((hop) => ['nexthop', ...hopWords(hop)]),
    ),
    man: 'ip-route(8)',
    act: actOf(messageOf(request.op, 'ROUTE'), {
      dst: request.destination,
      type: request.type,
      gateway: request.via,
      dev: request.link?.name,
      prefsrc: request.source,
      priority: request.metric,
      table: request.table,
      nexthops: request.nextHops?.map((hop) => hopWords(hop).join(' ')),
    }),
    explanation:
      request.op === 'route-delete'
        ? { en: `Deletes the route for ${goal.en}${table.en}.`, zh: `删除${goal.zh}的路由${table.zh}。` }
        : type.length > 0
          ? {
              en: `Adds a route of type ${type[0]} for ${goal.en}${table.en}.`,
              zh: `为${goal.zh}添加一条类型为 ${type[0]} 的路由${table.zh}。`,
            }
          : {
              en: `Sends ${goal.en}${where.en}${table.en}.`,
              zh: `让${goal.zh}走这条路由${where.zh}${table.zh}。`,
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

function describeFdb(request: FdbChange): Description {
  const { link, mac, destination } = request;
  const goal =
    destination === undefined
      ? { en: `behind the port ${link.name}`, zh: `端口 ${link.name} 之后` }
      : { en: `behind the tunnel end ${destination}`, zh: `隧道对端 ${destination} 之后` };
  return {
    command: words(
      'bridge',
      'fdb',
      verbOf(request.op),
      mac,
      'dev',
      link.name,
      ...option('dst', destination),
      ...option('vlan', request.vlan),
      ...option('port', request.port),
      ...option('vni', request.vni),
      request.where,
      ...(request.state === undefined ? [] : [request.state]),
    ),
    man: 'bridge(8)',
    act: actOf(messageOf(request.op, 'NEIGH'), {
      family: 'AF_BRIDGE',
      dev: link.name,
      lladdr: mac,
      dst: destination,
      vlan: request.vlan,
      where: request.where,
    }),
    explanation:
      request.op === 'fdb-delete'
        ? { en: `Forgets that ${mac} is ${goal.en}.`, zh: `删除转发表项：${mac} 位于${goal.zh}。` }
        : {
            en: `Notes in the forwarding database that ${mac} is ${goal.en}.`,
            zh: `在转发表中记录：${mac} 位于${goal.zh}。`,
          },
  };
}

function describeRule(request: RuleChange): Description {
  const action = request.action ?? 'lookup';
  const table =
    request.table === undefined
      ? action === 'lookup' && request.op === 'rule-add'
        ? 'main'
        : undefined
      : String(request.table);
  const selector = [
    ...(request.not === true ? ['not'] : []),
    'from',
    request.from ?? 'all',
    ...option('to', request.to),
    ...option('iif', request.inInterface),
    ...option('oif', request.outInterface),
    ...(request.fwmark === undefined
      ? []
      : ['fwmark', `${request.fwmark}${request.fwmask === undefined ? '' : `/${request.fwmask}`}`]),
  ];
  const matched = selector.join(' ');
  const effect =
    action === 'lookup'
      ? { en: `are routed by table ${table ?? 'main'}`, zh: `按路由表 ${table ?? 'main'} 转发` }
      : { en: `meet ${action}`, zh: `执行 ${action}` };
  return {
    command: words(
      'ip',
      ...(request.family === 'inet6' ? ['-6'] : []),
      'rule',
      verbOf(request.op),
      ...selector,
      ...(action === 'lookup' ? option('lookup', table) : [action]),
      ...option('priority', request.priority),
    ),
    man: 'ip-rule(8)',
    act: actOf(messageOf(request.op, 'RULE'), { select: matched, action, table, priority: request.priority }),
    explanation:
      request.op === 'rule-delete'
        ? {
            en: `Deletes the rule by which packets (${matched}) ${effect.en}.`,
            zh: `删除规则：匹配 ${matched} 的数据包${effect.zh}。`,
          }
        : {
            en: `Adds the rule that packets (${matched}) ${effect.en}.`,
            zh: `添加规则：匹配 ${matched} 的数据包${effect.zh}。`,
          },
  };
}

function describePort(request: BridgePortSet): Description {
  const settings = [
    ...onOff('guard', request.guard),
    ...onOff('hairpin', request.hairpin),
    ...onOff('learning', request.learning),
    ...onOff('flood', request.flood),
    ...option('cost', request.cost),
    ...option('priority', request.priority),
    ...option('state', request.state),
    ...onOff('neigh_suppress', request.neighbourSuppress),
    ...onOff('isolated', request.isolated),
  ];
  return {
    command: words('bridge', 'link', 'set', 'dev', request.link.name, ...settings),
    man: 'bridge(8)',
    act: actOf('RTM_SETLINK', { family: 'AF_BRIDGE', dev: request.link.name, port: settings.join(' ') }),
    explanation: {
      en: `Changes how the bridge treats its port ${request.link.name}: ${settings.join(' ')}.`,
      zh: `修改网桥对端口 ${request.link.name} 的处理方式：${settings.join(' ')}。`,
    },
  };
}

function describeVlan(request: BridgeVlanChange): Description {
  const flags = [
    ...(request.pvid === true ? ['pvid'] : []),
    ...(request.untagged === true ? ['untagged'] : []),
    ...(request.self === true ? ['self'] : []),
  ];
  const deleting = request.op === 'bridge-vlan-delete';
  return {
    command: words(
      'bridge',
      'vlan',
      deleting ? 'delete' : 'add',
      'dev',
      request.link.name,
      'vid',
      String(request.vid),
      ...flags,
    ),
    man: 'bridge(8)',
    act: actOf(deleting ? 'RTM_DELLINK' : 'RTM_SETLINK', {
      family: 'AF_BRIDGE',
      dev: request.link.name,
      vid: request.vid,
      flags: flags.join(' ') || undefined,
    }),
    explanation: deleting
      ? {
          en: `Takes VLAN ${request.vid} from the bridge port ${request.link.name}.`,
          zh: `从网桥端口 ${request.link.name} 上移除 VLAN ${request.vid}。`,
        }
      : {
          en: `Lets VLAN ${request.vid} through the bridge port ${request.link.name}.`,
          zh: `允许 VLAN ${request.vid} 通过网桥端口 ${request.link.name}。`,
        },
  };
}
