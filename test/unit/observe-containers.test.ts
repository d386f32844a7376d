import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { Change, Container, Process, Snapshot } from '../../engine/api/types.js';
import {
  containerOf,
  digestHex,
  networksOf,
  parseFields,
  type RecordedContainer,
  sandboxOwner,
} from '../../engine/observe/containers/fields.js';
import { joinContainers, nameNamespaces } from '../../engine/observe/containers/join.js';
import { diff } from '../../engine/observe/diff.js';
import { explainChange, explainChanges } from '../../engine/observe/explain.js';
import { labelOf } from '../../engine/observe/namespaces.js';
import { plainChange, plainChanges } from '../../src/plain/changes.js';
import { dockerLab, IDS } from '../helpers/docker-scene.js';
import { lab } from '../helpers/snapshot-builder.js';

const ID = 'a'.repeat(64);

function assertBilingual({ en, zh }: { readonly en: string; readonly zh: string }, what: string): void {
  assert.match(en, /^[^\u4e00-\u9fff]+\.$/, what);
  assert.match(zh, /[\u4e00-\u9fff].*。$/, what);
}

function record(more: object = {}, id = ID): string {
  return JSON.stringify({
    serial: 3,
    record: {
      id,
      name: 'web',
      created: '2026-01-01T00:00:00.000000001Z',
      imageId: `sha256:${'b'.repeat(64)}`,
      config: { Image: 'busybox' },
      hostConfig: { NetworkMode: 'bridge' },
      state: { status: 'running', pid: 41, exitCode: 0 },
      ...more,
    },
  });
}

function recorded(more: Partial<RecordedContainer> = {}): RecordedContainer {
  const one = containerOf(parseFields(record({}, more.id)), more.id ?? ID);
  assert.ok(one !== null, 'the record is one');
  return { ...one, ...more };
}

describe('records of the container engine', () => {
  it('are read for what a container is called, and for nothing else', () => {
    assert.deepEqual(containerOf(parseFields(record()), ID), {
      serial: 3,
      id: ID,
      name: 'web',
      image: 'busybox',
      imageId: `sha256:${'b'.repeat(64)}`,
      created: '2026-01-01T00:00:00.000000001Z',
      status: 'running',
      exitCode: 0,
      pid: 41,
      networkMode: 'bridge',
    });
  });

  it('of another container, or of none, are not used', () => {
    assert.equal(containerOf(parseFields(record()), 'c'.repeat(64)), null);
    for (const text of ['', '{', 'null', '[]', '3', '{"record":[]}', '{"record":{"id":3}}'])
      assert.equal(containerOf(parseFields(text), ID), null, text);
  });

  it('with a name that Docker would not give are called by their id', () => {
    for (const name of ['', '-x', 'a b', '\u001b[2J', 'a/b', '\u202ex', 3, null, {}])
      assert.equal(containerOf(parseFields(record({ name })), ID)?.name, 'a'.repeat(12), JSON.stringify(name));
  });

  it('never throw and never grow, whatever they say', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (state, config, name) => {
        const one = containerOf(parseFields(record({ state, config, name, hostConfig: config })), ID);
        assert.ok(one !== null, 'it is a record of this container');
        for (const text of [one.name, one.image, one.status, one.networkMode]) assert.ok(text.length <= 255, text);
        assert.ok(Number.isSafeInteger(one.pid) && one.pid >= 0, String(one.pid));
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => void [parseFields(text), sandboxOwner(parseFields(text)), digestHex(text)]),
    );
  });

  it('hold no long text by the beginning of it that is shown', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const long = record({ config: { Image: 'x'.repeat(1_000_000) } });
    const before = heap();
    const kept = Array.from({ length: 16 }, () => containerOf(parseFields(long), ID));
    const grown = heap() - before;
    assert.ok(grown < 4 << 20, `${grown} bytes for ${kept.length} records`);
    assert.equal(kept[0]?.image, 'x'.repeat(255));
  });

  it('of networks give the name of each bridge or parent', () => {
    const id = 'c'.repeat(64);
    const networks = [
      { id, name: 'mine', driver: 'bridge', options: {} },
      { id, name: 'bridge', driver: 'bridge', options: { 'com.docker.network.bridge.name': 'docker0' } },
      { id, name: 'none', driver: 'null' },
      { id, name: 'lan', driver: 'macvlan', options: { parent: 'eth0.10' } },
      { id, name: 'alone', driver: 'ipvlan', options: {} },
      { id: 'short', name: 'x', driver: 'bridge' },
      null,
      7,
    ];
    assert.deepEqual(
      networksOf(parseFields(JSON.stringify({ networks })), 10).map(({ name, bridge }) => [name, bridge]),
      [
        ['mine', 'br-cccccccccccc'],
        ['bridge', 'docker0'],
        ['none', null],
        ['lan', 'eth0.10'],
        ['alone', 'di-cccccccccccc'],
      ],
    );
    assert.equal(networksOf(parseFields(JSON.stringify({ networks })), 1).length, 1, 'as many as are wanted');
  });
});

describe('containers as the kernel has them', () => {
  const group = `/docker/${ID}`;
  const build = (more: Partial<Process> = {}, frozen = false): Snapshot =>
    lab()
      .cgroup(group, 'freezer', { freezer: { frozen, state: frozen ? 'FROZEN' : 'THAWED' } })
      .process(41, { cgroups: { freezer: group }, ...more })
      .process(43, { cgroups: { freezer: `${group}/below` } })
      .build();
  const join = (snapshot: Snapshot, ...records: RecordedContainer[]): Container[] =>
    joinContainers(records, snapshot.processes, snapshot.cgroups, 'mnt:[1]');

  it('run when there is a process in their control group, whatever the record says', () => {
    for (const status of ['created', 'running', 'exited', 'nonsense']) {
      const [one] = join(build(), recorded({ status, pid: 0 }));
      assert.equal(one?.state, 'running', status);
      assert.deepEqual([one?.pid, one?.processes, one?.cgroup, one?.exitCode], [41, [41, 43], group, null]);
    }
  });

  it('are paused when that control group is frozen', () => {
    assert.equal(join(build({}, true), recorded())[0]?.state, 'paused');
  });

  it('have ended when there is none, and say how only when the engine does', () => {
    const empty = lab().cgroup('/', 'freezer').build();
    const state = (status: string): unknown[] => {
      const [one] = join(empty, recorded({ status, exitCode: 3 }));
      return [one?.state, one?.exitCode, one?.pid];
    };
    assert.deepEqual(state('running'), ['exited', null, null]);
    assert.deepEqual(state('exited'), ['exited', 3, null]);
    assert.deepEqual(state('created'), ['created', null, null]);
    assert.deepEqual(state('restarting'), ['restarting', null, null]);
    assert.equal(join(build({ state: 'Z' }), recorded())[0]?.pid, 43, 'a zombie is no process of it');
  });

  it('are not found by a pid that is somebody else’s by now', () => {
    const stranger = lab().cgroup('/', 'freezer').process(41).build();
    assert.equal(join(stranger, recorded({ pid: 41 }))[0]?.state, 'exited');
    const none = lab().process(41).build();
    assert.equal(none.cgroups.mode, 'none');
    const own = none.processes[1]?.namespaces.mnt;
    assert.equal(joinContainers([recorded()], none.processes, none.cgroups, own)[0]?.pid, null, 'in the host’s files');
    assert.equal(joinContainers([recorded()], none.processes, none.cgroups, 'mnt:[1]')[0]?.pid, 41, 'without cgroups');
  });

  it('give their names to the namespaces that are not the lab host’s', () => {
    const work = lab();
    const net = work.namespace('net', { names: ['abcdefabcdef'] });
    const other = 'd'.repeat(64);
    work
      .process(51, { namespaces: { net }, cgroups: { memory: `/docker/${other}` } })
      .process(52, { namespaces: { net }, cgroups: { memory: group } })
      .cgroup(group, 'memory');
    const snapshot = work.build();
    const containers = join(snapshot, recorded({ pid: 52 }), recorded({ id: other, name: 'late', pid: 51 }));
    const name = (madeFor: (sandbox: string) => string | null): readonly string[] | undefined =>
      nameNamespaces(snapshot.namespaces, containers, snapshot.processes, madeFor).find(({ id }) => id === net)
        ?.containers;
    assert.deepEqual(
      name(() => null),
      ['late', 'web'],
      'the older process first',
    );
    assert.deepEqual(
      name((sandbox) => (sandbox === 'abcdefabcdef' ? ID : null)),
      ['web', 'late'],
    );
    const all = nameNamespaces(snapshot.namespaces, containers, snapshot.processes, () => null);
    for (const one of all.filter(({ isLabHost, isMachine }) => isLabHost || isMachine))
      assert.equal(one.containers, undefined, labelOf(one));
    assert.equal(labelOf(all.find(({ id }) => id === net) ?? all[0]!), 'container late');
  });
});

describe('the life of a container as changes', () => {
  const whole = dockerLab();
  const at = (name: string, more: Partial<Container> | null): Snapshot => ({
    ...whole,
    containers: (whole.containers ?? []).flatMap((one) =>
      one.name !== name ? [one] : more === null ? [] : [{ ...one, ...more }],
    ),
  });
  const ended = { state: 'exited', pid: null, processes: [], namespaces: {}, cgroup: null } as const;
  const line = (a: Snapshot, b: Snapshot, lang: 'en' | 'zh' = 'en'): string[] =>
    diff(a, b).map((change) => plainChange(change, lang).slice(9));

  it('is told in both languages', () => {
    const steps: [Snapshot, Snapshot, string, string, string | null][] = [
      [
        at('web', null),
        whole,
        'added container web: nginx:1.27, running',
        '新增容器 web：nginx:1.27，运行中',
        'docker run -d --name web nginx:1.27',
      ],
      [
        at('made', null),
        whole,
        'added container made: busybox, created',
        '新增容器 made：busybox，已创建',
        'docker create --name made busybox',
      ],
      [
        whole,
        at('made', { state: 'running', pid: 9 }),
        'changed container made: created → running',
        '变更容器 made：已创建 → 运行中',
        'docker start made',
      ],
      [
        whole,
        at('web', { state: 'paused' }),
        'changed container web: running → paused',
        '变更容器 web：运行中 → 已暂停',
        'docker pause web',
      ],
      [
        whole,
        at('app', { state: 'running' }),
        'changed container app: paused → running',
        '变更容器 app：已暂停 → 运行中',
        'docker unpause app',
      ],
      [
        whole,
        at('web', { ...ended, exitCode: 137 }),
        'changed container web: running → exited (137)',
        '变更容器 web：运行中 → 已退出（137）',
        'docker stop web',
      ],
      [
        whole,
        at('web', { name: 'www' }),
        'changed container www: web → www',
        '变更容器 www：web → www',
        'docker rename web www',
      ],
      [whole, at('done', null), 'removed container done', '移除容器 done', 'docker rm done'],
    ];
    for (const [a, b, en, zh, command] of steps) {
      assert.deepEqual(line(a, b), [en]);
      assert.deepEqual(line(a, b, 'zh'), [zh]);
      const entry = explainChange(diff(a, b)[0] as Change, b);
      assert.equal(entry.command, command);
      assertBilingual(entry.explanation, en);
      assert.equal(entry.subject, 'lab host');
    }
  });

  it('says nothing of the moment between the end of its process and the engine’s word on it', () => {
    const between = at('web', { ...ended, exitCode: null });
    assert.deepEqual(line(whole, between), []);
    assert.deepEqual(line(between, at('web', { ...ended, exitCode: 0 })), ['changed container web: exited (0)']);
    assert.deepEqual(line(between, whole), ['changed container web: running']);
  });

  it('says nothing where the records could not be read', () => {
    const unread: Snapshot = { ...whole, containers: [], problems: [{ part: 'containers', reason: 'x' }] };
    assert.deepEqual(diff(whole, unread), []);
  });

  it('is told once where one act shows in many places', () => {
    const base = lab().build();
    const work = lab();
    for (const hierarchy of ['memory', 'cpu', 'pids']) work.cgroup(`/docker/${IDS.web}`, hierarchy);
    const pid = work.namespace('pid', { containers: ['web'], names: [] });
    const mnt = work.namespace('mnt', { containers: ['web'] });
    const made = work.build();
    const mounts = ['/', '/proc', '/dev', '/sys', '/etc/hosts'].map((mountPoint, id) => ({
      id,
      parent: 1,
      device: `0:${id}`,
      root: '/',
      mountPoint,
      options: [],
      propagation: [],
      fsType: 'x',
      source: 'x',
      superOptions: [],
    }));
    const after: Snapshot = { ...made, mountTables: [{ ns: mnt, label: 'container web', mounts }] };
    const before: Snapshot = { ...base, cgroups: { ...made.cgroups, groups: [] } };
    const changes = diff(before, after);
    assert.ok(changes.length >= 10, 'the changes themselves are all there');
    assert.deepEqual(
      plainChanges(changes, 'en').map((text) => text.slice(9)),
      [
        'added 2 namespaces of container web: pid mnt',
        'added 5 mounts of container web: / /proc /dev /sys /etc/hosts',
        'added cgroup /docker/111111111111 in memory cpu pids',
      ],
    );
    assert.deepEqual(
      plainChanges(changes, 'zh').map((text) => text.slice(9)),
      [
        '新增 2 个命名空间（容器 web）：pid mnt',
        '新增 5 个挂载（容器 web）：/ /proc /dev /sys /etc/hosts',
        '新增 3 个控制组（/docker/111111111111）：memory cpu pids',
      ],
    );
    const entries = explainChanges(changes, after);
    assert.equal(entries.length, 3);
    for (const entry of entries) assertBilingual(entry.explanation, entry.act);
    assert.equal(entries.at(-1)?.command, `mkdir /sys/fs/cgroup/{memory,cpu,pids}/docker/${IDS.web}`);
    assert.equal(entries[0]?.command, 'unshare --pid --fork --mount');
    assert.ok(entries[0]?.explanation.en.includes(pid), 'the namespaces are named');
    const gone = explainChanges(diff(after, before), before);
    assert.equal(gone.length, 2, 'mounts go with their namespace');
    for (const entry of gone) assertBilingual(entry.explanation, entry.act);
  });
});
