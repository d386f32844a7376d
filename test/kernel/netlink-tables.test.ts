import assert from 'node:assert/strict';
import { closeSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { realKernel } from '../../engine/kernel/kernel.js';
import { AF_INET, AF_INET6, RTNH_F } from '../../engine/kernel/netlink/constants.js';
import { describe } from '../../engine/kernel/netlink/describe.js';
import { NetlinkError } from '../../engine/kernel/netlink/error.js';
import { tableName } from '../../engine/kernel/netlink/names.js';
import type { Request } from '../../engine/kernel/netlink/request-types.js';
import { Rtnetlink } from '../../engine/kernel/netlink/rtnetlink.js';
import { openNetlink } from '../../engine/kernel/netlink/socket.js';
import { freshNetns, insideNamespaces, ipJson, rerunInNamespaces, run, sh } from '../helpers/netns.js';

type Row = Record<string, unknown>;

const FOREVER = 0xffffffff;
const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
const without = (row: object): Row =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));

/** Only these keys of each row, in this order. */
function pick(rows: readonly Row[], ...keys: string[]): Row[] {
  return rows.map((row) =>
    Object.fromEntries(keys.filter((key) => row[key] !== undefined).map((key) => [key, row[key]])),
  );
}

if (!insideNamespaces) {
  test('addresses, routes, neighbours, rules and forwarding databases', () => rerunInNamespaces(import.meta.url));
} else {
  /** v0 (up, 10.1.0.1/24, fd00::1/64), its other end v1 in the bridge br0 (up), a vxlan. */
  const fresh = (): Rtnetlink => {
    closeSync(freshNetns());
    writeFileSync('/proc/sys/net/ipv6/conf/default/accept_dad', '0');
    const netlink = new Rtnetlink(realKernel, openNetlink(realKernel));
    const requests: Request[] = [
      { op: 'link-set', link: { name: 'lo' }, up: true },
      { op: 'link-add', kind: 'bridge', name: 'br0', mac: '02:00:00:00:00:01' },
      {
        op: 'link-add',
        kind: 'veth',
        name: 'v0',
        mac: '02:00:00:00:00:02',
        peer: { name: 'v1', mac: '02:00:00:00:00:03' },
      },
      {
        op: 'link-add',
        kind: 'vxlan',
        name: 'vx0',
        mac: '02:00:00:00:00:04',
        vxlan: { id: 7, device: { name: 'v0' }, port: 4789 },
      },
      { op: 'link-set', link: { name: 'v1' }, master: { name: 'br0' }, up: true },
      { op: 'link-set', link: { name: 'v0' }, up: true },
      { op: 'link-set', link: { name: 'br0' }, up: true },
      { op: 'address-add', link: { name: 'v0' }, address: '10.1.0.1', prefix: 24, broadcast: 'auto' },
      { op: 'address-add', link: { name: 'v0' }, address: 'fd00::1', prefix: 64, noDad: true },
    ];
    for (const request of requests) netlink.apply(request);
    awaitIpv6(netlink);
    return netlink;
  };
  /** The kernel gives each link that has come up its IPv6 routes and address later, from a thread of its own. */
  const awaitIpv6 = (netlink: Rtnetlink): void => {
    const deadline = performance.now() + 45_000;
    const count = (pattern: RegExp): number =>
      netlink.routes().filter(({ destination, index }) => index !== null && pattern.test(destination)).length;
    while (count(/^ff00::\/8$/) < 3 || count(/^fe80::ff:[^/]*\/128$/) < 3)
      assert.ok(performance.now() < deadline, 'the links do not get their IPv6 routes');
  };
  const close = (netlink: Rtnetlink): void => void realKernel.call('close', netlink.fd);
  const nameIn = (netlink: Rtnetlink): ((index: number | null) => string | undefined) => {
    const names = new Map(netlink.links().map(({ index, name }) => [index, name]));
    return (index) => (index === null ? undefined : names.get(index));
  };

  const addressRows = (netlink: Rtnetlink): Row[] => {
    const name = nameIn(netlink);
    return netlink.addresses().map((address) =>
      without({
        dev: name(address.index),
        family: address.family,
        local: address.address,
        address: address.peer ?? undefined,
        prefixlen: address.prefix,
        broadcast: address.broadcast ?? undefined,
        scope: address.scope,
        label: address.label ?? undefined,
        valid_life_time: address.validSeconds ?? FOREVER,
        preferred_life_time: address.preferredSeconds ?? FOREVER,
      }),
    );
  };

  test('addresses are those of `ip addr`', () => {
    const netlink = fresh();
    const link = { name: 'v0' };
    netlink.apply({ op: 'address-add', link, address: '10.2.0.1', prefix: 16, label: 'v0:two', scope: 'link' });
    netlink.apply({ op: 'address-add', link, address: '192.168.7.1', prefix: 32, peer: '192.168.7.2' });
    netlink.apply({ op: 'address-add', link: { name: 'br0' }, address: '10.3.0.1', prefix: 24, noPrefixRoute: true });
    netlink.apply({
      op: 'address-replace',
      link: { name: 'br0' },
      address: '10.3.0.1',
      prefix: 24,
      broadcast: '10.3.0.255',
    });
    const rows = ipJson('-d', 'addr', 'show').flatMap((row) =>
      (row['addr_info'] as Row[]).map((info) => ({ dev: row['ifname'], ...info })),
    );
    const keys = [
      'dev',
      'family',
      'local',
      'address',
      'prefixlen',
      'broadcast',
      'scope',
      'label',
      'valid_life_time',
      'preferred_life_time',
    ];
    assert.deepEqual(sorted(pick(addressRows(netlink), ...keys)), sorted(pick(rows, ...keys)));
    assert.ok(
      !netlink.routes().some(({ destination, table }) => destination === '10.3.0.0/24' && table === 254),
      'noprefixroute',
    );
    netlink.apply({ op: 'address-delete', link, address: '10.2.0.1', prefix: 16 });
    assert.equal(!run('ip', 'addr', 'show', 'dev', 'v0').includes('10.2.0.1'), true);
    assert.throws(
      () => netlink.apply({ op: 'address-add', link, address: '10.1.0.1', prefix: 24 }),
      (error) => error instanceof NetlinkError && error.errno === 'EEXIST',
    );
    close(netlink);
  });

  test('routes of all tables are those of `ip route`', () => {
    const netlink = fresh();
    const link = { name: 'v0' };
    const requests: Request[] = [
      { op: 'route-add', destination: 'default', via: '10.1.0.254', link },
      { op: 'route-add', destination: '10.8.0.0/16', via: '10.1.0.253', metric: 5, source: '10.1.0.1', mtu: 1300 },
      { op: 'route-add', destination: '10.7.0.0/16', link },
      { op: 'route-add', destination: '10.6.0.0/16', via: '10.1.0.254', table: 1000 },
      { op: 'route-add', destination: '10.5.0.0/16', type: 'blackhole' },
      {
        op: 'route-add',
        destination: '10.4.0.0/16',
        nextHops: [
          { via: '10.1.0.2', link, weight: 3 },
          { via: '10.1.0.3', link },
        ],
      },
      { op: 'route-add', destination: '10.9.0.0/16', via: 'fd00::2', link },
      { op: 'route-add', destination: '10.10.0.0/16', via: '172.31.0.1', link, onlink: true, protocol: 'static' },
      { op: 'route-replace', destination: '10.7.0.0/16', via: '10.1.0.9', link },
      { op: 'route-add', destination: 'default', via: 'fd00::9', link },
      { op: 'route-add', destination: 'fd01::/48', via: 'fd00::8' },
    ];
    for (const request of requests) netlink.apply(request);
    const name = nameIn(netlink);
    const host = (text: string): string => text.replace(/\/32$/, '').replace(/\/128$/, '');
    const mine = netlink.routes().map((route) =>
      without({
        type: route.type,
        dst: host(route.destination),
        gateway: route.via !== null && (route.family === 'inet6' || !route.via.includes(':')) ? route.via : undefined,
        via: route.family === 'inet' && route.via?.includes(':') ? { family: 'inet6', host: route.via } : undefined,
        dev: name(route.index),
        table: tableName(route.table),
        protocol: route.protocol,
        scope: route.scope,
        prefsrc: route.source ?? undefined,
        metric: route.family === 'inet6' ? route.metric : route.metric || undefined,
        flags: (route.flags & RTNH_F.ONLINK) !== 0 ? ['onlink'] : [],
        nexthops:
          route.nextHops.length === 0
            ? undefined
            : route.nextHops.map((hop) => ({ gateway: hop.via, dev: name(hop.index), weight: hop.weight, flags: [] })),
      }),
    );
    const keys = [
      'type',
      'dst',
      'gateway',
      'via',
      'dev',
      'table',
      'protocol',
      'scope',
      'prefsrc',
      'metric',
      'flags',
      'nexthops',
    ];
    const rows = [
      ...ipJson('-d', '-4', 'route', 'show', 'table', 'all'),
      ...ipJson('-d', '-6', 'route', 'show', 'table', 'all'),
    ];
    assert.deepEqual(sorted(pick(mine, ...keys)), sorted(pick(rows, ...keys)));
    assert.equal(netlink.routes().find(({ destination }) => destination === '10.8.0.0/16')?.mtu, 1300);
    assert.equal(netlink.routes().find(({ destination }) => destination === 'default')?.via, '10.1.0.254');

    for (const destination of ['default', '10.7.0.0/16', '10.5.0.0/16'])
      netlink.apply({ op: 'route-delete', destination });
    assert.equal(!/^(default|10\.7|blackhole)/m.test(run('ip', '-4', 'route')), true);
    assert.throws(
      () => netlink.apply({ op: 'route-add', destination: '10.66.0.0/16', via: '172.20.0.1' }),
      (error) =>
        error instanceof NetlinkError && error.errno === 'ENETUNREACH' && /invalid gateway/.test(error.message),
    );
    close(netlink);
  });

  test('neighbours and forwarding databases are those of `ip neigh` and `bridge fdb`', () => {
    const netlink = fresh();
    const link = { name: 'v0' };
    netlink.apply({ op: 'neighbour-add', link, address: '10.1.0.9', mac: '02:00:00:00:00:09' });
    netlink.apply({ op: 'neighbour-replace', link, address: '10.1.0.9', mac: '02:00:00:00:00:0a', state: 'stale' });
    netlink.apply({ op: 'neighbour-add', link, address: 'fd00::9', mac: '02:00:00:00:00:0b', state: 'permanent' });
    netlink.apply({ op: 'neighbour-add', link, address: '10.1.0.10', mac: '02:00:00:00:00:0c' });
    netlink.apply({ op: 'neighbour-delete', link, address: '10.1.0.10' });
    netlink.apply({ op: 'neighbour-add', link, address: '10.1.0.77', proxy: true });
    const name = nameIn(netlink);
    const mine = netlink
      .neighbours()
      .filter(({ stateNames }) => !stateNames.includes('NOARP'))
      .map((row) =>
        without({ dst: row.address, dev: name(row.index), lladdr: row.mac ?? undefined, state: row.stateNames }),
      );
    assert.deepEqual(sorted(mine), sorted(pick(ipJson('-d', 'neigh', 'show'), 'dst', 'dev', 'lladdr', 'state')));
    assert.deepEqual(
      ipJson('neigh', 'show', 'proxy').map((row) => row['dst']),
      ['10.1.0.77'],
    );

    netlink.apply({
      op: 'fdb-append',
      link: { name: 'vx0' },
      mac: '00:00:00:00:00:00',
      destination: '10.1.0.3',
      where: 'self',
    });
    netlink.apply({
      op: 'fdb-add',
      link: { name: 'vx0' },
      mac: '02:00:00:00:00:33',
      destination: '10.1.0.3',
      where: 'self',
    });
    netlink.apply({ op: 'fdb-add', link: { name: 'v1' }, mac: '02:00:00:00:00:44', where: 'master', state: 'static' });
    netlink.apply({ op: 'fdb-add', link: { name: 'v1' }, mac: '02:00:00:00:00:45', where: 'master' });
    netlink.apply({ op: 'fdb-delete', link: { name: 'v1' }, mac: '02:00:00:00:00:45', where: 'master' });
    const read = () =>
      netlink.fdb().map((entry) =>
        without({
          mac: entry.mac,
          ifname: name(entry.index),
          dst: entry.destination ?? undefined,
          flags: entry.self ? ['self'] : [],
          master: name(entry.master),
          state: entry.state === 'dynamic' ? '' : entry.state,
        }),
      );
    const show = () => pick(ipJson('bridge', 'fdb', 'show'), 'mac', 'ifname', 'dst', 'flags', 'master', 'state');
    // A bridge learns when it likes: both are read again while a neighbour's first packet falls between the two readings.
    let [entries, shown] = [read(), show()];
    for (let tries = 0; tries < 5 && JSON.stringify(sorted(entries)) !== JSON.stringify(sorted(shown)); tries++) {
      [entries, shown] = [read(), show()];
    }
    assert.deepEqual(sorted(entries), sorted(shown));
    assert.equal(
      entries.some((entry) => entry['mac'] === '02:00:00:00:00:44' && entry['state'] === 'static'),
      true,
    );
    assert.equal(!entries.some((entry) => entry['mac'] === '02:00:00:00:00:45'), true);
    close(netlink);
  });

  test('rules are those of `ip rule`', () => {
    const netlink = fresh();
    const requests: Request[] = [
      { op: 'rule-add', family: 'inet', from: '10.1.0.0/24', table: 100, priority: 1000 },
      { op: 'rule-add', family: 'inet', to: '10.2.0.0/16', inInterface: 'v0', table: 1000, priority: 1001 },
      { op: 'rule-add', family: 'inet', fwmark: 7, action: 'blackhole', priority: 1002 },
      { op: 'rule-add', family: 'inet6', from: 'fd00::/64', table: 101, priority: 1003, not: true },
    ];
    for (const request of requests) netlink.apply(request);
    const cidr = (text: string, length: unknown): string => (length === undefined ? text : `${text}/${length}`);
    const mine = netlink.rules().map((rule) =>
      without({
        priority: rule.priority,
        src: rule.from,
        dst: rule.to === 'all' ? undefined : rule.to,
        table: rule.action === 'lookup' ? tableName(rule.table) : undefined,
        iif: rule.inInterface ?? undefined,
        fwmark: rule.fwmark === null ? undefined : `0x${rule.fwmark.toString(16)}`,
        action: rule.action === 'lookup' ? undefined : rule.action,
        not: rule.not || undefined,
      }),
    );
    const shown = [...ipJson('-4', 'rule'), ...ipJson('-6', 'rule')].map((row) =>
      without({
        priority: row['priority'],
        src: cidr(String(row['src']), row['srclen']),
        dst: row['dst'] === undefined ? undefined : cidr(String(row['dst']), row['dstlen']),
        table: row['table'],
        iif: row['iif'],
        fwmark: row['fwmark'],
        action: row['action'],
        not: row['not'] === null || row['not'] === true ? true : undefined,
      }),
    );
    assert.deepEqual(sorted(mine), sorted(shown));
    netlink.apply({ op: 'rule-delete', family: 'inet', from: '10.1.0.0/24', table: 100, priority: 1000 });
    assert.equal(!run('ip', 'rule').includes('10.1.0.0/24'), true);
    close(netlink);
  });

  test('forwarding, as /proc/sys has it', () => {
    const netlink = fresh();
    const of = (index: number, family = AF_INET): number | null | undefined =>
      netlink.netconf(family).find((row) => row.index === index)?.forwarding;
    assert.equal(of(-1), 0);
    sh('echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/v0/forwarding');
    assert.equal(of(-1), 1);
    assert.equal(of(netlink.linkIndex('v0'), AF_INET6), 1);
    assert.equal(of(-1, AF_INET6), 0);
    close(netlink);
  });

  test('a request and the command that it describes have the same effect', () => {
    const link = { name: 'v0' };
    const requests: Request[] = [
      { op: 'address-add', link, address: '10.2.0.1', prefix: 16, broadcast: 'auto', label: 'v0:two', scope: 'link' },
      { op: 'address-replace', link, address: 'fd02::1', prefix: 64, noDad: true },
      { op: 'address-add', link, address: '192.168.7.1', prefix: 32, peer: '192.168.7.2' },
      { op: 'address-delete', link, address: '10.1.0.1', prefix: 24 },
      { op: 'address-add', link, address: '10.1.0.1', prefix: 24 },
      { op: 'route-add', destination: 'default', via: '10.1.0.254', link, metric: 3 },
      { op: 'route-add', destination: '10.50.0.0/16', link, table: 500, scope: 'link', protocol: 'static' },
      { op: 'route-add', destination: '10.51.0.0/16', type: 'unreachable' },
      {
        op: 'route-add',
        destination: '10.52.0.0/16',
        nextHops: [
          { via: '10.1.0.2', weight: 2 },
          { via: '10.1.0.3', link },
        ],
      },
      { op: 'route-replace', destination: 'default', via: 'fd00::2', link, mtu: 1400 },
      { op: 'route-delete', destination: '10.51.0.0/16', type: 'unreachable' },
      { op: 'neighbour-add', link, address: '10.1.0.9', mac: '02:00:00:00:00:09', state: 'noarp' },
      { op: 'neighbour-replace', link, address: '10.1.0.10', mac: '02:00:00:00:00:0a' },
      {
        op: 'fdb-append',
        link: { name: 'vx0' },
        mac: '00:00:00:00:00:00',
        destination: '10.1.0.3',
        where: 'self',
        vni: 9,
      },
      { op: 'fdb-add', link: { name: 'v1' }, mac: '02:00:00:00:00:44', where: 'master', state: 'static' },
      {
        op: 'rule-add',
        family: 'inet',
        from: '10.1.0.0/24',
        not: true,
        fwmark: 1,
        fwmask: 15,
        outInterface: 'v0',
        priority: 900,
      },
      { op: 'rule-add', family: 'inet6', to: 'fd09::/64', action: 'prohibit', priority: 901 },
      { op: 'rule-delete', family: 'inet6', to: 'fd09::/64', action: 'prohibit', priority: 901 },
    ];
    const tables = (netlink: Rtnetlink): unknown[] => [
      sorted(addressRows(netlink)),
      sorted(
        netlink.routes().map((route) => ({
          ...route,
          index: nameIn(netlink)(route.index),
          nextHops: route.nextHops.map((hop) => ({ ...hop, index: nameIn(netlink)(hop.index) })),
        })),
      ),
      sorted(
        netlink
          .neighbours()
          .filter(({ stateNames, mac }) => stateNames.includes('PERMANENT') || mac?.startsWith('02:'))
          .map(({ index: _, ...rest }) => rest),
      ),
      sorted(
        netlink
          .fdb()
          .filter(({ mac, state }) => state !== 'dynamic' && !/^(33:33|01:00)/.test(mac))
          .map((entry) => ({ ...entry, index: nameIn(netlink)(entry.index), master: nameIn(netlink)(entry.master) })),
      ),
      sorted(netlink.rules()),
    ];
    const one = fresh();
    for (const request of requests) one.apply(request);
    const mine = tables(one);
    close(one);
    const two = fresh();
    for (const request of requests) sh(describe(request).command);
    assert.deepEqual(mine, tables(two));
    close(two);
  });

  test('nsid-set gives a namespace the number that was asked for', () => {
    const netlink = fresh();
    const other = freshNetns();
    assert.equal(netlink.nsidOf({ fd: other }), null);
    netlink.apply({ op: 'nsid-set', netns: { fd: other }, nsid: 42 });
    assert.equal(netlink.nsidOf({ fd: other }), 42);
    closeSync(other);
    close(netlink);
  });
}
