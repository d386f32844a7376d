/** Every lesson of the course keeps its fourteen promises, in real labs of the real engine. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
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

/** Lessons whose goals are ratios of processor time: nothing else of ours may run beside them. */
const ALONE = new Set(['cgroups']);

function prove(lesson: (typeof catalogue.lessons)[number]): void {
  test(`lesson ${lesson.number} ${lesson.id}`, { skip, timeout: 1_200_000 }, async (t) => {
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

// Most of a lesson's proof is waiting: for a goal that must stay unmet, for a ping that nobody answers.
describe('lessons side by side', { concurrency: 3 }, () => {
  for (const lesson of catalogue.lessons) if (!ALONE.has(lesson.id)) prove(lesson);
});
describe('lessons that need the machine for themselves', { concurrency: 1 }, () => {
  for (const lesson of catalogue.lessons) if (ALONE.has(lesson.id)) prove(lesson);
});
