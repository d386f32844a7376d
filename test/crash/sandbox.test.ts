import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** Test files as they are run again in a sandbox. */
describe('a test file in a sandbox', { skip: isRoot ? false : 'needs root for namespaces' }, () => {
  let place: string;
  const before = process.env['GLASSBOX_TEST_ROWS'];
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'glassbox-sandbox-'));
    mkdirSync(join(place, 'rows'));
    process.env['GLASSBOX_TEST_ROWS'] = join(place, 'rows');
  });
  afterEach(() => {
    rmSync(place, { recursive: true, force: true });
    if (before === undefined) delete process.env['GLASSBOX_TEST_ROWS'];
    else process.env['GLASSBOX_TEST_ROWS'] = before;
  });

  const run = (text: string): void => {
    const file = join(place, 'inner.test.mjs');
    writeFileSync(file, `import { after, describe, it, test } from 'node:test';\n${text}`);
    rerunInSandbox(pathToFileURL(file).href, { timeoutMs: 60_000 });
  };
  const fails = (text: string, why: RegExp): void => assert.throws(() => run(text), why);

  it('tells of what it skips inside, with the reason', () => {
    run(`
      test('runs', () => process.stdout.write('not the end of a line'));
      describe('of a group', () => it('cannot', { skip: 'no disk' }, () => {}));
      test('may not', (t) => t.skip('not here'));`);
    const files = readdirSync(join(place, 'rows'));
    assert.equal(files.length, 1);
    const rows = readFileSync(join(place, 'rows', files[0]!), 'utf8')
      .trim()
      .split('\n');
    assert.deepEqual(
      rows.map((line) => JSON.parse(line) as object).map((row) => ({ ...row, ms: 0 })),
      [
        ['runs', 'passed', ''],
        ['cannot', 'skipped', 'no disk'],
        ['may not', 'skipped', 'not here'],
      ].map(([name, result, reason]) => ({
        name,
        file: join(place, 'inner.test.mjs'),
        result,
        empty: false,
        reason,
        ms: 0,
      })),
    );
  });

  it('fails with what fails inside: a test, what comes after all, what nobody waits for, the file itself', () => {
    const passes = "test('runs', () => {});";
    fails(`${passes} test('does not', () => { throw new Error('broken'); });`, /exit 1, no signal.*broken/s);
    fails(`${passes} after(() => { throw new Error('left behind'); });`, /exit 1/);
    fails("test('runs', () => { setTimeout(() => { throw new Error('late'); }, 1); });", /exit 1.*late/s);
    fails(`${passes} throw new Error('at the top');`, /at the top/);
    fails(`${passes} test('hangs', () => new Promise(() => {}));`, /exit 1.*hangs/s);
  });

  it('is no proof when nothing runs, or when it ends before its tests', () => {
    fails('', /no test ran/);
    fails("test('cannot', { skip: 'no disk' }, () => {});", /no test ran/);
    fails("test('runs', () => {}); test('ends', () => process.exit(0));", /ended before its tests/);
  });
});
