import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  lineWidth,
  pad,
  padLine,
  sliceLine,
  takeColumns,
  truncate,
  truncateLine,
  truncateStart,
} from '../../src/tui/text/fit.js';
import { sanitise, sanitiseLines } from '../../src/tui/text/sanitise.js';
import { glyphs, textWidth } from '../../src/tui/text/width.js';

test('columns of what lessons and the shell contain', () => {
  for (const [text, columns] of [
    ['abc', 3],
    ['命名空间', 8],
    ['，。', 4],
    ['“”…—', 4],
    ['🚀⚡', 4],
    ['e\u0301', 1],
    ['한국', 4],
    ['ｱ', 1],
    ['┌─┐', 3],
    ['⣿', 1],
    ['𠮷', 2],
    ['', 0],
    ['\x1b', 0],
  ] as const)
    assert.equal(textWidth(text), columns, JSON.stringify(text));
});

test('glyphs keep combining marks with their base and drop those without one', () => {
  assert.deepEqual(
    glyphs('\u0301ae\u0301中').map((g) => g.text),
    ['a', 'e\u0301', '中'],
  );
});

test('what is sanitised cannot act on a terminal, and stays as it is when sanitised again', () => {
  assert.equal(sanitise('a\x1b[31mb\x07\x9b2J\u202e'), 'a␛[31mb␇\ufffd2J');
  assert.equal(sanitise('a\tb'), 'a    b');
  assert.equal(sanitise('👨‍👩‍👧👍🏽🇨🇳⚠️'), '👨👍CN⚠');
  assert.equal(sanitise('\ud800x'), '\ufffdx');
  assert.equal(sanitise(`e${'\u0300\u0316'.repeat(50)}`).length < 8, true);
  assert.deepEqual(sanitiseLines('a\r\nb\nc'), ['a', 'b', 'c']);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const once = sanitise(text);
      assert.equal(/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/.test(once), false);
      assert.equal(sanitise(once), once);
    }),
  );
});

test('cutting and padding give exactly the columns asked for, never half a glyph', () => {
  assert.equal(truncate('命名空间', 5), '命名…');
  assert.equal(truncate('命名空间', 6), '命名…');
  assert.equal(truncate('abc', 3), 'abc');
  assert.equal(truncate('abc', 0), '');
  assert.equal(truncateStart('/sys/fs/cgroup/memory', 10), '…up/memory');
  assert.equal(pad('中', 5, 'right'), '   中');
  assert.equal(pad('中', 5, 'centre'), ' 中  ');
  const unit = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => sanitise(text));
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 4 }), fc.nat(30), fc.nat(20), (texts, columns, from) => {
      const styled = texts.map((text) => ({ text }));
      assert.equal(lineWidth(padLine(styled, columns)), columns);
      assert.ok(lineWidth(truncateLine(styled, columns)) <= columns);
      assert.ok(takeColumns(texts.join(''), columns).width <= columns);
      assert.equal(textWidth(pad(texts.join(''), columns)), columns);
      const slice = lineWidth(sliceLine(styled, from, from + columns));
      assert.equal(slice, Math.max(0, Math.min(columns, lineWidth(styled) - from)), 'a slice has its columns');
    }),
  );
});
