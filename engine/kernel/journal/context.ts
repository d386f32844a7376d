import { AsyncLocalStorage } from 'node:async_hooks';
import type { Call } from './call.js';

const current = new AsyncLocalStorage<Call>();

/** The call on whose behalf the running code acts, also behind an await or a timer; undefined: on nobody's. */
export function currentCall(): Call | undefined {
  return current.getStore();
}

export function actFor<T>(call: Call, work: () => T): T {
  return current.run(call, work);
}

/** From here on the current call is in this part of its work: `start.network`. */
export function notePhase(phase: string): void {
  const call = current.getStore();
  if (call !== undefined) call.phase = phase;
}

/** What is done until `work` ends takes back what was done before. */
export async function undoing<T>(work: () => Promise<T>): Promise<T> {
  const call = current.getStore();
  if (call === undefined) return work();
  call.undoing++;
  try {
    return await work();
  } finally {
    call.undoing--;
  }
}
