import { lastOf, overlaps, type Prefix, parsePrefix } from './cidr.js';
import { failed } from './errors.js';

/** A range and the size of the networks that it is cut into. */
export interface AddressPool {
  readonly base: string;
  readonly size: number;
}

/** Docker's own: 172.17/16 to 172.31/16 (172.24 to 27 in one of /14), then sixteen of 192.168. */
export const DEFAULT_POOLS: readonly AddressPool[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
];

/** The pools that networks are made of: what the engine was told, or Docker's own. */
export const poolsOr = (told: readonly AddressPool[] | undefined): readonly AddressPool[] =>
  told === undefined || told.length === 0 ? DEFAULT_POOLS : told;

/** The pools of one version of IP. */
export const poolsOfVersion = (pools: readonly AddressPool[], version: 4 | 6): AddressPool[] =>
  pools.filter(({ base }) => parsePrefix(base)?.version === version);

/** The first network of the pools that nothing uses: no other network, no route of the machine. */
export function freeSubnet(used: readonly Prefix[], pools: readonly AddressPool[] = DEFAULT_POOLS): Prefix {
  for (const { base, size } of pools) {
    const pool = parsePrefix(base);
    if (pool === null) throw failed(`invalid address pool ${base}`);
    const step = 1n << BigInt((pool.version === 4 ? 32 : 128) - size);
    for (let network = pool.network; network <= lastOf(pool); ) {
      const candidate: Prefix = { version: pool.version, address: network, network, bits: size };
      const taken = used.find((other) => overlaps(other, candidate));
      if (taken === undefined) return candidate;
      // the first that begins behind all of what is taken: a pool may have more networks than can be looked at
      const behind = lastOf(taken) + 1n - pool.network;
      network = pool.network + ((behind + step - 1n) / step) * step;
    }
  }
  throw failed('all predefined address pools have been fully subnetted');
}
