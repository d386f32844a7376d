/** One way in which a server wants to know who asks: RFC 7235, section 4.1. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const MOST_CHALLENGES = 10;
const MOST_PARAMETERS = 20;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;
const VALUE = /^(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/;

/** Challenges of one or more WWW-Authenticate headers; what is no challenge is left out. Linear in its input. */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap(parseHeader).slice(0, MOST_CHALLENGES);
}

function parseHeader(header: string): Challenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  let rest = header.slice(0, 8192);
  for (;;) {
    rest = rest.replace(/^[\s,]+/, '');
    const word = TOKEN.exec(rest)?.[0];
    if (word === undefined || found.length > MOST_CHALLENGES) return found;
    rest = rest.slice(word.length);
    const equals = /^\s*=\s*/.exec(rest)?.[0];
    const current = found.at(-1);
    if (equals === undefined) {
      found.push({ scheme: word.toLowerCase(), parameters: new Map() });
      continue;
    }
    rest = rest.slice(equals.length);
    const value = VALUE.exec(rest);
    if (value === null || current === undefined) return found;
    rest = rest.slice(value[0].length);
    const name = word.toLowerCase();
    // the first one counts: a second `realm` must not win over the one that was looked at
    if (current.parameters.size < MOST_PARAMETERS && !current.parameters.has(name))
      current.parameters.set(name, value[1]?.replace(/\\(.)/g, '$1') ?? value[2] ?? '');
  }
}
