import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  booleanFilter,
  checkFilters,
  matchesLabels,
  matchesPath,
  matchesReference,
  passesLabels,
} from '../../engine/image/filters.js';
import { imageHistory } from '../../engine/image/history.js';
import { parseReference } from '../../engine/image/reference.js';
import { isOneRepository } from '../../engine/image/remove.js';
import type { Digest, Image } from '../../engine/image/types.js';
import { untilFilter } from '../../engine/kernel/go-time.js';

describe('filters of images', () => {
  it('match paths as Go does', () => {
    // rows of Go's own path/match_test.go
    for (const [pattern, text, expected] of [
      ['abc', 'abc', true],
      ['*', 'abc', true],
      ['*c', 'abc', true],
      ['a*', 'a', true],
      ['a*', 'abc', true],
      ['a*', 'ab/c', false],
      ['a*/b', 'abc/b', true],
      ['a*/b', 'a/c/b', false],
      ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
      ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
      ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
      ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
      ['a*b?c*x', 'abxbbxdbxebxczzx', true],
      ['a*b?c*x', 'abxbbxdbxebxczzy', false],
      ['ab[c]', 'abc', true],
      ['ab[b-d]', 'abc', true],
      ['ab[e-g]', 'abc', false],
      ['ab[^c]', 'abc', false],
      ['ab[^b-d]', 'abc', false],
      ['ab[^e-g]', 'abc', true],
      ['a\\*b', 'a*b', true],
      ['a\\*b', 'ab', false],
      ['a?b', 'a☺b', true],
      ['a[^a]b', 'a☺b', true],
      ['a???b', 'a☺b', false],
      ['a?b', 'a/b', false],
      ['a*b', 'a/b', false],
      ['[\\]a]', ']', true],
      ['[\\-]', '-', true],
      ['[x\\-]', 'x', true],
      ['[x\\-]', '-', true],
      ['[x\\-]', 'z', false],
      ['[\\-x]', 'a', false],
      ['*x', 'xxx', true],
      ['', '', true],
      ['', 'a', false],
    ] as const)
      assert.equal(matchesPath(pattern, text), expected, `${pattern} on ${text}`);
    for (const bad of ['[]a]', '[-]', '[x-]', '[-x]', 'a[', '[a-b-c]', '[', '[^', '\\'])
      assert.throws(() => matchesPath(bad, 'a'), { message: 'syntax error in pattern' }, bad);
  });

  it('take no time for hostile patterns', () => {
    const before = process.cpuUsage();
    assert.equal(matchesPath(`${'a*'.repeat(2000)}b`, 'a'.repeat(4000)), false);
    assert.ok(process.cpuUsage(before).user < 20_000_000, 'it took long');
  });

  it('see references in familiar form, with and without tag', () => {
    const reference = parseReference('busybox:1.36');
    for (const pattern of ['busybox', 'busy*', 'busybox:*', '*:1.36', 'busybox:1.3?'])
      assert.ok(matchesReference(pattern, reference), pattern);
    for (const pattern of ['busy', '*/busybox', 'library/*']) assert.ok(!matchesReference(pattern, reference), pattern);
    assert.ok(matchesReference('*/*', parseReference('a/b:c')), 'one slash');
  });

  it('read booleans, labels and names as moby', () => {
    assert.equal(booleanFilter({}, 'dangling'), null);
    assert.equal(booleanFilter({ dangling: ['1'] }, 'dangling'), true);
    assert.equal(booleanFilter({ dangling: ['false', '0'] }, 'dangling'), false);
    assert.throws(() => booleanFilter({ dangling: ['maybe'] }, 'dangling'), {
      message: "invalid filter 'dangling=[maybe]'",
    });
    assert.throws(() => booleanFilter({ dangling: ['true', 'false'] }, 'dangling'), /invalid filter/);
    assert.throws(() => checkFilters({ nonsense: ['x'] }, ['label']), { message: "invalid filter 'nonsense'" });
    assert.ok(matchesLabels(['a', 'b=1'], { a: '', b: '1' }), 'both are there');
    assert.ok(!matchesLabels(['b=1', 'b=2'], { b: '1' }), 'both must be');
    assert.ok(!matchesLabels(['toString'], {}), 'only own labels');
    assert.ok(!passesLabels({ 'label!': ['a'] }, { a: '1' }), 'label! keeps it');
    assert.ok(passesLabels({ 'label!': ['a=2'] }, { a: '1' }), 'another value does not');
  });

  it('read until as a duration before now, a date or seconds', () => {
    const now = Date.parse('2026-01-02T03:04:05Z');
    const until = (text: string): number | null => untilFilter({ until: [text] }, now);
    assert.equal(until('1h30m'), now - 5_400_000);
    assert.equal(until('10s'), now - 10_000);
    assert.equal(until('1.5h'), now - 5_400_000);
    assert.equal(until('2026-01-01T00:00:00Z'), Date.parse('2026-01-01T00:00:00Z'));
    assert.equal(until('2026-01-01T00:00:00.5+02:00'), Date.parse('2026-01-01T00:00:00.5+02:00'));
    assert.equal(until('2026-01-01'), new Date(2026, 0, 1).getTime());
    assert.equal(until('2026-01-01T05'), new Date(2026, 0, 1, 5).getTime());
    assert.equal(until('1700000000'), 1_700_000_000_000);
    assert.equal(until('1600000000.5'), 1_600_000_000_500);
    for (const wrong of ['soon', '1x', '2020-99-99', `${'1'.repeat(99)}.5h`])
      assert.throws(() => until(wrong), /failed to parse value as time or duration/, wrong);
    assert.throws(() => until('tomorrow'), /failed to parse value as time or duration: "tomorrow"/);
    assert.throws(() => untilFilter({ until: ['1h', '2h'] }, now), { message: 'more than one until filter specified' });
    assert.equal(untilFilter({}, now), null);
  });

  it('tell one repository from several', () => {
    const digest = `@sha256:${'1'.repeat(64)}`;
    for (const [names, expected] of [
      [[], false],
      [['a:1'], true],
      [[`a${digest}`], true],
      [['a:1', 'a:2'], false],
      [['a:1', `a${digest}`], true],
      [['a:1', `b${digest}`], false],
      [[`a${digest}`, `b${digest}`], false],
      [['a:1', `a${digest}`, `a@sha256:${'2'.repeat(64)}`], true],
    ] as const)
      assert.equal(isOneRepository(names.map(parseReference)), expected, names.join(' '));
  });
});

describe('the history of an image', () => {
  it('has sizes for steps with a layer, and ids as far as they are here', async () => {
    const id = (digit: string): Digest => `sha256:${digit.repeat(64)}` as Digest;
    const image = (one: Digest, parent: Digest | null, tags: string[]): Image => ({
      id: one,
      parent,
      tags,
      digests: [],
      chainId: null,
      size: 0,
      lastTagged: null,
      config: {
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: [] },
        history: [
          { created: '2024-01-01T00:00:00Z', created_by: 'ADD' },
          { created_by: 'CMD', empty_layer: true, comment: 'c' },
          { created_by: 'sh' },
        ],
      },
    });
    const parent = image(id('2'), null, ['base:latest']);
    const rows = await imageHistory(image(id('1'), id('2'), []), [{ size: 10 }, { size: 20 }], async (wanted) =>
      wanted === id('2') ? parent : null,
    );
    assert.deepEqual(
      rows.map((row) => [row.Id, row.Created, row.CreatedBy, row.Tags, row.Size, row.Comment]),
      [
        [id('1'), 0, 'sh', null, 20, ''],
        [id('2'), 0, 'CMD', ['base:latest'], 0, 'c'],
        ['<missing>', 1_704_067_200, 'ADD', null, 10, ''],
      ],
    );
  });
});
