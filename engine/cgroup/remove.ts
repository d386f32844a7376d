import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { O, SIG } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import { realKernel } from '../kernel/kernel.js';
import { type RecordChange, removedDirectory } from './changes.js';
import type { Groups } from './groups.js';

/** Whether a process belongs to what is being removed, by the text of its /proc/PID/cgroup. */
export type Belongs = (membership: string) => boolean;

/** Longer paths are reached through a descriptor: groups may be nested deeper than PATH_MAX can name. */
const LONG = 3_000;
/** Groups that one round looks at; somebody may be making more all the while. */
const ROUND = 20_000;

interface Visit {
  /** Path by which its parent removes it. */
  readonly name: string;
  /** Path by which its own files are reached. */
  readonly at: string;
  readonly fd: number | null;
  readonly below: string[];
}

/**
 * Thaw and kill from the top down, so that nobody is left who makes more; then remove from the bottom up. One round: a
 * group whose last process is still being buried stays, and the next round takes it. cgroups(7).
 */
export function emptyAndRemove(top: string, belongs: Belongs, record?: RecordChange): void {
  const stack: Visit[] = [];
  const visit = (name: string): void => {
    const fd = name.length > LONG ? openGroup(name) : null;
    const at = fd === null ? name : `/proc/self/fd/${fd}`;
    empty(at, belongs, record);
    stack.push({ name, at, fd, below: subgroups(at) });
  };
  try {
    visit(top);
    for (let seen = 1; stack.length > 0; ) {
      const group = stack.at(-1) as Visit;
      const next = group.below.pop();
      if (next !== undefined && seen < ROUND) {
        seen++;
        visit(next);
        continue;
      }
      stack.pop();
      if (group.fd !== null) closeSync(group.fd);
      tryRemove(group.name, record);
    }
  } finally {
    for (const { fd } of stack) if (fd !== null) closeSync(fd);
  }
}

/**
 * One round for all that was made for a container: its own groups with what is in them, then the parents that were made
 * for it, unless others use them by now. A group that nobody uses any more goes with one rmdir(2).
 *
 * @returns the container's own directories that are left
 */
export function removeMade(groups: Groups, made: readonly string[], record?: RecordChange): string[] {
  const own = new Set(groups.all.map(({ directory }) => directory));
  const left = made.filter((directory) => {
    if (!own.has(directory) || tryRemove(directory, record)) return false;
    emptyAndRemove(directory, (text) => groups.holds(text), record);
    return !tryRemove(directory, record);
  });
  for (const directory of [...made].reverse()) if (!own.has(directory)) tryRemove(directory, record);
  return left;
}

/** Remove one directory; false when it is still in use. A missing one is removed already. */
export function tryRemove(directory: string, record?: RecordChange): boolean {
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    throw error;
  }
  record?.(removedDirectory(directory));
  return true;
}

/** Directories of the groups below one; none when it is gone. */
export function subgroups(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Null when it is gone. */
function openGroup(path: string): number | null {
  try {
    return openSync(path, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function empty(group: string, belongs: Belongs, record?: RecordChange): void {
  writeIfThere(join(group, 'freezer.state'), 'THAWED');
  writeIfThere(join(group, 'cgroup.freeze'), '0');
  for (const pid of members(group)) signalMember(pid, SIG.KILL, belongs, record);
}

/** Pids in one group, as our pid namespace numbers them; a process outside of it is 0 in the file and left out. */
export function members(group: string): number[] {
  try {
    const text = readFileSync(join(group, 'cgroup.procs'), 'utf8');
    return text.split('\n').flatMap((pid) => (/^[1-9]\d*$/.test(pid) ? Number(pid) : []));
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Pids in a group and in all below it. */
export function membersBelow(group: string): number[] {
  const waiting = [group];
  const found: number[] = [];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    found.push(...members(next));
    waiting.push(...subgroups(next));
  }
  return found;
}

/**
 * The number was read a moment ago and may be another's by now: it is held by a pidfd, and asked again where it is.
 * Never ourselves. False when we may not signal it. pidfd_send_signal(2).
 */
export function signalMember(pid: number, signal: number, belongs: Belongs, record?: RecordChange): boolean {
  if (pid === process.pid) return true;
  const pidfd = realKernel.call('pidfd_open', pid, 0);
  if (pidfd === -ERRNO.ESRCH) return true;
  if (pidfd < 0) throw new SyscallError('pidfd_open', -pidfd, { while: `signalling process ${pid} of a group` });
  try {
    if (!isMember(pid, belongs)) return true;
    const sent = realKernel.call('pidfd_send_signal', pidfd, signal, null, 0);
    if (sent === -ERRNO.EPERM) return false;
    if (sent < 0 && sent !== -ERRNO.ESRCH)
      throw new SyscallError('pidfd_send_signal', -sent, { while: `signalling process ${pid} of a group` });
    if (sent === 0) record?.({ what: 'cgroup kill', path: '', value: String(pid), command: `kill -${signal} ${pid}` });
    return true;
  } finally {
    realKernel.call('close', pidfd);
  }
}

function isMember(pid: number, belongs: Belongs): boolean {
  try {
    return belongs(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENAMETOOLONG') return true; // only a group of ours is nested so deep that its path cannot be told
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    throw error;
  }
}

function writeIfThere(path: string, text: string): void {
  try {
    if (existsSync(path)) writeFileSync(path, text);
  } catch (error) {
    if (!['ENOENT', 'ENODEV', 'EINVAL', 'EACCES', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}
