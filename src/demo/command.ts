/** `glassbox demo LESSON [--auto] [--record FILE] [--format v2|v3] [--speed 1-6] [--notes]`, and playing a demo unattended for the lesson test. */
import type { Engine, Lab } from '../../engine/api/types.js';
import { findLesson, loadCatalogue } from '../lesson/catalogue.js';
import { LessonNeeds, LessonSession } from '../lesson/session.js';
import type { LessonSource } from '../lesson/source.js';
import type { Bilingual, Language } from '../lesson/types.js';
import { type CastFormat, recordTo } from './asciicast.js';
import { followNotes, notesFile, publishNotes, withdrawNotes } from './notes.js';
import { DemoPlayer, SPEEDS } from './player.js';
import { connectShell, presentOnStage } from './stage.js';
import { DemoView } from './view.js';

export interface DemoIo {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: { write(text: string): unknown };
  readonly language: Language;
  readonly plain: boolean;
  readonly connect: () => Promise<Engine>;
  readonly lessons?: string;
  /** Opens the full screen until the presenter leaves it; without it the demo is shown in the terminal as it is. */
  readonly show?: (shown: {
    readonly lab: Lab;
    readonly lesson: DemoView;
    readonly cleanup: () => Promise<void>;
  }) => Promise<void>;
}

export interface DemoOptions {
  readonly lesson: string | null;
  readonly auto: boolean;
  readonly record: string | null;
  readonly format: CastFormat;
  /** Index into SPEEDS. */
  readonly speed: number;
  readonly notes: boolean;
}

const USAGE: Bilingual = {
  en: 'demo LESSON [--auto] [--record FILE] [--format v2|v3] [--speed 1-6], or demo --notes',
  zh: '用法：demo LESSON [--auto] [--record FILE] [--format v2|v3] [--speed 1-6]，或 demo --notes',
};

/** @returns null when the words are not understood */
export function parseDemo(args: readonly string[]): DemoOptions | null {
  let lesson: string | null = null;
  let auto = false;
  let record: string | null = null;
  let format: CastFormat = 'v2';
  let speed = 2;
  let notes = false;
  for (let index = 0; index < args.length; index += 1) {
    const [name, inline] = args[index]!.split(/=(.*)/s);
    const value = (): string | undefined => {
      if (inline !== undefined) return inline;
      index += 1;
      return args[index];
    };
    if (name === '--auto') auto = true;
    else if (name === '--notes') notes = true;
    else if (name === '--record') {
      record = value() ?? null;
      if (record === null) return null;
    } else if (name === '--format') {
      const given = value();
      if (given !== 'v2' && given !== 'v3') return null;
      format = given;
    } else if (name === '--speed') {
      const given = Number(value());
      if (!Number.isInteger(given) || given < 1 || given > SPEEDS.length) return null;
      speed = given - 1;
    } else if (name!.startsWith('-') || lesson !== null) return null;
    else lesson = args[index]!;
  }
  return lesson === null && !notes ? null : { lesson, auto, record, format, speed, notes };
}

/** The whole command. Exit status 0, 1 when the demo failed or cannot be given here, 2 for words not understood. */
export async function demoCommand(args: readonly string[], io: DemoIo): Promise<number> {
  const say = (text: Bilingual): void => void io.stderr.write(`glassbox: ${text[io.language]}\n`);
  const options = parseDemo(args);
  if (!options) {
    say(USAGE);
    return 2;
  }
  if (options.notes) {
    const stop = new Promise<void>((resolve) => {
      process.once('SIGINT', () => resolve());
      process.once('SIGTERM', () => resolve());
      process.once('SIGHUP', () => resolve());
    });
    await followNotes(notesFile(), io.language, io.stdout, stop);
    return 0;
  }
  const { lesson: source, guess } = findLesson(loadCatalogue(io.lessons), options.lesson!);
  if (!source) {
    const hint = guess === null ? { en: '', zh: '' } : { en: `; did you mean ${guess}?`, zh: `；是指 ${guess} 吗？` };
    say({ en: `there is no lesson ${options.lesson}${hint.en}`, zh: `没有名为 ${options.lesson} 的课程${hint.zh}` });
    return 2;
  }
  if (!options.auto && io.stdin.isTTY !== true) {
    say({
      en: "a demo needs a terminal for the presenter's keys; --auto plays it without",
      zh: '演示需要终端来接收按键；--auto 可自动播放',
    });
    return 2;
  }
  const engine = await io.connect();
  try {
    const lab = await engine.createLab();
    const session = await LessonSession.start({ lab, source, seed: 'demo' });
    try {
      return await present(session, options, io, () => engine.close());
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof LessonNeeds)) throw error;
    for (const need of error.needs)
      say({
        en: `lesson ${source.id} cannot be shown here: ${need.en}`,
        zh: `这里无法演示课程 ${source.id}：${need.zh}`,
      });
    return 1;
  } finally {
    await engine.close();
  }
}

async function present(
  session: LessonSession,
  options: DemoOptions,
  io: DemoIo,
  cleanup: () => Promise<void>,
): Promise<number> {
  const player = new DemoPlayer(session, options.speed);
  const cols = io.stdout.columns ?? 80;
  const rows = io.stdout.rows ?? 24;
  const header = {
    cols,
    rows,
    title: session.lesson.title[io.language],
    term: process.env['TERM'] ?? 'xterm-256color',
  };
  const recorder = options.record === null ? null : recordTo(options.record, options.format, header);
  const stopNotes = announce(player);
  let step = '';
  const stopMarks = player.onChange(() => {
    if (player.position.step === step) return;
    step = player.position.step;
    recorder?.marker(session.text((text) => text.title, step)[io.language]);
  });
  const restore = recorder ? teeOutput(io.stdout, (bytes) => recorder.output(bytes)) : () => undefined;
  const resized = (): void => recorder?.resize(io.stdout.columns ?? cols, io.stdout.rows ?? rows);
  io.stdout.on('resize', resized);
  let failed = 0;
  try {
    if (options.auto) {
      await player.begin(cols, rows);
      const letGo = connectShell(player, (bytes) => io.stdout.write(bytes));
      const problems = await player.playAll(options.speed === SPEEDS.length - 1 ? 0 : 700);
      letGo();
      for (const problem of problems) io.stderr.write(`\r\nglassbox: ${problem}\r\n`);
      failed = problems.length;
    } else if (io.show && !io.plain) {
      await io.show({ lab: session.lab, lesson: new DemoView(player, true), cleanup });
    } else {
      await player.begin(cols, rows);
      await presentOnStage(player, io);
    }
  } finally {
    player.stop();
    io.stdout.off('resize', resized);
    restore();
    stopMarks();
    stopNotes();
    recorder?.end(failed > 0 ? 1 : 0);
    recorder?.close();
  }
  return failed > 0 ? 1 : 0;
}

/** Copy everything that is written to the terminal. Returns the function that ends it. */
export function teeOutput(stdout: NodeJS.WriteStream, copy: (bytes: string | Uint8Array) => void): () => void {
  const original = stdout.write;
  stdout.write = function write(this: NodeJS.WriteStream, ...args: Parameters<NodeJS.WriteStream['write']>) {
    copy(args[0] as string | Uint8Array);
    return original.apply(stdout, args);
  } as NodeJS.WriteStream['write'];
  return () => {
    stdout.write = original;
  };
}

/** Tell a second terminal where the demo is. */
function announce(player: DemoPlayer): () => void {
  const file = notesFile();
  const startedAt = Date.now();
  const publish = (ended: boolean): void => {
    const { position, session } = player;
    const lines = player.script[position.stepIndex]?.lines ?? [];
    publishNotes(file, {
      pid: process.pid,
      lesson: session.lesson.title,
      title: session.text((text) => text.title, position.step),
      stepIndex: position.stepIndex,
      steps: position.steps,
      notes: player.notes,
      next: position.next,
      following: lines.slice(position.done + 1).map((line) => line.run),
      done: position.done,
      lines: position.lines,
      startedAt,
      ended,
    });
  };
  publish(false);
  const stop = player.onChange(() => publish(false));
  return () => {
    stop();
    withdrawNotes(file);
  };
}

/** Point 12 of the lesson test: from beginning to end, as fast as the lab goes. */
export async function playUnattended(source: LessonSource, engine: Engine): Promise<string[]> {
  const lab = await engine.createLab();
  try {
    const session = await LessonSession.start({ lab, source, seed: 'demo' });
    try {
      const player = new DemoPlayer(session, SPEEDS.length - 1);
      await player.begin(80, 24);
      const problems = await player.playAll(0);
      return player.atEnd ? problems : [...problems, `it stopped at step ${player.position.step}`];
    } finally {
      await session.close();
    }
  } finally {
    await lab.close();
  }
}
