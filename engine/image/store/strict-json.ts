import { EngineError } from '../../kernel/errors.js';
import { guard } from './guards.js';

/** Deeper than any document of the specifications, shallow enough for every walk. */
const MAX_DEPTH = 64;

/**
 * Parse JSON that somebody else will parse too, so that both read the same: UTF-8 without a mark, one value, no key twice in an
 * object (parsers disagree which one counts: CVE-2021-41190's class), bounded size and depth. InvalidArgument otherwise.
 */
export function parseStrictJson(bytes: Uint8Array, what: string, maxBytes: number): unknown {
  if (bytes.byteLength > maxBytes && guard('document-bound'))
    throw new EngineError('ResourceExhausted', `${what} has ${bytes.byteLength} bytes, at most ${maxBytes} are read`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new EngineError('InvalidArgument', `${what} is not UTF-8`, { cause: error });
  }
  checkDepth(text, what);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new EngineError('InvalidArgument', `${what} is not JSON`, { cause: error });
  }
  checkKeys(text, what);
  return value;
}

const STRUCTURE = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;

function checkDepth(text: string, what: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(STRUCTURE)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth > MAX_DEPTH) throw new EngineError('InvalidArgument', `${what} is nested deeper than ${MAX_DEPTH}`);
  }
}

/** `text` is valid JSON: a string followed by a colon is a key. */
function checkKeys(text: string, what: string): void {
  const open: Set<string>[] = [];
  let last = '';
  for (const [token] of text.matchAll(STRUCTURE)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const key = JSON.parse(last) as string;
      const keys = open.at(-1);
      if (keys?.has(key) === true && guard('manifest-ambiguity'))
        throw new EngineError('InvalidArgument', `${what} has the key ${JSON.stringify(key.slice(0, 60))} twice`);
      keys?.add(key);
    }
    last = token;
  }
}
