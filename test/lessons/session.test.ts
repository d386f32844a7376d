import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Engine, Lab } from '../../engine/api/types.js';
import { connectEngine } from '../../src/engine-client.js';
import { Journal, loadJournal } from '../../src/lesson/journal.js';
import { LessonSession } from '../../src/lesson/session.js';
import type { LessonSource } from '../../src/lesson/source.js';
import { pageOf } from '../../src/lesson/view.js';
import { guideLesson, guideLessons } from './guide-example.js';

const root = process.getuid?.() === 0 ? undefined : 'needs root: the in-process engine makes lab hosts itself';
let engine: Engine;
let lessons: string;
let source: LessonSource;

before(async () => {
  lessons = guideLessons();
  source = guideLesson(lessons);
  if (root === undefined) engine = await connectEngine();
});
after(async () => {
  await engine?.close();
  rmSync(lessons, { recursive: true });
});

async function until(what: string, holds: () => boolean, ms = 30_000): Promise<number> {
  const began = performance.now();
  while (!holds()) {
    if (performance.now() - began > ms) assert.fail(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - began;
}

async function withSession(
  use: (session: LessonSession, lab: Lab) => Promise<void>,
  options: Partial<Parameters<typeof LessonSession.start>[0]> = {},
): Promise<void> {
  const lab = await engine.createLab();
  const session = await LessonSession.start({ lab, source, seed: 'test', ...options });
  try {
    await use(session, lab);
  } finally {
    await session.close();
    await session.lab.close();
    await lab.close();
  }
}

const learner = { asLearner: true } as const;

test('goals tick live, break, and the question is answered from the live system', {
  skip: root,
  timeout: 600_000,
}, async () => {
  await withSession(async (session) => {
    assert.equal(session.step.id, 'look');
    assert.equal(session.complete, false);
    await session.predict(2);
    assert.deepEqual([session.question.chosen, session.question.truth], [2, 1]);
    assert.equal(await session.next(), null);
    const shell = await session.ensureShell();
    await until('goals are measured', () => session.goals[0]?.result !== null);
    assert.equal(session.goals[0]!.state, 'notYet');
    await shell.run('ip netns add R1', learner);
    assert.equal(await session.matchingRule(), 'other-name');
    await session.hint();
    assert.deepEqual(session.hintsGiven, ['other-name']);
    await shell.run('ip netns add r1', learner);
    const ms = await until('r1 is met', () => session.goals[0]!.state === 'met');
    assert.ok(ms < 1500, `ticked after ${ms} ms`);
    assert.equal(session.complete, true);
    await shell.run('ip netns del r1', learner);
    await until('r1 is broken', () => session.goals[0]!.state === 'broken');
    const page = pageOf(session);
    assert.equal(page.goals[0]!.state, 'broken');
    assert.match(page.goals[0]!.because!.zh, /观察到/);
    assert.equal(page.complete, true, 'nothing is failed for ever');
  });
});

test('undo takes back the last command with an effect, reset the step; both are quick', {
  skip: root,
  timeout: 600_000,
}, async () => {
  await withSession(async (session) => {
    await session.jump('join');
    const type = async (line: string): Promise<void> => void (await (await session.ensureShell()).run(line, learner));
    const links = async (): Promise<string[]> =>
      (await session.lab.snapshot()).networks.find((one) => one.label === 'host')!.links.map((link) => link.name);
    await type('ip link add name veth1.1 type veth peer name veth1.2');
    await type('ip link add br7 type bridge');
    await type('ip -br link');
    assert.deepEqual((await links()).sort(), ['br7', 'lo', 'veth1.1', 'veth1.2']);
    let began = performance.now();
    assert.match((await session.undo())!.en, /undone: ip link add br7/);
    const undoMs = performance.now() - began;
    assert.deepEqual((await links()).sort(), ['lo', 'veth1.1', 'veth1.2']);
    assert.deepEqual(
      session.commands.map((command) => command.line),
      ['ip link add name veth1.1 type veth peer name veth1.2'],
    );
    began = performance.now();
    await session.reset();
    const resetMs = performance.now() - began;
    assert.deepEqual(await links(), ['lo']);
    assert.ok(
      (await session.lab.snapshot()).namespaces.some((one) => one.names.includes('r1')),
      'the step before is still there',
    );
    console.log(`# undo ${undoMs.toFixed(0)} ms, reset ${resetMs.toFixed(0)} ms`);
    assert.match((await session.undo())!.en, /nothing typed/);
  });
});

test('a nested shell is followed and rebuilt: undo inside it leaves one inside it', {
  skip: root,
  timeout: 600_000,
}, async () => {
  await withSession(async (session) => {
    await session.jump('make-r1');
    const type = async (line: string): Promise<string> =>
      (await (await session.ensureShell()).run(line, learner)).output;
    await type('unshare --uts bash');
    await type('hostname inner');
    await type('hostname other');
    assert.deepEqual(
      session.commands.map((command) => command.line),
      ['unshare --uts bash', 'hostname inner', 'hostname other'],
    );
    assert.match((await session.undo())!.en, /hostname other/);
    assert.equal(await type('hostname'), 'inner');
    assert.equal((await session.lab.snapshot()).hostname, 'glassbox');
    assert.equal(await type('exit'), 'exit');
    assert.equal(await type('hostname'), 'glassbox');
  });
});

test('progress survives: a new session on a new lab goes on where the journal ends', {
  skip: root,
  timeout: 600_000,
}, async () => {
  const file = join(lessons, 'progress.jsonl');
  const journal = Journal.open(file);
  const lab = await engine.createLab();
  const session = await LessonSession.start({ lab, source, journal });
  await session.predict(1);
  await session.next();
  const shell = await session.ensureShell();
  await shell.run('ip netns add r1', learner);
  await until('met', () => session.complete);
  await session.next();
  await shell.run('ip link add name veth1.1 type veth peer name veth1.2', learner);
  await until('recorded', () => session.commands.length === 2);
  await session.abandon();
  await lab.close();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  // A torn write at the moment of the kill, and a line of rubbish.
  writeFileSync(file, `${readFileSync(file, 'utf8')}rubbish\n{"t":1,"e":"comm`);
  const { progress, damaged } = loadJournal(file);
  assert.equal(damaged.length, 2);
  assert.deepEqual([progress!.step, progress!.met], ['join', ['look', 'make-r1']]);
  await withSession(
    async (resumed) => {
      assert.equal(resumed.lesson.seed, session.lesson.seed);
      await resumed.ensureShell();
      const snapshot = await resumed.lab.snapshot();
      assert.ok(snapshot.namespaces.some((one) => one.names.includes('r1')));
      assert.ok(snapshot.networks.find((one) => one.label === 'host')!.links.some((link) => link.name === 'veth1.1'));
      assert.deepEqual(resumed.question.chosen, null);
    },
    { journal: Journal.open(file), progress },
  );
  assert.equal(loadJournal(file).damaged.length, 2, 'the torn line was ended, not joined with the next');
});

test('a learner who kills the lab gets a new one with the same state', { skip: root, timeout: 600_000 }, async () => {
  await withSession(async (session) => {
    await session.jump('make-r1');
    const shell = await session.ensureShell();
    await shell.run('ip netns add r1', learner);
    await until('met', () => session.complete);
    const old = session.lab;
    process.kill(old.info.initHostPid, 'SIGKILL');
    await until('a new lab', () => session.lab !== old && session.busy === null, 45_000);
    await session.ensureShell();
    assert.ok((await session.lab.snapshot()).namespaces.some((one) => one.names.includes('r1')));
  });
});

test('rm -rf of everything harms the lab only, and reset brings it back', {
  skip: root,
  timeout: 600_000,
}, async () => {
  await withSession(async (session) => {
    await session.jump('make-r1');
    const shell = await session.ensureShell();
    await shell.run('rm -rf --no-preserve-root /usr/bin /usr/sbin /etc 2>/dev/null', {
      timeoutMs: 60_000,
      asLearner: true,
    });
    assert.ok(statSync('/usr/bin/ip', { throwIfNoEntry: false }) ?? statSync('/usr/sbin/ip'));
    await session.reset();
    const again = await session.ensureShell();
    assert.equal((await again.run('ip netns add r1', learner)).exitCode, 0);
    await until('met', () => session.complete);
  });
});
