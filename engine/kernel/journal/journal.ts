import type { StoryOrigin } from '../../api/types.js';
import { cutText } from '../cut-text.js';
import { Call, weightOf } from './call.js';
import { actFor, currentCall } from './context.js';
import { hideInText } from './secrets.js';

/** Calls that are kept, and what all of them may take together; the oldest are forgotten. */
const MAX_CALLS = 500;
const MAX_BYTES = 8 << 20;
/** Calls of one cause for one object, such as the probes of a container that come every second. */
const MAX_ALIKE = 5;
/** Characters of why a call was refused. */
const MAX_FAILURE = 2_000;

export interface JournalBounds {
  readonly calls?: number;
  readonly bytes?: number;
}

/** The last calls that changed something or were refused, oldest first. In memory alone: a new engine begins a new one. */
export class Journal {
  #calls: Call[] = [];
  #next = 1;
  #bytes = 0;
  /** Calls by what makes them alike. */
  readonly #alike = new Map<string, Call[]>();
  readonly #bounds: Required<JournalBounds>;

  constructor(bounds: JournalBounds = {}) {
    this.#bounds = { calls: bounds.calls ?? MAX_CALLS, bytes: bounds.bytes ?? MAX_BYTES };
  }

  /** Begin a call. It is not told of before something was done for it, or it was refused. */
  open(origin: StoryOrigin): Call {
    return new Call(origin, (call, bytes) => {
      if (call.number === 0) this.#keep(call);
      else this.#bytes += bytes;
      this.#shrink();
    });
  }

  /** It was answered, or its work is done. @param failure as it was said to who asked; secrets in it are not kept */
  close(call: Call, status: number | null, failure: string | null): void {
    call.endedAt = Date.now();
    call.end = { status, failure: failure === null ? null : cutText(hideInText(failure), MAX_FAILURE) };
    call.refusal = null;
    if (failure === null || call.dropped) return;
    const bytes = weightOf(call.end);
    call.bytes += bytes;
    if (call.number === 0) this.#keep(call);
    else this.#bytes += bytes;
    this.#shrink();
  }

  /** Do something that no request asked for, as a call of its own. */
  async during<T>(origin: StoryOrigin, work: () => Promise<T>): Promise<T> {
    const call = this.open(origin);
    try {
      const result = await actFor(call, work);
      this.close(call, null, null);
      return result;
    } catch (error) {
      this.close(call, null, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  get calls(): readonly Call[] {
    return this.#calls;
  }

  get bytes(): number {
    return this.#bytes;
  }

  #keep(call: Call): void {
    call.number = this.#next++;
    call.bytes += weightOf(call.origin);
    this.#bytes += call.bytes;
    this.#calls.push(call);
    if (call.origin.by !== 'engine') return;
    const key = `${call.origin.cause} ${call.origin.object}`;
    const alike = this.#alike.get(key) ?? [];
    alike.push(call);
    this.#alike.set(key, alike);
    const oldest = alike.length > MAX_ALIKE ? alike.shift() : undefined;
    if (oldest !== undefined) this.#forget(oldest);
  }

  #shrink(): void {
    while (this.#calls.length > 1 && (this.#calls.length > this.#bounds.calls || this.#bytes > this.#bounds.bytes))
      this.#forget(this.#calls[0] as Call);
  }

  #forget(call: Call): void {
    const at = this.#calls.indexOf(call);
    if (at < 0) return;
    this.#calls.splice(at, 1);
    this.#bytes -= call.bytes;
    call.drop();
    if (call.origin.by !== 'engine') return;
    const key = `${call.origin.cause} ${call.origin.object}`;
    const left = this.#alike.get(key)?.filter((one) => one !== call) ?? [];
    if (left.length === 0) this.#alike.delete(key);
    else this.#alike.set(key, left);
  }
}

/** As `during` of a journal, where there is one. */
export function inBackground<T>(journal: Journal | undefined, origin: StoryOrigin, work: () => Promise<T>): Promise<T> {
  return journal === undefined ? work() : journal.during(origin, work);
}

/** The current call is refused, in words where its answer would have been. */
export function noteRefusal(message: string): void {
  const call = currentCall();
  if (call !== undefined) call.refusal ??= message;
}

/** An object that the current call is about, if there is one. */
export function noteSubject(type: string, id: string, name: string): void {
  currentCall()?.concerns({ type, id, name });
}
