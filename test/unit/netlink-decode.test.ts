import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addressBytes,
  addressText,
  broadcastOf,
  macBytes,
  macText,
  parseCidr,
} from '../../engine/kernel/netlink/address.js';
import * as decode from '../../engine/kernel/netlink/decode.js';
import { encode } from '../../engine/kernel/netlink/encode.js';
import { decodeAcknowledgement, decodeDone } from '../../engine/kernel/netlink/error.js';
import { decodeLink } from '../../engine/kernel/netlink/link-decode.js';
import { decodeRouteMessage } from '../../engine/kernel/netlink/monitor.js';
import { decodeFirewallEvent } from '../../engine/kernel/netlink/nftables.js';
import { Attributes, decodeMessages, encodeMessage, type Message, Writer } from '../../engine/kernel/netlink/wire.js';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));

test('addresses go to bytes and back', () => {
  for (const address of [
    '0.0.0.0',
    '10.1.2.3',
    '255.255.255.255',
    '::',
    '::1',
    'fd00::1',
    '1::',
    'fe80::a:0:0:1',
    '1:0:2::3',
    '1:2:3:4:5:6:7:8',
    '::ffff:10.0.0.1',
    '1:0:0:2::',
  ]) {
    assert.equal(addressText(addressBytes(address)), address);
  }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      assert.deepEqual(addressBytes(addressText(bytes)!), bytes);
    }),
  );
  // RFC 5952: the first of two equal runs, never a run of one.
  assert.equal(addressText(addressBytes('1:0:0:2:0:0:3:4')), '1::2:0:0:3:4');
  assert.equal(addressText(addressBytes('1:0:2:3:4:5:6:7')), '1:0:2:3:4:5:6:7');
  assert.equal(macText(macBytes('2:42:AC:11:0:2')), '02:42:ac:11:00:02');
  assert.deepEqual(
    [
      ['10.1.2.3', 24],
      ['10.1.2.3', 8],
      ['10.1.2.3', 30],
      ['10.1.2.3', 32],
      ['10.1.2.3', 0],
    ].map(([address, prefix]) => broadcastOf(String(address), Number(prefix))),
    ['10.1.2.255', '10.255.255.255', '10.1.2.3', '10.1.2.3', '255.255.255.255'],
  );
  for (const wrong of [
    '',
    '10.0.0',
    '10.0.0.1/33',
    'fd00::/129',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '10.0.0.0/-1',
    '10.0.0.0/',
  ]) {
    assert.throws(
      () => parseCidr(wrong),
      (error: Error) => error.name === 'EngineError',
    );
  }
});

test('what is encoded is decoded', () => {
  const link = { name: 'v0', index: 3 };
  assert.deepEqual(
    decode.decodeAddress(
      encode({ op: 'address-add', link, address: '10.1.0.1', prefix: 24, broadcast: 'auto', label: 'v0:1' }).payload,
    ),
    {
      family: 'inet',
      index: 3,
      address: '10.1.0.1',
      prefix: 24,
      peer: null,
      broadcast: '10.1.0.255',
      label: 'v0:1',
      scope: 'global',
      flags: 0,
      validSeconds: null,
      preferredSeconds: null,
    },
  );
  const route = decode.decodeRoute(
    encode({
      op: 'route-add',
      destination: '10.4.0.0/16',
      table: 1000,
      metric: 7,
      nextHops: [
        { via: '10.1.0.2', link, weight: 3 },
        { via: 'fd00::1', link, onlink: true },
      ],
    }).payload,
  );
  assert.deepEqual([route?.destination, route?.table, route?.metric], ['10.4.0.0/16', 1000, 7]);
  assert.deepEqual(route?.nextHops, [
    { via: '10.1.0.2', index: 3, weight: 3, flags: 0 },
    { via: 'fd00::1', index: 3, weight: 1, flags: 4 },
  ]);
  const made = decodeLink(
    encode({
      op: 'link-add',
      kind: 'macvlan',
      name: 'mv0',
      lower: link,
      mode: 'vepa',
      mac: '02:00:00:00:00:01',
      mtu: 1400,
      index: 9,
    }).payload,
  );
  assert.deepEqual(
    [made?.name, made?.kind, made?.lower, made?.macvlan, made?.mac, made?.mtu, made?.index],
    ['mv0', 'macvlan', 3, { mode: 'vepa' }, '02:00:00:00:00:01', 1400, 9],
  );
});

test('a refusal in the words of the kernel, with and without the request in it', () => {
  const words = new Writer().text(1, 'mtu less than device minimum').u32(2, 36).take();
  const request = encodeMessage(16, 5, 77, new Uint8Array(16));
  const head = hex('eaffffff');
  const whole = decodeAcknowledgement(Buffer.concat([head, request, words]), 0x200);
  const capped = decodeAcknowledgement(Buffer.concat([head, request.subarray(0, 16), words]), 0x300);
  for (const answer of [whole, capped])
    assert.deepEqual(answer, { errno: 22, text: 'mtu less than device minimum', offset: 36, missing: null });
  assert.equal(decodeAcknowledgement(head, 0), null);
  assert.deepEqual(decodeDone(hex('fcffffff'), 2).errno, 4);
});

test('a notification of a bridge about its port is not one about the link', () => {
  const payload = new Writer().raw(hex('07000100 05000000 00000000 00000000')).text(3, 'v1').u32(10, 6).take();
  const gone = decodeRouteMessage({ type: 17, flags: 0, seq: 0, port: 0, payload });
  assert.equal(gone?.kind, 'bridge-port');
  assert.equal(gone?.kind === 'bridge-port' && gone.action, 'deleted');
});

test('changes of a firewall name the table and the chain', () => {
  const payload = new Writer().raw(hex('02000000')).text(1, 'nat').text(2, 'POSTROUTING').take();
  assert.deepEqual(decodeFirewallEvent((10 << 8) | 6, payload), {
    object: 'rule',
    deleted: false,
    family: 'ip',
    table: 'nat',
    chain: 'POSTROUTING',
  });
  assert.equal(decodeFirewallEvent((1 << 8) | 6, payload), null);
});

test('lengths that lie end the reading', () => {
  assert.deepEqual(decodeMessages(hex('00000000 1000 0000 00000000 00000000')), { messages: [], malformed: true });
  assert.deepEqual(decodeMessages(hex('ffffffff 1000 0000 00000000 00000000')), { messages: [], malformed: true });
  assert.equal(new Attributes(hex('0000 0100 0400 0200')).list.length, 0);
  assert.equal(new Attributes(hex('0500 0100 41000000 0300 0200')).list.length, 1);
  const cut = decodeMessages(hex('14000000 0300 0200 01000000 00000000 00000000 2000'));
  assert.deepEqual([cut.messages.length, cut.malformed], [1, true]);
});

const decoders: readonly ((payload: Uint8Array) => unknown)[] = [
  decodeLink,
  decode.decodeAddress,
  decode.decodeRoute,
  decode.decodeNeighbour,
  decode.decodeFdb,
  decode.decodeRule,
  decode.decodeNsid,
  decode.decodeNetconf,
  (payload) => decodeFirewallEvent(10 << 8, payload),
  (payload) => decodeAcknowledgement(payload, 0x200),
  (payload) => decodeAcknowledgement(payload, 0x300),
  (payload) => decodeDone(payload, 0x200),
];

test('no bytes whatever make a decoder throw or hang', () => {
  const started = Date.now();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      for (const decoder of decoders) decoder(bytes);
      for (const message of decodeMessages(bytes).messages) decodeRouteMessage(message);
    }),
    { numRuns: 3000 },
  );
  assert.equal(Date.now() - started < 30_000, true);
});

test('messages of the kernel that were cut or changed in some bytes make no decoder throw', () => {
  const link = { name: 'v0', index: 3 };
  const samples: Message[] = (
    [
      {
        op: 'link-add',
        kind: 'vxlan',
        name: 'vx0',
        vxlan: {
          id: 42,
          device: link,
          remote: 'fd00::1',
          local: '10.0.0.1',
          port: 4789,
          sourcePorts: { low: 1, high: 2 },
        },
      },
      { op: 'link-add', kind: 'bridge', name: 'br0', bridge: { stp: true, ageingTimeSeconds: 3 } },
      { op: 'link-add', kind: 'veth', name: 'v0', peer: { name: 'v1' } },
      { op: 'address-add', link, address: 'fd00::1', prefix: 64 },
      {
        op: 'route-add',
        destination: '10.4.0.0/16',
        mtu: 9,
        nextHops: [
          { via: '10.1.0.2', link },
          { via: 'fd00::1', link },
        ],
      },
      { op: 'neighbour-add', link, address: '10.0.0.1', mac: '02:00:00:00:00:01' },
      { op: 'fdb-add', link, mac: '02:00:00:00:00:01', where: 'self', destination: '10.0.0.1' },
      { op: 'rule-add', family: 'inet', from: '10.0.0.0/8', table: 1000 },
    ] as const
  ).map((request) => ({ ...encode(request), seq: 0, port: 0 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 6 }),
      fc.nat(300),
      (sample, changes, length) => {
        const payload = sample.payload.slice();
        for (const [at, value] of changes) if (at < payload.length) payload[at] = value;
        decodeRouteMessage({ ...sample, payload: payload.subarray(0, Math.max(0, payload.length - (length % 60))) });
      },
    ),
    { numRuns: 4000 },
  );
});
