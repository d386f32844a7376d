import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../engine/kernel/errors.js';
import { openNetworks } from '../../engine/network/networks.js';
import type { Attachment, NetworkService, NetworkServiceOptions } from '../../engine/network/types.js';
import { whyNot } from '../helpers/docker/programs.js';
import {
  ask,
  askUdp,
  containerId,
  endServers,
  inside,
  inTime,
  neighbour,
  published,
  reaches,
  removeNeighbour,
  request,
  rules,
  serve,
  traces,
  tryInside,
} from '../helpers/network-yard.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

const PROGRAMS = [
  'ip',
  'bridge',
  'ss',
  'iptables-restore',
  'ip6tables-restore',
  'nsenter',
  'python3',
  'busybox',
  'ping',
];

const refused = (code: string, message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof EngineError, String(error));
  assert.deepEqual(
    [error.code, typeof message === 'string' ? error.message : ''],
    [code, typeof message === 'string' ? message : ''],
  );
  if (typeof message !== 'string') assert.match(error.message, message);
  return true;
};

if (!inSandbox) {
  const why = whyNot(PROGRAMS);
  test('networks in a sandbox', { skip: why ?? false, timeout: 600_000 }, () => {
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 });
  });
} else {
  let root: string;
  let execRoot: string;
  let networks: NetworkService;
  let events: string[];
  let warnings: string[];
  let attached: { id: string; attachment: Attachment }[];

  const open = (options: Partial<NetworkServiceOptions> = {}): Promise<NetworkService> =>
    openNetworks({
      root,
      execRoot,
      event: (action, id, attributes) => events.push(`${action} ${attributes['name'] ?? id}`),
      warn: (message) => warnings.push(message),
      ...options,
    });
  const attach = async (...args: Parameters<typeof request>): Promise<Attachment> => {
    const wished = request(...args);
    const attachment = await networks.attach(wished);
    attached.push({ id: wished.container.id, attachment });
    return attachment;
  };

  before(() => inside(null, 'ip link set lo up'));
  beforeEach(async () => {
    root = mkdtempSync('/run/root-');
    execRoot = mkdtempSync('/run/exec-');
    events = [];
    warnings = [];
    attached = [];
    networks = await open();
  });
  afterEach(async () => {
    await endServers();
    for (const { id } of attached) await networks.detach(id, null);
    await networks.prune({});
    await networks.close();
    rmSync(root, { recursive: true });
    inside(null, `umount -l ${execRoot}/netns/* 2>/dev/null; rm -rf ${execRoot}`);
    assert.deepEqual(warnings, []);
  });

  describe('an engine’s networks', () => {
    test('are Docker’s three, with docker0 on the machine', async () => {
      const list = await networks.list();
      assert.deepEqual(
        list.map(({ Name, Driver, Scope }) => [Name, Driver, Scope]),
        [
          ['none', 'null', 'local'],
          ['host', 'host', 'local'],
          ['bridge', 'bridge', 'local'],
        ],
      );
      const bridge = await networks.get('bridge');
      assert.deepEqual(bridge.IPAM.Config, [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }]);
      assert.equal(bridge.Options['com.docker.network.bridge.name'], 'docker0');
      assert.match(
        inside(null, 'ip -4 addr show docker0'),
        /inet 172\.17\.0\.1\/16 brd 172\.17\.255\.255 scope global docker0/,
      );
      assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(), '1');
      assert.ok(rules().includes(':FORWARD DROP'), 'what the engine began to forward is not refused by default');
      assert.ok(rules().includes('-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE'), rules().join('\n'));
    });

    test('are the same when it comes back', async () => {
      const { Id } = await networks.create({ Name: 'own', Labels: { a: 'b' } });
      const before = [await networks.list(), rules()];
      await networks.close();
      networks = await open();
      assert.deepEqual([await networks.list(), rules()], before);
      assert.equal((await networks.get(Id.slice(0, 5))).Name, 'own');
    });
  });

  describe('a container', () => {
    test('on the bridge has an address, a gateway and a neighbour', async () => {
      const one = await attach('one');
      const two = await attach('two');
      const { bridge } = one.networks;
      assert.ok(bridge !== undefined, 'no endpoint');
      assert.deepEqual(
        [bridge.IPAddress, bridge.IPPrefixLen, bridge.Gateway, bridge.MacAddress, bridge.DNSNames],
        ['172.17.0.2', 16, '172.17.0.1', '02:42:ac:11:00:02', null],
      );
      assert.equal(one.sandboxKey, join(execRoot, 'netns', one.sandboxId.slice(0, 12)));
      const seen = inside(one.sandboxKey, 'ip addr; ip route');
      assert.match(seen, /eth0@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500/);
      assert.match(seen, /link\/ether 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff/);
      assert.match(seen, /inet 172\.17\.0\.2\/16 brd 172\.17\.255\.255 scope global eth0/);
      assert.match(seen, /^default via 172\.17\.0\.1 dev eth0 $/m);
      assert.match(seen, /inet6 ::1\/128/);
      assert.doesNotMatch(seen, /inet6 fe80/);
      assert.match(inside(null, 'bridge link'), /veth[0-9a-f]{7}@.* master docker0 state forwarding/);
      assert.ok(reaches(one.sandboxKey, '172.17.0.1'), 'the gateway does not answer');
      assert.ok(reaches(one.sandboxKey, two.networks['bridge']?.IPAddress ?? ''), 'the neighbour does not answer');
      const { Containers } = await networks.get('bridge');
      assert.deepEqual(Containers[containerId('one')], {
        Name: 'one',
        EndpointID: bridge.EndpointID,
        MacAddress: '02:42:ac:11:00:02',
        IPv4Address: '172.17.0.2/16',
        IPv6Address: '',
      });
      assert.deepEqual(events, ['connect bridge', 'connect bridge']);
    });

    test('that goes leaves nothing, and its address is given again', async () => {
      const before = traces(execRoot, root);
      const one = await attach('one', { bridge: {} }, published('80/tcp', '8080'));
      await networks.detach(containerId('one'), one);
      await networks.detach(containerId('one'), one);
      await networks.detach(containerId('never'), null);
      assert.equal(traces(execRoot, root), before);
      assert.equal((await attach('two')).networks['bridge']?.IPAddress, '172.17.0.2');
      for (
        const deadline = Date.now() + 45_000;
        tryInside(null, `ip link show veth${one.networks['bridge']?.EndpointID.slice(0, 7)}`).status === 0;
        await sleep(20)
      )
        assert.ok(Date.now() < deadline, 'the cable is still there');
    });

    test('on no network has a loopback alone', async () => {
      const { sandboxKey, ports } = await attach('one', { none: {} }, published('80/tcp', '8080'));
      assert.equal(inside(sandboxKey, 'ls /sys/class/net; ip -o link | wc -l').trim().split('\n').at(-1), '1');
      assert.match(inside(sandboxKey, 'ip addr'), /inet 127\.0\.0\.1\/8/);
      assert.deepEqual(ports, {});
    });

    test('on the machine’s own is where the engine is', async () => {
      const { sandboxKey, ports } = await attach('one', { host: {} });
      assert.equal(sandboxKey, join(execRoot, 'netns/default'));
      assert.equal(inside(sandboxKey, 'readlink /proc/self/ns/net'), inside(null, 'readlink /proc/self/ns/net'));
      assert.deepEqual(ports, {});
      await attach('two', { host: {} });
    });

    test('is not on both the machine’s network and another', async () => {
      await assert.rejects(
        networks.attach(request('one', { host: {}, bridge: {} })),
        refused(
          'InvalidArgument',
          'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
        ),
      );
    });

    test('is attached fast', async (t) => {
      const times: number[] = [];
      for (let index = 0; index < 15; index++) {
        const began = performance.now();
        const attachment = await networks.attach(request('fast'));
        times.push(performance.now() - began);
        await networks.detach(containerId('fast'), attachment);
        await sleep(20);
      }
      times.sort((a, b) => a - b);
      t.diagnostic(`attach to the bridge: median ${times[7]?.toFixed(1)} ms, best ${times[0]?.toFixed(1)} ms`);
      console.log(`attach to the bridge: median ${times[7]?.toFixed(1)} ms, best ${times[0]?.toFixed(1)} ms`);
    });

    test('one of forty at once gets what it would get alone', async () => {
      const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
      const all = await Promise.all(names.map((name) => attach(name, { bridge: {} }, published('80/tcp', ''))));
      const addresses = new Set(all.map(({ networks: { bridge } }) => bridge?.IPAddress));
      const ports = new Set(all.map(({ ports }) => ports['80/tcp']?.[0]?.HostPort));
      assert.deepEqual([addresses.size, ports.size], [40, 40]);
      assert.equal(rules().filter((line) => line.includes('DNAT')).length, 40);
      await Promise.all(names.map((name) => networks.detach(containerId(name), null)));
      assert.equal(rules().filter((line) => line.includes('DNAT')).length, 0);
    });
  });

  describe('a network of one’s own', () => {
    test('is a bridge with the next subnet, apart from the others', async () => {
      await networks.create({ Name: 'n1' });
      const { Id } = await networks.create({ Name: 'n2' });
      const n2 = await networks.get('n2');
      assert.deepEqual(n2.IPAM.Config, [{ Subnet: '172.19.0.0/16', Gateway: '172.19.0.1' }]);
      const one = await attach('one', { n1: {} });
      const two = await attach('two', { n2: {} });
      const three = await attach('three');
      assert.match(inside(null, 'ip -o link'), new RegExp(`br-${Id.slice(0, 12)}:`));
      assert.ok(reaches(two.sandboxKey, '172.19.0.1'), 'its gateway does not answer');
      assert.ok(!reaches(two.sandboxKey, one.networks['n1']?.IPAddress ?? ''), 'n2 reaches n1');
      assert.ok(!reaches(three.sandboxKey, one.networks['n1']?.IPAddress ?? ''), 'docker0 reaches n1');
      assert.deepEqual(two.networks['n2']?.DNSNames, ['two', containerId('two').slice(0, 12)]);
      await assert.rejects(
        networks.remove('n2'),
        refused(
          'PermissionDenied',
          `error while removing network: network n2 has active endpoints (name:"two" id:"${containerId('two').slice(0, 12)}")`,
        ),
      );
      await networks.detach(containerId('two'), two);
      await networks.remove(Id);
      assert.doesNotMatch(`${inside(null, 'ip -o link')}${rules().join('\n')}`, new RegExp(`br-${Id.slice(0, 12)}`));
      await assert.rejects(networks.get(Id), refused('NotFound', `network ${Id} not found`));
    });

    test('takes subnets, ranges, reserved addresses and options', async () => {
      await networks.create({
        Name: 'own',
        IPAM: {
          Config: [
            {
              Subnet: '10.5.0.0/16',
              IPRange: '10.5.3.0/24',
              Gateway: '10.5.0.9',
              AuxiliaryAddresses: { a: '10.5.3.0', b: '10.5.3.1' },
            },
          ],
        },
        Options: { 'com.docker.network.bridge.name': 'foo0', 'com.docker.network.driver.mtu': '1400' },
      });
      const one = await attach('one', { own: {} });
      const two = await attach('two', {
        own: {
          IPAMConfig: { IPv4Address: '10.5.7.7', LinkLocalIPs: ['169.254.8.8'] },
          MacAddress: '02:00:00:00:00:AA',
        },
      });
      assert.equal(one.networks['own']?.IPAddress, '10.5.3.2');
      assert.deepEqual(
        [two.networks['own']?.IPAddress, two.networks['own']?.MacAddress],
        ['10.5.7.7', '02:00:00:00:00:aa'],
      );
      assert.match(
        inside(two.sandboxKey, 'ip addr; ip route'),
        /mtu 1400[\s\S]*02:00:00:00:00:aa[\s\S]*10\.5\.7\.7\/16[\s\S]*169\.254\.8\.8\/16[\s\S]*default via 10\.5\.0\.9/,
      );
      assert.match(inside(null, 'ip addr show foo0'), /mtu 1400[\s\S]*inet 10\.5\.0\.9\/16/);
      assert.ok(reaches(two.sandboxKey, '10.5.3.2'), 'the neighbour does not answer');
      await assert.rejects(
        networks.attach(request('three', { own: { IPAMConfig: { IPv4Address: '10.5.7.7' } } })),
        refused('Internal', 'Address already in use'),
      );
      await assert.rejects(
        networks.attach(request('three', { own: { IPAMConfig: { IPv4Address: '1.2.3.4' } } })),
        refused('InvalidArgument', /no configured subnet or ip-range contain the IP address 1\.2\.3\.4/),
      );
      await assert.rejects(
        networks.attach(request('three', { own: { IPAMConfig: { IPv6Address: '::ffff:10.5.7.9' } } })),
        refused('InvalidArgument', /invalid IPv6 address: ::ffff:10\.5\.7\.9/),
      );
    });

    test('that is full says so', async () => {
      await networks.create({ Name: 'tiny', IPAM: { Config: [{ Subnet: '10.6.0.0/30' }] } });
      await attach('one', { tiny: {} });
      const { Id } = await networks.get('tiny');
      await assert.rejects(
        networks.attach(request('two', { tiny: {} })),
        refused('Internal', `no available IPv4 addresses on this network's address pools: tiny (${Id})`),
      );
    });

    test('whose bridge was renamed is refused as Docker does', async () => {
      await networks.create({ Name: 'own', Options: { 'com.docker.network.bridge.name': 'foo0' } });
      inside(null, 'ip link set foo0 down; ip link set foo0 name bar0');
      const before = traces(execRoot, root);
      await assert.rejects(
        networks.attach(request('one', { own: {} })),
        refused('Internal', /could not find bridge foo0: route ip\+net: no such network interface/),
      );
      assert.equal(traces(execRoot, root), before);
      inside(null, 'ip link del bar0');
    });

    test('on a bridge of the user’s leaves it to the user', async () => {
      inside(null, 'ip link add mine type bridge');
      await networks.create({ Name: 'own', Options: { 'com.docker.network.bridge.name': 'mine' } });
      await networks.remove('own');
      inside(null, 'ip link del mine');
    });

    test('with IPv6 has addresses and routes of both', async () => {
      await networks.create({ Name: 'six', EnableIPv6: true, IPAM: { Config: [{ Subnet: 'fd00:1234::/64' }] } });
      const one = await attach('one', { six: {} }, published('80/tcp', '8086'));
      const two = await attach('two', { six: {} });
      assert.deepEqual(
        [
          one.networks['six']?.GlobalIPv6Address,
          one.networks['six']?.GlobalIPv6PrefixLen,
          one.networks['six']?.IPv6Gateway,
        ],
        ['fd00:1234::2', 64, 'fd00:1234::1'],
      );
      assert.match(inside(one.sandboxKey, 'ip -6 route'), /default via fd00:1234::1 dev eth0/);
      assert.ok(reaches(two.sandboxKey, 'fd00:1234::2'), 'the neighbour does not answer');
      assert.ok(
        reaches(two.sandboxKey, one.networks['six']?.IPAddress ?? ''),
        'the neighbour does not answer over IPv4',
      );
      assert.match(
        rules(6).join('\n'),
        /-A DOCKER ! -i br-\w+ -p tcp -m tcp --dport 8086 -j DNAT --to-destination \[fd00:1234::2\]:80/,
      );
    });

    test('is led out by a route, or to who has a route, or not at all', async () => {
      const out = neighbour();
      const mode = (text: string): Record<string, string> => ({ 'com.docker.network.bridge.gateway_mode_ipv4': text });
      const to = (subnet: string): string => inside(out, `ip route add ${subnet} via 10.99.0.1`);
      for (const [Name, text, subnet] of [
        ['routed', 'routed', '10.61.0.0/24'],
        ['open', 'nat-unprotected', '10.62.0.0/24'],
        ['shut', 'nat', '10.63.0.0/24'],
      ] as const) {
        await networks.create({ Name, IPAM: { Config: [{ Subnet: subnet }] }, Options: mode(text) });
        to(subnet);
      }
      const routed = await attach('routed', { routed: {} }, published('80/tcp', '8061'));
      const unprotected = await attach('open', { open: {} }, published('80/tcp', '8062'));
      const shut = await attach('shut', { shut: {} }, published('80/tcp', '8063'));
      for (const { sandboxKey } of [routed, unprotected, shut]) {
        await serve(sandboxKey, 80);
        await serve(sandboxKey, 81);
      }
      assert.deepEqual(routed.ports['80/tcp']?.[0], { HostIp: '0.0.0.0', HostPort: '' });
      const hears = async (address: string, port: number): Promise<boolean> =>
        /^from /.test(await inTime(out, ask(address, port)));
      assert.deepEqual(
        [await hears('10.61.0.2', 80), await hears('10.61.0.2', 81), await hears('10.99.0.1', 8061)],
        [true, false, false],
      );
      assert.match(await inTime(routed.sandboxKey, 'ping -c1 -W5 10.99.0.2 >/dev/null && echo yes'), /yes/);
      assert.deepEqual(
        [await hears('10.62.0.2', 80), await hears('10.62.0.2', 81), await hears('10.99.0.1', 8062)],
        [true, true, true],
      );
      assert.deepEqual([await hears('10.63.0.2', 80), await hears('10.99.0.1', 8063)], [false, true]);
      await networks.create({ Name: 'alone', Internal: true, Options: mode('isolated') });
      const { Id, IPAM } = await networks.get('alone');
      assert.equal(IPAM.Config[0]?.Gateway, undefined);
      assert.doesNotMatch(inside(null, `ip -4 addr show br-${Id.slice(0, 12)}`), /inet /);
      const before = rules();
      await networks.close();
      networks = await open();
      assert.deepEqual(rules(), before);
      for (const [Internal, text, message] of [
        [false, 'isolated', "gateway mode 'isolated' can only be used for an internal network"],
        [false, 'x', 'failed to parse com.docker.network.bridge.gateway_mode_ipv4 value: x (unknown gateway mode x)'],
      ] as const)
        await assert.rejects(networks.create({ Name: 'x', Internal, Options: mode(text) }), { message });
      removeNeighbour(out);
    });

    test('gives an interface the name that was said for it', async () => {
      const named = (name: string) => ({ DriverOpts: { 'com.docker.network.endpoint.ifname': name } });
      await networks.create({ Name: 'a' });
      await networks.create({ Name: 'b' });
      await networks.create({ Name: 'c' });
      let one = await attach('one', { bridge: {}, a: named('eth0') });
      one = await networks.connect('b', request('one'), named('inner'), one);
      const list = inside(one.sandboxKey, "ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | sort | tr '\\n' ' '");
      assert.equal(list, 'eth0 eth1 inner lo ');
      assert.match(inside(one.sandboxKey, 'ip -4 addr show eth1'), /172\.17\./);
      await assert.rejects(
        networks.connect('c', request('one'), named('inner'), one),
        /already used by another endpoint/,
      );
      for (const wrong of ['lo', 'a/b', '', 'sixteen-letters-'])
        await assert.rejects(networks.connect('c', request('one'), named(wrong), one), /invalid interface name/);
    });

    test('gives packets the source address that it was told', async () => {
      const out = neighbour();
      inside(null, 'ip addr add 10.99.0.7/24 dev out');
      await networks.create({ Name: 'own', Options: { 'com.docker.network.host_ipv4': '10.99.0.7' } });
      const one = await attach('one', { own: {} });
      await serve(out, 80);
      assert.equal(await inTime(one.sandboxKey, ask('10.99.0.2', 80)), 'from 10.99.0.7\n');
      removeNeighbour(out);
    });

    test('is joined and left by a running container', async () => {
      await networks.create({ Name: 'a-first' });
      await networks.create({ Name: 'z-last' });
      const one = await attach('one', { bridge: {} }, published('80/tcp', '8080'));
      const key = one.sandboxKey;
      const wished = request('one', { bridge: {} });
      const both = await networks.connect('z-last', wished, { Aliases: ['al'] }, one);
      assert.match(
        inside(key, 'ip addr; ip route'),
        /eth1@[\s\S]*172\.19\.0\.2\/16[\s\S]*default via 172\.17\.0\.1 dev eth0/,
      );
      await assert.rejects(
        networks.connect('z-last', wished, {}, both),
        refused('PermissionDenied', 'endpoint with name one already exists in network z-last'),
      );
      const three = await networks.connect('a-first', wished, {}, both);
      assert.match(inside(key, 'ip route'), /^default via 172\.18\.0\.1 dev eth2 $/m);
      const dnat = (): string[] => rules().filter((line) => line.includes('DNAT'));
      assert.match(dnat().join('\n'), /--dport 8080 -j DNAT --to-destination 172\.18\.0\.2:80$/);
      const two = await networks.disconnect('a-first', containerId('one'), three, { force: false });
      assert.match(inside(key, 'ip route'), /^default via 172\.17\.0\.1 dev eth0 $/m);
      assert.match(dnat().join('\n'), /--dport 8080 -j DNAT --to-destination 172\.17\.0\.2:80$/);
      assert.deepEqual(Object.keys(two.networks), ['bridge', 'z-last']);
      assert.deepEqual(two.ports, one.ports);
      await assert.rejects(
        networks.disconnect('a-first', containerId('one'), two, { force: false }),
        refused('Internal', `container ${containerId('one')} is not connected to network a-first`),
      );
      await networks.disconnect('bridge', containerId('one'), two, { force: false });
      assert.doesNotMatch(inside(key, 'ip addr'), /eth0/);
      assert.match(inside(key, 'ip route'), /^default via 172\.19\.0\.1 dev eth1 $/m);
      assert.deepEqual(events.slice(-3), ['connect a-first', 'disconnect a-first', 'disconnect bridge']);
    });
  });

  describe('a published port', () => {
    test('is reached on all addresses, from outside with the client’s own', async () => {
      const out = neighbour();
      try {
        const one = await attach(
          'one',
          { bridge: {} },
          { ...published('80/tcp', '8080'), ...published('90/udp', '9090') },
        );
        assert.deepEqual(one.ports, {
          '80/tcp': [
            { HostIp: '0.0.0.0', HostPort: '8080' },
            { HostIp: '::', HostPort: '8080' },
          ],
          '90/udp': [
            { HostIp: '0.0.0.0', HostPort: '9090' },
            { HostIp: '::', HostPort: '9090' },
          ],
        });
        await serve(one.sandboxKey, 80);
        await serve(one.sandboxKey, 90, 'udp');
        assert.equal(await inTime(out, ask('10.99.0.1', 8080)), 'from 10.99.0.2\n');
        assert.match(await inTime(out, askUdp('10.99.0.1', 9090)), /^from 10\.99\.0\.2 hello/);
        for (const address of ['127.0.0.1', '172.17.0.1', '10.99.0.1', '::1'])
          assert.match(await inTime(null, ask(address, 8080)), /^from (172\.17\.0|10\.99\.0)\.1\n$/m, address);
        assert.match(await inTime(null, askUdp('127.0.0.1', 9090)), /^from 172\.17\.0\.1 hello/);
        // from a neighbour and from itself, by the machine's address
        const two = await attach('two');
        assert.match(await inTime(two.sandboxKey, ask('172.17.0.1', 8080)), /^from 172\.17\.0\.\d+\n$/);
        assert.match(await inTime(one.sandboxKey, ask('172.17.0.1', 8080)), /^from 172\.17\.0\.\d+\n$/);
      } finally {
        removeNeighbour(out);
      }
    });

    test('that a container or a program has is refused in Docker’s words, and nothing is left', async () => {
      await attach('one', { bridge: {} }, published('80/tcp', '8080'));
      await serve(null, 7777);
      const before = traces(execRoot, root);
      const prefix = 'driver failed programming external connectivity on endpoint two \\([0-9a-f]{64}\\): ';
      for (const [port, ip, why] of [
        ['8080', '', 'Bind for 0.0.0.0:8080 failed: port is already allocated'],
        ['8080', '127.0.0.1', 'Bind for 127.0.0.1:8080 failed: port is already allocated'],
        ['7777', '', 'Error starting userland proxy: listen tcp4 0.0.0.0:7777: bind: address already in use'],
        [
          '99',
          '1.2.3.4',
          'Error starting userland proxy: listen tcp4 1.2.3.4:99: bind: cannot assign requested address',
        ],
      ] as const)
        await assert.rejects(
          networks.attach(request('two', { bridge: {} }, published('80/tcp', port, ip))),
          refused('Internal', new RegExp(`^${prefix}${why}$`)),
        );
      await assert.rejects(
        networks.attach(
          request('two', { bridge: {} }, { ...published('1/tcp', '5001'), ...published('2/tcp', '8080') }),
        ),
        refused('Internal', /already allocated/),
      );
      assert.equal(traces(execRoot, root), before);
    });

    test('may be any of a range, or any at all', async () => {
      const one = await attach('one', { bridge: {} }, published('80/tcp', '8000-8001'));
      const two = await attach('two', { bridge: {} }, published('80/tcp', '8000-8001'));
      assert.deepEqual(
        [one, two].map(({ ports }) => ports['80/tcp']?.[0]?.HostPort),
        ['8000', '8001'],
      );
      const any = await networks.attach({ ...request('three'), publishAll: true, exposed: ['80/tcp', '81/udp'] });
      attached.push({ id: containerId('three'), attachment: any });
      const [first, second] = [any.ports['80/tcp'] ?? [], any.ports['81/udp'] ?? []];
      for (const { HostPort } of [...first, ...second])
        assert.ok(Number(HostPort) >= 32_768 && Number(HostPort) <= 60_999, HostPort);
      assert.equal(first[0]?.HostPort, first[1]?.HostPort);
    });
  });

  describe('names on a network of one’s own', () => {
    test('are known to neighbours, with aliases, both ways; not to others', async () => {
      await networks.create({ Name: 'own' });
      await networks.create({ Name: 'other' });
      const web = await attach('web', { own: { Aliases: ['www', 'shared'] } });
      const db = await attach('db', { own: { Aliases: ['shared', 'web'] } });
      const far = await attach('far', { other: {} });
      const address = web.networks['own']?.IPAddress ?? '';
      const look = async (key: string, name: string): Promise<string> => {
        const said = await inTime(key, `busybox nslookup ${name} 127.0.0.11`);
        return [...said.replace(/^Server:.*\nAddress:.*\n/, '').matchAll(/Address(?: \d)?: (\S+)|name = (\S+)/g)]
          .map(([, a, b]) => a ?? b)
          .sort()
          .join(' ');
      };
      for (const name of ['web', 'WEB', 'www', 'web.own', containerId('web').slice(0, 12)])
        assert.equal(await look(db.sandboxKey, name), address, name);
      assert.equal(await look(db.sandboxKey, 'shared'), [address, db.networks['own']?.IPAddress].sort().join(' '));
      assert.equal(await look(db.sandboxKey, address), 'web.own');
      assert.equal(await look(far.sandboxKey, 'far'), far.networks['other']?.IPAddress);
      assert.equal(await look(far.sandboxKey, 'web'), '');
      // a name of a container that is gone is not known any more
      await networks.detach(containerId('web'), web);
      assert.equal(await look(db.sandboxKey, 'www'), '');
    });
  });

  describe('restore', () => {
    test('takes over from an engine that was killed', { timeout: 600_000 }, async () => {
      await networks.close();
      const helper = fileURLToPath(new URL('../helpers/network-engine.ts', import.meta.url));
      const child = spawn(process.execPath, ['--import', 'tsx', helper, root, execRoot], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      while (!text.includes('\n')) text += String((await once(child.stdout, 'data'))[0]);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const { web } = JSON.parse(text) as { web: Attachment; gone: Attachment };
      networks = await open();
      attached.push({ id: containerId('web'), attachment: web });
      inside(
        null,
        `touch ${execRoot}/netns/0123456789ab && ip link add veth0000000 type veth && ip link set veth0000000 master docker0`,
      );
      await networks.restore([{ container: containerId('web'), attachment: web }]);
      assert.deepEqual(readdirSync(join(execRoot, 'netns')), [web.sandboxId.slice(0, 12)]);
      assert.deepEqual(readdirSync(join(root, 'network/sandboxes')), [`${web.sandboxId.slice(0, 12)}.json`]);
      assert.equal(tryInside(null, 'ip link show veth0000000').status, 1);
      assert.deepEqual(
        rules()
          .filter((line) => /dport 80/.test(line))
          .map((line) => line.replace(/br-\w+/g, 'br')),
        [
          '-A DOCKER -d 172.18.0.2/32 ! -i br -o br -p tcp -m tcp --dport 80 -j ACCEPT',
          '-A POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE',
          '-A DOCKER ! -i br -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:80',
        ],
      );
      await serve(web.sandboxKey, 80);
      assert.match(await inTime(null, ask('127.0.0.1', 8080)), /^from 172\.18\.0\.1/);
      assert.match(await inTime(web.sandboxKey, 'busybox nslookup web 127.0.0.11'), /172\.18\.0\.2/);
      assert.equal((await attach('next', { own: {} })).networks['own']?.IPAddress, '172.18.0.3');
    });

    test('mends what somebody took away: rules, bridges, cables', async () => {
      await networks.create({ Name: 'own' });
      const one = await attach('one', { own: {} }, published('80/tcp', '8080', '127.0.0.1'));
      const two = await attach('two');
      const before = rules().toSorted();
      const { Id } = await networks.get('own');
      inside(null, 'iptables -F; iptables -t nat -F; iptables -t raw -F; iptables -X; ip link del docker0');
      inside(
        null,
        `ip link del veth${one.networks['own']?.EndpointID.slice(0, 7)}; ip link set br-${Id.slice(0, 12)} down`,
      );
      // somebody's own rules, and one of ours a second time
      inside(
        null,
        'iptables -I FORWARD -s 9.9.9.9 -j DROP; iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE; iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
      );
      const live = attached.map(({ id, attachment }) => ({ container: id, attachment }));
      await networks.restore(live);
      assert.deepEqual(
        rules()
          .filter((line) => !line.includes('9.9.9.9'))
          .toSorted(),
        before,
      );
      assert.ok(
        rules().some((line) => line.includes('9.9.9.9')),
        'somebody’s own rule is gone',
      );
      assert.ok(
        rules().indexOf('-A FORWARD -j DOCKER-USER') < rules().indexOf('-A FORWARD -s 9.9.9.9/32 -j DROP'),
        'DOCKER-USER is not the first',
      );
      assert.ok(reaches(one.sandboxKey, one.networks['own']?.Gateway ?? ''), 'the first container has no gateway');
      assert.ok(reaches(two.sandboxKey, '172.17.0.1'), 'the second container has no gateway');
      const once = rules();
      await networks.restore(live);
      assert.deepEqual(rules(), once);
      inside(null, 'iptables -D FORWARD -s 9.9.9.9 -j DROP');
    });
  });

  describe('an engine that is told so', () => {
    test('leaves the firewall alone and makes no bridge', async () => {
      await networks.close();
      inside(
        null,
        'iptables -F; iptables -t nat -F; iptables -t raw -F; iptables -X; iptables -t nat -X; ip link del docker0',
      );
      const before = rules();
      networks = await open({ iptables: false, bridge: null });
      assert.deepEqual(
        (await networks.list()).map(({ Name }) => Name),
        ['none', 'host'],
      );
      await networks.create({ Name: 'own' });
      await attach('one', { own: {} }, published('80/tcp', '8080'));
      assert.deepEqual(rules(), before);
      assert.equal(tryInside(null, 'ip link show docker0').status, 1);
    });

    test('gives the bridge another address, range and MTU', async () => {
      await networks.close();
      networks = await open({ bridge: { bip: '10.7.0.1/24', fixedCidr: '10.7.0.128/25', mtu: 1400 } });
      assert.doesNotMatch(inside(null, 'ip addr show docker0'), /172\.17/);
      const one = await attach('one');
      assert.equal(one.networks['bridge']?.IPAddress, '10.7.0.128');
      assert.match(
        inside(one.sandboxKey, 'ip addr; ip route'),
        /mtu 1400[\s\S]*10\.7\.0\.128\/24[\s\S]*default via 10\.7\.0\.1/,
      );
      assert.ok(reaches(one.sandboxKey, '10.7.0.1'), 'the gateway does not answer');
      await assert.rejects(open({ bridge: { bip: '10.7.0.0/24' } }), /invalid CIDR address/);
    });

    test('takes subnets from its pools, and gives the bridge another gateway, binding and no talk among its containers', async () => {
      await networks.close();
      inside(null, 'ip link del docker0');
      networks = await open({
        addressPools: [{ base: '10.30.0.0/16', size: 24 }],
        bridge: { icc: false, hostBinding: '127.0.0.1', defaultGateway: '10.30.0.9' },
      });
      assert.equal((await networks.get('bridge')).IPAM.Config[0]?.Subnet, '10.30.0.0/24');
      await networks.create({ Name: 'own' });
      assert.equal((await networks.get('own')).IPAM.Config[0]?.Subnet, '10.30.1.0/24');
      const one = await attach('one', { bridge: {} }, published('80/tcp', '8080'));
      const two = await attach('two');
      assert.deepEqual(one.ports, { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] });
      assert.equal(one.networks['bridge']?.Gateway, '10.30.0.9');
      assert.match(inside(one.sandboxKey, 'ip route'), /default via 10\.30\.0\.9 dev eth0/);
      assert.ok(!reaches(two.sandboxKey, one.networks['bridge']?.IPAddress ?? ''), 'a neighbour answers');
      assert.ok(rules().includes('-A FORWARD -i docker0 -o docker0 -j DROP'), rules().join('\n'));
      await assert.rejects(
        open({ bridge: { defaultGateway: '10.0.0.1' } }),
        /default gateway ip must be part of the network/,
      );
    });

    test('has IPv6 on its bridge', async () => {
      await networks.close();
      networks = await open({ bridge: { ipv6: true, fixedCidrV6: 'fd00:5::/64' } });
      const one = await attach('one');
      const { bridge } = one.networks;
      assert.deepEqual([bridge?.GlobalIPv6Address, bridge?.IPv6Gateway], ['fd00:5::2', 'fd00:5::1']);
      assert.ok(reaches(one.sandboxKey, 'fd00:5::1'), 'the gateway does not answer');
    });

    test('does without a proxy', async () => {
      await networks.close();
      networks = await open({ userlandProxy: false });
      const one = await attach('one', { bridge: {} }, published('80/tcp', '8080'));
      await serve(one.sandboxKey, 80);
      assert.match(await inTime(null, ask('127.0.0.1', 8080)), /^from /);
      const gateway = one.networks['bridge']?.Gateway ?? '';
      assert.match(await inTime(one.sandboxKey, ask(gateway, 8080)), /^from /);
    });
  });

  after(() => {
    assert.equal(existsSync('/run/neighbours/out'), false, 'a test left a neighbour');
  });
}
