/** Snapshots made tersely, for tests of what is built on them: `lab().ns('r1').veth('host/veth1.1', 'r1/veth1.2').build()`. */
import type {
  Cgroup,
  CgroupView,
  FirewallChain,
  FirewallRule,
  LayerDir,
  LayerEntry,
  Link,
  LinkAddress,
  LinkKind,
  ListeningPort,
  Namespace,
  NamespaceHolder,
  NamespaceKind,
  NetworkNamespace,
  OverlayStack,
  Process,
  Route,
  Snapshot,
} from '../../engine/api/types.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface NetDraft {
  id: string;
  label: string;
  links: Mutable<Link>[];
  routes: Route[];
  rules: FirewallRule[];
  chains: FirewallChain[];
  sysctls: Record<string, string>;
  listening: ListeningPort[];
  firewall: boolean;
}

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

export class SnapshotBuilder {
  readonly #nets: NetDraft[] = [];
  readonly #namespaces: Mutable<Namespace>[] = [];
  readonly #processes: Process[] = [];
  readonly #overlays: OverlayStack[] = [];
  readonly #cgroups: Cgroup[] = [];
  readonly #problems: { part: Snapshot['problems'][number]['part']; reason: string }[] = [];
  #mode: CgroupView['mode'] = 'none';
  #inode = 4026532000;
  #at = NOW;
  #seq = 1;

  constructor() {
    for (const kind of ['user', 'mnt', 'uts', 'ipc', 'pid', 'cgroup', 'net', 'time'] as const) {
      this.namespace(kind, { isLabHost: kind !== 'time', isMachine: kind === 'time', members: [1] });
    }
    this.process(1, { comm: 'init' });
  }

  /** Add a namespace of any kind and give back its id. */
  namespace(kind: NamespaceKind, more: Partial<Namespace> = {}): string {
    const inode = this.#inode++;
    const owner = this.#namespaces.find((ns) => ns.kind === 'user' && ns.isLabHost)?.id ?? null;
    const base: Namespace = {
      id: `${kind}:[${inode}]`,
      kind,
      inode,
      owner,
      parent: null,
      members: [],
      heldBy: [],
      names: [],
      isLabHost: false,
      isMachine: false,
    };
    const ns = { ...base, ...more };
    this.#namespaces.push(ns);
    if (kind === 'net') {
      const label = ns.isLabHost ? 'host' : (ns.names[0] ?? `pid ${ns.members[0] ?? '?'}`);
      this.#nets.push({
        id: ns.id,
        label,
        links: [],
        routes: [],
        rules: [],
        chains: [],
        sysctls: {},
        listening: [],
        firewall: true,
      });
      this.link(label, 'lo', {
        kind: 'loopback',
        up: ns.isLabHost,
        addresses: ns.isLabHost ? [address('127.0.0.1/8')] : [],
      });
    }
    return ns.id;
  }

  /** A network namespace that a bind mount keeps alive, as `ip netns add` makes it. */
  ns(name: string, more: Partial<Namespace> = {}): this {
    const heldBy: NamespaceHolder[] = [{ how: 'bind-mount', path: `/run/netns/${name}` }];
    this.namespace('net', { names: [name], heldBy, ...more });
    return this;
  }

  #net(label: string): NetDraft {
    const net = this.#nets.find((one) => one.label === label);
    if (net === undefined) throw new Error(`no network namespace ${label} in the snapshot under construction`);
    return net;
  }

  id(label: string): string {
    return this.#net(label).id;
  }

  link(label: string, name: string, more: Partial<Link> = {}): this {
    const net = this.#net(label);
    const index = more.index ?? net.links.reduce((max, link) => Math.max(max, link.index), 0) + 1;
    const up = more.up ?? true;
    net.links.push({
      index,
      name,
      kind: 'dummy',
      mac: `02:00:00:00:${hex(this.#nets.indexOf(net))}:${hex(index)}`,
      mtu: 1500,
      up,
      carrier: up,
      operstate: up ? 'UP' : 'DOWN',
      promiscuous: false,
      master: null,
      peer: null,
      addresses: [],
      rxBytes: 0,
      txBytes: 0,
      rxPackets: 0,
      txPackets: 0,
      ...more,
    });
    return this;
  }

  /** `place` is `ns/link`. */
  #find(place: string): [NetDraft, Mutable<Link>] {
    const at = place.indexOf('/');
    const net = this.#net(place.slice(0, at));
    const link = net.links.find((one) => one.name === place.slice(at + 1));
    if (link === undefined) throw new Error(`no link ${place} in the snapshot under construction`);
    return [net, link];
  }

  /** A veth pair, both ends up unless told otherwise; addresses as CIDR. */
  veth(a: string, b: string, more: { up?: boolean; a?: string[]; b?: string[] } = {}): this {
    const up = more.up ?? true;
    for (const [place, list] of [
      [a, more.a],
      [b, more.b],
    ] as const) {
      const at = place.indexOf('/');
      this.link(place.slice(0, at), place.slice(at + 1), { kind: 'veth', up, addresses: (list ?? []).map(address) });
    }
    const [netA, linkA] = this.#find(a);
    const [netB, linkB] = this.#find(b);
    linkA.peer = { ns: netB.id, index: linkB.index, name: linkB.name };
    linkB.peer = { ns: netA.id, index: linkA.index, name: linkA.name };
    return this;
  }

  bridge(place: string, ports: readonly string[] = [], addresses: readonly string[] = []): this {
    const at = place.indexOf('/');
    const label = place.slice(0, at);
    this.link(label, place.slice(at + 1), {
      kind: 'bridge',
      addresses: addresses.map(address),
      bridge: { stp: false, vlanFiltering: false },
    });
    const [, bridge] = this.#find(place);
    for (const port of ports) this.#find(`${label}/${port}`)[1].master = bridge.index;
    return this;
  }

  set(place: string, more: Partial<Link>): this {
    Object.assign(this.#find(place)[1], more);
    return this;
  }

  route(
    label: string,
    destination: string,
    via: string | null,
    device: string | null,
    more: Partial<Route> = {},
  ): this {
    this.#net(label).routes.push({
      destination,
      family: destination.includes(':') ? 'inet6' : 'inet',
      via,
      device,
      source: null,
      protocol: 'boot',
      scope: 'global',
      table: 254,
      metric: 0,
      ...more,
    });
    return this;
  }

  rule(label: string, rule: Partial<FirewallRule>): this {
    this.#net(label).rules.push({
      family: 'inet',
      table: 'filter',
      chain: 'FORWARD',
      match: {},
      target: 'ACCEPT',
      options: {},
      packets: 0,
      bytes: 0,
      text: `-A ${rule.chain ?? 'FORWARD'} -j ${rule.target ?? 'ACCEPT'}`,
      ...rule,
    });
    return this;
  }

  masquerade(label: string, source: string, out?: string): this {
    return this.rule(label, {
      table: 'nat',
      chain: 'POSTROUTING',
      match: { source, ...(out === undefined ? {} : { outInterface: out }) },
      target: 'MASQUERADE',
      text: `-A POSTROUTING -s ${source} -j MASQUERADE`,
    });
  }

  dnat(label: string, port: string, to: string): this {
    return this.rule(label, {
      table: 'nat',
      chain: 'PREROUTING',
      match: { protocol: 'tcp', dport: port },
      target: 'DNAT',
      options: { to },
      text: `-A PREROUTING -p tcp -m tcp --dport ${port} -j DNAT --to-destination ${to}`,
    });
  }

  policy(label: string, chain: string, policy: string): this {
    this.#net(label).chains.push({ family: 'inet', table: 'filter', chain, policy, packets: 0, bytes: 0 });
    return this;
  }

  sysctl(label: string, name: string, value: string): this {
    this.#net(label).sysctls[name] = value;
    return this;
  }

  listen(label: string, port: number, more: Partial<ListeningPort> = {}): this {
    this.#net(label).listening.push({ protocol: 'tcp', address: '0.0.0.0', port, pid: null, ...more });
    return this;
  }

  /** A process; by default in all of the lab host's namespaces, whose `members` it joins. */
  process(pid: number, more: Partial<Process> = {}): this {
    const own = Object.fromEntries(
      this.#namespaces.filter((ns) => ns.isLabHost || ns.isMachine).map((ns) => [ns.kind, ns.id]),
    );
    const namespaces = { ...own, ...more.namespaces };
    this.#processes.push({
      pid,
      hostPid: 10_000 + pid,
      startTime: 1000 + pid,
      ppid: pid === 1 ? 0 : 1,
      nspid: [pid],
      comm: 'sh',
      argv: [more.comm ?? 'sh'],
      state: 'S',
      uid: 0,
      gid: 0,
      root: '/',
      cwd: '/',
      cgroups: {},
      capEff: '000001ffffffffff',
      capBnd: '000001ffffffffff',
      seccomp: 0,
      noNewPrivs: false,
      uidMap: [{ inside: 0, outside: 0, count: 65536 }],
      gidMap: [{ inside: 0, outside: 0, count: 65536 }],
      oomScoreAdj: 0,
      ...more,
      namespaces,
    });
    for (const id of Object.values(namespaces)) {
      const ns = this.#namespaces.find((one) => one.id === id);
      if (ns !== undefined && !ns.members.includes(pid)) ns.members = [...ns.members, pid].sort((a, b) => a - b);
    }
    return this;
  }

  overlay(mountPoint: string, layers: readonly LayerDir[], more: Partial<OverlayStack> = {}): this {
    const ns = this.#namespaces.find((one) => one.kind === 'mnt')!.id;
    this.#overlays.push({ ns, mountPoint, layers, readOnly: !layers.some((layer) => layer.role === 'upper'), ...more });
    return this;
  }

  cgroupMode(mode: CgroupView['mode']): this {
    this.#mode = mode;
    return this;
  }

  cgroup(path: string, hierarchy = '', more: Partial<Cgroup> = {}): this {
    if (this.#mode === 'none') this.#mode = hierarchy === '' ? 'v2' : 'v1';
    this.#cgroups.push({
      path,
      hierarchy,
      procs: [],
      memory: null,
      cpu: null,
      pids: null,
      cpuset: null,
      freezer: null,
      io: null,
      ...more,
    });
    return this;
  }

  problem(part: Snapshot['problems'][number]['part'], reason: string): this {
    this.#problems.push({ part, reason });
    return this;
  }

  at(milliseconds: number): this {
    this.#at = NOW + milliseconds;
    this.#seq = 1 + milliseconds;
    return this;
  }

  build(): Snapshot {
    const networks: NetworkNamespace[] = this.#nets.map((net) => ({
      id: net.id,
      label: net.label,
      links: [...net.links],
      routes: net.routes,
      neighbours: [],
      rules: [],
      firewall: net.firewall ? { chains: net.chains, rules: net.rules, nftOnly: [] } : null,
      sysctls: net.sysctls,
      listening: net.listening,
    }));
    const names = [...new Set(this.#cgroups.map((group) => group.hierarchy))];
    return {
      version: 1,
      seq: this.#seq,
      takenAt: this.#at,
      lab: {
        id: 'lab1',
        hostname: 'glassbox',
        initHostPid: 10_001,
        startedAt: NOW,
        readyMs: 50,
        mode: 'root',
        cgroupMode: this.#mode,
        weaknesses: [],
        kept: null,
      },
      hostname: 'glassbox',
      namespaces: this.#namespaces,
      processes: this.#processes,
      networks,
      mountTables: [],
      overlays: this.#overlays,
      cgroups: {
        mode: this.#mode,
        groups: this.#cgroups,
        hierarchies: names.map((name) => ({
          name,
          controllers: name === '' ? ['cpu', 'memory', 'pids'] : name.split(','),
          mountPoint: `/sys/fs/cgroup/${name}`,
          writable: true,
        })),
      },
      problems: this.#problems,
    };
  }
}

export function lab(): SnapshotBuilder {
  return new SnapshotBuilder();
}

export function address(cidr: string): LinkAddress {
  const [ip, prefix] = cidr.split('/') as [string, string];
  const scope = ip.startsWith('127.') || ip === '::1' ? 'host' : ip.startsWith('fe80:') ? 'link' : 'global';
  return { family: ip.includes(':') ? 'inet6' : 'inet', address: ip, prefix: Number(prefix), scope };
}

export function layer(
  role: LayerDir['role'],
  path: string,
  entries: readonly (LayerEntry | string)[] = [],
  more: Partial<LayerDir> = {},
): LayerDir {
  const list = entries.map(
    (entry): LayerEntry => (typeof entry === 'string' ? { path: entry, type: 'file', bytes: 100 } : entry),
  );
  const files = list.filter((entry) => entry.type === 'file');
  return {
    role,
    path,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    entries: list,
    truncated: false,
    ...more,
  };
}

/** Kinds of links that a builder can make with `link`. */
export type { LinkKind };

function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}
