/** What `iptables-save` prints, by table and chain. */
export type SavedRules = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

export function parseSaved(text: string): SavedRules {
  const tables = new Map<string, Map<string, string[]>>();
  let table = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = new Map();
      tables.set(line.slice(1), table);
    } else if (line.startsWith(':')) {
      table.set(line.slice(1).split(' ')[0] ?? '', []);
    } else {
      const [, chain, spec] = /^-A (\S+) (.*)$/.exec(line) ?? [];
      if (chain !== undefined && spec !== undefined) table.get(chain)?.push(spec);
    }
  }
  return tables;
}
