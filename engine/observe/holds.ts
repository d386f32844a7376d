import { closeSync, openSync, statSync } from 'node:fs';
import type { NamespaceId } from '../api/types.js';
import { O } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/kernel.js';
import { identifyNamespace, openNamespaceOfSocket, withFd } from '../kernel/namespaces/ioctl.js';
import { hasVanished } from '../kernel/procfs/read.js';
import type { Finding } from './namespaces.js';
import { type Problems, reasonOf } from './problems.js';
import { type ExtraHold, type RawProcess, readThreadHolds, scanDescriptors } from './raw-process.js';

/** A process's threads and descriptors are looked at again this long after the last look at the soonest, when it has run. */
const AGAIN_MS = 300;
/** Sockets whose namespace is asked for in one pass; the rest wait for the next. */
const SOCKETS_PER_PASS = 48;

interface Held {
  readonly startTime: number;
  /** The network namespace that it is in. */
  net: NamespaceId | undefined;
  at: number;
  threads: readonly ExtraHold[];
  descriptors: readonly ExtraHold[];
  /** Socket inode -> its network namespace, null where the kernel would not say. A socket never changes its namespace. */
  sockets: Map<number, NamespaceId | null>;
  socketFds: ReadonlyMap<number, number>;
  pending: boolean;
  /** What could not be read of it. */
  problems: string[];
}

/** Namespaces that no process is in, but that a thread, an open descriptor or an open socket of one keeps alive. */
export class Holds {
  readonly #kernel: Kernel;
  readonly #held = new Map<number, Held>();
  readonly #nsfsDevice: number;
  readonly #listeners = new Set<NamespaceId>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#nsfsDevice = statSync('/proc/self/ns/user').dev;
  }

  /**
   * Look at the processes that ran.
   *
   * @param ran host pids
   * @param namespaceMounts paths that are bind mounts of namespaces in a table of the lab
   * @param all look at every process now
   */
  refresh(
    processes: readonly RawProcess[],
    ran: ReadonlySet<number>,
    namespaceMounts: ReadonlySet<string>,
    all = false,
  ): void {
    const now = performance.now();
    const alive = new Set<number>();
    let sockets = SOCKETS_PER_PASS;
    for (const process of processes) {
      alive.add(process.hostPid);
      if (process.stat.state === 'Z') continue;
      let held = this.#held.get(process.hostPid);
      if (held === undefined || held.startTime !== process.stat.startTime) {
        held = {
          startTime: process.stat.startTime,
          net: process.namespaces.net,
          at: Number.NEGATIVE_INFINITY,
          threads: [],
          descriptors: [],
          sockets: new Map(),
          socketFds: new Map(),
          pending: true,
          problems: [],
        };
        this.#held.set(process.hostPid, held);
      }
      held.net = process.namespaces.net;
      if (ran.has(process.hostPid)) held.pending = true;
      if (!all && (!held.pending || now - held.at < AGAIN_MS)) continue;
      held.problems = [];
      try {
        sockets -= this.#look(process, held, namespaceMounts, sockets);
      } catch (error) {
        held.problems.push(`descriptors of ${process.stat.comm}: ${reasonOf(error)}`);
      }
      held.at = now;
    }
    for (const hostPid of this.#held.keys()) if (!alive.has(hostPid)) this.#held.delete(hostPid);
  }

  /** Add what could not be read at the last look at each process. */
  report(problems: Problems): void {
    for (const held of this.#held.values()) for (const reason of held.problems) problems.add('namespaces', reason);
  }

  /** Is there a process that ran but was looked at too short a time ago? Then another pass is due. */
  get pending(): boolean {
    for (const held of this.#held.values()) if (held.pending) return true;
    return false;
  }

  /**
   * @param labPid pid in the lab of a host pid
   * @param machineNet the machine's own network namespace
   */
  findings(
    processes: readonly RawProcess[],
    labPid: (hostPid: number) => number,
    machineNet: NamespaceId | undefined,
  ): Finding[] {
    const findings: Finding[] = [];
    for (const process of processes) {
      const held = this.#held.get(process.hostPid);
      if (held === undefined || held.startTime !== process.stat.startTime) continue;
      const pid = labPid(process.hostPid);
      const key = `${process.hostPid}:${held.startTime}`;
      for (const { id, number } of held.threads) {
        const kind = id.slice(0, id.indexOf(':'));
        const path = `/proc/${process.hostPid}/task/${number}/ns/${kind}`;
        findings.push({
          id,
          holder: { how: 'thread', pid },
          ref: { kind: 'link', path },
          holderKey: `${key} t${number}`,
        });
      }
      for (const { id, number } of held.descriptors) {
        const path = `/proc/${process.hostPid}/fd/${number}`;
        findings.push({
          id,
          holder: { how: 'fd', pid, fd: number },
          ref: { kind: 'link', path },
          holderKey: `${key} f${number}`,
        });
      }
      for (const [fd, inode] of held.socketFds) {
        const id = held.sockets.get(inode) ?? null;
        // A standard stream that the engine gave may be a socket of the machine: plumbing, not a find.
        if (id === null || id === process.namespaces.net || id === machineNet) continue;
        findings.push({ id, holder: { how: 'socket', pid, fd }, ref: null, holderKey: `socket ${inode}` });
      }
    }
    return findings;
  }

  /** Namespaces in which processes that ran since the last call hold sockets: their ports may differ. */
  takeListeners(): Set<NamespaceId> {
    const taken = new Set(this.#listeners);
    this.#listeners.clear();
    return taken;
  }

  /** Namespaces in which any process holds a socket. */
  socketNamespaces(): Set<NamespaceId> {
    const found = new Set<NamespaceId>();
    for (const held of this.#held.values()) {
      for (const inode of held.socketFds.values()) {
        const id = held.sockets.get(inode) ?? held.net;
        if (id !== undefined) found.add(id);
      }
    }
    return found;
  }

  /** Socket inode -> host pid, of every socket seen: whose listening port is it. */
  socketOwners(): Map<number, number> {
    const owners = new Map<number, number>();
    for (const [hostPid, held] of this.#held) for (const inode of held.socketFds.values()) owners.set(inode, hostPid);
    return owners;
  }

  /** Returns how many sockets were asked. */
  #look(process: RawProcess, held: Held, namespaceMounts: ReadonlySet<string>, socketBudget: number): number {
    held.pending = false;
    const threads = process.status.threads > 1 ? readThreadHolds(process) : { holds: [], truncated: false };
    held.threads = threads.holds;
    const scan = scanDescriptors(
      process.hostPid,
      (path) => namespaceMounts.has(path),
      (path) => this.#identify(path),
    );
    held.descriptors = scan.holds;
    held.socketFds = scan.sockets;
    if (threads.truncated || scan.truncated) {
      held.problems.push(`${process.stat.comm} has more threads or descriptors than are looked at`);
    }
    const inUse = new Set(scan.sockets.values());
    for (const inode of held.sockets.keys()) if (!inUse.has(inode)) held.sockets.delete(inode);
    const unknown = [...scan.sockets].filter(([, inode]) => !held.sockets.has(inode));
    if (unknown.length > socketBudget) held.pending = true;
    const ask = unknown.slice(0, Math.max(0, socketBudget));
    if (ask.length > 0) this.#askSockets(process, ask, held);
    for (const inode of inUse) {
      const id = held.sockets.get(inode) ?? process.namespaces.net;
      if (id !== undefined) this.#listeners.add(id);
    }
    return ask.length;
  }

  #identify(path: string): NamespaceId | null {
    try {
      if (statSync(path).dev !== this.#nsfsDevice) return null;
      // The descriptor may be another by now: a FIFO would hold us up, a terminal would become ours.
      const flags = O.RDONLY | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
      return withFd(openSync(path, flags), (fd) => identifyNamespace(this.#kernel, fd));
    } catch (error) {
      if (hasVanished(error)) return null;
      throw error;
    }
  }

  /** pidfd_getfd(2) lends the socket for one ioctl. It needs ptrace rights over the process: without them it is a problem, said once. */
  #askSockets(process: RawProcess, ask: readonly [number, number][], held: Held): void {
    const pidfd = this.#kernel.call('pidfd_open', process.hostPid, 0);
    if (pidfd === -ERRNO.ESRCH) return;
    if (pidfd < 0) throw new SyscallError('pidfd_open', -pidfd);
    withFd(pidfd, () => {
      for (const [fd, inode] of ask) {
        const socket = this.#kernel.call('pidfd_getfd', pidfd, fd, 0);
        if (socket === -ERRNO.EBADF || socket === -ERRNO.ESRCH) continue;
        if (socket < 0) {
          if (socket === -ERRNO.EPERM) held.sockets.set(inode, null);
          held.problems.push(`sockets of ${process.stat.comm}: ${new SyscallError('pidfd_getfd', -socket).message}`);
          return;
        }
        held.sockets.set(
          inode,
          withFd(socket, (at) => this.#namespaceOf(at)),
        );
      }
    });
  }

  #namespaceOf(socket: number): NamespaceId | null {
    const ns = openNamespaceOfSocket(this.#kernel, socket);
    if (ns === null) return null;
    try {
      return identifyNamespace(this.#kernel, ns);
    } finally {
      closeSync(ns);
    }
  }
}
