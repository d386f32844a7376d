import type { Language } from '../../i18n/text.js';
import type { CommandSpec, FlagSpec } from './spec.js';
import { summaryIn } from './summaries.js';
import { COMMANDS, GLOBAL_FLAGS, GROUPS } from './table.js';

/** Width of help where it is not known. */
const WIDTH = 80;

/** Help of one command, as docker lays it out. */
export function commandHelp(spec: CommandSpec, called: string, language: Language, columns = WIDTH): string {
  const usage = `Usage:  docker ${`${called} ${spec.usage}`.trim()}${spec.usageMore === undefined ? '' : `\n${spec.usageMore}`}`;
  const text = language === 'en' ? (spec.long ?? spec.text) : summaryIn(spec.text, language);
  const parts = [usage, text];
  if (spec.names.length > 1) parts.push(`Aliases:\n  ${spec.names.map((name) => `docker ${name}`).join(', ')}`);
  const flags = withHelpFlag(spec.flags);
  if (flags.length > 0) parts.push(`Options:\n${flagLines(flags, columns - 1)}`);
  return `${parts.join('\n\n')}\n`;
}

/** Where -h is the command's own, --help is listed. */
function withHelpFlag(flags: readonly FlagSpec[]): FlagSpec[] {
  const shown = flags.filter((one) => one.hidden !== true);
  if (shown.some((one) => one.short === 'h'))
    shown.push({ name: 'help', short: null, kind: 'bool', text: 'Print usage' });
  return shown.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function groupHelp(name: string, language: Language): string {
  const commands = COMMANDS.filter((spec) => spec.names[0]?.startsWith(`${name} `))
    .map((spec) => [spec.names[0]?.slice(name.length + 1) ?? '', spec.text] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const usage = `Usage:  docker ${name} COMMAND`;
  const more = `Run 'docker ${name} COMMAND --help' for more information on a command.`;
  const text = summaryIn(GROUPS.get(name) ?? '', language);
  return `${[usage, text, `Commands:\n${list(commands, language)}`, more].join('\n\n')}\n`;
}

/** What the flags in front of the command are by default, below the directory of the config file. */
const PLACES: Readonly<Record<string, string>> = {
  config: '',
  tlscacert: 'ca.pem',
  tlscert: 'cert.pem',
  tlskey: 'key.pem',
};

/** Those that docker names first. */
const COMMON = ['run', 'exec', 'ps', 'pull', 'push', 'images', 'login', 'logout', 'search', 'version', 'info'];

/** @param directory where the config file and certificates are looked for when no flag says */
export function rootHelp(language: Language, columns = WIDTH, directory = ''): string {
  const top = COMMANDS.flatMap((spec) => {
    const short = spec.names.find((name) => !name.includes(' '));
    return short === undefined ? [] : [[short, spec.text] as const];
  });
  const common = COMMON.flatMap((name) => top.filter(([one]) => one === name));
  const rest = top.filter(([name]) => !COMMON.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  const groups = [...GROUPS].filter(([name]) => name !== 'completion');
  const flags = GLOBAL_FLAGS.filter((one) => one.hidden !== true).map((one) => {
    const place = PLACES[one.name];
    return place === undefined || directory === ''
      ? one
      : { ...one, initial: JSON.stringify(place === '' ? directory : `${directory}/${place}`) };
  });
  return `${[
    'Usage:  docker [OPTIONS] COMMAND',
    summaryIn('A self-sufficient runtime for containers', language),
    `Common Commands:\n${list(common, language)}`,
    `Management Commands:\n${list(groups, language)}`,
    `Commands:\n${list(rest, language)}`,
    `Global Options:\n${flagLines(flags, columns - 1)}`,
    "Run 'docker COMMAND --help' for more information on a command.",
    'For more help on how to use Docker, head to https://docs.docker.com/go/guides/',
  ].join('\n\n')}\n`;
}

function list(commands: readonly (readonly [string, string])[], language: Language): string {
  const width = Math.max(11, ...commands.map(([name]) => name.length));
  return commands.map(([name, text]) => `  ${name.padEnd(width)} ${summaryIn(text, language)}`).join('\n');
}

/** pflag's FlagUsagesWrapped. */
export function flagLines(flags: readonly FlagSpec[], columns: number): string {
  const rows = flags.map((one) => {
    const name = `${one.short === null ? '    ' : `-${one.short}, `}--${one.name}`;
    const kind = one.kind === 'bool' ? '' : ` ${one.kind === 'gpu' ? 'gpu-request' : one.kind}`;
    const initial = one.initial === undefined ? '' : ` (default ${one.initial})`;
    return { left: `  ${name}${kind}`, text: one.text + initial };
  });
  const widest = Math.max(...rows.map(({ left }) => left.length));
  return rows.map(({ left, text }) => `${left.padEnd(widest)}   ${wrap(widest + 3, columns, text)}`).join('\n');
}

const SLOP = 5;

function wrap(indent: number, columns: number, text: string): string {
  let [from, width, head] = [indent, columns - indent, ''];
  if (width < 24) {
    from = 16;
    width = columns - from;
    head = `\n${' '.repeat(from)}`;
  }
  if (width < 24) return text.replaceAll('\n', head);
  const margin = `\n${' '.repeat(from)}`;
  const lines: string[] = [];
  for (let rest: string | null = text; rest !== null; ) {
    const cut: { line: string; rest: string | null } = wrapOnce(width - SLOP, rest);
    lines.push(cut.line.replaceAll('\n', margin));
    rest = cut.rest === '' ? null : cut.rest;
  }
  return head + lines.join(margin);
}

function wrapOnce(width: number, text: string): { line: string; rest: string | null } {
  if (width + SLOP > text.length) return { line: text, rest: null };
  const head = text.slice(0, width);
  const space = Math.max(head.lastIndexOf(' '), head.lastIndexOf('\t'), head.lastIndexOf('\n'));
  if (space <= 0) return { line: text, rest: null };
  const newline = head.lastIndexOf('\n');
  const at = newline > 0 && newline < space ? newline : space;
  return { line: text.slice(0, at), rest: text.slice(at + 1) };
}
