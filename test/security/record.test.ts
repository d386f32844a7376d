import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

interface Row {
  readonly id: string;
  readonly what: string;
  readonly answer: string;
  readonly test: string;
  readonly name: string;
  /** The same attack on a container of the OCI runtime. */
  readonly runtime?: Pick<Row, 'answer' | 'test' | 'name'>;
}

const folder = new URL('.', import.meta.url);
const rows = JSON.parse(readFileSync(new URL('../../docs/cve-record.json', import.meta.url), 'utf8')) as Row[];

test('every attack of the record has its test, and every file of attacks is in the record', () => {
  for (const row of rows) {
    // a published one, one found here, or a line of the list of attacks that has no number of its own
    assert.match(row.id, /^(CVE-\d{4}-\w+|GLASSBOX-\d+|[A-Z]\d{2})$/);
    assert.ok(row.what !== '', row.id);
    for (const { answer, test: file, name } of row.runtime === undefined ? [row] : [row, row.runtime]) {
      assert.ok(answer !== '', row.id);
      const text = readFileSync(new URL(file, folder), 'utf8').replaceAll("\\'", "'");
      assert.ok(text.includes(name), `${row.id}: ${file} has no test named ${name}…`);
    }
  }
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length, 'a row stands twice');
  const files = (readdirSync(folder, { recursive: true }) as string[]).filter(
    (name) => name.endsWith('.test.ts') && name !== 'record.test.ts',
  );
  assert.ok(files.includes('runtime/r01-exe.test.ts'), 'the folder of attacks on the runtime is not looked at');
  for (const file of files)
    assert.ok(
      rows.some((row) => row.test === file || row.runtime?.test === file),
      `${file} is not in the record`,
    );
});
