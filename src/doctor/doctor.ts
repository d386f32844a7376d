import type { Bilingual } from '../../engine/api/types.js';
import { loadCatalogue } from '../lesson/catalogue.js';
import { gatherFacts } from './gather.js';
import type { LessonNeeds } from './lessons.js';
import { loadPackageTable } from './programs.js';
import { makeReport, type Report } from './report.js';
import type { LabWishes } from './try-lab.js';
import type { LabTrial } from './types.js';

export interface DoctorOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: NodeJS.WriteStream;
  readonly tryLab: (wishes: LabWishes) => Promise<LabTrial>;
}

export interface DoctorResult {
  readonly report: Report;
  /** Lessons whose files are wrong: they are in no list. */
  readonly brokenLessons: readonly Bilingual[];
}

/** Measure this machine and judge it. Changes nothing on it. */
export async function examine(options: DoctorOptions): Promise<DoctorResult> {
  const packages = loadPackageTable();
  const catalogue = loadCatalogue();
  const lessons: LessonNeeds[] = catalogue.lessons.map(({ id, title, needs }) => ({
    id,
    title,
    features: needs.features,
    tools: needs.tools,
  }));
  const wishes = {
    features: [...new Set(lessons.flatMap((lesson) => lesson.features))],
    tools: [...new Set(lessons.flatMap((lesson) => lesson.tools))],
  };
  const tryLab = () => options.tryLab(wishes);
  const facts = await gatherFacts({ ...options, tryLab, packages, lessonPrograms: wishes.tools });
  const brokenLessons = catalogue.broken.map(({ directory }) => ({
    en: `${directory} is broken: glassbox lesson test says where`,
    zh: `${directory} 已损坏：可用 glassbox lesson test 查看位置`,
  }));
  return { report: makeReport(facts, packages, lessons), brokenLessons };
}
