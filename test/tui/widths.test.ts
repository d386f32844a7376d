import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { padLine, sliceLine } from '../../src/tui/text/fit.js';
import { sanitise } from '../../src/tui/text/sanitise.js';
import { textWidth } from '../../src/tui/text/width.js';
import { bareScreen, wrongCells } from './oracle.js';

/** The fifteen kinds of text that terminals and stock blessed get wrong in one way or another. */
const CASES: Readonly<Record<string, string>> = {
  'plain CJK': '命名空间把一个全局系统资源包装成抽象',
  mixed: 'veth 对 veth1.1 连到 br0 网桥 ok',
  'full-width punctuation': '，。、；：？！（）【】《》“”',
  'CJK extension B': '𠮷野家𠀀𠀁',
  'half-width kana': 'ｱｲｳｴｵｶﾞｷﾞ',
  Hangul: '컨테이너 네임스페이스 각',
  'BMP emoji': '⚡⭐❌✅⏰⛔ end',
  'astral emoji': '🚀📦🐳🔥 end',
  'VS16 emoji': '⚠️ ❤️ ✔️ ☁️ end',
  'ZWJ sequences': '👨‍👩‍👧 👩‍💻 🏳️‍🌈 end',
  flags: '🇨🇳 🇺🇸 end',
  'combining marks': 'e\u0301a\u0308n\u0303 café ष्',
  'boxes, arrows, braille': '┌─┐│└┘ ←→↑↓ ⣿⡇⢸ ▁▂▃█',
  'zero-width space': 'a\u200bb\u200bc 中\u200b文',
  tabs: 'a\tb\t中\tc',
};

for (const [name, text] of Object.entries(CASES))
  test(`every cell is shown as meant: ${name}`, async () => {
    const { screen, out, paint } = bareScreen(60, 6);
    for (const shift of [0, 1])
      await paint(() => {
        for (let y = 0; y < 6; y++)
          screen.canvas.line(0, y, 60, [{ text: ' '.repeat(shift) + '|'.repeat(y) + sanitise(text) }, { text: '|' }]);
      });
    assert.deepEqual(wrongCells(screen, out), []);
    const shown = out.text()[0]!.trim();
    assert.ok(shown.endsWith('|') && shown.length > 2, `the line is there: ${shown}`);
    // The bar after the text stands in the column that the widths promise.
    assert.equal(textWidth(out.text()[0]!), 1 + textWidth(sanitise(text)) + 1);
    screen.destroy();
  });

test('an overlay over odd and even columns of wide glyphs, moved and taken away', async () => {
  const { screen, out, paint } = bareScreen(40, 8);
  const below = (): void => {
    for (let y = 0; y < 8; y++) screen.canvas.line(0, y, 40, [{ text: (y % 2 ? ' ' : '') + '命名空间🚀'.repeat(5) }]);
  };
  for (const x of [4, 5, 6, 9, 0, 1, 31, 32]) {
    await paint(() => {
      below();
      for (let y = 2; y < 6; y++) screen.canvas.line(x, y, 8, [{ text: '┃ok 容器' }]);
    });
    assert.deepEqual(wrongCells(screen, out), [], `overlay at column ${x}`);
  }
  await paint(below);
  assert.deepEqual(wrongCells(screen, out), []);
  assert.equal(out.text()[3]!.includes('ok'), false);
  screen.destroy();
});

test('a frame without a change writes nothing, scrolled Chinese writes only what moved', async () => {
  const { screen, out, paint } = bareScreen(200, 60);
  const draw = (from: number) => (): void => {
    for (let y = 0; y < 60; y++)
      screen.canvas.line(0, y, 200, [{ text: `第 ${y + from} 行：命名空间 🚀 把资源包装`, style: { role: 'code' } }]);
  };
  await paint(draw(0));
  out.takeBytes();
  await paint(draw(0));
  assert.equal(out.takeBytes(), 0);
  assert.equal(out.writes, 0);
  await paint(draw(1));
  const scrolled = out.takeBytes();
  assert.ok(scrolled > 0 && scrolled < 2500, `${scrolled} bytes for a scroll by one`);
  assert.deepEqual(wrongCells(screen, out), []);
  screen.destroy();
});

test('a frame is one write', async () => {
  const { screen, out, paint } = bareScreen(80, 24);
  out.takeBytes();
  await paint(() => {
    for (let y = 0; y < 24; y++) screen.canvas.line(0, y, 80, [{ text: `line ${y} 中文` }]);
  });
  assert.equal(out.writes, 1);
  assert.ok(out.written.startsWith('\x1b[?2026h') && out.written.endsWith('\x1b[?2026l'));
  screen.destroy();
});

test('1,000 fuzzed strings in random places: 0 wrong cells', async () => {
  const { screen, out, paint } = bareScreen(50, 12);
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'grapheme-composite', maxLength: 12 }),
    fc.constantFrom(...Object.values(CASES)),
    fc.constantFrom('中', 'a', '\x1b[31m', '\x1b]0;t\x07', '\u202e', '\r\n', '\x9b', '容器', ' '),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 5 }),
      fc.nat(49),
      fc.nat(11),
      fc.integer({ min: 1, max: 30 }),
      fc.nat(9),
      async (pieces, x, y, width, from) => {
        const text = sanitise(pieces.join(''));
        assert.equal(/[\x00-\x1f\x7f-\x9f]/.test(text), false, 'no control character is left');
        // Two symbols that Unicode 11 had as wide emoji and later versions have not.
        fc.pre(!/[\u{1f93b}\u{1f946}]/u.test(text));
        // Combining marks of scripts added since: a terminal of Unicode 11 takes them for letters (Garay, for example).
        fc.pre(!/\p{M}/u.test(text.replace(/[\u0300-\ufaff]/gu, '')));
        const room = Math.min(width, 50 - x);
        await paint(() => {
          screen.canvas.line(x, y, room, padLine(sliceLine([{ text }], from, from + room), room));
        });
        assert.deepEqual(wrongCells(screen, out), [], JSON.stringify(text));
      },
    ),
    // The screen keeps its history, so a smaller example would be another one.
    { numRuns: 1000, endOnFailure: true },
  );
  screen.destroy();
});
