/** Markdown on a terminal written to line by line. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadTerminalMarkdown } from '../../src/plain/terminal-markdown.js';
import { textWidth } from '../../src/tui/text/width.js';
import { NO_END, NO_START } from '../../src/tui/text/wrap.js';

const render = await loadTerminalMarkdown();
const lessons = fileURLToPath(new URL('../../lessons', import.meta.url));
const texts = readdirSync(lessons, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'));
const bare = (text: string): string => text.replace(/\u001b\[[\d;]*m/g, '');

test('tight lists, tasks, code and links show no marks and nothing twice', () => {
  const markdown =
    '- **bold** and `a:b:c`\n- [x] done\n- [l](http://e.example/)\n\n1. one\n2. *two*\n\n| `x:y` |\n|---|\n| `z:w` |';
  const text = render(markdown, { columns: 60, color: false });
  assert.match(text, /^ {2}\* bold and a:b:c$/m);
  assert.match(text, /^ {2}\* \[X\] +done$/m);
  assert.match(text, /^ {2}\* l \(http:\/\/e\.example\/\)$/m);
  assert.match(text, /^ {2}2\. two$/m);
  assert.match(text, /│ x:y │/);
  assert.match(text, /│ z:w │/);
  assert.doesNotMatch(text, /[*`]{2}|`|\u001b|#COLON/);
});

test('emphasis is SGR that ends on its line, also where a line is broken', () => {
  const text = render(`- some **${'bold words '.repeat(12).trim()}** and the end`, { columns: 40, color: true });
  const lines = text.split('\n');
  assert.ok(lines.length > 3);
  for (const line of lines) {
    assert.ok(textWidth(bare(line)) <= 40, line);
    const last = [...line.matchAll(/\u001b\[([\d;]*)m/g)].at(-1)?.[1];
    assert.ok(last === undefined || last === '0' || last === '22', JSON.stringify(line));
  }
  assert.match(lines[1]!, /^ {4}\u001b\[1m(bold|words)/);
  assert.doesNotMatch(lines.at(-1)!.split('end')[1] ?? '', /\u001b\[1m/);
});

test('commands and tables stay whole, however narrow the terminal', () => {
  const command = `ip link add ${'very-long-name '.repeat(8).trim()}`;
  assert.ok(
    render(`\`\`\`sh\n${command}\nnext\n\`\`\``, { columns: 30, color: true }).includes(
      `    ${command}\n    next`.trimStart(),
    ),
  );
});

test('a program cannot speak to the terminal through a lesson', () => {
  const evil = 'a\u001b[2Jb\u0007 `c\u001b]0;t\u0007d` [e\u009b1m](http://x/\u001b[5m)\n\n    code\u001b[3Je\u0001\n';
  assert.doesNotMatch(render(evil, { columns: 60, color: false }), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test('every lesson, both languages: no line too wide, none begins or ends with the wrong punctuation', () => {
  assert.ok(texts.length > 10);
  for (const path of texts) {
    const source = readFileSync(join(lessons, path), 'utf8')
      .replace(/^(```|~~~)[\s\S]*?^\1/gm, '')
      .replace(/^ {4}.*$|^\|.*$/gm, '');
    for (const columns of [40, 73]) {
      for (const line of render(source, { columns, color: false }).split('\n')) {
        const text = line.trim().replace(/^(\* |\d+\. )/, '');
        assert.ok(textWidth(line) <= columns, `${path} at ${columns}: ${line}`);
        assert.doesNotMatch(text, /^[，。、；：？！）】》”’]/u, `${path} at ${columns}`);
        assert.doesNotMatch(text, /[（【《“‘]$/u, `${path} at ${columns}`);
      }
    }
  }
  assert.ok(NO_START.test('，') && NO_END.test('（'));
});
