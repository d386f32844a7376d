/** One rule as iptables(8) has it, taken apart: what it matches, where it goes, and with which options. */
export interface ParsedRule {
  readonly chain: string;
  readonly match: Readonly<Record<string, string>>;
  readonly target: string;
  readonly options: Readonly<Record<string, string>>;
}

interface Word {
  readonly text: string;
  /** In quotes: never an option, whatever it begins with. */
  readonly quoted: boolean;
}

/**
 * Split what iptables-save prints: blanks separate, a word that begins with a double quote ends at the next one, a backslash
 * takes the next character as it is. A quote within a word is part of it: chains may be named so. Null when a quote is open.
 */
export function splitWords(text: string): Word[] | null {
  const words: Word[] = [];
  let current = '';
  let open = false;
  let quoted = false;
  let started = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '\\' && at + 1 < text.length) {
      current += text[++at]!;
      started = true;
    } else if (character === '"' && (open || !started)) {
      open = !open;
      quoted = true;
      started = true;
    } else if (!open && (character === ' ' || character === '\t')) {
      if (started) words.push({ text: current, quoted });
      current = '';
      quoted = false;
      started = false;
    } else {
      current += character;
      started = true;
    }
  }
  if (open) return null;
  if (started) words.push({ text: current, quoted });
  return words;
}

/** Options under one name each: `-s` and `--source`, and both spellings of the connection's state. */
const MATCH_NAMES: Readonly<Record<string, string>> = {
  '-s': 'source',
  '--source': 'source',
  '--src': 'source',
  '-d': 'destination',
  '--destination': 'destination',
  '--dst': 'destination',
  '-i': 'inInterface',
  '--in-interface': 'inInterface',
  '-o': 'outInterface',
  '--out-interface': 'outInterface',
  '-p': 'protocol',
  '--protocol': 'protocol',
  '--proto': 'protocol',
  '-f': 'fragment',
  '--fragment': 'fragment',
  '--sport': 'sport',
  '--source-port': 'sport',
  '--sports': 'sport',
  '--source-ports': 'sport',
  '--dport': 'dport',
  '--destination-port': 'dport',
  '--dports': 'dport',
  '--destination-ports': 'dport',
  '--state': 'ctstate',
  '--ctstate': 'ctstate',
};

const TARGET_NAMES: Readonly<Record<string, string>> = {
  '--to-destination': 'to',
  '--to-source': 'to',
  '--to-ports': 'to',
  '--to': 'to',
};

const PROTOCOL_NAMES: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '58': 'ipv6-icmp',
  icmpv6: 'ipv6-icmp',
};

/** Options whose value is free text of one word. */
const ONE_TEXT: ReadonlySet<string> = new Set(['--comment', '--log-prefix', '--nflog-prefix']);

/** Modules that say nothing by being there: the protocol has been said, or it only holds a remark. */
const SILENT_MODULES: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', 'icmp6', 'ipv6-icmp', 'comment']);

function camel(option: string): string {
  return option.replace(/^-+/, '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** `-A`, the chain, which is printed as it is, quotes of its own included, and what follows it. */
const APPEND = /^-A (\S+)(?: (.*))?$/s;

/** The words behind `-A chain`; null when it does not begin so, or a quote is open. */
export function wordsOfRule(text: string): { chain: string; words: Word[] } | null {
  const [, chain, rest] = APPEND.exec(text) ?? [];
  const words = splitWords(rest ?? '');
  return chain === undefined || words === null ? null : { chain, words };
}

/** Null when it does not begin with `-A chain`, a quote is open, or a line break stands elsewhere than in a remark. */
export function parseRule(text: string): ParsedRule | null {
  const found = wordsOfRule(text);
  if (found === null) return null;
  const { chain, words } = found;
  // A target may be named so that it begins with a quote, which then swallows the next rule.
  if (words.some((word, n) => word.text.includes('\n') && !ONE_TEXT.has(words[n - 1]?.text ?? ''))) return null;
  const match: Record<string, string> = {};
  const options: Record<string, string> = {};
  /** Modules named, and whether an option followed. */
  const modules = new Map<string, boolean>();
  let module: string | null = null;
  let target: string | null = null;
  let inTarget = false;
  let negated = false;
  let at = 0;
  const isOption = (word: Word | undefined): boolean =>
    word !== undefined && !word.quoted && /^-(?:-[a-zA-Z]|[a-zA-Z]$)/.test(word.text);
  const isNot = (word: Word | undefined): boolean => word !== undefined && !word.quoted && word.text === '!';
  while (at < words.length) {
    const word = words[at++]!;
    if (isNot(word)) {
      negated = true;
      continue;
    }
    if (!isOption(word)) return null;
    const option = word.text;
    // The old way to negate stands after the option: `-s ! 10.0.0.1`.
    if (isNot(words[at]) && !isOption(words[at + 1])) {
      negated = true;
      at++;
    }
    const values: string[] = [];
    // A remark may look like an option: it is only quoted where it has a blank.
    if (ONE_TEXT.has(option) && words[at] !== undefined) values.push(words[at++]!.text);
    while (at < words.length && !isOption(words[at]) && !isNot(words[at])) values.push(words[at++]!.text);
    const value = values.length === 0 ? 'true' : values.join(' ');
    if (option === '-m' || option === '--match') {
      module = value;
      inTarget = false;
      if (!modules.has(module)) modules.set(module, false);
    } else if (option === '-j' || option === '--jump' || option === '-g' || option === '--goto') {
      target = value;
      inTarget = true;
      if (option === '-g' || option === '--goto') options['goto'] = 'true';
    } else if (option === '--comment') {
      options['comment'] = value;
    } else if (inTarget && option.startsWith('--') && MATCH_NAMES[option] === undefined) {
      options[TARGET_NAMES[option] ?? camel(option)] = value;
    } else {
      if (module !== null && option.startsWith('--')) modules.set(module, true);
      const name = MATCH_NAMES[option] ?? camel(option);
      match[name] = `${negated ? '!' : ''}${normalValue(name, value)}`;
    }
    negated = false;
  }
  for (const [name, spoke] of modules) if (!spoke && !SILENT_MODULES.has(name)) match[camel(name)] = 'true';
  if (match['protocol'] === 'all') delete match['protocol'];
  return { chain, match, target: target ?? '', options };
}

/** One spelling for values that mean the same. */
function normalValue(name: string, value: string): string {
  switch (name) {
    case 'source':
    case 'destination':
      return value.includes('/') || value === 'true' ? value : `${value}/${value.includes(':') ? 128 : 32}`;
    case 'protocol': {
      const lower = value.toLowerCase();
      return PROTOCOL_NAMES[lower] ?? lower;
    }
    case 'ctstate':
      return value.split(',').sort().join(',');
    default:
      return value;
  }
}
