import { judgeCgroups } from './judge-cgroups.js';
import { judgeFiles } from './judge-files.js';
import { judgeMachine } from './judge-machine.js';
import { judgeNamespaces } from './judge-namespaces.js';
import { judgeNetwork } from './judge-network.js';
import { judgePrograms } from './judge-programs.js';
import { judgeSecurity } from './judge-security.js';
import { judgeTerminal } from './judge-terminal.js';
import { judgeLessons, type LessonNeeds, type LessonVerdict } from './lessons.js';
import type { PackageTable } from './programs.js';
import type { Facts, Row } from './types.js';

/** What `glassbox doctor --json` prints. Fields are only ever added; a change of meaning raises `version`. */
export interface Report {
  readonly version: 1;
  /** `ready`: all is there that could be; `weaker`: the lab runs, with less; `cannot`: no lab runs here. */
  readonly verdict: 'ready' | 'weaker' | 'cannot';
  readonly rows: readonly Row[];
  readonly lessons: readonly LessonVerdict[];
}

/** Every judgement from the measured facts. Pure: the same facts give the same report. */
export function makeReport(facts: Facts, packages: PackageTable, lessons: readonly LessonNeeds[]): Report {
  const rows = [
    ...judgeMachine(facts),
    ...judgeNamespaces(facts),
    ...judgeFiles(facts),
    ...judgeCgroups(facts),
    ...judgeNetwork(facts),
    ...judgeSecurity(facts),
    ...judgeTerminal(facts),
    ...judgePrograms(facts, packages),
  ];
  const lessonVerdicts = judgeLessons(lessons, rows, facts.lab.ran ? facts.lab : null);
  const less = rows.some((one) => one.status === 'missing' || (one.status === 'weaker' && one.group !== 'terminal'));
  return { version: 1, verdict: facts.lab.ran ? (less ? 'weaker' : 'ready') : 'cannot', rows, lessons: lessonVerdicts };
}
