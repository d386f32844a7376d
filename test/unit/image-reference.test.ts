import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  canonical,
  familiar,
  parseAnyReference,
  parseReference,
  parseTagged,
  withDigest,
  withTag,
} from '../../engine/image/reference.js';
import { REFERENCES } from '../helpers/docker/references.js';

describe('names of images', () => {
  for (const [text, expected] of REFERENCES)
    it(`${JSON.stringify(text.slice(0, 60))}: ${typeof expected === 'string' ? expected.slice(0, 80) : 'is one'}`, () => {
      if (typeof expected === 'string') assert.throws(() => parseReference(text), { message: expected });
      else {
        const parsed = parseReference(text);
        assert.deepEqual([canonical(parsed), familiar(parsed)], expected);
      }
    });

  it('reads what it wrote as the same', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
    const domain = fc.constantFrom(
      '',
      'docker.io/',
      'index.docker.io/',
      'localhost/',
      'LocalHost/',
      'a.b:5000/',
      '[::1]:80/',
    );
    const tag = fc.oneof(fc.constant(''), fc.stringMatching(/^:\w[\w.-]{0,20}$/));
    const digest = fc.constantFrom('', `@sha256:${'0a'.repeat(32)}`);
    fc.assert(
      fc.property(domain, fc.array(word, { minLength: 1, maxLength: 4 }), tag, digest, (from, words, colon, at) => {
        const once = parseReference(`${from}${words.join('/')}${colon}${at}`);
        assert.deepEqual(parseReference(canonical(once)), once);
        // docker.io/a.b/c is a.b/c in short, which is another: so it is in Docker
        const isClear = once.domain !== 'docker.io' || !/^[^/]*\.[^/]*\/|^localhost\//.test(once.path);
        if (isClear) assert.deepEqual(parseReference(familiar(once)), once);
      }),
    );
  });

  it('never takes long, whatever the text', () => {
    const pieces = ['a', '-', '--', '__', '_', '.', '/', ':', '@', 'A', '0', 'sha256:', '[', ']', ' '];
    const attack = fc
      .tuple(
        fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }),
        fc.constantFrom('', '!', '/', '-', ':'),
      )
      .map(([few, end]) => few.join('').repeat(Math.ceil(100_000 / few.join('').length)) + end);
    fc.assert(
      fc.property(attack, fc.integer({ min: 100, max: 4096 }), (text, length) => {
        for (const one of [text, text.slice(0, length)]) {
          const before = process.cpuUsage();
          try {
            parseReference(one);
          } catch (error) {
            assert.match((error as Error).message, /reference format|repository name|digest/);
          }
          assert.ok(process.cpuUsage(before).user < 3_000_000, `${one.slice(0, 40)}… took long`);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('tells ids from names', () => {
    const hex = 'ab'.repeat(32);
    assert.deepEqual(parseAnyReference(hex), { id: `sha256:${hex}` });
    assert.deepEqual(parseAnyReference(`sha256:${hex}`), { id: `sha256:${hex}` });
    assert.ok('name' in parseAnyReference('abcdef'), 'a short id may be a name');
    assert.ok('name' in parseAnyReference(`busybox@sha256:${hex}`), 'a name with a digest is a name');
  });

  it('puts tags and digests in the place of others', () => {
    const one = parseTagged('a/b');
    assert.equal(familiar(one), 'a/b:latest');
    assert.equal(familiar(withTag(one, 'v1')), 'a/b:v1');
    const digest = `sha256:${'1'.repeat(64)}`;
    const id = parseAnyReference(digest);
    assert.ok('id' in id, 'it is a digest');
    assert.equal(familiar(withDigest(one, id.id)), `a/b@${digest}`);
    assert.throws(() => withTag(one, '-x'), { message: 'invalid tag format' });
  });
});
