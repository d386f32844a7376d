/** A process that takes the guide's lesson in plain mode: `plain-runner.ts LESSONS JOURNAL`. For the test that kills it. */
import { Journal, loadJournal } from '../../src/lesson/journal.js';
import { PlainDialogue } from '../../src/lesson/plain.js';
import { LessonSession } from '../../src/lesson/session.js';
import { directEngine } from './direct-engine.js';
import { guideLesson } from './guide-example.js';

const [lessons, file] = process.argv.slice(2) as [string, string];
const engine = directEngine();
const lab = await engine.createLab();
const { progress } = loadJournal(file);
const session = await LessonSession.start({
  lab,
  source: guideLesson(lessons),
  seed: 'plain',
  journal: Journal.open(file),
  progress,
});
process.stdout.write(`init ${lab.info.initHostPid}\n`);
process.exitCode = await new PlainDialogue(session, {
  stdin: process.stdin,
  stdout: process.stdout,
  language: progress ? 'zh' : 'en',
}).run();
await session.close();
await engine.close();
