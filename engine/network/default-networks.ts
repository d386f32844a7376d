import { randomBytes } from 'node:crypto';
import type { Rtnetlink } from '../kernel/netlink/index.js';
import { freeSubnet } from './address-pools.js';
import { indexOf } from './bridge.js';
import { contains, formatAddress, formatPrefix, overlaps, type Prefix, parsePrefix } from './cidr.js';
import { invalid } from './errors.js';
import { bridgeSettings, OPTION, subnetsOf } from './network-options.js';
import type { NetworkRecord } from './record.js';
import type { IpamPool, NetworkServiceOptions } from './types.js';

const DEFAULT_MTU = 1500;

/** Networks of the machine that are reached without a gateway, or by one: not free for containers. */
export function machineRoutes(netlink: Rtnetlink): Prefix[] {
  const routes = netlink.routes().filter(({ type, destination }) => type === 'unicast' && destination !== 'default');
  return routes.flatMap(({ destination }) => parsePrefix(destination) ?? []);
}

/**
 * The networks that are there from the start: none, host, and bridge unless it is not wanted. What is known of them from
 * before stays (their ids, the default bridge's subnet), except what the options say.
 */
export function defaultNetworks(
  known: readonly NetworkRecord[],
  options: NetworkServiceOptions,
  netlink: Rtnetlink,
): NetworkRecord[] {
  const find = (name: string): NetworkRecord | undefined => known.find((one) => one.name === name);
  const plain = (name: string, driver: 'null' | 'host'): NetworkRecord => find(name) ?? { ...blank(name), driver };
  const bridge = options.bridge === null ? [] : [defaultBridge(find('bridge'), known, options, netlink)];
  return [plain('none', 'null'), plain('host', 'host'), ...bridge];
}

function blank(name: string): Omit<NetworkRecord, 'driver'> {
  return {
    name,
    id: randomBytes(32).toString('hex'),
    created: new Date().toISOString(),
    enableIPv4: true,
    enableIPv6: false,
    internal: false,
    attachable: false,
    ipam: { driver: 'default', options: null, config: [] },
    options: {},
    labels: {},
    ownSubnets: false,
  };
}

function defaultBridge(
  before: NetworkRecord | undefined,
  known: readonly NetworkRecord[],
  options: NetworkServiceOptions,
  netlink: Rtnetlink,
): NetworkRecord {
  const { name = 'docker0', bip, fixedCidr, mtu = DEFAULT_MTU } = options.bridge ?? {};
  const others = known.filter((one) => one.name !== 'bridge');
  const pool = bip === undefined ? (there(netlink, name) ?? before?.ipam.config[0] ?? null) : fromBip(bip);
  const subnet = pool?.Subnet ?? formatPrefix(freeSubnet([...others.flatMap(subnetsOf), ...machineRoutes(netlink)]));
  const prefix = parsePrefix(subnet);
  if (prefix === null) throw invalid(`invalid subnet ${subnet}`);
  if (others.flatMap(subnetsOf).some((other) => overlaps(other, prefix)))
    throw invalid('Pool overlaps with other one on this address space');
  const gateway = pool?.Gateway ?? formatAddress({ version: prefix.version, value: prefix.network + 1n });
  const range = fixedCidr === undefined ? {} : { IPRange: checkedRange(fixedCidr, prefix) };
  const record: NetworkRecord = {
    ...(before ?? blank('bridge')),
    driver: 'bridge',
    ipam: { driver: 'default', options: null, config: [{ Subnet: subnet, ...range, Gateway: gateway }] },
    options: {
      [OPTION.defaultBridge]: 'true',
      [OPTION.icc]: 'true',
      [OPTION.masquerade]: String(options.ipMasq ?? true),
      [OPTION.hostBinding]: '0.0.0.0',
      [OPTION.bridgeName]: name,
      [OPTION.mtu]: String(mtu),
    },
  };
  bridgeSettings(record);
  return record;
}

/** `--bip`: the bridge's address with the length of its prefix. */
function fromBip(text: string): IpamPool {
  const prefix = parsePrefix(text);
  if (prefix?.version !== 4 || prefix.address === prefix.network)
    throw invalid(`invalid CIDR address for bridge: ${text}`);
  return { Subnet: formatPrefix(prefix), Gateway: formatAddress({ version: 4, value: prefix.address }) };
}

function checkedRange(text: string, subnet: Prefix): string {
  const range = parsePrefix(text);
  if (range === null || !contains(subnet, { version: range.version, value: range.network }))
    throw invalid(`fixed-cidr ${text} is not in the bridge's subnet ${formatPrefix(subnet)}`);
  return formatPrefix(range);
}

/** The network of a bridge that somebody made before us. */
function there(netlink: Rtnetlink, name: string): IpamPool | null {
  const index = indexOf(netlink, name);
  const address = netlink.addresses().find((one) => one.index === index && one.family === 'inet');
  const prefix = address === undefined ? null : parsePrefix(`${address.address}/${address.prefix}`);
  if (prefix === null || address === undefined) return null;
  return { Subnet: formatPrefix(prefix), Gateway: address.address };
}
