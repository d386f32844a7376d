/** "What just happened": ledger entries made ready to be read, in both languages, and to be copied. */
import type { Bilingual, LedgerEntry } from '../../../engine/api/types.js';
import type { Lang } from '../panel.js';
import { clock, nanoseconds } from './format.js';
import { visible } from './safe-text.js';

export interface LedgerRow {
  readonly seq: number;
  readonly entry: LedgerEntry;
  readonly time: string;
  readonly actor: string;
  /** The command where there is one, else the act itself: what a learner would type or read. */
  readonly headline: string;
  readonly act: string;
  readonly command: string | null;
  readonly result: string;
  readonly ok: boolean;
}

export interface LedgerModel {
  /** Oldest first, at most `limit`. */
  readonly rows: readonly LedgerRow[];
  /** Earlier entries beyond the limit. */
  readonly earlier: number;
  /** Entries that the filter leaves out. */
  readonly hidden: number;
}

export const ACTORS: Readonly<Record<LedgerEntry['actor'], Bilingual>> = {
  engine: { en: 'engine', zh: '引擎' },
  lesson: { en: 'lesson', zh: '课程' },
  learner: { en: 'you', zh: '你' },
};

export const LEDGER_LIMIT = 500;

export function ledgerModel(
  entries: readonly LedgerEntry[],
  lang: Lang,
  filter = '',
  limit = LEDGER_LIMIT,
): LedgerModel {
  const matching = filter === '' ? entries : entries.filter((entry) => entryText(entry).includes(filter));
  const shown = matching.slice(-limit);
  return {
    rows: shown.map((entry) => rowOf(entry, lang)),
    earlier: matching.length - shown.length,
    hidden: entries.length - matching.length,
  };
}

function rowOf(entry: LedgerEntry, lang: Lang): LedgerRow {
  const act = actText(entry, lang);
  const command = entry.command === null ? null : visible(entry.command);
  return {
    seq: entry.seq,
    entry,
    time: clock(entry.at),
    actor: ACTORS[entry.actor][lang],
    headline: command ?? act,
    act,
    command,
    result: resultText(entry),
    ok: entry.result.ok,
  };
}

/** A system call, a netlink message: the same words in every language. Anything else is a remark in English. */
const OPERATION = /^(\w+\(|[A-Z]+_[A-Z])/;

/** The act as a person reads it: a remark about the kernel is told in their own language. */
export function actText(entry: LedgerEntry, lang: Lang): string {
  return visible(OPERATION.test(entry.act) ? entry.act : entry.explanation[lang]);
}

/** `= 0`, `= 5 in 12 µs`, `EPERM`. */
export function resultText(entry: LedgerEntry): string {
  const { ok, value, errno } = entry.result;
  const time = entry.durationNs === undefined ? '' : ` (${nanoseconds(entry.durationNs)})`;
  if (!ok) return `${visible(errno ?? 'failed')}${time}`;
  return `${value === undefined ? 'ok' : `= ${value}`}${time}`;
}

/** What `y` puts into the clipboard: the command that does the same, else the act; one line, nothing escaped that a shell needs. */
export function copyText(entry: LedgerEntry): string {
  return (entry.command ?? entry.act).replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
}

/** All that a filter is looked for in, in small letters: what is shown in either language. */
export function entryText(entry: LedgerEntry): string {
  return [
    ACTORS[entry.actor].en,
    ACTORS[entry.actor].zh,
    entry.actor,
    entry.domain,
    entry.subject,
    entry.act,
    entry.command ?? '',
    entry.man ?? '',
    entry.explanation.en,
    entry.explanation.zh,
    entry.result.errno ?? '',
  ]
    .join('\n')
    .toLowerCase();
}
