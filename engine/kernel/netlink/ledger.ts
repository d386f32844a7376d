import type { LedgerEntry } from '../../api/types.js';
import { errnoName } from '../errno.js';
import { describe } from './describe.js';
import type { Outcome } from './rtnetlink.js';

/** What the ledger says of a request that was sent; the ledger itself numbers it and adds the time. */
export function ledgerEntryOf(
  outcome: Outcome,
  who: Pick<LedgerEntry, 'actor' | 'subject'>,
): Omit<LedgerEntry, 'seq' | 'at'> {
  const { errno } = outcome.acknowledgement;
  return {
    ...who,
    domain: 'netlink',
    ...describe(outcome.request),
    result: outcome.ok ? { ok: true, value: 0 } : { ok: false, errno: errnoName(errno) },
    durationNs: outcome.durationNs,
  };
}
