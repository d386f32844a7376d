/** Labs that the tests of the picture and of the plain text share. */
import type { Snapshot } from '../../engine/api/types.js';
import type { FreshChange, GhostGoal } from '../../src/tui/panel.js';
import { address, lab } from './snapshot-builder.js';

export interface Scene {
  readonly snapshot: Snapshot;
  readonly fresh?: readonly FreshChange[];
  readonly ghosts?: readonly GhostGoal[];
}

function bridged(count: number): ReturnType<typeof lab> {
  const build = lab();
  const ports: string[] = [];
  for (let i = 1; i <= count; i++) {
    build.ns(`r${i}`).veth(`host/veth${i}.1`, `r${i}/veth${i}.2`, { b: [`10.1.0.${10 + i}/24`] });
    ports.push(`veth${i}.1`);
  }
  return build.bridge('host/br0', ports, ['10.1.0.1/24']);
}

function fresh(kind: FreshChange['kind'], object: FreshChange['object'], key: string, name: string): FreshChange {
  return { seq: 1, at: 0, age: 100, kind, object, key, place: '', name };
}

const empty = lab();

const pair = lab()
  .ns('r1')
  .veth('host/veth1.1', 'r1/veth1.2', { a: ['10.1.0.1/24'], b: ['10.1.0.2/24'] })
  .process(42);

const halfUp = lab().ns('r1').ns('r2').veth('r1/veth1.1', 'r2/veth1.2', { up: false });
halfUp.set('r1/veth1.1', { up: true, carrier: false, operstate: 'LOWERLAYERDOWN' });

const nat = bridged(2);
nat.route('r1', 'default', '10.1.0.1', 'veth1.2').route('r2', 'default', '10.1.0.1', 'veth2.2');
nat.ns('outside').veth('host/eth0', 'outside/up0', { a: ['192.0.2.2/24'], b: ['192.0.2.1/24'] });
nat
  .route('host', 'default', '192.0.2.1', 'eth0')
  .masquerade('host', '10.1.0.0/24', '!br0')
  .dnat('host', '8080', '10.1.0.11:80');
nat.sysctl('host', 'net.ipv4.ip_forward', '1').policy('host', 'FORWARD', 'DROP').rule('host', { target: 'ACCEPT' });
nat.listen('r1', 80);

const cjk = lab().ns('前端').ns('数据库');
cjk
  .veth('host/网卡一', '前端/eth0', { b: ['10.2.0.2/24'] })
  .veth('前端/后端网络', '数据库/eth0', { a: ['10.3.0.1/24'], b: ['10.3.0.2/24'] });
cjk.bridge('host/网桥', ['网卡一'], ['10.2.0.1/24']);

const hostile = lab().ns('\u001b[31mred\u001b[0m').ns('a\nb').ns('\u202eevil').ns('x\u200by');
hostile.veth('host/\u001b]0;pwn\u0007', '\u001b[31mred\u001b[0m/\u0000\u009b2J');
hostile.link('host', 'sp ace\\n', { kind: 'dummy' });

const long = lab().ns('abcdefghijklmnopqrstuvwxyz0123456789-a-very-long-namespace-name');
long.veth('host/abcdefghijklmno', 'abcdefghijklmnopqrstuvwxyz0123456789-a-very-long-namespace-name/ponmlkjihgfedcb', {
  a: ['255.255.255.255/32'],
  b: ['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128', '203.0.113.100/24'],
});

const tunnels = lab().ns('h1').ns('h2').ns('c1').ns('c2');
tunnels.veth('h1/underlay', 'h2/underlay', { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] });
for (const [host, inner, remote] of [
  ['h1', 'c1', '192.0.2.2'],
  ['h2', 'c2', '192.0.2.1'],
] as const) {
  tunnels.veth(`${host}/v-${inner}`, `${inner}/eth0`, { b: [`10.9.0.${inner === 'c1' ? 1 : 2}/24`] });
  tunnels.link(host, 'vx42', { kind: 'vxlan', vxlan: { id: 42, remote, port: 4789 } });
  tunnels.bridge(`${host}/br0`, [`v-${inner}`, 'vx42']);
}
tunnels.link('host', 'eth0', { kind: 'ether', addresses: [address('198.51.100.7/24')] });
tunnels.link('host', 'mac0', { kind: 'macvlan', macvlan: { mode: 'bridge', lower: 2 } });
tunnels.set('h1/underlay', { promiscuous: true });

const moved = lab()
  .ns('r1')
  .veth('host/veth1.1', 'r1/veth1.2', { b: ['10.1.0.2/24'] });
const r1 = moved.id('r1');
const host = moved.id('host');

export const SCENES: Readonly<Record<string, Scene>> = {
  empty: { snapshot: empty.build() },
  'veth-pair': { snapshot: pair.build() },
  'half-up': { snapshot: halfUp.build() },
  'bridge-of-three': { snapshot: bridged(3).build() },
  nat: { snapshot: nat.build() },
  twelve: { snapshot: bridged(12).build() },
  cjk: { snapshot: cjk.build() },
  hostile: { snapshot: hostile.build() },
  'long-names': { snapshot: long.build() },
  tunnels: { snapshot: tunnels.build() },
  'same-namespace': { snapshot: lab().veth('host/veth1.1', 'host/veth1.2', { up: false }).build() },
  fresh: {
    snapshot: moved.build(),
    fresh: [
      fresh('added', 'namespace', r1, 'r1'),
      fresh('added', 'link', `${r1}/veth1.2`, 'veth1.2'),
      fresh('added', 'address', `${r1}/veth1.2/10.1.0.2/24`, '10.1.0.2/24'),
      fresh('changed', 'link', `${host}/veth1.1`, 'veth1.1'),
      fresh('removed', 'link', `${host}/veth1.2`, 'veth1.2'),
      fresh('removed', 'namespace', 'net:[4026530000]', 'r9'),
    ],
  },
  goal: {
    snapshot: lab().ns('r1').veth('host/veth1.1', 'r1/veth1.2').build(),
    ghosts: [
      { text: { en: '', zh: '' }, object: 'namespace', name: 'r2', place: 'net', met: false },
      {
        text: { en: '', zh: '' },
        object: 'link',
        name: 'veth2.1',
        place: 'host',
        peer: { name: 'veth2.2', place: 'r2' },
        met: false,
      },
      { text: { en: '', zh: '' }, object: 'address', name: '10.1.0.2/24', place: 'r1/veth1.2', met: false },
      { text: { en: '', zh: '' }, object: 'namespace', name: 'done', met: true },
    ],
  },
};
