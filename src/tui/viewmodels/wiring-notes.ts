/**
 * What a network namespace does with packets beyond its interfaces, in short: routes that somebody set, forwarding,
 * address translation, what is dropped, and who listens. In the words of ip(8) and iptables(8), so in no language.
 */
import type { Firewall, FirewallRule, ListeningPort, NetworkNamespace, Route } from '../../../engine/api/types.js';
import type { ContainerIndex } from './containers.js';
import type { Mark, MarkIndex } from './marks.js';
import { visible } from './safe-text.js';

export type NoteKind = 'forward' | 'route' | 'nat' | 'dnat' | 'filter' | 'listen' | 'other';

export interface WiringNote {
  readonly kind: NoteKind;
  readonly text: string;
  readonly mark: Mark | null;
  /** For `other`: how many rules it counts. */
  readonly count?: number;
}

const LOCAL_TABLE = 255;

/** Notes in the order in which a packet meets them: forwarding, routes, port mapping, source translation, filter, listeners. */
export function boxNotes(network: NetworkNamespace, marks: MarkIndex, containers: ContainerIndex): WiringNote[] {
  const rules = network.firewall?.rules ?? [];
  const notes: WiringNote[] = [];
  const forward = network.sysctls['net.ipv4.ip_forward'];
  const forwardMark = touched(marks, 'sysctl', network.id, ['net.ipv4.ip_forward', 'ip_forward']);
  if (
    forward !== undefined &&
    (forward === '1' || forwardMark !== null || rules.some((rule) => rule.table === 'nat'))
  ) {
    notes.push({ kind: 'forward', text: `ip_forward = ${visible(forward)}`, mark: forwardMark });
  }
  for (const route of network.routes) {
    if (!isSet(route)) continue;
    notes.push({
      kind: 'route',
      text: routeText(route),
      mark: touched(marks, 'route', network.id, [route.destination]),
    });
  }
  const translated: WiringNote[] = [];
  const filtered: WiringNote[] = [];
  let other = 0;
  for (const rule of rules) {
    const short = ruleSummary(rule);
    if (short === null) {
      other++;
      continue;
    }
    const whose = containerOf(rule, containers);
    const text = whose === null ? short.text : `${short.text} (${whose})`;
    const note = { ...short, text, mark: touched(marks, 'firewall-rule', network.id, [rule.text]) };
    (note.kind === 'filter' ? filtered : translated).push(note);
  }
  notes.push(...translated.filter((note) => note.kind === 'dnat'), ...translated.filter((note) => note.kind === 'nat'));
  notes.push(...policies(network.firewall, marks, network.id), ...filtered);
  if (other > 0) notes.push({ kind: 'other', text: '', mark: null, count: other });
  for (const port of network.listening) {
    const mark = touched(marks, 'listening-port', network.id, [`port/${port.protocol}/${port.address}/${port.port}`]);
    notes.push({ kind: 'listen', text: listenText(port), mark });
  }
  return dedupe(notes);
}

/** A route that somebody set: not the kernel's own for a connected subnet, not the local table. */
function isSet(route: Route): boolean {
  if (route.table === LOCAL_TABLE) return false;
  if (route.family === 'inet6' && route.destination.startsWith('fe80:')) return false;
  if (route.destination.startsWith('ff00:')) return false;
  return route.destination === 'default' || route.via !== null || route.protocol !== 'kernel';
}

/** `default via 10.1.0.1 dev veth1`, as `ip route` prints it, shortened. */
export function routeText(route: Route): string {
  const parts = [visible(route.destination)];
  if (route.via !== null) parts.push('via', visible(route.via));
  if (route.device !== null) parts.push('dev', visible(route.device));
  if (route.table !== 254 && route.table !== 0) parts.push('table', String(route.table));
  return parts.join(' ');
}

/** A rule in a few words, or null when it is one of those that the picture only counts. */
export function ruleSummary(rule: FirewallRule): { readonly kind: NoteKind; readonly text: string } | null {
  const { match, options } = rule;
  const to = options['to'] ?? options['to-destination'] ?? options['to-source'] ?? options['to-ports'] ?? '';
  const source = match['source'] ?? '0.0.0.0/0';
  const out = match['outInterface'];
  const via = out === undefined ? '' : out.startsWith('!') ? ` ! -o ${out.slice(1).trim()}` : ` -o ${out}`;
  switch (rule.target) {
    case 'MASQUERADE':
      return { kind: 'nat', text: visible(`MASQUERADE ${source}${via}`) };
    case 'SNAT':
      return { kind: 'nat', text: visible(`SNAT ${source}${via} → ${to}`) };
    case 'DNAT':
      return { kind: 'dnat', text: visible(`${packetsTo(match)} → ${to}`) };
    case 'REDIRECT':
      return { kind: 'dnat', text: visible(`${packetsTo(match)} → :${to} (redirect)`) };
    case 'DROP':
    case 'REJECT':
      return { kind: 'filter', text: visible(`${rule.chain} ${matchText(match)}${rule.target}`) };
    default:
      return null;
  }
}

/** Whose packets a rule translates: the container that a port leads to or that a source address is, else the network of a bridge. */
function containerOf({ target, match, options }: FirewallRule, containers: ContainerIndex): string | null {
  if (target === 'DNAT') {
    const address = /^\[?([0-9a-f:.]+?)\]?(?::[0-9-]+)?$/i.exec(options['to'] ?? options['to-destination'] ?? '')?.[1];
    return address === undefined ? null : (containers.ofAddress(address)?.name ?? null);
  }
  if (target !== 'MASQUERADE' && target !== 'SNAT') return null;
  const out = match['outInterface'];
  if (out?.startsWith('!') === true) return containers.networkOfBridge(out.slice(1).trim());
  return containers.ofAddress((match['source'] ?? '').replace(/\/(32|128)$/, ''))?.name ?? null;
}

function packetsTo(match: Readonly<Record<string, string>>): string {
  const protocol = match['protocol'] ?? 'ip';
  const address = match['destination']?.replace(/\/32$/, '') ?? '';
  const port = match['dport'] === undefined ? '' : `:${match['dport']}`;
  return address === '' && port === '' ? `${protocol} *` : `${protocol} ${address}${port}`;
}

function matchText(match: Readonly<Record<string, string>>): string {
  const words: string[] = [];
  if (match['protocol'] !== undefined) words.push(match['protocol']);
  if (match['source'] !== undefined) words.push(`from ${match['source']}`);
  if (match['destination'] !== undefined) words.push(`to ${match['destination']}`);
  if (match['inInterface'] !== undefined) words.push(`in ${match['inInterface']}`);
  if (match['outInterface'] !== undefined) words.push(`out ${match['outInterface']}`);
  if (match['dport'] !== undefined) words.push(`:${match['dport']}`);
  return words.length === 0 ? '' : `${words.join(' ')} `;
}

function policies(firewall: Firewall | null, marks: MarkIndex, ns: string): WiringNote[] {
  const dropping = (firewall?.chains ?? []).filter((chain) => chain.table === 'filter' && chain.policy === 'DROP');
  return dropping.map((chain) => ({
    kind: 'filter',
    text: visible(`${chain.chain} policy DROP`),
    mark: touched(marks, 'firewall-chain', ns, [`filter/${chain.chain}`, chain.chain]),
  }));
}

/** `tcp :80`, `tcp 127.0.0.1:80`; the same for IPv4 and IPv6. */
function listenText(port: ListeningPort): string {
  const any = port.address === '0.0.0.0' || port.address === '::' || port.address === '*';
  const address = port.address.includes(':') ? `[${port.address}]` : port.address;
  return visible(`${port.protocol.replace('6', '')} ${any ? '' : address}:${port.port}`);
}

/** The mark of the change below `ns` whose key ends with, or whose name is, one of `names`; keys as engine/observe/diff makes them. */
function touched(
  marks: MarkIndex,
  object: Parameters<MarkIndex['under']>[0],
  ns: string,
  names: readonly string[],
): Mark | null {
  for (const change of marks.under(object, ns)) {
    if (change.kind === 'removed') continue;
    if (names.some((name) => change.name === name || change.key.endsWith(`/${name}`)))
      return change.kind === 'added' ? 'new' : 'changed';
  }
  return null;
}

function dedupe(notes: readonly WiringNote[]): WiringNote[] {
  const seen = new Set<string>();
  return notes.filter((note) => {
    const key = `${note.kind} ${note.text}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
