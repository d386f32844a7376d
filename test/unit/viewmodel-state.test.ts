/** Names, numbers, the ring buffer, the cgroup history, and the trees of namespaces and cgroups. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Container } from '../../engine/api/types.js';
import { textWidth } from '../../src/tui/text/width.js';
import { CgroupHistory } from '../../src/tui/viewmodels/cgroup-history.js';
import { cgroupsModel, flatCgroups } from '../../src/tui/viewmodels/cgroups.js';
import { bytes, microseconds, nanoseconds, percent, shortBytes } from '../../src/tui/viewmodels/format.js';
import { copyText, ledgerModel, resultText } from '../../src/tui/viewmodels/ledger.js';
import { namespaceDetail } from '../../src/tui/viewmodels/namespace-detail.js';
import { namespacesModel } from '../../src/tui/viewmodels/namespaces.js';
import { RingBuffer } from '../../src/tui/viewmodels/ring-buffer.js';
import { visible } from '../../src/tui/viewmodels/safe-text.js';
import { dockerLab } from '../helpers/docker-scene.js';
import { cgroupLab, containerLab, LEDGER, memory } from '../helpers/panel-scenes.js';
import { lab } from '../helpers/snapshot-builder.js';

test('names are made visible: nothing in them moves the cursor, hides, or turns the direction', () => {
  assert.equal(visible('veth1.1'), 'veth1.1');
  assert.equal(visible('\u001b[31m'), '\\x1b[31m');
  assert.equal(visible('a\nb\u009b'), 'a\\x0ab\\x9b');
  assert.equal(visible('x\u202ey\u200b'), 'x\\u202ey\\u200b');
  assert.equal(visible('\\x1b'), '\\\\x1b');
  assert.equal(visible('前端 ok'), '前端 ok');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
      const shown = visible(name);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u);
      if (/^[ -[\]-~]*$/.test(name)) assert.equal(textWidth(shown), name.length);
    }),
  );
});

test('different ASCII names, escapes among them, never look alike', () => {
  const ascii = fc.string({
    unit: fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code)),
    maxLength: 8,
  });
  fc.assert(fc.property(ascii, ascii, (a, b) => a === b || visible(a) !== visible(b)));
});

test('numbers are written as people read them', () => {
  assert.deepEqual([0, 512, 1024, 1536, 64 * 2 ** 20, 1023.99 * 1024, 2 ** 60].map(bytes), [
    '0 B',
    '512 B',
    '1 KiB',
    '1.5 KiB',
    '64 MiB',
    '1 MiB',
    '1024 PiB',
  ]);
  assert.equal(shortBytes(64 * 2 ** 20), '64M');
  assert.deepEqual([0, 0.001, 0.5, 1.256].map(percent), ['0 %', '<1 %', '50 %', '126 %']);
  assert.deepEqual([250, 12_345, 3_400_000, 302_000_000].map(microseconds), [
    '250 µs',
    '12.3 ms',
    '3.4 s',
    '5 min 2 s',
  ]);
  assert.equal(nanoseconds(12_345), '12.3 µs');
});

test('the ring buffer keeps the last values, oldest first', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 9 }), (values, capacity) => {
      const buffer = new RingBuffer<number>(capacity);
      for (const value of values) buffer.push(value);
      assert.deepEqual(buffer.toArray(), values.slice(-capacity));
      assert.equal(buffer.last(), values.at(-1));
      assert.equal(buffer.added, values.length);
      assert.equal(buffer.length, Math.min(values.length, capacity));
    }),
  );
  assert.throws(() => new RingBuffer(0), /capacity of a ring buffer/);
});

test('rates come from counters: half a processor is 0.5, three tenths of the time throttled is 0.3', () => {
  const history = new CgroupHistory();
  for (let tick = 0; tick < 5; tick++) history.add(cgroupLab('v2', tick));
  assert.equal(history.rate('/web', 'cpu'), 0.5);
  assert.ok(Math.abs(history.rate('/web', 'throttled')! - 0.3) < 1e-9);
  assert.deepEqual(history.series('/web', 'oom'), [0, 0, 1, 0]);
  assert.equal(history.series('/web', 'memory').at(-1), 14 * 2 ** 20);
  assert.equal(history.rate('/nowhere', 'cpu'), null);
});

test('a group that was removed and made again starts a new history; snapshots too close together are one', () => {
  const history = new CgroupHistory(3);
  for (const tick of [5, 6, 7, 8, 9]) history.add(cgroupLab('v2', tick));
  assert.equal(history.series('/web', 'cpu').length, 2, 'bounded by the capacity');
  const reborn = lab()
    .at(10_000)
    .cgroup('/web', '', {
      memory: memory(1, null),
      cpu: {
        shares: null,
        weight: 100,
        quotaUs: null,
        periodUs: null,
        usageUs: 5,
        nrPeriods: 0,
        nrThrottled: 0,
        throttledUs: 0,
      },
    })
    .build();
  history.add(reborn);
  assert.deepEqual(history.series('/web', 'cpu'), []);
  history.add({ ...reborn, takenAt: reborn.takenAt + 50 });
  assert.equal(history.added('/web'), 1);
  history.add(lab().at(20_000).build());
  assert.equal(history.added('/web'), 0, 'a group that is gone is forgotten');
});

test('v1 hierarchies are merged into one tree; v2 gives the same tree', () => {
  for (const mode of ['v1', 'v2'] as const) {
    const model = cgroupsModel({ snapshot: cgroupLab(mode, 1) });
    assert.deepEqual(
      flatCgroups(model.roots).map((node) => [node.path, node.name]),
      [
        ['/', '/'],
        ['/web', 'web'],
        ['/web/worker', 'worker'],
      ],
    );
    const web = model.roots[0]!.children[0]!;
    assert.ok(web.memory !== null && web.cpu !== null && web.pids !== null);
    assert.deepEqual(web.procs, [42, 43]);
    assert.equal(web.cpuLimit, 0.5);
    assert.equal(web.children[0]!.freezer?.frozen, true);
  }
});

test('cgroups: the filter keeps what leads to a match, and a removed group is shown for a moment', () => {
  const snapshot = cgroupLab('v2', 1);
  const model = cgroupsModel({ snapshot, filter: 'worker' });
  assert.deepEqual(
    flatCgroups(model.roots).map((node) => node.path),
    ['/', '/web', '/web/worker'],
  );
  const gone = cgroupsModel({
    snapshot,
    fresh: [
      { seq: 1, at: 0, age: 0, kind: 'removed', object: 'cgroup', key: 'cgroup//old', place: 'cgroup2', name: '/old' },
    ],
  });
  assert.equal(flatCgroups(gone.roots).find((node) => node.path === '/old')?.mark, 'removed');
});

test('namespaces: what a user namespace owns stands below it, and each namespace once', () => {
  const snapshot = containerLab().build();
  const model = namespacesModel({ snapshot });
  const ids: string[] = [];
  const walk = (nodes: typeof model.byOwner): void => {
    for (const node of nodes) {
      ids.push(node.id);
      walk(node.children);
    }
  };
  walk(model.byOwner);
  assert.deepEqual([...ids].sort(), snapshot.namespaces.map((ns) => ns.id).sort());
  const inner = model.byOwner[0]!.children.find((node) => node.kind === 'user')!;
  assert.deepEqual(
    inner.children.map((node) => node.kind),
    ['mnt', 'pid', 'net'],
  );
  assert.deepEqual(inner.uidMap, [{ inside: 0, outside: 1000, count: 1 }]);
  const pids = model.byKind.find(({ kind }) => kind === 'pid')!;
  assert.equal(pids.nodes[0]!.children.length, 1, 'pid namespaces stand below their parent');
});

test('namespaces: a cycle of owners is shown once and does not hang', () => {
  const build = lab();
  const a = build.namespace('user', { id: 'user:[1]', parent: 'user:[2]', owner: 'user:[2]' });
  build.namespace('user', { id: 'user:[2]', parent: a, owner: a });
  assert.ok(namespacesModel({ snapshot: build.build() }).byOwner.length >= 1);
});

test('namespaces: details name what keeps one alive and how to look inside', () => {
  const snapshot = containerLab().build();
  const kept = snapshot.namespaces.find((ns) => ns.names.includes('kept'))!;
  const detail = namespaceDetail(snapshot, kept.id, 'en')!;
  assert.ok(detail.facts.some((fact) => fact.label === 'kept alive by' && fact.value === 'bind mount /run/uts/kept'));
  assert.ok(detail.commands.includes('nsenter --uts=/run/uts/kept sh'));
  const process = namespaceDetail(snapshot, 'process:43', 'zh')!;
  assert.ok(process.facts.some((fact) => fact.value === '43 → 2'));
  assert.equal(namespaceDetail(snapshot, 'process:999', 'en'), null);
});

test('the ledger: newest last, limited, filtered in both languages, copied as one line', () => {
  assert.equal(ledgerModel(LEDGER, 'en').rows.length, 3);
  assert.equal(ledgerModel(LEDGER, 'en', '', 2).earlier, 1);
  assert.deepEqual(
    ledgerModel(LEDGER, 'en', '虚拟网络').rows.map((row) => row.seq),
    [2],
  );
  assert.equal(resultText(LEDGER[0]!), '= 0 (12.3 µs)');
  assert.equal(resultText(LEDGER[2]!), 'EROFS');
  assert.equal(copyText(LEDGER[1]!), 'ip link add veth1.1 type veth peer name veth1.2');
  assert.doesNotMatch(copyText(LEDGER[2]!), /\u001b/);
});

test('cgroups: a path that the lesson wants is a ghost until it is there', () => {
  const model = cgroupsModel({ snapshot: cgroupLab('v2', 1), wanted: ['/web', 'web/db'] });
  assert.deepEqual(
    flatCgroups(model.roots).map((node) => [node.path, node.mark]),
    [
      ['/', null],
      ['/web', null],
      ['/web/db', 'ghost'],
      ['/web/worker', null],
    ],
  );
});

test('cgroups: those of containers stand in the order of the containers, behind the others', () => {
  const scene = dockerLab();
  const [group] = scene.cgroups.groups;
  const groups = [...scene.cgroups.groups, { ...group!, path: '/docker/zzz' }];
  const below = (containers: readonly Container[]): string[] => {
    const snapshot = { ...scene, containers, cgroups: { ...scene.cgroups, groups } };
    return flatCgroups(cgroupsModel({ snapshot }).roots).flatMap(
      ({ path }) => /^\/docker\/(.+)$/.exec(path)?.[1] ?? [],
    );
  };
  const containers = scene.containers ?? [];
  const ids = containers.flatMap(({ id, cgroup }) => (groups.some(({ path }) => path === cgroup) ? [id] : []));
  assert.ok(ids.length > 1, 'two containers have a group');
  assert.deepEqual(below(containers), ['zzz', ...ids]);
  assert.deepEqual(below([...containers].reverse()), ['zzz', ...ids.reverse()]);
});
