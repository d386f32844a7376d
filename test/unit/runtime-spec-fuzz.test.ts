import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../../engine/kernel/errors.js';
import { defaultSpec } from '../../engine/runtime/spec/default-spec.js';
import { parseJson } from '../../engine/runtime/spec/json.js';
import { MAX_SPEC_BYTES, parseSpec } from '../../engine/runtime/spec/parse.js';
import { type HostFacts, hostFacts } from '../../engine/runtime/spec/rule.js';
import { validateSpec } from '../../engine/runtime/spec/validate.js';
import { changed, FINE } from './runtime-spec-cases.js';

const RUNS = Number(process.env['GLASSBOX_FUZZ_RUNS'] ?? 2000);
/** One file of this size is parsed in milliseconds; a busy machine gets a thousand times that. */
const LIMIT_MS = 5000;
const HOST: HostFacts = { ...hostFacts(), selinux: false, apparmor: false };

const base = JSON.parse(defaultSpec({ unifiedCgroups: false })) as object;
const SEEDS = FINE.map(({ change }) => Buffer.from(JSON.stringify(changed(base, change))));

/** A Spec, or one EngineError; what the parser takes the validator must be able to judge. */
function outcome(bytes: Buffer): 'taken' | 'refused' {
  const start = process.hrtime.bigint();
  try {
    const spec = parseSpec(parseJson(bytes.toString('utf8')));
    assert.equal(typeof spec.root.path, 'string');
    assert.ok(Array.isArray(spec.mounts) && Array.isArray(spec.linux.namespaces), 'not a Spec');
    validateSpec(spec, { rootless: bytes.length % 2 === 0, bundle: '/', host: HOST });
    return 'taken';
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    assert.equal(error.code, 'InvalidArgument');
    assert.ok(
      error.message.length > 0 && error.message.length < 2000,
      `a message of ${error.message.length} characters`,
    );
    return 'refused';
  } finally {
    const took = Number(process.hrtime.bigint() - start) / 1e6;
    assert.ok(took < LIMIT_MS, `took ${took} ms`);
  }
}

const TOKENS = [
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  '18446744073709551616',
  '""',
  '"\\u0000"',
  '{}',
  '[]',
  '[[]]',
  '"__proto__"',
  ',',
  ':',
  '"',
  '{"a":',
  '\\',
  '\ufffd',
];

/** Flip a bit, cut, repeat a piece, put a token somewhere, swap a value: what a broken disk or a hostile bundle makes. */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat({ max: 7 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), length: fc.nat({ max: 200 }), to: fc.nat() }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), token: fc.constantFrom(...TOKENS) }),
  fc.record({ kind: fc.constant('value' as const), at: fc.nat(), token: fc.constantFrom(...TOKENS) }),
  fc.record({ kind: fc.constant('bytes' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 8 }) }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(bytes: Buffer, change: Mutation): Buffer {
  if (bytes.length === 0) return bytes;
  const at = change.at % bytes.length;
  const splice = (from: number, to: number, middle: Uint8Array): Buffer =>
    Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);
  switch (change.kind) {
    case 'flip':
      return splice(at, at + 1, Buffer.from([bytes[at]! ^ (1 << change.bit)]));
    case 'cut':
      return bytes.subarray(0, at);
    case 'repeat':
      return splice(change.to % bytes.length, change.to % bytes.length, bytes.subarray(at, at + change.length));
    case 'insert':
      return splice(at, at, Buffer.from(change.token));
    case 'bytes':
      return splice(at, at + change.bytes.length, change.bytes);
    case 'value': {
      const text = bytes.toString('latin1');
      const values = [...text.matchAll(/(?<=[:[,])("[^"]*"|[0-9]+|true|false|null)(?=[,}\]])/g)];
      const value = values[change.at % Math.max(1, values.length)];
      return value === undefined
        ? bytes
        : splice(value.index, value.index + value[0].length, Buffer.from(change.token));
    }
    default:
      return change satisfies never;
  }
}

describe('config.json with other bytes', () => {
  it(`is a Spec or one EngineError (${RUNS} files)`, () => {
    const counts = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...SEEDS), fc.array(mutation, { minLength: 1, maxLength: 5 }), (seed, changes) => {
        counts[outcome(changes.reduce(mutate, seed))]++;
      }),
      { numRuns: RUNS },
    );
    assert.ok(counts.refused > RUNS / 4, `only ${counts.refused} of ${RUNS} files were broken`);
  });

  it('is refused in bounded time and memory when it is as large as allowed', () => {
    const fill = (before: string, unit: string, after: string): Buffer =>
      Buffer.from(
        before + unit.repeat(Math.floor((MAX_SPEC_BYTES - before.length - after.length) / unit.length)) + after,
      );
    const start = '{"root":{"path":"r"},"process":{"cwd":"/","args":["a"';
    for (const [name, bytes] of [
      ['arguments', fill(start, ',""', ']}}')],
      ['one long argument', fill(`${start},"`, 'a', '"]}}')],
      ['escapes', fill(`${start},"`, '\\u0061', '"]}}')],
      ['quotes', fill('', '"', '')],
      ['backslashes', fill('"', '\\', '')],
      ['digits', fill('{"root":{"path":"r"},"process":{"oomScoreAdj":', '9', '}}')],
      ['depth of lists', fill('', '[', '')],
      ['depth of objects', fill('', '{"a":', '')],
      ['empty objects', fill('{"root":{"path":"r"},"mounts":[{}', ',{}', ']}')],
      ['white space', fill('{', ' ', '')],
      ['environment', fill('{"root":{"path":"r"},"process":{"env":[""', ',"A=B"', ']}}')],
    ] as const) {
      global.gc?.();
      const before = process.memoryUsage().rss;
      assert.equal(outcome(bytes), 'refused', name);
      const grown = (process.memoryUsage().rss - before) / 2 ** 20;
      assert.ok(grown < 600, `${name}: ${grown} MiB more memory`);
    }
  });

  it('keeps many keys and many rules apart in linear time', () => {
    const keys = Array.from({ length: 60_000 }, (_, index) => `"k${index}":"v"`).join(',');
    const document = (linux: string): Buffer =>
      Buffer.from(`{"root":{"path":"r"},"annotations":{${keys}},"linux":{${linux}}}`);
    assert.equal(outcome(document('')), 'refused');
    const many = (member: string, item: string): Buffer =>
      document(`"${member}":[${Array(60_000).fill(item).join(',')}]`);
    assert.equal(outcome(many('namespaces', '{"type":"pid"}')), 'refused');
    assert.equal(outcome(many('devices', '{"type":"c"}')), 'refused');
  });
});
