import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { boolean, checkFilters, labelsPass, matches } from '../../engine/volume/filters.js';
import { checkOptions, needsMount, parseMountOptions } from '../../engine/volume/local-mount.js';
import { anonymousName, checkVolumeName } from '../../engine/volume/names.js';

const refusal = (act: () => void): string => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof EngineError && error.code === 'InvalidArgument', String(error));
    return error.message;
  }
  return 'accepted';
};

describe('names of volumes', () => {
  test('are Docker’s', () => {
    for (const name of ['v1', 'a_b', 'a.b-c', '0a', 'A'.repeat(255), anonymousName()])
      assert.equal(
        refusal(() => checkVolumeName(name)),
        'accepted',
        name,
      );
  });

  test('that would be paths, options or unreadable are refused in Docker’s words', () => {
    assert.equal(
      refusal(() => checkVolumeName('a/b')),
      'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    );
    assert.equal(
      refusal(() => checkVolumeName('a')),
      'create a: volume name is too short, names should be at least two alphanumeric characters',
    );
    for (const name of ['..', '.x', '-rf', 'a\0b', 'a\nb', 'ａb', '../../etc', 'a b', 'x'.repeat(300)])
      assert.match(
        refusal(() => checkVolumeName(name)),
        /^create .*: /,
        JSON.stringify(name),
      );
  });

  test('do not carry control characters into a message', () => {
    assert.doesNotMatch(
      refusal(() => checkVolumeName('\x1b[2Jx')),
      /\x1b/,
    );
  });

  test('of anonymous volumes are 64 hex digits, never the same', () => {
    assert.match(anonymousName(), /^[0-9a-f]{64}$/);
    assert.notEqual(anonymousName(), anonymousName());
  });
});

describe('options of the local driver', () => {
  test('are refused as Docker refuses them', () => {
    assert.equal(
      refusal(() => checkOptions('v5', { foo: 'bar' })),
      'create v5: invalid option: "foo"',
    );
    assert.equal(
      refusal(() => checkOptions('v6', { type: 'tmpfs' })),
      'create v6: missing required option: "device"',
    );
    assert.equal(
      refusal(() => checkOptions('v6', { o: 'bind' })),
      'create v6: missing required option: "device"',
    );
    assert.equal(
      refusal(() => checkOptions('v6', { size: '1g' })),
      'create v6: quota size requested but no quota support',
    );
    assert.match(
      refusal(() => checkOptions('v6', { type: 'tmpfs', device: 'a\0b' })),
      /NUL/,
    );
    assert.equal(
      refusal(() => checkOptions('v6', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' })),
      'accepted',
    );
    assert.equal(
      refusal(() => checkOptions('v6', {})),
      'accepted',
    );
  });

  test('make a mount of a volume when they name one', () => {
    assert.equal(needsMount(null), false);
    assert.equal(needsMount({}), false);
    assert.equal(needsMount({ type: 'tmpfs', device: 'tmpfs' }), true);
  });

  test('are read as mount(8) reads them', () => {
    assert.deepEqual(parseMountOptions('size=1m,uid=1000'), { flags: 0, propagation: [], data: 'size=1m,uid=1000' });
    assert.deepEqual(parseMountOptions('bind,ro,nosuid'), { flags: 4096 | 1 | 2, propagation: [], data: '' });
    assert.deepEqual(parseMountOptions('ro,rw'), { flags: 0, propagation: [], data: '' });
    assert.deepEqual(parseMountOptions('rbind,rslave'), {
      flags: 4096 | 16384,
      propagation: [(1 << 19) | 16384],
      data: '',
    });
    assert.deepEqual(parseMountOptions(''), { flags: 0, propagation: [], data: '' });
  });
});

describe('filters of volumes', () => {
  test('match names by part and by end', () => {
    assert.equal(matches({ name: ['b'] }, 'name', 'abc'), true);
    assert.equal(matches({ name: ['^b'] }, 'name', 'abc'), false);
    assert.equal(matches({ name: ['^ab'] }, 'name', 'abc'), true);
    assert.equal(matches({ name: ['bc$'] }, 'name', 'abc'), true);
    assert.equal(matches({ name: ['^abc$'] }, 'name', 'abcd'), false);
    assert.equal(matches({ name: ['x', 'c'] }, 'name', 'abc'), true);
    assert.equal(matches({}, 'name', 'abc'), true);
  });

  test('take labels with and without a value, and their opposite', () => {
    const labels = { a: '1', b: '' };
    assert.equal(labelsPass({ label: ['a'] }, labels), true);
    assert.equal(labelsPass({ label: ['a=1', 'b'] }, labels), true);
    assert.equal(labelsPass({ label: ['a=2'] }, labels), false);
    assert.equal(labelsPass({ 'label!': ['a=1'] }, labels), false);
    assert.equal(labelsPass({ 'label!': ['c'] }, labels), true);
    assert.equal(labelsPass({ label: ['toString'] }, labels), false);
  });

  test('that are unknown or no booleans are refused', () => {
    assert.equal(
      refusal(() => checkFilters({ foo: ['x'] }, ['name'])),
      "invalid filter 'foo'",
    );
    assert.equal(boolean({ dangling: ['true'] }, 'dangling'), true);
    assert.equal(boolean({ dangling: ['0'] }, 'dangling'), false);
    assert.equal(boolean({}, 'dangling'), null);
    assert.match(
      refusal(() => boolean({ dangling: ['maybe'] }, 'dangling')),
      /^invalid filter 'dangling/,
    );
  });
});
