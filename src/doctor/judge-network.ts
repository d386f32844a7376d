import type { Bilingual } from '../../engine/api/types.js';
import { row, type Subject, same, trialVerdict, type Verdict } from './row.js';
import type { Facts, Row } from './types.js';

/** Kinds of links and the firewall, each made once in the throw-away child. */
export function judgeNetwork(facts: Facts): readonly Row[] {
  const module = (name: string): Omit<Verdict, 'found'> => ({
    status: 'missing',
    remedy: {
      en: `load the kernel module ${name}, or use the distribution's own kernel`,
      zh: `加载内核模块 ${name}，或使用发行版自带的内核`,
    },
    command: facts.system.uid === 0 ? `modprobe ${name}` : `sudo modprobe ${name}`,
  });
  const subjects: readonly (Subject & { readonly trial: string; readonly failed: Omit<Verdict, 'found'> })[] = [
    {
      id: 'veth',
      trial: 'veth',
      group: 'network',
      name: { en: 'veth pairs', zh: 'veth 对' },
      purpose: { en: 'the cable between two namespaces', zh: '连接两个命名空间的网线' },
      features: ['veth'],
      failed: module('veth'),
    },
    {
      id: 'bridge',
      trial: 'bridge',
      group: 'network',
      name: { en: 'bridges', zh: '网桥' },
      purpose: { en: 'the switch that docker0 is', zh: 'docker0 就是这样的交换机' },
      features: ['bridge'],
      failed: module('bridge'),
    },
    {
      id: 'vxlan',
      trial: 'vxlan',
      group: 'network',
      name: same('vxlan'),
      purpose: { en: 'networks across machines', zh: '跨机器的网络' },
      features: ['vxlan'],
      failed: module('vxlan'),
    },
    {
      id: 'macvlan',
      trial: 'macvlan',
      group: 'network',
      name: same('macvlan'),
      purpose: { en: 'a second address on one link', zh: '同一接口上的第二个地址' },
      features: ['macvlan'],
      failed: module('macvlan'),
    },
    {
      id: 'tun',
      trial: 'tun',
      group: 'network',
      name: same('tun'),
      purpose: { en: 'an uplink from the lab', zh: '实验室的外部出口' },
      failed: tunFailure(facts, module('tun')),
    },
    {
      id: 'ip-forward',
      trial: 'ip-forward',
      group: 'network',
      name: { en: 'forwarding', zh: 'IP 转发' },
      purpose: { en: 'NAT out of a bridge and port mapping', zh: '网桥的 NAT 出口与端口映射' },
      failed: { status: 'missing' },
    },
    {
      id: 'nft',
      trial: 'nft',
      group: 'network',
      name: same('nftables'),
      purpose: { en: 'reading the firewall as the kernel has it', zh: '按内核实际状态读取防火墙' },
      features: ['nft'],
      failed: module('nf_tables'),
    },
  ];
  const rows = subjects.map(({ trial, failed, ...subject }) => row(subject, trialVerdict(facts, trial, failed)));
  return [...rows, iptables(facts, module('iptable_nat'))];
}

/** The device may be there and closed to this user: then no module is missing. */
function tunFailure({ devices }: Facts, module: Omit<Verdict, 'found'>): Omit<Verdict, 'found'> {
  if (devices['/dev/net/tun'] !== 'denied') return { ...module, status: 'weaker' };
  return {
    status: 'weaker',
    remedy: {
      en: '/dev/net/tun is closed to this user; no lesson needs it',
      zh: '当前用户无权打开 /dev/net/tun；没有课程需要它',
    },
  };
}

/** The rule was really added; the path tells which of the two back ends did it. */
function iptables(facts: Facts, failed: Omit<Verdict, 'found'>): Row {
  const verdict = trialVerdict(facts, 'iptables', failed);
  const variant: Bilingual =
    facts.iptablesVariant === 'nf_tables'
      ? { en: 'works, through nf_tables', zh: '可用，经由 nf_tables' }
      : facts.iptablesVariant === 'legacy'
        ? { en: 'works, the legacy variant', zh: '可用，legacy 变体' }
        : { en: 'works', zh: '可用' };
  return row(
    {
      id: 'iptables',
      group: 'network',
      name: same('iptables (nat)'),
      purpose: { en: 'MASQUERADE and DNAT by hand', zh: '亲手设置 MASQUERADE 与 DNAT' },
      features: ['iptables'],
    },
    verdict.status === 'ok' ? { ...verdict, found: variant } : verdict,
  );
}
