/**
 * The wiring of a lab: one box for each network namespace, its interfaces as ports, veth pairs as wires, with what
 * happened just now and what the lesson still wants. Order is stable: the lab host first, then boxes by label;
 * interfaces by index, the kernel's order of creation. Adding one thing never reorders the rest.
 */
import type { Link, LinkKind, NamespaceId, NetworkNamespace, Snapshot } from '../../../engine/api/types.js';
import type { FreshChange } from '../panel.js';
import { type ContainerFact, type ContainerIndex, containerMark, containersOf } from './containers.js';
import { ANY_NAME, type GhostLink, type GoalGhost, NO_GHOST } from './goal-ghost.js';
import { indexMarks, type Mark, type MarkIndex } from './marks.js';
import { visible } from './safe-text.js';
import { boxNotes, type WiringNote } from './wiring-notes.js';

export type { WiringNote } from './wiring-notes.js';

/** `no-carrier`: set up, but the other end is down or absent. */
export type LinkState = 'up' | 'no-carrier' | 'down';

export interface WiringAddress {
  /** CIDR. */
  readonly text: string;
  readonly mark: Mark | null;
}

export interface WiringPort {
  /** `net:[…]/index`; of ghosts and removed ones `…/name`. */
  readonly id: string;
  readonly name: string;
  readonly kind: LinkKind;
  /** Null for what is not there: ghosts and removed ones. */
  readonly state: LinkState | null;
  readonly addresses: readonly WiringAddress[];
  /** IPv6 link-local addresses, which the picture leaves to the detail view. */
  readonly hiddenAddresses: number;
  /** Settings worth a word in the picture, in the words of ip(8): `vni 42 → 10.0.0.2`, `promisc`. */
  readonly facts: readonly string[];
  readonly mark: Mark | null;
  /** Ports of a bridge, or interfaces that stand on this one (macvlan, vlan). */
  readonly children: readonly WiringPort[];
  readonly childrenAre: 'ports' | 'uppers';
  /** Where the other end is when no wire shows it: not visible from the lab. */
  readonly farEnd: 'unseen' | null;
  readonly link: Link | null;
}

/** A container whose processes are in a box. */
export interface WiringContainer {
  readonly fact: ContainerFact;
  readonly mark: Mark | null;
}

export interface WiringBox {
  /** Namespace id, or `ghost:LABEL`. */
  readonly id: string;
  readonly ns: NamespaceId | null;
  readonly label: string;
  readonly isHost: boolean;
  readonly mark: Mark | null;
  readonly loopback: WiringPort | null;
  readonly ports: readonly WiringPort[];
  readonly notes: readonly WiringNote[];
  readonly processes: number;
  /** Whose network it is: the container that it was made for, then those that share it; in the lab host those that use its own. */
  readonly containers: readonly WiringContainer[];
  readonly network: NetworkNamespace | null;
}

export interface WiringWire {
  /** Both port ids, the smaller one first: the same for both ends. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** `lower`: an interface that stands on one in another namespace (macvlan, vlan). */
  readonly kind: 'veth' | 'lower';
  readonly mark: Mark | null;
  /** Both ends up: packets pass. */
  readonly live: boolean;
}

export interface WiringModel {
  readonly boxes: readonly WiringBox[];
  readonly wires: readonly WiringWire[];
  /** Boxes that the filter hides. */
  readonly hidden: number;
}

export interface WiringInput {
  readonly snapshot: Snapshot;
  readonly fresh?: readonly FreshChange[];
  readonly goal?: GoalGhost;
  /** Lower case; a box stays when its label, or anything in it, contains it. */
  readonly filter?: string;
  /** Show this box and those wired to it only. */
  readonly zoom?: string | null;
}

export function linkState(link: Link): LinkState {
  if (!link.up) return 'down';
  return link.carrier || link.kind === 'loopback' ? 'up' : 'no-carrier';
}

export function portId(ns: NamespaceId, index: number): string {
  return `${ns}/${index}`;
}

/** Boxes and wires of a snapshot. */
export function wiringModel(input: WiringInput): WiringModel {
  const marks = indexMarks(input.fresh ?? []);
  const goal = input.goal ?? NO_GHOST;
  const ghosts = missingGhosts(input.snapshot, goal);
  const members = new Map(input.snapshot.namespaces.map((ns) => [ns.id, ns.members.length]));
  const containers = containersOf(input.snapshot);
  const boxes = input.snapshot.networks.map((network) =>
    realBox(network, marks, ghosts, members.get(network.id) ?? 0, containers),
  );
  for (const change of marks.under('namespace', 'net:')) {
    if (change.kind === 'removed' && !boxes.some((box) => box.id === change.key))
      boxes.push(goneBox(change.key, change.name));
  }
  const present = new Set(boxes.map((box) => box.label));
  const wantedBoxes = new Set([...goal.namespaces, ...ghosts.map((ghost) => ghost.ns)]);
  for (const label of wantedBoxes) {
    if (label !== 'host' && !present.has(visible(label))) boxes.push(ghostBox(label, ghosts));
  }
  boxes.sort(byHostThenLabel);
  const wires = [...realWires(input.snapshot, marks), ...ghostWires(input.snapshot, boxes, ghosts)];
  const outlined = boxes.map((box) => withGoals(box, goal));
  return narrowed({ boxes: outlined, wires, hidden: 0 }, input.filter ?? '', input.zoom ?? null);
}

function byHostThenLabel(a: WiringBox, b: WiringBox): number {
  if (a.isHost !== b.isHost) return a.isHost ? -1 : 1;
  return naturalCompare(a.label, b.label) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** `r2` before `r10`; independent of locale. */
export function naturalCompare(a: string, b: string): number {
  const split = (text: string): string[] => text.match(/\d+|\D+/g) ?? [];
  const left = split(a);
  const right = split(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const x = left[i]!;
    const y = right[i]!;
    if (x === y) continue;
    const numbers = /^\d/.test(x) && /^\d/.test(y);
    if (numbers && Number(x) !== Number(y)) return Number(x) - Number(y);
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

function realBox(
  network: NetworkNamespace,
  marks: MarkIndex,
  ghosts: readonly GhostLink[],
  processes: number,
  containers: ContainerIndex,
): WiringBox {
  const isHost = network.label === 'host';
  const own = ghosts.filter((ghost) => ghost.ns === network.label);
  const ports = network.links
    .filter((link) => link.kind !== 'loopback')
    .map((link) => [link, realPort(network, link, marks, own, isHost ? containers : null)] as const);
  ports.sort((a, b) => a[0].index - b[0].index);
  const gone = goneLinks(network, marks).map((name) => removedPort(network.id, name));
  const wanted = own.filter(
    (ghost) => ghost.name === ANY_NAME || !network.links.some((link) => link.name === ghost.name),
  );
  const loopback = network.links.find((link) => link.kind === 'loopback');
  return {
    id: network.id,
    ns: network.id,
    label: visible(network.label),
    isHost,
    mark: marks.of('namespace', network.id),
    loopback: loopback === undefined ? null : realPort(network, loopback, marks, own, null),
    ports: [...nest(network.id, network.links, ports), ...gone, ...wanted.map((ghost) => ghostPort(network.id, ghost))],
    notes: boxNotes(network, marks, containers),
    processes,
    containers: containers.inNetwork(network.id).map((fact) => ({ fact, mark: containerMark(marks, fact) })),
    network,
  };
}

/** Put bridge ports below their bridge, and what stands on an interface below that interface. */
function nest(
  here: NamespaceId,
  links: readonly Link[],
  ports: readonly (readonly [Link, WiringPort])[],
): WiringPort[] {
  const parentOf = (link: Link): number | null => {
    if (link.master !== null) return link.master;
    // what stands on an interface of another namespace hangs on a wire
    if (link.peer !== null && link.peer.ns !== null && link.peer.ns !== here) return null;
    return (link.macvlan ?? link.ipvlan)?.lower ?? (link.kind === 'vlan' ? (link.peer?.index ?? null) : null);
  };
  const known = new Set(ports.map(([link]) => link.index));
  const roots = ports.filter(([link]) => {
    const parent = parentOf(link);
    return parent === null || parent === link.index || !known.has(parent) || loops(link, links, parentOf);
  });
  const build = ([link, port]: readonly [Link, WiringPort]): WiringPort => {
    const children = ports.filter(
      ([child]) => child.index !== link.index && parentOf(child) === link.index && !loops(child, links, parentOf),
    );
    if (children.length === 0) return port;
    const childrenAre = children.some(([child]) => child.master === link.index) ? 'ports' : 'uppers';
    return { ...port, children: children.map(build), childrenAre };
  };
  return roots.map(build);
}

function loops(link: Link, links: readonly Link[], parentOf: (link: Link) => number | null): boolean {
  const seen = new Set<number>([link.index]);
  let at = parentOf(link);
  while (at !== null) {
    if (seen.has(at)) return true;
    seen.add(at);
    const next = links.find((other) => other.index === at);
    at = next === undefined ? null : parentOf(next);
  }
  return false;
}

function realPort(
  network: NetworkNamespace,
  link: Link,
  marks: MarkIndex,
  ghosts: readonly GhostLink[],
  containers: ContainerIndex | null,
): WiringPort {
  const key = `${network.id}/${link.name}`;
  const shown = link.addresses.filter((address) => address.scope !== 'link' || address.family === 'inet');
  const addresses: WiringAddress[] = shown.map((address) => {
    const text = `${address.address}/${address.prefix}`;
    return { text, mark: marks.of('address', `${key}/${text}`) };
  });
  for (const change of marks.under('address', `${key}/`)) {
    const text = change.key.slice(key.length + 1);
    if (change.kind === 'removed' && !addresses.some((address) => address.text === text))
      addresses.push({ text: visible(text), mark: 'removed' });
  }
  const wanted = ghosts.find((ghost) => ghost.name === link.name)?.addresses ?? [];
  for (const text of wanted)
    if (!addresses.some((address) => address.text === text)) addresses.push({ text: visible(text), mark: 'ghost' });
  return {
    id: portId(network.id, link.index),
    name: visible(link.name),
    kind: link.kind,
    state: linkState(link),
    addresses,
    hiddenAddresses: link.addresses.length - shown.length,
    facts: linkFacts(link, network, containers),
    mark: marks.of('link', key),
    children: [],
    childrenAre: link.kind === 'bridge' ? 'ports' : 'uppers',
    farEnd: link.kind === 'veth' && link.peer !== null && link.peer.ns === null ? 'unseen' : null,
    link,
  };
}

function linkFacts(link: Link, network: NetworkNamespace, containers: ContainerIndex | null): string[] {
  const facts: string[] = [];
  const engineNetwork = containers?.networkOfBridge(link.name) ?? null;
  if (engineNetwork !== null) facts.push(`network ${engineNetwork}`);
  if (link.vxlan !== undefined) {
    facts.push(`vni ${link.vxlan.id}${link.vxlan.remote === null ? '' : ` → ${visible(link.vxlan.remote)}`}`);
    if (link.vxlan.port !== 4789) facts.push(`port ${link.vxlan.port}`);
  }
  const stands = link.macvlan ?? link.ipvlan;
  if (stands !== undefined) {
    facts.push(`${link.kind} ${visible(stands.mode)}`);
    // A lower interface in another namespace is at the end of a dashed wire.
    const elsewhere = link.peer !== null && link.peer.ns !== null && link.peer.ns !== network.id;
    const lower = network.links.find((other) => other.index === stands.lower);
    if (!elsewhere) facts.push(`on ${lower === undefined ? `if${stands.lower}` : visible(lower.name)}`);
  }
  if (link.bridge?.stp === true) facts.push('stp');
  if (link.bridge?.vlanFiltering === true) facts.push('vlan_filtering');
  // A bridge makes all its ports promiscuous: that is no news.
  if (link.promiscuous && link.master === null) facts.push('promisc');
  return facts;
}

function emptyPort(id: string, name: string, kind: LinkKind, mark: Mark): WiringPort {
  return {
    id,
    name: visible(name),
    kind,
    state: null,
    addresses: [],
    hiddenAddresses: 0,
    facts: [],
    mark,
    children: [],
    childrenAre: 'uppers',
    farEnd: null,
    link: null,
  };
}

function removedPort(ns: NamespaceId, name: string): WiringPort {
  return emptyPort(`${ns}/-${visible(name)}`, name, 'other', 'removed');
}

function ghostPort(boxId: string, ghost: GhostLink): WiringPort {
  const port = emptyPort(`${boxId}/+${visible(ghost.name)}`, ghost.name, ghost.kind, 'ghost');
  return {
    ...port,
    addresses: (ghost.addresses ?? []).map((text) => ({ text: visible(text), mark: 'ghost' as const })),
  };
}

/** Names of interfaces that vanished from a namespace and did not come back. */
function goneLinks(network: NetworkNamespace, marks: MarkIndex): string[] {
  const prefix = `${network.id}/`;
  const gone = new Set<string>();
  for (const change of marks.under('link', prefix)) {
    const name = change.key.slice(prefix.length);
    if (change.kind === 'removed' && !network.links.some((link) => link.name === name)) gone.add(name);
  }
  return [...gone].sort(naturalCompare);
}

function emptyBox(id: string, label: string, mark: Mark): WiringBox {
  return {
    id,
    ns: null,
    label: visible(label),
    isHost: false,
    mark,
    loopback: null,
    ports: [],
    notes: [],
    processes: 0,
    containers: [],
    network: null,
  };
}

function goneBox(id: string, name: string): WiringBox {
  return emptyBox(id, name === '' ? id : name, 'removed');
}

function ghostBox(label: string, ghosts: readonly GhostLink[]): WiringBox {
  const id = `ghost:${label}`;
  return {
    ...emptyBox(id, label, 'ghost'),
    ports: ghosts.filter((ghost) => ghost.ns === label).map((ghost) => ghostPort(id, ghost)),
  };
}

/** Goals about a whole box: notes, and addresses for which no interface is named. */
function withGoals(box: WiringBox, goal: GoalGhost): WiringBox {
  const label = box.network?.label ?? box.label;
  const notes = (goal.notes ?? [])
    .filter((note) => note.ns === label)
    .map((note) => ({ kind: note.kind, text: visible(note.text), mark: 'ghost' as const }));
  const there = new Set(flatPorts(box.ports).flatMap((port) => port.addresses.map((address) => address.text)));
  const missing = (goal.addresses ?? [])
    .filter((wanted) => wanted.ns === label && !there.has(visible(wanted.text)))
    .map((wanted) => visible(wanted.text));
  if (notes.length === 0 && missing.length === 0) return box;
  const ports = missing.length === 0 ? box.ports : withAddresses(box, missing);
  return { ...box, ports, notes: [...box.notes, ...notes] };
}

/** Where only one interface can be meant the wanted addresses stand beside it, else on one without a name. */
function withAddresses(box: WiringBox, missing: readonly string[]): readonly WiringPort[] {
  const candidates = flatPorts(box.ports).filter((port) => port.mark !== 'removed' && port.link?.master == null);
  const free = candidates.filter((port) => !port.addresses.some((address) => address.mark !== 'removed'));
  const one = candidates.length === 1 ? candidates[0] : free.length === 1 ? free[0] : undefined;
  const addresses = missing.map((text) => ({ text, mark: 'ghost' as const }));
  if (one === undefined)
    return [...box.ports, { ...ghostPort(box.id, { ns: box.label, name: ANY_NAME, kind: 'other' }), addresses }];
  const put = (port: WiringPort): WiringPort =>
    port.id === one.id
      ? { ...port, addresses: [...port.addresses, ...addresses] }
      : { ...port, children: port.children.map(put) };
  return box.ports.map(put);
}

/** What of the goal is not there yet. A wire whose names are free counts as there when any veth joins the two places. */
function missingGhosts(snapshot: Snapshot, goal: GoalGhost): GhostLink[] {
  const network = (label: string): NetworkNamespace | undefined => snapshot.networks.find((one) => one.label === label);
  return goal.links.filter((ghost) => {
    const own = network(ghost.ns);
    if (own === undefined) return true;
    if (ghost.name !== ANY_NAME) {
      const link = own.links.find((one) => one.name === ghost.name);
      if (link === undefined) return true;
      return (ghost.addresses ?? []).some(
        (text) => !link.addresses.some((address) => `${address.address}/${address.prefix}` === text),
      );
    }
    if (ghost.peer !== undefined) {
      const other = network(ghost.peer.ns);
      return other === undefined || !own.links.some((link) => link.kind === 'veth' && link.peer?.ns === other.id);
    }
    const wanted = ghost.addresses ?? [];
    return !wanted.every((text) =>
      own.links.some((link) => link.addresses.some((address) => `${address.address}/${address.prefix}` === text)),
    );
  });
}

function realWires(snapshot: Snapshot, marks: MarkIndex): WiringWire[] {
  const byNs = new Map(snapshot.networks.map((network) => [network.id, network]));
  const wires = new Map<string, WiringWire>();
  for (const network of snapshot.networks) {
    for (const link of network.links) {
      if (link.peer === null || link.peer.ns === null) continue;
      const other = byNs.get(link.peer.ns);
      const end = other?.links.find((one) => one.index === link.peer?.index);
      if (other === undefined || end === undefined || (other === network && end === link)) continue;
      const a = portId(network.id, link.index);
      const b = portId(other.id, end.index);
      const id = a < b ? `${a} ${b}` : `${b} ${a}`;
      if (wires.has(id)) continue;
      const mark = strongest(
        marks.of('link', `${network.id}/${link.name}`),
        marks.of('link', `${other.id}/${end.name}`),
      );
      const live = linkState(link) === 'up' && linkState(end) === 'up';
      wires.set(id, { id, from: a, to: b, kind: link.kind === 'veth' ? 'veth' : 'lower', mark, live });
    }
  }
  return [...wires.values()];
}

function strongest(a: Mark | null, b: Mark | null): Mark | null {
  if (a === 'new' || b === 'new') return 'new';
  return a ?? b;
}

function ghostWires(snapshot: Snapshot, boxes: readonly WiringBox[], ghosts: readonly GhostLink[]): WiringWire[] {
  const find = (ns: string, name: string): string | null => {
    const box = boxes.find((one) => one.label === visible(ns));
    const all = box === undefined ? [] : flatPorts(box.ports);
    return (all.find((port) => port.name === visible(name) && port.mark !== 'removed') ?? null)?.id ?? null;
  };
  const wires = new Map<string, WiringWire>();
  for (const ghost of ghosts) {
    if (ghost.peer === undefined) continue;
    const a = find(ghost.ns, ghost.name);
    const b = find(ghost.peer.ns, ghost.peer.name);
    if (a === null || b === null || a === b) continue;
    if (isWired(snapshot, a) || isWired(snapshot, b)) continue;
    const id = a < b ? `${a} ${b}` : `${b} ${a}`;
    wires.set(id, { id, from: a, to: b, kind: 'veth', mark: 'ghost', live: false });
  }
  return [...wires.values()];
}

/** True for a port that already has a real wire: a second one would lie on top of it. */
function isWired(snapshot: Snapshot, port: string): boolean {
  return snapshot.networks.some((network) =>
    network.links.some((link) => portId(network.id, link.index) === port && link.peer?.ns != null),
  );
}

/** All ports of a tree, parents before children. */
export function flatPorts(ports: readonly WiringPort[]): WiringPort[] {
  return ports.flatMap((port) => [port, ...flatPorts(port.children)]);
}

function narrowed(model: WiringModel, filter: string, zoom: string | null): WiringModel {
  let boxes = model.boxes;
  if (zoom !== null && boxes.some((box) => box.id === zoom)) {
    const near = new Set<string>([zoom]);
    const boxOf = new Map(boxes.flatMap((box) => flatPorts(box.ports).map((port) => [port.id, box.id] as const)));
    for (const wire of model.wires) {
      const a = boxOf.get(wire.from);
      const b = boxOf.get(wire.to);
      if (a === zoom && b !== undefined) near.add(b);
      if (b === zoom && a !== undefined) near.add(a);
    }
    boxes = boxes.filter((box) => near.has(box.id));
  }
  if (filter !== '') boxes = boxes.filter((box) => boxText(box).includes(filter));
  if (boxes.length === model.boxes.length) return model;
  const kept = new Set(boxes.flatMap((box) => flatPorts(box.ports).map((port) => port.id)));
  const wires = model.wires.filter((wire) => kept.has(wire.from) || kept.has(wire.to));
  return { boxes, wires, hidden: model.boxes.length - boxes.length };
}

function boxText(box: WiringBox): string {
  const ports = flatPorts(box.loopback === null ? box.ports : [box.loopback, ...box.ports]);
  const words = ports.flatMap((port) => [
    port.name,
    port.kind,
    port.state ?? '',
    ...port.addresses.map((address) => address.text),
    ...port.facts,
  ]);
  const containers = box.containers.flatMap(({ fact }) => [fact.name, fact.short, fact.image, fact.state]);
  return [box.label, ...containers, ...words, ...box.notes.map((note) => note.text)].join('\n').toLowerCase();
}
