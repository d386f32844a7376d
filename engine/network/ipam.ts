import { type Address, contains, formatAddress, lastOf, type Prefix } from './cidr.js';
import { failed } from './errors.js';

/** How many addresses are looked at for a free one: bounds what a full /8, or any IPv6 network, costs. */
const MAX_SEARCH = 1 << 20;

/**
 * The addresses of one subnet that are in use. The lowest free one is given first, as Docker does. The network's own address
 * and, in IPv4, that of broadcasts are never given; with a range, only addresses of it.
 */
export class SubnetAddresses {
  readonly subnet: Prefix;
  readonly #range: Prefix;
  readonly #used = new Set<bigint>();

  constructor(subnet: Prefix, range: Prefix | null) {
    this.subnet = subnet;
    this.#range = range ?? subnet;
    this.#used.add(subnet.network);
    if (subnet.version === 4 && subnet.bits < 31) this.#used.add(lastOf(subnet));
    if (subnet.version === 4 && subnet.bits >= 31) this.#used.clear(); // RFC 3021: both are hosts
  }

  has(address: Address): boolean {
    return contains(this.subnet, address);
  }

  /** Take this one. False: it is in use. */
  take(address: Address): boolean {
    if (!this.has(address) || this.#used.has(address.value)) return false;
    this.#used.add(address.value);
    return true;
  }

  /** Take the lowest free one; null when there is none. */
  takeFree(): Address | null {
    const last = lastOf(this.#range);
    let value = this.#range.network;
    for (let tries = 0; tries < MAX_SEARCH && value <= last; tries++, value++) {
      if (this.#used.has(value)) continue;
      this.#used.add(value);
      return { version: this.subnet.version, value };
    }
    return null;
  }

  release(address: Address): void {
    const { subnet } = this;
    const isFixed = subnet.bits < 31 && (address.value === subnet.network || address.value === lastOf(subnet));
    if (!isFixed || subnet.version === 6) this.#used.delete(address.value);
  }
}

/** The addresses of a network: its subnets of one IP version. */
export class NetworkAddresses {
  readonly #subnets: readonly SubnetAddresses[];
  readonly #name: string;

  /** @param name how an error names the network: `name (id)` */
  constructor(name: string, subnets: readonly SubnetAddresses[]) {
    this.#name = name;
    this.#subnets = subnets;
  }

  /** The wished address, or the lowest free one, and the subnet it is of. Throws in Docker's words. */
  take(wished: Address | null): { address: string; subnet: Prefix } {
    if (wished === null) {
      for (const pool of this.#subnets) {
        const address = pool.takeFree();
        if (address !== null) return { address: formatAddress(address), subnet: pool.subnet };
      }
      const version = this.#subnets[0]?.subnet.version ?? 4;
      throw failed(`no available IPv${version} addresses on this network's address pools: ${this.#name}`);
    }
    const pool = this.#subnets.find((one) => one.has(wished));
    if (pool === undefined)
      throw failed(`Invalid address ${formatAddress(wished)}: It does not belong to any of this network's subnets`);
    if (!pool.take(wished)) throw failed('Address already in use');
    return { address: formatAddress(wished), subnet: pool.subnet };
  }

  /** Of an address that is in use already, as a file of ours says: never refused. */
  reserve(address: Address): void {
    this.#subnets.find((one) => one.has(address))?.take(address);
  }

  release(address: Address): void {
    this.#subnets.find((one) => one.has(address))?.release(address);
  }
}
