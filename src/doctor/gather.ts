import { accessSync, constants, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, release, tmpdir, userInfo } from 'node:os';
import { readHierarchies } from './gather-cgroups.js';
import { readIptablesVariant, runTrials, tryAutoMap } from './probe-script.js';
import { findProgram, isDynamic, type PackageTable } from './programs.js';
import type { Facts, IdRange, LabTrial } from './types.js';

/** Text of a file of /proc, /sys or /etc; null when it is not there or not ours to read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return null;
    throw error;
  }
}

const SYSCTLS = [
  'kernel.unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns',
  'user.max_user_namespaces',
  'user.max_mnt_namespaces',
  'user.max_net_namespaces',
  'user.max_pid_namespaces',
  'user.max_uts_namespaces',
  'user.max_ipc_namespaces',
  'user.max_cgroup_namespaces',
  'user.max_time_namespaces',
  'fs.inotify.max_user_instances',
  'kernel.pid_max',
];

export interface GatherOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: NodeJS.WriteStream;
  readonly packages: PackageTable;
  /** Programs that lessons name, beyond those of the packages. */
  readonly lessonPrograms: readonly string[];
  /** Makes a lab for real. */
  readonly tryLab: () => Promise<LabTrial>;
}

/** Measure everything. Takes as long as making one lab and one namespaced child. */
export async function gatherFacts(options: GatherOptions): Promise<Facts> {
  const { env } = options;
  const wide: NodeJS.ProcessEnv = { ...env, PATH: `${env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`, LC_ALL: 'C' };
  const status = readText('/proc/self/status') ?? '';
  const names = new Set([...options.packages.lab.flatMap((entry) => entry.programs), ...options.lessonPrograms]);
  const programs = Object.fromEntries([...names].sort().map((name) => [name, findProgram(name, env)]));
  const statics = options.packages.lab.filter((entry) => entry.static === true).flatMap((entry) => entry.programs);
  const trials = await runTrials(wide);
  const autoMap = await tryAutoMap(wide);
  const lab = await options.tryLab();
  return {
    system: systemFacts(env),
    sysctls: Object.fromEntries(
      SYSCTLS.flatMap((name) => {
        const text = readText(`/proc/sys/${name.replaceAll('.', '/')}`);
        return text === null ? [] : [[name, text.trim()]];
      }),
    ),
    namespaceKinds: namespaceKinds(),
    status: {
      capEff: BigInt(`0x${field(status, 'CapEff') ?? '0'}`),
      noNewPrivs: field(status, 'NoNewPrivs') === '1',
      seccomp: numberOrNull(field(status, 'Seccomp')),
    },
    seccompActions: words(readText('/proc/sys/kernel/seccomp/actions_avail')),
    lsm: (readText('/sys/kernel/security/lsm') ?? '').trim().split(',').filter(Boolean),
    subuid: readRanges('/etc/subuid'),
    subgid: readRanges('/etc/subgid'),
    trials,
    autoMap,
    hierarchies: readHierarchies(),
    devices: Object.fromEntries(['/dev/kvm', '/dev/net/tun'].map((path) => [path, deviceState(path)])),
    programs,
    iptablesVariant: await readIptablesVariant(wide),
    dynamicPrograms: statics.filter((name) => {
      const path = programs[name];
      return typeof path === 'string' && isDynamic(path);
    }),
    terminal: terminalFacts(options),
    lab,
  };
}

export interface User {
  readonly uid: number;
  readonly username: string;
}

/** Who we are; an id without an entry in /etc/passwd is its own name. */
function ourUser(): User {
  try {
    return userInfo();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SYSTEM_ERROR')) throw error;
    const uid = process.getuid?.() ?? -1;
    return { uid, username: String(uid) };
  }
}

function systemFacts(env: NodeJS.ProcessEnv): Facts['system'] {
  const user = ourUser();
  const memory = readText('/proc/meminfo') ?? '';
  const bytes = (name: string) =>
    (numberOrNull(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(memory)?.[1]) ?? 0) * 1024;
  const tmp = statfsSync(tmpdir());
  return {
    platform: process.platform,
    arch: process.arch,
    kernel: release(),
    node: process.versions.node,
    uid: user.uid,
    user: user.username,
    apt: findProgram('apt-get', env) !== null,
    cpus: availableParallelism(),
    memoryAvailable: bytes('MemAvailable'),
    tmpAvailable: tmp.bavail * tmp.bsize,
    swapTotal: bytes('SwapTotal'),
  };
}

function namespaceKinds(): readonly string[] {
  return readdirSync('/proc/self/ns').filter((name) => !name.endsWith('_for_children'));
}

function field(status: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
}

function numberOrNull(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

function words(text: string | null): readonly string[] {
  return (text ?? '').trim().split(/\s+/).filter(Boolean);
}

/** Our ranges in /etc/subuid or /etc/subgid: lines of `name-or-uid:start:count` (subuid(5)). */
export function readRanges(path: string, user: User = ourUser(), text = readText(path)): readonly IdRange[] {
  return (text ?? '').split('\n').flatMap((line) => {
    const [owner, start, count] = line.split(':');
    const ours = owner === user.username || owner === String(user.uid);
    return ours && /^\d+$/.test(start ?? '') && /^\d+$/.test(count ?? '')
      ? [{ start: Number(start), count: Number(count) }]
      : [];
  });
}

function deviceState(path: string): 'usable' | 'denied' | 'absent' {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return 'usable';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent';
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'denied';
    throw error;
  }
}

function terminalFacts({ env, stdout }: GatherOptions): Facts['terminal'] {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const colors = stdout.isTTY === true && !env['NO_COLOR'] ? 2 ** stdout.getColorDepth(env) : 0;
  return {
    isTerminal: stdout.isTTY === true,
    columns: stdout.isTTY === true ? stdout.columns : null,
    rows: stdout.isTTY === true ? stdout.rows : null,
    term: env['TERM'] ?? '',
    colors,
    utf8: /utf-?8/i.test(locale),
  };
}
