import type { Bilingual } from '../../api/types.js';
import { actOf, type Description } from './description.js';
import type { BridgeOptions, CommonLinkOptions, LinkAdd, LinkSet, NetnsRef, VxlanOptions } from './request-types.js';
import { onOff, option, words } from './shell-words.js';

/** A namespace as `ip link set … netns` takes it: a name, a pid, or the path of an open fd. */
export function netnsWord(ref: NetnsRef): string {
  return ref.name ?? ('pid' in ref ? String(ref.pid) : `/proc/self/fd/${ref.fd}`);
}

function zeroOne(name: string, value: boolean | undefined): string[] {
  return value === undefined ? [] : [name, value ? '1' : '0'];
}

function commonWords(options: CommonLinkOptions): string[] {
  return [
    ...option('index', options.index),
    ...option('address', options.mac),
    ...option('mtu', options.mtu),
    ...option('txqueuelen', options.txQueueLength),
    ...(options.up === undefined ? [] : [options.up ? 'up' : 'down']),
    ...option('master', options.master?.name),
    ...option('netns', options.netns === undefined ? undefined : netnsWord(options.netns)),
  ];
}

function bridgeWords(options: BridgeOptions): string[] {
  const centiseconds = (value: number | undefined): number | undefined =>
    value === undefined ? undefined : Math.round(value * 100);
  return [
    ...option('forward_delay', centiseconds(options.forwardDelaySeconds)),
    ...option('hello_time', centiseconds(options.helloTimeSeconds)),
    ...option('max_age', centiseconds(options.maxAgeSeconds)),
    ...option('ageing_time', centiseconds(options.ageingTimeSeconds)),
    ...zeroOne('stp_state', options.stp),
    ...option('priority', options.priority),
    ...zeroOne('vlan_filtering', options.vlanFiltering),
    ...option('vlan_default_pvid', options.vlanDefaultPvid),
    ...option('group_fwd_mask', options.groupForwardMask),
    ...zeroOne('mcast_snooping', options.multicastSnooping),
    ...zeroOne('nf_call_iptables', options.nfCallIptables),
    ...zeroOne('nf_call_ip6tables', options.nfCallIp6tables),
    ...zeroOne('nf_call_arptables', options.nfCallArptables),
  ];
}

function vxlanWords(options: VxlanOptions): string[] {
  const switchWord = (name: string, value: boolean | undefined): string[] =>
    value === undefined ? [] : [value ? name : `no${name}`];
  const group = options.remote !== undefined && /^(22[4-9]|23\d)\.|^ff/i.test(options.remote);
  return [
    'id',
    String(options.id),
    ...option('dev', options.device?.name),
    ...option('local', options.local),
    ...option(group ? 'group' : 'remote', options.remote),
    ...option('ttl', options.ttl),
    ...option('tos', options.tos),
    ...switchWord('learning', options.learning),
    ...option('ageing', options.ageingSeconds),
    ...(options.sourcePorts === undefined
      ? []
      : ['srcport', String(options.sourcePorts.low), String(options.sourcePorts.high)]),
    ...switchWord('proxy', options.proxy),
    ...switchWord('l2miss', options.l2miss),
    ...switchWord('l3miss', options.l3miss),
    ...option('dstport', options.port),
  ];
}

function kindWords(request: LinkAdd): string[] {
  switch (request.kind) {
    case 'veth': {
      const { name, ...rest } = request.peer;
      return ['peer', 'name', name, ...commonWords(rest)];
    }
    case 'bridge':
      return bridgeWords(request.bridge ?? {});
    case 'vxlan':
      return vxlanWords(request.vxlan);
    case 'macvlan':
      return ['mode', request.mode];
    case 'ipvlan':
      return ['mode', request.mode, ...(request.flag === undefined ? [] : [request.flag])];
    case 'vlan':
      return [...option('protocol', request.protocol), 'id', String(request.id)];
    case 'dummy':
      return [];
  }
}

function explainAdd(request: LinkAdd): Bilingual {
  const { name } = request;
  switch (request.kind) {
    case 'veth': {
      const peer = request.peer.name;
      const place = request.peer.netns;
      return {
        en: `Makes a veth pair, a virtual cable: what goes into ${name} comes out of ${peer}, and the other way round.${place === undefined ? '' : ` The end ${peer} is made in the namespace ${netnsWord(place)}.`}`,
        zh: `创建一对 veth（虚拟网线）：从 ${name} 进入的数据从 ${peer} 出来，反之亦然。${place === undefined ? '' : `${peer} 这一端直接创建在命名空间 ${netnsWord(place)} 中。`}`,
      };
    }
    case 'bridge':
      return {
        en: `Makes the bridge ${name}, a switch in software: it forwards frames between the interfaces that become its ports.`,
        zh: `创建网桥 ${name}（软件交换机）：在成为其端口的各接口之间转发以太网帧。`,
      };
    case 'vxlan':
      return {
        en: `Makes the tunnel device ${name}: it carries Ethernet frames of network ${request.vxlan.id} inside UDP packets.`,
        zh: `创建隧道设备 ${name}：把网络 ${request.vxlan.id} 的以太网帧封装在 UDP 数据包中传输。`,
      };
    case 'macvlan':
      return {
        en: `Makes ${name}, a second identity on ${request.lower.name} with a hardware address of its own (mode ${request.mode}).`,
        zh: `在 ${request.lower.name} 上创建 ${name}，它拥有自己的硬件地址（模式 ${request.mode}）。`,
      };
    case 'ipvlan':
      return {
        en: `Makes ${name} on ${request.lower.name}: addresses of its own, the same hardware address (mode ${request.mode}).`,
        zh: `在 ${request.lower.name} 上创建 ${name}：IP 地址独立，硬件地址与之共用（模式 ${request.mode}）。`,
      };
    case 'vlan':
      return {
        en: `Makes ${name}: the frames of ${request.lower.name} that carry the tag of VLAN ${request.id}.`,
        zh: `创建 ${name}：收发 ${request.lower.name} 上带有 VLAN ${request.id} 标签的帧。`,
      };
    case 'dummy':
      return {
        en: `Makes the dummy interface ${name}: it can have addresses, and drops whatever is sent through it.`,
        zh: `创建虚设接口 ${name}：可以配置地址，发往它的数据包都会被丢弃。`,
      };
  }
}

export function describeLinkAdd(request: LinkAdd): Description {
  const lower = 'lower' in request ? ['link', request.lower.name] : [];
  const kind = kindWords(request);
  const common = commonWords(request);
  return {
    command: words('ip', 'link', 'add', ...lower, 'name', request.name, ...common, 'type', request.kind, ...kind),
    man: 'ip-link(8)',
    act: actOf('RTM_NEWLINK', {
      ifname: request.name,
      kind: request.kind,
      link: lower[1],
      options: [...common, ...kind].join(' ') || undefined,
    }),
    explanation: explainAdd(request),
  };
}

/** One clause for each thing that a request changes. */
function clauses(request: LinkSet): Bilingual[] {
  const { name } = request.link;
  const said: Bilingual[] = [];
  if (request.rename !== undefined)
    said.push({ en: `renames it to ${request.rename}`, zh: `改名为 ${request.rename}` });
  if (request.up === true) said.push({ en: 'switches it on (IFF_UP)', zh: '启用它（IFF_UP）' });
  if (request.up === false)
    said.push({ en: 'switches it off; routes through it vanish', zh: '停用它；经过它的路由随之消失' });
  if (request.promiscuous !== undefined) {
    const on = request.promiscuous;
    said.push({ en: `turns promiscuous mode ${on ? 'on' : 'off'}`, zh: `${on ? '开启' : '关闭'}混杂模式` });
  }
  if (request.arp !== undefined)
    said.push({ en: `turns ARP ${request.arp ? 'on' : 'off'}`, zh: `${request.arp ? '开启' : '关闭'} ARP` });
  if (request.mtu !== undefined)
    said.push({ en: `sets its largest packet to ${request.mtu} bytes`, zh: `把 MTU 设为 ${request.mtu} 字节` });
  if (request.mac !== undefined)
    said.push({ en: `gives it the hardware address ${request.mac}`, zh: `把硬件地址设为 ${request.mac}` });
  if (request.alias !== undefined)
    said.push({ en: `notes the alias "${request.alias}"`, zh: `设置别名“${request.alias}”` });
  if (request.txQueueLength !== undefined) {
    const length = request.txQueueLength;
    said.push({ en: `sets its transmit queue to ${length} packets`, zh: `把发送队列长度设为 ${length} 个数据包` });
  }
  if (request.master === null) said.push({ en: 'takes it out of its bridge', zh: '把它从所属网桥中移出' });
  else if (request.master !== undefined)
    said.push({ en: `makes it a port of ${request.master.name}`, zh: `使它成为 ${request.master.name} 的端口` });
  if (request.bridge !== undefined) said.push({ en: 'changes options of the bridge', zh: '修改网桥选项' });
  if (request.netns !== undefined) {
    const place = netnsWord(request.netns);
    said.push({
      en: `moves it into the network namespace ${place}: there it is down, and its addresses are gone`,
      zh: `把它移入网络命名空间 ${place}：移入后处于停用状态，原有地址全部丢失`,
    });
  }
  return said.length > 0 ? said : [{ en: `leaves ${name} as it is`, zh: '不作任何改动' }];
}

export function describeLinkSet(request: LinkSet): Description {
  const { link } = request;
  const settings = [
    ...(request.up === undefined ? [] : [request.up ? 'up' : 'down']),
    ...onOff('promisc', request.promiscuous),
    ...onOff('arp', request.arp),
    ...option('mtu', request.mtu),
    ...option('address', request.mac),
    ...option('alias', request.alias),
    ...option('txqueuelen', request.txQueueLength),
    ...(request.master === null ? ['nomaster'] : option('master', request.master?.name)),
    ...option('name', request.rename),
    ...option('netns', request.netns === undefined ? undefined : netnsWord(request.netns)),
    ...(request.bridge === undefined ? [] : ['type', 'bridge', ...bridgeWords(request.bridge)]),
  ];
  const said = clauses(request);
  return {
    command: words('ip', 'link', 'set', 'dev', link.name, ...settings),
    man: 'ip-link(8)',
    act: actOf('RTM_NEWLINK', { dev: link.name, set: settings.join(' ') }),
    explanation: {
      en: `Interface ${link.name}: ${said.map(({ en }) => en).join('; ')}.`,
      zh: `接口 ${link.name}：${said.map(({ zh }) => zh).join('；')}。`,
    },
  };
}
