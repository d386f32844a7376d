/** Every fact about one interface or one network namespace, in the reader's language, with the command that shows the same. */
import type { Bilingual, Link, NamespaceHolder, NetworkNamespace, Snapshot } from '../../../engine/api/types.js';
import type { Lang } from '../panel.js';
import { type ContainerFact, containersOf, placeText, sharingText, stateText } from './containers.js';
import { bytes } from './format.js';
import { visible } from './safe-text.js';
import { flatPorts, linkState, type WiringBox, type WiringModel, type WiringPort } from './wiring.js';
import { routeText } from './wiring-notes.js';

export interface Fact {
  readonly label: string;
  readonly value: string;
}

export interface Detail {
  readonly title: string;
  /** Commands that print these facts, to be typed in the lab. */
  readonly commands: readonly string[];
  readonly facts: readonly Fact[];
}

const L = {
  container: { en: 'container', zh: '容器' },
  kind: { en: 'kind', zh: '类型' },
  namespace: { en: 'namespace', zh: '命名空间' },
  index: { en: 'index', zh: '序号' },
  state: { en: 'state', zh: '状态' },
  mac: { en: 'MAC', zh: 'MAC 地址' },
  mtu: { en: 'MTU', zh: 'MTU' },
  master: { en: 'port of', zh: '所属网桥' },
  peer: { en: 'other end', zh: '对端' },
  ports: { en: 'ports', zh: '端口' },
  address: { en: 'address', zh: '地址' },
  received: { en: 'received', zh: '接收' },
  sent: { en: 'sent', zh: '发送' },
  route: { en: 'route', zh: '路由' },
  rule: { en: 'routing rule', zh: '路由策略' },
  neighbour: { en: 'neighbour', zh: '邻居' },
  settings: { en: 'settings', zh: '设置' },
  owner: { en: 'owned by', zh: '所有者' },
  held: { en: 'kept alive by', zh: '存续依赖' },
  process: { en: 'process', zh: '进程' },
  interface: { en: 'interface', zh: '网络接口' },
  firewall: { en: 'firewall', zh: '防火墙' },
  policy: { en: 'chain policy', zh: '链的默认策略' },
  nft: { en: 'nft-only table', zh: '仅 nft 可见的表' },
  sysctl: { en: 'sysctl', zh: '内核参数' },
  listening: { en: 'listening', zh: '监听' },
  goal: { en: 'goal of this step', zh: '本步目标' },
} as const satisfies Record<string, Bilingual>;

const STATE: Readonly<Record<ReturnType<typeof linkState>, Bilingual>> = {
  up: { en: 'up: packets pass', zh: '启用：可以收发数据包' },
  'no-carrier': { en: 'up, but no carrier: the other end is down or absent', zh: '已启用，但无载波：对端停用或不存在' },
  down: { en: 'down: `ip link set … up` was not done', zh: '停用：尚未执行 ip link set … up' },
};

const NOT_THERE: Readonly<Record<'ghost' | 'removed', Bilingual>> = {
  ghost: { en: 'wanted by this step; not there yet', zh: '本步要求创建，目前还不存在' },
  removed: { en: 'removed a moment ago', zh: '刚刚被删除' },
};

const UNSEEN: Bilingual = { en: 'in a namespace that the lab cannot see', zh: '位于实验主机看不到的命名空间中' };

/** Details of the box or port with this id; null when it is gone. */
export function wiringDetail(model: WiringModel, snapshot: Snapshot, id: string, lang: Lang): Detail | null {
  for (const box of model.boxes) {
    if (box.id === id) return boxDetail(box, snapshot, lang);
    const ports = flatPorts(box.loopback === null ? box.ports : [box.loopback, ...box.ports]);
    const port = ports.find((one) => one.id === id);
    if (port !== undefined) return portDetail(box, port, snapshot, lang);
  }
  return null;
}

/** `ip netns exec r1 `, `nsenter …`, or nothing for the lab host: what to put before a command to run it in a box. */
export function inBox(box: WiringBox, snapshot: Snapshot): string {
  if (box.isHost) return '';
  const ns = snapshot.namespaces.find((one) => one.id === box.ns);
  const name = ns?.names[0];
  const pid = ns?.members[0];
  // The engine keeps the namespaces of its containers where `ip netns` does not look.
  if (ns?.containers !== undefined && pid !== undefined) return `nsenter -t ${pid} -n `;
  if (name !== undefined) return `ip netns exec ${shellWord(name)} `;
  return pid === undefined ? '' : `nsenter -t ${pid} -n `;
}

/** A word as the shell needs it. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    const escaped = [...text].map((char) =>
      char < ' ' || char === '\u007f'
        ? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
        : char === "'" || char === '\\'
          ? `\\${char}`
          : char,
    );
    return `$'${escaped.join('')}'`;
  }
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function portDetail(box: WiringBox, port: WiringPort, snapshot: Snapshot, lang: Lang): Detail {
  const facts: Fact[] = [];
  const add = (label: Bilingual, value: string): void => {
    facts.push({ label: label[lang], value });
  };
  add(L.namespace, placeText(box.label, lang));
  const link = port.link;
  if (link === null) {
    if (port.mark === 'ghost' || port.mark === 'removed') add(L.state, NOT_THERE[port.mark][lang]);
    for (const address of port.addresses) add(L.address, address.text);
    return { title: `${box.label}/${port.name}`, commands: [], facts };
  }
  add(L.kind, link.kind);
  add(L.index, String(link.index));
  add(L.state, `${STATE[linkState(link)][lang]} (operstate ${visible(link.operstate)})`);
  add(L.mac, visible(link.mac));
  add(L.mtu, String(link.mtu));
  const network = box.network;
  if (link.master !== null)
    add(L.master, visible(network?.links.find((one) => one.index === link.master)?.name ?? `if${link.master}`));
  if (link.peer !== null) add(L.peer, peerText(link, snapshot, lang));
  if (port.children.length > 0) add(L.ports, port.children.map((child) => child.name).join(', '));
  for (const address of link.addresses)
    add(L.address, `${visible(address.address)}/${address.prefix} (${address.scope})`);
  for (const address of port.addresses) if (address.mark === 'ghost') add(L.goal, address.text);
  if (port.facts.length > 0) add(L.settings, port.facts.join(', '));
  add(L.received, packets(link.rxPackets, link.rxBytes, lang));
  add(L.sent, packets(link.txPackets, link.txBytes, lang));
  for (const route of network?.routes ?? []) if (route.device === link.name) add(L.route, routeText(route));
  for (const neighbour of network?.neighbours ?? []) {
    if (neighbour.device === link.name)
      add(L.neighbour, `${visible(neighbour.address)} ${visible(neighbour.mac ?? '?')} ${visible(neighbour.state)}`);
  }
  const prefix = inBox(box, snapshot);
  const dev = shellWord(link.name);
  const commands = [`${prefix}ip -d -s link show dev ${dev}`, `${prefix}ip addr show dev ${dev}`];
  if (link.kind === 'bridge') commands.push(`${prefix}bridge link show`);
  return { title: `${box.label}/${port.name}`, commands, facts };
}

function peerText(link: Link, snapshot: Snapshot, lang: Lang): string {
  const peer = link.peer!;
  const network = snapshot.networks.find((one) => one.id === peer.ns);
  const name = network?.links.find((one) => one.index === peer.index)?.name ?? peer.name ?? `if${peer.index}`;
  if (network === undefined) return `${visible(name)}: ${UNSEEN[lang]}`;
  return `${placeText(visible(network.label), lang)}/${visible(name)}`;
}

function packets(count: number, size: number, lang: Lang): string {
  return lang === 'zh' ? `${count} 个数据包，${bytes(size)}` : `${count} packets, ${bytes(size)}`;
}

function boxDetail(box: WiringBox, snapshot: Snapshot, lang: Lang): Detail {
  const facts: Fact[] = [];
  const add = (label: Bilingual, value: string): void => {
    facts.push({ label: label[lang], value });
  };
  const network = box.network;
  if (network === null) {
    if (box.mark === 'ghost' || box.mark === 'removed') add(L.state, NOT_THERE[box.mark][lang]);
    return { title: box.label, commands: [], facts };
  }
  const ns = snapshot.namespaces.find((one) => one.id === network.id);
  for (const { fact } of box.containers) add(L.container, containerText(fact, lang));
  add(L.namespace, network.id);
  if (ns?.owner != null) add(L.owner, ns.owner);
  for (const holder of ns?.heldBy ?? []) add(L.held, holderText(holder, lang));
  for (const pid of ns?.members ?? []) add(L.process, processText(snapshot, pid));
  for (const link of network.links) add(L.interface, `${visible(link.name)} ${link.kind} ${visible(link.operstate)}`);
  for (const route of network.routes) add(L.route, routeText(route));
  for (const rule of network.rules)
    add(L.rule, visible(`${rule.priority}: from ${rule.from} to ${rule.to} table ${rule.table}`));
  for (const one of network.neighbours)
    add(L.neighbour, visible(`${one.address} dev ${one.device} ${one.mac ?? '?'} ${one.state}`));
  firewallFacts(network, add);
  for (const [name, value] of Object.entries(network.sysctls)) add(L.sysctl, visible(`${name} = ${value}`));
  for (const port of network.listening)
    add(
      L.listening,
      visible(`${port.protocol} ${port.address}:${port.port}${port.pid === null ? '' : ` (pid ${port.pid})`}`),
    );
  const prefix = inBox(box, snapshot);
  const commands = ['ip addr', 'ip route', 'iptables-save -c'].map((command) => `${prefix}${command}`);
  const [first] = box.containers;
  if (!box.isHost && first !== undefined) commands.push(inspectCommand(first.fact));
  return { title: placeText(box.label, lang), commands, facts };
}

/** Everything about a container in one line: `web (1fe0ad5907ca), busybox, running, network bridge`. */
export function containerText(fact: ContainerFact, lang: Lang): string {
  const comma = lang === 'zh' ? '，' : ', ';
  const name = lang === 'zh' ? `${fact.name}（${fact.short}）` : `${fact.name} (${fact.short})`;
  return [name, fact.image, stateText(fact, lang), sharingText(fact, lang)].filter((part) => part !== '').join(comma);
}

export function inspectCommand({ container }: ContainerFact): string {
  return `docker inspect ${shellWord(container.name)}`;
}

function firewallFacts(network: NetworkNamespace, add: (label: Bilingual, value: string) => void): void {
  const firewall = network.firewall;
  if (firewall === null) return;
  for (const chain of firewall.chains) {
    if (chain.policy !== '-' && chain.policy !== 'ACCEPT')
      add(L.policy, visible(`${chain.table}/${chain.chain} ${chain.policy} [${chain.packets}:${chain.bytes}]`));
  }
  for (const rule of firewall.rules)
    add(L.firewall, visible(`${rule.table}: ${rule.text} [${rule.packets}:${rule.bytes}]`));
  for (const table of firewall.nftOnly) add(L.nft, visible(table));
}

function processText(snapshot: Snapshot, pid: number): string {
  const process = snapshot.processes.find((one) => one.pid === pid);
  if (process === undefined) return String(pid);
  const container = containersOf(snapshot).ofProcess(pid);
  const whose = container === null ? '' : ` [${container.name}]`;
  return `${pid}${whose} ${visible(process.argv.length > 0 ? process.argv.join(' ') : process.comm)}`;
}

const HOLDER: Readonly<Record<NamespaceHolder['how'], Bilingual>> = {
  process: { en: 'process', zh: '进程' },
  thread: { en: 'thread', zh: '线程' },
  'bind-mount': { en: 'bind mount', zh: '绑定挂载' },
  fd: { en: 'file descriptor', zh: '文件描述符' },
  socket: { en: 'socket', zh: '套接字' },
  hierarchy: { en: 'a child namespace', zh: '子命名空间' },
};

/** `bind mount /run/netns/r1`, `process 42`, `file descriptor 5 of process 42`. */
export function holderText(holder: NamespaceHolder, lang: Lang): string {
  const what = HOLDER[holder.how][lang];
  if (holder.path !== undefined) return `${what} ${visible(holder.path)}`;
  if (holder.fd !== undefined && holder.pid !== undefined)
    return lang === 'zh'
      ? `进程 ${holder.pid} 的${what} ${holder.fd}`
      : `${what} ${holder.fd} of process ${holder.pid}`;
  if (holder.how === 'socket' && holder.pid !== undefined)
    return lang === 'zh' ? `进程 ${holder.pid} 的${what}` : `${what} of process ${holder.pid}`;
  return holder.pid === undefined ? what : `${what} ${holder.pid}`;
}

/** `kept alive by bind mount /run/netns/r1`; `由绑定挂载 /run/netns/r1 维持存续`. */
export function keptAlive(by: string, lang: Lang): string {
  return lang === 'zh' ? `由${by}${/[ -~]$/.test(by) ? ' ' : ''}维持存续` : `kept alive by ${by}`;
}
