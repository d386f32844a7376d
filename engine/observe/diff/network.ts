import type {
  FirewallChain,
  FirewallRule,
  Link,
  LinkAddress,
  ListeningPort,
  Neighbour,
  NetworkNamespace,
  Route,
  Snapshot,
} from '../../api/types.js';
import { compareLists, type Difference } from './compare.js';

/** A link with the namespace that it is in: what a change of object `link` carries. */
export interface PlacedLink extends Link {
  readonly ns: string;
  readonly nsLabel: string;
}

/** An address with its link: what a change of object `address` carries. */
export interface PlacedAddress extends LinkAddress {
  readonly device: string;
}

/** A sysctl: what a change of object `sysctl` carries. */
export interface SysctlValue {
  readonly name: string;
  readonly value: string;
}

/** Links, addresses, routes, neighbours, rules, sysctls and ports of every network namespace. */
export function diffNetworks(before: Snapshot, after: Snapshot): Difference[] {
  const old = new Map(before.networks.map((one) => [one.id, one]));
  const current = new Map(after.networks.map((one) => [one.id, one]));
  const found: Difference[] = [];
  for (const [id, one] of old) {
    // What was in a namespace that is gone went with it; only its links are told (`lo` apart), as their other ends went too.
    if (!current.has(id)) found.push(...diffLinks(one, { ...one, links: one.links.filter(isLoopback) }));
  }
  for (const [id, one] of current) {
    const was = old.get(id) ?? emptyOf(one);
    if (was !== one) found.push(...diffNetwork(was, one));
  }
  return joinMoves(found);
}

function isLoopback({ kind }: Link): boolean {
  return kind === 'loopback';
}

/** A namespace as it begins: with its `lo`, which is not told, and the settings that it has. */
function emptyOf(one: NetworkNamespace): NetworkNamespace {
  return {
    ...one,
    links: one.links.filter(isLoopback).map((lo) => ({ ...lo, up: false, carrier: false, addresses: [] })),
    routes: [],
    neighbours: [],
    firewall: null,
    listening: [],
  };
}

function diffNetwork(before: NetworkNamespace, after: NetworkNamespace): Difference[] {
  const place = (): string => after.label;
  const at = after.id;
  return [
    ...diffLinks(before, after),
    ...compareLists(addressesOf(before), addressesOf(after), {
      object: 'address',
      key: ({ device, address, prefix }) => `${at}/${device}/${address}/${prefix}`,
      place,
      name: ({ address, prefix }) => `${address}/${prefix}`,
      essence: ({ scope, broadcast }) => ({ scope, broadcast }),
    }),
    ...compareLists<Route>(before.routes, after.routes, {
      object: 'route',
      key: (route) =>
        `${at}/route/${route.family}/${route.table}/${route.destination}/${route.via ?? ''}/${route.device ?? ''}/${route.metric}`,
      place,
      name: ({ destination }) => destination,
      essence: ({ source, protocol, scope }) => ({ source, protocol, scope }),
    }),
    ...compareLists<Neighbour>(known(before.neighbours), known(after.neighbours), {
      object: 'neighbour',
      key: ({ address, device }) => `${at}/neighbour/${device}/${address}`,
      place,
      name: ({ address }) => address,
      // REACHABLE, STALE, DELAY and PROBE come and go by themselves.
      essence: ({ mac }) => mac,
    }),
    ...compareLists<FirewallChain>(before.firewall?.chains ?? [], after.firewall?.chains ?? [], {
      object: 'firewall-chain',
      key: ({ family, table, chain }) => `${at}/chain/${family}/${table}/${chain}`,
      place,
      name: ({ table, chain }) => `${table} ${chain}`,
      essence: ({ policy }) => policy,
    }).filter((change) => !isUntouchedChain(change)),
    ...diffRules(before, after),
    ...diffSysctls(before, after),
    ...compareLists<ListeningPort>(before.listening, after.listening, {
      object: 'listening-port',
      key: ({ protocol, address, port }) => `${at}/port/${protocol}/${address}/${port}`,
      place,
      name: ({ protocol, port }) => `${port}/${protocol}`,
      essence: () => null,
    }),
  ];
}

function diffLinks(before: NetworkNamespace, after: NetworkNamespace): Difference[] {
  const renamed = new Map(before.links.map((link) => [link.index, link.name]));
  const placed = (one: NetworkNamespace): PlacedLink[] =>
    one.links.map((link) => ({ ...link, ns: one.id, nsLabel: one.label }));
  // A link keeps its index when it is renamed, so names are compared under the name it has now.
  const now = new Map(after.links.map((link) => [link.index, link]));
  const nameNow = (link: Link): string => {
    const present = now.get(link.index);
    return present !== undefined && present.mac === link.mac && renamed.get(link.index) === link.name
      ? present.name
      : link.name;
  };
  const keyed = placed(before).map((link) => ({ link, key: nameNow(link) }));
  return compareLists(
    keyed,
    placed(after).map((link) => ({ link, key: link.name })),
    {
      object: 'link',
      key: ({ key }) => `${after.id}/${key}`,
      place: () => after.label,
      name: ({ link }) => link.name,
      essence: ({ link }) => essenceOfLink(link),
    },
  ).map(unwrapLink);
}

function unwrapLink(change: Difference): Difference {
  const unwrap = (value: unknown): unknown => (value as { link: PlacedLink } | undefined)?.link;
  const { before, after, ...rest } = change;
  return {
    ...rest,
    ...(before === undefined ? {} : { before: unwrap(before) }),
    ...(after === undefined ? {} : { after: unwrap(after) }),
  };
}

/** Without counters, without addresses (objects of their own), and without operstate, which follows from up and carrier. */
function essenceOfLink(link: Link): unknown {
  const { name, kind, mac, mtu, up, carrier, promiscuous, master, peer, bridge, vxlan, macvlan, ipvlan } = link;
  return {
    name,
    kind,
    mac,
    mtu,
    up,
    carrier,
    promiscuous,
    master,
    peer: peer?.name ?? null,
    peerNs: peer?.ns ?? null,
    bridge,
    vxlan,
    macvlan,
    ipvlan,
  };
}

/** A link that left one namespace and is in another with the same hardware address and kind has moved: one change, at the new place. */
function joinMoves(changes: readonly Difference[]): Difference[] {
  const left = new Map<string, Difference>();
  for (const change of changes) {
    if (change.object !== 'link' || change.kind !== 'removed') continue;
    const { kind, mac } = change.before as PlacedLink;
    if (mac !== '' && mac !== '00:00:00:00:00:00') left.set(`${kind} ${mac}`, change);
  }
  const moved = new Map<Difference, Difference>();
  for (const change of changes) {
    if (change.object !== 'link' || change.kind !== 'added') continue;
    const { kind, mac, ns } = change.after as PlacedLink;
    const from = left.get(`${kind} ${mac}`);
    if (from !== undefined && (from.before as PlacedLink).ns !== ns) moved.set(change, from);
  }
  const gone = new Set(moved.values());
  return changes
    .filter((change) => !gone.has(change))
    .map((change) => {
      const from = moved.get(change);
      return from === undefined ? change : { ...change, kind: 'changed', before: from.before };
    });
}

function addressesOf(one: NetworkNamespace): PlacedAddress[] {
  return one.links.flatMap((link) => link.addresses.map((address) => ({ ...address, device: link.name })));
}

function known(neighbours: readonly Neighbour[]): Neighbour[] {
  return neighbours.filter(({ mac }) => mac !== null);
}

/** iptables makes a table's built-in chains when it is first looked at; accepting everything, they change nothing. */
function isUntouchedChain(change: Difference): boolean {
  if (change.kind === 'changed') return false;
  const chain = (change.after ?? change.before) as FirewallChain;
  return chain.policy === 'ACCEPT';
}

function diffRules(before: NetworkNamespace, after: NetworkNamespace): Difference[] {
  return compareLists(numbered(before.firewall?.rules ?? []), numbered(after.firewall?.rules ?? []), {
    object: 'firewall-rule',
    key: ({ rule, copy }) =>
      `${after.id}/rule/${rule.family}/${rule.table}/${rule.chain}/${rule.text}${copy === 0 ? '' : ` #${copy}`}`,
    place: () => after.label,
    name: ({ rule }) => rule.text,
    essence: () => null,
  }).map(({ before: was, after: is, ...rest }) => ({
    ...rest,
    ...(was === undefined ? {} : { before: (was as { rule: FirewallRule }).rule }),
    ...(is === undefined ? {} : { after: (is as { rule: FirewallRule }).rule }),
  }));
}

/** The same rule may be there twice: the copies are told apart by their number. */
function numbered(rules: readonly FirewallRule[]): { rule: FirewallRule; copy: number }[] {
  const copies = new Map<string, number>();
  return rules.map((rule) => {
    const key = `${rule.family} ${rule.table} ${rule.text}`;
    const copy = copies.get(key) ?? 0;
    copies.set(key, copy + 1);
    return { rule, copy };
  });
}

/** Settings of a device come and go with it; told is what somebody wrote. */
function diffSysctls(before: NetworkNamespace, after: NetworkNamespace): Difference[] {
  const list = (one: NetworkNamespace): SysctlValue[] =>
    Object.entries(one.sysctls).map(([name, value]) => ({ name, value }));
  return compareLists(list(before), list(after), {
    object: 'sysctl',
    key: ({ name }) => `${after.id}/sysctl/${name}`,
    place: () => after.label,
    name: ({ name }) => name,
    essence: ({ value }) => value,
  }).filter(({ kind }) => kind === 'changed');
}
