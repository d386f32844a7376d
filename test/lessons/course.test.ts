/** Every lesson of the course keeps its fourteen promises, in real labs of the real engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectEngine } from '../../src/engine-client.js';
import { checkCatalogue, loadCatalogue } from '../../src/lesson/catalogue.js';
import { lessonTest } from '../../src/lesson/commands.js';
import { formatProblem } from '../../src/lesson/source.js';

const skip = process.getuid?.() === 0 ? undefined : "needs root: several lessons need control groups of the lab's own";
const catalogue = loadCatalogue();

test('the files of every lesson are valid, complete in both languages, fresh, and fit together', () => {
  const problems = [...catalogue.broken.flatMap((one) => one.problems), ...checkCatalogue(catalogue)];
  assert.deepEqual(problems.map(formatProblem), []);
  assert.ok(catalogue.lessons.length > 0, 'there are lessons');
});

for (const lesson of catalogue.lessons) {
  test(`lesson ${lesson.number} ${lesson.id}`, { skip, timeout: 600_000 }, async (t) => {
    let out = '';
    const sink = { write: (text: string) => (out += text) };
    const status = await lessonTest([lesson.id], {
      stdout: sink,
      stderr: sink,
      language: 'en',
      connect: connectEngine,
    });
    for (const line of out.split('\n').filter((one) => one.startsWith('skip '))) t.diagnostic(line);
    assert.equal(status, 0, out);
  });
}
