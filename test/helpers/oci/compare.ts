import { type Report, UNCOMPARED } from './normalise.js';

/** One section that two runs do not share: the lines that only one of them has, or their order. */
export interface Difference {
  readonly section: string;
  readonly reference: readonly string[];
  readonly subject: readonly string[];
}

const MISSING = '(no such section)';

/** Sections whose lines differ, in the order of the reference's report. */
export function compare(reference: Report, subject: Report): Difference[] {
  const names = new Set([...Object.keys(reference), ...Object.keys(subject)]);
  return [...names].flatMap((section): Difference[] => {
    if (section.endsWith(UNCOMPARED)) return [];
    const [left, right] = [reference[section], subject[section]];
    if (left !== undefined && right !== undefined && left.join('\n') === right.join('\n')) return [];
    const [onlyLeft, onlyRight] = [without(left ?? [], right ?? []), without(right ?? [], left ?? [])];
    const ordered = onlyLeft.length + onlyRight.length === 0;
    return [
      {
        section,
        reference: left === undefined ? [MISSING] : ordered ? left : onlyLeft,
        subject: right === undefined ? [MISSING] : ordered ? right : onlyRight,
      },
    ];
  });
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** A difference that is meant. */
export interface MeantDifference {
  /** Names of the cases that show it. */
  readonly cases: RegExp;
  readonly section: RegExp;
  /** What the two say; absent: anything. */
  readonly reference?: RegExp;
  readonly subject?: RegExp;
  readonly reason: string;
}

/** Whether a known difference explains this one. */
export function isMeant(name: string, difference: Difference, meant: MeantDifference): boolean {
  return (
    meant.cases.test(name) &&
    meant.section.test(difference.section) &&
    (meant.reference?.test(difference.reference.join('\n')) ?? true) &&
    (meant.subject?.test(difference.subject.join('\n')) ?? true)
  );
}

/** For a person: section by section, `-` the reference and `+` the subject. */
export function describe(differences: readonly Difference[]): string {
  const lost = differences.filter(({ subject }) => subject[0] === MISSING).map(({ section }) => section);
  const lines = differences
    .filter(({ subject }) => subject[0] !== MISSING)
    .map(({ section, reference, subject }) =>
      [`[${section}]`, ...reference.map((line) => `  - ${line}`), ...subject.map((line) => `  + ${line}`)].join('\n'),
    );
  return [...lines, ...(lost.length === 0 ? [] : [`only the reference has: ${lost.join(', ')}`])].join('\n');
}
