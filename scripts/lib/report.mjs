/**
 * A node:test reporter that writes one JSON value a line: each finished test with its result, for test.mjs to count.
 * Suites (`describe`) are not counted: their tests are. A file that holds no test is reported by the runner as one
 * passing test with the file's own name; it is marked `empty`, since it proves nothing.
 */
import { basename } from 'node:path';

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    const file = data.file ?? data.name;
    const isFile = data.nesting === 0 && basename(data.name) === basename(file) && data.name.endsWith('.test.ts');
    const skipped = data.skip !== undefined && data.skip !== false;
    const row = {
      name: data.name,
      file,
      result: skipped
        ? 'skipped'
        : type === 'test:fail' && !(data.todo !== undefined && data.todo !== false)
          ? 'failed'
          : 'passed',
      empty: isFile && type === 'test:pass',
      reason: typeof data.skip === 'string' ? data.skip : '',
      ms: Math.round(data.details?.duration_ms ?? 0),
    };
    yield `${JSON.stringify(row)}\n`;
  }
}
