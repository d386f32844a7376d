import type { Firewall } from '../../api/types.js';
import { EngineError } from '../../kernel/errors.js';
import { parseIptablesSave, type Saved } from './iptables-save.js';

/** Programs to run in the namespace, and of which `parseFirewall` takes the standard output. Their counters are read too. */
export const FIREWALL_COMMANDS = {
  save4: ['iptables-save', '-c'],
  save6: ['ip6tables-save', '-c'],
  nftTables: ['nft', '-j', 'list', 'tables'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Standard output of the programs; null for one that is not installed. */
export interface FirewallTexts {
  readonly save4: string | null;
  readonly save6: string | null;
  readonly nftTables: string | null;
}

/**
 * The firewall of a namespace.
 *
 * @throws EngineError DataLoss when an output is cut or not what its program prints
 */
export function parseFirewall(texts: FirewallTexts): Firewall {
  const nothing: Saved = { chains: [], rules: [], tables: [], nftOnly: [] };
  const v4 = texts.save4 === null ? nothing : parseIptablesSave(texts.save4, 'inet');
  const v6 = texts.save6 === null ? nothing : parseIptablesSave(texts.save6, 'inet6');
  const shown = new Set([...v4.tables.map((table) => `ip ${table}`), ...v6.tables.map((table) => `ip6 ${table}`)]);
  const tables = texts.nftTables === null ? [] : parseNftTables(texts.nftTables);
  const nftOnly = new Set([
    ...tables.filter((table) => !shown.has(table)),
    ...v4.nftOnly.map((table) => `ip ${table}`),
    ...v6.nftOnly.map((table) => `ip6 ${table}`),
  ]);
  return {
    chains: [...v4.chains, ...v6.chains],
    rules: [...v4.rules, ...v6.rules],
    nftOnly: [...nftOnly].sort(),
  };
}

/** `family name` of each table that `nft -j list tables` prints. See libnftables-json(5). */
export function parseNftTables(text: string): string[] {
  if (text.trim() === '') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('DataLoss', 'read nft -j list tables: its output is not JSON', { cause });
  }
  const list = (parsed as { nftables?: unknown } | null)?.nftables;
  if (!Array.isArray(list)) throw new EngineError('DataLoss', 'read nft -j list tables: its output has no "nftables"');
  return list.flatMap((entry: unknown) => {
    const table = (entry as { table?: { family?: unknown; name?: unknown } } | null)?.table;
    return typeof table?.family === 'string' && typeof table.name === 'string' ? [`${table.family} ${table.name}`] : [];
  });
}
