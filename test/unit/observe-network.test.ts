import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeLink } from '../../engine/kernel/netlink/link-decode.js';
import type { LinkMessage, RouteMessage } from '../../engine/kernel/netlink/message-types.js';
import { Writer } from '../../engine/kernel/netlink/wire.js';
import {
  type NetworkView,
  networkNamespace,
  parseSysctls,
  readListening,
  resolvePeers,
} from '../../engine/observe/network/index.js';

interface Sketch {
  readonly index: number;
  readonly name: string;
  readonly kind?: string;
  readonly lower?: number;
  readonly nsid?: number;
}

/** A link as the kernel would send it. */
function link({ index, name, kind = 'veth', lower, nsid }: Sketch): LinkMessage {
  const head = new Uint8Array(16);
  new DataView(head.buffer).setUint16(2, 1, true);
  new DataView(head.buffer).setInt32(4, index, true);
  const writer = new Writer().raw(head).text(3, name);
  if (lower !== undefined) writer.u32(5, lower);
  if (nsid !== undefined) writer.u32(37, nsid);
  writer.nest(18, (info) => info.text(1, kind).nest(2, (data) => data.u32(1, 4)));
  return decodeLink(writer.take())!;
}

function view(
  id: string,
  links: readonly Sketch[],
  nsids: Record<number, string> = {},
  more: Partial<NetworkView> = {},
): NetworkView {
  return {
    id,
    label: id,
    links: links.map(link),
    addresses: [],
    routes: [],
    neighbours: [],
    rules: [],
    netconf: [],
    nsids: new Map(Object.entries(nsids).map(([nsid, ns]) => [Number(nsid), ns])),
    ...more,
  };
}

function peers(...views: NetworkView[]): Record<string, unknown> {
  return Object.fromEntries(
    resolvePeers(views).flatMap(({ id, links }) =>
      links.map(({ name, peer }) => [`${id}/${name}`, peer && `${peer.ns}/${peer.index}/${peer.name}`]),
    ),
  );
}

test('a pair within one namespace', () => {
  assert.deepEqual(
    peers(
      view('a', [
        { index: 2, name: 'v0', lower: 3 },
        { index: 3, name: 'v1', lower: 2 },
      ]),
    ),
    {
      'a/v0': 'a/3/v1',
      'a/v1': 'a/2/v0',
    },
  );
});

test("the kernel's number decides, though indexes are the same everywhere", () => {
  const found = peers(
    view(
      'host',
      [
        { index: 2, name: 'v1', lower: 2, nsid: 0 },
        { index: 3, name: 'v2', lower: 2, nsid: 1 },
      ],
      { 0: 'r1', 1: 'r2' },
    ),
    view('r1', [{ index: 2, name: 'eth0', lower: 2, nsid: 0 }], { 0: 'host' }),
    view('r2', [{ index: 2, name: 'eth0', lower: 3, nsid: 0 }], { 0: 'host' }),
  );
  assert.deepEqual(found, {
    'host/v1': 'r1/2/eth0',
    'host/v2': 'r2/2/eth0',
    'r1/eth0': 'host/2/v1',
    'r2/eth0': 'host/3/v2',
  });
});

test('one side that is known is enough; a pair of which nothing is known is found by its indexes', () => {
  assert.deepEqual(
    peers(
      view('a', [{ index: 7, name: 'v', lower: 9, nsid: 3 }]),
      view('b', [{ index: 9, name: 'w', lower: 7, nsid: 0 }], { 0: 'a' }),
    ),
    {
      'a/v': 'b/9/w',
      'b/w': 'a/7/v',
    },
  );
  assert.deepEqual(
    peers(
      view('a', [{ index: 7, name: 'v', lower: 9, nsid: 3 }]),
      view('b', [{ index: 9, name: 'w', lower: 7, nsid: 0 }]),
    ),
    {
      'a/v': 'b/9/w',
      'b/w': 'a/7/v',
    },
  );
});

test('what could be two things is said of neither', () => {
  const found = peers(
    view('a', [{ index: 2, name: 'v', lower: 2, nsid: 0 }]),
    view('b', [{ index: 2, name: 'v', lower: 2, nsid: 0 }]),
    view('c', [{ index: 2, name: 'v', lower: 2, nsid: 0 }]),
  );
  assert.deepEqual(found, { 'a/v': 'null/2/null', 'b/v': 'null/2/null', 'c/v': 'null/2/null' });
});

test('an end that is nowhere to be seen has an index and no place', () => {
  assert.deepEqual(peers(view('a', [{ index: 7, name: 'v', lower: 9, nsid: 3 }])), { 'a/v': 'null/9/null' });
  assert.deepEqual(peers(view('a', [{ index: 7, name: 'v', lower: 9, nsid: -1 }])), { 'a/v': 'null/9/null' });
});

test('a macvlan stands on its lower device, in another namespace too; a bridge has no peer', () => {
  const found = peers(
    view('host', [
      { index: 2, name: 'eth0', kind: 'bridge' },
      { index: 4, name: 'm1', kind: 'macvlan', lower: 2 },
    ]),
    view('r1', [{ index: 4, name: 'm0', kind: 'macvlan', lower: 2, nsid: 0 }], { 0: 'host' }),
  );
  assert.deepEqual(found, { 'host/eth0': null, 'host/m1': 'host/2/eth0', 'r1/m0': 'host/2/eth0' });
});

test('routes have names and one line for each next hop; those of table local are left out', () => {
  const route = (more: Partial<RouteMessage>): RouteMessage => ({
    family: 'inet',
    destination: 'default',
    via: null,
    index: null,
    source: null,
    metric: 0,
    table: 254,
    protocol: 'boot',
    scope: 'global',
    type: 'unicast',
    flags: 0,
    mtu: null,
    nextHops: [],
    ...more,
  });
  const [found] = resolvePeers([
    view(
      'a',
      [{ index: 2, name: 'v0', kind: 'bridge' }],
      {},
      {
        routes: [
          route({ via: '10.0.0.1', index: 2 }),
          route({ destination: '10.0.0.2/32', table: 255 }),
          route({
            destination: '10.9.0.0/16',
            nextHops: [
              { via: '10.0.0.2', index: 2, weight: 1, flags: 0 },
              { via: '10.0.0.3', index: 99, weight: 1, flags: 0 },
            ],
          }),
          route({ destination: '10.8.0.0/16', type: 'blackhole' }),
        ],
        neighbours: [
          {
            family: 'inet',
            index: 2,
            address: '10.0.0.9',
            mac: '02:00:00:00:00:09',
            state: 2,
            stateNames: ['REACHABLE'],
            flags: 0,
          },
          { family: 'inet', index: 2, address: '224.0.0.1', mac: null, state: 64, stateNames: ['NOARP'], flags: 0 },
          { family: 'inet', index: 2, address: '10.0.0.10', mac: null, state: 0, stateNames: [], flags: 8 },
        ],
        netconf: [
          { family: 'inet', index: -1, forwarding: 1, rpFilter: 2, proxyNeighbour: 0 },
          { family: 'inet', index: -2, forwarding: 0, rpFilter: 2, proxyNeighbour: 0 },
          { family: 'inet', index: 2, forwarding: 1, rpFilter: 2, proxyNeighbour: 0 },
          { family: 'inet6', index: -1, forwarding: 0, rpFilter: null, proxyNeighbour: 0 },
        ],
      },
    ),
  ]);
  assert.deepEqual(
    found?.routes.map(({ destination, via, device, type }) => [destination, via, device, type]),
    [
      ['default', '10.0.0.1', 'v0', undefined],
      ['10.9.0.0/16', '10.0.0.2', 'v0', undefined],
      ['10.9.0.0/16', '10.0.0.3', null, undefined],
      ['10.8.0.0/16', null, null, 'blackhole'],
    ],
  );
  assert.deepEqual(found?.neighbours, [
    { address: '10.0.0.9', device: 'v0', mac: '02:00:00:00:00:09', state: 'REACHABLE' },
  ]);
  assert.deepEqual(found?.sysctls, {
    'net.ipv4.ip_forward': '1',
    'net.ipv4.conf.all.forwarding': '1',
    'net.ipv4.conf.all.rp_filter': '2',
    'net.ipv4.conf.all.proxy_arp': '0',
    'net.ipv4.conf.default.forwarding': '0',
    'net.ipv4.conf.default.rp_filter': '2',
    'net.ipv4.conf.default.proxy_arp': '0',
    'net.ipv4.conf.v0.forwarding': '1',
    'net.ipv6.conf.all.forwarding': '0',
    'net.ipv6.conf.all.proxy_ndp': '0',
  });
  const whole = networkNamespace(found!, {
    firewall: null,
    listening: [],
    sysctls: parseSysctls('net.ipv4.ping_group_range = 1\t0\nsysctl: cannot stat x\n'),
  });
  assert.equal(whole.sysctls['net.ipv4.ping_group_range'], '1 0');
  assert.equal(whole.sysctls['net.ipv4.ip_forward'], '1');
});

test('listening ports of /proc/net', () => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000000000000000 100 0 0 10 0
   1: 0200010A:0050 0300010A:C350 01 00000000:00000000 00:00000000 00000000     0        0 112 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 113 1`;
  const tcp6 = `   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 114 1
   1: 000000000000000000000000`;
  const udp = `   0: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 115 2 0 0
   1: 0100007F:0036 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 116 2 0 0`;
  assert.deepEqual(
    readListening(
      { tcp, tcp6, udp },
      new Map([
        [111, 42],
        [115, 43],
      ]),
    ),
    [
      { protocol: 'tcp', address: '0.0.0.0', port: 22, pid: null },
      { protocol: 'udp', address: '127.0.0.1', port: 53, pid: 43 },
      { protocol: 'tcp6', address: '::1', port: 80, pid: null },
      { protocol: 'tcp', address: '127.0.0.1', port: 8080, pid: 42 },
    ],
  );
});
