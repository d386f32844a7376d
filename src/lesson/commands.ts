/**
 * `glassbox lesson list|test|new|schema|stamp`: for authors and CI. Each takes its words and the world, and answers the exit status:
 * 0 well, 1 something is wrong with a lesson, 2 the command line is not understood.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../engine/api/types.js';
import { playUnattended } from '../demo/command.js';
import {
  brokenLesson,
  type Catalogue,
  checkCatalogue,
  findLesson,
  lessonDirectories,
  lessonsDirectory,
  loadCatalogue,
} from './catalogue.js';
import { journalFile, loadJournal } from './journal.js';
import { Findings, formatFinding } from './proof/findings.js';
import { proveLesson } from './proof/prove-lesson.js';
import { getStringWidth } from './proof/width.js';
import { digestOf } from './prose.js';
import { schemaFile } from './schema.js';
import { skeleton } from './skeleton.js';
import { formatProblem, type LessonSource } from './source.js';
import type { Bilingual, Language } from './types.js';

export interface CommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly language: Language;
  /** Opens the engine when a command needs a lab. */
  readonly connect: () => Promise<Engine>;
  /** Where lessons are; default the program's own `lessons/`. */
  readonly lessons?: string;
  /** Plays a demo unattended, for point 12; default the program's own. */
  readonly playDemo?: (source: LessonSource, engine: Engine) => Promise<string[]>;
}

type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

function complain(io: CommandIo, text: Bilingual): void {
  io.stderr.write(`glassbox: ${text[io.language]}\n`);
}

function problems(io: CommandIo, catalogue: Catalogue): number {
  const all = [...catalogue.broken.flatMap((one) => one.problems), ...checkCatalogue(catalogue)];
  for (const problem of all) io.stderr.write(`${formatProblem(problem)}\n`);
  return all.length;
}

/** The course, with what has been done of it. */
export const lessonList: Command = async (args, io) => {
  if (args.length > 0) {
    complain(io, { en: 'lesson list takes no arguments', zh: 'lesson list 不接受参数' });
    return 2;
  }
  const catalogue = loadCatalogue(io.lessons);
  const idWidth = Math.max(4, ...catalogue.lessons.map((lesson) => lesson.id.length));
  const titleWidth = Math.max(8, ...catalogue.lessons.map((lesson) => getStringWidth(lesson.title[io.language])));
  for (const lesson of catalogue.lessons) {
    const { progress } = loadJournal(journalFile(lesson.id));
    const steps = (lesson.raw['steps'] as readonly unknown[]).length;
    const state =
      progress === null
        ? ''
        : progress.finished
          ? io.language === 'zh'
            ? '已完成'
            : 'finished'
          : `${progress.met.length}/${steps}`;
    const title = lesson.title[io.language];
    const minutes = io.language === 'zh' ? `${lesson.minutes} 分钟` : `${lesson.minutes} min`;
    io.stdout.write(
      `${String(lesson.number).padStart(3)}  ${lesson.id.padEnd(idWidth)}  ${title}${' '.repeat(titleWidth - getStringWidth(title))}  ${minutes.padStart(7)}  ${state}\n`
        .trimEnd()
        .concat('\n'),
    );
  }
  return problems(io, catalogue) > 0 ? 1 : 0;
};

/** The JSON Schema, for editors. */
export const lessonSchema: Command = async (args, io) => {
  if (args.length > 0) {
    complain(io, { en: 'lesson schema takes no arguments', zh: 'lesson schema 不接受参数' });
    return 2;
  }
  io.stdout.write(readFileSync(schemaFile(), 'utf8'));
  return 0;
};

/** A new lesson's files, valid but for its `TODO`s. */
export const lessonNew: Command = async (args, io) => {
  const [id, ...rest] = args;
  if (id === undefined || rest.length > 0 || !/^[a-z0-9][a-z0-9-]{0,39}$/.test(id)) {
    complain(io, {
      en: 'lesson new needs one id of lower-case letters, digits and hyphens',
      zh: 'lesson new 需要一个由小写字母、数字和连字符组成的标识',
    });
    return 2;
  }
  const root = io.lessons ?? lessonsDirectory();
  const catalogue = loadCatalogue(root);
  if (catalogue.lessons.some((lesson) => lesson.id === id) || brokenLesson(catalogue, id)) {
    complain(io, { en: `there is a lesson ${id} already`, zh: `已有课程 ${id}` });
    return 1;
  }
  const number = Math.max(0, ...catalogue.lessons.map((lesson) => lesson.number)) + 1;
  const directory = join(root, `${String(number).padStart(2, '0')}-${id}`);
  if (existsSync(directory)) {
    complain(io, { en: `${directory} exists already`, zh: `${directory} 已存在` });
    return 1;
  }
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(skeleton(id, number)))
    writeFileSync(join(directory, name), content, { flag: 'wx' });
  io.stdout.write(`${directory}\n`);
  return 0;
};

/** Say that the Chinese of these lessons is up to date with the English as it is now. */
export const lessonStamp: Command = async (args, io) => {
  const root = io.lessons ?? lessonsDirectory();
  const directories = lessonDirectories(root).filter(
    (directory) =>
      args.length === 0 ||
      args.some((id) => new RegExp(`(^|/)(\\d+-)?${id.replace(/[^a-z0-9-]/g, '')}$`).test(directory)),
  );
  if (directories.length === 0) {
    complain(io, { en: `no lesson ${args.join(' ')}`, zh: `没有课程 ${args.join(' ')}` });
    return 1;
  }
  for (const directory of directories) {
    const digest = digestOf(readFileSync(join(directory, 'text.en.md'), 'utf8'));
    const file = join(directory, 'text.zh.md');
    const old = readFileSync(file, 'utf8');
    const header = `<!-- translates: sha256:${digest} -->`;
    const stamped = /^<!--\s*translates:.*-->$/m.test(old)
      ? old.replace(/^<!--\s*translates:.*-->$/m, header)
      : `${header}\n${old}`;
    if (stamped === old) continue;
    writeFileSync(file, stamped);
    io.stdout.write(`${file}\n`);
  }
  return 0;
};

interface TestOptions {
  readonly ids: string[];
  readonly steps: string[];
  readonly seeds: string[];
  readonly quick: boolean;
  readonly verbose: boolean;
  readonly files: boolean;
}

function parseTest(args: readonly string[]): TestOptions | null {
  const options = {
    ids: [] as string[],
    steps: [] as string[],
    seeds: [] as string[],
    quick: false,
    verbose: false,
    files: false,
  };
  for (let index = 0; index < args.length; index += 1) {
    const [name, inline] = args[index]!.split(/=(.*)/s);
    const value = (): string | undefined => {
      if (inline !== undefined) return inline;
      index += 1;
      return args[index];
    };
    if (name === '--quick') options.quick = true;
    else if (name === '--verbose' || name === '-v') options.verbose = true;
    else if (name === '--files') options.files = true;
    else if (name === '--seed' || name === '--step') {
      const given = value();
      if (given === undefined) return null;
      (name === '--seed' ? options.seeds : options.steps).push(given);
    } else if (name!.startsWith('-')) return null;
    else options.ids.push(args[index]!);
  }
  return options;
}

/**
 * Try everything that a lesson promises. `--files` only what needs no lab; `--quick` leaves mutations, wrong answers and kills out;
 * `--step ID`, `--seed S` (twice two seeds by default), `--verbose` prints what went well too.
 */
export const lessonTest: Command = async (args, io) => {
  const options = parseTest(args);
  if (!options) {
    complain(io, {
      en: 'lesson test [ID…] [--files] [--quick] [--step ID] [--seed SEED] [--verbose]',
      zh: '用法：lesson test [ID…] [--files] [--quick] [--step ID] [--seed SEED] [--verbose]',
    });
    return 2;
  }
  const catalogue = loadCatalogue(io.lessons);
  let broken = problems(io, catalogue);
  const wanted: LessonSource[] = [];
  for (const id of options.ids) {
    if (brokenLesson(catalogue, id)) continue;
    const { lesson, guess } = findLesson(catalogue, id);
    if (lesson) wanted.push(lesson);
    else {
      complain(io, {
        en: `no lesson ${id}${guess ? `: did you mean ${guess}?` : ''}`,
        zh: `没有课程 ${id}${guess ? `：是指 ${guess} 吗？` : ''}`,
      });
      return 2;
    }
  }
  if (options.ids.length > 0) broken = options.ids.filter((id) => brokenLesson(catalogue, id)).length;
  const sources = options.ids.length > 0 ? wanted : catalogue.lessons;
  const findings = new Findings((finding) => {
    if (options.verbose || !finding.ok || finding.skipped) io.stdout.write(`${formatFinding(finding)}\n`);
  });
  if (!options.files && sources.length > 0) {
    const engine = await io.connect();
    try {
      for (const source of sources) {
        const began = performance.now();
        const failed = findings.failed.length;
        const seeds = options.seeds.length > 0 ? options.seeds : options.quick ? ['one'] : ['one', 'two'];
        try {
          await proveLesson({
            engine,
            source,
            catalogue,
            findings,
            seeds,
            steps: options.steps,
            quick: options.quick,
            playDemo: io.playDemo ?? playUnattended,
          });
        } catch (error) {
          findings.add({
            point: 3,
            lesson: source.id,
            step: null,
            what: 'can be tested',
            ok: false,
            detail: error instanceof Error ? error.message : String(error),
          });
        }
        io.stdout.write(
          `${findings.failed.length === failed ? 'ok' : 'not ok'} ${source.id} (${((performance.now() - began) / 1000).toFixed(1)} s)\n`,
        );
      }
    } finally {
      await engine.close();
    }
  }
  const { failed, skipped, all } = findings;
  io.stdout.write(
    `${all.length - failed.length - skipped.length} passed, ${failed.length} failed, ${skipped.length} skipped${broken > 0 ? `, ${broken} problems in files` : ''}\n`,
  );
  return failed.length > 0 || broken > 0 ? 1 : 0;
};

/** By name, for the command line. */
export const LESSON_COMMANDS: Readonly<Record<string, Command>> = {
  list: lessonList,
  test: lessonTest,
  new: lessonNew,
  schema: lessonSchema,
  stamp: lessonStamp,
};
