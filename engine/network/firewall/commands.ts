import { CHAINS, FIRST_IN_FORWARD, keyOf, type Rule } from './rules.js';
import type { SavedRules } from './saved.js';

/** Lines for iptables-restore, by table. */
export type Commands = ReadonlyMap<Rule['table'], readonly string[]>;

class Collected {
  readonly #lines = new Map<Rule['table'], string[]>();

  add(table: Rule['table'], line: string): void {
    const lines = this.#lines.get(table);
    if (lines === undefined) this.#lines.set(table, [line]);
    else lines.push(line);
  }

  insert({ table, chain, spec, at }: Rule): void {
    this.add(table, at === 'bottom' ? `-A ${chain} ${spec}` : `-I ${chain} ${at} ${spec}`);
  }

  delete({ table, chain, spec }: Omit<Rule, 'at'>): void {
    this.add(table, `-D ${chain} ${spec}`);
  }

  get commands(): Commands {
    return this.#lines;
  }
}

/** A change to rules that are as we left them. One that is not there to be deleted makes iptables-restore refuse all. */
export function changeCommands(add: readonly Rule[], remove: readonly Rule[]): Commands {
  const collected = new Collected();
  for (const rule of remove) collected.delete(rule);
  for (const rule of add) collected.insert(rule);
  return collected.commands;
}

/**
 * What brings the rules that are there in line: wanted ones are there once, ours come first in FORWARD, unwanted ones are gone.
 * Whatever else is there is somebody else's and stays.
 */
export function reconcileCommands(saved: SavedRules, wanted: readonly Rule[], unwanted: readonly Rule[]): Commands {
  const collected = new Collected();
  for (const { table, chain } of CHAINS)
    if (saved.get(table)?.has(chain) !== true) collected.add(table, `:${chain} - [0:0]`);
  const there = ({ table, chain, spec }: Omit<Rule, 'at'>): number =>
    saved
      .get(table)
      ?.get(chain)
      ?.filter((one) => one === spec).length ?? 0;

  const keys = new Set(wanted.map(keyOf));
  for (const rule of unwanted) {
    if (keys.has(keyOf(rule))) continue;
    for (let count = there(rule); count > 0; count--) collected.delete(rule);
  }
  const forward = saved.get('filter')?.get('FORWARD') ?? [];
  const areFirst = FIRST_IN_FORWARD.every((spec, index) => forward[index] === spec);
  for (const rule of wanted) {
    const isFirst = rule.chain === 'FORWARD' && (FIRST_IN_FORWARD as readonly string[]).includes(rule.spec);
    const keep = isFirst && !areFirst ? 0 : 1;
    for (let count = there(rule); count > keep; count--) collected.delete(rule);
    if (there(rule) === 0 || keep === 0) collected.insert(rule);
  }
  return collected.commands;
}

/** As iptables-restore reads them. */
export function restoreText(commands: Commands): string {
  return [...commands].map(([table, lines]) => `*${table}\n${lines.join('\n')}\nCOMMIT\n`).join('');
}
