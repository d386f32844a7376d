import type { Bilingual } from '../../engine/api/types.js';
import type { Feature } from '../lesson/types.js';
import type { Row } from './types.js';

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
  /** `unknown` when something that it needs could not be measured and nothing is missing. */
  readonly runs: 'yes' | 'no' | 'unknown';
  /** Rows that stand in the way, by id. */
  readonly missing: readonly string[];
}

/**
 * Whether each lesson runs here: every feature and program that its lesson.yaml names is there. A feature that no row
 * stands for is unknown: the doctor must learn it.
 */
export function judgeLessons(lessons: readonly LessonNeeds[], rows: readonly Row[]): readonly LessonVerdict[] {
  const lab = rows.find((one) => one.id === 'lab');
  return lessons.map(({ id, title, features, tools }) => {
    const standing = [
      ...(lab === undefined ? [] : [lab]),
      ...features.map((feature) => rows.find((one) => one.features.includes(feature))),
      ...tools.map((tool) => rows.find((one) => one.id === `program-${tool}`)),
    ];
    const unnamed = features.filter(
      (feature) => isVersion(feature) && !rows.some((one) => one.features.includes(feature)),
    );
    const missing = [
      ...new Set([...standing.filter((one) => one?.status === 'missing').map((one) => one!.id), ...unnamed]),
    ];
    const known = standing.every((one) => one !== undefined && one.status !== 'unknown');
    return { id, title, runs: missing.length > 0 ? 'no' : known ? 'yes' : 'unknown', missing };
  });
}

/** The cgroup version that the machine does not have has no row: it is missing, not unknown. */
function isVersion(feature: Feature): boolean {
  return feature === 'cgroup-v1' || feature === 'cgroup-v2';
}
