import type { FirewallChain, FirewallRule, ListeningPort, Neighbour, Route } from '../../api/types.js';
import type { PlacedAddress, SysctlValue } from '../diff/network.js';
import { commandIn, ipIn, shellWord, type Teller, where } from './told.js';

export const tellAddress: Teller = (change) => {
  const one = (change.after ?? change.before) as PlacedAddress;
  const text = `${one.address}/${one.prefix}`;
  const added = change.kind !== 'removed';
  // fe80::/10 comes from the hardware address when a device is switched on; 127.0.0.1 and ::1 with lo.
  const automatic = (one.family === 'inet6' && one.scope === 'link') || one.scope === 'host';
  const { en, zh } = where(change.place);
  return {
    domain: 'netlink',
    act: `${added ? 'RTM_NEWADDR' : 'RTM_DELADDR'} ${text} dev ${one.device}`,
    command: automatic
      ? null
      : ipIn(change.place, `addr ${added ? 'add' : 'del'} ${text} dev ${shellWord(one.device)}`),
    man: 'ip-address(8)',
    explanation: automatic
      ? {
          en: `The kernel ${added ? 'gave' : 'took'} ${one.device} the address ${text}${added ? '' : ' away'}${en} by itself, as the device was switched ${added ? 'on' : 'off'}.`,
          zh: `${zh}设备${added ? '启用' : '停用'}时，内核自动${added ? '为' : '从'} ${one.device} ${added ? '添加' : '移除'}了地址 ${text}。`,
        }
      : {
          en: `${one.device}${en} ${added ? 'has' : 'lost'} the address ${text}${added ? '; a route to its network comes with it once the device is up' : ', and the route to its network'}.`,
          zh: `${zh}${one.device} ${added ? '获得' : '失去'}了地址 ${text}${added ? '；设备启用后会自动带上到该网段的路由' : '，以及到该网段的路由'}。`,
        },
  };
};

export const tellRoute: Teller = (change) => {
  const one = (change.after ?? change.before) as Route;
  const added = change.kind !== 'removed';
  const via = one.via === null ? '' : ` via ${one.via}`;
  const dev = one.device === null ? '' : ` dev ${shellWord(one.device)}`;
  const table = one.table === 254 ? '' : ` table ${one.table}`;
  const byKernel = one.protocol === 'kernel';
  const family = one.family === 'inet6' ? '-6 ' : '';
  return {
    domain: 'netlink',
    act: `${added ? 'RTM_NEWROUTE' : 'RTM_DELROUTE'} ${one.destination}${via}${dev}${table} proto ${one.protocol}`,
    command: byKernel
      ? null
      : ipIn(change.place, `${family}route ${added ? 'add' : 'del'} ${one.destination}${via}${dev}${table}`),
    man: 'ip-route(8)',
    explanation: byKernel
      ? {
          en: `The kernel ${added ? 'made' : 'removed'} the route to ${one.destination}${dev} itself: it belongs to an address of that device.`,
          zh: `内核自动${added ? '添加' : '删除'}了到 ${one.destination} 的路由：它属于该设备上的一个地址。`,
        }
      : {
          en: `Packets for ${one.destination === 'default' ? 'everywhere else' : one.destination} ${added ? 'go' : 'no longer go'}${via}${dev === '' ? '' : ` out of ${one.device}`}.`,
          zh: `发往${one.destination === 'default' ? '其他所有地址' : ` ${one.destination} `}的报文${added ? '现在' : '不再'}${one.via === null ? '' : `经由 ${one.via} `}${one.device === null ? '' : `从 ${one.device} 发出`}。`,
        },
  };
};

export const tellNeighbour: Teller = (change) => {
  const one = (change.after ?? change.before) as Neighbour;
  const known = change.kind !== 'removed';
  return {
    domain: 'netlink',
    act: `${known ? 'RTM_NEWNEIGH' : 'RTM_DELNEIGH'} ${one.address} lladdr ${one.mac ?? '?'} dev ${one.device}`,
    command: null,
    man: 'ip-neighbour(8)',
    explanation: known
      ? {
          en: `The kernel asked who has ${one.address} (ARP or neighbour discovery) and remembers ${one.mac} on ${one.device}.`,
          zh: `内核询问了谁拥有 ${one.address}（ARP 或邻居发现），并记住 ${one.device} 上的 ${one.mac}。`,
        }
      : {
          en: `The kernel forgot which hardware address ${one.address} has on ${one.device}.`,
          zh: `内核忘记了 ${one.device} 上 ${one.address} 的硬件地址。`,
        },
  };
};

export const tellRule: Teller = (change) => {
  const one = (change.after ?? change.before) as FirewallRule;
  const tool = one.family === 'inet6' ? 'ip6tables' : 'iptables';
  const added = change.kind !== 'removed';
  const body = one.text.replace(/^-A /, '');
  const table = one.table === 'filter' ? '' : ` -t ${one.table}`;
  return {
    domain: 'firewall',
    act: `${added ? 'append' : 'delete'} rule: table ${one.table}, ${one.text}`,
    command: commandIn(change.place, `${tool}${table} ${added ? '-A' : '-D'} ${body}`),
    man: 'iptables(8)',
    explanation: {
      en: `Chain ${one.chain} of table ${one.table} ${added ? 'has' : 'lost'} the rule "${body}"${one.target === '' ? '' : ` (${TARGETS[one.target]?.en ?? `target ${one.target}`})`}.`,
      zh: `表 ${one.table} 的链 ${one.chain} ${added ? '增加' : '删除'}了规则 “${body}”${one.target === '' ? '' : `（${TARGETS[one.target]?.zh ?? `目标 ${one.target}`}）`}。`,
    },
  };
};

const TARGETS: Readonly<Record<string, { en: string; zh: string }>> = {
  MASQUERADE: { en: 'the sender becomes the address of the outgoing device', zh: '把源地址换成出口网卡的地址' },
  SNAT: { en: 'the sender is replaced', zh: '改写源地址' },
  DNAT: { en: 'the destination is replaced', zh: '改写目的地址' },
  REDIRECT: { en: 'sent to this machine itself', zh: '重定向到本机' },
  ACCEPT: { en: 'let through', zh: '放行' },
  DROP: { en: 'thrown away without a word', zh: '静默丢弃' },
  REJECT: { en: 'refused with an error', zh: '拒绝并返回错误' },
  RETURN: { en: 'back to the calling chain', zh: '返回调用链' },
  LOG: { en: 'written to the kernel log', zh: '写入内核日志' },
};

export const tellChain: Teller = (change) => {
  const one = (change.after ?? change.before) as FirewallChain;
  const tool = `${one.family === 'inet6' ? 'ip6tables' : 'iptables'}${one.table === 'filter' ? '' : ` -t ${one.table}`}`;
  const own = one.policy === '-';
  const verb = change.kind === 'removed' ? '-X' : '-N';
  return {
    domain: 'firewall',
    act: own
      ? `${change.kind === 'removed' ? 'delete' : 'new'} chain ${one.chain} in table ${one.table}`
      : `policy of ${one.chain} in table ${one.table}: ${one.policy}`,
    command: own
      ? commandIn(change.place, `${tool} ${verb} ${shellWord(one.chain)}`)
      : change.kind === 'removed'
        ? null
        : commandIn(change.place, `${tool} -P ${one.chain} ${one.policy}`),
    man: 'iptables(8)',
    explanation: own
      ? {
          en: `Chain ${one.chain} of table ${one.table} was ${change.kind === 'removed' ? 'removed' : 'made'}; it acts only where a rule jumps to it.`,
          zh: `表 ${one.table} 的自定义链 ${one.chain} 已${change.kind === 'removed' ? '删除' : '创建'}；只有规则跳转到它时才起作用。`,
        }
      : {
          en: `What no rule of ${one.chain} (table ${one.table}) decides is now: ${one.policy}.`,
          zh: `表 ${one.table} 的链 ${one.chain} 中没有规则匹配时，现在的处理是：${one.policy}。`,
        },
  };
};

export const tellSysctl: Teller = (change) => {
  const before = change.before as SysctlValue | undefined;
  const after = (change.after ?? change.before) as SysctlValue;
  const forwarding = /forward/.test(after.name);
  const { en, zh } = where(change.place);
  return {
    domain: 'sysctl',
    act: `write("/proc/sys/${after.name.replaceAll('.', '/')}", "${after.value}")`,
    command: commandIn(change.place, `sysctl -w ${after.name}=${after.value}`),
    man: 'sysctl(8)',
    explanation: {
      en: `The kernel setting ${after.name}${en} is ${after.value} now${before === undefined ? '' : ` (was ${before.value})`}${forwarding ? `: packets that are for others are ${after.value === '0' ? 'no longer passed on' : 'passed on'}` : ''}.`,
      zh: `${zh}内核参数 ${after.name} 现在是 ${after.value}${before === undefined ? '' : `（原为 ${before.value}）`}${forwarding ? `：${after.value === '0' ? '不再转发' : '开始转发'}目的地是别人的报文` : ''}。`,
    },
  };
};

export const tellPort: Teller = (change) => {
  const one = (change.after ?? change.before) as ListeningPort;
  const open = change.kind !== 'removed';
  const { en, zh } = where(change.place);
  const by = one.pid === null ? '' : ` ${one.pid}`;
  return {
    domain: 'syscall',
    act: `${open ? (one.protocol.startsWith('udp') ? 'bind' : 'listen') : 'close'} ${one.protocol} ${one.address}:${one.port}`,
    command: null,
    man: one.protocol.startsWith('udp') ? 'bind(2)' : 'listen(2)',
    explanation: {
      en: open
        ? `Process${by} waits for ${one.protocol} on port ${one.port}${en} (address ${one.address}).`
        : `Nobody waits on ${one.protocol} port ${one.port}${en} any more.`,
      zh: open
        ? `${zh}进程${by} 开始在 ${one.protocol} 端口 ${one.port} 上监听（地址 ${one.address}）。`
        : `${zh}不再有进程监听 ${one.protocol} 端口 ${one.port}。`,
    },
  };
};
