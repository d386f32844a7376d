import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../../engine/kernel/errors.js';
import { DEFAULT_POOLS, freeSubnet } from '../../engine/network/address-pools.js';
import {
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  macOfAddress,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../engine/network/cidr.js';
import { NetworkAddresses, SubnetAddresses } from '../../engine/network/ipam.js';
import { newNetwork } from '../../engine/network/network-options.js';
import type { NetworkRecord } from '../../engine/network/record.js';
import type { NetworkCreateOptions } from '../../engine/network/types.js';

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  assert.ok(parsed !== null, text);
  return parsed;
};
const address = (text: string) => {
  const parsed = parseAddress(text);
  assert.ok(parsed !== null, text);
  return parsed;
};
const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return 'accepted';
};

describe('prefixes', () => {
  test('are read and written', () => {
    assert.equal(formatPrefix(prefix('172.17.0.1/16')), '172.17.0.0/16');
    assert.equal(formatPrefix(prefix('fd00:1234::1/64')), 'fd00:1234::/64');
    assert.equal(formatAddress({ version: 4, value: lastOf(prefix('10.0.0.0/8')) }), '10.255.255.255');
    for (const wrong of [
      '',
      '1.2.3.4',
      '1.2.3/8',
      '1.2.3.4/33',
      '::/129',
      '1.2.3.4/-1',
      '1.2.3.4/8 ',
      'x/8',
      '1.2.3.4/08x',
    ])
      assert.equal(parsePrefix(wrong), null, wrong);
  });

  test('contain their addresses and no others', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), (base, bits, other) => {
        const block = prefix(`${base}/${bits}`);
        const mask = bits === 0 ? 0 : (~0 << (32 - bits)) >>> 0;
        const number = (text: string): number =>
          text.split('.').reduce((sum, part) => (sum * 256 + Number(part)) >>> 0, 0);
        assert.equal(contains(block, address(other)), (number(other) & mask) >>> 0 === (number(base) & mask) >>> 0);
        assert.equal(formatAddress(address(other)), other);
      }),
    );
  });

  test('overlap when one contains the other', () => {
    assert.equal(overlaps(prefix('10.5.0.0/16'), prefix('10.5.3.0/24')), true);
    assert.equal(overlaps(prefix('10.5.0.0/16'), prefix('10.6.0.0/16')), false);
    assert.equal(overlaps(prefix('::/0'), prefix('0.0.0.0/0')), false);
  });

  test('give Docker’s hardware addresses', () => {
    assert.equal(macOfAddress('172.17.0.2'), '02:42:ac:11:00:02');
    assert.equal(macOfAddress('10.5.255.254'), '02:42:0a:05:ff:fe');
  });
});

describe('address pools', () => {
  test('give out Docker’s subnets in Docker’s order, until there are none', () => {
    const used: Prefix[] = [];
    const given: string[] = [];
    for (let count = 0; count < 31; count++) {
      const subnet = freeSubnet(used);
      used.push(subnet);
      given.push(formatPrefix(subnet));
    }
    assert.deepEqual(given.slice(0, 3), ['172.17.0.0/16', '172.18.0.0/16', '172.19.0.0/16']);
    assert.deepEqual(given.slice(14, 17), ['172.31.0.0/16', '192.168.0.0/20', '192.168.16.0/20']);
    assert.equal(
      refusal(() => freeSubnet(used)),
      'Internal: all predefined address pools have been fully subnetted',
    );
    assert.equal(DEFAULT_POOLS.length, 7);
  });

  test('pass over what the machine uses', () => {
    assert.equal(formatPrefix(freeSubnet([prefix('172.16.0.0/12')])), '192.168.0.0/20');
    assert.equal(formatPrefix(freeSubnet([prefix('172.17.5.0/24')])), '172.18.0.0/16');
  });
});

describe('addresses of a network', () => {
  const of = (subnet: string, range: string | null = null): NetworkAddresses =>
    new NetworkAddresses('own (id)', [new SubnetAddresses(prefix(subnet), range === null ? null : prefix(range))]);

  test('are the lowest free one, never the network’s own or the broadcast', () => {
    const pool = of('10.0.0.0/29');
    const given = Array.from({ length: 6 }, () => pool.take(null).address);
    assert.deepEqual(given, ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    assert.equal(
      refusal(() => pool.take(null)),
      "Internal: no available IPv4 addresses on this network's address pools: own (id)",
    );
    pool.release(address('10.0.0.3'));
    pool.release(address('10.0.0.7'));
    pool.release(address('10.0.0.0'));
    assert.equal(pool.take(null).address, '10.0.0.3');
    assert.match(
      refusal(() => pool.take(null)),
      /no available/,
    );
  });

  test('are of the range, when there is one; a wished one may be of the subnet', () => {
    const pool = of('10.5.0.0/16', '10.5.3.0/30');
    assert.equal(pool.take(address('10.5.9.9')).address, '10.5.9.9');
    assert.equal(
      refusal(() => pool.take(address('10.5.9.9'))),
      'Internal: Address already in use',
    );
    assert.match(
      refusal(() => pool.take(address('1.2.3.4'))),
      /Invalid address 1\.2\.3\.4: It does not belong/,
    );
    assert.deepEqual(
      [1, 2, 3, 4].map(() => pool.take(null).address),
      ['10.5.3.0', '10.5.3.1', '10.5.3.2', '10.5.3.3'],
    );
  });

  test('are both of a point-to-point network, and of IPv6', () => {
    const pair = of('10.0.0.0/31');
    assert.deepEqual([pair.take(null).address, pair.take(null).address], ['10.0.0.0', '10.0.0.1']);
    assert.equal(of('fd00::/64').take(null).address, 'fd00::1');
  });

  test('are never given twice, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), (acts) => {
        const pool = of('10.0.0.0/28');
        const held: string[] = [];
        for (const act of acts) {
          const old = held[act];
          if (old !== undefined) {
            pool.release(address(old));
            held.splice(act, 1);
          } else if (held.length < 14) {
            const given = pool.take(null).address;
            assert.ok(!held.includes(given), given);
            held.push(given);
          }
        }
      }),
    );
  });
});

describe('a new network', () => {
  const make = (
    options: Partial<NetworkCreateOptions>,
    networks: NetworkRecord[] = [],
    pools = DEFAULT_POOLS,
  ): NetworkRecord =>
    newNetwork({ Name: 'own', ...options }, 'ab'.repeat(32), { networks, routes: [prefix('172.17.0.0/16')], pools });
  const pools = (...config: object[]): Partial<NetworkCreateOptions> => ({ IPAM: { Config: config } });

  test('gets its subnets from the pools that the engine was told, each of its version', () => {
    const told = [
      { base: 'fd00:7::/48', size: 64 },
      { base: '10.20.0.0/16', size: 24 },
    ];
    const config = (other: NetworkRecord) => make({}, [{ ...other, id: 'cd'.repeat(32) }], told).ipam.config;
    const first = make({ EnableIPv6: true }, [], told);
    assert.deepEqual(first.ipam.config, [
      { Subnet: '10.20.0.0/24', Gateway: '10.20.0.1' },
      { Subnet: 'fd00:7::/64', Gateway: 'fd00:7::1' },
    ]);
    assert.deepEqual(config(first), [{ Subnet: '10.20.1.0/24', Gateway: '10.20.1.1' }]);
    assert.equal(
      refusal(() => config(make(pools({ Subnet: '10.16.0.0/12' })))),
      'Internal: all predefined address pools have been fully subnetted',
    );
  });

  test('is found in a pool of more networks than can be looked at', () => {
    const pool = [{ base: 'fd00::/8', size: 128 }];
    assert.equal(formatPrefix(freeSubnet([prefix('fd00::/9'), prefix('fd80::/127')], pool)), 'fd80::2/128');
  });

  test('gets what was not asked for', () => {
    assert.deepEqual(make({}).ipam, {
      driver: 'default',
      options: null,
      config: [{ Subnet: '172.18.0.0/16', Gateway: '172.18.0.1' }],
    });
    const auxiliary = { IPRange: '10.5.3.0/24', AuxiliaryAddresses: { a: '10.5.3.0' } };
    assert.deepEqual(make(pools({ Subnet: '10.5.0.0/16', ...auxiliary })).ipam.config, [
      { Subnet: '10.5.0.0/16', ...auxiliary, Gateway: '10.5.3.1' },
    ]);
    const six = make({ EnableIPv6: true }).ipam.config[1];
    assert.match(six?.Subnet ?? '', /^fd[0-9a-f]{2}:[0-9a-f:]+::\/64$/);
  });

  test('is refused in Docker’s words', () => {
    const first = make(pools({ Subnet: '10.5.0.0/16' }));
    const cases: [string, Partial<NetworkCreateOptions>][] = [
      ['PermissionDenied: operation is not permitted on predefined bridge network ', { Name: 'bridge' }],
      ['PermissionDenied: only one instance of "host" network is allowed', { Driver: 'host' }],
      ['PermissionDenied: only one instance of "null" network is allowed', { Driver: 'null' }],
      ['NotFound: plugin "foo" not found', { Driver: 'foo' }],
      ['PermissionDenied: Pool overlaps with other one on this address space', pools({ Subnet: '10.5.0.0/24' })],
      ['PermissionDenied: Pool overlaps with other one on this address space', pools({ Subnet: '10.0.0.0/8' })],
      [
        'InvalidArgument: invalid network config:\ninvalid subnet foo: invalid CIDR block notation',
        pools({ Subnet: 'foo' }),
      ],
      [
        'InvalidArgument: invalid network config:\ninvalid subnet 10.9.0.1/16: it should be 10.9.0.0/16',
        pools({ Subnet: '10.9.0.1/16' }),
      ],
      [
        "InvalidArgument: invalid network config:\ninvalid gateway 10.12.0.1: parent subnet 10.11.0.0/16 doesn't contain this address",
        pools({ Subnet: '10.11.0.0/16', Gateway: '10.12.0.1' }),
      ],
      [
        "InvalidArgument: invalid network config:\ninvalid ip-range 10.14.0.0/24: parent subnet 10.13.0.0/16 doesn't contain ip-range",
        pools({ Subnet: '10.13.0.0/16', IPRange: '10.14.0.0/24' }),
      ],
      ['InvalidArgument: invalid interface name: a/b', { Options: { 'com.docker.network.bridge.name': 'a/b' } }],
      [
        'InvalidArgument: failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing "maybe": invalid syntax)',
        { Options: { 'com.docker.network.bridge.enable_icc': 'maybe' } },
      ],
      [
        'InvalidArgument: failed to parse com.docker.network.driver.mtu value: x (strconv.Atoi: parsing "x": invalid syntax)',
        { Options: { 'com.docker.network.driver.mtu': 'x' } },
      ],
    ];
    for (const [message, options] of cases)
      assert.equal(
        refusal(() => make(options, [first])),
        message,
      );
    assert.match(
      refusal(() => make({ Options: { 'com.docker.network.bridge.name': `br-${'ab'.repeat(6)}` } }, [first])),
      /^PermissionDenied: cannot create network (ab){32} \(br-(ab){6}\): conflicts with network .*: networks have same bridge name$/,
    );
    assert.match(
      refusal(() => make(pools({ Subnet: 'a' }, { Subnet: 'b' }))),
      /:\n\* invalid subnet a.*\n\* invalid subnet b/,
    );
  });
});
