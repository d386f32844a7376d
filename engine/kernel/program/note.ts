import type { ExplainedRecord } from '../../api/types.js';
import type { LedgerNote } from '../ledger.js';

/** What a ledger is told of a record: all but where it belongs, which the caller knows. */
export function noteOfRecord(record: ExplainedRecord): Omit<LedgerNote, 'actor' | 'domain' | 'subject'> {
  return {
    act: record.call,
    command: record.command,
    man: record.man,
    explanation: record.explanation,
    result: {
      ok: record.state !== 'failed',
      ...(record.result === null ? {} : { value: record.result }),
      ...(record.errno === null ? {} : { errno: record.errno }),
    },
    ...(record.durationNs === null ? {} : { durationNs: record.durationNs }),
  };
}
