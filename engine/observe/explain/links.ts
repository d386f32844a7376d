import type { Change, Link } from '../../api/types.js';
import type { PlacedLink } from '../diff/network.js';
import { ipIn, shellWord, type Teller, type Told, where } from './told.js';

export const tellLink: Teller = (change): Told => {
  const link = (change.after ?? change.before) as PlacedLink;
  if (change.kind === 'added') return tellAdded(link, change.place);
  if (change.kind === 'removed') return tellRemoved(link, change);
  return tellChanged(change.before as PlacedLink, link, change.place);
};

const base = { domain: 'netlink' as const, man: 'ip-link(8)' };

function tellAdded(link: PlacedLink, place: string): Told {
  const { en, zh } = where(place);
  const name = shellWord(link.name);
  switch (link.kind) {
    case 'veth': {
      const peer = link.peer?.name ?? `index ${link.peer?.index ?? '?'}`;
      // The kernel makes the peer first: the end that was asked for has the higher index.
      const asked = link.peer === null || link.peer.ns !== link.ns || link.index > link.peer.index;
      return {
        ...base,
        man: 'veth(4)',
        act: `RTM_NEWLINK ${link.name} type veth peer ${peer}`,
        command:
          asked && link.peer?.name != null
            ? ipIn(place, `link add ${name} type veth peer name ${shellWord(link.peer.name)}`)
            : null,
        explanation: asked
          ? {
              en: `A virtual cable was made${en}: what goes in at ${link.name} comes out at ${peer}.`,
              zh: `${zh}创建了一根虚拟网线：从 ${link.name} 进入的数据从 ${peer} 出来。`,
            }
          : {
              en: `${link.name} is the other end of ${peer}: one request makes both.`,
              zh: `${link.name} 是 ${peer} 的另一端：一次请求同时创建两端。`,
            },
      };
    }
    case 'bridge':
      return {
        ...base,
        man: 'bridge(8)',
        act: `RTM_NEWLINK ${link.name} type bridge`,
        command: ipIn(place, `link add ${name} type bridge`),
        explanation: {
          en: `A switch in software was made${en}. Devices become its ports with "master ${link.name}".`,
          zh: `${zh}创建了一个软件交换机。用 “master ${link.name}” 把网卡接到它的端口上。`,
        },
      };
    case 'vxlan':
      return {
        ...base,
        act: `RTM_NEWLINK ${link.name} type vxlan id ${link.vxlan?.id ?? '?'} dstport ${link.vxlan?.port ?? '?'}`,
        command: ipIn(
          place,
          `link add ${name} type vxlan id ${link.vxlan?.id ?? 1}${link.vxlan?.remote == null ? '' : ` remote ${link.vxlan.remote}`} dstport ${link.vxlan?.port ?? 4789}`,
        ),
        explanation: {
          en: `A tunnel that carries Ethernet frames in UDP packets was made${en}.`,
          zh: `${zh}创建了一条用 UDP 报文承载以太网帧的隧道。`,
        },
      };
    case 'macvlan':
      return {
        ...base,
        act: `RTM_NEWLINK ${link.name} type macvlan mode ${link.macvlan?.mode ?? '?'}`,
        command:
          link.peer?.name == null
            ? null
            : ipIn(
                place,
                `link add ${name} link ${shellWord(link.peer.name)} type macvlan mode ${link.macvlan?.mode ?? 'bridge'}`,
              ),
        explanation: {
          en: `A second hardware address on the same wire was made${en}: a macvlan device.`,
          zh: `${zh}在同一网卡上创建了另一个硬件地址：macvlan 设备。`,
        },
      };
    case 'ipvlan':
      return {
        ...base,
        act: `RTM_NEWLINK ${link.name} type ipvlan mode ${link.ipvlan?.mode ?? '?'}`,
        command:
          link.peer?.name == null
            ? null
            : ipIn(
                place,
                `link add ${name} link ${shellWord(link.peer.name)} type ipvlan mode ${link.ipvlan?.mode ?? 'l2'}`,
              ),
        explanation: {
          en: `An interface with IP addresses of its own and the hardware address of the one below was made${en}: an ipvlan device.`,
          zh: `${zh}创建了 ipvlan 设备：IP 地址独立，硬件地址与下层接口共用。`,
        },
      };
    default:
      return {
        ...base,
        act: `RTM_NEWLINK ${link.name} type ${link.kind}`,
        command: ['dummy', 'vlan'].includes(link.kind) ? ipIn(place, `link add ${name} type ${link.kind}`) : null,
        explanation: {
          en: `Network device ${link.name} (${link.kind}) appeared${en}.`,
          zh: `${zh}出现了网络设备 ${link.name}（${link.kind}）。`,
        },
      };
  }
}

function tellRemoved(link: PlacedLink, change: Change): Told {
  const { en, zh } = where(change.place);
  return {
    ...base,
    act: `RTM_DELLINK ${link.name}`,
    command: ipIn(change.place, `link del ${shellWord(link.name)}`),
    explanation:
      link.kind === 'veth'
        ? {
            en: `${link.name} is gone${en}. A veth goes together with its other end, and with the namespace that either end is in.`,
            zh: `${zh}${link.name} 消失了。veth 会随它的另一端、或任一端所在的命名空间一起消失。`,
          }
        : {
            en: `Network device ${link.name} is gone${en}, with its addresses and routes.`,
            zh: `${zh}网络设备 ${link.name} 及其地址和路由都消失了。`,
          },
  };
}

function tellChanged(before: PlacedLink, after: PlacedLink, place: string): Told {
  const name = shellWord(after.name);
  if (before.ns !== after.ns) {
    const target = after.nsLabel === 'host' ? '1' : after.nsLabel.replace(/^pid /, '');
    return {
      ...base,
      man: 'ip-link(8)',
      act: `RTM_NEWLINK ${before.name} IFLA_NET_NS_FD ${after.nsLabel}`,
      command: ipIn(
        before.nsLabel,
        `link set ${shellWord(before.name)} netns ${shellWord(target)}${before.name === after.name ? '' : ` name ${name}`}`,
      ),
      explanation: {
        en: `${before.name} moved from ${before.nsLabel} to ${after.nsLabel}${before.name === after.name ? '' : ` and is called ${after.name} there`}. Moving takes its addresses away and sets it down.`,
        zh: `${before.name} 从 ${before.nsLabel} 移到了 ${after.nsLabel}${before.name === after.name ? '' : `，在那里叫 ${after.name}`}。移动后它的地址被清除，状态变为 DOWN。`,
      },
    };
  }
  if (before.name !== after.name) {
    return {
      ...base,
      act: `RTM_NEWLINK ${before.name} IFLA_IFNAME ${after.name}`,
      command: ipIn(place, `link set ${shellWord(before.name)} name ${name}`),
      explanation: {
        en: `${before.name} is called ${after.name} now; it is the same device (index ${after.index}).`,
        zh: `${before.name} 改名为 ${after.name}；仍是同一设备（索引 ${after.index}）。`,
      },
    };
  }
  if (before.master !== after.master) return tellMaster(before, after, place);
  if (before.up !== after.up) {
    return {
      ...base,
      act: `RTM_NEWLINK ${after.name} IFF_UP ${after.up ? 'set' : 'cleared'}`,
      command: ipIn(place, `link set ${name} ${after.up ? 'up' : 'down'}`),
      explanation: after.up
        ? {
            en: `${after.name} was switched on${after.carrier ? '' : '; its other end is not up yet, so there is no carrier'}.`,
            zh: `${after.name} 已启用${after.carrier ? '' : '；对端还没有启用，所以没有载波'}。`,
          }
        : {
            en: `${after.name} was switched off; its routes went with it.`,
            zh: `${after.name} 已停用；相关路由也随之删除。`,
          },
    };
  }
  if (before.mac !== after.mac) {
    return {
      ...base,
      act: `RTM_NEWLINK ${after.name} IFLA_ADDRESS ${after.mac}`,
      command: after.kind === 'bridge' ? null : ipIn(place, `link set ${name} address ${after.mac}`),
      explanation: {
        en: `The hardware address of ${after.name} is ${after.mac} now${after.kind === 'bridge' ? ': a bridge takes the lowest of its ports' : ''}.`,
        zh: `${after.name} 的硬件地址变为 ${after.mac}${after.kind === 'bridge' ? '：网桥取各端口中最小的地址' : ''}。`,
      },
    };
  }
  if (before.mtu !== after.mtu) {
    return {
      ...base,
      act: `RTM_NEWLINK ${after.name} IFLA_MTU ${after.mtu}`,
      command: ipIn(place, `link set ${name} mtu ${after.mtu}`),
      explanation: {
        en: `The largest packet of ${after.name} is ${after.mtu} bytes now (was ${before.mtu}).`,
        zh: `${after.name} 的最大报文长度变为 ${after.mtu} 字节（原为 ${before.mtu}）。`,
      },
    };
  }
  if (before.carrier !== after.carrier) {
    return {
      ...base,
      act: `RTM_NEWLINK ${after.name} IFF_LOWER_UP ${after.carrier ? 'set' : 'cleared'}`,
      command: null,
      explanation: after.carrier
        ? {
            en: `${after.name} has a carrier: both ends are up. The kernel noticed by itself.`,
            zh: `${after.name} 有载波了：两端都已启用。这是内核自动检测到的。`,
          }
        : {
            en: `${after.name} lost its carrier: the other end is down or gone.`,
            zh: `${after.name} 失去载波：对端已停用或消失。`,
          },
    };
  }
  if (before.promiscuous !== after.promiscuous) {
    return {
      ...base,
      act: `RTM_NEWLINK ${after.name} IFF_PROMISC ${after.promiscuous ? 'set' : 'cleared'}`,
      command:
        after.master === null ? ipIn(place, `link set ${name} promisc ${after.promiscuous ? 'on' : 'off'}`) : null,
      explanation: {
        en: `${after.name} ${after.promiscuous ? 'takes in all frames now, not only its own' : 'takes in only frames for itself again'}.`,
        zh: `${after.name} ${after.promiscuous ? '现在接收所有帧，而不只是发给自己的' : '恢复为只接收发给自己的帧'}。`,
      },
    };
  }
  if (before.peer?.name !== after.peer?.name || before.peer?.ns !== after.peer?.ns) {
    return {
      ...base,
      act: `peer of ${after.name}: ${peerText(before)} -> ${peerText(after)}`,
      command: null,
      explanation: {
        en: `The other end of ${after.name} was renamed or moved: it is ${peerText(after)} now.`,
        zh: `${after.name} 的另一端改名或移动了：现在是 ${peerText(after)}。`,
      },
    };
  }
  return {
    ...base,
    act: `RTM_NEWLINK ${after.name} (${after.kind} options)`,
    command: null,
    explanation: {
      en: `Options of ${after.name} changed: ${optionsText(before)} → ${optionsText(after)}.`,
      zh: `${after.name} 的选项改变：${optionsText(before)} → ${optionsText(after)}。`,
    },
  };
}

function tellMaster(before: PlacedLink, after: PlacedLink, place: string): Told {
  const name = shellWord(after.name);
  if (after.master === null) {
    return {
      ...base,
      man: 'bridge(8)',
      act: `RTM_NEWLINK ${after.name} IFLA_MASTER 0`,
      command: ipIn(place, `link set ${name} nomaster`),
      explanation: {
        en: `${after.name} was taken off its bridge (device ${before.master}).`,
        zh: `${after.name} 从网桥（设备 ${before.master}）上拔下。`,
      },
    };
  }
  return {
    ...base,
    man: 'bridge(8)',
    act: `RTM_NEWLINK ${after.name} IFLA_MASTER ${after.master}`,
    command: null,
    explanation: {
      en: `${after.name} is a port of the bridge with index ${after.master} now.`,
      zh: `${after.name} 现在是索引为 ${after.master} 的网桥的一个端口。`,
    },
  };
}

function peerText(link: Link): string {
  if (link.peer === null) return 'none';
  return link.peer.name ?? `index ${link.peer.index}`;
}

function optionsText({ bridge, vxlan, macvlan }: Link): string {
  return JSON.stringify(bridge ?? vxlan ?? macvlan ?? {});
}

/** As `tellLink`, with the bridge's name, which only the snapshot knows. */
export const tellLinkWithMaster: Teller = (change, snapshot): Told => {
  const told = tellLink(change, snapshot);
  const before = change.before as PlacedLink | undefined;
  const after = change.after as PlacedLink | undefined;
  if (
    change.kind !== 'changed' ||
    after === undefined ||
    after.master === null ||
    before?.master === after.master ||
    before?.ns !== after.ns ||
    before.name !== after.name
  )
    return told;
  const bridge = snapshot.networks
    .find(({ id }) => id === after.ns)
    ?.links.find(({ index }) => index === after.master)?.name;
  if (bridge === undefined) return told;
  return {
    ...told,
    act: `RTM_NEWLINK ${after.name} IFLA_MASTER ${bridge}`,
    command: ipIn(change.place, `link set ${shellWord(after.name)} master ${shellWord(bridge)}`),
    explanation: {
      en: `${after.name} is a port of the bridge ${bridge} now.`,
      zh: `${after.name} 现在是网桥 ${bridge} 的一个端口。`,
    },
  };
};
