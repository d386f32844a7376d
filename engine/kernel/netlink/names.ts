/**
 * Numbers that iproute2 prints as words. Sources: linux/rtnetlink.h, linux/if.h, neighbour.h and iproute2's lib/rt_names.c
 * (without /etc/iproute2, so that a name never depends on the machine).
 */

export const SCOPES = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

const SCOPE_NAMES: Readonly<Record<number, string>> = {
  0: 'global',
  200: 'site',
  253: 'link',
  254: 'host',
  255: 'nowhere',
};

export function scopeName(number: number): string {
  return SCOPE_NAMES[number] ?? String(number);
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  17: 'mrouted',
  18: 'keepalived',
  42: 'babel',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
};

export const ROUTE_PROTOCOLS = { kernel: 2, boot: 3, static: 4, dhcp: 16 } as const;

export function routeProtocolName(number: number): string {
  return PROTOCOL_NAMES[number] ?? String(number);
}

export const ROUTE_TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;

const ROUTE_TYPE_NAMES: readonly string[] = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
];

export function routeTypeName(number: number): string {
  return ROUTE_TYPE_NAMES[number] ?? String(number);
}

const TABLE_NAMES: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' };

export function tableName(number: number): string {
  return TABLE_NAMES[number] ?? String(number);
}

const OPERSTATES: readonly string[] = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'];

/** RFC 2863 state, as `ip link` prints it. */
export function operstateName(number: number): string {
  return OPERSTATES[number] ?? String(number);
}

const LINK_FLAGS: readonly (readonly [number, string])[] = [
  [0x8, 'LOOPBACK'],
  [0x2, 'BROADCAST'],
  [0x10, 'POINTOPOINT'],
  [0x1000, 'MULTICAST'],
  [0x80, 'NOARP'],
  [0x200, 'ALLMULTI'],
  [0x100, 'PROMISC'],
  [0x400, 'MASTER'],
  [0x800, 'SLAVE'],
  [0x4, 'DEBUG'],
  [0x8000, 'DYNAMIC'],
  [0x4000, 'AUTOMEDIA'],
  [0x2000, 'PORTSEL'],
  [0x20, 'NOTRAILERS'],
  [0x1, 'UP'],
  [0x10000, 'LOWER_UP'],
  [0x20000, 'DORMANT'],
  [0x40000, 'ECHO'],
];

/** Words between the angle brackets of `ip link`, in its order; NO-CARRIER is an interface that is up without LOWER_UP (IFF_RUNNING). */
export function linkFlagNames(flags: number): string[] {
  const names = (flags & 0x1) !== 0 && (flags & 0x40) === 0 ? ['NO-CARRIER'] : [];
  for (const [bit, name] of LINK_FLAGS) if ((flags & bit) !== 0) names.push(name);
  return names;
}

const NEIGHBOUR_STATES: readonly (readonly [number, string])[] = [
  [0x01, 'INCOMPLETE'],
  [0x02, 'REACHABLE'],
  [0x04, 'STALE'],
  [0x08, 'DELAY'],
  [0x10, 'PROBE'],
  [0x20, 'FAILED'],
  [0x40, 'NOARP'],
  [0x80, 'PERMANENT'],
];

/** Words of a neighbour's state; an entry that was never resolved has none. */
export function neighbourStateNames(state: number): string[] {
  return NEIGHBOUR_STATES.filter(([bit]) => (state & bit) !== 0).map(([, name]) => name);
}

const STP_STATE_NAMES: readonly string[] = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

export function stpStateName(state: number): string {
  return STP_STATE_NAMES[state] ?? String(state);
}
