import { isIP, isIPv4 } from 'node:net';
import type { ContainerDeps } from '../container/deps.js';
import { EngineError } from '../kernel/errors.js';
import type { AddressPool } from '../network/address-pools.js';
import { parsePrefix } from '../network/cidr.js';
import type { NetworkServiceOptions } from '../network/types.js';

/** What dockerd's options say of networks. dockerd(8); moby, daemon/config/config_linux.go. */
export interface DaemonNetworks {
  /** Of the default bridge; null: none is made (`--bridge none`). */
  readonly bridge: NonNullable<NetworkServiceOptions['bridge']> | null;
  /** Where networks get their subnets from; empty: Docker's own. */
  readonly addressPools: readonly AddressPool[];
  readonly dns: NonNullable<ContainerDeps['dns']>;
}

/** The words of options, as they were given. */
export interface Given {
  text(name: string): string | undefined;
  flag(name: string): boolean | undefined;
  list(name: string): readonly string[];
}

const bad = (message: string): EngineError => new EngineError('InvalidArgument', message);

export function daemonNetworks(given: Given): DaemonNetworks {
  const name = given.text('bridge');
  const bip = given.text('bip');
  if (name !== undefined && name !== '' && bip !== undefined)
    throw bad('You specified -b & --bip, mutually exclusive options. Please specify only one');
  if (given.flag('icc') === false && given.flag('iptables') === false)
    throw bad(
      'You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true',
    );
  return {
    bridge: name === 'none' ? null : bridgeOf(given, name === '' ? undefined : name, bip),
    addressPools: given.list('default-address-pool').map(poolOf),
    dns: {
      nameservers: given.list('dns').map((one) => address('dns', one)),
      search: given.list('dns-search'),
      options: given.list('dns-opt'),
    },
  };
}

function bridgeOf(
  given: Given,
  name: string | undefined,
  bip: string | undefined,
): NonNullable<DaemonNetworks['bridge']> {
  const mtu = given.text('mtu');
  const ip = given.text('ip');
  const icc = given.flag('icc');
  const ipv6 = given.flag('ipv6');
  const gateway = given.text('default-gateway');
  const fixedCidr = given.text('fixed-cidr');
  const fixedCidrV6 = given.text('fixed-cidr-v6');
  if (mtu !== undefined && !/^\d{1,5}$/.test(mtu))
    throw bad(`invalid argument "${mtu}" for "--mtu" flag: it is a number of bytes`);
  if (ip !== undefined && !isIPv4(address('ip', ip)))
    throw bad(`invalid argument "${ip}" for "--ip" flag: ports are published on an IPv4 address`);
  if (gateway !== undefined && !isIPv4(address('default-gateway', gateway)))
    throw bad(`invalid argument "${gateway}" for "--default-gateway" flag: it is not an IPv4 address`);
  if (fixedCidrV6 !== undefined && parsePrefix(fixedCidrV6)?.version !== 6)
    throw bad(`invalid argument "${fixedCidrV6}" for "--fixed-cidr-v6" flag: it is not an IPv6 subnet`);
  return {
    ...(name === undefined ? {} : { name }),
    ...(bip === undefined ? {} : { bip }),
    ...(fixedCidr === undefined ? {} : { fixedCidr }),
    ...(mtu === undefined || Number(mtu) === 0 ? {} : { mtu: Number(mtu) }),
    ...(icc === undefined ? {} : { icc }),
    ...(ip === undefined ? {} : { hostBinding: ip }),
    ...(gateway === undefined ? {} : { defaultGateway: gateway }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(fixedCidrV6 === undefined ? {} : { fixedCidrV6 }),
  };
}

function address(flag: string, text: string): string {
  if (isIP(text) === 0) throw bad(`invalid argument "${text}" for "--${flag}" flag: ${text} is not an ip address`);
  return text;
}

/** `base=10.0.0.0/8,size=24`. moby, opts/address_pools.go. */
function poolOf(text: string): AddressPool {
  const wrong = (why: string): EngineError =>
    bad(`invalid argument "${text}" for "--default-address-pool" flag: ${why}`);
  let base = '';
  let size = 0;
  for (const field of text.split(',')) {
    const at = field.indexOf('=');
    const value = field.slice(at + 1);
    if (at < 0) throw wrong(`invalid field '${field}' must be a key=value pair`);
    const key = field.slice(0, at).toLowerCase();
    if (key === 'base') base = value;
    else if (key === 'size' && /^\d{1,3}$/.test(value)) size = Number(value);
    else if (key === 'size') throw wrong(`invalid size value: "${value}" (must be integer)`);
    else throw wrong(`unexpected key '${key}' in '${field}'`);
  }
  const prefix = parsePrefix(base);
  if (prefix === null) throw wrong(`invalid base prefix "${base}"`);
  if (size < prefix.bits || size > (prefix.version === 4 ? 32 : 128))
    throw wrong(`a network of size ${size} is no part of ${base}`);
  return { base, size };
}
