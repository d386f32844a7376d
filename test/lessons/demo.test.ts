import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import xterm from '@xterm/headless';
import type { Engine } from '../../engine/api/types.js';
import { parseCast, recordTo } from '../../src/demo/asciicast.js';
import { demoCommand, playUnattended } from '../../src/demo/command.js';
import { DemoPlayer, SPEEDS } from '../../src/demo/player.js';
import { connectShell } from '../../src/demo/stage.js';
import { LessonSession } from '../../src/lesson/session.js';
import type { LessonSource } from '../../src/lesson/source.js';
import { directEngine } from './direct-engine.js';
import { guideLesson, guideLessons } from './guide-example.js';

const root = process.getuid?.() === 0 ? undefined : 'needs root: the in-process engine makes lab hosts itself';
const COLS = 80;
const ROWS = 24;
let engine: Engine;
let lessons: string;
let source: LessonSource;

before(() => {
  lessons = guideLessons();
  source = guideLesson(lessons);
  if (root === undefined) engine = directEngine();
});
after(async () => {
  await engine?.close();
  rmSync(lessons, { recursive: true });
});

type Terminal = InstanceType<typeof xterm.Terminal>;

function terminal(): Terminal {
  return new xterm.Terminal({ cols: COLS, rows: ROWS, allowProposedApi: true });
}

async function screen(term: Terminal): Promise<string> {
  await new Promise<void>((resolve) => term.write('', resolve));
  const buffer = term.buffer.active;
  return Array.from({ length: ROWS }, (_, row) => buffer.getLine(buffer.viewportY + row)!.translateToString(true)).join(
    '\n',
  );
}

async function replay(file: string): Promise<string> {
  const cast = parseCast(readFileSync(file, 'utf8'));
  assert.deepEqual([cast.cols, cast.rows], [COLS, ROWS]);
  const term = terminal();
  for (const event of cast.events) if (event.kind === 'o') term.write(event.data);
  assert.ok(
    cast.events.every((event, index) => index === 0 || event.at >= cast.events[index - 1]!.at),
    'time never goes back',
  );
  return screen(term);
}

test('a recording of either format replays to the very same screen', { skip: root, timeout: 600_000 }, async () => {
  const lab = await engine.createLab();
  const session = await LessonSession.start({ lab, source, seed: 'demo' });
  const live = terminal();
  const header = { cols: COLS, rows: ROWS, title: '演示', term: 'xterm-256color' };
  const files = { v2: join(lessons, 'a.cast'), v3: join(lessons, 'b.cast') };
  const recorders = [recordTo(files.v2, 'v2', header), recordTo(files.v3, 'v3', header)];
  const player = new DemoPlayer(session, SPEEDS.length - 1);
  await player.begin(COLS, ROWS);
  const letGo = connectShell(player, (bytes) => {
    live.write(bytes);
    for (const recorder of recorders) recorder.output(bytes);
  });
  assert.deepEqual(await player.playAll(0), []);
  letGo();
  for (const recorder of recorders) {
    recorder.end();
    recorder.close();
  }
  const shown = await screen(live);
  assert.match(shown, /ip netns exec r1 ip link set eth0 up/);
  assert.equal(await replay(files.v2), shown);
  assert.equal(await replay(files.v3), shown);
  const v3 = readFileSync(files.v3, 'utf8').trim().split('\n');
  assert.equal(JSON.parse(v3.at(-1)!)[1], 'x');
  await session.close();
  await session.lab.close();
});

test('keys: type, run, back and jump move the kernel, not only the picture', {
  skip: root,
  timeout: 600_000,
}, async () => {
  const lab = await engine.createLab();
  const session = await LessonSession.start({ lab, source, seed: 'demo' });
  const player = new DemoPlayer(session, SPEEDS.length - 1);
  await player.begin(COLS, ROWS);
  const hostLinks = async (): Promise<string[]> =>
    (await session.lab.snapshot()).networks
      .find((one) => one.label === 'host')!
      .links.map((link) => link.name)
      .sort();
  assert.equal(await player.jump('join'), true);
  assert.equal(await player.jump('nowhere'), false);
  await player.typeNext();
  assert.equal(player.position.typed, true);
  assert.deepEqual(await hostLinks(), ['lo'], 'typed is not run');
  await player.runTyped();
  assert.deepEqual(await hostLinks(), ['lo', 'veth1.1', 'veth1.2']);
  await player.runTyped();
  assert.deepEqual(await hostLinks(), ['lo', 'veth1.1']);
  const began = performance.now();
  await player.back();
  const ms = performance.now() - began;
  assert.deepEqual(await hostLinks(), ['lo', 'veth1.1', 'veth1.2'], 'the state is rebuilt');
  assert.equal(player.position.done, 1);
  console.log(`# back ${ms.toFixed(0)} ms`);
  await player.jump('1');
  assert.equal(session.step.id, 'look');
  await session.close();
  await session.lab.close();
});

test('every lesson demo ends with its goals met; the command plays it unattended without a terminal', {
  skip: root,
  timeout: 600_000,
}, async () => {
  assert.deepEqual(await playUnattended(source, engine), []);
  const stdout = Object.assign(new PassThrough(), { columns: COLS, rows: ROWS });
  let out = '';
  stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  let err = '';
  const io = {
    stdin: new PassThrough() as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: { write: (text: string) => (err += text) },
    language: 'en' as const,
    plain: true,
    lessons,
    connect: async () => ({ createLab: () => engine.createLab(), close: async () => undefined }),
  };
  const file = join(lessons, 'auto.cast');
  assert.equal(await demoCommand(['veth', '--auto', '--speed', '6', '--record', file, '--format=v3'], io), 0, err);
  assert.match(out, /ip netns add r1/);
  assert.ok(
    parseCast(readFileSync(file, 'utf8')).events.some(
      (event) => event.kind === 'm' && event.data === 'Plug in the cable',
    ),
  );
  assert.equal(await demoCommand(['vetj', '--auto'], io), 2);
  assert.match(err, /did you mean veth\?/);
  assert.equal(await demoCommand(['veth', '--speed', '99'], io), 2);
  assert.equal(await demoCommand(['veth'], io), 2, 'without a terminal it needs --auto');
});
