import { isIPv4, isIPv6 } from 'node:net';
import { addressBytes, addressText } from '../kernel/netlink/address.js';

/** Addresses and prefixes as numbers, both families alike. RFC 4632, RFC 4291. */

export type IpVersion = 4 | 6;

export interface Address {
  readonly version: IpVersion;
  readonly value: bigint;
}

export interface Prefix {
  readonly version: IpVersion;
  /** The address as it was written, host bits included. */
  readonly address: bigint;
  /** With the host bits cleared. */
  readonly network: bigint;
  readonly bits: number;
}

const width = (version: IpVersion): number => (version === 4 ? 32 : 128);

/** Null for what is no address. */
export function parseAddress(text: string): Address | null {
  const version = isIPv4(text) ? 4 : isIPv6(text) && !text.includes('%') ? 6 : null;
  if (version === null) return null;
  const value = addressBytes(text).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { version, value };
}

/** Neither the unspecified address nor an IPv4 address in IPv6's clothes (`::ffff:192.0.2.1`): RFC 4291, 2.5.2 and 2.5.5.2. */
export function isOneMachine({ version, value }: Address): boolean {
  return value !== 0n && !(version === 6 && value >> 32n === 0xffffn);
}

/** `172.17.0.1/16`; null for what is no prefix. */
export function parsePrefix(text: string): Prefix | null {
  const [, host = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(host);
  const bits = Number(length);
  if (address === null || length === '' || bits > width(address.version)) return null;
  return prefixOf(address, bits);
}

export function prefixOf(address: Address, bits: number): Prefix {
  const { version, value } = address;
  const host = BigInt(width(version) - bits);
  return { version, address: value, network: (value >> host) << host, bits };
}

export function formatAddress({ version, value }: Address): string {
  const bytes = new Uint8Array(version === 4 ? 4 : 16);
  let rest = value;
  for (let at = bytes.length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return addressText(bytes) ?? '';
}

/** The network, without host bits: `172.17.0.0/16`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress({ version: prefix.version, value: prefix.network })}/${prefix.bits}`;
}

export function lastOf(prefix: Prefix): bigint {
  return prefix.network + (1n << BigInt(width(prefix.version) - prefix.bits)) - 1n;
}

export function contains(prefix: Prefix, address: Address): boolean {
  return prefix.version === address.version && address.value >= prefix.network && address.value <= lastOf(prefix);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.version === b.version && a.network <= lastOf(b) && b.network <= lastOf(a);
}

/** Docker 20 to 27 make it of the address, so that a neighbour's ARP cache stays right when the address is given again. */
export function macOfAddress(address: string): string {
  const bytes = [0x02, 0x42, ...addressBytes(address).subarray(-4)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
