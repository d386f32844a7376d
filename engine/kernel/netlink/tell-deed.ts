import type { DeedNote } from '../journal/deed.js';
import { NETLINK, type SentTogether } from './deed.js';
import { ledgerEntryOf } from './ledger.js';
import { words } from './shell-words.js';

/** Requests to rtnetlink, in words and as commands of iproute2. */
NETLINK.tellWith(tellNetlink);

function tellNetlink({ outcomes, place }: SentTogether): readonly DeedNote[] {
  return outcomes.map((outcome) => {
    const { actor: _, subject: __, ...note } = ledgerEntryOf(outcome, { actor: 'engine', subject: '' });
    if (place === undefined) return note;
    const command = note.command === null ? null : `${words('nsenter', `--net=${place}`)} ${note.command}`;
    return { ...note, place, command };
  });
}
