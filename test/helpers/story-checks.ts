import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { Story, StoryEntry } from '../../engine/api/types.js';

/** What the kernel shows of one container on a bridge, found without the story. */
export interface KernelFacts {
  /** Names of the machine's ends of veth pairs. */
  readonly veths: readonly string[];
  /** Address of the container's own end, with its prefix. */
  readonly address: string;
  /** Lines of iptables-save that name the container's address, with their tables: `nat -A DOCKER …`. */
  readonly rules: readonly string[];
  /** Directories of control groups with the container's id. */
  readonly groups: readonly string[];
  /** Mount points of the engine's own mount namespace that belong to the container. */
  readonly mounts: readonly string[];
  /** Mount points of the container's first process. */
  readonly inside: readonly string[];
}

export interface Container {
  readonly id: string;
  readonly pid: number;
  readonly address: string;
  /** Beginnings of paths under which an engine mounts. */
  readonly roots: readonly string[];
}

const run = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8' });

export function kernelFacts({ id, pid, address, roots }: Container): KernelFacts {
  const links = JSON.parse(run('ip', '-json', 'link', 'show', 'type', 'veth')) as { ifname: string }[];
  const inside = JSON.parse(run('nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-json', 'address')) as {
    addr_info: { local: string; prefixlen: number }[];
  }[];
  const own = inside.flatMap(({ addr_info }) => addr_info).find(({ local }) => local === address);
  const rules = ['filter', 'nat', 'raw'].flatMap((table) =>
    run('iptables-save', '-t', table)
      .split('\n')
      .filter((line) => line.startsWith('-A') && line.includes(address))
      .map((line) => `${table} ${line.trim()}`),
  );
  const mountPoints = (path: string): string[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => line.split(' ')[4] ?? []);
  return {
    veths: links.map(({ ifname }) => ifname),
    address: `${own?.local}/${own?.prefixlen}`,
    rules,
    groups: groupsNamed(id),
    mounts: mountPoints('/proc/self/mountinfo').filter((path) => roots.some((root) => path.startsWith(root))),
    inside: mountPoints(`/proc/${pid}/mountinfo`),
  };
}

/** Directories of this name below every hierarchy, two levels deep as `--cgroup-parent` has them. */
function groupsNamed(name: string): string[] {
  const below = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [`${path}/${entry.name}`] : [],
    );
  const tops = ['/sys/fs/cgroup', ...below('/sys/fs/cgroup')];
  return tops
    .flatMap((top) => below(top).map((parent) => `${parent}/${name}`))
    .filter((path) => existsSync(`${path}/cgroup.procs`));
}

/** What the kernel has and the story does not tell, and what the story tells and the kernel does not have. */
export function differencesOf(stories: readonly Story[], facts: KernelFacts): string[] {
  const entries = stories.flatMap((story) => story.entries).filter(({ result, undo }) => result.ok && !undo);
  return [...untold(entries, facts), ...untrue(entries)];
}

function untold(entries: readonly StoryEntry[], facts: KernelFacts): string[] {
  const of = (domain: StoryEntry['domain']): string[] =>
    entries.filter((one) => one.domain === domain).map(({ act }) => act);
  const missing = (
    what: string,
    wanted: readonly string[],
    told: readonly string[],
    has: (wish: string, act: string) => boolean,
  ) => wanted.filter((wish) => !told.some((act) => has(wish, act))).map((wish) => `${what} is not told: ${wish}`);
  const [netlink, firewall, cgroup] = [of('netlink'), of('firewall'), of('cgroup')];
  const mounts = [...of('mount'), ...of('syscall')];
  return [
    ...missing(
      'link',
      facts.veths,
      netlink,
      (name, act) => act.startsWith('RTM_NEWLINK(') && act.includes(`ifname=${name},`),
    ),
    ...missing(
      'address',
      [facts.address],
      netlink,
      (address, act) => act.startsWith('RTM_NEWADDR(') && act.includes(`local=${address}`),
    ),
    ...missing('rule', facts.rules, firewall, (rule, act) => act.replace(':', '') === rule),
    ...missing('group', facts.groups, cgroup, (path, act) => act === `mkdir(${JSON.stringify(path)}, 0755)`),
    ...missing('mount', facts.mounts, mounts, (path, act) => act.includes(JSON.stringify(path))),
    // of what is mounted inside before pivot_root the path is told as the descriptor that it was found by
    ...missing(
      'mount inside',
      facts.inside.filter((path) => path !== '/'),
      mounts,
      (path, act) => act.includes(`<${path}>`) || act.includes(JSON.stringify(path)),
    ),
  ];
}

/** What is told as written, made or mounted and is not there. Later deeds win over earlier ones. */
function untrue(entries: readonly StoryEntry[]): string[] {
  const writes = new Map<string, string>();
  const problems: string[] = [];
  for (const { domain, act, command } of entries) {
    const [, verb, path, value] = /^(\w+)\("([^"]*)"(?:, (.*))?\)$/.exec(act) ?? [];
    if (path === undefined) continue;
    if (domain === 'cgroup' && verb === 'write') writes.set(path, value ?? '');
    if (domain === 'cgroup' && verb === 'mkdir' && !existsSync(path)) problems.push(`there is no group ${path}`);
    if (domain === 'file' && verb === 'write' && !existsSync(path)) problems.push(`there is no file ${path}`);
    if (domain === 'file' && /\/(hosts|hostname|resolv\.conf)$/.test(path) && value !== `${statSync(path).size} bytes`)
      problems.push(`${path} has ${statSync(path).size} bytes, not ${value}`);
    if (domain === 'file' && verb === 'mkdir' && !statSync(path).isDirectory())
      problems.push(`${path} is no directory`);
    if (domain === 'sysctl' && readFileSync(path, 'utf8').trim() !== JSON.parse(value ?? '""'))
      problems.push(`${command} has no effect`);
  }
  for (const [path, text] of writes) {
    // what may be used and what not is read in one list
    if (/\/devices\.(allow|deny)$/.test(path)) continue;
    const has = readFileSync(path, 'utf8').trim();
    if (has !== JSON.parse(text)) problems.push(`${path} is ${has}, not ${text}`);
  }
  return [...problems, ...untrueNetwork(entries)];
}

/** Each object that was made by a message is there, where it was made; each rule matches one that is there. */
function untrueNetwork(entries: readonly StoryEntry[]): string[] {
  const fails = (words: readonly string[]): boolean => {
    try {
      run(words[0] as string, ...words.slice(1));
      return false;
    } catch (error) {
      if ((error as { status?: unknown }).status === undefined) throw error;
      return true;
    }
  };
  return entries.flatMap(({ domain, act, command, place }) => {
    const enter = place === null || domain !== 'netlink' ? [] : ['nsenter', `--net=${place}`];
    const link = /^RTM_NEWLINK\((?:ifname|dev)=([^,)]+)/.exec(act)?.[1];
    const [, dev, local] = /^RTM_NEWADDR\(dev=([^,]+), local=([^,)]+)/.exec(act) ?? [];
    if (link !== undefined)
      return fails([...enter, 'ip', 'link', 'show', 'dev', link]) ? [`there is no link ${link}`] : [];
    if (dev !== undefined)
      return run('sh', '-c', '"$@"', 'sh', ...enter, 'ip', 'address', 'show', 'dev', dev).includes(` ${local} `)
        ? []
        : [`${dev} has no address ${local}`];
    const rule = domain === 'firewall' ? (command ?? '').split(' ').map((word) => word.replace(/^-A$/, '-C')) : [];
    if (rule.includes('-C')) return fails(rule) ? [`there is no rule: ${command}`] : [];
    return [];
  });
}
