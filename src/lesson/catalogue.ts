/** All lessons below a directory, in the course's order. A broken lesson is listed with its problems; it hides no other. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageRoot } from './schema.js';
import { LessonError, type LessonSource, loadLessonSource } from './source.js';
import { nearest } from './suggest.js';
import type { LessonProblem } from './types.js';

export interface Catalogue {
  readonly lessons: readonly LessonSource[];
  readonly broken: readonly { readonly directory: string; readonly problems: readonly LessonProblem[] }[];
}

export function lessonsDirectory(): string {
  return join(packageRoot(), 'lessons');
}

/** Directories below `root` that hold a lesson.yaml, three levels deep at most. */
export function lessonDirectories(root: string, depth = 3): string[] {
  const out: string[] = [];
  const entries = readdirSync(root, { withFileTypes: true });
  if (entries.some((entry) => entry.name === 'lesson.yaml')) out.push(root);
  else if (depth > 0)
    for (const entry of entries)
      if (entry.isDirectory()) out.push(...lessonDirectories(join(root, entry.name), depth - 1));
  return out.sort();
}

export function loadCatalogue(root = lessonsDirectory()): Catalogue {
  const lessons: LessonSource[] = [];
  const broken: { directory: string; problems: readonly LessonProblem[] }[] = [];
  for (const directory of lessonDirectories(root)) {
    try {
      lessons.push(loadLessonSource(directory));
    } catch (error) {
      if (!(error instanceof LessonError)) throw error;
      broken.push({ directory, problems: error.problems });
    }
  }
  lessons.sort((left, right) => left.number - right.number || left.id.localeCompare(right.id));
  return { lessons, broken };
}

/** Problems between lessons: ids and numbers used twice, needs that lead nowhere or round in a circle. */
export function checkCatalogue(catalogue: Catalogue): LessonProblem[] {
  const problems: LessonProblem[] = [];
  const byId = new Map<string, LessonSource>();
  const byNumber = new Map<number, LessonSource>();
  for (const lesson of catalogue.lessons) {
    const file = join(lesson.directory, 'lesson.yaml');
    if (byId.has(lesson.id))
      problems.push({
        file,
        ...lesson.at(['id']),
        message: `id ${lesson.id} is also that of ${byId.get(lesson.id)!.directory}`,
      });
    if (byNumber.has(lesson.number))
      problems.push({
        file,
        ...lesson.at(['number']),
        message: `number ${lesson.number} is also that of ${byNumber.get(lesson.number)!.id}`,
      });
    byId.set(lesson.id, lesson);
    byNumber.set(lesson.number, lesson);
  }
  for (const lesson of catalogue.lessons) {
    const file = join(lesson.directory, 'lesson.yaml');
    lesson.needs.lessons.forEach((id, index) => {
      const needed = byId.get(id);
      if (!needed) {
        const guess = nearest(id, [...byId.keys()]);
        problems.push({
          file,
          ...lesson.at(['needs', 'lessons', index]),
          message: `needs lesson ${id}, which does not exist${guess ? `: did you mean ${guess}?` : ''}`,
        });
      } else if (needed.number >= lesson.number) {
        problems.push({
          file,
          ...lesson.at(['needs', 'lessons', index]),
          message: `needs lesson ${id}, which comes later`,
        });
      }
    });
  }
  return problems;
}

/** All lessons that one builds on, itself not included. */
export function neededLessons(lesson: LessonSource, catalogue: Catalogue): LessonSource[] {
  const found = new Map<string, LessonSource>();
  const visit = (one: LessonSource): void => {
    for (const id of one.needs.lessons) {
      const next = catalogue.lessons.find((other) => other.id === id);
      if (next && !found.has(id)) {
        found.set(id, next);
        visit(next);
      }
    }
  };
  visit(lesson);
  return [...found.values()];
}

/** The broken lesson of that name, as far as its directory's name tells. */
export function brokenLesson(catalogue: Catalogue, name: string): Catalogue['broken'][number] | undefined {
  return catalogue.broken.find((one) => basename(one.directory).replace(/^\d+-/, '') === name);
}

/**
 * A lesson by id, number or the beginning of its id; null with a guess otherwise.
 * @throws LessonError when the name is that of a lesson whose files are broken
 */
export function findLesson(catalogue: Catalogue, name: string): { lesson: LessonSource | null; guess: string | null } {
  const exact = catalogue.lessons.find((lesson) => lesson.id === name || String(lesson.number) === name);
  if (exact) return { lesson: exact, guess: null };
  const begins = catalogue.lessons.filter((lesson) => lesson.id.startsWith(name));
  if (begins.length === 1) return { lesson: begins[0]!, guess: null };
  const broken = brokenLesson(catalogue, name);
  if (broken) throw new LessonError(broken.problems);
  return {
    lesson: null,
    guess: nearest(
      name,
      catalogue.lessons.map((lesson) => lesson.id),
    ),
  };
}
