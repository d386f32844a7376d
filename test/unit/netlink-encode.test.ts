import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../engine/kernel/netlink/describe.js';
import { encode } from '../../engine/kernel/netlink/encode.js';
import type { LinkRef, Request } from '../../engine/kernel/netlink/request-types.js';
import { encodeMessage } from '../../engine/kernel/netlink/wire.js';

const v0: LinkRef = { name: 'v0', index: 3 };
const v1: LinkRef = { name: 'v1', index: 2 };

/** What iproute2 6.1 sent (strace), with the number of the message (bytes 8 to 11) set to zero. */
const CAPTURED: readonly (readonly [command: string, request: Request, bytes: string])[] = [
  [
    'ip link add v0 type veth peer name v1',
    { op: 'link-add', kind: 'veth', name: 'v0', peer: { name: 'v1' } },
    '540000001000050600000000000000000000000000000000000000000000000007000300763000002c0012000800010076657468200002001c000100000000000000000000000000000000000700030076310000',
  ],
  [
    'ip link add v2 address 02:00:00:00:00:01 mtu 1400 type veth peer name v3 address 02:00:00:00:00:02',
    {
      op: 'link-add',
      kind: 'veth',
      name: 'v2',
      mac: '02:00:00:00:00:01',
      mtu: 1400,
      peer: { name: 'v3', mac: '02:00:00:00:00:02' },
    },
    '74000000100005060000000000000000000000000000000000000000000000000a0001000200000000010000080004007805000007000300763200003800120008000100766574682c00020028000100000000000000000000000000000000000a00010002000000000200000700030076330000',
  ],
  [
    'ip link add br0 type bridge',
    { op: 'link-add', kind: 'bridge', name: 'br0' },
    '38000000100005060000000000000000000000000000000000000000000000000800030062723000100012000a0001006272696467650000',
  ],
  [
    'ip link add br1 type bridge forward_delay 0 stp_state 1 vlan_filtering 1',
    { op: 'link-add', kind: 'bridge', name: 'br1', bridge: { forwardDelaySeconds: 0, stp: true, vlanFiltering: true } },
    '540000001000050600000000000000000000000000000000000000000000000008000300627231002c0012000a00010062726964676500001c000200080001000000000008000500010000000500070001000000',
  ],
  [
    'ip link add vx0 type vxlan id 42 dev v0 remote 10.9.0.2 local 10.9.0.1 dstport 4789 nolearning',
    {
      op: 'link-add',
      kind: 'vxlan',
      name: 'vx0',
      vxlan: { id: 42, device: v0, remote: '10.9.0.2', local: '10.9.0.1', port: 4789, learning: false },
    },
    '6c000000100005060000000000000000000000000000000000000000000000000800030076783000440012000900010076786c616e000000340002000800030003000000080001002a000000080004000a090001080002000a090002050007000000000006000f0012b50000',
  ],
  [
    'ip link add mv0 link v0 type macvlan mode bridge',
    { op: 'link-add', kind: 'macvlan', name: 'mv0', lower: v0, mode: 'bridge' },
    '4c000000100005060000000000000000000000000000000000000000000000000800050003000000080003006d7630001c0012000b0001006d6163766c616e000c0002000800010004000000',
  ],
  [
    'ip link add link v0 name v0.100 type vlan id 100',
    { op: 'link-add', kind: 'vlan', name: 'v0.100', lower: v0, id: 100 },
    '4c0000001000050600000000000000000000000000000000000000000000000008000500030000000b00030076302e31303000001800120008000100766c616e0c0002000600010064000000',
  ],
  [
    'ip link set v3 name eth9',
    { op: 'link-set', link: { name: 'v3', index: 4 }, rename: 'eth9' },
    '2c00000010000500000000000000000000000000040000000000000000000000090003006574683900000000',
  ],
  [
    'ip link set v0 up',
    { op: 'link-set', link: v0, up: true },
    '2000000010000500000000000000000000000000030000000100000001000000',
  ],
  [
    'ip link set v1 master br0',
    { op: 'link-set', link: v1, master: { name: 'br0', index: 6 } },
    '280000001000050000000000000000000000000002000000000000000000000008000a0006000000',
  ],
  [
    'ip link set v1 nomaster',
    { op: 'link-set', link: v1, master: null },
    '280000001000050000000000000000000000000002000000000000000000000008000a0000000000',
  ],
  [
    'ip link set v0 mtu 1300',
    { op: 'link-set', link: v0, mtu: 1300 },
    '28000000100005000000000000000000000000000300000000000000000000000800040014050000',
  ],
  [
    'ip link set v0 address 02:11:22:33:44:55',
    { op: 'link-set', link: v0, mac: '02:11:22:33:44:55' },
    '2c000000100005000000000000000000000000000300000000000000000000000a0001000211223344550000',
  ],
  [
    'ip addr add 10.1.0.1/24 dev v0',
    { op: 'address-add', link: v0, address: '10.1.0.1', prefix: 24 },
    '280000001400050600000000000000000218000003000000080002000a010001080001000a010001',
  ],
  [
    'ip addr add 10.2.0.1/24 brd + dev v0',
    { op: 'address-add', link: v0, address: '10.2.0.1', prefix: 24, broadcast: 'auto' },
    '300000001400050600000000000000000218000003000000080002000a020001080001000a020001080004000a0200ff',
  ],
  [
    'ip -6 addr add fd00::1/64 dev v0 nodad',
    { op: 'address-add', link: v0, address: 'fd00::1', prefix: 64, noDad: true },
    '400000001400050600000000000000000a4002000300000014000200fd00000000000000000000000000000114000100fd000000000000000000000000000001',
  ],
  [
    'ip addr del 10.2.0.1/24 dev v0',
    { op: 'address-delete', link: v0, address: '10.2.0.1', prefix: 24 },
    '280000001500050000000000000000000218000003000000080002000a020001080001000a020001',
  ],
  [
    'ip addr replace 10.3.0.1/24 dev v0',
    { op: 'address-replace', link: v0, address: '10.3.0.1', prefix: 24 },
    '280000001400050500000000000000000218000003000000080002000a030001080001000a030001',
  ],
  [
    'ip route add 10.8.0.0/16 via 10.1.0.254 dev v0 metric 5',
    { op: 'route-add', destination: '10.8.0.0/16', via: '10.1.0.254', link: v0, metric: 5 },
    '3c00000018000506000000000000000002100000fe03000100000000080001000a080000080005000a0100fe08000600050000000800040003000000',
  ],
  [
    'ip route add default via 10.1.0.254',
    { op: 'route-add', destination: 'default', via: '10.1.0.254' },
    '2400000018000506000000000000000002000000fe03000100000000080005000a0100fe',
  ],
  [
    'ip route add 10.7.0.0/16 dev v0',
    { op: 'route-add', destination: '10.7.0.0/16', link: v0 },
    '2c00000018000506000000000000000002100000fe03fd0100000000080001000a0700000800040003000000',
  ],
  [
    'ip -6 route add default via fd00::2 dev v0',
    { op: 'route-add', destination: 'default', via: 'fd00::2', link: v0 },
    '4c0000001800050600000000000000000a000000fe03000100000000140001000000000000000000000000000000000014000500fd0000000000000000000000000000020800040003000000',
  ],
  [
    'ip route add 10.6.0.0/16 via 10.1.0.254 table 100',
    { op: 'route-add', destination: '10.6.0.0/16', via: '10.1.0.254', table: 100 },
    '2c000000180005060000000000000000021000006403000100000000080001000a060000080005000a0100fe',
  ],
  [
    'ip route add 10.6.0.0/16 via 10.1.0.254 table 1000',
    { op: 'route-add', destination: '10.6.0.0/16', via: '10.1.0.254', table: 1000 },
    '34000000180005060000000000000000021000000003000100000000080001000a060000080005000a0100fe08000f00e8030000',
  ],
  [
    'ip route add blackhole 10.5.0.0/16',
    { op: 'route-add', destination: '10.5.0.0/16', type: 'blackhole' },
    '2400000018000506000000000000000002100000fe03000600000000080001000a050000',
  ],
  [
    'ip route add 10.4.0.0/16 nexthop via 10.1.0.253 dev v0 weight 1 nexthop via 10.1.0.254 dev v0 weight 2',
    {
      op: 'route-add',
      destination: '10.4.0.0/16',
      nextHops: [
        { via: '10.1.0.253', link: v0 },
        { via: '10.1.0.254', link: v0, weight: 2 },
      ],
    },
    '4800000018000506000000000000000002100000fe03000100000000080001000a040000240009001000000003000000080005000a0100fd1000000103000000080005000a0100fe',
  ],
  [
    'ip route replace 10.7.0.0/16 via 10.1.0.9 dev v0',
    { op: 'route-replace', destination: '10.7.0.0/16', via: '10.1.0.9', link: v0 },
    '3400000018000505000000000000000002100000fe03000100000000080001000a070000080005000a0100090800040003000000',
  ],
  [
    'ip route del 10.7.0.0/16',
    { op: 'route-delete', destination: '10.7.0.0/16' },
    '2400000019000500000000000000000002100000fe00ff0000000000080001000a070000',
  ],
  [
    'ip route add 10.77.0.0/16 dev v0 src 10.1.0.1 mtu 1200',
    { op: 'route-add', destination: '10.77.0.0/16', link: v0, source: '10.1.0.1', mtu: 1200 },
    '4000000018000506000000000000000002100000fe03fd0100000000080001000a4d0000080007000a01000108000400030000000c00080008000200b0040000',
  ],
  [
    'ip neigh add 10.1.0.77 lladdr 02:00:00:00:00:77 dev v0',
    { op: 'neighbour-add', link: v0, address: '10.1.0.77', mac: '02:00:00:00:00:77' },
    '300000001c0005060000000000000000020000000300000080000000080001000a01004d0a0002000200000000770000',
  ],
  [
    'ip neigh replace 10.1.0.77 lladdr 02:00:00:00:00:78 dev v0 nud permanent',
    { op: 'neighbour-replace', link: v0, address: '10.1.0.77', mac: '02:00:00:00:00:78', state: 'permanent' },
    '300000001c0005050000000000000000020000000300000080000000080001000a01004d0a0002000200000000780000',
  ],
  [
    'ip neigh del 10.1.0.77 dev v0',
    { op: 'neighbour-delete', link: v0, address: '10.1.0.77' },
    '240000001d0005000000000000000000020000000300000080000000080001000a01004d',
  ],
  [
    'ip neigh add proxy 10.1.0.99 dev v0',
    { op: 'neighbour-add', link: v0, address: '10.1.0.99', proxy: true },
    '240000001c0005060000000000000000020000000300000080000800080001000a010063',
  ],
  [
    'ip rule add from 10.1.0.0/24 table 100 priority 1000',
    { op: 'rule-add', family: 'inet', from: '10.1.0.0/24', table: 100, priority: 1000 },
    '2c000000200005060000000000000000020018006400000100000000080002000a01000008000600e8030000',
  ],
  [
    'ip rule add fwmark 1 iif v0 blackhole pref 1001',
    { op: 'rule-add', family: 'inet', fwmark: 1, inInterface: 'v0', action: 'blackhole', priority: 1001 },
    '3400000020000506000000000000000002000000000000060000000008000a0001000000070003007630000008000600e9030000',
  ],
  [
    'ip rule del from 10.1.0.0/24 table 100 priority 1000',
    { op: 'rule-delete', family: 'inet', from: '10.1.0.0/24', table: 100, priority: 1000 },
    '2c000000210005000000000000000000020018006400000000000000080002000a01000008000600e8030000',
  ],
  [
    'bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.9.0.3',
    {
      op: 'fdb-append',
      link: { name: 'vx0', index: 8 },
      mac: '00:00:00:00:00:00',
      destination: '10.9.0.3',
      where: 'self',
    },
    '300000001c00050c00000000000000000700000008000000c00002000a0002000000000000000000080001000a090003',
  ],
  [
    'bridge fdb add 02:00:00:00:00:0a dev v1 master static',
    { op: 'fdb-add', link: v1, mac: '02:00:00:00:00:0a', where: 'master', state: 'static' },
    '280000001c00050600000000000000000700000002000000420004000a00020002000000000a0000',
  ],
  [
    'bridge fdb del 02:00:00:00:00:0a dev v1 master',
    { op: 'fdb-delete', link: v1, mac: '02:00:00:00:00:0a', where: 'master' },
    '280000001d00050000000000000000000700000002000000c00004000a00020002000000000a0000',
  ],
  [
    'bridge link set dev v1 hairpin on isolated on cost 7',
    { op: 'bridge-port-set', link: v1, hairpin: true, isolated: true, cost: 7 },
    '3c000000130005000000000000000000070000000200000000000000000000001c000c80050004000100000008000300070000000500210001000000',
  ],
  [
    'bridge vlan add dev v1 vid 20 pvid untagged',
    { op: 'bridge-vlan-add', link: v1, vid: 20, pvid: true, untagged: true },
    '2c000000130005000000000000000000070000000200000000000000000000000c001a000800020006001400',
  ],
  [
    'bridge vlan del dev v1 vid 20',
    { op: 'bridge-vlan-delete', link: v1, vid: 20 },
    '2c000000110005000000000000000000070000000200000000000000000000000c001a000800020000001400',
  ],
  [
    'ip link set eth9 netns 6905',
    { op: 'link-set', link: { name: 'eth9', index: 4 }, netns: { pid: 6905 } },
    '280000001000050000000000000000000000000004000000000000000000000008001300f91a0000',
  ],
  [
    'ip link del mv0',
    { op: 'link-delete', link: { name: 'mv0', index: 9 } },
    '2000000011000500000000000000000000000000090000000000000000000000',
  ],
  [
    'ip link set br0 type bridge ageing_time 3000',
    { op: 'link-set', link: { name: 'br0', index: 6 }, bridge: { ageingTimeSeconds: 30 } },
    '3c000000100005000000000000000000000000000600000000000000000000001c0012000a00010062726964676500000c00020008000400b80b0000',
  ],
  [
    'ip link set v0 alias hello',
    { op: 'link-set', link: v0, alias: 'hello' },
    '2c000000100005000000000000000000000000000300000000000000000000000900140068656c6c6f000000',
  ],
  [
    'ip link set v0 promisc on',
    { op: 'link-set', link: v0, promiscuous: true },
    '2000000010000500000000000000000000000000030000000001000000010000',
  ],
];

const NLM_F_REQUEST_ACK = 5;

for (const [command, request, bytes] of CAPTURED) {
  test(`the bytes of \`${command}\``, () => {
    const { type, flags, payload } = encode(request);
    assert.equal(Buffer.from(encodeMessage(type, flags | NLM_F_REQUEST_ACK, 0, payload)).toString('hex'), bytes);
  });
}

test('every request has a command, a page, an act and two sentences', () => {
  for (const [, request] of CAPTURED) {
    const { command, man, act, explanation } = describe(request);
    assert.match(command, /^(ip|bridge) /);
    assert.match(man, /^(ip-[a-z]+|bridge)\(8\)$/);
    assert.match(act, /^RTM_[A-Z]+\(.*\)$/);
    assert.match(explanation.en, /^[A-Z].*\.$/);
    assert.match(explanation.zh, /^.*[\u4e00-\u9fff].*。$/);
  }
});

test('commands are those that a reader would type', () => {
  const command = (request: Request): string => describe(request).command;
  assert.equal(
    command({ op: 'link-add', kind: 'veth', name: 'veth1.1', peer: { name: 'eth0', netns: { fd: 9, name: 'r1' } } }),
    'ip link add name veth1.1 type veth peer name eth0 netns r1',
  );
  assert.equal(command({ op: 'link-set', link: v0, netns: { fd: 9, name: 'r1' } }), 'ip link set dev v0 netns r1');
  assert.equal(
    command({ op: 'link-set', link: v0, alias: "it's; rm -rf" }),
    `ip link set dev v0 alias 'it'\\''s; rm -rf'`,
  );
  assert.equal(
    command({ op: 'address-add', link: v0, address: '10.1.0.1', prefix: 24, broadcast: 'auto' }),
    'ip address add 10.1.0.1/24 broadcast + dev v0',
  );
  assert.equal(
    command({ op: 'route-add', destination: 'default', via: 'fd00::1' }),
    'ip -6 route add default via fd00::1',
  );
});

test('what cannot be sent is refused before it is', () => {
  const refused: readonly (readonly [Request, RegExp])[] = [
    [{ op: 'link-add', kind: 'bridge', name: 'a-name-that-is-too-long' }, /want 1 to 15 bytes/],
    [{ op: 'link-add', kind: 'bridge', name: '网桥网桥网桥' }, /want 1 to 15 bytes/],
    [{ op: 'link-add', kind: 'bridge', name: '..' }, /want 1 to 15 bytes/],
    [{ op: 'link-add', kind: 'vlan', name: 'x', lower: v0, id: 4095 }, /vlan id 4095/],
    [{ op: 'link-add', kind: 'vxlan', name: 'x', vxlan: { id: 2 ** 24 } }, /id 16777216/],
    [{ op: 'link-set', link: v0, mac: '02:00' }, /want six bytes/],
    [{ op: 'link-set', link: v0, alias: 'a\0b' }, /NUL/],
    [{ op: 'address-add', link: { name: 'v0' }, address: '10.0.0.1', prefix: 24 }, /index was not looked up/],
    [{ op: 'address-add', link: v0, address: '10.0.0.1', prefix: 33 }, /0 to 32/],
    [{ op: 'address-add', link: v0, address: '10.0.0.256', prefix: 24 }, /neither an IPv4 nor an IPv6/],
    [{ op: 'address-add', link: v0, address: '10.0.0.1', prefix: 24, peer: 'fd00::1' }, /not of family inet/],
    [{ op: 'route-add', destination: 'fd00::/64', via: '10.0.0.1' }, /needs an IPv6 gateway/],
    [{ op: 'route-add', destination: '10.0.0.0/8', nextHops: [{ link: v0, weight: 0 }] }, /weight 0/],
    [{ op: 'rule-add', family: 'inet6', from: '10.0.0.0/8' }, /not of family inet6/],
  ];
  for (const [request, message] of refused) assert.throws(() => encode(request), message);
});
