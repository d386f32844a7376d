import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cgroup, Change, FirewallRule, Mount, ObservedObject, Process, Snapshot } from '../../engine/api/types.js';
import { diff } from '../../engine/observe/diff.js';
import { explainChange } from '../../engine/observe/explain.js';
import { SnapshotBuilder } from '../helpers/snapshot-builder.js';

const told: Change[] = [];
/** Changes as `kind object place: name`, kept for the explanations at the end. */
function changes(before: Snapshot, after: Snapshot): string[] {
  const found = diff(before, after, 1);
  told.push(...found);
  explained.push(...found.map((change) => ({ change, snapshot: after })));
  return found.map(({ kind, object, place, name }) => `${kind} ${object} ${place}: ${name}`);
}
const explained: { change: Change; snapshot: Snapshot }[] = [];

const plain = (): SnapshotBuilder => new SnapshotBuilder().ns('r1');
type Deep = { -readonly [K in keyof Snapshot]: Snapshot[K] };
function edit(snapshot: Snapshot, change: (draft: Deep) => void): Snapshot {
  const draft = structuredClone(snapshot) as Deep;
  change(draft);
  return draft;
}

const group = (path: string, more: Partial<Cgroup> = {}): Cgroup => ({
  path,
  hierarchy: 'memory',
  procs: [],
  cpu: null,
  pids: null,
  cpuset: null,
  freezer: null,
  io: null,
  memory: {
    usage: 1,
    limit: null,
    peak: null,
    failcnt: 0,
    oomKills: 0,
    underOom: false,
    swapLimit: null,
    swapUsage: null,
  },
  ...more,
});
const mount = (id: number, mountPoint: string, more: Partial<Mount> = {}): Mount => ({
  id,
  parent: 1,
  device: `0:${id}`,
  root: '/',
  mountPoint,
  options: ['rw'],
  propagation: [],
  fsType: 'tmpfs',
  source: 'tmpfs',
  superOptions: ['rw'],
  ...more,
});
const rule = (text: string): FirewallRule => ({
  family: 'inet',
  table: 'nat',
  chain: 'POSTROUTING',
  match: {},
  target: 'MASQUERADE',
  options: {},
  packets: 0,
  bytes: 0,
  text,
});

describe('differences between two snapshots', () => {
  it('are none for the same state, whatever the counters say', () => {
    const a = plain()
      .veth('host/v1', 'r1/v2', { a: ['10.0.0.1/24'] })
      .build();
    const b = edit(a, (draft) => {
      for (const net of draft.networks)
        for (const link of net.links) Object.assign(link, { rxBytes: 9, txPackets: 7, operstate: 'UNKNOWN' });
      for (const process of draft.processes) Object.assign(process, { cwd: '/tmp', state: 'R' });
    });
    assert.deepEqual(changes(a, b), []);
  });

  it('tell a namespace, and neither its lo nor its own settings', () => {
    const a = new SnapshotBuilder().build();
    const b = edit(plain().build(), () => undefined);
    assert.deepEqual(changes(a, b), ['added namespace host: r1']);
    assert.deepEqual(changes(b, a), ['removed namespace host: r1']);
  });

  it('tell both ends of a veth, then up, an address and its route', () => {
    const a = plain().build();
    const b = plain().veth('host/v1', 'r1/v2', { up: false }).build();
    assert.deepEqual(changes(a, b), ['added link host: v1', 'added link r1: v2']);
    const c = plain()
      .veth('host/v1', 'r1/v2', { up: true, a: ['10.0.0.1/24'] })
      .route('host', '10.0.0.0/24', null, 'v1')
      .build();
    assert.deepEqual(changes(b, c), [
      'changed link host: v1',
      'added address host: 10.0.0.1/24',
      'added route host: 10.0.0.0/24',
      'changed link r1: v2',
    ]);
    assert.deepEqual(
      changes(c, a).filter((text) => text.includes('link')),
      ['removed link host: v1', 'removed link r1: v2'],
    );
  });

  it('tell a rename as one change under the new name', () => {
    const a = plain().link('host', 'v1', { mac: '02:00:00:00:00:09' }).build();
    const b = plain().link('host', 'eth9', { mac: '02:00:00:00:00:09' }).build();
    assert.deepEqual(changes(a, b), ['changed link host: eth9']);
    assert.match(explainChange(diff(a, b)[0] as Change, b).command ?? '', /^ip link set v1 name eth9$/);
  });

  it('tell a move to another namespace as one change at the new place', () => {
    const a = plain().link('host', 'v1', { kind: 'veth', mac: '02:00:00:00:00:09' }).build();
    const b = plain().link('r1', 'v1', { kind: 'veth', mac: '02:00:00:00:00:09' }).build();
    assert.deepEqual(changes(a, b), ['changed link r1: v1']);
    assert.equal(explainChange(diff(a, b)[0] as Change, b).command, 'ip link set v1 netns r1');
    assert.equal(explainChange(diff(b, a)[0] as Change, a).command, 'ip -n r1 link set v1 netns 1');
  });

  it('tell a port of a bridge with the bridge’s name', () => {
    const a = plain().link('host', 'v1').bridge('host/br0').build();
    const b = plain().link('host', 'v1').bridge('host/br0', ['v1']).build();
    assert.deepEqual(changes(a, b), ['changed link host: v1']);
    assert.equal(explainChange(diff(a, b)[0] as Change, b).command, 'ip link set v1 master br0');
  });

  it('tell rules by their text, twice when twice, and not their counters', () => {
    const a = plain().build();
    const withRules = (rules: FirewallRule[]): Snapshot =>
      edit(a, (draft) => {
        Object.assign(draft.networks[0] as object, { firewall: { chains: [], rules, nftOnly: [] } });
      });
    const one = rule('-A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE');
    assert.equal(changes(a, withRules([one, one])).length, 2);
    assert.deepEqual(changes(withRules([one, one]), withRules([{ ...one, packets: 5 }])), [
      `removed firewall-rule host: ${one.text}`,
    ]);
    const entry = explainChange(diff(a, withRules([one]))[0] as Change, a);
    assert.equal(entry.command, 'iptables -t nat -A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE');
  });

  it('tell a sysctl that was written, not those that come with a device', () => {
    const set = (values: Record<string, string>): Snapshot =>
      edit(plain().build(), (draft) => {
        Object.assign(draft.networks[0] as object, { sysctls: values });
      });
    assert.deepEqual(
      changes(
        set({ 'net.ipv4.ip_forward': '0' }),
        set({ 'net.ipv4.ip_forward': '1', 'net.ipv4.conf.v1.rp_filter': '0' }),
      ),
      ['changed sysctl host: net.ipv4.ip_forward'],
    );
  });

  it('tell of a new mount namespace only what is not a copy', () => {
    const base = plain().build();
    const before = edit(base, (draft) => {
      draft.mountTables = [{ ns: 'mnt:[1]', label: 'host', mounts: [mount(1, '/'), mount(2, '/proc')] }];
    });
    const after = edit(before, (draft) => {
      const copy = {
        ns: 'mnt:[2]',
        label: 'pid 9',
        mounts: [mount(11, '/', { device: '0:1' }), mount(12, '/proc', { device: '0:2' }), mount(13, '/mnt')],
      };
      draft.mountTables = [...draft.mountTables, copy];
    });
    assert.deepEqual(changes(before, after), ['added mount pid 9: /mnt']);
    const shared = edit(after, (draft) => {
      draft.mountTables = [{ ns: 'mnt:[1]', label: 'host', mounts: [mount(1, '/', { propagation: ['shared:4'] })] }];
    });
    assert.deepEqual(changes(after, shared), ['removed mount host: /proc', 'changed mount host: /']);
  });

  it('tell limits set in a new group, processes that moved, an oom kill; not usage, not births', () => {
    const process = (pid: number): Process => ({
      ...(plain().build().processes[0] as Process),
      pid,
      hostPid: pid + 1000,
    });
    const at = (groups: Cgroup[], pids: number[]): Snapshot =>
      edit(plain().build(), (draft) => {
        draft.processes = pids.map(process);
        draft.cgroups = {
          mode: 'v1',
          hierarchies: [
            { name: 'memory', controllers: ['memory'], mountPoint: '/sys/fs/cgroup/memory', writable: true },
          ],
          groups,
        };
      });
    const a = at([group('/', { procs: [1, 5] })], [1, 5]);
    const memory = { ...group('/').memory, limit: 1 << 20 } as Cgroup['memory'];
    const b = at([group('/', { procs: [1] }), group('/a', { procs: [5], memory })], [1, 5]);
    assert.deepEqual(changes(a, b), [
      'added cgroup memory: /a',
      'added cgroup-member /a: init 5',
      'changed cgroup-limit /a: memory.limit',
    ]);
    assert.equal(
      explainChange(diff(a, b)[2] as Change, b).command,
      'echo 1048576 > /sys/fs/cgroup/memory/a/memory.limit_in_bytes',
    );
    assert.equal(explainChange(diff(a, b)[1] as Change, b).command, 'echo 5 > /sys/fs/cgroup/memory/a/cgroup.procs');
    const c = at(
      [
        group('/', { procs: [1] }),
        group('/a', { procs: [5, 6], memory: { ...(memory as object), usage: 99, oomKills: 1 } as Cgroup['memory'] }),
      ],
      [1, 5, 6],
    );
    assert.deepEqual(
      changes(b, c).filter((text) => text.includes('cgroup')),
      ['changed cgroup memory: /a'],
    );
  });

  it('do not tell that everything went when it could not be read', () => {
    const a = edit(plain().build(), (draft) => {
      draft.cgroups = { mode: 'v1', hierarchies: [], groups: [group('/'), group('/a')] };
    });
    const b = edit(a, (draft) => {
      draft.cgroups = { mode: 'v1', hierarchies: [], groups: [] };
      draft.problems = [{ part: 'cgroups', reason: 'EACCES' }];
    });
    assert.deepEqual(changes(a, b), []);
  });

  it('tell what a process became, and host names', () => {
    const a = plain().build();
    const with_ = (more: Partial<Process>): Snapshot =>
      edit(a, (draft) => {
        Object.assign(draft.processes[0] as object, more);
      });
    for (const more of [
      { comm: 'sleep', argv: ['sleep', '9'] },
      { uid: 1000 },
      { root: '/jail' },
      { capEff: '0' },
      { seccomp: 2, noNewPrivs: true },
      { state: 'Z' },
      { state: 'T' },
      { ppid: 7 },
      { oomScoreAdj: 500 },
      { uidMap: [{ inside: 0, outside: 5, count: 1 }] },
      { namespaces: { uts: 'uts:[9]' } },
    ] as Partial<Process>[]) {
      assert.equal(changes(a, with_(more)).length, 1, JSON.stringify(more));
    }
    const named = (hostname: string): Snapshot =>
      edit(a, (draft) => {
        draft.namespaces = draft.namespaces.map((one) => (one.kind === 'uts' ? { ...one, hostname } : one));
      });
    assert.deepEqual(changes(named('a'), named('b')), ['changed hostname host: b']);
  });

  it('tell whiteouts, listening ports and neighbours', () => {
    const overlay = (
      entries: { path: string; type: 'file' | 'whiteout' | 'opaque-directory'; bytes: number }[],
    ): Snapshot =>
      edit(plain().build(), (draft) => {
        const layer = { files: 0, bytes: 0, truncated: false };
        draft.overlays = [
          {
            ns: 'mnt:[1]',
            mountPoint: '/m',
            readOnly: false,
            layers: [
              { role: 'upper', path: 'u', entries, ...layer },
              { role: 'lower', path: 'l', entries: [], ...layer },
            ],
          },
        ];
      });
    assert.deepEqual(
      changes(
        overlay([]),
        overlay([
          { path: 'f', type: 'whiteout', bytes: 0 },
          { path: 'd', type: 'opaque-directory', bytes: 0 },
        ]),
      ),
      ['added layer-entry /m upper u: f', 'added layer-entry /m upper u: d'],
    );
    assert.deepEqual(
      changes(overlay([{ path: 'f', type: 'whiteout', bytes: 0 }]), overlay([{ path: 'f', type: 'file', bytes: 3 }])),
      ['changed layer-entry /m upper u: f'],
    );
    assert.deepEqual(changes(plain().build(), overlay([])), ['added overlay /m: /m']);
    const net = (more: object): Snapshot =>
      edit(plain().build(), (draft) => {
        Object.assign(draft.networks[0] as object, more);
      });
    assert.deepEqual(
      changes(net({}), net({ listening: [{ protocol: 'tcp', address: '0.0.0.0', port: 80, pid: 4 }] })),
      ['added listening-port host: 80/tcp'],
    );
    const stale = { address: '10.0.0.2', device: 'v1', mac: '02:00:00:00:00:01', state: 'STALE' };
    assert.deepEqual(
      changes(net({ neighbours: [stale] }), net({ neighbours: [{ ...stale, state: 'REACHABLE' }] })),
      [],
    );
    assert.deepEqual(changes(net({ neighbours: [] }), net({ neighbours: [stale] })), [
      'added neighbour host: 10.0.0.2',
    ]);
    const chain = { family: 'inet', table: 'filter', chain: 'MINE', policy: '-', packets: 0, bytes: 0 };
    assert.deepEqual(
      changes(
        net({}),
        net({ firewall: { chains: [chain, { ...chain, chain: 'INPUT', policy: 'ACCEPT' }], rules: [], nftOnly: [] } }),
      ),
      ['added firewall-chain host: filter MINE'],
    );
  });
});

describe('the learner’s ledger', () => {
  it('has an entry for every kind of object and change, in both languages', () => {
    const objects: ObservedObject[] = [
      'namespace',
      'process',
      'link',
      'address',
      'route',
      'neighbour',
      'firewall-rule',
      'firewall-chain',
      'sysctl',
      'mount',
      'overlay',
      'layer-entry',
      'cgroup',
      'cgroup-member',
      'cgroup-limit',
      'hostname',
      'listening-port',
    ];
    assert.deepEqual(
      objects.filter((object) => !told.some((change) => change.object === object)),
      [],
    );
    for (const { change, snapshot } of explained) {
      for (const kind of ['added', 'removed', 'changed'] as const) {
        const value = change.after ?? change.before;
        const varied: Change = { ...change, kind, before: change.before ?? value, after: change.after ?? value };
        const entry = explainChange(varied, snapshot);
        const text = JSON.stringify(entry);
        assert.ok(entry.act.length > 0 && entry.man !== null && /\(\d\)$/.test(entry.man), text);
        assert.ok(entry.explanation.en.length > 10 && /[\u4e00-\u9fff]/.test(entry.explanation.zh), text);
        assert.ok(!/undefined|NaN|\[object/.test(text), text);
        assert.notEqual(entry.command, '', text);
      }
    }
  });

  it('names the namespace in which a command must be typed', () => {
    const a = plain().build();
    const b = plain().link('r1', 'br0', { kind: 'bridge' }).build();
    assert.equal(explainChange(diff(a, b)[0] as Change, b).command, 'ip -n r1 link add br0 type bridge');
  });

  it('quotes what a learner named', () => {
    const a = plain().build();
    const b = edit(a, (draft) => {
      draft.mountTables = draft.mountTables.map((table) => ({
        ...table,
        mounts: [...table.mounts, mount(99, "/a b'c")],
      }));
      if (draft.mountTables.length === 0)
        draft.mountTables = [{ ns: 'mnt:[1]', label: 'host', mounts: [mount(99, "/a b'c")] }];
    });
    const entry = explainChange(diff(a, b).at(-1) as Change, b);
    assert.equal(entry.command, `mount -t tmpfs tmpfs '/a b'\\''c'`);
  });
});
