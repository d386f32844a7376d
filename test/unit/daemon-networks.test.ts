import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';

/** What the engine's arguments and daemon.json say of networks. */

const directory = mkdtempSync(join(tmpdir(), 'glassbox-daemon-'));
const file = join(directory, 'daemon.json');
after(() => rmSync(directory, { recursive: true }));

const configured = (value: unknown, ...argv: string[]) => {
  writeFileSync(file, JSON.stringify(value));
  return parseDaemonOptions(['--config-file', file, ...argv]);
};
const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

describe('networks of daemon.json', () => {
  test('are those of the arguments', () => {
    const wanted = {
      bridge: {
        bip: '10.1.0.1/24',
        fixedCidr: '10.1.0.128/25',
        mtu: 1400,
        icc: false,
        hostBinding: '127.0.0.1',
        defaultGateway: '10.1.0.9',
        ipv6: true,
        fixedCidrV6: 'fd00:1::/64',
      },
      addressPools: [
        { base: '10.0.0.0/8', size: 24 },
        { base: 'fd00::/48', size: 64 },
      ],
      dns: { nameservers: ['1.1.1.1', '2.2.2.2'], search: ['a.b'], options: ['ndots:2'] },
      userlandProxy: false,
    };
    const fromFile = configured({
      bip: '10.1.0.1/24',
      'fixed-cidr': '10.1.0.128/25',
      mtu: 1400,
      icc: false,
      ip: '127.0.0.1',
      'default-gateway': '10.1.0.9',
      ipv6: true,
      'fixed-cidr-v6': 'fd00:1::/64',
      'default-address-pools': [
        { base: '10.0.0.0/8', size: 24 },
        { base: 'fd00::/48', size: 64 },
      ],
      dns: ['1.1.1.1', '2.2.2.2'],
      'dns-search': ['a.b'],
      'dns-opts': ['ndots:2'],
      'userland-proxy': false,
    });
    const fromArguments = configured(
      {},
      '--bip=10.1.0.1/24',
      '--fixed-cidr=10.1.0.128/25',
      '--mtu=1400',
      '--icc=false',
      '--ip=127.0.0.1',
      '--default-gateway=10.1.0.9',
      '--ipv6',
      '--fixed-cidr-v6=fd00:1::/64',
      '--default-address-pool',
      'base=10.0.0.0/8,size=24',
      '--default-address-pool=base=fd00::/48,size=64',
      '--dns=1.1.1.1',
      '--dns=2.2.2.2',
      '--dns-search=a.b',
      '--dns-opt=ndots:2',
      '--userland-proxy=false',
    );
    for (const { bridge, addressPools, dns, userlandProxy } of [fromFile, fromArguments])
      assert.deepEqual({ bridge, addressPools, dns, userlandProxy }, wanted);
  });

  test('that mean nothing are refused, and told', () => {
    for (const [value, message] of [
      [{ bridge: 'br0', bip: '10.1.0.1/24' }, /-b & --bip, mutually exclusive/],
      [{ icc: false, iptables: false }, /ICC=false uses iptables to function/],
      [{ ip: 'x' }, /x is not an ip address/],
      [{ dns: ['x'] }, /x is not an ip address/],
      [{ mtu: 'x' }, /"--mtu" flag/],
      [{ 'default-gateway': 'fd00::1' }, /not an IPv4 address/],
      [{ 'fixed-cidr-v6': '10.0.0.0/8' }, /not an IPv6 subnet/],
      [{ 'default-address-pools': {} }, /cannot unmarshal object/],
      [{ 'default-address-pools': [{ base: '10.0.0.0/8' }] }, /has a base, a subnet, and a size/],
      [{ 'default-address-pools': [{ base: '10.0.0.0', size: 24 }] }, /invalid base prefix "10\.0\.0\.0"/],
      [{ 'default-address-pools': [{ base: '10.0.0.0/8', size: 7 }] }, /size 7 is no part of 10\.0\.0\.0\/8/],
      [{ 'default-address-pools': [{ base: '10.0.0.0/8', size: 33 }] }, /size 33 is no part/],
    ] as const)
      assert.match(
        refusal(() => configured(value)),
        message,
      );
    assert.match(
      refusal(() => configured({}, '--default-address-pool=base')),
      /must be a key=value pair/,
    );
    assert.match(
      refusal(() => configured({}, '--default-address-pool=base=10.0.0.0/8,size=x')),
      /must be integer/,
    );
    assert.match(
      refusal(() => configured({ icc: true }, '--icc=false')),
      /specified both as a flag and in the configuration file: icc/,
    );
  });
});
