import { closeSync, openSync, readdirSync } from 'node:fs';
import type { NamespaceId } from '../api/types.js';
import type { Kernel } from '../kernel/kernel.js';
import { openParent, withFd } from '../kernel/namespaces/ioctl.js';
import { errnoOf, hasVanished, readOpenProc, readProc, readProcLink } from '../kernel/procfs/read.js';
import { parseStat } from '../kernel/procfs/stat.js';
import { parseStatus } from '../kernel/procfs/status.js';
import type { LabIdentity } from './lab-identity.js';
import { type Problems, reasonOf } from './problems.js';
import { type RawProcess, readProcess } from './raw-process.js';

/** One process of the lab, kept from its first sight to its end. */
export interface Tracked {
  readonly hostPid: number;
  /** An open /proc/PID/schedstat: it stays bound to this process, so a reused pid cannot be taken for it. Null above the bound. */
  readonly probeFd: number | null;
  /** Text of the last probe; differs when the process has run since. */
  probe: string;
  /** It ran since it was last read. */
  dirty: boolean;
  raw: RawProcess | null;
  /** Why it could not be read. */
  problem: string | null;
}

/** Outcome of one cheap look. */
export interface Pulse {
  /** Something in the lab ran, began or ended since the last look: what it could change must be read again. */
  readonly active: boolean;
  readonly appeared: number;
  readonly gone: number;
  /** Somebody on the machine was forked: perhaps one that entered the lab, acted, and is gone already. */
  readonly forked: boolean;
}

/** Descriptors kept for probes, so that the engine is not the one that runs out. */
const PROBES = 512;
/** How soon a process is found that entered the lab from outside without the observer being poked. */
const STRANGERS_MS = 500;
/** Up to this many processes all are read when one ran: some 0.1 ms each. */
const FEW = 64;
/** A process that was found to be outside the lab is looked at again after this long, as its pid may have been reused. */
const OUTSIDE_FOR_MS = 5_000;

/**
 * The lab's processes, and the cheapest true answer to "did anything happen?".
 *
 * A process that did not run cannot have changed itself, and nobody in the lab can have changed anything. So one look
 * costs one read of /proc/loadavg (its last field is the last pid given out: has anybody forked?) and one read of each
 * lab process's open /proc/PID/schedstat (nanoseconds run, times scheduled). Only what moved is read in full.
 */
export class ProcessTracker {
  readonly #kernel: Kernel;
  readonly #lab: LabIdentity;
  readonly #tracked = new Map<number, Tracked>();
  readonly #outside = new Map<number, number>();
  readonly #loadavg: number;
  readonly #probeName: 'schedstat' | 'stat';
  /** Processes that may be the lab's, but cannot be looked into. */
  readonly #closed = new Map<number, string>();
  #lastPid = '';
  #forks = false;
  #lookAgain = true;
  #scannedAt = Number.NEGATIVE_INFINITY;

  constructor(kernel: Kernel, lab: LabIdentity) {
    this.#kernel = kernel;
    this.#lab = lab;
    this.#loadavg = openSync('/proc/loadavg', 'r');
    this.#probeName = readProc('/proc/self/schedstat') === null ? 'stat' : 'schedstat';
  }

  /** Processes in order of their pid on the machine; those not read yet are left out. */
  processes(): RawProcess[] {
    const list: RawProcess[] = [];
    for (const one of this.#tracked.values()) if (one.raw !== null) list.push(one.raw);
    return list.sort((a, b) => a.hostPid - b.hostPid);
  }

  get count(): number {
    return this.#tracked.size;
  }

  /** Look for movement. @param all scan the whole process list even if nobody seems to have forked */
  pulse(all = false): Pulse {
    let gone = 0;
    let active = false;
    for (const one of this.#tracked.values()) {
      const probe = this.#probe(one);
      if (probe === null) {
        this.#drop(one);
        gone += 1;
      } else if (probe !== one.probe) {
        one.probe = probe;
        one.dirty = true;
        active = true;
      }
    }
    const lastPid = lastPidOf(readOpenProc(this.#loadavg).toString('latin1'));
    const forked = lastPid !== this.#lastPid;
    this.#lastPid = lastPid;
    this.#forks ||= forked;
    // When nobody in the lab ran, somebody else forked: that a process enters the lab from outside can wait a little.
    const now = performance.now();
    const wanted = this.#forks || this.#lookAgain;
    let appeared = 0;
    if (all || (wanted && (active || gone > 0 || now - this.#scannedAt > STRANGERS_MS))) {
      // A pid is given out a moment before its /proc directory can be seen: hence once more after a fork.
      this.#lookAgain = this.#forks;
      this.#forks = false;
      this.#scannedAt = now;
      appeared = this.#scan();
    }
    return { active: active || appeared > 0 || gone > 0, appeared, gone, forked };
  }

  /** Read in full what moved (or all). Returns those that were read. */
  refresh(all = false): RawProcess[] {
    const read: RawProcess[] = [];
    // Others change a sleeper's id map, groups and scores without its running: where anybody ran, all are read if they are few.
    const everyone = all || (this.#tracked.size <= FEW && [...this.#tracked.values()].some(({ dirty }) => dirty));
    for (const one of this.#tracked.values()) {
      if (!one.dirty && !everyone) continue;
      one.dirty = false;
      try {
        const raw = readProcess(one.hostPid);
        if (raw === null) this.#drop(one);
        else {
          one.raw = raw;
          one.problem = null;
          read.push(raw);
        }
      } catch (error) {
        one.problem = reasonOf(error);
      }
    }
    return read;
  }

  /** Add every process that could not be read. */
  report(problems: Problems): void {
    for (const one of this.#tracked.values()) {
      if (one.problem !== null) problems.add('processes', `process ${one.hostPid} of the machine: ${one.problem}`);
    }
    for (const reason of this.#closed.values()) problems.add('processes', reason);
  }

  /** The lab's pid 1 has ended. */
  initGone(): boolean {
    const init = this.#tracked.get(this.#lab.initHostPid);
    return init === undefined || init.raw?.stat.state === 'Z';
  }

  close(): void {
    for (const one of [...this.#tracked.values()]) this.#drop(one);
    closeSync(this.#loadavg);
  }

  #probe(one: Tracked): string | null {
    try {
      if (one.probeFd !== null) return readOpenProc(one.probeFd).toString('latin1');
      return readProc(`/proc/${one.hostPid}/${this.#probeName}`);
    } catch (error) {
      if (hasVanished(error)) return null;
      throw error;
    }
  }

  #drop(one: Tracked): void {
    if (one.probeFd !== null) closeSync(one.probeFd);
    this.#tracked.delete(one.hostPid);
  }

  /** Find lab processes that are not known yet. */
  #scan(): number {
    let appeared = 0;
    const now = performance.now();
    const seen = new Set<number>();
    for (const name of readdirSync('/proc')) {
      const hostPid = Number(name);
      if (!Number.isInteger(hostPid)) continue;
      seen.add(hostPid);
      if (this.#tracked.has(hostPid)) continue;
      const until = this.#outside.get(hostPid);
      if (until !== undefined && until > now) continue;
      try {
        this.#closed.delete(hostPid);
        if (this.#isInLab(hostPid)) {
          this.#outside.delete(hostPid);
          if (this.#track(hostPid)) appeared += 1;
          continue;
        }
      } catch (error) {
        // One process that cannot be told apart must not hide the others.
        this.#closed.set(hostPid, `process ${hostPid} of the machine: ${reasonOf(error)}`);
      }
      this.#outside.set(hostPid, now + OUTSIDE_FOR_MS * (0.5 + Math.random()));
    }
    for (const known of [this.#outside, this.#closed]) {
      for (const hostPid of known.keys()) if (!seen.has(hostPid)) known.delete(hostPid);
    }
    return appeared;
  }

  #track(hostPid: number): boolean {
    let probeFd: number | null = null;
    if (this.#tracked.size < PROBES) {
      try {
        probeFd = openSync(`/proc/${hostPid}/${this.#probeName}`, 'r');
      } catch (error) {
        if (hasVanished(error)) return false;
        if (errnoOf(error) !== 'EMFILE') throw error;
      }
    }
    const one: Tracked = { hostPid, probeFd, probe: '', dirty: true, raw: null, problem: null };
    const probe = this.#probe(one);
    if (probe === null) {
      if (probeFd !== null) closeSync(probeFd);
      return false;
    }
    one.probe = probe;
    this.#tracked.set(hostPid, one);
    return true;
  }

  /** A process is the lab's when its pid namespace is the lab's or a descendant; it never changes during its life. */
  #isInLab(hostPid: number): boolean {
    let id: NamespaceId | null;
    try {
      id = readProcLink(`/proc/${hostPid}/ns/pid`);
    } catch (error) {
      const code = errnoOf(error);
      // A process of another user cannot be one of a lab that this engine may look into, unless a lab process is its parent.
      if (code === 'EACCES' || code === 'EPERM') {
        const ppid = parseStatus(readProc(`/proc/${hostPid}/status`) ?? '')?.ppid;
        if (ppid !== undefined && this.#tracked.has(ppid)) {
          this.#closed.set(hostPid, `process ${hostPid} of the machine, child of a lab process: ${reasonOf(error)}`);
        }
        return false;
      }
      throw error;
    }
    if (id === null) return false;
    // Nothing is remembered by inode: a nested namespace that ended gives its number to the next one, perhaps another lab's.
    return this.#descendsFromLab(hostPid, id);
  }

  #descendsFromLab(hostPid: number, id: NamespaceId): boolean {
    const target = this.#lab.namespaces.pid;
    if (id === target) return true;
    if (id === this.#lab.machine.pid || parseStat(readProc(`/proc/${hostPid}/stat`) ?? '') === null) return false;
    let fd: number | null;
    try {
      fd = openSync(`/proc/${hostPid}/ns/pid`, 'r');
    } catch (error) {
      if (hasVanished(error)) return false;
      throw error;
    }
    // At most 32 levels: the kernel's own limit of nesting (MAX_PID_NS_LEVEL).
    for (let level = 0; level < 33 && fd !== null; level++) {
      const parent: number | null = withFd(fd, (at) => openParent(this.#kernel, at));
      if (parent === null) return false;
      if (readProcLink(`/proc/self/fd/${parent}`) === target) {
        closeSync(parent);
        return true;
      }
      fd = parent;
    }
    if (fd !== null) closeSync(fd);
    return false;
  }
}

function lastPidOf(loadavg: string): string {
  return loadavg.slice(loadavg.lastIndexOf(' ') + 1).trimEnd();
}
