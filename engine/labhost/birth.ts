import { chownSync, closeSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Bilingual, LabOptions, LabWeakness } from '../api/types.js';
import { MOUNT_ATTR, O, PR, SIG } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { check, type Kernel, realKernel } from '../kernel/kernel.js';
import { sealedMemfd } from '../kernel/memfd.js';
import { type Program, ProgramBuilder } from '../kernel/program/builder.js';
import { elfImage } from '../kernel/program/elf.js';
import { RunningProgram } from '../kernel/program/running.js';
import { writeMaps } from './id-maps.js';
import { decideIdentity, type Identity, mapText, toOutside } from './identity.js';
import { initProgram } from './init.js';
import { leaveSessionKeyring } from './keyring.js';
import type { LabHostContext } from './lab-host.js';
import { idmappedTree, privateTree, realMounts, safeDevices, topLevel } from './lower.js';
import { LAB_CLONE_FLAGS, type LabHostPlan, type LowerLayer, labHostProgram, upperOfRoot } from './program.js';
import { makeScratch, memoryTakesUserAttributes, removeScratch } from './scratch.js';
import { Subtree } from './subtree.js';
import { WEAKNESSES } from './weaknesses.js';

const DEFAULT_TMPFS = 1 << 30;
const DEFAULT_PIDS = 4096;
const START_TIMEOUT_MS = 10_000;
const KEEP_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/;
const HOST_NAME = /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;

/** Records at which the child waits for us, in order. */
export const HOLDS = ['mapped', 'staged'] as const;

/** What the parent did while the child waited: for the ledger, beside the child's own records. */
export interface ParentAct {
  readonly domain: 'cgroup' | 'file' | 'mount';
  readonly act: string;
  readonly command: string;
  readonly man: string;
  readonly explanation: Bilingual;
}

/**
 * The parent's side of a lab host's start: what is made before the child, what the child waits for, and the undoing of
 * all of it in reverse order. Order of use: `begin`, `duty` at each hold, `awaitExec`; `undo` on any failure.
 */
export class Birth {
  readonly kernel: Kernel;
  readonly options: LabOptions;
  readonly context: LabHostContext;
  readonly hostname: string;
  readonly identity: Identity;
  readonly weaknesses: LabWeakness[] = [];
  readonly fds: Descriptors;
  /** Acts of ours during hold `mapped`, in order. */
  readonly acts: ParentAct[] = [];
  subtree: Subtree | null = null;
  upper: number | null = null;
  /** Directory on disk that takes the writes where memory cannot; removed with the lab. */
  scratch: string | null = null;
  #undo: (() => void)[] = [];
  #running: RunningProgram | null = null;
  #layers: readonly LowerLayer[] = [];
  #status = { reader: -1, writer: -1 };
  #whole = false;
  #keptDir: string | null = null;
  #plan: LabHostPlan | null = null;

  /** @throws EngineError InvalidArgument for a name that cannot be used */
  constructor(options: LabOptions, context: LabHostContext) {
    this.kernel = context.kernel ?? realKernel;
    this.options = options;
    this.context = context;
    this.hostname = options.hostname ?? 'glassbox';
    if (!HOST_NAME.test(this.hostname))
      throw new EngineError(
        'InvalidArgument',
        `host name ${JSON.stringify(this.hostname)} is not letters, digits and hyphens`,
      );
    if (options.keep !== undefined && !KEEP_NAME.test(options.keep)) {
      throw new EngineError(
        'InvalidArgument',
        `name of a kept lab ${JSON.stringify(options.keep)} does not match ${KEEP_NAME.source}`,
      );
    }
    this.identity = decideIdentity({
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      hasNewuidmap: context.hasNewuidmap,
    });
    this.fds = new Descriptors(this.kernel);
    this.#undo.push(() => this.fds.closeAll());
  }

  get running(): RunningProgram {
    if (this.#running === null) throw new EngineError('FailedPrecondition', 'the lab host has not begun');
    return this.#running;
  }

  /** Make the cgroups and the descriptors, decide the plan, and clone the child. */
  begin({ step }: { step: boolean }): void {
    const { kernel, options, context, identity } = this;
    if (identity.mode === 'one-user') this.weaknesses.push(WEAKNESSES.oneUser);
    this.#makeSubtree();
    const image = this.fds.high(sealedMemfd(kernel, 'glassbox-init', elfImage(initProgram())));
    const [reader, writer] = this.fds.pipe();
    this.#status = { reader, writer };
    const engine = this.fds.high(check(kernel, 'pidfd_open', [process.pid, 0], { while: 'making the lab host' }));
    this.#keptDir = options.keep === undefined ? null : prepareKept(context.stateDir, options.keep, identity);
    this.#makeScratch();
    this.#whole = identity.mode === 'root' && canIdmap(kernel, identity);
    if (identity.mode === 'root' && !this.#whole) this.weaknesses.push(WEAKNESSES.noIdmap);
    const top = this.#whole ? null : topLevel();
    this.#layers =
      top === null ? realMounts().map((mountPoint) => ({ mountPoint, source: { kind: 'tree' } })) : top.layers;
    const plan: LabHostPlan = {
      hostname: this.hostname,
      tmpfsBytes: options.tmpfsBytes ?? DEFAULT_TMPFS,
      lower: top === null ? 'whole' : 'each-top',
      layers: this.#layers,
      links: top?.links ?? [],
      directories: top?.directories ?? [],
      devices: safeDevices(),
      cgroups: context.cgroups.usable,
      ttyGroup: toOutside(identity.gids, 5) !== 65534,
      manyIds: identity.mode !== 'one-user',
      kept: this.#tree(this.#keptDir),
      scratch: this.#tree(this.scratch),
      hidden: this.#keptDir === null && this.scratch === null ? null : realpathSync(context.stateDir),
      parentPidfd: engine,
      imageFd: image,
      statusFd: writer,
    };
    this.#plan = plan;
    leaveSessionKeyring(kernel);
    const running = RunningProgram.start(
      labHostProgram(plan),
      { flags: LAB_CLONE_FLAGS, step, ...(context.inject === undefined ? {} : { inject: context.inject }) },
      kernel,
    );
    this.#running = running;
    this.#undo.push(() => running.destroy());
  }

  /** What we do while the child waits at a hold. */
  duty(hold: (typeof HOLDS)[number]): void {
    if (hold === 'mapped') this.#mapped();
    else this.#staged();
  }

  /** Wait until the child has executed pid 1's image: its copy of the pipe, the last one, closes then. */
  awaitExec(): void {
    const { kernel, running } = this;
    const pollfd = Buffer.alloc(8);
    pollfd.writeInt32LE(this.#status.reader, 0);
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(BigInt(START_TIMEOUT_MS / 1000), 0);
    const ready = kernel.call('ppoll', pollfd, 1, timeout, null, 0);
    if (ready < 0 && ready !== -ERRNO.EINTR) throw new SyscallError('ppoll', -ready, { while: 'lab host' });
    if (ready === 0) throw new EngineError('DeadlineExceeded', `the lab host was not ready in ${START_TIMEOUT_MS} ms`);
    running.throwFailure();
    if (running.tryWait() !== null) throw new EngineError('Aborted', 'the lab host ended before its pid 1 ran');
  }

  /** Undo everything; the error to throw: the given one, with those of the undoing if there were any. */
  undo(error: unknown): unknown {
    const failed: unknown[] = [];
    for (const step of this.#undo.reverse()) {
      try {
        step();
      } catch (undoError) {
        failed.push(undoError);
      }
    }
    return failed.length === 0
      ? error
      : new AggregateError([error, ...failed], 'the lab host could not be made, nor wholly undone');
  }

  #makeSubtree(): void {
    const { cgroups, engineId, labId } = this.context;
    if (cgroups.usable.length === 0) {
      this.weaknesses.push(WEAKNESSES.noCgroup);
      return;
    }
    const subtree = Subtree.create({
      hierarchies: cgroups.usable,
      engineId,
      labId,
      identity: this.identity,
      pidsMax: this.options.pidsMax ?? DEFAULT_PIDS,
    });
    this.subtree = subtree;
    this.#undo.push(() => subtree.removeSync());
    if (!subtree.limits) this.weaknesses.push(WEAKNESSES.noController);
  }

  /** A directory on disk where this kernel's tmpfs cannot hold an overlay's marks; without a suitable disk, a weaker lab. */
  #makeScratch(): void {
    const { kernel, context, identity, options } = this;
    if (context.writes === 'memory' || (context.writes !== 'disk' && memoryTakesUserAttributes(kernel))) return;
    const directory = makeScratch(kernel, {
      stateDir: context.stateDir,
      engineId: context.engineId,
      labId: context.labId,
      identity,
      bytes: options.tmpfsBytes ?? DEFAULT_TMPFS,
    });
    this.scratch = directory;
    if (directory === null) this.weaknesses.push(WEAKNESSES.noUserAttributes);
    else this.#undo.push(() => removeScratch(kernel, directory, identity));
  }

  /** Root's directories are not the lab root's to open: we do it. A user's are; and a user may clone no mount out here. */
  #tree(directory: string | null): LabHostPlan['kept'] {
    if (directory === null) return null;
    return this.identity.mode === 'root' ? { from: 'parent' } : { from: 'path', path: realpathSync(directory) };
  }

  /** The child exists and waits: write its maps, move it into its cgroups, open what it cannot open itself. */
  #mapped(): void {
    const { kernel, running } = this;
    writeMaps(running.pid, this.identity);
    for (const [file, lines] of [
      ['uid_map', this.identity.uids],
      ['gid_map', this.identity.gids],
    ] as const) {
      const text = mapText(lines).trim();
      this.acts.push({
        domain: 'file',
        act: `write(/proc/${running.pid}/${file}, ${JSON.stringify(text)})`,
        command: `echo '${text}' > /proc/${running.pid}/${file}`,
        man: 'user_namespaces(7)',
        explanation: {
          en: "say who the lab's users are on the machine: its root is an ordinary id there",
          zh: '规定实验里的用户在真实机器上是谁：实验的 root 在机器上只是普通 ID',
        },
      });
    }
    this.subtree?.join(running.pid);
    for (const directory of this.subtree?.directories ?? []) {
      this.acts.push({
        domain: 'cgroup',
        act: `write(${directory}/cgroup.procs, "${running.pid}")`,
        command: `mkdir -p ${directory} && echo ${running.pid} > ${directory}/cgroup.procs`,
        man: 'cgroups(7)',
        explanation: {
          en: "move the lab's first process into its own control group of this hierarchy",
          zh: '把实验的第一个进程放进它在该层级里自己的 cgroup',
        },
      });
    }
    if (this.#whole) {
      const userns = this.fds.keep(openSync(`/proc/${running.pid}/ns/user`, O.RDONLY | O.CLOEXEC));
      this.#layers.forEach((layer, n) => {
        if (layer.source.kind !== 'tree') return;
        running.setArgument(`lower-${n}`, 0, this.fds.keep(lowerTree(kernel, layer.mountPoint, userns)));
        this.acts.push({
          domain: 'mount',
          act: `mount_setattr(open_tree("${layer.mountPoint}", OPEN_TREE_CLONE), MOUNT_ATTR_IDMAP|MOUNT_ATTR_RDONLY)`,
          command: `mount --bind -o ro,X-mount.idmap=/proc/${running.pid}/ns/user ${layer.mountPoint} LOWER`,
          man: 'mount_setattr(2)',
          explanation: {
            en: "clone the machine's mount, read-only, with its owners translated into the lab's",
            zh: '克隆真实机器的挂载：只读，并把属主换算成实验里的用户',
          },
        });
      });
    }
    for (const [label, directory] of [
      ['kept', this.#keptDir],
      ['scratch', this.scratch],
    ] as const) {
      if (directory === null || this.#tree(directory)?.from !== 'parent') continue;
      const tree = privateTree(kernel, directory, { while: `opening the lab's ${label} directory` });
      running.setArgument(label, 0, this.fds.keep(tree));
    }
  }

  /** The child has a descriptor table of its own by now: our writer may go, so that the pipe ends when it executes. */
  #staged(): void {
    this.fds.close(this.#status.writer);
    if (!this.#whole || this.#plan === null) return;
    const upper = openSync(
      `/proc/${this.running.pid}/root${upperOfRoot(this.#plan)}`,
      O.PATH | O.DIRECTORY | O.CLOEXEC,
    );
    this.upper = upper;
    this.#undo.push(() => closeSync(upper));
  }
}

/** Descriptors that are ours only for the time of the start. */
export class Descriptors {
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

/** The idmapped clone of a mount; a plain read-only one for a file system below / that cannot be idmapped. */
function lowerTree(kernel: Kernel, path: string, userns: number): number {
  try {
    return idmappedTree(kernel, path, userns);
  } catch (error) {
    if (path === '/' || !(error instanceof SyscallError)) throw error;
    return privateTree(kernel, path, { while: 'cloning a lower layer' }, MOUNT_ATTR.RDONLY);
  }
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
    if (identity.mode === 'root')
      chownSync(join(directory, part), toOutside(identity.uids, 0), toOutside(identity.gids, 0));
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
