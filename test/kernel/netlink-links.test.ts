import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { test } from 'node:test';
import { realKernel } from '../../engine/kernel/kernel.js';
import { describe } from '../../engine/kernel/netlink/describe.js';
import { NetlinkError } from '../../engine/kernel/netlink/error.js';
import type { LinkMessage } from '../../engine/kernel/netlink/message-types.js';
import { linkFlagNames } from '../../engine/kernel/netlink/names.js';
import type { Request } from '../../engine/kernel/netlink/request-types.js';
import { Rtnetlink } from '../../engine/kernel/netlink/rtnetlink.js';
import { openNetlink } from '../../engine/kernel/netlink/socket.js';
import {
  freshNetns,
  inNetns,
  insideNamespaces,
  ipJson,
  rerunInNamespaces,
  run,
  sh,
  siblingNetns,
} from '../helpers/netns.js';

const EOPNOTSUPP = 95;

type Row = Record<string, unknown>;

/** A link in the words of `ip -j -d link`; only what both of them have. */
function asIp(link: LinkMessage, all: readonly LinkMessage[]): Row {
  const nameOf = (index: number | null): string | undefined => all.find((other) => other.index === index)?.name;
  const data = infoData(link, nameOf);
  const { port } = link;
  return prune({
    ifindex: link.index,
    ifname: link.name,
    link: link.linkNetnsid === null ? nameOf(link.lower) : undefined,
    link_index: link.linkNetnsid === null ? undefined : link.lower,
    link_netnsid: link.linkNetnsid ?? undefined,
    flags: linkFlagNames(link.flags),
    mtu: link.mtu,
    qdisc: link.qdisc,
    master: nameOf(link.master),
    operstate: link.operstate,
    txqlen: link.txQueueLength,
    address: link.mac,
    broadcast: link.broadcast,
    promiscuity: link.promiscuity,
    min_mtu: link.minMtu,
    max_mtu: link.maxMtu,
    num_tx_queues: link.txQueues,
    num_rx_queues: link.rxQueues,
    gso_max_size: link.gsoMaxSize,
    gso_max_segs: link.gsoMaxSegments,
    ifalias: link.alias ?? undefined,
    linkinfo: prune({
      info_kind: link.kind ?? undefined,
      info_data: data,
      info_slave_kind: link.slaveKind ?? undefined,
      info_slave_data: port && {
        state: port.state,
        priority: port.priority,
        cost: port.cost,
        hairpin: port.hairpin,
        guard: port.guard,
        learning: port.learning,
        flood: port.flood,
        isolated: port.isolated,
        neigh_suppress: port.neighbourSuppress,
        no: `0x${port.portNumber?.toString(16)}`,
      },
    }),
  });
}

function infoData(link: LinkMessage, nameOf: (index: number | null) => string | undefined): Row | undefined {
  const { bridge, vxlan, macvlan } = link;
  const hundredths = (seconds: number | null): number => Math.round((seconds ?? -1) * 100);
  const bit = (value: boolean | null): number => (value ? 1 : 0);
  if (bridge !== null) {
    return {
      forward_delay: hundredths(bridge.forwardDelaySeconds),
      hello_time: hundredths(bridge.helloTimeSeconds),
      max_age: hundredths(bridge.maxAgeSeconds),
      ageing_time: hundredths(bridge.ageingTimeSeconds),
      stp_state: bit(bridge.stp),
      priority: bridge.priority,
      vlan_filtering: bit(bridge.vlanFiltering),
      bridge_id: bridge.bridgeId,
      root_id: bridge.rootId,
      group_fwd_mask: bridge.groupForwardMask === 0 ? '0' : `0x${bridge.groupForwardMask?.toString(16)}`,
      mcast_snooping: bit(bridge.multicastSnooping),
      nf_call_iptables: bit(bridge.nfCallIptables),
      nf_call_ip6tables: bit(bridge.nfCallIp6tables),
      nf_call_arptables: bit(bridge.nfCallArptables),
    };
  }
  if (vxlan !== null) {
    return {
      id: vxlan.id,
      [vxlan.remote?.includes(':') ? 'remote6' : 'remote']: vxlan.remote,
      [vxlan.local?.includes(':') ? 'local6' : 'local']: vxlan.local,
      link: nameOf(vxlan.lowerIndex),
      port_range: vxlan.sourcePorts,
      port: vxlan.port,
      learning: vxlan.learning,
      ttl: vxlan.ttl,
      ageing: vxlan.ageingSeconds,
    };
  }
  return macvlan === null ? undefined : { mode: macvlan.mode };
}

function prune(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).filter(
      ([, value]) =>
        value !== undefined &&
        value !== null &&
        Object.keys(Object(value)).length + (typeof value === 'object' ? 0 : 1) > 0,
    ),
  );
}

/** `expected` reduced to what `known` has, at every depth: `ip` also prints what is not decoded. */
function only(expected: unknown, known: unknown): unknown {
  if (Array.isArray(expected) || Array.isArray(known)) return expected;
  if (typeof expected !== 'object' || expected === null || typeof known !== 'object' || known === null) return expected;
  return Object.fromEntries(Object.keys(known).map((key) => [key, only((expected as Row)[key], (known as Row)[key])]));
}

function assertSameAsIp(netlink: Rtnetlink): void {
  // The kernel settles carriers and states a little after a change: compare when nothing moved around `ip`'s own dump.
  const still = (): string => JSON.stringify(netlink.links({ statistics: false }));
  let rows: Row[];
  let before: string;
  do {
    before = still();
    rows = ipJson('-d', 'link', 'show');
  } while (before !== still());
  const links = netlink.links();
  assert.equal(links.length, rows.length);
  for (const row of rows) {
    const link = links.find(({ index }) => index === row['ifindex']);
    assert.ok(link, `link ${row['ifname']} is missing`);
    const mine = asIp(link, links);
    // M-DOWN is a remark of `ip` on the lower device, not a flag of this one.
    row['flags'] = (row['flags'] as string[]).filter((flag) => flag !== 'M-DOWN');
    assert.deepEqual(mine, only(row, mine));
  }
}

if (!insideNamespaces) {
  test('links, each in a network namespace of its own', () => rerunInNamespaces(import.meta.url));
} else {
  const fresh = (): Rtnetlink => {
    closeSync(freshNetns());
    return new Rtnetlink(realKernel, openNetlink(realKernel));
  };
  const close = (netlink: Rtnetlink): void => void realKernel.call('close', netlink.fd);

  test('every kind of link that is made here is what `ip -d link` shows, field by field', () => {
    const netlink = fresh();
    const wanted: Request[] = [
      {
        op: 'link-add',
        kind: 'veth',
        name: 'v0',
        mac: '02:00:00:00:00:10',
        mtu: 1400,
        index: 100,
        peer: { name: 'v1', mac: '02:00:00:00:00:11', index: 101 },
      },
      {
        op: 'link-add',
        kind: 'bridge',
        name: 'br0',
        index: 102,
        bridge: {
          stp: true,
          forwardDelaySeconds: 4,
          ageingTimeSeconds: 30,
          priority: 4096,
          multicastSnooping: false,
          groupForwardMask: 8,
        },
      },
      { op: 'link-set', link: { name: 'v1' }, master: { name: 'br0', index: 102 }, up: true },
      {
        op: 'link-add',
        kind: 'vxlan',
        name: 'vx0',
        vxlan: {
          id: 42,
          device: { name: 'v0', index: 100 },
          remote: '10.9.0.2',
          local: '10.9.0.1',
          port: 4789,
          learning: false,
          ttl: 7,
          ageingSeconds: 60,
        },
      },
      {
        op: 'link-add',
        kind: 'vxlan',
        name: 'vx1',
        vxlan: { id: 43, device: { name: 'v0', index: 100 }, remote: 'fd00::2', local: 'fd00::1', port: 4789 },
      },
      { op: 'link-add', kind: 'macvlan', name: 'mv0', lower: { name: 'v0', index: 100 }, mode: 'bridge' },
      {
        op: 'link-add',
        kind: 'macvlan',
        name: 'mv1',
        lower: { name: 'v0', index: 100 },
        mode: 'private',
        mac: '02:00:00:00:00:20',
        up: true,
      },
      { op: 'link-set', link: { name: 'v0' }, up: true, promiscuous: true, alias: 'the near end', txQueueLength: 500 },
      { op: 'link-set', link: { name: 'br0' }, up: true },
      { op: 'link-set', link: { name: 'lo' }, up: true },
    ];
    const outcomes = netlink.applyAll(wanted);
    assert.deepEqual(
      outcomes.filter(({ ok }) => !ok),
      [],
    );
    assert.equal(outcomes.length, wanted.length);
    assertSameAsIp(netlink);
    const names = netlink.links().map(({ name }) => name);
    assert.deepEqual(names.sort(), ['br0', 'lo', 'mv0', 'mv1', 'v0', 'v1', 'vx0', 'vx1']);
    close(netlink);
  });

  test('a request and the command that it describes have the same effect', () => {
    const requests: Request[] = [
      {
        op: 'link-add',
        kind: 'veth',
        name: 'a0',
        mac: '02:00:00:00:01:00',
        peer: { name: 'b0', mtu: 1300, mac: '02:00:00:00:01:01' },
      },
      {
        op: 'link-add',
        kind: 'bridge',
        name: 'br0',
        mac: '02:00:00:00:01:02',
        bridge: { forwardDelaySeconds: 2, helloTimeSeconds: 1, maxAgeSeconds: 6, nfCallIptables: true },
      },
      { op: 'link-add', kind: 'macvlan', name: 'm0', lower: { name: 'a0' }, mode: 'vepa', mac: '02:00:00:00:01:03' },
      {
        op: 'link-add',
        kind: 'vxlan',
        name: 'x0',
        mac: '02:00:00:00:01:04',
        vxlan: {
          id: 9,
          device: { name: 'a0' },
          remote: '239.1.1.1',
          port: 4789,
          proxy: true,
          sourcePorts: { low: 1000, high: 2000 },
        },
      },
      { op: 'link-set', link: { name: 'b0' }, master: { name: 'br0' } },
      { op: 'link-set', link: { name: 'm0' }, rename: 'm9' },
      { op: 'link-set', link: { name: 'a0' }, up: true, mtu: 1200, alias: "it's a cable" },
      { op: 'link-set', link: { name: 'br0' }, bridge: { ageingTimeSeconds: 10 }, up: true },
      {
        op: 'bridge-port-set',
        link: { name: 'b0' },
        hairpin: true,
        isolated: true,
        cost: 9,
        learning: false,
        flood: false,
      },
      { op: 'link-delete', link: { name: 'x0' } },
    ];
    const picture = (netlink: Rtnetlink): unknown[] =>
      netlink
        .links()
        .map(({ index: _index, statistics: _s, carrierChanges: _c, lower: _l, master: _m, ...rest }) => rest)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    const one = fresh();
    for (const request of requests) one.apply(request);
    const mine = picture(one);
    close(one);
    const two = fresh();
    for (const request of requests) sh(describe(request).command);
    const theirs = picture(two);
    close(two);
    const settled = (rows: unknown[]): unknown[] =>
      rows.map((row) => ({
        ...(row as Row),
        operstate: '-',
        port: { ...((row as LinkMessage).port ?? {}), state: '-' },
        flags: 0,
        carrier: true,
      }));
    assert.deepEqual(settled(mine), settled(theirs));
    assert.equal(mine.length, 5);
  });

  test('links move to a namespace by fd and by pid, are renamed there, and their other end tells where they are', async () => {
    const netlink = fresh();
    const { here, there } = siblingNetns();
    const other = inNetns(there, () => new Rtnetlink(realKernel, openNetlink(realKernel)));
    netlink.apply({ op: 'link-add', kind: 'veth', name: 'v0', peer: { name: 'eth0', netns: { fd: there } } });
    const [eth0] = other.links().filter(({ name }) => name === 'eth0');
    const v0 = netlink.link('v0');
    assert.ok(eth0, 'eth0 is not there');
    assert.equal(v0.lower, eth0.index);
    assert.equal(eth0.lower, v0.index);
    assert.equal(v0.linkNetnsid, netlink.nsidOf({ fd: there }));
    assert.equal(eth0.linkNetnsid, other.nsidOf({ fd: here }));
    assertSameAsIp(netlink);

    const sleeper = inNetns(there, () => spawn('sleep', ['30'], { stdio: 'ignore' }));
    try {
      netlink.apply({ op: 'link-add', kind: 'veth', name: 'w0', peer: { name: 'w1' } });
      netlink.apply({ op: 'link-set', link: { name: 'w1' }, netns: { pid: sleeper.pid! } });
      other.apply({ op: 'link-set', link: { name: 'w1' }, rename: 'eth1', up: true });
      assert.equal(other.link('eth1').lower, netlink.link('w0').index);
      assert.throws(
        () => netlink.link('w1'),
        (error) => error instanceof NetlinkError && error.errno === 'ENODEV',
      );
      assert.equal(netlink.nsidOf({ pid: sleeper.pid! }), v0.linkNetnsid);
    } finally {
      const gone = new Promise((resolve) => sleeper.once('exit', resolve));
      sleeper.kill('SIGKILL');
      await gone;
    }
    // Deleting one end takes the other away, wherever it is.
    netlink.apply({ op: 'link-delete', link: { name: 'v0' } });
    assert.deepEqual(
      other.links().map(({ name }) => name),
      ['lo', 'eth1'],
    );
    close(netlink);
    close(other);
    closeSync(here);
    closeSync(there);
  });

  test('a refusal carries the name of the error and the words of the kernel', () => {
    const netlink = fresh();
    netlink.apply({ op: 'link-add', kind: 'bridge', name: 'br0' });
    assert.throws(
      () => netlink.apply({ op: 'link-add', kind: 'bridge', name: 'br0' }),
      (error) =>
        error instanceof NetlinkError &&
        error.errno === 'EEXIST' &&
        error.code === 'AlreadyExists' &&
        error.message.startsWith('ip link add name br0 type bridge: EEXIST'),
    );
    assert.throws(
      () => netlink.apply({ op: 'link-set', link: { name: 'br0' }, mtu: 10 }),
      (error) =>
        error instanceof NetlinkError &&
        error.errno === 'EINVAL' &&
        error.acknowledgement.text === 'mtu less than device minimum' &&
        error.message.includes('(mtu less than device minimum)'),
    );
    assert.throws(
      () => netlink.apply({ op: 'link-set', link: { name: 'nosuch' }, up: true }),
      (error) => error instanceof NetlinkError && error.errno === 'ENODEV' && error.code === 'NotFound',
    );
    assert.throws(() => netlink.apply({ op: 'link-add', kind: 'bridge', name: 'a/b' }), /want 1 to 15 bytes/);
    close(netlink);
  });

  test('one send carries many requests; each has its own answer', () => {
    const netlink = fresh();
    const many: Request[] = Array.from({ length: 150 }, (_, at) => ({
      op: 'link-add',
      kind: 'bridge',
      name: `b${at}`,
    }));
    assert.equal(netlink.applyAll(many).filter(({ ok }) => ok).length, 150);
    assert.equal(netlink.links().length, 151);
    assertSameAsIp(netlink);
    const mixed = netlink.applyAll([
      { op: 'link-set', link: { name: 'b0' }, up: true },
      { op: 'link-add', kind: 'bridge', name: 'b1' },
      { op: 'link-set', link: { name: 'b2' }, up: true },
    ]);
    assert.deepEqual(
      mixed.map(({ ok, acknowledgement }) => [ok, acknowledgement.errno]),
      [
        [true, 0],
        [false, 17],
        [true, 0],
      ],
    );
    close(netlink);
  });

  test('what this kernel has not is refused with EOPNOTSUPP, not silently', (t) => {
    const netlink = fresh();
    netlink.apply({ op: 'link-add', kind: 'veth', name: 'v0', peer: { name: 'v1' } });
    for (const [request, show] of [
      [
        { op: 'link-add', kind: 'vlan', name: 'v0.7', lower: { name: 'v0' }, id: 7 },
        { id: 7, protocol: '802.1Q' },
      ],
      [{ op: 'link-add', kind: 'dummy', name: 'd0' }, null],
      [{ op: 'link-add', kind: 'ipvlan', name: 'i0', lower: { name: 'v1' }, mode: 'l3' }, { mode: 'l3' }],
    ] as const) {
      try {
        netlink.apply(request);
      } catch (error) {
        assert.ok(error instanceof NetlinkError && error.acknowledgement.errno === EOPNOTSUPP, String(error));
        t.diagnostic(`this kernel has no ${request.kind}: ${error.message}`);
        continue;
      }
      const link = netlink.link(request.name);
      assert.equal(link.kind, request.kind);
      if (show !== null) assert.deepEqual(link[request.kind as 'vlan' | 'ipvlan'], show);
    }
    assertSameAsIp(netlink);
    close(netlink);
  });

  test('a dump that changes under the reader is read again, and is whole', async () => {
    const netlink = fresh();
    const script =
      'i=0; while :; do ip link add x$i type bridge && ip link del x$((i-3)) 2>/dev/null; i=$((i+1)); done';
    run('sh', '-c', 'for i in $(seq 1 120); do echo "link add s$i type bridge"; done | ip -batch -');
    const churn = spawn('sh', ['-c', script], { stdio: 'ignore' });
    const gone = new Promise((resolve) => churn.once('exit', resolve));
    // Not for a time: another namespace that is being torn down holds the kernel's lock for as long as it likes.
    for (let dumps = 0; dumps < 40; dumps++) {
      const names = netlink.links().map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, 'a link is there twice');
      assert.equal(names.filter((name) => name.startsWith('s')).length, 120, 'a link that always was there is missing');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    churn.kill('SIGKILL');
    await gone;
    close(netlink);
  });
}
