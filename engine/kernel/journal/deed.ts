import type { LedgerNote } from '../ledger.js';
import { currentCall } from './context.js';

/** A ledger's line without whom it was for: that is the call's to say. */
export type DeedNote = Omit<LedgerNote, 'actor' | 'subject'> & {
  /** In which network namespace, in which program: where it was done, when that is not the engine's own process. */
  readonly place?: string;
};

/** Puts a deed into words, as often as somebody asks; never changes it. */
export type Teller<T> = (what: T) => readonly DeedNote[];

export interface Deed {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly phase: string;
  /** It took back an earlier one. */
  readonly undo: boolean;
  /** The call had been answered. */
  readonly late: boolean;
  readonly tell: () => readonly DeedNote[];
}

/** About what a small deed takes in memory: its object and some strings. */
const SMALL = 400;

/**
 * Note what was just done for the current call, if there is one. `what` must stay as it is, and hold nothing that must not be
 * kept (see `secrets.ts`).
 *
 * @param bytes about what it takes in memory
 */
export function noteDeed<T>(teller: Teller<T>, what: T, bytes = SMALL): void {
  currentCall()?.add(() => teller(what), bytes);
}
