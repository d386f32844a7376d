import { NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT } from '../../kernel/netlink/constants.js';
import type { NetconfMessage } from '../../kernel/netlink/message-types.js';

/**
 * Kernel parameters of a network namespace. /proc/sys/net always shows the reader's own namespace, so those that
 * rtnetlink tells are taken from it, and the rest from a program that runs in the namespace.
 */

/** Run it in the namespace; parameters that the kernel does not have are left out. See sysctl(8). */
export const SYSCTL_COMMAND: readonly string[] = [
  'sysctl',
  '-e',
  'net.ipv4.ip_forward',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ping_group_range',
  'net.ipv4.conf.all.route_localnet',
  'net.ipv6.conf.all.disable_ipv6',
  'net.bridge.bridge-nf-call-iptables',
];

/** `key = value` lines; other lines are passed over. Runs of blanks in a value become one. */
export function parseSysctls(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z0-9_./-]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match !== null) found[match[1]!] = match[2]!.replace(/\s+/g, ' ');
  }
  return found;
}

/**
 * Parameters that rtnetlink tells (RTM_GETNETCONF): forwarding, the reverse path filter and proxy ARP of `all` and
 * `default`, and of each interface where it differs from `default`.
 */
export function sysctlsOf(
  netconf: readonly NetconfMessage[],
  names: ReadonlyMap<number, string>,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const family of ['inet', 'inet6'] as const) {
    const rows = netconf.filter((row) => row.family === family);
    const fallback = rows.find(({ index }) => index === NETCONFA_IFINDEX_DEFAULT);
    for (const row of rows) {
      const place = placeOf(row.index, names);
      if (place === null) continue;
      for (const [field, parameter] of PARAMETERS[family]) {
        const value = row[field];
        if (value === null || (row.index > 0 && value === fallback?.[field])) continue;
        const protocol = family === 'inet' ? 'ipv4' : 'ipv6';
        found[`net.${protocol}.conf.${place}.${parameter}`] = String(value);
      }
    }
  }
  // The kernel has this value under two names.
  const forwarding = found['net.ipv4.conf.all.forwarding'];
  return forwarding === undefined ? found : { 'net.ipv4.ip_forward': forwarding, ...found };
}

type Field = 'forwarding' | 'rpFilter' | 'proxyNeighbour';

const PARAMETERS: Readonly<Record<'inet' | 'inet6', readonly (readonly [Field, string])[]>> = {
  inet: [
    ['forwarding', 'forwarding'],
    ['rpFilter', 'rp_filter'],
    ['proxyNeighbour', 'proxy_arp'],
  ],
  inet6: [
    ['forwarding', 'forwarding'],
    ['proxyNeighbour', 'proxy_ndp'],
  ],
};

/** The directory of /proc/sys/net/ipv4/conf; a dot in a name is a slash in a key, as sysctl(8) has it. The loopback is passed over. */
function placeOf(index: number, names: ReadonlyMap<number, string>): string | null {
  if (index === NETCONFA_IFINDEX_ALL) return 'all';
  if (index === NETCONFA_IFINDEX_DEFAULT) return 'default';
  const name = names.get(index);
  return name === undefined || name === 'lo' ? null : name.replaceAll('.', '/');
}
