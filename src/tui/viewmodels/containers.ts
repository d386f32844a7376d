/**
 * The containers of a snapshot, found by what the kernel has of them: network namespace, process, control group, layers.
 * Names and references were chosen by people: they are made visible here, once for all pictures.
 */
import type { Bilingual, Container, NamespaceId, Snapshot } from '../../../engine/api/types.js';
import type { Lang } from '../panel.js';
import type { Mark, MarkIndex } from './marks.js';
import { visible } from './safe-text.js';

export interface ContainerFact {
  readonly id: string;
  /** The first twelve digits of the id, as `docker ps` shows them. */
  readonly short: string;
  readonly name: string;
  readonly image: string;
  readonly state: Container['state'];
  readonly exitCode: number | null;
  /** Whose network it is in: its own, the lab host's, another container's by this name. */
  readonly network: 'own' | 'host' | { readonly of: string };
  readonly container: Container;
}

export interface ContainerIndex {
  readonly all: readonly ContainerFact[];
  byId(id: string | undefined): ContainerFact | null;
  /** Containers in a network namespace, the one that it was made for first. */
  inNetwork(ns: NamespaceId): readonly ContainerFact[];
  ofProcess(pid: number): ContainerFact | null;
  ofCgroup(path: string): ContainerFact | null;
  /** Container that has this address, without a prefix length. */
  ofAddress(address: string): ContainerFact | null;
  /** Name of the engine's network whose bridge this interface of the lab host is. */
  networkOfBridge(link: string): string | null;
}

const SHORT = 12;
const known = new WeakMap<Snapshot, ContainerIndex>();

export function containersOf(snapshot: Snapshot): ContainerIndex {
  const index = known.get(snapshot) ?? indexOf(snapshot);
  known.set(snapshot, index);
  return index;
}

function indexOf(snapshot: Snapshot): ContainerIndex {
  const containers = snapshot.containers ?? [];
  const host = snapshot.namespaces.find((ns) => ns.kind === 'net' && ns.isLabHost)?.id;
  const nets = new Map(snapshot.namespaces.flatMap((ns) => (ns.kind === 'net' ? [[ns.id, ns] as const] : [])));
  const facts = containers.map((one): ContainerFact => {
    const net = one.namespaces.net;
    const owner = net === undefined ? undefined : nets.get(net)?.containers?.[0];
    return {
      id: one.id,
      short: one.id.slice(0, SHORT),
      name: visible(one.name),
      image: visible(one.image),
      state: one.state,
      exitCode: one.exitCode,
      network:
        net !== undefined && net === host
          ? 'host'
          : owner === undefined || owner === one.name
            ? 'own'
            : { of: visible(owner) },
      container: one,
    };
  });
  const byId = new Map(facts.map((fact) => [fact.id, fact]));
  const byName = new Map(facts.map((fact) => [fact.container.name, fact]));
  const byPid = new Map(facts.flatMap((fact) => fact.container.processes.map((pid) => [pid, fact] as const)));
  const byCgroup = new Map(
    facts.flatMap((fact) => (fact.container.cgroup === null ? [] : [[fact.container.cgroup, fact] as const])),
  );
  const inNetwork = (ns: NamespaceId): readonly ContainerFact[] =>
    ns === host
      ? facts.filter(({ network }) => network === 'host')
      : (nets.get(ns)?.containers ?? []).flatMap((name) => byName.get(name) ?? []);
  const bridges = new Map(
    (snapshot.containerNetworks ?? []).flatMap(({ name, bridge }) =>
      bridge === null ? [] : [[bridge, name] as const],
    ),
  );
  let addresses: Map<string, ContainerFact> | null = null;
  const byAddress = (): Map<string, ContainerFact> => {
    addresses ??= new Map(
      snapshot.networks.flatMap((network) => {
        const owner = network.id === host ? undefined : inNetwork(network.id)[0];
        if (owner === undefined) return [];
        return network.links
          .filter((link) => link.kind !== 'loopback')
          .flatMap((link) => link.addresses.map(({ address }) => [address, owner] as const));
      }),
    );
    return addresses;
  };
  return {
    all: facts,
    byId: (id) => (id === undefined ? null : (byId.get(id) ?? null)),
    inNetwork,
    ofProcess: (pid) => byPid.get(pid) ?? null,
    ofCgroup: (path) => byCgroup.get(path) ?? null,
    ofAddress: (address) => (facts.length === 0 ? null : (byAddress().get(address) ?? null)),
    networkOfBridge: (link) => {
      const name = bridges.get(link);
      return name === undefined ? null : visible(name);
    },
  };
}

/** What just happened to a container. */
export function containerMark(marks: MarkIndex, { id }: ContainerFact): Mark | null {
  return marks.of('container', `container/${id}`);
}

const STATES: Readonly<Record<Container['state'], Bilingual>> = {
  created: { en: 'created', zh: '已创建' },
  running: { en: 'running', zh: '运行中' },
  paused: { en: 'paused', zh: '已暂停' },
  restarting: { en: 'restarting', zh: '重启中' },
  exited: { en: 'exited', zh: '已退出' },
};

/** `running`, `exited (3)`; `已退出（3）`. */
export function stateText({ state, exitCode }: Pick<ContainerFact, 'state' | 'exitCode'>, lang: Lang): string {
  const text = STATES[state][lang];
  if (exitCode === null) return text;
  return lang === 'zh' ? `${text}（${exitCode}）` : `${text} (${exitCode})`;
}

/** In whose network a container is, where it is not in one of its own; else nothing. */
export function sharingText({ network }: ContainerFact, lang: Lang): string {
  if (network === 'own') return '';
  if (network === 'host') return lang === 'zh' ? '使用实验主机的网络' : "in the host's network";
  return lang === 'zh' ? `使用 ${network.of} 的网络` : `in the network of ${network.of}`;
}

/** A place's label as people read it: `container web`, in Chinese `容器 web`; `lab host`, `实验主机`. */
export function placeText(label: string, lang: Lang): string {
  if (lang !== 'zh') return label;
  if (label === 'lab host') return '实验主机';
  const name = /^container (.+)$/s.exec(label)?.[1];
  return name === undefined ? label : `容器 ${name}`;
}

/** `in r1`; `位于 r1`, `位于容器 web`: a blank only between Chinese and other letters. */
export function inPlace(label: string, lang: Lang): string {
  const place = placeText(label, lang);
  if (lang !== 'zh') return `in ${place}`;
  return `位于${/^[ -~]/.test(place) ? ' ' : ''}${place}`;
}

/** Label of where a stack is mounted, its mount namespace's or the lab host's. */
export function placeOfStack(place: string): string {
  return place === 'host' ? 'lab host' : place;
}

/** A path with the ids of containers as short as `docker ps` shows them. */
export function shortIds(path: string): string {
  return path.replace(/[0-9a-f]{64}/g, (id) => id.slice(0, SHORT));
}
