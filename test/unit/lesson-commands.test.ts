import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { loadCatalogue } from '../../src/lesson/catalogue.js';
import { LESSON_COMMANDS } from '../../src/lesson/commands.js';
import { programsOf } from '../../src/lesson/proof/prove-text.js';

async function run(lessons: string, ...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const [name, ...rest] = args;
  const status = await LESSON_COMMANDS[name!]!(rest, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    language: 'en',
    lessons,
    connect: () => Promise.reject(new Error('no lab is needed')),
  });
  return { status, out, err };
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'lessons-'));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('new writes a lesson that loads; list shows it; a second one of the name is refused', async () => {
  await inDirectory(async (directory) => {
    assert.equal((await run(directory, 'new', 'my-lesson')).status, 0);
    assert.deepEqual(loadCatalogue(directory).broken, []);
    const listed = await run(directory, 'list');
    assert.equal(listed.status, 0);
    assert.match(listed.out, /^ {2}1 {2}my-lesson {2}Title of the lesson/);
    assert.equal((await run(directory, 'new', 'my-lesson')).status, 1);
    assert.equal((await run(directory, 'new', '../escape')).status, 2);
    assert.equal((await run(directory, 'test', '--files')).status, 0);
  });
});

test('test: a stale translation fails until it is stamped; a wrong name gets a guess; a wrong option the usage', async () => {
  await inDirectory(async (directory) => {
    await run(directory, 'new', 'my-lesson');
    appendFileSync(join(directory, '01-my-lesson/text.en.md'), 'More.\n');
    const stale = await run(directory, 'test', '--files');
    assert.equal(stale.status, 1);
    assert.match(stale.err, /01-my-lesson\/text\.zh\.md:1:1: stale/);
    assert.equal((await run(directory, 'test', 'my-lesson', '--files')).status, 1, 'a broken lesson may be named');
    assert.equal((await run(directory, 'stamp', 'my-lesson')).status, 0);
    assert.equal((await run(directory, 'test', '--files')).status, 0);
    assert.match((await run(directory, 'test', 'my-lessen')).err, /did you mean my-lesson\?/);
    assert.equal((await run(directory, 'test', '--nosuch')).status, 2);
    assert.equal((await run(directory, 'stamp', 'other')).status, 1);
  });
});

test('schema prints what editors need, and it compiles', async () => {
  const { out } = await run('/nonexistent', 'schema');
  assert.equal(out, readFileSync(new URL('../../assets/lesson.schema.json', import.meta.url), 'utf8'));
  assert.ok(new Ajv({ strict: false }).compile(JSON.parse(out) as object));
});

test('programs of a shell line', () => {
  assert.deepEqual(
    programsOf('A=1 ip netns exec r1 ping -c 1 x | grep ok && echo done > f').map((use) => use.split(' ')[0]),
    ['ip', 'grep', 'echo'],
  );
  assert.deepEqual(
    programsOf('sleep 5 &').map((use) => use.split(' ')[0]),
    ['sleep'],
  );
});
