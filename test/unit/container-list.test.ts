import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Listed, selectContainers, verifyListFilters } from '../../engine/container/filters.js';
import { goDuration, humanDuration } from '../../engine/container/human-duration.js';
import { listStatus } from '../../engine/container/list-status.js';
import { makeName, verifyName } from '../../engine/container/names.js';
import { compilePattern } from '../../engine/container/pattern.js';
import type { ContainerState } from '../../engine/container/types.js';

const NEVER = '0001-01-01T00:00:00Z';
const NOW = Date.parse('2026-05-01T12:00:00Z');
const ago = (ms: number): string => new Date(NOW - ms).toISOString();
const state = (more: Partial<ContainerState>): ContainerState => ({
  Status: 'created',
  Running: false,
  Paused: false,
  Restarting: false,
  OOMKilled: false,
  Dead: false,
  Pid: 0,
  ExitCode: 0,
  Error: '',
  StartedAt: NEVER,
  FinishedAt: NEVER,
  ...more,
});
const running = (more: Partial<ContainerState> = {}): ContainerState =>
  state({ Status: 'running', Running: true, StartedAt: ago(300_000), ...more });

describe('how long, for people', () => {
  it('as go-units says it', () => {
    const [s, m, h, d] = [1000, 60_000, 3_600_000, 86_400_000];
    const rows: readonly [number, string][] = [
      [0, 'Less than a second'],
      [-5 * s, 'Less than a second'],
      [s, '1 second'],
      [59 * s, '59 seconds'],
      [m, 'About a minute'],
      [59 * m + 59 * s, '59 minutes'],
      [h, 'About an hour'],
      [1.4 * h, 'About an hour'],
      [1.5 * h, '2 hours'],
      [47 * h, '47 hours'],
      [48 * h, '2 days'],
      [13 * d, '13 days'],
      [14 * d, '2 weeks'],
      [60 * d, '2 months'],
      [729 * d, '24 months'],
      [730 * d, '2 years'],
    ];
    for (const [ms, text] of rows) assert.equal(humanDuration(ms), text, `${ms} ms`);
  });

  it('as Go prints a duration', () => {
    const rows: readonly [number, string][] = [
      [0, '0s'],
      [1, '1ns'],
      [1_500, '1.5µs'],
      [250_000_000, '250ms'],
      [1_000_000_000, '1s'],
      [90_500_000_000, '1m30.5s'],
      [3_600_000_000_000, '1h0m0s'],
    ];
    for (const [ns, text] of rows) assert.equal(goDuration(ns), text);
  });
});

describe('the status of a container in a list', () => {
  it('as dockerd words it', () => {
    const health = (Status: 'starting' | 'healthy' | 'none'): Partial<ContainerState> => ({
      Health: { Status, FailingStreak: 0, Log: [] },
    });
    const rows: readonly [ContainerState, string][] = [
      [state({}), 'Created'],
      [running(), 'Up 5 minutes'],
      [running({ Paused: true, Status: 'paused' }), 'Up 5 minutes (Paused)'],
      [running(health('healthy')), 'Up 5 minutes (healthy)'],
      [running(health('starting')), 'Up 5 minutes (health: starting)'],
      [running(health('none')), 'Up 5 minutes'],
      [
        running({ Restarting: true, Status: 'restarting', ExitCode: 3, FinishedAt: ago(2000) }),
        'Restarting (3) 2 seconds ago',
      ],
      [
        state({ Status: 'exited', ExitCode: 137, StartedAt: ago(9e6), FinishedAt: ago(7.2e6) }),
        'Exited (137) 2 hours ago',
      ],
      [state({ Status: 'removing' }), 'Removal In Progress'],
      [state({ Status: 'dead', Dead: true }), 'Dead'],
      [state({ Status: 'exited', StartedAt: ago(1) }), ''],
    ];
    for (const [one, text] of rows) assert.equal(listStatus(one, NOW), text);
  });
});

const one = (name: string, more: Partial<Listed> = {}): Listed => ({
  id: name.padEnd(64, '0'),
  name,
  created: 1,
  state: running(),
  labels: {},
  ancestors: [],
  networks: [],
  volumes: [],
  exposed: [],
  published: [],
  ...more,
});

describe('filters of a list', () => {
  const all = [
    one('web1', {
      created: 1,
      labels: { a: '1', b: '2' },
      ancestors: ['sha256:abcdef', 'nginx'],
      networks: ['bridge'],
    }),
    one('web2', {
      created: 2,
      labels: { a: '2' },
      state: state({ Status: 'exited', ExitCode: 3, StartedAt: ago(5), FinishedAt: ago(1) }),
    }),
    one('db', { created: 3, volumes: ['data', '/var/lib'], published: ['5432/tcp'], exposed: ['5432/tcp', '53/udp'] }),
  ];
  const names = (
    filters: Readonly<Record<string, readonly string[]>>,
    more: { all?: boolean; limit?: number } = {},
  ): string[] =>
    selectContainers(
      all,
      { all: true, limit: 0, size: false, filters, ...more },
      { find: (name) => all.find((c) => c.name === name) ?? one('x') },
    ).map(({ name }) => name);

  it('choose, youngest first', () => {
    assert.deepEqual(names({}), ['db', 'web2', 'web1']);
    assert.deepEqual(names({}, { all: false }), ['db', 'web1']);
    assert.deepEqual(names({}, { all: false, limit: 2 }), ['db', 'web2']);
    assert.deepEqual(names({ status: ['exited'] }, { all: false }), ['web2']);
    assert.deepEqual(names({ name: ['web'] }), ['web2', 'web1']);
    assert.deepEqual(names({ name: ['^/web1$', 'db'] }), ['db', 'web1']);
    assert.deepEqual(names({ id: ['db0'] }), ['db']);
    assert.deepEqual(names({ label: ['a'] }), ['web2', 'web1']);
    assert.deepEqual(names({ label: ['a=1', 'b'] }), ['web1']);
    assert.deepEqual(names({ label: ['__proto__'] }), []);
    assert.deepEqual(names({ exited: ['3'] }), ['web2']);
    assert.deepEqual(names({ before: ['web2'] }), ['web1']);
    assert.deepEqual(names({ since: ['web1'] }), ['db', 'web2']);
    assert.deepEqual(names({ ancestor: ['nginx'] }), ['web1']);
    assert.deepEqual(names({ ancestor: ['abcd'] }), ['web1']);
    assert.deepEqual(names({ network: ['bridge'] }), ['web1']);
    assert.deepEqual(names({ volume: ['/var/lib'] }), ['db']);
    assert.deepEqual(names({ publish: ['5000-6000/tcp'] }), ['db']);
    assert.deepEqual(names({ expose: ['53'] }), []);
    assert.deepEqual(names({ expose: ['53/udp'] }), ['db']);
    assert.deepEqual(names({ health: ['none'] }), ['db', 'web2', 'web1']);
    assert.deepEqual(names({ 'is-task': ['true'] }), []);
    assert.deepEqual(names({ name: ['web'], status: ['running'] }), ['web1']);
  });

  it('are refused in the words of dockerd', () => {
    const rows: readonly [Readonly<Record<string, readonly string[]>>, string][] = [
      [{ colour: ['red'] }, "invalid filter 'colour'"],
      [
        { status: ['up'] },
        "invalid filter 'status=up': invalid value for state (up): must be one of created, running, paused, restarting, removing, exited, dead",
      ],
      [{ exited: ['x'] }, 'strconv.Atoi: parsing "x": invalid syntax'],
      [{ 'is-task': ['x'] }, "invalid filter 'is-task=[x]'"],
    ];
    for (const [filters, message] of rows)
      assert.throws(() => verifyListFilters(filters), { message, code: 'InvalidArgument' });
  });
});

describe('patterns', () => {
  it('mean what they mean in JavaScript', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '.',
      '^',
      '$',
      'a*',
      'b+',
      'c?',
      '[ab]',
      '[^a]',
      '[a-c]',
      '(a|b)',
      '(ab)+',
      '(a|)',
      '\\d',
      '\\.',
      'a{2}',
      'b{1,}',
      'a{0,2}',
      '|',
    );
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.', '1'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), text, (parts, subject) => {
        const pattern = parts.join('');
        const ours = compilePattern(pattern);
        assert.ok(ours !== null, `not understood: ${pattern}`);
        assert.equal(ours(subject), new RegExp(pattern).test(subject), `${pattern} on ${subject}`);
      }),
      { numRuns: 3000 },
    );
  });

  it('take no longer for being wicked', () => {
    const start = performance.now();
    for (const pattern of ['(a+)+$', '(a|a)*b', '(.*)*x', '((a{0,30}){0,30}){0,20}$'])
      compilePattern(pattern)?.('a'.repeat(255));
    assert.ok(performance.now() - start < 20_000, 'it took more than 20 seconds, and would take for ever');
    assert.equal(compilePattern('(((((a{1000}){1000})))))'), null);
    for (const broken of ['(', '[a', 'a{2,1}', '*', '\\', 'x)', 'a'.repeat(2000)])
      assert.equal(compilePattern(broken), null);
  });
});

describe('names', () => {
  it('are made of our words, and longer when all are taken', () => {
    const free = makeName(() => false);
    assert.match(free, /^[a-z]+_[a-z]+$/);
    let asked = 0;
    const crowded = makeName((name) => ++asked <= 6 || !/\d$/.test(name));
    assert.match(crowded, /^[a-z]+_[a-z]+\d+$/);
    for (let n = 0; n < 200; n++) assert.equal(verifyName(makeName(() => false)).includes('/'), false);
  });

  it('that users give are letters, digits and `_.-`, and begin with one of the first two', () => {
    for (const good of ['a1', '/web', 'A.b-c_d', '0x']) assert.equal(verifyName(good), good.replace(/^\//, ''));
    for (const bad of ['', 'a', '-rf', '..', '.', 'a/b', 'a\0b', 'x'.repeat(300), 'pаypal', 'a b', '//a', '_a'])
      assert.throws(
        () => verifyName(bad),
        /^EngineError: Invalid container name \([\s\S]*\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed$/,
        bad,
      );
  });
});
