import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { takeChunks } from '../../engine/api/docker/http/chunks.js';
import { jsonFault } from '../../engine/api/docker/http/json-syntax.js';

describe('what is wrong with a JSON text', () => {
  const said: readonly (readonly [string, string])[] = [
    ['{invalid', "invalid character 'i' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['invalid', "invalid character 'i' looking for beginning of value"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":tru1}', "invalid character '1' in literal true (expecting 'e')"],
    ['{"a":"\n"}', "invalid character '\\n' in string literal"],
    ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
    ['{"a":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"],
    ['[-a]', "invalid character 'a' in numeric literal"],
    ['[1.x]', "invalid character 'x' after decimal point in numeric literal"],
    ['[1ex]', "invalid character 'x' in exponent of numeric literal"],
    ['{"a":', 'unexpected EOF'],
    ['{} trailing', 'unexpected content after JSON'],
  ];
  for (const [text, words] of said)
    test(JSON.stringify(text), () => {
      assert.throws(() => JSON.parse(text) as unknown, SyntaxError);
      assert.equal(jsonFault(text), words);
    });

  test('is said of any text, in bounded time', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\ut1e.-+ \n') }), (text) => {
        assert.match(jsonFault(text), /^(invalid character|unexpected EOF$|unexpected content after JSON$)/);
      }),
    );
    assert.equal(jsonFault('['.repeat(1 << 20)), 'unexpected EOF');
  });
});

describe('a body in chunks', () => {
  const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

  test('is taken however it was cut, with what comes behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { maxLength: 5 }), fc.string(), (parts, behind) => {
        const sent = Buffer.from(`${parts.map(chunk).join('')}0\r\nSum: 1\r\n\r\n${behind}`);
        const taken = takeChunks(sent, 1 << 16);
        assert.deepEqual([taken?.body.toString(), taken?.early.toString()], [parts.join(''), behind]);
        const whole = sent.length - Buffer.byteLength(behind);
        for (let end = 0; end < whole; end++)
          assert.equal(takeChunks(sent.subarray(0, end), 1 << 16), null, `${end} bytes`);
      }),
      { numRuns: 50 },
    );
  });

  test('has a bounded size, and chunks that are what they say', () => {
    assert.throws(() => takeChunks(Buffer.from('11\r\n'), 16), /larger than 16 bytes/);
    assert.throws(() => takeChunks(Buffer.from(`${'8\r\n12345678\r\n'.repeat(3)}`), 16), /larger than 16 bytes/);
    for (const bad of ['x\r\n', '-1\r\n', '2\r\nabc\r\n', '123456789\r\n', `${'1'.repeat(2000)}`])
      assert.throws(() => takeChunks(Buffer.from(bad), 1 << 16), /malformed chunked encoding/, bad.slice(0, 20));
  });
});
