import { currentCall } from '../journal/context.js';
import { type DeedNote, noteDeed } from '../journal/deed.js';
import { ledgerEntryOf } from './ledger.js';
import type { Outcome } from './rtnetlink.js';
import { words } from './shell-words.js';

/** About what a request takes in memory. */
const REQUEST_BYTES = 600;

interface SentTogether {
  readonly outcomes: readonly Outcome[];
  readonly place: string | undefined;
}

/** Note requests that were sent together. `place`: the network namespace, where it is not our own. */
export function noteNetlink(outcomes: readonly Outcome[], place: string | undefined): void {
  if (currentCall() === undefined) return;
  noteDeed(tellNetlink, { outcomes, place }, outcomes.length * REQUEST_BYTES);
}

function tellNetlink({ outcomes, place }: SentTogether): readonly DeedNote[] {
  return outcomes.map((outcome) => {
    const { actor: _, subject: __, ...note } = ledgerEntryOf(outcome, { actor: 'engine', subject: '' });
    if (place === undefined) return note;
    const command = note.command === null ? null : `${words('nsenter', `--net=${place}`)} ${note.command}`;
    return { ...note, place, command };
  });
}
