import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromExactJson, toExactJson } from '../../engine/kernel/exact-json.js';

const again = (value: unknown): unknown => fromExactJson(toExactJson(value));

test('big integers and bytes come back as what they were', () => {
  const value = {
    soft: 18446744073709551615n,
    hard: -1n,
    filter: Buffer.from([0, 255, 32]),
    list: [1n, null, 'x', 0.5],
  };
  assert.deepEqual(again(value), value);
  const part = new Uint8Array(Buffer.from('abcdef').buffer, 0, 0);
  assert.deepEqual(again({ part }), { part: Buffer.alloc(0) });
});

test('text that looks like what we write stays text', () => {
  const annotations = { a: '\0n5', b: '\0bAAAA', c: '\0s', d: '\0', e: 'n5', bigint: '5' };
  assert.deepEqual(again(annotations), annotations);
});

test('what is no JSON is refused', () => {
  assert.throws(() => fromExactJson('{"a":'), SyntaxError);
});
