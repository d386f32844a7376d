/** Checks on links, addresses, routes, bridges, ports and firewalls: pure functions of a snapshot. Relation before name. */
import type { FirewallRule, Link, NetworkNamespace, Snapshot } from '../../../engine/api/types.js';
import type { Bilingual, CheckResult, CheckSpecs, LinkSelector, Place } from '../types.js';
import { inCidr } from '../variables.js';
import { labelOf, namespacesAt, networksAt, placeWords } from './context.js';
import { selectProcesses } from './processes.js';
import { amountWords, comma, list, matchesAmount, outcome, put, same, say } from './words.js';

export interface FoundLink {
  readonly link: Link;
  readonly network: NetworkNamespace;
}

const SOURCE = 'rtnetlink(7) dump';

function at(snapshot: Snapshot, place: Place | undefined): readonly NetworkNamespace[] {
  return networksAt(snapshot, place, (selector) => selectProcesses(snapshot, selector));
}

function noSuchPlace(snapshot: Snapshot, place: Place | undefined): Bilingual | null {
  if (at(snapshot, place).length > 0) return null;
  return typeof place === 'string' || place === undefined
    ? put('there is no network namespace %', '没有网络命名空间 %', placeWords(place))
    : put('% has not been found', '没有找到 %', placeWords(place));
}

export function peerOf(snapshot: Snapshot, found: FoundLink): FoundLink | null {
  const peer = found.link.peer;
  if (!peer || peer.ns === null) return null;
  const network = snapshot.networks.find((one) => one.id === peer.ns);
  const link = network?.links.find((one) => one.index === peer.index);
  return network && link ? { network, link } : null;
}

export function matchesAddress(link: Link, wanted: string): boolean {
  const [address, prefix] = wanted.split('/');
  return link.addresses.some(
    (one) => one.address === address && (prefix === undefined || one.prefix === Number(prefix)),
  );
}

export function matchesLink(snapshot: Snapshot, found: FoundLink, selector: LinkSelector): boolean {
  const { link, network } = found;
  if (selector.name !== undefined && link.name !== selector.name) return false;
  if (selector.kind !== undefined && link.kind !== selector.kind) return false;
  if (selector.up !== undefined && link.up !== selector.up) return false;
  if (selector.carrier !== undefined && link.carrier !== selector.carrier) return false;
  if (selector.mtu !== undefined && !matchesAmount(link.mtu, selector.mtu)) return false;
  if (selector.mac !== undefined && link.mac.toLowerCase() !== selector.mac.toLowerCase()) return false;
  if (selector.promiscuous !== undefined && link.promiscuous !== selector.promiscuous) return false;
  if (selector.address !== undefined && !matchesAddress(link, selector.address)) return false;
  if (selector.master !== undefined) {
    const master = network.links.find((one) => one.index === link.master);
    if (
      selector.master === false
        ? link.master !== null
        : selector.master === true
          ? link.master === null
          : master?.name !== selector.master
    )
      return false;
  }
  if (selector.peerIn !== undefined) {
    const ns = link.peer?.ns;
    if (
      ns === undefined ||
      ns === null ||
      !namespacesAt(snapshot, 'net', selector.peerIn, (inner) => selectProcesses(snapshot, inner)).has(ns)
    )
      return false;
  }
  if (selector.peer !== undefined) {
    const peer = peerOf(snapshot, found);
    if (!peer || !matchesLink(snapshot, peer, selector.peer)) return false;
    if (selector.peer.in !== undefined && !at(snapshot, selector.peer.in).includes(peer.network)) return false;
  }
  return true;
}

export function selectLinks(snapshot: Snapshot, selector: LinkSelector): readonly FoundLink[] {
  return at(snapshot, selector.in).flatMap((network) =>
    network.links.map((link) => ({ link, network })).filter((found) => matchesLink(snapshot, found, selector)),
  );
}

export function describeLink(selector: LinkSelector): Bilingual {
  const parts: Bilingual[] = [
    selector.kind !== undefined
      ? put('% has a % interface', '% 里有一个 % 接口', placeWords(selector.in), same(selector.kind))
      : put('% has an interface', '% 里有一个接口', placeWords(selector.in)),
  ];
  if (selector.name !== undefined) parts.push(put('named %', '名为 %', same(selector.name)));
  if (selector.up !== undefined) parts.push(selector.up ? say('up', '已启用') : say('down', '未启用'));
  if (selector.carrier !== undefined)
    parts.push(selector.carrier ? say('with a carrier', '有载波') : say('without a carrier', '没有载波'));
  if (selector.mtu !== undefined) parts.push(put('MTU %', 'MTU 为 %', amountWords(selector.mtu)));
  if (selector.mac !== undefined) parts.push(put('hardware address %', '硬件地址为 %', same(selector.mac)));
  if (selector.peerIn !== undefined)
    parts.push(put('whose other end is in %', '另一端在 % 里', placeWords(selector.peerIn)));
  if (selector.peer !== undefined)
    parts.push(put('whose other end is: %', '其另一端是：%', describeLink(selector.peer)));
  if (selector.master === true) parts.push(say('plugged into a bridge', '已接入某个网桥'));
  else if (selector.master === false) parts.push(say('plugged into no bridge', '未接入任何网桥'));
  else if (selector.master !== undefined)
    parts.push(put('plugged into bridge %', '已接入网桥 %', same(selector.master)));
  if (selector.address !== undefined) parts.push(put('with address %', '地址为 %', same(selector.address)));
  if (selector.promiscuous !== undefined)
    parts.push(selector.promiscuous ? say('promiscuous', '处于混杂模式') : say('not promiscuous', '不处于混杂模式'));
  return comma(parts);
}

/** `eth0 (veth, up, other end veth1.1 in host, 10.1.0.2/24)` */
function linkWords(snapshot: Snapshot, found: FoundLink): Bilingual {
  const { link, network } = found;
  const facts: Bilingual[] = [link.up ? say('up', '已启用') : say('down', '未启用')];
  if (link.peer)
    facts.push(
      say(
        `other end ${link.peer.name ?? `#${link.peer.index}`} in ${labelOf(snapshot, link.peer.ns)}`,
        `另一端是 ${labelOf(snapshot, link.peer.ns)} 里的 ${link.peer.name ?? `#${link.peer.index}`}`,
      ),
    );
  const master = network.links.find((one) => one.index === link.master);
  if (master) facts.push(put('in bridge %', '已接入 %', same(master.name)));
  for (const address of link.addresses)
    if (address.family === 'inet') facts.push(same(`${address.address}/${address.prefix}`));
  return put('% (%)', '%（%）', same(link.name), comma(facts));
}

function observedLinks(snapshot: Snapshot, selector: LinkSelector): Bilingual {
  const missing = noSuchPlace(snapshot, selector.in);
  if (missing) return missing;
  const all = at(snapshot, selector.in).flatMap((network) => network.links.map((link) => ({ link, network })));
  const near = all.filter(({ link }) =>
    selector.name !== undefined
      ? link.name === selector.name
      : selector.kind === undefined || link.kind === selector.kind,
  );
  const shown = near.length > 0 ? near : all.filter(({ link }) => link.kind !== 'loopback');
  if (shown.length === 0) return put('% has only its loopback', '% 里只有回环接口', placeWords(selector.in));
  return put(
    '% has %',
    '% 里有 %',
    placeWords(selector.in),
    list(
      shown.map((found) => linkWords(snapshot, found)),
      5,
    ),
  );
}

export function checkLink(snapshot: Snapshot, spec: LinkSelector): CheckResult {
  const found = selectLinks(snapshot, spec);
  const observed =
    found.length > 0
      ? put(
          'found %',
          '找到 %',
          list(
            found.map((one) => linkWords(snapshot, one)),
            3,
          ),
        )
      : observedLinks(snapshot, spec);
  return outcome(found.length > 0 ? 'passed' : 'notYet', describeLink(spec), observed, `${SOURCE} RTM_GETLINK`);
}

export function checkAddr(snapshot: Snapshot, spec: CheckSpecs['addr']): CheckResult {
  const selector: LinkSelector = {
    ...(spec.in !== undefined ? { in: spec.in } : {}),
    ...(typeof spec.link === 'string' ? { name: spec.link } : (spec.link ?? {})),
  };
  const family = spec.family ?? (spec.address?.includes(':') ? 'inet6' : 'inet');
  const hit = selectLinks(snapshot, selector).flatMap(({ link }) =>
    link.addresses
      .filter((address) => {
        if (address.family !== family) return false;
        if (spec.address !== undefined) return matchesAddress({ ...link, addresses: [address] }, spec.address);
        if (spec.inside !== undefined) return inCidr(address.address, spec.inside);
        return address.scope === 'global';
      })
      .map((address) => `${link.name} ${address.address}/${address.prefix}`),
  );
  const what =
    spec.address !== undefined
      ? put('the address %', '地址 %', same(spec.address))
      : spec.inside !== undefined
        ? put('an address of %', '% 内的地址', same(spec.inside))
        : say('an address', '地址');
  const on =
    typeof spec.link === 'string'
      ? put('interface % in %', '% 里的接口 %', same(spec.link), placeWords(spec.in))
      : put('some interface in %', '% 里的某个接口', placeWords(spec.in));
  const onZh =
    typeof spec.link === 'string'
      ? { en: on.en, zh: put('', '% 里的接口 %', placeWords(spec.in), same(spec.link)).zh }
      : on;
  return outcome(
    hit.length > 0 ? 'passed' : 'notYet',
    put('% has %', '% 配置了%', onZh, what),
    hit.length > 0
      ? put('found %', '找到 %', list(hit.map(same), 4))
      : observedLinks(snapshot, { ...(spec.in !== undefined ? { in: spec.in } : {}) }),
    `${SOURCE} RTM_GETADDR`,
  );
}

export function checkRoute(snapshot: Snapshot, spec: CheckSpecs['route']): CheckResult {
  const normal = (destination: string): string =>
    destination === '0.0.0.0/0' ? 'default' : destination.replace(/\/32$/, '');
  const routes = at(snapshot, spec.in)
    .flatMap((network) => network.routes)
    .filter((route) => route.table === 254);
  const hit = routes.filter(
    (route) =>
      normal(route.destination) === normal(spec.to) &&
      (spec.via === undefined || (spec.via === false ? route.via === null : route.via === spec.via)) &&
      (spec.device === undefined || route.device === spec.device),
  );
  const words = (route: (typeof routes)[number]): Bilingual =>
    same(`${route.destination}${route.via ? ` via ${route.via}` : ''}${route.device ? ` dev ${route.device}` : ''}`);
  const parts = [put('% has a route to %', '% 有一条到 % 的路由', placeWords(spec.in), same(spec.to))];
  if (typeof spec.via === 'string') parts.push(put('through %', '经由 %', same(spec.via)));
  if (spec.via === false) parts.push(say('directly connected', '直连'));
  if (spec.device !== undefined) parts.push(put('out of %', '从 % 发出', same(spec.device)));
  const inet = routes.filter((route) => route.family === 'inet');
  const observed =
    hit.length > 0
      ? put('found %', '找到 %', list(hit.map(words), 3))
      : (noSuchPlace(snapshot, spec.in) ??
        (inet.length === 0
          ? put('% has no route', '% 没有任何路由', placeWords(spec.in))
          : put('% has %', '% 有 %', placeWords(spec.in), list(inet.map(words), 5))));
  return outcome(hit.length > 0 ? 'passed' : 'notYet', comma(parts), observed, `${SOURCE} RTM_GETROUTE`);
}

export function selectBridges(snapshot: Snapshot, spec: CheckSpecs['bridge']): readonly FoundLink[] {
  return selectLinks(snapshot, {
    ...(spec.in !== undefined ? { in: spec.in } : {}),
    kind: 'bridge',
    ...(spec.name !== undefined ? { name: spec.name } : {}),
    ...(spec.up !== undefined ? { up: spec.up } : {}),
    ...(spec.address !== undefined ? { address: spec.address } : {}),
  }).filter(({ link, network }) => {
    const ports = network.links.filter((one) => one.master === link.index);
    if (spec.ports !== undefined && !matchesAmount(ports.length, spec.ports)) return false;
    return (spec.leadsTo ?? []).every((place) => {
      const ids = namespacesAt(snapshot, 'net', place, (inner) => selectProcesses(snapshot, inner));
      return ports.some((port) => port.peer?.ns !== undefined && port.peer.ns !== null && ids.has(port.peer.ns));
    });
  });
}

export function checkBridge(snapshot: Snapshot, spec: CheckSpecs['bridge']): CheckResult {
  const parts: Bilingual[] = [
    spec.name === undefined
      ? put('% has a bridge', '% 里有一个网桥', placeWords(spec.in))
      : put('% has a bridge named %', '% 里有一个名为 % 的网桥', placeWords(spec.in), same(spec.name)),
  ];
  if (spec.up !== undefined) parts.push(spec.up ? say('up', '已启用') : say('down', '未启用'));
  if (spec.ports !== undefined) parts.push(put('with % ports', '有 % 个端口', amountWords(spec.ports)));
  if (spec.leadsTo !== undefined)
    parts.push(put('with a cable to each of %', '分别有网线通向 %', list(spec.leadsTo.map(placeWords))));
  if (spec.address !== undefined) parts.push(put('with address %', '地址为 %', same(spec.address)));
  const found = selectBridges(snapshot, spec);
  const all = selectLinks(snapshot, { ...(spec.in !== undefined ? { in: spec.in } : {}), kind: 'bridge' });
  const words = ({ link, network }: FoundLink): Bilingual => {
    const ports = network.links
      .filter((one) => one.master === link.index)
      .map((port) => same(`${port.name}${port.peer ? `→${labelOf(snapshot, port.peer.ns)}` : ''}`));
    return put(
      '% (%; ports: %)',
      '%（%；端口：%）',
      same(link.name),
      link.up ? say('up', '已启用') : say('down', '未启用'),
      ports.length === 0 ? say('none', '无') : list(ports),
    );
  };
  const observed =
    found.length > 0
      ? put('found %', '找到 %', list(found.map(words), 2))
      : (noSuchPlace(snapshot, spec.in) ??
        (all.length === 0
          ? put('% has no bridge', '% 里没有网桥', placeWords(spec.in))
          : put('% has %', '% 里有 %', placeWords(spec.in), list(all.map(words), 3))));
  return outcome(found.length > 0 ? 'passed' : 'notYet', comma(parts), observed, `${SOURCE} RTM_GETLINK`);
}

export function checkPort(snapshot: Snapshot, spec: CheckSpecs['port']): CheckResult {
  const all = at(snapshot, spec.in).flatMap((network) => network.listening);
  const hit = all.filter(
    (one) =>
      matchesAmount(one.port, spec.port) &&
      one.protocol.startsWith(spec.protocol ?? 'tcp') &&
      (spec.address === undefined || one.address === spec.address),
  );
  const words = (one: (typeof all)[number]): Bilingual => same(`${one.protocol} ${one.address}:${one.port}`);
  return outcome(
    hit.length > 0 ? 'passed' : 'notYet',
    put(
      `something listens on ${spec.protocol ?? 'tcp'} port % in %`,
      `有程序在监听 ${spec.protocol ?? 'tcp'} 端口 %，位置：%`,
      amountWords(spec.port),
      placeWords(spec.in),
    ),
    hit.length > 0
      ? put('found %', '找到 %', list(hit.map(words), 3))
      : (noSuchPlace(snapshot, spec.in) ??
          (all.length === 0
            ? say('nothing listens there', '那里没有任何监听')
            : put('listening there: %', '那里的监听：%', list(all.map(words), 6)))),
    '/proc/[pid]/net/{tcp,udp}',
  );
}

/** `10.0.0.1` and `10.0.0.1/32`, `NEW,ESTABLISHED` and `ESTABLISHED,NEW` in one form. */
function normalMatch(value: string): string {
  const plain = value.replace(/\/32$/, '').replace(/^! /, '!').toLowerCase();
  return plain.includes(',') ? plain.split(',').sort().join(',') : plain;
}

export function matchesRule(rule: FirewallRule, spec: CheckSpecs['firewall']): boolean {
  if (rule.table !== spec.table || rule.family !== (spec.family ?? 'inet')) return false;
  if (spec.chain !== undefined && rule.chain !== spec.chain) return false;
  if (spec.target !== undefined && rule.target !== spec.target) return false;
  const wanted = Object.entries(spec.match ?? {}).map(
    ([key, value]) => [key === 'state' ? 'ctstate' : key, String(value)] as const,
  );
  for (const [key, value] of wanted) {
    const found = rule.match[key];
    if (found === undefined || normalMatch(found) !== normalMatch(value)) return false;
  }
  for (const [key, value] of Object.entries(spec.options ?? {})) if (rule.options[key] !== String(value)) return false;
  if (spec.packets !== undefined && !matchesAmount(rule.packets, spec.packets)) return false;
  return (
    spec.extra === true ||
    spec.match === undefined ||
    Object.keys(rule.match).every((key) => wanted.some(([name]) => name === key))
  );
}

export function selectRules(snapshot: Snapshot, spec: CheckSpecs['firewall']): readonly FirewallRule[] {
  return at(snapshot, spec.in).flatMap((network) =>
    (network.firewall?.rules ?? []).filter((rule) => matchesRule(rule, spec)),
  );
}

export function checkFirewall(snapshot: Snapshot, spec: CheckSpecs['firewall']): CheckResult {
  const source = 'iptables-save';
  const networks = at(snapshot, spec.in);
  const where = placeWords(spec.in);
  if (spec.policy !== undefined) {
    const expected = put(
      `the policy of ${spec.table}/${spec.chain ?? '?'} in % is ${spec.policy}`,
      `% 里 ${spec.table}/${spec.chain ?? '?'} 链的默认策略为 ${spec.policy}`,
      where,
    );
    const chains = networks.flatMap((network) =>
      (network.firewall?.chains ?? []).filter(
        (chain) => chain.table === spec.table && chain.chain === spec.chain && chain.family === (spec.family ?? 'inet'),
      ),
    );
    const unread = networks.some((network) => network.firewall === null);
    // A built-in chain that no rule ever touched does not exist in nft's tables; its policy is then ACCEPT.
    const policy = chains[0]?.policy ?? 'ACCEPT';
    if (networks.length === 0) return outcome('notYet', expected, noSuchPlace(snapshot, spec.in) ?? same('?'), source);
    if (unread)
      return outcome('couldNotMeasure', expected, say('the firewall could not be read', '无法读取防火墙'), source);
    return outcome(
      policy === spec.policy ? 'passed' : 'notYet',
      expected,
      put('the policy is %', '默认策略为 %', same(policy)),
      source,
    );
  }
  const parts: Bilingual[] = [
    put(
      `% has a rule in ${[spec.table, spec.chain].filter((part) => part !== undefined).join('/')}`,
      `% 的 ${[spec.table, spec.chain].filter((part) => part !== undefined).join('/')} 里有一条规则`,
      where,
    ),
  ];
  const matches = Object.entries(spec.match ?? {}).map(([key, value]) => same(`${key} ${value}`));
  if (matches.length > 0) parts.push(put('for %', '匹配 %', list(matches)));
  if (spec.target !== undefined)
    parts.push(
      put(
        'with target %',
        '目标为 %',
        same([spec.target, ...Object.entries(spec.options ?? {}).map(([key, value]) => `${key} ${value}`)].join(' ')),
      ),
    );
  if (spec.packets !== undefined)
    parts.push(put('that has seen % packets', '已匹配 % 个包', amountWords(spec.packets)));
  const expected = comma(parts);
  const found = selectRules(snapshot, spec);
  if (found.length > 0)
    return outcome(
      'passed',
      expected,
      put(
        'found %',
        '找到 %',
        list(
          found.map((rule) => same(rule.text)),
          2,
        ),
      ),
      source,
    );
  const missing = noSuchPlace(snapshot, spec.in);
  if (missing) return outcome('notYet', expected, missing, source);
  if (networks.some((network) => network.firewall === null))
    return outcome('couldNotMeasure', expected, say('the firewall could not be read', '无法读取防火墙'), source);
  const near = networks.flatMap((network) =>
    (network.firewall?.rules ?? []).filter((rule) => rule.table === spec.table),
  );
  const observed =
    near.length === 0
      ? put(`table ${spec.table} of % has no rule`, `% 的 ${spec.table} 表里没有规则`, where)
      : put(
          `table ${spec.table} has %`,
          `${spec.table} 表里有 %`,
          list(
            near.map((rule) => same(`${rule.text}${spec.packets !== undefined ? ` [${rule.packets}]` : ''}`)),
            4,
          ),
        );
  return outcome('notYet', expected, observed, source);
}
