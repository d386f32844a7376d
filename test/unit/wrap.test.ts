import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { lineWidth } from '../../src/tui/text/fit.js';
import { markdownLines } from '../../src/tui/text/markdown.js';
import { sanitise } from '../../src/tui/text/sanitise.js';
import { plainText } from '../../src/tui/text/styled.js';
import { columnWidths, tableLines } from '../../src/tui/text/table.js';
import { textWidth } from '../../src/tui/text/width.js';
import { NO_END, NO_START, wrapLine, wrapText } from '../../src/tui/text/wrap.js';

const SAMPLE =
  'Linux 命名空间 把一个全局系统资源包装成抽象，使得其中的进程看起来拥有自己独立的实例。运行 unshare --pid --fork --mount-proc bash，然后看看 ps aux，你会发现进程号是 1。（括号）“引号”《书名》……完。';

test('no line is too wide, none starts with closing or ends with opening punctuation, nothing is lost', () => {
  for (let width = 20; width <= 100; width++) {
    const lines = wrapText(SAMPLE, width);
    for (const [index, text] of lines.entries()) {
      assert.ok(textWidth(text) <= width, `${width}: ${text}`);
      if (index > 0) assert.equal(NO_START.test(text), false, `${width}: ${text}`);
      if (index < lines.length - 1) assert.equal(NO_END.test([...text].at(-1)!), false, `${width}: ${text}`);
    }
    assert.equal(lines.join('').replaceAll(' ', ''), SAMPLE.replaceAll(' ', ''));
  }
});

test('Latin words stay whole where they fit, and are cut where they do not', () => {
  assert.deepEqual(wrapText('make a namespace now', 10), ['make a', 'namespace', 'now']);
  assert.deepEqual(wrapText('abcdefghij', 4), ['abcd', 'efgh', 'ij']);
  assert.deepEqual(wrapText('', 10), ['']);
  assert.deepEqual(wrapText('中文', 1), ['中', '文']);
});

test('inline code is broken at its blanks only when it fits on no line', () => {
  const code = { text: 'ip link set br0 up', style: { role: 'code' as const } };
  assert.deepEqual(wrapLine([{ text: '现在运行 ' }, code, { text: ' 并观察' }], 20).map(plainText), [
    '现在运行',
    'ip link set br0 up',
    '并观察',
  ]);
  assert.deepEqual(wrapLine([code], 12).map(plainText), ['ip link set', 'br0 up']);
});

test('any text at any width: nothing is lost, nothing too wide', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }).map((t) => sanitise(t)),
      fc.integer({ min: 2, max: 40 }),
      (text, width) => {
        const lines = wrapText(text, width);
        for (const part of lines) assert.ok(textWidth(part) <= width, JSON.stringify(part));
        assert.equal(
          lines.join('').replaceAll(' ', ''),
          text
            .normalize('NFC')
            .replace(/^\p{M}+/u, '')
            .replaceAll(' ', ''),
        );
      },
    ),
  );
});

test('every lesson in both languages, at widths 20 to 100, as the lesson pane shows it', (t) => {
  const root = fileURLToPath(new URL('../../lessons/', import.meta.url));
  const files = existsSync(root) ? lessonTexts(root) : [];
  t.diagnostic(`${files.length} texts`);
  for (const file of files) {
    const source = readFileSync(file, 'utf8');
    for (let width = 20; width <= 100; width += 4)
      for (const styled of markdownLines(source, width)) {
        const text = plainText(styled);
        assert.ok(lineWidth(styled) <= width, `${file} at ${width}: ${text}`);
        assert.equal(/^[，。、；：？！）】》”’]/u.test(text.trimStart()), false, `${file} at ${width}: ${text}`);
        assert.equal(/[（【《“‘]$/u.test(text.trimEnd()), false, `${file} at ${width}: ${text}`);
      }
  }
});

function lessonTexts(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /text\.(en|zh)\.md$/.test(name))
    .map((name) => join(root, name));
}

test('tables fit: the widest column gives way, cells wrap, Chinese is aligned', () => {
  assert.deepEqual(columnWidths([3, 40, 5], 30), [3, 16, 5]);
  assert.deepEqual(columnWidths([30, 30], 20), [8, 9]);
  const rows = tableLines(
    [[{ text: '名称' }], [{ text: 'what' }]],
    [[[{ text: '网桥' }], [{ text: '把几个网络命名空间连接在一起的虚拟交换机' }]]],
    ['left', 'right'],
    24,
  );
  for (const row of rows) assert.equal(lineWidth(row), 24, plainText(row));
  assert.equal(new Set(rows.map((row) => textWidth(plainText(row).split(/[│┼]/)[0]!))).size, 1);
});
