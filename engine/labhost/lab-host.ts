import { chownSync, closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { LabInfo, LabOptions, LabWeakness } from '../api/types.js';
import { ERRNO } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { AT, MOUNT_ATTR, O, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE, PR, SIG } from '../kernel/constants.js';
import { check, type Kernel, realKernel } from '../kernel/kernel.js';
import { type Program, ProgramBuilder } from '../kernel/program/builder.js';
import { elfImage } from '../kernel/program/elf.js';
import { type Injection, RunningProgram } from '../kernel/program/running.js';
import { decideIdentity, type Identity, mapText, toOutside } from './identity.js';
import { initProgram } from './init.js';
import { idmappedTree, realMounts, safeDevices, topLevel } from './lower.js';
import { sealedMemfd } from './memfd.js';
import { LAB_CLONE_FLAGS, labHostProgram, type LabHostPlan, type LowerLayer, upperOfRoot } from './program.js';
import { type Hierarchy, Subtree } from './subtree.js';
import { WEAKNESSES } from './weaknesses.js';

/** What a lab host is made from besides the learner's options. */
export interface LabHostContext {
  readonly kernel?: Kernel;
  readonly engineId: string;
  readonly labId: string;
  readonly cgroups: { readonly mode: LabInfo['cgroupMode']; readonly usable: readonly Hierarchy[] };
  /** Directory for kept labs (0700 or 0711). */
  readonly stateDir: string;
  readonly hasNewuidmap: boolean;
  /** Make record `index` fail: for tests. */
  readonly inject?: Injection;
  /** Called with the running program as soon as it exists: for the ledger, and for stepping. */
  readonly onProgram?: (running: RunningProgram) => void;
}

const DEFAULT_TMPFS = 1 << 30;
const DEFAULT_PIDS = 4096;
const START_TIMEOUT_MS = 10_000;
const KEEP_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/;
const HOST_NAME = /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;

/** A lab host that runs: its pid 1, and how to end it. Made by `LabHost.start`. */
export class LabHost {
  readonly info: Omit<LabInfo, 'readyMs'>;
  readonly identity: Identity;
  readonly subtree: Subtree | null;
  /** The program that made it, with its trace. */
  readonly program: RunningProgram;
  /** O_PATH descriptor of the upper directory of the root overlay; null where there is no single one. Closed by `close`. */
  readonly rootUpper: number | null;
  #kernel: Kernel;
  #closed = false;

  private constructor(kernel: Kernel, info: Omit<LabInfo, 'readyMs'>, identity: Identity, subtree: Subtree | null, program: RunningProgram, rootUpper: number | null) {
    this.#kernel = kernel;
    this.info = info;
    this.identity = identity;
    this.subtree = subtree;
    this.program = program;
    this.rootUpper = rootUpper;
  }

  get kernel(): Kernel {
    return this.#kernel;
  }

  /** Pidfd of pid 1: becomes readable when the lab is gone. */
  get pidfd(): number {
    return this.program.pidfd;
  }

  /**
   * Make a lab host: one clone3, one program. Blocks this thread for its few milliseconds. On any failure everything
   * that was made is undone in reverse order and the error names the syscall.
   */
  static start(options: LabOptions, context: LabHostContext): LabHost {
    const kernel = context.kernel ?? realKernel;
    const hostname = options.hostname ?? 'glassbox';
    if (!HOST_NAME.test(hostname)) throw new EngineError('InvalidArgument', `host name ${JSON.stringify(hostname)} is not letters, digits and hyphens`);
    if (options.keep !== undefined && !KEEP_NAME.test(options.keep)) {
      throw new EngineError('InvalidArgument', `name of a kept lab ${JSON.stringify(options.keep)} does not match ${KEEP_NAME.source}`);
    }
    const undo: (() => void)[] = [];
    try {
      const identity = decideIdentity({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, hasNewuidmap: context.hasNewuidmap });
      const weaknesses: LabWeakness[] = [];
      if (identity.mode === 'one-user') weaknesses.push(WEAKNESSES.oneUser);

      const subtree =
        context.cgroups.usable.length === 0
          ? null
          : Subtree.create({
              hierarchies: context.cgroups.usable, engineId: context.engineId, labId: context.labId, identity,
              pidsMax: options.pidsMax ?? DEFAULT_PIDS,
            });
      if (subtree === null) weaknesses.push(WEAKNESSES.noCgroup);
      else undo.push(() => subtree.removeSync());

      const fds = new Descriptors(kernel);
      undo.push(() => fds.closeAll());
      const image = fds.high(sealedMemfd(kernel, 'glassbox-init', elfImage(initProgram())));
      const [statusReader, statusWriter] = fds.pipe();
      const engine = fds.high(check(kernel, 'pidfd_open', [process.pid, 0], { while: 'making the lab host' }));
      const keptDir = options.keep === undefined ? null : prepareKept(context.stateDir, options.keep, identity);

      const whole = identity.mode === 'root' && canIdmap(kernel, identity);
      if (identity.mode === 'root' && !whole) weaknesses.push(WEAKNESSES.noIdmap);
      const top = whole ? null : topLevel();
      const layers: LowerLayer[] = top === null ? realMounts().map((mountPoint) => ({ mountPoint, source: { kind: 'tree' } })) : top.layers;
      const plan: LabHostPlan = {
        id: context.labId, hostname, tmpfsBytes: options.tmpfsBytes ?? DEFAULT_TMPFS,
        lower: top === null ? 'whole' : 'each-top', layers, links: top?.links ?? [], directories: top?.directories ?? [],
        devices: safeDevices(), cgroups: context.cgroups.usable, hybridCgroups: context.cgroups.mode === 'hybrid',
        ttyGroup: toOutside(identity.gids, 5) !== 65534, manyIds: identity.mode !== 'one-user', kept: keptDir !== null,
        parentPidfd: engine, imageFd: image, statusFd: statusWriter,
      };
      const running = RunningProgram.start(
        labHostProgram(plan),
        { flags: LAB_CLONE_FLAGS, ...(context.inject === undefined ? {} : { inject: context.inject }) },
        kernel,
      );
      undo.push(() => running.destroy());
      context.onProgram?.(running);

      running.waitHeld('mapped');
      writeMaps(running.pid, identity);
      subtree?.join(running.pid);
      if (whole || keptDir !== null) {
        const userns = fds.keep(openSync(`/proc/${running.pid}/ns/user`, O.RDONLY | O.CLOEXEC));
        layers.forEach((layer, n) => {
          if (layer.source.kind === 'tree') running.setArgument(`lower-${n}`, 0, fds.keep(lowerTree(kernel, layer.mountPoint, userns)));
        });
      }
      if (keptDir !== null) {
        const tree = check(kernel, 'open_tree', [AT.FDCWD, keptDir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], { while: 'opening the kept lab' });
        running.setArgument('kept', 0, fds.keep(tree));
      }
      running.release('mapped');
      running.waitHeld('staged');
      // the child has a descriptor table of its own by now: our writer may go, so that the pipe ends when it executes
      fds.close(statusWriter);
      const upper = whole ? openSync(`/proc/${running.pid}/root${upperOfRoot(keptDir !== null)}`, O.PATH | O.DIRECTORY | O.CLOEXEC) : null;
      if (upper !== null) undo.push(() => closeSync(upper));
      running.release('staged');
      awaitExec(kernel, running, statusReader);
      subtree?.finish();
      for (const label of ['sysfs']) {
        const result = running.program.labels.has(label) ? running.result(label) : 0;
        if (result !== null && result < 0) weaknesses.push(WEAKNESSES.noSysfs);
      }
      fds.closeAll();
      return new LabHost(
        kernel,
        {
          id: context.labId, hostname, initHostPid: running.pid, startedAt: Date.now(), mode: identity.mode,
          cgroupMode: subtree === null ? 'none' : context.cgroups.mode, weaknesses, kept: options.keep ?? null,
        },
        identity, subtree, running, upper,
      );
    } catch (error) {
      const failed: unknown[] = [];
      for (const step of undo.reverse()) {
        try {
          step();
        } catch (undoError) {
          failed.push(undoError);
        }
      }
      throw failed.length === 0 ? error : new AggregateError([error, ...failed], 'the lab host could not be made, nor wholly undone');
    }
  }

  /** True once pid 1 has ended. */
  get gone(): boolean {
    return this.program.tryWait() !== null;
  }

  /** End everything in it and remove its cgroups. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // A frozen process does not take SIGKILL, and pid 1 cannot be reaped before every process of its namespace is gone.
    this.subtree?.removeSync();
    if (this.program.tryWait() === null) this.program.kill(SIG.KILL);
    const deadline = performance.now() + 10_000;
    for (let pause = 1; this.program.tryWait() === null; pause = Math.min(pause * 2, 20)) {
      if (performance.now() > deadline) throw new EngineError('DeadlineExceeded', 'pid 1 of the lab host did not end in 10 s');
      await new Promise((resolve) => setTimeout(resolve, pause));
      this.subtree?.removeSync();
    }
    const left = (await this.subtree?.remove()) ?? [];
    this.program.dispose();
    if (this.rootUpper !== null) closeSync(this.rootUpper);
    if (left.length > 0) throw new EngineError('FailedPrecondition', `cgroup ${left[0]} could not be removed`);
  }
}

/** Descriptors that are ours only for the time of the start. */
class Descriptors {
  #kernel: Kernel;
  #open = new Set<number>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  keep(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  /** Move a descriptor above those that the program uses by number. */
  high(fd: number): number {
    const moved = this.#kernel.call('fcntl', fd, 1030, 64);
    this.#kernel.call('close', fd);
    if (moved < 0) throw new SyscallError('fcntl', -moved, { while: 'making the lab host' });
    return this.keep(moved);
  }

  pipe(): [number, number] {
    const ends = Buffer.alloc(8);
    check(this.#kernel, 'pipe2', [ends, O.CLOEXEC], { while: 'making the lab host' });
    return [this.high(ends.readInt32LE(0)), this.high(ends.readInt32LE(4))];
  }

  close(fd: number): void {
    if (this.#open.delete(fd)) this.#kernel.call('close', fd);
  }

  closeAll(): void {
    for (const fd of [...this.#open]) this.close(fd);
  }
}

/** Write the maps of a child that waits: directly as root, through newuidmap(1) for subordinate ids. user_namespaces(7). */
function writeMaps(pid: number, identity: Identity): void {
  if (identity.mode === 'subuid') {
    for (const [program, lines] of [['newuidmap', identity.uids], ['newgidmap', identity.gids]] as const) {
      const words = lines.flatMap(({ inside, outside, count }) => [String(inside), String(outside), String(count)]);
      const done = spawnSync(program, [String(pid), ...words], { encoding: 'utf8', timeout: 5000 });
      if (done.status !== 0) {
        throw new EngineError('PermissionDenied', `${program} could not map the lab's users: ${(done.stderr || done.error?.message || `exit ${done.status}`).trim()}`);
      }
    }
    return;
  }
  // "deny" before gid_map: an unprivileged map may not give a way to drop groups (CVE-2014-8989)
  if (identity.mode === 'one-user') writeFileSync(`/proc/${pid}/setgroups`, 'deny');
  writeFileSync(`/proc/${pid}/uid_map`, mapText(identity.uids));
  writeFileSync(`/proc/${pid}/gid_map`, mapText(identity.gids));
}

/** The idmapped clone of a mount; a plain read-only one for a file system below / that cannot be idmapped. */
function lowerTree(kernel: Kernel, path: string, userns: number): number {
  try {
    return idmappedTree(kernel, path, userns);
  } catch (error) {
    if (path === '/' || !(error instanceof SyscallError)) throw error;
    const fd = check(kernel, 'open_tree', [AT.FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], { while: 'cloning a lower layer' });
    const attributes = Buffer.alloc(32);
    attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR.RDONLY), 0);
    check(kernel, 'mount_setattr', [fd, '', AT.EMPTY_PATH, attributes, 32], { path });
    return fd;
  }
}

/** Wait until the child has executed pid 1's image: its copy of the pipe, the last one, closes then. */
function awaitExec(kernel: Kernel, running: RunningProgram, reader: number): void {
  const pollfd = Buffer.alloc(8);
  pollfd.writeInt32LE(reader, 0);
  const timeout = Buffer.alloc(16);
  timeout.writeBigInt64LE(BigInt(START_TIMEOUT_MS / 1000), 0);
  const ready = kernel.call('ppoll', pollfd, 1, timeout, null, 0);
  if (ready < 0 && ready !== -ERRNO.EINTR) throw new SyscallError('ppoll', -ready);
  if (ready === 0) throw new EngineError('DeadlineExceeded', `the lab host was not ready in ${START_TIMEOUT_MS} ms`);
  running.throwFailure();
  if (running.tryWait() !== null) throw new EngineError('Aborted', 'the lab host ended before its pid 1 ran');
}

/** A child that only waits to be killed, so that its user namespace can be asked about. */
function probeProgram(): Program {
  const b = new ProgramBuilder('idmap probe').section('probe');
  b.call('prctl', [PR.SET_PDEATHSIG, SIG.KILL]);
  b.call('ppoll', [0, 0, 0, 0, 0]);
  return b.build();
}

/** A kept lab's directory: `upper` and `work` belong to the lab's root, so nothing in it is the machine's root's. */
function prepareKept(stateDir: string, name: string, identity: Identity): string {
  const directory = join(stateDir, 'labs', name);
  mkdirSync(join(stateDir, 'labs'), { recursive: true, mode: 0o700 });
  for (const part of ['', 'upper', 'work']) {
    mkdirSync(join(directory, part), { recursive: true, mode: 0o755 });
    if (identity.mode === 'root') chownSync(join(directory, part), toOutside(identity.uids, 0), toOutside(identity.gids, 0));
  }
  return directory;
}

let idmap: boolean | undefined;

/** Whether the machine's root file system can be idmapped (Linux 5.12, and not every file system): tried once on a throw-away user namespace. */
function canIdmap(kernel: Kernel, identity: Identity): boolean {
  if (idmap !== undefined) return idmap;
  const probe = RunningProgram.start(probeProgram(), { flags: 0x10000000 }, kernel);
  try {
    writeMaps(probe.pid, identity);
    const userns = openSync(`/proc/${probe.pid}/ns/user`, O.RDONLY | O.CLOEXEC);
    try {
      kernel.call('close', idmappedTree(kernel, '/', userns));
      idmap = true;
    } catch (error) {
      if (!(error instanceof SyscallError) || !['EINVAL', 'ENOSYS', 'EPERM'].includes(error.errno)) throw error;
      idmap = false;
    } finally {
      closeSync(userns);
    }
  } finally {
    probe.destroy();
  }
  return idmap;
}
