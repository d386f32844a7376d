import { isIPv4 } from 'node:net';
import { NetlinkError, type Request, type Rtnetlink } from '../kernel/netlink/index.js';
import { applyAll, indexOf } from './bridge.js';
import { failed } from './errors.js';
import { type OpenNetns, setSysctls } from './netns.js';
import { type BridgeSettings, bridgeSettings } from './network-options.js';
import { type ParentSettings, parentSettings } from './parent-options.js';
import { refusedLink } from './parents.js';
import type { EndpointRecord, NetworkRecord } from './record.js';

/** An endpoint, and the bridge that it is to be a port of or the parent that it is to stand on. */
export interface EndpointLink {
  readonly endpoint: EndpointRecord;
  readonly on: BridgeSettings | ParentSettings;
}

/** What endpoints of a network stand on. */
export const standOf = (record: NetworkRecord): EndpointLink['on'] => parentSettings(record) ?? bridgeSettings(record);

export interface LinkOptions {
  /** The port sends back what came from it: without a proxy, for published ports of one's own. */
  readonly hairpin: boolean;
  /** Which endpoint's gateways the default routes go to; null: none. */
  readonly gateway: EndpointRecord | null;
  /** The namespace is new: its loopback is down, and nothing else is in it. */
  readonly isNew: boolean;
}

/** Of the first interface beside the loopback in a new namespace; the kernel counts on from there. */
const FIRST_INDEX = 2;

/**
 * Lay the cables of a sandbox: for each endpoint a veth pair, one end a port of the bridge, the other `eth0` in the namespace
 * from its first moment; then all addresses and routes in one batch. In a new namespace the indexes are known, so that nothing has
 * to be asked between. veth(4), ip-route(8). What was made before a failure is left to the caller, who lets the namespace go.
 */
export function layLinks(
  host: Rtnetlink,
  netns: OpenNetns,
  links: readonly EndpointLink[],
  options: LinkOptions,
): void {
  let next = FIRST_INDEX;
  const inside: Request[] = options.isNew ? [{ op: 'link-set', link: { name: 'lo', index: 1 }, up: true }] : [];
  const withIPv6: string[] = [];
  for (const { endpoint, on } of links) {
    if ('parent' in on) standOn(host, netns, endpoint, on);
    else layCable(host, netns, endpoint, on, options.hairpin);
    const index = options.isNew ? next++ : netns.netlink.linkIndex(endpoint.interfaceName);
    if (endpoint.ipv6 !== '') withIPv6.push(endpoint.interfaceName);
    // who takes all of a parent is made with the parent's address
    if ('parent' in on && on.mode === 'passthru')
      inside.push({ op: 'link-set', link: { name: endpoint.interfaceName, index }, mac: endpoint.mac });
    inside.push(...addressRequests(endpoint, index));
    if (endpoint === options.gateway) inside.push(...routeRequests('route-replace', endpoint, index));
  }
  // before the addresses: an interface on which IPv6 is off takes none
  setSysctls(
    netns.fd,
    withIPv6.map((name) => ({ key: `ipv6/conf/${name}/disable_ipv6`, value: '0' })),
  );
  applyAll(netns.netlink, inside);
}

function layCable(
  host: Rtnetlink,
  netns: OpenNetns,
  endpoint: EndpointRecord,
  bridge: BridgeSettings,
  hairpin: boolean,
): void {
  const name = endpoint.hostInterface;
  const master = indexOf(host, bridge.name);
  if (master === null)
    throw failed(
      `adding interface ${name} to bridge ${bridge.name} failed: could not find bridge ${bridge.name}: route ip+net: no such network interface`,
    );
  const mtu = bridge.mtu === null ? {} : { mtu: bridge.mtu };
  host.apply({
    op: 'link-add',
    name,
    kind: 'veth',
    txQueueLength: 0,
    ...mtu,
    master: { name: bridge.name, index: master },
    up: true,
    peer: { name: endpoint.interfaceName, mac: endpoint.mac, txQueueLength: 0, ...mtu, netns: { fd: netns.fd } },
  });
  // ports that are isolated reach the bridge itself and nobody else on it, whether or not bridged frames pass iptables
  if (!bridge.icc || hairpin)
    host.apply({
      op: 'bridge-port-set',
      link: { name },
      ...(bridge.icc ? {} : { isolated: true }),
      ...(hairpin ? { hairpin: true } : {}),
    });
}

/** An interface of the namespace that sends and receives by one of the machine's. ip-link(8). */
function standOn(host: Rtnetlink, netns: OpenNetns, endpoint: EndpointRecord, on: ParentSettings): void {
  const index = indexOf(host, on.parent);
  if (index === null) throw failed(`the requested parent interface ${on.parent} was not found on the Docker host`);
  const common = {
    op: 'link-add',
    name: endpoint.interfaceName,
    txQueueLength: 0,
    lower: { name: on.parent, index },
    netns: { fd: netns.fd },
    ...(endpoint.mac === '' ? {} : { mac: endpoint.mac }),
  } as const;
  try {
    if (on.kind === 'macvlan') host.apply({ ...common, kind: 'macvlan', mode: on.mode });
    else host.apply({ ...common, kind: 'ipvlan', mode: on.mode, flag: on.flag });
  } catch (error) {
    throw refusedLink(`failed to create the ${on.kind} port: `, error, on.kind);
  }
}

function addressRequests(endpoint: EndpointRecord, index: number): Request[] {
  const link = { name: endpoint.interfaceName, index };
  return [
    { op: 'link-set', link, up: true },
    ...(endpoint.ipv4 === ''
      ? []
      : [
          {
            op: 'address-add',
            link,
            address: endpoint.ipv4,
            prefix: endpoint.ipv4Bits,
            broadcast: 'auto',
          } as const,
        ]),
    ...(endpoint.ipv6 === ''
      ? []
      : [{ op: 'address-add', link, address: endpoint.ipv6, prefix: endpoint.ipv6Bits, noDad: true } as const]),
    ...(endpoint.request.IPAMConfig?.LinkLocalIPs ?? []).map((address): Request => {
      const on = { op: 'address-add', link, address } as const;
      return isIPv4(address) ? { ...on, prefix: 16 } : { ...on, prefix: 64, noDad: true };
    }),
  ];
}

function routeRequests(op: 'route-replace' | 'route-delete', endpoint: EndpointRecord, index: number): Request[] {
  const link = { name: endpoint.interfaceName, index };
  if (endpoint.routeByDevice === true)
    return (['inet', 'inet6'] as const)
      .filter((family) => family === 'inet' || endpoint.ipv6 !== '')
      .map((family) => ({ op, destination: 'default', family, link, scope: 'link' }));
  return [endpoint.gateway, endpoint.ipv6Gateway]
    .filter((via) => via !== '')
    .map((via) => ({ op, destination: 'default', via, link }));
}

/** Let the default routes of a running sandbox go to another endpoint's gateways; null: to none. */
export function moveDefaultRoute(netns: OpenNetns, from: EndpointRecord | null, to: EndpointRecord | null): void {
  if (to !== null) {
    const index = netns.netlink.linkIndex(to.interfaceName);
    applyAll(netns.netlink, routeRequests('route-replace', to, index));
    return;
  }
  const index = from === null ? null : indexOf(netns.netlink, from.interfaceName);
  // the routes of an interface that is gone went with it
  if (from !== null && index !== null) applyAll(netns.netlink, routeRequests('route-delete', from, index));
}

/**
 * Cut a cable whose namespace is about to end: taken out of its bridge nobody can reach it any more, and the kernel removes
 * the pair together with the namespace, which takes it some 20 ms of its own time instead of ours.
 */
export function cutCable(host: Rtnetlink, name: string): void {
  try {
    host.apply({ op: 'link-set', link: { name }, master: null });
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === 'ENODEV')) throw error;
  }
}
