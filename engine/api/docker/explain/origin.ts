import { cutText } from '../../../kernel/cut-text.js';
import { hideInText, hideValue, presentable } from '../../../kernel/journal/secrets.js';
import type { StoryCaller, StoryOrigin } from '../../types.js';

const MAX_PARAMETERS = 32;
const MAX_VALUE = 500;
/** Bytes of JSON of a body that are kept. */
const MAX_BODY = 4096;
/** Bodies of which nothing is kept: a password is what they are for. */
const UNTOLD = new Set(['SystemAuth']);

/** A request as it is kept. Headers are not: X-Registry-Auth and X-Registry-Config hold passwords. */
export function originOf(
  request: { readonly operation: string; readonly method: string; readonly path: string; readonly query: string },
  body: unknown,
  caller: StoryCaller,
): StoryOrigin {
  return {
    by: 'request',
    operation: request.operation,
    method: request.method,
    path: cutText(hideInText(request.path), MAX_VALUE),
    query: queryOf(request.query),
    body: UNTOLD.has(request.operation) ? null : bodyOf(body),
    caller,
  };
}

function queryOf(text: string): Record<string, string> {
  const entries = [...new URLSearchParams(text)].slice(0, MAX_PARAMETERS);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      // `docker commit --change 'ENV NAME=value'`, build arguments
      const shown = /^\s*ENV\s/i.test(value) ? hideValue(value) : name === 'buildargs' ? '…' : hideInText(value);
      return [cutText(name, MAX_VALUE), cutText(shown, MAX_VALUE)];
    }),
  );
}

function bodyOf(body: unknown): unknown {
  const shown = presentable(body);
  if (shown === undefined) return null;
  const text = JSON.stringify(shown);
  return text.length <= MAX_BODY ? shown : `${cutText(text, MAX_BODY)}…`;
}
