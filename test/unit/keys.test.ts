import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { InputDecoder, type InputEvent } from '../../src/tui/input/decoder.js';
import { encodeKey, encodeMouse, encodePaste } from '../../src/tui/input/encode.js';
import { keyId } from '../../src/tui/input/keys.js';

function decode(...chunks: (string | Buffer)[]): InputEvent[] {
  const events: InputEvent[] = [];
  const decoder = new InputDecoder((event) => events.push(event));
  for (const chunk of chunks) decoder.write(chunk);
  decoder.stop();
  return events;
}
const ids = (...chunks: (string | Buffer)[]): string[] =>
  decode(...chunks).map((event) => (event.type === 'key' ? keyId(event.key) : event.type));

test('keys of the usual terminals', () => {
  for (const [bytes, id] of [
    ['a', 'a'],
    ['A', 'A'],
    ['你', '你'],
    [' ', 'space'],
    ['\r', 'enter'],
    ['\t', 'tab'],
    ['\x7f', 'backspace'],
    ['\x08', 'ctrl-backspace'],
    ['\x03', 'ctrl-c'],
    ['\x00', 'ctrl-space'],
    ['\x1c', 'ctrl-\\'],
    ['\x1b[A', 'up'],
    ['\x1bOB', 'down'],
    ['\x1b[1;5C', 'ctrl-right'],
    ['\x1b[1;3D', 'alt-left'],
    ['\x1b[1;2H', 'shift-home'],
    ['\x1b[5~', 'pageup'],
    ['\x1b[6;2~', 'shift-pagedown'],
    ['\x1b[3~', 'delete'],
    ['\x1bOP', 'f1'],
    ['\x1b[15~', 'f5'],
    ['\x1b[24~', 'f12'],
    ['\x1b[Z', 'shift-tab'],
    ['\x1bb', 'alt-b'],
    ['\x1b\r', 'alt-enter'],
    ['\x1b\x03', 'ctrl-alt-c'],
    ['\x1b[13;2u', 'shift-enter'],
    ['\x1b[97;5u', 'ctrl-a'],
    ['\x1b[27;5;9~', 'ctrl-tab'],
    ['\x1b[127;3u', 'alt-backspace'],
    ['\x1b[97:65;2u', 'A'],
  ] as const)
    assert.deepEqual(ids(bytes), [id], JSON.stringify(bytes));
});

test('a lone ESC is a key after a moment, not before; two are two', async () => {
  const events: string[] = [];
  const decoder = new InputDecoder((event) => event.type === 'key' && events.push(keyId(event.key)));
  decoder.write('\x1b');
  assert.deepEqual(events, []);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(events, ['escape']);
  decoder.write('\x1b\x1b');
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(events, ['escape', 'escape', 'escape']);
});

test('sequences and characters that arrive in pieces', () => {
  assert.deepEqual(ids('\x1b', '[', '1;5', 'C'), ['ctrl-right']);
  const bytes = Buffer.from('命🚀');
  assert.deepEqual(ids(...[...bytes].map((byte) => Buffer.from([byte]))), ['命', '🚀']);
  const pieces = decode('\x1b[20', '0~ab\x1b[2', '01', '~c');
  assert.deepEqual(
    pieces.map((e) => (e.type === 'paste' ? `paste ${e.text}` : e.type === 'key' ? e.key.name : '')),
    ['paste ab', 'c'],
  );
});

test('an input method commits several characters at once', () => {
  assert.deepEqual(ids('命名空间'), ['命', '名', '空', '间']);
});

test('answers of the terminal are no keys', () => {
  assert.deepEqual(
    ids(
      '\x1b[?62;22c',
      '\x1b[>41;354;0c',
      '\x1b[24;80R',
      '\x1b]11;rgb:00/00/00\x1b\\',
      '\x1b]52;c;eA==\x07',
      '\x1bP>|xterm\x1b\\',
      '\x1b_Gi=1;OK\x1b\\',
      '\x1b[?2026;2$y',
      '\x1b[I',
      '\x1b[O',
      'x',
    ),
    ['x'],
  );
});

test('pasted text is one event, whatever it contains', () => {
  const [event] = decode('\x1b[200~rm -rf /\r\n\x1b[A\x03\x1b[201~');
  assert.deepEqual(event, { type: 'paste', text: 'rm -rf /\r\n\x1b[A\x03' });
});

test('mouse in SGR form; the old form is skipped whole', () => {
  assert.deepEqual(decode('\x1b[<0;5;7M'), [
    { type: 'mouse', mouse: { action: 'press', button: 0, x: 4, y: 6, shift: false, alt: false, ctrl: false } },
  ]);
  assert.deepEqual(
    decode('\x1b[<64;1;1M', '\x1b[<81;2;2M', '\x1b[<34;3;3M', '\x1b[<2;3;3m').map(
      (e) => e.type === 'mouse' && [e.mouse.action, e.mouse.button, e.mouse.ctrl],
    ),
    [
      ['wheel-up', 3, false],
      ['wheel-down', 3, true],
      ['move', 2, false],
      ['release', 2, false],
    ],
  );
  assert.deepEqual(ids('\x1b[M !!x'), ['x']);
  assert.deepEqual(ids('\x1b[<0;0;0M', '\x1b[<;M', '\x1b[<66;1;1M', 'y'), ['y']);
});

test('any bytes in any pieces: no crash, no endless wait, and text between sequences is kept', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 8 }).map((a) => Buffer.from(a)),
          fc.constantFrom('\x1b', '\x1b[', '\x1b]', '\x1bP', '\x1b[<', '\x1b[200~', '\x1bO', '\x07', 'a'),
        ),
        { maxLength: 12 },
      ),
      (chunks) => {
        decode(...chunks);
      },
    ),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '中', 'Z', '9', ' ') }), (text) =>
      assert.equal(
        decode(text)
          .map((e) => (e.type === 'key' ? e.key.raw : ''))
          .join(''),
        text,
      ),
    ),
  );
});

test('every key goes to the shell as xterm sends it', () => {
  for (const bytes of [
    'a',
    '你',
    ' ',
    '\r',
    '\t',
    '\x7f',
    '\x03',
    '\x00',
    '\x1c',
    '\x1f',
    '\x1b[A',
    '\x1b[1;5C',
    '\x1b[5~',
    '\x1b[6;2~',
    '\x1bOP',
    '\x1b[24~',
    '\x1b[Z',
    '\x1bb',
    '\x1b\r',
    '\x08',
    '\n',
  ]) {
    const [event] = decode(bytes);
    assert.equal(event!.type === 'key' && encodeKey(event!.key, false), bytes, JSON.stringify(bytes));
  }
  const [up] = decode('\x1b[A');
  assert.equal(up!.type === 'key' && encodeKey(up!.key, true), '\x1bOA');
});

test('mouse reports as the program asked for them', () => {
  const press = { action: 'press', button: 0, x: 4, y: 6, shift: false, alt: false, ctrl: true } as const;
  assert.equal(encodeMouse(press, 4, 6, { tracking: 'none', sgr: true }), '');
  assert.equal(encodeMouse(press, 4, 6, { tracking: 'vt200', sgr: true }), '\x1b[<16;5;7M');
  assert.equal(encodeMouse(press, 4, 6, { tracking: 'x10', sgr: false }), '\x1b[M %\x27');
  assert.equal(encodeMouse({ ...press, action: 'release' }, 4, 6, { tracking: 'vt200', sgr: false }), '\x1b[M3%\x27');
  assert.equal(encodeMouse({ ...press, action: 'move' }, 4, 6, { tracking: 'vt200', sgr: true }), '');
  assert.equal(encodeMouse({ ...press, action: 'move' }, 4, 6, { tracking: 'drag', sgr: true }), '\x1b[<48;5;7M');
  assert.equal(encodeMouse({ ...press, action: 'move', button: 3 }, 4, 6, { tracking: 'drag', sgr: true }), '');
  assert.equal(encodeMouse(press, 300, 6, { tracking: 'vt200', sgr: false }), '');
});

test('pasted text cannot end its own mark', () => {
  assert.equal(encodePaste('a\x1b[201~b\nc', true), '\x1b[200~a[201~b\rc\x1b[201~');
  assert.equal(encodePaste('x\x03\x04', false), 'x');
});
