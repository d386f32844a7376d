import type { Bilingual, ExplainedProgram, ExplainedRecord } from '../../api/types.js';
import { errnoName } from '../errno.js';
import type { Program, RecordSpec, Word } from './builder.js';
import { decodeArgument } from './decode.js';
import { operationOf } from './decode-operation.js';
import type { RunningProgram, TraceEntry } from './running.js';
import { sectionHeading } from './sections.js';
import { OPERATION_SENTENCES, SENTENCES } from './sentences.js';

/** A record in words: the call with decoded arguments, why it is there, and what the kernel answered. */
export function explainRecord(record: RecordSpec, index: number, trace: TraceEntry | undefined): ExplainedRecord {
  const failed = trace?.result !== null && trace?.result !== undefined && trace.result < 0;
  return {
    index,
    section: record.section,
    heading: sectionHeading(record.section),
    syscall: record.syscall,
    call: callText(record),
    man: record.syscall === 'none' ? '' : `${record.syscall}(2)`,
    explanation: record.options.say ?? sentence(record),
    command: record.options.command ?? null,
    state:
      trace?.state === 'pending' || trace === undefined ? 'pending' : trace.state === 'held' ? 'held' : trace.state,
    result: trace?.result ?? null,
    errno: failed ? errnoName(-(trace?.result ?? 0)) : null,
    durationNs: trace?.durationNs ?? null,
  };
}

/** A whole program; records that were jumped over are `skipped` when the program has ended. */
export function explainProgram(running: RunningProgram, ended = true): ExplainedProgram {
  return explainTrace({ ...running.program, records: running.issuedRecords() }, running.trace(), ended);
}

/**
 * As `explainProgram`, for a program whose trace was read elsewhere.
 *
 * @param waitsAt the record that it waits at: what lies behind that is not skipped, though side roads behind it were walked
 */
export function explainTrace(
  program: Pick<Program, 'name' | 'records'>,
  trace: readonly TraceEntry[],
  ended: boolean,
  waitsAt?: number,
): ExplainedProgram {
  const last = waitsAt ?? trace.reduce((highest, entry) => (entry.state === 'pending' ? highest : entry.index), -1);
  return {
    name: program.name,
    records: program.records.map((record, index) => {
      const explained = explainRecord(record, index, trace[index]);
      // a record that jumped on zero keeps no result, for two processes may do so at once
      if (explained.state === 'held' && (ended || index < last)) return { ...explained, state: 'done', result: 0 };
      return explained.state === 'pending' && (ended || index < last) ? { ...explained, state: 'skipped' } : explained;
    }),
  };
}

/** `mount("proc", "/tmp/root/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)` */
export function callText(record: RecordSpec): string {
  const { syscall, args, options } = record;
  if (syscall === 'none' && args[0] !== undefined && options.storeAt?.kind === 'data')
    return `${options.storeAt.text} = ${argumentText(record, args[0], 0)}`;
  if (syscall === 'none') return options.jump === undefined ? '(nothing: a mark)' : `(go to ${options.jump})`;
  return `${syscall}(${args.map((word, n) => argumentText(record, word, n)).join(', ')})`;
}

function argumentText(record: RecordSpec, word: Word, n: number): string {
  if (typeof word === 'object') {
    if (word.kind === 'data') return word.text;
    if (word.kind === 'slot') return word.data.text;
    if (word.kind === 'named') return word.text;
    if (word.kind === 'field') return `&${word.label}`;
    return `&${word.data.text}+${word.at}`;
  }
  return decodeArgument(record.syscall, n, word, numbersOf(record));
}

/** The arguments that are plain numbers. */
function numbersOf({ args }: RecordSpec): (bigint | null)[] {
  return args.map((word) =>
    typeof word === 'object' ? (word.kind === 'named' ? BigInt(word.value) : null) : BigInt(word),
  );
}

function sentence(record: RecordSpec): Bilingual {
  if (record.syscall === 'none')
    return { en: 'nothing happens here: the walker only moves on', zh: '这里什么也不做：只是走到下一条' };
  const operation = operationOf(record.syscall, numbersOf(record));
  return (
    OPERATION_SENTENCES[operation ?? ''] ??
    SENTENCES[record.syscall] ?? { en: `ask the kernel for ${record.syscall}`, zh: `请求内核执行 ${record.syscall}` }
  );
}
