import { isIPv4, isIPv6 } from 'node:net';
import { EngineError } from '../errors.js';
import { AF_INET, AF_INET6 } from './constants.js';

/** Addresses between text and bytes. Text of IPv6 is that of RFC 5952, as `ip` and the kernel print it. */

export type Family = 'inet' | 'inet6';

export function familyNumber(family: Family): number {
  return family === 'inet' ? AF_INET : AF_INET6;
}

export function familyName(number: number): Family | null {
  return number === AF_INET ? 'inet' : number === AF_INET6 ? 'inet6' : null;
}

/** Family of an address in text; throws InvalidArgument when it is none. */
export function familyOf(address: string): Family {
  if (isIPv4(address)) return 'inet';
  if (isIPv6(address) && !address.includes('%')) return 'inet6';
  throw new EngineError('InvalidArgument', `read address "${address}": neither an IPv4 nor an IPv6 address`);
}

/** The 4 or 16 bytes of an address, network order. */
export function addressBytes(address: string): Uint8Array {
  return familyOf(address) === 'inet' ? Uint8Array.from(address.split('.'), Number) : ipv6Bytes(address);
}

function ipv6Bytes(address: string): Uint8Array {
  const bytes = new Uint8Array(16);
  let text = address;
  const quad = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (quad !== null) {
    const [a, b, c, d] = quad.slice(2).map(Number) as [number, number, number, number];
    text = `${quad[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const put = (group: string, index: number): void => {
    const value = Number.parseInt(group, 16);
    bytes[index * 2] = value >>> 8;
    bytes[index * 2 + 1] = value & 0xff;
  };
  before.forEach(put);
  after.forEach((group, at) => {
    put(group, 8 - after.length + at);
  });
  return bytes;
}

/** Text of 4 or 16 bytes; null for any other count. */
export function addressText(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  if (bytes.length === 4) return bytes.join('.');
  return bytes.length === 16 ? ipv6Text(bytes) : null;
}

function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[at * 2]! << 8) | bytes[at * 2 + 1]!);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.subarray(12).join('.')}`;
  }
  let start = -1;
  let run = 1;
  for (let at = 0; at < 8; ) {
    let end = at;
    while (end < 8 && groups[end] === 0) end++;
    if (end - at > run) {
      start = at;
      run = end - at;
    }
    at = end === at ? at + 1 : end;
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return start < 0 ? hex(0, 8) : `${hex(0, start)}::${hex(start + run, 8)}`;
}

/** `02:42:ac:11:00:02` and any other number of bytes; empty for none. */
export function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The 6 bytes of an Ethernet address; throws InvalidArgument. */
export function macBytes(mac: string): Uint8Array {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(mac)) {
    throw new EngineError(
      'InvalidArgument',
      `read hardware address "${mac}": want six bytes such as 02:42:ac:11:00:02`,
    );
  }
  return Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}

export interface Cidr {
  readonly family: Family;
  readonly address: string;
  readonly prefix: number;
}

/** `10.1.0.0/24`, or an address alone for a whole one; throws InvalidArgument. */
export function parseCidr(text: string): Cidr {
  const [address = '', length, extra] = text.split('/');
  const family = familyOf(address);
  const most = family === 'inet' ? 32 : 128;
  const prefix = length === undefined ? most : Number(length);
  if (extra !== undefined || (length !== undefined && !/^\d{1,3}$/.test(length)) || prefix > most) {
    throw new EngineError('InvalidArgument', `read network "${text}": the prefix length must be 0 to ${most}`);
  }
  return { family, address, prefix };
}

/** Address of all hosts of an IPv4 network: what `ip addr add … broadcast +` computes. */
export function broadcastOf(address: string, prefix: number): string {
  const bytes = addressBytes(address);
  return Array.from(bytes, (byte, at) => byte | (0xff >> Math.min(8, Math.max(0, prefix - at * 8)))).join('.');
}
