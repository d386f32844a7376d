import type { DeedNote } from '../journal/deed.js';
import { PROGRAM, type ProgramDeed } from './deed.js';
import { explainTrace } from './explain.js';
import { noteOfRecord } from './note.js';

/** Programs that ran for somebody, in words. */
PROGRAM.tellWith(tellProgram);

/** Each record that was issued, or waits. */
function tellProgram(deed: ProgramDeed): readonly DeedNote[] {
  const { program } = deed;
  const explained = explainTrace(program, deed.trace(), true);
  return explained.records.flatMap((record): DeedNote[] =>
    record.syscall === 'none' || record.state === 'skipped' || record.state === 'pending'
      ? []
      : [
          {
            domain: record.syscall.includes('mount') || record.syscall === 'pivot_root' ? 'mount' : 'syscall',
            place: `${program.name}: ${record.section}`,
            ...noteOfRecord(record),
          },
        ],
  );
}
