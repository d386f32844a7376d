import { randomBytes } from 'node:crypto';
import {
  type Address,
  contains,
  formatAddress,
  formatPrefix,
  isOneMachine,
  macOfAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
} from './cidr.js';
import { failed, invalid } from './errors.js';
import { NetworkAddresses, SubnetAddresses } from './ipam.js';
import { GATEWAY_OUTSIDE, isPredefined, joined, printable, subnetsOf } from './network-options.js';
import { leadsNowhere, parentSettings } from './parent-options.js';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.js';
import type { EndpointRequest } from './types.js';

const MAX_ALIASES = 256;

/** The addresses of a network, by IP version. */
export interface NetworkPools {
  readonly v4: NetworkAddresses;
  readonly v6: NetworkAddresses;
}

/** What is in use before any container comes: gateways, and addresses that the user keeps for others. */
export function poolsOf(record: NetworkRecord): NetworkPools {
  const name = `${record.name} (${record.id})`;
  const of = (version: 4 | 6): NetworkAddresses =>
    new NetworkAddresses(
      name,
      record.ipam.config.flatMap((pool) => {
        const subnet = parsePrefix(pool.Subnet ?? '');
        if (subnet?.version !== version) return [];
        const addresses = new SubnetAddresses(subnet, parsePrefix(pool.IPRange ?? ''));
        for (const text of [pool.Gateway ?? '', ...Object.values(pool.AuxiliaryAddresses ?? {})]) {
          const address = parseAddress(text);
          if (address !== null) addresses.take(address);
        }
        return [addresses];
      }),
    );
  return { v4: of(4), v6: of(6) };
}

const IFNAME = 'com.docker.network.endpoint.ifname';

/** How the interface of a wish is to be called in the container; null: nobody said. */
export function wishedName({ DriverOpts }: EndpointRequest): string | null {
  const options = DriverOpts ?? {};
  return Object.hasOwn(options, IFNAME) ? (options[IFNAME] ?? '') : null;
}

/** Docker's checks of what a container wishes of a network. */
export function checkEndpoint(record: NetworkRecord, request: EndpointRequest): void {
  const { IPv4Address: v4 = '', IPv6Address: v6 = '', LinkLocalIPs = [] } = request.IPAMConfig ?? {};
  const predefined = isPredefined(record);
  const problems: string[] = [];
  if (predefined && (v4 !== '' || v6 !== ''))
    problems.push('user specified IP address is supported on user defined networks only');
  if (predefined && (request.Aliases ?? []).length > 0)
    problems.push('network-scoped aliases are only supported for user-defined networks');
  const check = (text: string, version: 4 | 6): void => {
    if (text === '') return;
    const address = parseAddress(text);
    if (address?.version !== version || !isOneMachine(address))
      problems.push(`invalid IPv${version} address: ${printable(text)}`);
    else if (!predefined && record.ownSubnets && !subnetsOf(record).some((subnet) => contains(subnet, address)))
      problems.push(`no configured subnet or ip-range contain the IP address ${formatAddress(address)}`);
  };
  check(v4, 4);
  check(v6, 6);
  if (LinkLocalIPs.length > MAX_ALIASES) throw invalid(`more than ${MAX_ALIASES} link-local addresses`);
  for (const text of LinkLocalIPs)
    if ((parseAddress(text)?.value ?? 0n) === 0n) problems.push(`invalid link-local IP address: ${printable(text)}`);
  if (problems.length > 0)
    throw invalid(`invalid config for network ${record.name}: invalid endpoint settings:\n${joined(problems)}`);
  if (!predefined && !record.ownSubnets && (v4 !== '' || v6 !== ''))
    throw invalid(
      'user specified IP address is supported only when connecting to networks with user configured subnets',
    );
  const name = wishedName(request);
  if (name !== null && (!/^[^\s/:%\0-\x1f]{1,15}$/.test(name) || ['.', '..', 'lo', 'all', 'default'].includes(name)))
    throw invalid(`invalid value for ${IFNAME}: invalid interface name: ${printable(name)}`);
  const mac = request.MacAddress ?? '';
  if (mac !== '' && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(mac))
    throw invalid(`invalid MAC address: ${printable(mac)}`);
  if (mac !== '' && record.driver === 'ipvlan')
    throw failed('ipvlan interfaces do not support custom mac address assignment');
  if ((request.Aliases ?? []).length > MAX_ALIASES) throw invalid(`more than ${MAX_ALIASES} network-scoped aliases`);
  for (const alias of request.Aliases ?? [])
    if (!/^[\x21-\x7e]{1,253}$/.test(alias)) throw invalid(`invalid network-scoped alias: "${printable(alias)}"`);
}

const parsedOrNull = (text: string): Address | null => (text === '' ? null : parseAddress(text));

/** An endpoint of a checked wish: its addresses are taken from the network's, and are the caller's to give back. */
export function newEndpoint(
  record: NetworkRecord,
  pools: NetworkPools,
  container: SandboxRecord['container'],
  request: EndpointRequest,
  interfaceName: string,
): EndpointRecord {
  const endpointId = randomBytes(32).toString('hex');
  const base = {
    network: record.id,
    networkName: record.name,
    endpointId,
    dnsNames: dnsNames(record, container, request),
    priority: request.GwPriority ?? 0,
    request,
  };
  const lower = parentSettings(record);
  if (record.driver !== 'bridge' && lower === null) return { ...base, ...NO_INTERFACE };
  const { IPv4Address: wished4 = '', IPv6Address: wished6 = '' } = request.IPAMConfig ?? {};
  const v4 = pools.v4.take(parsedOrNull(wished4));
  let v6: { address: string; subnet: Prefix } | null = null;
  try {
    v6 = record.enableIPv6 ? pools.v6.take(parsedOrNull(wished6)) : null;
  } catch (error) {
    pools.v4.release(known(v4.address));
    throw error;
  }
  const isClosed = lower === null ? record.internal : leadsNowhere(record, lower);
  const routeByDevice = !isClosed && lower?.kind === 'ipvlan' && lower.mode !== 'l2';
  const mac = (request.MacAddress ?? '').toLowerCase().replaceAll('-', ':');
  return {
    ...base,
    interfaceName,
    hostInterface: lower === null ? hostInterfaceOf(endpointId) : '',
    // those of an ipvlan have that of their parent
    mac: lower?.kind === 'ipvlan' ? '' : mac === '' ? macOfAddress(v4.address) : mac,
    ipv4: v4.address,
    ipv4Bits: v4.subnet.bits,
    gateway: isClosed || routeByDevice ? '' : gatewayIn(record, v4.subnet),
    ipv6: v6?.address ?? '',
    ipv6Bits: v6?.subnet.bits ?? 0,
    ipv6Gateway: isClosed || routeByDevice || v6 === null ? '' : gatewayIn(record, v6.subnet),
    ...(routeByDevice ? { routeByDevice } : {}),
  };
}

/** The gateway that a network has in one of its subnets; '' where it was given none. */
function gatewayIn({ driver, ipam }: NetworkRecord, subnet: Prefix): string {
  const pool = ipam.config.find(({ Subnet }) => Subnet === formatPrefix(subnet));
  const outside = driver === 'bridge' ? pool?.AuxiliaryAddresses?.[GATEWAY_OUTSIDE] : undefined;
  return outside ?? pool?.Gateway ?? '';
}

/** Whether an endpoint's interface stands on one of the machine's, instead of leading to a bridge. */
export const isOnParent = ({ interfaceName, hostInterface }: EndpointRecord): boolean =>
  interfaceName !== '' && hostInterface === '';

/** The end of an endpoint's cable that is a port of the bridge. */
export const hostInterfaceOf = (endpointId: string): string => `veth${endpointId.slice(0, 7)}`;

/** Interfaces that `hostInterfaceOf` may have named. */
export const HOST_INTERFACE = /^veth[0-9a-f]{7}$/;

const NO_INTERFACE = {
  interfaceName: '',
  hostInterface: '',
  mac: '',
  ipv4: '',
  ipv4Bits: 0,
  gateway: '',
  ipv6: '',
  ipv6Bits: 0,
  ipv6Gateway: '',
} as const;

function known(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw invalid(`invalid IP address: ${printable(text)}`);
  return address;
}

export function releaseAddresses(pools: NetworkPools | undefined, endpoint: EndpointRecord): void {
  if (endpoint.ipv4 !== '') pools?.v4.release(known(endpoint.ipv4));
  if (endpoint.ipv6 !== '') pools?.v6.release(known(endpoint.ipv6));
}

export function reserveAddresses(pools: NetworkPools | undefined, endpoint: EndpointRecord): void {
  if (endpoint.ipv4 !== '') pools?.v4.reserve(known(endpoint.ipv4));
  if (endpoint.ipv6 !== '') pools?.v6.reserve(known(endpoint.ipv6));
}

/** By what names others on a user-defined network find the container; on the default bridge there are none. */
function dnsNames(
  record: NetworkRecord,
  container: SandboxRecord['container'],
  request: EndpointRequest,
): readonly string[] | null {
  if (isPredefined(record)) return null;
  const short = container.id.slice(0, 12);
  return [...new Set([container.name, ...(request.Aliases ?? []), short, container.hostname])].filter(
    (name) => name !== '',
  );
}

/**
 * The endpoint that leads out of a sandbox, whose gateway has the default route and to which ports are published: of the
 * highest priority, then of the first name.
 */
export function gatewayOf(endpoints: readonly EndpointRecord[]): EndpointRecord | null {
  const [first] = endpoints
    .filter(({ gateway, ipv6Gateway, routeByDevice }) => gateway !== '' || ipv6Gateway !== '' || routeByDevice === true)
    .toSorted((a, b) => b.priority - a.priority || (a.networkName < b.networkName ? -1 : 1));
  return first ?? null;
}
