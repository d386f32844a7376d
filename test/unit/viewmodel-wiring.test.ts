/** Boxes, wires, notes, marks and ghosts that are made of a snapshot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FirewallRule, Snapshot } from '../../engine/api/types.js';
import type { FreshChange, GhostGoal } from '../../src/tui/panel.js';
import { goalGhostOf } from '../../src/tui/viewmodels/goal-ghost.js';
import { flatPorts, naturalCompare, type WiringBox, wiringModel } from '../../src/tui/viewmodels/wiring.js';
import { shellWord, wiringDetail } from '../../src/tui/viewmodels/wiring-detail.js';
import { ruleSummary } from '../../src/tui/viewmodels/wiring-notes.js';
import { address, lab } from '../helpers/snapshot-builder.js';

function box(snapshot: Snapshot, label: string, fresh: readonly FreshChange[] = []): WiringBox {
  const found = wiringModel({ snapshot, fresh }).boxes.find((one) => one.label === label);
  assert.ok(found !== undefined, `box ${label}`);
  return found;
}

function change(kind: FreshChange['kind'], object: FreshChange['object'], key: string, name: string): FreshChange {
  return { seq: 1, at: 0, age: 0, kind, object, key, place: '', name };
}

function rule(more: Partial<FirewallRule>): FirewallRule {
  return {
    family: 'inet',
    table: 'nat',
    chain: 'PREROUTING',
    match: {},
    target: 'ACCEPT',
    options: {},
    packets: 0,
    bytes: 0,
    text: '',
    ...more,
  };
}

test('the lab host comes first, the others in natural order', () => {
  const snapshot = lab().ns('r10').ns('r9').ns('a').build();
  assert.deepEqual(
    wiringModel({ snapshot }).boxes.map((one) => one.label),
    ['host', 'a', 'r9', 'r10'],
  );
  assert.ok(
    naturalCompare('x2', 'x10') < 0 &&
      naturalCompare('a', 'b') < 0 &&
      naturalCompare('a', 'a') === 0 &&
      naturalCompare('a', 'a1') < 0,
  );
});

test('a veth pair is one wire, whichever end one begins with; a pair within one namespace too', () => {
  const snapshot = lab().ns('r1').veth('host/a', 'r1/b').veth('host/c', 'host/d').build();
  const model = wiringModel({ snapshot });
  assert.equal(model.wires.length, 2);
  assert.equal(
    model.wires.every((wire) => wire.live),
    true,
  );
});

test('a wire is live only when both of its ends are up', () => {
  const build = lab().ns('r1').veth('host/a', 'r1/b');
  build.set('r1/b', { up: false });
  const model = wiringModel({ snapshot: build.build() });
  assert.equal(model.wires[0]?.live, false);
});

test('up, up without carrier and down are three states; a loopback has no carrier to miss', () => {
  const build = lab().ns('r1').veth('host/a', 'r1/b').veth('host/c', 'r1/d');
  build.set('host/a', { carrier: false });
  build.set('host/c', { up: false, carrier: false });
  const host = box(build.build(), 'host');
  assert.deepEqual(
    host.ports.map((port) => port.state),
    ['no-carrier', 'down'],
  );
  assert.equal(host.loopback?.state, 'up');
});

test('ports stand below their bridge, macvlans below their lower interface; a loop of masters hides nothing', () => {
  const build = lab().ns('r1').veth('host/a', 'r1/b').bridge('host/br0', ['a']);
  build
    .link('host', 'eth0', { index: 9, kind: 'ether' })
    .link('host', 'mac0', { kind: 'macvlan', macvlan: { mode: 'bridge', lower: 9 } });
  build.link('host', 'x', { index: 20, master: 21 }).link('host', 'y', { index: 21, master: 20 });
  const host = box(build.build(), 'host');
  assert.deepEqual(
    host.ports.map((port) => [port.name, port.children.map((child) => child.name)]),
    [
      ['br0', ['a']],
      ['eth0', ['mac0']],
      ['x', []],
      ['y', []],
    ],
  );
  assert.equal(host.ports[1]?.childrenAre, 'uppers');
});

test('IPv6 link-local addresses are left to the details, IPv4 ones are not', () => {
  const build = lab().ns('r1').veth('host/a', 'r1/b');
  build.set('r1/b', {
    addresses: [address('fe80::1/64'), address('10.0.0.1/24'), { ...address('169.254.1.1/16'), scope: 'link' }],
  });
  const port = box(build.build(), 'r1').ports[0]!;
  assert.deepEqual(
    port.addresses.map((one) => one.text),
    ['10.0.0.1/24', '169.254.1.1/16'],
  );
  assert.equal(port.hiddenAddresses, 1);
});

test('firewall rules are said in a few words', () => {
  const said = (more: Partial<FirewallRule>): string | undefined => ruleSummary(rule(more))?.text;
  assert.equal(said({ target: 'MASQUERADE', match: { source: '10.1.0.0/24' } }), 'MASQUERADE 10.1.0.0/24');
  assert.equal(
    said({ target: 'MASQUERADE', match: { source: '10.1.0.0/24', outInterface: '!br0' } }),
    'MASQUERADE 10.1.0.0/24 ! -o br0',
  );
  assert.equal(
    said({ target: 'SNAT', match: { source: '10.1.0.0/24' }, options: { to: '192.0.2.2' } }),
    'SNAT 10.1.0.0/24 → 192.0.2.2',
  );
  assert.equal(
    said({ target: 'DNAT', match: { protocol: 'tcp', dport: '8080' }, options: { to: '10.1.0.2:80' } }),
    'tcp :8080 → 10.1.0.2:80',
  );
  assert.equal(
    said({
      target: 'DNAT',
      match: { protocol: 'udp', destination: '192.0.2.1/32', dport: '53' },
      options: { to: '10.1.0.2' },
    }),
    'udp 192.0.2.1:53 → 10.1.0.2',
  );
  assert.equal(
    said({ target: 'DROP', table: 'filter', chain: 'INPUT', match: { protocol: 'icmp', source: '10.0.0.1' } }),
    'INPUT icmp from 10.0.0.1 DROP',
  );
  assert.equal(said({ target: 'ACCEPT' }), undefined);
});

test('notes: only routes that somebody set, forwarding where it matters, other rules counted', () => {
  const build = lab()
    .route('host', '10.1.0.0/24', null, 'br0', { protocol: 'kernel' })
    .route('host', 'default', '192.0.2.1', 'eth0');
  build
    .sysctl('host', 'net.ipv4.ip_forward', '0')
    .rule('host', {})
    .rule('host', { text: '-A FORWARD -i br0 -j ACCEPT' });
  const quiet = box(build.build(), 'host').notes;
  assert.deepEqual(
    quiet.map((note) => [note.kind, note.text, note.count]),
    [
      ['route', 'default via 192.0.2.1 dev eth0', undefined],
      ['other', '', 2],
    ],
  );
  const host = build.id('host');
  const touched = box(build.build(), 'host', [
    change('changed', 'sysctl', `${host}/sysctl/net.ipv4.ip_forward`, 'net.ipv4.ip_forward'),
  ]).notes;
  assert.deepEqual(touched[0], { kind: 'forward', text: 'ip_forward = 0', mark: 'changed' });
});

test('marks: the keys of engine/observe are found again on links, addresses, rules and ports', () => {
  const build = lab()
    .ns('r1')
    .veth('host/a', 'r1/b', { b: ['10.0.0.1/24'] })
    .dnat('host', '80', '10.0.0.1:80')
    .listen('r1', 80);
  const [host, r1] = [build.id('host'), build.id('r1')];
  const text = '-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:80';
  const fresh = [
    change('added', 'link', `${r1}/b`, 'b'),
    change('changed', 'link', `${r1}/b`, 'b'),
    change('added', 'address', `${r1}/b/10.0.0.1/24`, '10.0.0.1/24'),
    change('added', 'firewall-rule', `${host}/rule/inet/nat/PREROUTING/${text}`, text),
    change('added', 'listening-port', `${r1}/port/tcp/0.0.0.0/80`, '80/tcp'),
    change('removed', 'address', `${r1}/b/10.0.0.9/24`, '10.0.0.9/24'),
  ];
  const r1Box = box(build.build(), 'r1', fresh);
  assert.equal(r1Box.ports[0]?.mark, 'new', 'new and then changed is still new');
  assert.deepEqual(r1Box.ports[0]?.addresses, [
    { text: '10.0.0.1/24', mark: 'new' },
    { text: '10.0.0.9/24', mark: 'removed' },
  ]);
  assert.equal(r1Box.notes.find((note) => note.kind === 'listen')?.mark, 'new');
  assert.equal(box(build.build(), 'host', fresh).notes.find((note) => note.kind === 'dnat')?.mark, 'new');
});

test('ghosts: met goals and what is there already have none; free names are satisfied by any veth between the places', () => {
  const goal = (more: Partial<GhostGoal>): GhostGoal => ({
    text: { en: '', zh: '' },
    object: 'link',
    met: false,
    ...more,
  });
  const wanted = [goal({ place: 'r1', peer: { place: 'r2' } })];
  const before = lab().ns('r1').ns('r2').build();
  const ghost = wiringModel({ snapshot: before, goal: goalGhostOf(wanted, before.networks) });
  assert.equal(ghost.wires.filter((wire) => wire.mark === 'ghost').length, 1);
  const after = lab().ns('r1').ns('r2').veth('r1/x', 'r2/y').build();
  const met = wiringModel({ snapshot: after, goal: goalGhostOf(wanted, after.networks) });
  assert.equal(
    flatPorts(met.boxes.flatMap((one) => one.ports)).some((port) => port.mark === 'ghost'),
    false,
  );
  assert.equal(goalGhostOf([goal({ met: true, place: 'r9', name: 'x' })]).links.length, 0);
  assert.deepEqual(
    goalGhostOf([goal({ object: 'namespace', name: 'kept', place: 'uts' })]).namespaces,
    [],
    'not a network namespace',
  );
  const nothing = goalGhostOf([
    goal({ object: 'sysctl', name: 'x' }),
    goal({ object: 'address', name: 'not an address' }),
  ]);
  assert.deepEqual(nothing, { namespaces: [], links: [], addresses: [], notes: [] });
});

test('details: every address, the other end, counters and the commands that show them; both languages', () => {
  const build = lab()
    .ns("it's")
    .veth('host/a', "it's/b", { b: ['10.0.0.1/24'] });
  build.set("it's/b", { rxPackets: 3, rxBytes: 2048, addresses: [address('10.0.0.1/24'), address('fe80::1/64')] });
  const snapshot = build.build();
  const id = `${build.id("it's")}/2`;
  const model = wiringModel({ snapshot });
  const en = wiringDetail(model, snapshot, id, 'en')!;
  const value = (label: string): string[] => en.facts.filter((fact) => fact.label === label).map((fact) => fact.value);
  assert.deepEqual(value('other end'), ['host/a']);
  assert.deepEqual(value('address'), ['10.0.0.1/24 (global)', 'fe80::1/64 (link)']);
  assert.deepEqual(value('received'), ['3 packets, 2 KiB']);
  assert.equal(en.commands[0], "ip netns exec 'it'\\''s' ip -d -s link show dev b");
  const zh = wiringDetail(model, snapshot, id, 'zh')!;
  assert.equal(zh.facts.length, en.facts.length);
  assert.equal(wiringDetail(model, snapshot, 'net:[1]/9', 'en'), null);
});

test('shell words are quoted so that the shell gives the same bytes back', () => {
  assert.equal(shellWord('veth1.1'), 'veth1.1');
  assert.equal(shellWord('a b'), "'a b'");
  assert.equal(shellWord("it's"), "'it'\\''s'");
  assert.equal(shellWord('\u001b[0m\\'), "$'\\x1b[0m\\\\'");
});

test('ghosts: an address without an interface stands at the only one it can mean, routes and rules are named', () => {
  const goal = (object: string, name: string, place: string): GhostGoal => ({
    text: { en: '', zh: '' },
    object,
    name,
    place,
    met: false,
  });
  const snapshot = lab().ns('r1').veth('host/a', 'r1/b').veth('host/c', 'host/d').build();
  const goals = [
    goal('address', '10.0.0.1/24', 'r1'),
    goal('address', '10.0.0.2/24', 'host'),
    goal('route', 'default', 'r1'),
    goal('firewall-rule', 'MASQUERADE', 'host'),
  ];
  const model = wiringModel({ snapshot, goal: goalGhostOf(goals, snapshot.networks) });
  const [host, r1] = model.boxes;
  assert.deepEqual(r1?.ports[0]?.addresses, [{ text: '10.0.0.1/24', mark: 'ghost' }]);
  assert.deepEqual(
    host?.ports.map((port) => [port.name, port.addresses.length]),
    [
      ['a', 0],
      ['c', 0],
      ['d', 0],
      ['?', 1],
    ],
  );
  assert.deepEqual(r1?.notes, [{ kind: 'route', text: 'default', mark: 'ghost' }]);
  assert.deepEqual(host?.notes, [{ kind: 'nat', text: 'MASQUERADE', mark: 'ghost' }]);
});

test('ghosts: an address is not asked for again once any interface has it', () => {
  const goal: GhostGoal = { text: { en: '', zh: '' }, object: 'address', name: '10.0.0.1/24', place: 'r1', met: false };
  const snapshot = lab()
    .ns('r1')
    .veth('host/a', 'r1/b', { b: ['10.0.0.1/24'] })
    .build();
  const model = wiringModel({ snapshot, goal: goalGhostOf([goal], snapshot.networks) });
  assert.equal(model.boxes[1]?.ports[0]?.addresses[0]?.mark, null);
});

test('a macvlan whose lower interface is in another namespace hangs on a wire of its own kind', () => {
  const build = lab().ns('r1').link('host', 'eth0', { kind: 'ether' });
  build.link('r1', 'mac0', {
    kind: 'macvlan',
    macvlan: { mode: 'bridge', lower: 2 },
    peer: { ns: build.id('host'), index: 2, name: 'eth0' },
  });
  const model = wiringModel({ snapshot: build.build() });
  assert.deepEqual(
    model.wires.map((wire) => wire.kind),
    ['lower'],
  );
  assert.deepEqual(model.boxes[1]?.ports[0]?.facts, ['macvlan bridge']);
});

test('what stands on an interface elsewhere is not below one that has the same index here', () => {
  const build = lab().ns('c1').link('host', 'eth0', { kind: 'ether' });
  const [, port] = build.link('c1', 'eth1', { kind: 'ether' }).build().networks;
  const index = port?.links.find(({ name }) => name === 'eth1')?.index ?? 0;
  build.link('c1', 'eth0', {
    kind: 'ipvlan',
    ipvlan: { mode: 'l2', lower: index },
    peer: { ns: build.id('host'), index, name: 'eth0' },
  });
  const { boxes } = wiringModel({ snapshot: build.build() });
  assert.deepEqual(boxes[1]?.ports.map(({ name, facts, children }) => [name, facts, children.length]).sort(), [
    ['eth0', ['ipvlan l2'], 0],
    ['eth1', [], 0],
  ]);
});
