import type { CommandSpec } from './spec.js';
import { COMMANDS, GROUPS, REFUSED } from './table.js';

const BY_NAME = new Map(COMMANDS.flatMap((spec) => spec.names.map((name) => [name, spec] as const)));

/** What the words behind the global flags name. `called`: the command's name as it was typed. */
export type Found =
  | { readonly kind: 'command'; readonly spec: CommandSpec; readonly called: string; readonly words: readonly string[] }
  | { readonly kind: 'group'; readonly name: string; readonly words: readonly string[] }
  | { readonly kind: 'refused'; readonly name: string; readonly why: string }
  | { readonly kind: 'unknown'; readonly name: string; readonly group: string | null };

export function findCommand(words: readonly string[]): Found {
  const [first = '', second] = words;
  const refused = REFUSED.get(`${first} ${second ?? ''}`) ?? REFUSED.get(first);
  if (refused !== undefined)
    return { kind: 'refused', name: REFUSED.has(first) ? first : `${first} ${second ?? ''}`, why: refused };
  if (GROUPS.has(first)) {
    if (second === undefined || second.startsWith('-')) return { kind: 'group', name: first, words: words.slice(1) };
    const spec = BY_NAME.get(`${first} ${second}`);
    if (spec === undefined) return { kind: 'unknown', name: `${first} ${second}`, group: first };
    return { kind: 'command', spec, called: `${first} ${second}`, words: words.slice(2) };
  }
  const spec = BY_NAME.get(first);
  if (spec === undefined) return { kind: 'unknown', name: first, group: null };
  return { kind: 'command', spec, called: first, words: words.slice(1) };
}
