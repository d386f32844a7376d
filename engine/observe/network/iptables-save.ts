import type { FirewallChain, FirewallRule } from '../../api/types.js';
import { EngineError } from '../../kernel/errors.js';
import { parseRule, wordsOfRule } from './iptables-rule.js';

/** What iptables-save(8) or ip6tables-save(8) prints. */
export interface Saved {
  readonly chains: readonly FirewallChain[];
  readonly rules: readonly FirewallRule[];
  readonly tables: readonly string[];
  /** Tables of which the program says that they have what only nft(8) can show. */
  readonly nftOnly: readonly string[];
}

/**
 * The output of `iptables-save -c`; counters may be left out and are then 0.
 *
 * @throws EngineError DataLoss for a line that the program does not print, or a table without its COMMIT: a cut output
 *   must not look like a firewall with fewer rules
 */
export function parseIptablesSave(text: string, family: 'inet' | 'inet6'): Saved {
  const chains: FirewallChain[] = [];
  const rules: FirewallRule[] = [];
  const tables: string[] = [];
  const nftOnly: string[] = [];
  let table: string | null = null;
  for (const { at, line } of logicalLines(text)) {
    const fail = (why: string): never => {
      throw new EngineError('DataLoss', `read iptables-save: line ${at} ${why}`);
    };
    if (line === '') continue;
    if (line.startsWith('#')) {
      const foreign = /^# Table `(.+?)' (?:is|contains) incompatible/.exec(line);
      if (foreign !== null) nftOnly.push(foreign[1]!);
      continue;
    }
    if (line.startsWith('*')) {
      if (table !== null) fail(`begins a table before the end of ${table}`);
      table = line.slice(1);
      tables.push(table);
      continue;
    }
    if (table === null) return fail('is outside of any table');
    if (line === 'COMMIT') {
      table = null;
      continue;
    }
    const chain = /^:(\S+) (\S+)(?: \[(\d+):(\d+)\])?$/.exec(line);
    if (chain !== null) {
      const [, name = '', policy = '', packets = '0', bytes = '0'] = chain;
      chains.push({ family, table, chain: name, policy, packets: Number(packets), bytes: Number(bytes) });
      continue;
    }
    const rule = /^(?:\[(\d+):(\d+)\] )?(-A .+)$/s.exec(line);
    if (rule === null) return fail('is neither a chain nor a rule');
    const [, packets = '0', bytes = '0', words = ''] = rule;
    const parsed = parseRule(words);
    if (parsed === null) return fail('is a rule that cannot be read');
    rules.push({ family, table, ...parsed, packets: Number(packets), bytes: Number(bytes), text: words });
  }
  if (table !== null) throw new EngineError('DataLoss', `read iptables-save: its output ends within table ${table}`);
  return { chains, rules, tables, nftOnly };
}

/** Characters of one rule, remarks included; iptables itself takes no longer argument list. */
const LONGEST_RULE = 16_384;

/** A remark may hold a line break: lines are joined until the quotes of a rule are closed. `at` counts from 1. */
function logicalLines(text: string): { at: number; line: string }[] {
  const lines: { at: number; line: string }[] = [];
  let open: { at: number; line: string } | null = null;
  for (const [index, raw] of text.split('\n').entries()) {
    const joined: { at: number; line: string } =
      open === null ? { at: index + 1, line: raw } : { at: open.at, line: `${open.line}\n${raw}` };
    const rule = /^(?:\[\d+:\d+\] )?(-A \S.*)$/s.exec(joined.line)?.[1];
    // A remark has at most 255 characters: a quote that is still open then is none, and the rule cannot be read.
    if (rule !== undefined && rule.length < LONGEST_RULE && wordsOfRule(rule) === null) {
      open = joined;
      continue;
    }
    open = null;
    lines.push({ at: joined.at, line: joined.line.trimEnd() });
  }
  if (open !== null) lines.push(open);
  return lines;
}
