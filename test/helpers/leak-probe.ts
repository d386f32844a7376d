import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Everything on a machine that a lab could leave behind, as sorted lines of text by kind. */
export type MachineState = Readonly<Record<string, readonly string[]>>;

const VANISHED = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EINVAL']);

function gone(error: unknown): boolean {
  return VANISHED.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Run a tool of the machine; a tool that fails makes the probe fail, never an empty answer. */
function tool(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 32 << 20,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function pids(): string[] {
  const list = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  if (!list.includes(String(process.pid))) throw new Error('/proc does not show this process: the probe cannot see');
  return list;
}

function processes(): string[] {
  const ours = ancestry();
  return pids().flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (ours.has(pid)) return [];
      return [`${pid} ${comm} ${rest[0]}`];
    } catch (error) {
      if (gone(error)) return [];
      throw error;
    }
  });
}

function ancestry(): Set<string> {
  const set = new Set<string>();
  for (let pid = String(process.pid); pid !== '0' && pid !== ''; ) {
    set.add(pid);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    pid = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? '0';
  }
  return set;
}

function namespaces(): string[] {
  const found = new Set<string>();
  for (const pid of pids()) {
    try {
      for (const kind of readdirSync(`/proc/${pid}/ns`)) found.add(readlinkSync(`/proc/${pid}/ns/${kind}`));
    } catch (error) {
      if (!gone(error)) throw error;
    }
  }
  return [...found];
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ').slice(2).join(' '));
}

function ownPidNamespace(): string {
  return /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';
}

/** Groups that are named after Glassbox and belong to this pid namespace's engines, with their parents' sake in mind. */
function cgroups(): string[] {
  const namespace = ownPidNamespace();
  const found: string[] = [];
  const walk = (directory: string, depth: number): void => {
    let entries: string[];
    try {
      entries = readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name);
    } catch (error) {
      if (gone(error)) return;
      throw error;
    }
    for (const name of entries) {
      const path = `${directory}/${name}`;
      if (name.startsWith('glassbox') && name.endsWith(`-${namespace}`)) found.push(path);
      else if (depth < 6) walk(path, depth + 1);
    }
  };
  if (existsSync('/sys/fs/cgroup')) walk('/sys/fs/cgroup', 0);
  return found;
}

function files(): string[] {
  const list: string[] = [];
  const scratch = '/var/lib/glassbox/scratch';
  if (existsSync(scratch)) {
    const namespace = ownPidNamespace();
    for (const id of readdirSync(scratch)) if (id.endsWith(`-${namespace}`)) list.push(`${scratch}/${id}`);
  }
  for (const directory of ['/run/glassbox', '/run/netns', '/var/lib/glassbox/labs']) {
    if (!existsSync(directory)) continue;
    for (const name of readdirSync(directory, { recursive: true }) as string[]) list.push(`${directory}/${name}`);
  }
  return list;
}

/** What a test run opens behind a test's back, at some time: tsx looks through its cache, a reporter writes down results. */
export function isOfTestRun(target: string): boolean {
  const rows = process.env['GLASSBOX_TEST_ROWS'];
  return /\/tsx-\d+(\/|$)/.test(target) || (rows !== undefined && target.startsWith(`${rows}/`));
}

function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      // what Node itself opens and closes as it pleases
      const isNodes = /^(anon_inode:\[(eventpoll|eventfd|io_uring)\]|\/proc|pipe:|socket:)/.test(target);
      return isNodes || isOfTestRun(target) ? [] : [target];
    } catch (error) {
      if (gone(error)) return [];
      throw error;
    }
  });
}

/**
 * What the machine holds now: processes, namespaces, mounts, links, firewall rules, cgroups, sockets, files, loop devices,
 * keyrings, our own descriptors. Throws when any of its own means fails.
 */
export function machineState(): MachineState {
  const state: Record<string, string[]> = {
    processes: processes(),
    namespaces: namespaces(),
    mounts: mounts(),
    links: (JSON.parse(tool('ip', ['-j', 'link'])) as { ifname: string }[]).map(({ ifname }) => ifname),
    addresses: tool('ip', ['-o', 'addr'])
      .trim()
      .split('\n')
      .map((line) => line.replace(/\\.*$/, '').trim()),
    rules: tool('iptables-save', [])
      .split('\n')
      .filter((line) => line.startsWith('-A')),
    nft: tool('nft', ['list', 'ruleset'])
      .split('\n')
      .filter((line) => line.trim() !== ''),
    cgroups: cgroups(),
    listening: readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .filter((line) => / 0A /.test(line))
      .map((line) => line.trim().split(/\s+/)[1] ?? ''),
    unixSockets: readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/)[7] ?? '')
      .filter((path) => path.includes('glassbox')),
    files: files(),
    loops: readdirSync('/sys/block').filter((name) => name.startsWith('loop') && existsSync(`/sys/block/${name}/loop`)),
    sysctls: ['net/ipv4/ip_forward', 'kernel/hostname', 'kernel/core_pattern'].map(
      (name) => `${name}=${readFileSync(`/proc/sys/${name}`, 'utf8').trim()}`,
    ),
    descriptors: descriptors(),
  };
  for (const list of Object.values(state)) list.sort();
  return state;
}

/** What is there now that was not before, and what is missing: `+ mounts: …`. Empty means nothing was left. */
export function difference(before: MachineState, after: MachineState): string[] {
  const lines: string[] = [];
  for (const kind of Object.keys(before)) {
    const left = [...(after[kind] ?? [])];
    for (const item of before[kind] ?? []) {
      const at = left.indexOf(item);
      if (at < 0) lines.push(`- ${kind}: ${item}`);
      else left.splice(at, 1);
    }
    for (const item of left) lines.push(`+ ${kind}: ${item}`);
  }
  return lines;
}

/** The difference once it has settled: what is still being torn down gets `waitMs` (default 30 s) to be gone. */
export async function leaksSince(before: MachineState, waitMs = 30_000): Promise<string[]> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const lines = difference(before, machineState());
    if (lines.length === 0 || performance.now() > deadline) return lines;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
