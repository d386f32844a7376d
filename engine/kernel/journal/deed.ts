import { EngineError } from '../errors.js';
import type { LedgerNote } from '../ledger.js';
import { currentCall } from './context.js';

/** A ledger's line without whom it was for: that is the call's to say. */
export type DeedNote = Omit<LedgerNote, 'actor' | 'subject'> & {
  /** In which network namespace, in which program: where it was done, when that is not the engine's own process. */
  readonly place?: string;
};

/** Puts a deed into words, as often as somebody asks; never changes it. */
export type Teller<T> = (what: T) => readonly DeedNote[];

/**
 * One kind of deed. Its teller is given by a file of its own, which is loaded when a story is read (`engine/api/docker/explain`):
 * who only does something does not wait for the words.
 */
export class DeedKind<T> {
  readonly #name: string;
  #teller: Teller<T> | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  tellWith(teller: Teller<T>): void {
    this.#teller = teller;
  }

  tell(what: T): readonly DeedNote[] {
    if (this.#teller === null) throw new EngineError('Internal', `nobody tells what a ${this.#name} is`);
    return this.#teller(what);
  }
}

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
export function noteDeed<T>(kind: DeedKind<T>, what: T, bytes = SMALL): void {
  currentCall()?.add(() => kind.tell(what), bytes);
}
