import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

interface Row {
  readonly id: string;
  readonly what: string;
  readonly answer: string;
  readonly test: string;
  readonly name: string;
}

const folder = new URL('.', import.meta.url);
const rows = JSON.parse(readFileSync(new URL('../../docs/cve-record.json', import.meta.url), 'utf8')) as Row[];

test('every attack of the record has its test, and every file of attacks is in the record', () => {
  for (const row of rows) {
    assert.match(row.id, /^(CVE-\d{4}-\w+|GLASSBOX-\d+)$/);
    assert.ok(row.what !== '' && row.answer !== '', row.id);
    const text = readFileSync(new URL(row.test, folder), 'utf8').replaceAll("\\'", "'");
    assert.ok(text.includes(row.name), `${row.id}: ${row.test} has no test named ${row.name}…`);
  }
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length, 'a row stands twice');
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts') && name !== 'record.test.ts');
  for (const file of files)
    assert.ok(
      rows.some((row) => row.test === file),
      `${file} is not in the record`,
    );
});
