import type { Bilingual } from '../../engine/api/types.js';
import type { Feature } from '../lesson/types.js';
import type { LabTrial, Row } from './types.js';

/** What the doctor needs to know of a lesson. */
export interface LessonNeeds {
  readonly id: string;
  readonly title: Bilingual;
  readonly features: readonly Feature[];
  readonly tools: readonly string[];
}

export interface LessonVerdict {
  readonly id: string;
  readonly title: Bilingual;
  readonly runs: 'yes' | 'no';
  /** Rows that stand in the way, by id. */
  readonly missing: readonly string[];
}

/** What a lab that was really made can do; null when none could be made. */
export type LabAbilities = Pick<Extract<LabTrial, { ran: true }>, 'features' | 'tools'> | null;

/**
 * Whether each lesson runs here. Where a lab was made, what works inside it decides, as it will when the lesson is
 * opened; the rows then only name what is missing. Without a lab the rows decide, and nothing runs.
 */
export function judgeLessons(
  lessons: readonly LessonNeeds[],
  rows: readonly Row[],
  lab: LabAbilities,
): readonly LessonVerdict[] {
  return lessons.map(({ id, title, features, tools }) => {
    if (lab === null) return { id, title, runs: 'no', missing: ['lab', ...absentRows(features, tools, rows)] };
    const missing = [
      ...features
        .filter((feature) => !lab.features.includes(feature))
        .map((feature) => rowOf(feature, rows)?.id ?? feature),
      ...tools.filter((tool) => !lab.tools.includes(tool)).map((tool) => `program-${tool}`),
    ];
    return { id, title, runs: missing.length === 0 ? 'yes' : 'no', missing: [...new Set(missing)] };
  });
}

function rowOf(feature: Feature, rows: readonly Row[]): Row | undefined {
  return rows.find((row) => row.features.includes(feature));
}

function absentRows(features: readonly Feature[], tools: readonly string[], rows: readonly Row[]): readonly string[] {
  const named = [
    ...features.map((feature) => rowOf(feature, rows)),
    ...tools.map((tool) => rows.find((row) => row.id === `program-${tool}`)),
  ];
  return [...new Set(named.flatMap((row) => (row?.status === 'missing' ? [row.id] : [])))];
}
