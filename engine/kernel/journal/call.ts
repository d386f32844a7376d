import type { StoryOrigin, StorySubject } from '../../api/types.js';
import type { Deed, DeedNote } from './deed.js';

/** Deeds of one call. A start has about forty; an image of a hundred layers some hundreds. */
const MAX_DEEDS = 2_000;
const MAX_BYTES = 2 << 20;
const MAX_SUBJECTS = 256;

/** How a call ended: the status of its answer, and the message where it was refused. */
export interface CallEnd {
  readonly status: number | null;
  readonly failure: string | null;
}

/** A request, or a cause inside the engine, and what was done for it. */
export class Call {
  readonly origin: StoryOrigin;
  readonly at = Date.now();
  /** Given with the first deed, or with a refusal; 0: nothing is to be told so far. */
  number = 0;
  phase = '';
  /** How many are taking something back for it. */
  undoing = 0;
  readonly deeds: Deed[] = [];
  /** Deeds that were not kept: there were too many. */
  forgotten = 0;
  /** About what it takes in memory. */
  bytes = 0;
  /** The journal has forgotten it: what is still done for it is not kept either. */
  dropped = false;
  endedAt: number | null = null;
  end: CallEnd = { status: null, failure: null };
  /** Why it was refused, where the answer says so in a stream of its own and nothing is thrown. */
  refusal: string | null = null;
  readonly #subjects = new Map<string, StorySubject>();
  readonly #grown: (call: Call, bytes: number) => void;

  /** @param grown told of every deed that was kept, and of every subject of a call that is kept */
  constructor(origin: StoryOrigin, grown: (call: Call, bytes: number) => void) {
    this.origin = origin;
    this.#grown = grown;
  }

  add(tell: () => readonly DeedNote[], bytes: number): void {
    if (this.dropped) return;
    if (this.deeds.length >= MAX_DEEDS || this.bytes + bytes > MAX_BYTES) {
      this.forgotten++;
      return;
    }
    this.deeds.push({
      at: Date.now(),
      phase: this.phase,
      undo: this.undoing > 0,
      late: this.endedAt !== null,
      tell,
    });
    this.bytes += bytes;
    this.#grown(this, bytes);
  }

  /** An object that it was about. */
  concerns(subject: StorySubject): void {
    const key = `${subject.type} ${subject.id}`;
    if (this.dropped || (this.#subjects.size >= MAX_SUBJECTS && !this.#subjects.has(key))) return;
    const bytes = weightOf(subject) - weightOf(this.#subjects.get(key) ?? null);
    this.#subjects.set(key, subject);
    this.bytes += bytes;
    if (this.number > 0) this.#grown(this, bytes);
  }

  /** Let go of everything: whoever still acts for it (a timer, a connection) holds no more than its origin. */
  drop(): void {
    this.dropped = true;
    this.deeds.length = 0;
    this.#subjects.clear();
  }

  get subjects(): readonly StorySubject[] {
    return [...this.#subjects.values()];
  }
}

/** About what a value of strings, numbers and objects takes in memory: headers of V8's objects, two bytes for each character. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return 24 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  return Object.entries(value).reduce((sum, [name, one]) => sum + 16 + 2 * name.length + weightOf(one), 64);
}
