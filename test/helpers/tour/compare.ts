import type { Group, Said } from './walk.js';

/** Where our engine means to say other than the dockerd that is the measure. */
export interface Difference {
  /** In which group and of which line: `area/name: line`. */
  readonly where: RegExp;
  /** What dockerd says, normalised. The output is `| ` lines, errors are `! ` lines, and the exit status `= ` one. */
  readonly dockerd: RegExp;
  readonly ours: string;
  readonly reason: string;
  /** Only with a docker command whose major version is this or newer, or older. */
  readonly from?: number;
  readonly before?: number;
}

export interface Failure {
  readonly where: string;
  readonly expected: string;
  readonly found: string;
}

function marked(text: string, mark: string): string {
  return text === '' ? '' : `${text.replace(/\n$/, '').replace(/^/gm, mark)}\n`;
}

export function reportOf({ out, err, code }: Said): string {
  return `${marked(out, '| ')}${marked(err, '! ')}= ${code}\n`;
}

/** What is expected of the subject, given what dockerd said; the differences that were met are added to `met`. */
export function expectedOf(
  where: string,
  said: Said,
  differences: readonly Difference[],
  met: Set<Difference>,
): string {
  let text = reportOf(said);
  for (const difference of differences) {
    if (!difference.where.test(where)) continue;
    const changed = text.replace(difference.dockerd, difference.ours);
    if (changed !== text) met.add(difference);
    text = changed;
  }
  return text;
}

export function compareGroup(
  group: Group,
  [reference, found]: readonly [readonly Said[], readonly Said[]],
  differences: readonly Difference[],
  met: Set<Difference>,
): Failure[] {
  return reference.flatMap((said, index) => {
    const where = `${group.area}/${group.name}: ${said.line}`;
    const expected = expectedOf(where, said, differences, met);
    const other = found[index];
    const text = other === undefined ? 'nothing\n' : reportOf(other);
    return text === expected ? [] : [{ where, expected, found: text }];
  });
}

/** What the measure must have said for the group to prove something, and did not. */
export function unmet(group: Group, reference: readonly Said[]): string[] {
  const text = reference.map((said) => `$ ${said.line}\n${reportOf(said)}`).join('');
  const missing = (group.expect ?? [])
    .filter((wanted) => (typeof wanted === 'string' ? !text.includes(wanted) : !wanted.test(text)))
    .map(String);
  return [
    ...missing,
    ...reference.filter(({ code }) => !/^\d+$/.test(code)).map(({ line, code }) => `${line}: ${code}`),
  ];
}

export function tell({ where, expected, found }: Failure): string {
  return `$ ${where}\n  dockerd:\n${expected.replace(/^(?=.)/gm, '    ')}  ours:\n${found.replace(/^(?=.)/gm, '    ')}`;
}
