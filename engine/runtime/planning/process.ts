import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import { O } from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import { toExactJson } from '../../kernel/exact-json.js';
import { realKernel } from '../../kernel/kernel.js';
import { openInRoot } from '../../kernel/namespaces/open-in-root.js';
import { readProc } from '../../kernel/procfs/read.js';
import { ownBoundingSet } from '../../kernel/procfs/status.js';
import { guard } from '../guards.js';
import type { CapabilityPlan, ProcessPlan } from '../plan.js';
import { type CompiledSeccomp, compileSeccomp, isEmptySeccomp } from '../seccomp/compile.js';
import { CAPABILITIES, RLIMITS } from '../spec/names.js';
import type { CapabilitySet, SpecCapabilities, SpecProcess, SpecSeccomp } from '../spec/types.js';

const DEFAULT_UMASK = 0o022;
/** What is read of a container's /etc/passwd: it is the image's, and may be of any size. */
const PASSWD_BYTES = 1 << 20;

export interface ProcessContext {
  /** Where /etc/passwd is looked for: a directory, or /proc/PID/root. */
  readonly root: string;
  readonly seccomp: SpecSeccomp | undefined;
  readonly setgroups: boolean;
  readonly preserveFds: number;
  readonly stdio: readonly [number, number, number];
  /** The process is in another user namespace: its limits are set from outside, where we are privileged, and it has every capability at first. */
  readonly inUserNamespace: boolean;
  readonly warn: (message: string) => void;
}

/** The user's process: environment, files to try, identity, limits and filter. */
export function planProcess(process: SpecProcess, context: ProcessContext): ProcessPlan {
  const env = environment(process, context.root);
  const terminal = process.terminal === true;
  return {
    process,
    candidates: candidatesOf(process.args[0] ?? '', env),
    env,
    capabilities: planCapabilities(process.capabilities, context),
    rlimits: context.inUserNamespace ? [] : limitsOf(process),
    seccomp: planSeccomp(context.seccomp, context.warn),
    oomScoreAdj:
      process.oomScoreAdj === undefined || process.oomScoreAdj === ownOomScore() ? null : process.oomScoreAdj,
    setgroups: context.setgroups,
    preserveFds: context.preserveFds,
    ownStdio: terminal
      ? []
      : [0, 1, 2].filter((target) => isToBeOwned(context.stdio[target] ?? target, process.user.uid)),
    nullStdio: terminal ? [] : [0, 1, 2].filter((target) => isNull(context.stdio[target] ?? target)),
    terminal: terminal ? { size: process.consoleSize ?? null } : null,
    umask: process.user.umask ?? DEFAULT_UMASK,
    apparmor: process.apparmorProfile === undefined || process.apparmorProfile === '' ? null : process.apparmorProfile,
  };
}

/** [resource, soft, hard] as prlimit(2) takes them: those of the config, and the limit of open files that we were started with. */
export function limitsOf(process: SpecProcess): (readonly [number, bigint, bigint])[] {
  const limits = process.rlimits.map(({ type, soft, hard }) => [RLIMITS.get(type) ?? -1, soft, hard] as const);
  const inherited = openFilesBeforeNode();
  return inherited === null || process.rlimits.some(({ type }) => type === 'RLIMIT_NOFILE')
    ? limits
    : [...limits, inherited];
}

const RLIMIT_NOFILE = 7;
let openFiles: readonly [number, bigint, bigint] | null | undefined;

/**
 * Node raises its soft limit of open files to the hard one when it starts, and a container must not inherit that: programs that close
 * every possible descriptor would take minutes. What it was before is known of whoever started us. Null: nothing was raised.
 */
export function openFilesBeforeNode(): readonly [number, bigint, bigint] | null {
  if (openFiles === undefined) {
    const own = limitOfOpenFiles('self');
    const parent = limitOfOpenFiles(String(process.ppid));
    openFiles =
      own === null || parent === null || parent.soft >= own.soft ? null : [RLIMIT_NOFILE, parent.soft, own.hard];
  }
  return openFiles;
}

function limitOfOpenFiles(pid: string): { soft: bigint; hard: bigint } | null {
  const text = readProc(`/proc/${pid}/limits`);
  const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(text ?? '') ?? [];
  return soft === undefined || hard === undefined ? null : { soft: BigInt(soft), hard: BigInt(hard) };
}

/** Of a name given twice the last counts; HOME is the user's when nobody has set it. */
function environment(process: SpecProcess, root: string): string[] {
  const last = new Map<string, string>();
  for (const line of process.env) {
    const name = line.slice(0, line.indexOf('='));
    last.set(name, line);
  }
  if ((last.get('HOME') ?? 'HOME=') === 'HOME=') last.set('HOME', `HOME=${homeOf(root, process.user.uid)}`);
  return [...last.values()];
}

/** The home directory that the container's /etc/passwd has for a user id, `/` where it has none. passwd(5) */
function homeOf(root: string, uid: number): string {
  const text = readPasswd(root);
  for (const line of text.split('\n')) {
    const fields = line.split(':');
    if (fields.length >= 6 && fields[2] === String(uid)) return fields[5] || '/';
  }
  return '/';
}

/** A regular file inside the root, seen to be one before it is opened, and no more of it than is sane: CVE-2024-9676, CVE-2026-47262. */
function readPasswd(root: string): string {
  if (!guard('passwd-bounds'))
    return existsSync(`${root}/etc/passwd`) ? readFileSync(`${root}/etc/passwd`, 'utf8') : '';
  let place: number;
  try {
    place = openInRoot(realKernel, root, '/etc/passwd', O.PATH);
  } catch (error) {
    if (error instanceof SyscallError) return ''; // no such file: nobody has a home of their own
    throw error;
  }
  try {
    if (!fstatSync(place).isFile()) return '';
    const fd = openSync(`/proc/self/fd/${place}`, O.RDONLY | O.CLOEXEC);
    try {
      const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, PASSWD_BYTES));
      return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
    } finally {
      closeSync(fd);
    }
  } finally {
    closeSync(place);
  }
}

/** The files that execvp(3) would try. */
function candidatesOf(name: string, env: readonly string[]): string[] {
  if (name.includes('/')) return [name];
  if (name === '') return [];
  const path = env.find((line) => line.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  return path
    .split(':')
    .filter((directory) => directory !== '')
    .map((directory) => posix.join(directory, name));
}

function planCapabilities(capabilities: SpecCapabilities | null, { inUserNamespace }: ProcessContext): CapabilityPlan {
  const { last, held: own } = kernelCapabilities();
  const held = inUserNamespace ? (2n << BigInt(last)) - 1n : own;
  const mask = (set: CapabilitySet): bigint =>
    (capabilities?.[set] ?? []).reduce((bits, name) => {
      const number = CAPABILITIES.indexOf(name);
      return number < 0 || number > last ? bits : bits | (1n << BigInt(number));
    }, 0n);
  const plan = {
    bounding: mask('bounding'),
    effective: mask('effective'),
    permitted: mask('permitted'),
    inheritable: guard('inheritable-empty') ? mask('inheritable') : mask('permitted'),
    ambient: mask('ambient'),
    last,
    held,
  };
  return plan;
}

let known: { last: number; held: bigint } | undefined;

/** What this kernel has at all, and what our own bounding set still holds. */
function kernelCapabilities(): { last: number; held: bigint } {
  known ??= {
    last: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
    held: ownBoundingSet(),
  };
  return known;
}

/** Filters compiled lately, by their source: containers that follow each other mostly have the same. */
const filters = new Map<string, CompiledSeccomp>();
const FILTERS = 8;

/** The same, by the very object: that of a plan which is read again and again. */
const filtersOf = new WeakMap<SpecSeccomp, CompiledSeccomp>();

/** The filter of a spec, compiled; null without one. */
function planSeccomp(seccomp: SpecSeccomp | undefined, warn: (message: string) => void): ProcessPlan['seccomp'] {
  if (seccomp === undefined || isEmptySeccomp(seccomp)) return null;
  const compiled = filtersOf.get(seccomp) ?? compiledFilter(seccomp);
  filtersOf.set(seccomp, compiled);
  for (const warning of compiled.warnings) warn(warning);
  // no Buffer, whose toJSON would make a list of eight thousand numbers of it first
  return {
    filter: new Uint8Array(compiled.filter.buffer, compiled.filter.byteOffset, compiled.filter.length),
    flags: compiled.flags,
  };
}

function compiledFilter(seccomp: SpecSeccomp): CompiledSeccomp {
  const key = toExactJson({
    ...seccomp,
    syscalls: seccomp.syscalls.map(({ names, ...rule }) => [JSON.stringify(names), rule]),
  });
  const compiled = filters.get(key) ?? compileSeccomp(seccomp);
  filters.delete(key);
  filters.set(key, compiled);
  for (const oldest of filters.keys()) if (filters.size > FILTERS) filters.delete(oldest);
  return compiled;
}

function ownOomScore(): number {
  return Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
}

/** runc's fixStdioPermissions: the user may open its own standard streams again by name. The null device is everybody's. */
function isToBeOwned(fd: number, uid: number): boolean {
  const stat = fstatSync(fd);
  return stat.uid !== uid && !isNull(fd);
}

function isNull(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isCharacterDevice() && stat.rdev === NULL_DEVICE;
}

const NULL_DEVICE = (1 << 8) | 3;
