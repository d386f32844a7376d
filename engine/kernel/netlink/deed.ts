import { currentCall } from '../journal/context.js';
import { DeedKind, noteDeed } from '../journal/deed.js';
import type { Outcome } from './rtnetlink.js';

/** About what a request takes in memory. */
const REQUEST_BYTES = 600;

export interface SentTogether {
  readonly outcomes: readonly Outcome[];
  readonly place: string | undefined;
}

/** Told by `tell-deed.ts`. */
export const NETLINK = new DeedKind<SentTogether>('netlink request');

/** Note requests that were sent together. `place`: the network namespace, where it is not our own. */
export function noteNetlink(outcomes: readonly Outcome[], place: string | undefined): void {
  if (currentCall() === undefined) return;
  noteDeed(NETLINK, { outcomes, place }, outcomes.length * REQUEST_BYTES);
}
