import { randomBytes } from 'node:crypto';
import type { Rtnetlink } from '../kernel/netlink/index.js';
import { freeSubnet, poolsOfVersion, poolsOr } from './address-pools.js';
import { indexOf } from './bridge.js';
import { contains, formatAddress, formatPrefix, overlaps, type Prefix, parseAddress, parsePrefix } from './cidr.js';
import { invalid } from './errors.js';
import {
  bridgeSettings,
  GATEWAY_OUTSIDE,
  OPTION,
  subnetsOf,
  uniqueLocalSubnet,
  withGateway,
} from './network-options.js';
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
  const {
    name = 'docker0',
    bip,
    fixedCidr,
    mtu = DEFAULT_MTU,
    icc = true,
    hostBinding = '0.0.0.0',
    ipv6 = false,
  } = options.bridge ?? {};
  const others = known.filter((one) => one.name !== 'bridge');
  const pool = bip === undefined ? (there(netlink, name) ?? known4(before, options)) : fromBip(bip);
  const subnet =
    pool?.Subnet ??
    formatPrefix(
      freeSubnet(
        [...others.flatMap(subnetsOf), ...machineRoutes(netlink)],
        poolsOfVersion(poolsOr(options.addressPools), 4),
      ),
    );
  const prefix = parsePrefix(subnet);
  if (prefix === null) throw invalid(`invalid subnet ${subnet}`);
  if (others.flatMap(subnetsOf).some((other) => overlaps(other, prefix)))
    throw invalid('Pool overlaps with other one on this address space');
  const gateway = pool?.Gateway ?? formatAddress({ version: prefix.version, value: prefix.network + 1n });
  const range = fixedCidr === undefined ? {} : { IPRange: checkedRange(fixedCidr, prefix) };
  const record: NetworkRecord = {
    ...(before ?? blank('bridge')),
    driver: 'bridge',
    enableIPv6: ipv6,
    ipam: {
      driver: 'default',
      options: null,
      config: [
        { Subnet: subnet, ...range, Gateway: gateway, ...outside(options.bridge?.defaultGateway, prefix) },
        ...(ipv6 ? [ipv6Pool(before, options, others)] : []),
      ],
    },
    options: {
      [OPTION.defaultBridge]: 'true',
      [OPTION.icc]: String(icc),
      [OPTION.masquerade]: String(options.ipMasq ?? true),
      [OPTION.hostBinding]: hostBinding,
      [OPTION.bridgeName]: name,
      [OPTION.mtu]: String(mtu),
    },
  };
  bridgeSettings(record);
  return record;
}

/** The subnet that the bridge had before, unless the pools are others now. */
function known4(before: NetworkRecord | undefined, { addressPools = [] }: NetworkServiceOptions): IpamPool | null {
  const [first] = before?.ipam.config ?? [];
  const prefix = parsePrefix(first?.Subnet ?? '');
  if (first === undefined || prefix === null) return null;
  const bases = addressPools.flatMap(({ base }) => parsePrefix(base) ?? []);
  if (bases.length > 0 && !bases.some((base) => overlaps(base, prefix))) return null;
  const { AuxiliaryAddresses: _, IPRange: __, ...pool } = first;
  return pool;
}

/** `--default-gateway`: containers go out by another machine of the bridge's network. */
function outside(gateway: string | undefined, subnet: Prefix): Pick<IpamPool, 'AuxiliaryAddresses'> {
  if (gateway === undefined) return {};
  const address = parseAddress(gateway);
  if (address === null || !contains(subnet, address))
    throw invalid(`default gateway ip must be part of the network: ${gateway} is not in ${formatPrefix(subnet)}`);
  return { AuxiliaryAddresses: { [GATEWAY_OUTSIDE]: gateway } };
}

/** The IPv6 subnet of the default bridge: what is said, what it had before, or a free one. */
function ipv6Pool(
  before: NetworkRecord | undefined,
  { bridge, addressPools = [] }: NetworkServiceOptions,
  others: readonly NetworkRecord[],
): IpamPool {
  const had = before?.ipam.config.find(({ Subnet = '' }) => parsePrefix(Subnet)?.version === 6);
  const said = parsePrefix(bridge?.fixedCidrV6 ?? '');
  if (said !== null) return withGateway({ Subnet: formatPrefix(said) });
  const pools = poolsOfVersion(addressPools, 6);
  const free = (): string =>
    pools.length === 0 ? uniqueLocalSubnet() : formatPrefix(freeSubnet(others.flatMap(subnetsOf), pools));
  return had ?? withGateway({ Subnet: free() });
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
