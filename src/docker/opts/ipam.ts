import { BlockList, isIP } from 'node:net';

interface AddressPool {
  Subnet: string;
  IPRange: string;
  Gateway: string;
  AuxiliaryAddresses: Record<string, string>;
}

export interface AddressFlags {
  readonly subnets: readonly string[];
  readonly ranges: readonly string[];
  readonly gateways: readonly string[];
  readonly auxiliary: Readonly<Record<string, string>>;
}

function contains(subnet: string, address: string): boolean {
  const [network = '', bits = ''] = subnet.split('/');
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(network) === 0 || !/^\d{1,3}$/.test(bits)) throw new Error(`invalid CIDR address: ${subnet}`);
  if (isIP(address) !== isIP(network)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}

/** --subnet, --ip-range, --gateway and --aux-address as pools: docker/cli's createIPAMConfig. */
export function addressConfig({ subnets, ranges, gateways, auxiliary }: AddressFlags): AddressPool[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length)
    throw new Error('every ip-range or gateway must have a corresponding subnet');
  const pools = subnets.map((Subnet): AddressPool => ({ Subnet, IPRange: '', Gateway: '', AuxiliaryAddresses: {} }));
  for (const [index, one] of pools.entries())
    for (const other of pools.slice(index + 1))
      if (
        contains(one.Subnet, other.Subnet.split('/')[0] ?? '') ||
        contains(other.Subnet, one.Subnet.split('/')[0] ?? '')
      )
        throw new Error('multiple overlapping subnet configuration is not supported');
  const poolFor = (address: string): AddressPool | undefined => pools.find(({ Subnet }) => contains(Subnet, address));
  for (const range of ranges) {
    const pool = poolFor(range.split('/')[0] ?? '');
    if (pool === undefined) throw new Error(`no matching subnet for range ${range}`);
    if (pool.IPRange !== '')
      throw new Error(
        `cannot configure multiple ranges (${range}, ${pool.IPRange}) on the same subnet (${pool.Subnet})`,
      );
    pool.IPRange = range;
  }
  for (const gateway of gateways) {
    const pool = poolFor(gateway);
    if (pool === undefined) throw new Error(`no matching subnet for gateway ${gateway}`);
    if (pool.Gateway !== '')
      throw new Error(
        `cannot configure multiple gateways (${gateway}, ${pool.Gateway}) for the same subnet (${pool.Subnet})`,
      );
    pool.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(auxiliary)) {
    const pool = poolFor(address);
    if (pool === undefined) throw new Error(`no matching subnet for aux-address ${address}`);
    pool.AuxiliaryAddresses[name] = address;
  }
  return pools;
}
