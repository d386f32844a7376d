import assert from 'node:assert/strict';
import test from 'node:test';
import { lineWidth } from '../../src/tui/text/fit.js';
import { markdownLines } from '../../src/tui/text/markdown.js';
import { plainText, type Span } from '../../src/tui/text/styled.js';

const show = (source: string, width = 40): string[] => markdownLines(source, width).map((l) => plainText(l).trimEnd());
const spans = (source: string): Span[] => markdownLines(source, 80).flat();

test('inline marks become styles: bold, emphasis, code, links, struck text, nothing raw is left', () => {
  const all = spans('a **b `c`** *d* ~~e~~ [f](https://g) <kbd>Enter</kbd> &lt;h&gt;');
  const find = (text: string): Span => all.find((s) => s.text === text)!;
  assert.deepEqual(find('b ').style, { role: 'strong', bold: true });
  assert.deepEqual(find('c').style, { role: 'code', bold: true });
  assert.equal(find('d').style?.italic, true);
  assert.equal(find('e').style?.strike, true);
  assert.equal(find('f').target, 'https://g');
  assert.equal(find('Enter').style?.role, 'key');
  assert.equal(all.map((s) => s.text).join(''), 'a b c d e f (https://g) Enter <h>');
});

test('marks inside list items are rendered; items wrap under their text', () => {
  assert.deepEqual(
    show('- item with **bold** and `code`\n- 第二项很长，需要换行才能显示完整\n  - nested\n\n1. one\n2. two', 20),
    [
      '• item with bold and',
      '  code',
      '• 第二项很长，需要换',
      '  行才能显示完整',
      '  ◦ nested',
      '',
      '1. one',
      '2. two',
    ],
  );
  assert.deepEqual(show('- [ ] todo\n- [x] done'), ['[ ] todo', '[x] done']);
});

test('commands are framed, keep every character, and a long one continues behind another mark', () => {
  const command = 'ip link add veth1.1 type veth peer name veth1.2 netns r1';
  const lines = show(`\`\`\`bash +exec\n${command}\n  indented  twice\n\`\`\``, 30);
  assert.match(lines[0]!, /^┌ bash ─+$/);
  assert.deepEqual(lines.slice(1, 4), ['│ ip link add veth1.1 type', '┊ veth peer name veth1.2 netns', '┊ r1']);
  assert.equal(lines[4], '│   indented  twice');
  const whole = markdownLines(`\`\`\`\n${command}\n\`\`\``, 30)
    .flat()
    .filter((s) => s.target === command);
  assert.ok(whole.length >= 2, 'each piece knows the whole command');
});

test('a command without blanks is cut at the edge rather than drawn outside', () => {
  for (const styled of markdownLines(`\`\`\`\n${'x'.repeat(90)}\n${' '.repeat(60)}y\n\`\`\``, 24))
    assert.ok(lineWidth(styled) <= 24 || plainText(styled).includes('y'));
});

test('headings, quotes, rules, tables, comments', () => {
  assert.deepEqual(show('# 标题\n\n> 引用\n\n---\n\n| a | 名 |\n|--|--:|\n| 1 | 二 |\n\n<!-- no -->\n\na<br>b', 12), [
    '标题',
    '━━━━',
    '',
    '▎ 引用',
    '',
    '────────────',
    '',
    'a │ 名',
    '──┼───',
    '1 │ 二',
    '',
    'a',
    'b',
  ]);
});

test('a line break between Chinese characters is no blank, between Latin words it is one', () => {
  assert.deepEqual(show('命名\n空间\nname\nspace'), ['命名空间 name space']);
});

test('escapes in a lesson cannot reach the terminal', () => {
  const all = spans('a\x1b[31m `b\x1b]0;x\x07` \u202e\n\n```\nc\x1b[2J\n```')
    .map((s) => s.text)
    .join('');
  assert.equal(/[\x00-\x1f\u202e]/.test(all), false);
});

test('a line break in the source is no blank beside a Chinese mark', () => {
  assert.deepEqual(show('没有自己的数，\nshell 和 Docker\n会说'), ['没有自己的数，shell 和 Docker 会说']);
  assert.deepEqual(show('one\ntwo'), ['one two']);
});
