import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Call } from '../../../kernel/journal/call.js';
import { actFor } from '../../../kernel/journal/context.js';
import type { Journal } from '../../../kernel/journal/journal.js';
import { messageOf, statusOf } from '../http/errors.js';
import type { Endpoint, Target } from '../router.js';
import { callerOf } from './caller.js';
import { originOf } from './origin.js';

/** What is asked for with these methods alone changes nothing. */
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface Begun {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly endpoint: Endpoint;
  readonly target: Target;
  readonly body: unknown;
}

/** Carry a request out so that what is done for it is noted. `ended`: the answer's status, when it is done; whether the client is gone. */
export async function carryOut(
  journal: Journal | undefined,
  { request, socket, endpoint, target, body }: Begun,
  work: () => Promise<void>,
  ended: { readonly status: () => number; readonly gone: AbortSignal },
): Promise<void> {
  if (journal === undefined || READING.has(endpoint.method)) return work();
  const { operation, method } = endpoint;
  const caller = callerOf(socket, request.headers['user-agent']);
  const call: Call = journal.open(
    originOf({ operation, method, path: target.path, query: target.query }, body, caller),
  );
  try {
    await actFor(call, work);
    journal.close(call, ended.status(), ended.gone.aborted ? null : call.refusal);
  } catch (error) {
    // nobody refused it: who asked went away
    if (ended.gone.aborted) journal.close(call, null, null);
    else journal.close(call, statusOf(error), messageOf(error));
    throw error;
  }
}
