/** Which typed lines are worth replaying: undo takes back the last one that may have changed something. */

const READERS = new Set([
  'ls',
  'cat',
  'echo',
  'pwd',
  'ps',
  'id',
  'whoami',
  'which',
  'type',
  'man',
  'help',
  'history',
  'clear',
  'less',
  'more',
  'head',
  'tail',
  'grep',
  'wc',
  'readlink',
  'stat',
  'findmnt',
  'lsns',
  'lsmod',
  'df',
  'du',
  'free',
  'top',
  'htop',
  'uptime',
  'uname',
  'ping',
  'ss',
  'netstat',
  'pstree',
  'pgrep',
  'ipcs',
  'getpcaps',
  'capsh',
  'lscpu',
  'nproc',
  'env',
  'printenv',
  'date',
  'diff',
  'cmp',
  'watch',
  'tree',
  'file',
  'true',
  'false',
  'ifquery',
]);

/** Show-only forms of programs that can also change things. */
const SHOWING: readonly RegExp[] = [
  /^ip(\s+-n\s+\S+|\s+-\S+)*\s+(link|addr|address|a|l|route|r|neigh|netns|rule)?\s*(show|list|ls|help|identify|pids|get)?(\s+(dev\s+)?[\w.@-]+)?$/,
  /^ip\s+netns\s+exec\s+\S+\s+(ifconfig(\s+-a)?|ping\s.*|ip(\s+-\S+)*\s+(link|addr|a|route|neigh)(\s+show.*)?|ss\s.*|netstat\s.*|iptables-save.*)$/,
  /^ifconfig(\s+(-a|\S+))?$/,
  /^brctl\s+show\S*(\s.*)?$/,
  /^bridge\s+\S+(\s+show.*)?$/,
  /^mount(\s+-l)?$/,
  /^hostname$/,
  /^sysctl\s+[^-=\s][^=]*$/,
  /^iptables(-save)?(\s+-t\s+\w+)?(\s+-[vnLS]+(\s+\w+)?)*$/,
  /^nft\s+list\s.*$/,
  /^docker\s+(ps|images|inspect|logs|diff|history|top|port|version|info|stats|events|search)(\s.*)?$/,
  /^docker\s+(container|image|network|volume|system)\s+(ls|list|inspect|logs|diff|history|top|port|stats|df|info|events)(\s.*)?$/,
];

/** Programs in which a learner types what no shell of ours sees. */
const UNSEEN: readonly RegExp[] = [
  /(^|[\s/])(sh|ash|dash|zsh|python3)$/,
  /^docker\s+(container\s+)?attach\s/,
  /^docker\s+(container\s+)?start\s(.*\s)?-[ai]+(\s|$)/,
  /^docker\s+(container\s+)?(run|exec)\s(.*\s)?(-[a-z]*[it][a-z]*|--tty|--interactive)(\s|$)/,
];

/** Surely only reads: no redirection, no list, no substitution, and a program known to read. */
export function onlyReads(line: string): boolean {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return true;
  if (/[;&>`<]|\$\(/.test(text)) return false;
  return text.split('|').every((part) => {
    const command = part.trim().replace(/^(sudo|time)\s+/, '');
    const program = command.split(/\s+/)[0] ?? '';
    return READERS.has(program) || SHOWING.some((pattern) => pattern.test(command));
  });
}

/** Indices of `commands` to drop so that the last one with an effect is undone, with all later ones; empty when there is none. */
export function lastEffect(commands: readonly { readonly line: string; readonly exit: number | null }[]): number {
  return commands.findLastIndex((command) => !onlyReads(command.line) && command.exit !== 127);
}

/** Lines worth replaying, in order. */
export function replayable<T extends { readonly line: string }>(commands: readonly T[]): T[] {
  return commands.filter((command) => !onlyReads(command.line));
}

/** Does it open a shell (or the like) in which more was typed than was recorded? Its work cannot be done again by typing it. */
export function opensUnseen(line: string): boolean {
  const text = line.trim();
  return UNSEEN.some((pattern) => pattern.test(text)) && !/^docker\s.*\s(-[a-z]*d[a-z]*|--detach)(\s|$)/.test(text);
}
