import type { Flag } from './flags.js';
import { COMMANDS, type Command, findCommand, GLOBAL_FLAGS, HELP_FLAG, PROGRAM } from './table.js';

/** `--bundle value, -b value` */
function label(flag: Flag): string {
  const value = flag.kind === 'bool' ? '' : ' value';
  return flag.names.map((name) => `${name.length === 1 ? '-' : '--'}${name}${value}`).join(', ');
}

function flagTable(flags: readonly Flag[]): string {
  const width = Math.max(...flags.map((flag) => label(flag).length));
  const line = (flag: Flag): string => {
    const fallback =
      flag.fallback === undefined
        ? ''
        : ` (default: ${flag.kind === 'string' ? JSON.stringify(flag.fallback) : flag.fallback})`;
    return `   ${label(flag).padEnd(width)}  ${flag.text}${fallback}`;
  };
  return flags.map(line).join('\n');
}

export function commandHelp(command: Command): string {
  const options = command.flags.length === 0 ? '' : ' [command options]';
  const sections = [
    `NAME:\n   ${PROGRAM} ${command.name} - ${command.text}`,
    `USAGE:\n   ${PROGRAM} ${command.name}${options} ${command.usage}`.trimEnd(),
  ];
  if (command.more !== undefined) sections.push(`DESCRIPTION:\n   ${command.more}`);
  if (command.flags.length > 0) sections.push(`OPTIONS:\n${flagTable(command.flags)}`);
  return `${sections.join('\n\n')}\n`;
}

export function programHelp(version: string, root: string): string {
  const width = Math.max(...COMMANDS.map((command) => command.name.length));
  const flags = GLOBAL_FLAGS.map((flag) => (flag.names[0] === 'root' ? { ...flag, fallback: root } : flag));
  return `NAME:
   ${PROGRAM} - Open Container Initiative runtime: makes a Linux container from a bundle (config.json and a root file system)

USAGE:
   ${PROGRAM} [global options] command [command options] [arguments...]

VERSION:
   ${version.trimEnd().replaceAll('\n', '\n   ').replace(`${PROGRAM} version `, '')}

COMMANDS:
${COMMANDS.map((command) => `   ${command.name.padEnd(width)}  ${command.text}`).join('\n')}
   ${'help, h'.padEnd(width)}  list the commands, or show the help of one

GLOBAL OPTIONS:
${flagTable(flags)}
`;
}

/** Flags of a command with the one that every command has. */
export const withHelp = (command: Command): readonly Flag[] => [...command.flags, HELP_FLAG];

/** Null when there is no such command. */
export function helpOf(name: string): string | null {
  const command = findCommand(name);
  return command === undefined ? null : commandHelp(command);
}
