import { readFileSync, writeFileSync } from 'node:fs';
import { noteFile } from '../kernel/journal/file-deed.js';
import { describe, NetlinkError, type Request, type Rtnetlink } from '../kernel/netlink/index.js';
import { parsePrefix } from './cidr.js';
import { failed, isErrno } from './errors.js';
import { guard } from './guards.js';
import { type BridgeSettings, bridgeSettings } from './network-options.js';
import type { NetworkRecord } from './record.js';

/** Index of a link of this name; null: there is none. */
export function indexOf(netlink: Rtnetlink, name: string): number | null {
  try {
    return netlink.linkIndex(name);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === 'ENODEV') return null;
    throw error;
  }
}

/** Do all; the first refusal is thrown. */
export function applyAll(netlink: Rtnetlink, requests: readonly Request[]): void {
  const outcomes = netlink.applyAll(requests);
  const refused = outcomes.find(({ ok }) => !ok);
  if (refused !== undefined) throw new NetlinkError(describe(refused.request).command, refused.acknowledgement);
}

/** A locally administered address in Docker's range; the same when a bridge comes back, for containers remember it. */
function macOf({ id }: NetworkRecord): string {
  return ['02', '42', ...[0, 2, 4, 6].map((at) => id.slice(at, at + 2))].join(':');
}

/** The gateway addresses that a bridge has, with the length of their prefix. */
export function gatewaysOf(record: NetworkRecord): { address: string; bits: number; version: 4 | 6 }[] {
  return record.ipam.config.flatMap(({ Subnet = '', Gateway = '' }) => {
    const subnet = parsePrefix(Subnet);
    return subnet === null || Gateway === '' ? [] : [{ address: Gateway, bits: subnet.bits, version: subnet.version }];
  });
}

/**
 * Make a network's bridge as it should be: there, with its addresses, up. What is as it should be stays untouched, so it is
 * also how a bridge comes back. bridge(8). Returns whether the bridge was made.
 */
export function raiseBridge(netlink: Rtnetlink, record: NetworkRecord, hairpin: boolean): boolean {
  const settings = bridgeSettings(record);
  const { name } = settings;
  const isNew = indexOf(netlink, name) === null;
  if (isNew) netlink.apply({ op: 'link-add', name, kind: 'bridge', mac: macOf(record), ...mtuOf(settings) });
  const link = netlink.link(name);
  if (link.kind !== 'bridge') throw failed(`existing interface ${name} is not a bridge`);
  if (!isNew && settings.mtu !== null && link.mtu !== settings.mtu && !settings.isDefault)
    netlink.apply({ op: 'link-set', link: { name, index: link.index }, mtu: settings.mtu });
  const has = netlink.addresses().filter(({ index }) => index === link.index);
  if (record.enableIPv6) setSysctl(`ipv6/conf/${name}/disable_ipv6`, '0');
  const ref = { name, index: link.index };
  const gateways = gatewaysOf(record);
  const add = gateways.filter(
    ({ address, bits }) => !has.some((one) => one.address === address && one.prefix === bits),
  );
  // docker0 has the one address that it was told; an address that a user gave to another bridge is the user's
  const gone = has.filter(
    ({ family, address }) =>
      settings.isDefault && family === 'inet' && !gateways.some((one) => one.address === address),
  );
  applyAll(netlink, [
    ...gone.map(({ address, prefix }): Request => ({ op: 'address-delete', link: ref, address, prefix })),
    ...add.map(
      ({ address, bits, version }): Request => ({
        op: 'address-add',
        link: ref,
        address,
        prefix: bits,
        ...(version === 4 ? { broadcast: 'auto' } : { noDad: true }),
      }),
    ),
    { op: 'link-set', link: ref, up: true },
  ]);
  // a container cannot send as somebody whom we reach elsewhere
  if (record.foundBridge !== true && guard('reverse-path')) setSysctl(`ipv4/conf/${name}/rp_filter`, '1');
  if (hairpin) setSysctl(`ipv4/conf/${name}/route_localnet`, '1');
  return isNew;
}

/** A bridge without ports runs with the MTU that it is told; Docker leaves that of docker0 alone. */
function mtuOf({ mtu, isDefault }: BridgeSettings): { mtu?: number } {
  return mtu === null || isDefault ? {} : { mtu };
}

export function removeLink(netlink: Rtnetlink, name: string): void {
  try {
    netlink.apply({ op: 'link-delete', link: { name } });
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === 'ENODEV')) throw error;
  }
}

const SYSCTL = { en: 'set how the kernel treats packets', zh: '设定内核处理数据包的方式' };

/** A sysctl of this process's own network namespace. False: it cannot be written here (a /proc/sys that is read-only, no IPv6). */
export function setSysctl(key: string, value: string): boolean {
  const path = `/proc/sys/net/${key}`;
  try {
    if (readFileSync(path, 'utf8').trim() === value) return true;
    writeFileSync(path, value);
    noteFile({ what: 'sysctl', path, value, say: SYSCTL });
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EROFS', 'EACCES', 'EPERM')) return false;
    throw error;
  }
}

export function sysctl(key: string): string | null {
  try {
    return readFileSync(`/proc/sys/net/${key}`, 'utf8').trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES')) return null;
    throw error;
  }
}
