import { randomBytes } from 'node:crypto';
import { type AddressPool, freeSubnet, poolsOfVersion } from './address-pools.js';
import { contains, formatAddress, formatPrefix, overlaps, type Prefix, parseAddress, parsePrefix } from './cidr.js';
import { failed, forbidden, invalid, notFound } from './errors.js';
import { guard } from './guards.js';
import { checkSharing, isParented } from './parent-options.js';
import type { NetworkRecord } from './record.js';
import type { IpamPool, NetworkCreateOptions } from './types.js';

const PREDEFINED: readonly string[] = ['bridge', 'host', 'none'];

export const isPredefined = ({ name }: { readonly name: string }): boolean => PREDEFINED.includes(name);

/** Labels of options, as Docker names them. */
export const OPTION = {
  bridgeName: 'com.docker.network.bridge.name',
  icc: 'com.docker.network.bridge.enable_icc',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  hostBinding: 'com.docker.network.bridge.host_binding_ipv4',
  gatewayMode4: 'com.docker.network.bridge.gateway_mode_ipv4',
  gatewayMode6: 'com.docker.network.bridge.gateway_mode_ipv6',
  hostAddress4: 'com.docker.network.host_ipv4',
  hostAddress6: 'com.docker.network.host_ipv6',
  defaultBridge: 'com.docker.network.bridge.default_bridge',
  mtu: 'com.docker.network.driver.mtu',
} as const;

/** The auxiliary address that containers of a bridge have for their gateway, instead of the bridge's own. */
export const GATEWAY_OUTSIDE = 'DefaultGatewayIPv4';

const GATEWAY_MODES = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
/**
 * How a network is led out. `nat`: behind the machine's address, reached by published ports alone; `nat-unprotected`: whoever has
 * a route reaches all ports; `routed`: nothing is translated, published ports are reached by route; `isolated`: the machine has
 * no address on the bridge. moby, libnetwork/drivers/bridge/bridge_linux.go.
 */
export type GatewayMode = (typeof GATEWAY_MODES)[number];

/** What the bridge driver makes of a network's options. */
export interface BridgeSettings {
  readonly name: string;
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly hostBinding: string;
  readonly gatewayModes: Readonly<Record<4 | 6, GatewayMode>>;
  /** What containers' packets get for their source outside; null: the address of the interface that they leave by. */
  readonly hostAddresses: Readonly<Record<4 | 6, string | null>>;
  /** Null: the kernel's. */
  readonly mtu: number | null;
  readonly isDefault: boolean;
}

const MAX_NAME = 255;
const MAX_LABELS = 1024;
const MAX_POOLS = 32;

/**
 * Names become no path, but they reach terminals and host files, so Docker's rule for containers holds for them; Docker itself
 * takes anything that is not blank.
 */
export function checkName(name: string): void {
  if (!guard('network-name')) return;
  if (name.trim() === '') throw invalid('invalid name: name is empty');
  if (name.length > MAX_NAME || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw invalid(`Invalid network name (${printable(name)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

/** What somebody sent, as it may stand in a message: short, and without characters that move a cursor. */
export function printable(text: string): string {
  const quoted = JSON.stringify(text.slice(0, 80)).slice(1, -1);
  return text.length > 80 ? `${quoted}…` : quoted;
}

export function bridgeSettings(record: Pick<NetworkRecord, 'id' | 'options'>): BridgeSettings {
  const { options } = record;
  const name = options[OPTION.bridgeName] ?? '';
  const hostBinding = options[OPTION.hostBinding] ?? '0.0.0.0';
  const mtu = options[OPTION.mtu];
  if (name !== '' && !/^[^\s/:%\0-\x1f]{1,15}$/.test(name)) throw invalid(`invalid interface name: ${printable(name)}`);
  if (name === '.' || name === '..') throw invalid(`invalid interface name: ${name}`);
  if (parseAddress(hostBinding)?.version !== 4) throw unreadable(OPTION.hostBinding, hostBinding, 'nil ip');
  if (mtu !== undefined && !/^\d{1,5}$/.test(mtu))
    throw unreadable(OPTION.mtu, mtu, `strconv.Atoi: parsing ${JSON.stringify(mtu.slice(0, 80))}: invalid syntax`);
  const bytes = Number(mtu ?? 0);
  if (bytes !== 0 && (bytes < 68 || bytes > 65_535)) throw invalid(`invalid MTU number: ${bytes}`);
  return {
    name: name === '' ? `br-${record.id.slice(0, 12)}` : name,
    icc: boolean(options, OPTION.icc, true) || !guard('icc'),
    masquerade: boolean(options, OPTION.masquerade, true),
    hostBinding,
    gatewayModes: { 4: gatewayMode(options, OPTION.gatewayMode4), 6: gatewayMode(options, OPTION.gatewayMode6) },
    hostAddresses: { 4: hostAddress(options, OPTION.hostAddress4, 4), 6: hostAddress(options, OPTION.hostAddress6, 6) },
    mtu: bytes === 0 ? null : bytes,
    isDefault: boolean(options, OPTION.defaultBridge, false),
  };
}

function gatewayMode(options: Readonly<Record<string, string>>, key: string): GatewayMode {
  const value = options[key];
  const found = value === undefined ? 'nat' : GATEWAY_MODES.find((mode) => mode === value);
  if (found === undefined) throw unreadable(key, value ?? '', `unknown gateway mode ${printable(value ?? '')}`);
  return found;
}

function hostAddress(options: Readonly<Record<string, string>>, key: string, version: 4 | 6): string | null {
  const value = options[key];
  if (value === undefined) return null;
  const address = parseAddress(value);
  if (address?.version !== version) throw unreadable(key, value, 'nil ip');
  return formatAddress(address);
}

/** Go's strconv.ParseBool. */
function boolean(options: Readonly<Record<string, string>>, key: string, otherwise: boolean): boolean {
  const value = options[key];
  if (value === undefined) return otherwise;
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw unreadable(key, value, `strconv.ParseBool: parsing ${JSON.stringify(value.slice(0, 80))}: invalid syntax`);
}

const unreadable = (key: string, value: string, why: string): Error =>
  invalid(`failed to parse ${key} value: ${printable(value)} (${why})`);

/** What a new network must not collide with. */
export interface Surroundings {
  readonly networks: readonly NetworkRecord[];
  /** Subnets that the machine itself reaches by other ways. */
  readonly routes: readonly Prefix[];
  readonly pools: readonly AddressPool[];
}

/** Check what is asked and choose what is not: the record of a new network. Throws in Docker's words. */
export function newNetwork(options: NetworkCreateOptions, id: string, around: Surroundings): NetworkRecord {
  const { Name: name } = options;
  if (isPredefined({ name })) throw forbidden(`operation is not permitted on predefined ${name} network `);
  checkName(name);
  const driver = options.Driver === undefined || options.Driver === '' ? 'bridge' : options.Driver;
  if (driver === 'host' || driver === 'null') throw forbidden(`only one instance of "${driver}" network is allowed`);
  if (driver === 'overlay' || options.Ingress === true)
    throw forbidden(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  if (driver !== 'bridge' && !isParented(driver)) throw notFound(`plugin "${printable(driver)}" not found`);
  const ipamDriver = options.IPAM?.Driver ?? 'default';
  if (ipamDriver !== '' && ipamDriver !== 'default') throw notFound(`plugin "${printable(ipamDriver)}" not found`);
  for (const map of [options.Options, options.Labels])
    if (Object.keys(map ?? {}).length > MAX_LABELS) throw invalid(`more than ${MAX_LABELS} options or labels`);
  const asked = options.IPAM?.Config ?? [];
  if (asked.length > MAX_POOLS) throw invalid(`more than ${MAX_POOLS} subnets in one network`);
  const enableIPv6 = options.EnableIPv6 ?? false;
  if (options.EnableIPv4 === false) throw invalid('IPv4 can only be disabled on a daemon with experimental features');
  checkPools(asked, enableIPv6);
  // the gateway of a parent's network is a machine out there: only who says where it is has one
  const config = choosePools(asked, enableIPv6, around);
  const { gatewayModes } = bridgeSettings({ id, options: options.Options ?? {} });
  // the machine has no address on an isolated bridge
  const hasGateway = ({ Subnet = '' }: IpamPool): boolean =>
    gatewayModes[parsePrefix(Subnet)?.version ?? 4] !== 'isolated';
  const record: NetworkRecord = {
    name,
    id,
    created: new Date().toISOString(),
    driver,
    enableIPv4: true,
    enableIPv6,
    internal: options.Internal ?? false,
    attachable: options.Attachable ?? false,
    ipam: {
      driver: 'default',
      options: options.IPAM?.Options ?? null,
      config: driver === 'bridge' ? config.map((pool) => (hasGateway(pool) ? withGateway(pool) : pool)) : config,
    },
    options: options.Options ?? {},
    labels: options.Labels ?? {},
    ownSubnets: asked.length > 0,
    unnamedGateways: asked.flatMap(({ Subnet = '', Gateway = '' }) => (Gateway === '' ? [Subnet] : [])),
  };
  if (driver === 'bridge') checkBridge(record, around.networks);
  else checkSharing(record, around.networks);
  return record;
}

function checkBridge(record: NetworkRecord, networks: readonly NetworkRecord[]): void {
  const { name, gatewayModes } = bridgeSettings(record);
  if (!record.internal && Object.values(gatewayModes).includes('isolated'))
    throw failed("gateway mode 'isolated' can only be used for an internal network");
  const other = networks.find((one) => one.driver === 'bridge' && bridgeSettings(one).name === name);
  if (other !== undefined)
    throw forbidden(
      `cannot create network ${record.id} (${name}): conflicts with network ${other.id} (${name}): networks have same bridge name`,
    );
}

/** Docker's checks of `--subnet`, `--ip-range`, `--gateway` and `--aux-address`. */
function checkPools(pools: readonly IpamPool[], enableIPv6: boolean): void {
  const problems = pools.flatMap((pool) => {
    const subnet = parsePrefix(pool.Subnet ?? '');
    if (subnet === null) return [`invalid subnet ${printable(pool.Subnet ?? '')}: invalid CIDR block notation`];
    if (!enableIPv6 && subnet.version === 6) return [];
    const family = `IPv${subnet.version}`;
    const text = `${formatAddress({ version: subnet.version, value: subnet.address })}/${subnet.bits}`;
    const found: string[] = [];
    if (subnet.address !== subnet.network) found.push(`invalid subnet ${text}: it should be ${formatPrefix(subnet)}`);
    found.push(...rangeProblems(pool.IPRange ?? '', subnet, family, text));
    const gateway = addressProblem(pool.Gateway ?? '', subnet, family, text);
    if (gateway !== null) found.push(`invalid gateway ${printable(pool.Gateway ?? '')}: ${gateway}`);
    for (const [name, address] of Object.entries(pool.AuxiliaryAddresses ?? {})) {
      const problem = addressProblem(address, subnet, family, text);
      if (problem !== null) found.push(`invalid auxiliary address ${printable(name)}: ${problem}`);
    }
    return found;
  });
  if (problems.length > 0) throw invalid(`invalid network config:\n${joined(problems)}`);
}

/** As Docker joins several errors. */
export function joined(problems: readonly string[]): string {
  return problems.length === 1 ? (problems[0] ?? '') : problems.map((one) => `* ${one}`).join('\n');
}

function rangeProblems(text: string, subnet: Prefix, family: string, parent: string): string[] {
  if (text === '') return [];
  const range = parsePrefix(text);
  if (range === null) return [`invalid ip-range ${printable(text)}: invalid CIDR block notation`];
  if (range.version !== subnet.version) return [`invalid ip-range ${text}: parent subnet is an ${family} block`];
  const found: string[] = [];
  if (range.bits < subnet.bits)
    found.push(`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${parent}`);
  if (range.address !== range.network) found.push(`invalid ip-range ${text}: it should be ${formatPrefix(range)}`);
  if (!overlaps(range, subnet))
    found.push(`invalid ip-range ${text}: parent subnet ${parent} doesn't contain ip-range`);
  return found;
}

function addressProblem(text: string, subnet: Prefix, family: string, parent: string): string | null {
  if (text === '') return null;
  const address = parseAddress(text);
  if (address === null) return 'invalid address';
  if (address.version !== subnet.version) return `parent subnet is an ${family} block`;
  return contains(subnet, address) ? null : `parent subnet ${parent} doesn't contain this address`;
}

/** The pools of a network with subnets that are free where none was asked for. */
function choosePools(asked: readonly IpamPool[], enableIPv6: boolean, around: Surroundings): IpamPool[] {
  const used = around.networks.flatMap(subnetsOf);
  const pools = asked.filter((pool) => enableIPv6 || parsePrefix(pool.Subnet ?? '')?.version === 4);
  const taken: Prefix[] = [...used];
  for (const pool of pools) {
    const subnet = parsePrefix(pool.Subnet ?? '');
    if (subnet === null) continue;
    if (taken.some((other) => overlaps(other, subnet)))
      throw forbidden('Pool overlaps with other one on this address space');
    taken.push(subnet);
  }
  const has = (version: 4 | 6): boolean => pools.some((pool) => parsePrefix(pool.Subnet ?? '')?.version === version);
  const chosen: IpamPool[] = [...pools];
  const free = (version: 4 | 6): string =>
    formatPrefix(freeSubnet([...taken, ...around.routes], poolsOfVersion(around.pools, version)));
  if (!has(4)) chosen.unshift({ Subnet: free(4) });
  if (enableIPv6 && !has(6))
    chosen.push({ Subnet: poolsOfVersion(around.pools, 6).length > 0 ? free(6) : uniqueLocalSubnet() });
  return chosen;
}

/** A /64 of a random RFC 4193 network: as good as surely nobody else's. */
export function uniqueLocalSubnet(): string {
  const hex = randomBytes(5).toString('hex');
  return formatPrefix(
    parsePrefix(`fd${hex.slice(0, 2)}:${hex.slice(2, 6)}:${hex.slice(6, 10)}::/64`) ?? freeSubnet([]),
  );
}

/** The first address of the range, or else of the subnet, that is not the network's own. */
export function withGateway(pool: IpamPool): IpamPool {
  const subnet = parsePrefix(pool.Subnet ?? '');
  if (subnet === null || (pool.Gateway ?? '') !== '') return pool;
  const range = parsePrefix(pool.IPRange ?? '') ?? subnet;
  const reserved = Object.values(pool.AuxiliaryAddresses ?? {}).map((text) => parseAddress(text)?.value);
  let value = range.network === subnet.network ? range.network + 1n : range.network;
  while (reserved.includes(value)) value++;
  return { ...pool, Gateway: formatAddress({ version: subnet.version, value }) };
}

export function subnetsOf(record: NetworkRecord): Prefix[] {
  return record.ipam.config.flatMap((pool) => {
    const prefix = parsePrefix(pool.Subnet ?? '');
    return prefix === null ? [] : [prefix];
  });
}
