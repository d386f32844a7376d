import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openNetworks } from '../../engine/network/networks.js';
import type { Attachment, NetworkService } from '../../engine/network/types.js';
import { whyNot } from '../helpers/docker/programs.js';
import {
  containerId,
  inside,
  neighbour,
  published,
  reaches,
  removeNeighbour,
  request,
  rules,
  tryInside,
} from '../helpers/network-yard.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

/** Networks of the drivers macvlan and ipvlan: containers on one of the machine's interfaces, beside its bridges. */

/** Whether this kernel makes links of a kind; said where it does not, for the test is then of the refusal. */
function hasKind(kind: string, words: string): boolean {
  inside(null, 'ip link add probe0 type veth peer name probe1');
  const made = tryInside(null, `ip link add ${words}`);
  inside(null, 'ip link del probe0; ip link del probe.7 2>/dev/null || true');
  if (made.status !== 0) console.log(`# this kernel makes no ${kind}: ${made.stderr.trim()}`);
  return made.status === 0;
}

if (!inSandbox) {
  const why = whyNot(['ip', 'iptables-restore', 'nsenter', 'ping']);
  test('networks on parents in a sandbox', { skip: why ?? false, timeout: 600_000 }, () => {
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 });
  });
} else {
  let root: string;
  let execRoot: string;
  let networks: NetworkService;
  let out: string;
  let attached: string[];
  const warnings: string[] = [];

  const open = (): Promise<NetworkService> =>
    openNetworks({ root, execRoot, warn: (message) => warnings.push(message) });
  const attach = async (...args: Parameters<typeof request>): Promise<Attachment> => {
    const wished = request(...args);
    attached.push(wished.container.id);
    return networks.attach(wished);
  };
  const LAN = { IPAM: { Config: [{ Subnet: '10.99.0.0/24', IPRange: '10.99.0.64/26', Gateway: '10.99.0.2' }] } };
  const links = (key: string | null): string => inside(key, "ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | sort");
  const refusal = (act: Promise<unknown>): Promise<string> =>
    act.then(
      () => 'accepted',
      (error: Error) => error.message,
    );

  inside(null, 'ip link set lo up');
  const has = {
    macvlan: hasKind('macvlan', 'link probe0 name probe2 type macvlan'),
    ipvlan: hasKind('ipvlan', 'link probe0 name probe2 type ipvlan'),
    vlan: hasKind('vlan', 'link probe0 name probe.7 type vlan id 7'),
    dummy: hasKind('dummy', 'probe.7 type dummy'),
  };

  before(() => {
    out = neighbour();
  });
  beforeEach(async () => {
    root = mkdtempSync('/run/root-');
    execRoot = mkdtempSync('/run/exec-');
    attached = [];
    networks = await open();
  });
  afterEach(async () => {
    for (const id of attached) await networks.detach(id, null);
    await networks.prune({});
    await networks.close();
    rmSync(root, { recursive: true });
    inside(null, `umount -l ${execRoot}/netns/* 2>/dev/null; rm -rf ${execRoot}`);
    assert.deepEqual(warnings.splice(0), []);
    // the kernel ends a namespace, and with it a cable that led there, in its own time
    for (const deadline = Date.now() + 60_000; links(null) !== 'docker0\nlo\nout\n'; await sleep(20))
      assert.ok(Date.now() < deadline, `a link was left: ${links(null)}`);
  });
  after(() => removeNeighbour(out));

  describe('a macvlan network', { skip: has.macvlan ? false : 'this kernel makes no macvlan' }, () => {
    for (const mode of ['bridge', 'private', 'vepa', 'passthru'])
      test(`in mode ${mode} gives containers interfaces on the parent`, async () => {
        const before = rules();
        await networks.create({
          Name: 'lan',
          Driver: 'macvlan',
          ...LAN,
          Options: { parent: 'out', macvlan_mode: mode },
        });
        const one = await attach('one', { lan: {} }, published('80/tcp', '8080'));
        const { lan } = one.networks;
        assert.deepEqual(
          [lan?.IPAddress, lan?.IPPrefixLen, lan?.Gateway, lan?.MacAddress, one.ports],
          ['10.99.0.64', 24, '10.99.0.2', '02:42:0a:63:00:40', {}],
        );
        const seen = inside(one.sandboxKey, 'ip -d addr; ip route');
        assert.match(seen, new RegExp(`macvlan mode ${mode} `));
        assert.match(seen, /eth0@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP>/);
        // who takes all of the parent takes its address, too
        assert.match(seen, /link\/ether 02:42:0a:63:00:40/);
        assert.match(seen, /inet 10\.99\.0\.64\/24 brd 10\.99\.0\.255 scope global eth0/);
        assert.match(seen, /^default via 10\.99\.0\.2 dev eth0 $/m);
        assert.equal(links(one.sandboxKey), 'eth0\nlo\n');
        assert.ok(reaches(one.sandboxKey, '10.99.0.2'), 'the neighbour does not answer');
        assert.deepEqual(rules(), before, 'there are rules for it');
        if (mode === 'passthru') {
          assert.match(
            await refusal(attach('two', { lan: {} })),
            /failed to create the macvlan port: (device or resource busy|invalid argument)/,
          );
          await networks.detach(containerId('one'), one);
          assert.equal((await attach('three', { lan: {} })).networks['lan']?.IPAddress, '10.99.0.64');
          return;
        }
        const two = await attach('two', { lan: {} });
        // vepa leaves it to the switch outside, and here is none
        assert.equal(reaches(one.sandboxKey, two.networks['lan']?.IPAddress ?? ''), mode === 'bridge');
      });

    test('is joined and left by a running container, and is there after the engine', async () => {
      const { Id } = await networks.create({ Name: 'lan', Driver: 'macvlan', ...LAN, Options: { parent: 'out' } });
      const wished = request('one', { bridge: {} });
      let one = await attach('one', { bridge: {} });
      one = await networks.connect('lan', wished, { GwPriority: 1 }, one);
      assert.match(inside(one.sandboxKey, 'ip route'), /^default via 10\.99\.0\.2 dev eth1 $/m);
      await networks.close();
      networks = await open();
      await networks.restore([{ container: containerId('one'), attachment: one }]);
      assert.equal(links(one.sandboxKey), 'eth0\neth1\nlo\n');
      assert.deepEqual(Object.keys((await networks.get(Id)).Containers), [containerId('one')]);
      one = await networks.disconnect('lan', containerId('one'), one, { force: false });
      assert.equal(links(one.sandboxKey), 'eth0\nlo\n');
      assert.match(inside(one.sandboxKey, 'ip route'), /^default via 172\.17\.0\.1 dev eth0 $/m);
    });

    test('has no way out when it is internal, nor without a gateway that somebody named', async () => {
      await networks.create({ Name: 'closed', Driver: 'macvlan', ...LAN, Internal: true, Options: { parent: 'out' } });
      const one = await attach('one', { closed: {} });
      assert.equal(one.networks['closed']?.Gateway, '');
      assert.doesNotMatch(inside(one.sandboxKey, 'ip route'), /default/);
      await networks.create({
        Name: 'bare',
        Driver: 'macvlan',
        IPAM: { Config: [{ Subnet: '10.98.0.0/24' }] },
        Options: { parent: 'out' },
      });
      assert.deepEqual((await networks.get('bare')).IPAM.Config, [{ Subnet: '10.98.0.0/24' }]);
      const two = await attach('two', { bare: {} });
      assert.deepEqual([two.networks['bare']?.IPAddress, two.networks['bare']?.Gateway], ['10.98.0.1', '']);
      assert.doesNotMatch(inside(two.sandboxKey, 'ip route'), /default/);
    });
  });

  const refused: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['macvlan', { parent: 'lo' }, 'loopback interface is not a valid macvlan parent link'],
    [
      'macvlan',
      { parent: 'out', macvlan_mode: 'x' },
      "requested macvlan mode 'x' is not valid, 'bridge' mode is the macvlan driver default",
    ],
    ['macvlan', { parent: 'nope' }, 'invalid subinterface vlan name nope, example formatting is eth0.10'],
    ['macvlan', { parent: 'nope.10' }, '-o parent interface does was not found on the host: nope'],
    ['macvlan', { parent: 'out.x' }, 'unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)'],
    ['macvlan', { parent: 'out.4095' }, 'vlan id must be between 1-4094, received: 4095'],
    [
      'macvlan',
      { parent: 'out.1.2' },
      'required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received out.1.2',
    ],
    ['ipvlan', { parent: 'lo' }, 'loopback interface is not a valid ipvlan parent link'],
    [
      'ipvlan',
      { parent: 'out', ipvlan_mode: 'x' },
      "requested ipvlan mode 'x' is not valid, 'l2' mode is the ipvlan driver default",
    ],
    [
      'ipvlan',
      { parent: 'out', ipvlan_flag: 'x' },
      "requested ipvlan flag 'x' is not valid, 'bridge' is the ipvlan driver default",
    ],
  ];
  test('is refused as Docker refuses it', async () => {
    for (const [Driver, Options, message] of refused)
      assert.equal(await refusal(networks.create({ Name: 'x', Driver, Options })), message);
    assert.equal((await networks.list()).length, 3, 'a network was left');
  });

  test('shares a parent, unless one takes all of it', async () => {
    const { Id } = await networks.create({ Name: 'a', Driver: 'macvlan', Options: { parent: 'out' } });
    await networks.create({ Name: 'b', Driver: 'macvlan', Options: { parent: 'out' } });
    assert.equal(
      await refusal(
        networks.create({ Name: 'c', Driver: 'macvlan', Options: { parent: 'out', macvlan_mode: 'passthru' } }),
      ),
      `cannot use mode passthru, macvlan network ${Id} is already using parent interface out`,
    );
    await networks.create({ Name: 'd', Driver: 'ipvlan', Options: { parent: 'out' } });
    assert.match(
      await refusal(networks.create({ Name: 'e', Driver: 'ipvlan', Options: { parent: 'out' } })),
      /^network di-[0-9a-f]{12} is already using parent interface out$/,
    );
  });

  test('on a VLAN of the parent makes and removes it', async () => {
    const create = (Name: string): Promise<unknown> =>
      networks.create({ Name, Driver: 'macvlan', Options: { parent: 'out.10' } });
    if (!has.vlan) {
      assert.equal(
        await refusal(create('a')),
        'failed to create out.10 vlan link: operation not supported (the kernel has not its module 8021q; root of the machine loads it with: modprobe 8021q)',
      );
      return;
    }
    await create('a');
    await create('b');
    assert.match(inside(null, 'ip -d link show out.10'), /vlan protocol 802\.1Q id 10/);
    await networks.remove('a');
    assert.match(links(null), /^out\.10$/m);
    await networks.remove('b');
    assert.doesNotMatch(links(null), /^out\.10$/m);
  });

  test('without a parent has one that leads nowhere', async () => {
    const create = networks.create({ Name: 'a', Driver: 'macvlan' });
    if (!has.dummy) {
      assert.equal(
        await refusal(create),
        'operation not supported (the kernel has not its module dummy; root of the machine loads it with: modprobe dummy)',
      );
      return;
    }
    const { Id } = await create;
    assert.match(links(null), new RegExp(`^dm-${Id.slice(0, 12)}$`, 'm'));
    if (!has.macvlan) return;
    const [one, two] = [await attach('one', { a: {} }), await attach('two', { a: {} })];
    assert.doesNotMatch(inside(one.sandboxKey, 'ip route'), /default/);
    assert.ok(reaches(one.sandboxKey, two.networks['a']?.IPAddress ?? ''), 'the neighbour does not answer');
  });

  for (const mode of ['l2', 'l3'])
    test(`an ipvlan network in mode ${mode}`, async () => {
      await networks.create({ Name: 'lan', Driver: 'ipvlan', ...LAN, Options: { parent: 'out', ipvlan_mode: mode } });
      const joining = attach('one', { lan: {} });
      if (!has.ipvlan) {
        assert.match(
          await refusal(joining),
          /failed to create the ipvlan port: operation not supported \(the kernel has not its module ipvlan; root of the machine loads it with: modprobe ipvlan\)$/,
        );
        return;
      }
      const one = await joining;
      const seen = inside(one.sandboxKey, 'ip -d addr; ip route');
      assert.match(seen, new RegExp(`ipvlan +mode ${mode} bridge`));
      assert.match(seen, mode === 'l2' ? /^default via 10\.99\.0\.2 dev eth0/m : /^default dev eth0 scope link/m);
      assert.deepEqual(
        [one.networks['lan']?.MacAddress, one.networks['lan']?.Gateway],
        ['', mode === 'l2' ? '10.99.0.2' : ''],
      );
      assert.ok(reaches(one.sandboxKey, '10.99.0.2') || mode === 'l3', 'the neighbour does not answer');
    });
}
