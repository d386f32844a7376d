import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RCODE, readQuestion, reverseAddress, TYPE, writeAnswer } from '../../engine/network/dns/message.js';
import { lookUp } from '../../engine/network/dns/names.js';
import { boolean, checkFilters, exact, labelsMatch, matches } from '../../engine/network/filters.js';
import { parsePort, wishesOf } from '../../engine/network/ports/publish.js';
import { PortTable } from '../../engine/network/ports/table.js';
import type { EndpointRecord, SandboxRecord } from '../../engine/network/record.js';

function query(name: string, type: number = TYPE.A): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  const head = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, type, 0, 1])]);
}

const sandbox = (name: string, ...endpoints: Partial<EndpointRecord>[]): SandboxRecord => ({
  container: { id: name.padEnd(64, '0'), name, hostname: name },
  sandboxId: name,
  mode: 'bridge',
  endpoints: endpoints.map((one) => ({
    network: 'n',
    networkName: 'own',
    endpointId: '',
    interfaceName: 'eth0',
    hostInterface: '',
    mac: '',
    ipv4: '',
    ipv4Bits: 16,
    gateway: '',
    ipv6: '',
    ipv6Bits: 0,
    ipv6Gateway: '',
    dnsNames: [name],
    priority: 0,
    request: {},
    ...one,
  })),
  publications: [],
  exposed: [],
  dns: [],
});

describe('DNS messages', () => {
  test('are read and answered', () => {
    const bytes = query('WEB.own');
    const question = readQuestion(bytes);
    assert.ok(question !== null, 'not read');
    assert.deepEqual([question.id, question.name, question.type], [7, 'web.own', TYPE.A]);
    const answer = writeAnswer(bytes, question, {
      rcode: RCODE.ok,
      answers: [{ type: TYPE.A, value: '10.0.0.2' }],
      limit: 512,
    });
    assert.equal(answer.readUInt16BE(2), 0x8180);
    assert.equal(answer.readUInt16BE(6), 1);
    assert.deepEqual([...answer.subarray(-4)], [10, 0, 0, 2]);
    assert.deepEqual(answer.subarray(12, bytes.length), bytes.subarray(12));
  });

  test('that do not fit are cut off, and say so', () => {
    const bytes = query('web');
    const question = readQuestion(bytes);
    assert.ok(question !== null, 'not read');
    const answers = Array.from({ length: 100 }, (_, index) => ({ type: TYPE.A, value: `10.0.0.${index}` }));
    const answer = writeAnswer(bytes, question, { rcode: RCODE.ok, answers, limit: 512 });
    assert.ok(answer.length <= 512 && (answer.readUInt16BE(2) & 0x0200) !== 0, String(answer.length));
    assert.equal(answer.length, bytes.length + answer.readUInt16BE(6) * 16);
  });

  test('of any bytes are a question or nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const question = readQuestion(bytes);
        if (question !== null) writeAnswer(bytes, question, { rcode: RCODE.refused, limit: 512 });
      }),
    );
    for (const hostile of ['\xc0\x0c', 'a'.repeat(64)]) {
      const bytes = Buffer.concat([query('x').subarray(0, 12), Buffer.from(`${hostile}\0\0\x01\0\x01`, 'latin1')]);
      assert.equal(readQuestion(bytes), null);
    }
    assert.equal(readQuestion(query(Array.from({ length: 200 }, () => 'aa').join('.'))), null);
    const answer = query('web');
    answer.writeUInt8(0x81, 2);
    assert.equal(readQuestion(answer), null, 'an answer is answered');
  });

  test('with a dot or a NUL in a label name nobody', () => {
    for (const label of ['a.b', 'a\0b']) {
      const bytes = Buffer.concat([
        query('x').subarray(0, 12),
        Buffer.from([label.length]),
        Buffer.from(label, 'latin1'),
        Buffer.from([0, 0, 1, 0, 1]),
      ]);
      assert.equal(readQuestion(bytes)?.name, '');
    }
  });

  test('ask backwards too', () => {
    assert.equal(reverseAddress('2.0.17.172.in-addr.arpa'), '172.17.0.2');
    assert.equal(
      reverseAddress(`${'2'.padEnd(32, '0').split('').join('.')}.ip6.arpa`),
      '0000:0000:0000:0000:0000:0000:0000:0002',
    );
    assert.equal(reverseAddress('web'), null);
  });
});

describe('names of containers', () => {
  const web = sandbox('web', { ipv4: '10.0.0.2', dnsNames: ['web', 'www', 'shared'] });
  const db = sandbox('db', { ipv4: '10.0.0.3', ipv6: 'fd00::3', dnsNames: ['db', 'shared', 'web'] });
  const far = sandbox('far', { network: 'm', networkName: 'other', ipv4: '10.1.0.2' });
  const plain = sandbox('plain', { network: 'b', networkName: 'bridge', ipv4: '172.17.0.2', dnsNames: null });
  const look = (asker: SandboxRecord, name: string, type: number = TYPE.A): string[] | null => {
    const question = readQuestion(query(name, type));
    assert.ok(question !== null, name);
    return (
      lookUp(asker, [web, db, far, plain], question)
        ?.map(({ value }) => value)
        .sort() ?? null
    );
  };

  test('are found by neighbours; a container’s own goes before an alias', () => {
    assert.deepEqual(look(db, 'web'), ['10.0.0.2']);
    assert.deepEqual(look(db, 'www.own'), ['10.0.0.2']);
    assert.deepEqual(look(web, 'shared'), ['10.0.0.2', '10.0.0.3']);
    assert.deepEqual(look(web, 'db', TYPE.AAAA), ['fd00::3']);
    assert.deepEqual(look(db, 'web', TYPE.AAAA), []);
    assert.deepEqual(look(web, '3.0.0.10.in-addr.arpa', TYPE.PTR), ['db.own']);
  });

  test('are not found from other networks, nor on the default bridge', () => {
    assert.equal(look(far, 'web'), null);
    assert.equal(look(web, 'far'), null);
    assert.equal(look(plain, 'plain'), null);
    assert.equal(look(far, '3.0.0.10.in-addr.arpa', TYPE.PTR), null);
  });

  test("that a link gives are the asker's alone", () => {
    const web = sandbox('web', { ipv4: '10.0.0.2' });
    const linked = sandbox('app', { ipv4: '10.0.0.3', request: { Links: ['web:db', '/web:/app/old'] } });
    const other = sandbox('other', { ipv4: '10.0.0.4' });
    const all = [web, linked, other];
    const ask = (asker: SandboxRecord, name: string): unknown => {
      const question = readQuestion(query(name));
      assert.ok(question !== null, name);
      return lookUp(asker, all, question);
    };
    assert.deepEqual(ask(linked, 'web'), [{ type: TYPE.A, value: '10.0.0.2' }]);
    assert.deepEqual(ask(linked, 'db'), ask(linked, 'web'));
    assert.deepEqual(ask(linked, 'old.own'), ask(linked, 'web'));
    assert.equal(ask(other, 'db'), null);
  });

  test('that a link gives lead to who is called so before whose id begins so, and to nobody where it names nobody', () => {
    const named = sandbox('ab', { ipv4: '10.0.0.2' });
    const longer = sandbox('abc', { ipv4: '10.0.0.3' });
    const far = sandbox('abcd', { network: 'm', networkName: 'other', ipv4: '10.1.0.2' });
    const app = sandbox('app', { ipv4: '10.0.0.4', request: { Links: ['ab:one', 'abcd:two', 'abc0:three', ':none'] } });
    const ask = (name: string, ...all: SandboxRecord[]): unknown => {
      const question = readQuestion(query(name));
      assert.ok(question !== null, name);
      return lookUp(app, all.values(), question)?.map(({ value }) => value) ?? null;
    };
    assert.deepEqual(ask('one', longer, named, far, app), ['10.0.0.2']);
    assert.deepEqual(ask('one', longer, far, app), ['10.0.0.3'], 'by the beginning of its id');
    assert.deepEqual(ask('three', longer, named, far, app), ['10.0.0.3'], 'by the beginning of its id');
    assert.equal(ask('two', longer, named, far, app), null, 'of another network');
    assert.equal(ask('none', longer, named, far, app), null);
  });
});

describe('published ports', () => {
  test('are read as they are written', () => {
    assert.deepEqual(parsePort('80/udp'), { port: 80, protocol: 'udp' });
    for (const wrong of ['', '0/tcp', '65536', '80/icmp', '80-81', 'x'])
      assert.throws(() => parsePort(wrong), /invalid port/, wrong);
    const wish = (HostPort: string, HostIp = '1.2.3.4') =>
      wishesOf({ ports: { '80/tcp': [{ HostIp, HostPort }] }, publishAll: false, exposed: [] }, '0.0.0.0')[0];
    assert.deepEqual(wish('8000-8010')?.range, { first: 8000, last: 8010 });
    assert.equal(wish('')?.range, null);
    assert.deepEqual(wish('80', '[::1]')?.hostIps, ['::1']);
    for (const wrong of ['x', '9-8', '70000', '-1']) assert.throws(() => wish(wrong), /invalid port/, wrong);
    assert.throws(() => wish('80', 'localhost'), /invalid IP address/);
    const all = wishesOf({ ports: { '80/tcp': null }, publishAll: true, exposed: ['81/udp', '80/tcp'] }, '127.0.0.1');
    assert.deepEqual(
      all.map(({ containerPort, hostIps }) => [containerPort, hostIps]),
      [
        [80, ['127.0.0.1']],
        [81, ['127.0.0.1']],
      ],
    );
  });

  test('conflict where addresses meet', () => {
    const table = new PortTable({ first: 40_000, last: 40_001 });
    table.take('tcp', '127.0.0.1', 80);
    table.take('tcp', '127.0.0.2', 80);
    table.take('udp', '0.0.0.0', 80);
    table.take('tcp', '::', 80);
    for (const ip of ['127.0.0.1', '0.0.0.0'])
      assert.throws(() => table.take('tcp', ip, 80), {
        message: `Bind for ${ip}:80 failed: port is already allocated`,
      });
    assert.throws(() => table.take('udp', '1.2.3.4', 80), /already allocated/);
    assert.throws(() => table.take('tcp', '::1', 80), /already allocated/);
    table.release('tcp', '127.0.0.1', 80);
    table.release('tcp', '127.0.0.2', 80);
    table.take('tcp', '0.0.0.0', 80);
    assert.deepEqual([...table.candidates(null)], [40_000, 40_001]);
    assert.deepEqual([...table.candidates({ first: 5, last: 7 })], [5, 6, 7]);
    // the next search begins behind what was tried last, for each protocol and address by itself
    const next = (whose: string): number | undefined =>
      table.candidates({ first: 5, last: 7 }, whose).next().value as number;
    assert.deepEqual([next('tcp'), next('tcp'), next('udp'), next('tcp'), next('tcp')], [5, 6, 5, 7, 5]);
  });
});

describe('filters of networks', () => {
  test('match by part, by expression and by label', () => {
    assert.equal(matches({ name: ['ri'] }, 'name', 'bridge'), true);
    assert.equal(matches({ name: ['^ri'] }, 'name', 'bridge'), false);
    assert.equal(matches({ name: ['^b.*e$'] }, 'name', 'bridge'), true);
    assert.equal(matches({ name: ['(a+)+$'] }, 'name', 'a'.repeat(200)), false);
    assert.equal(exact({ driver: ['bri'] }, 'driver', 'bridge'), false);
    assert.equal(labelsMatch({ label: ['a=b', 'c'] }, 'label', { a: 'b', c: '' }), true);
    assert.throws(() => checkFilters({ foo: [] }, ['name']), /invalid filter 'foo'/);
    assert.equal(boolean({ dangling: ['1'] }, 'dangling'), true);
  });
});
