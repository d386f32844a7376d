import { existsSync, readlinkSync, unlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { CgroupManager } from '../cgroup/manager.js';
import { O } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { check } from '../kernel/kernel.js';
import { NAMESPACE_KINDS } from '../kernel/namespaces/ids.js';
import { readProc } from '../kernel/procfs/read.js';
import { RunningProgram } from '../kernel/program/running.js';
import { connectUnix } from '../kernel/unix-socket.js';
import { type CreateContext, IMAGE_NAME } from './create.js';
import { Driver, destroyBoth, hasEnded, reserveRegion, typed } from './driver.js';
import { guard } from './guards.js';
import type { GroupPlan } from './plan.js';
import { Descriptors } from './planning/descriptors.js';
import { limitsOf, planProcess } from './planning/process.js';
import { type ExecPlan, execProgram } from './program/exec.js';
import { validateProcess } from './spec/validate-process.js';
import { isAlive, type StateDir, type StateRecord } from './state-dir.js';
import type { ExecOptions } from './types.js';

const POLLIN = 1;
/** How long a program may take to be executed once it is let go; a file on a slow file system takes a while to be read. */
const EXEC_TIMEOUT_MS = 60_000;
let executions = 0;

/** A further process in a running container: our child, from its birth to the execution of its program. */
export class Execution {
  readonly #dir: StateDir;
  readonly #state: StateRecord;
  readonly #options: ExecOptions;
  readonly #context: CreateContext;
  readonly #fds: Descriptors;

  constructor(dir: StateDir, state: StateRecord, options: ExecOptions, context: CreateContext) {
    this.#dir = dir;
    this.#state = state;
    this.#options = options;
    this.#context = context;
    this.#fds = new Descriptors(context.kernel, options.preserveFds ?? 0);
  }

  async run(): Promise<{ pid: number; pidfd: number }> {
    const file = this.#dir.file(`exec-${process.pid}-${executions++}`);
    try {
      const region = this.#fds.open(file, O.RDWR | O.CREAT | O.EXCL, 0o600);
      unlinkSync(file);
      return await this.#run(region);
    } catch (error) {
      throw typed(error, 'exec');
    } finally {
      this.#fds.closeAll();
    }
  }

  async #run(region: number): Promise<{ pid: number; pidfd: number }> {
    const { kernel } = this.#context;
    const [status, statusWriter] = this.#fds.pipe();
    const plan = this.#plan(region, statusWriter);
    const compiled = execProgram(plan);
    const inject = this.#context.inject?.(compiled.program);
    reserveRegion(kernel, region, compiled.program);
    const running = this.#bornInGroup((v2) =>
      RunningProgram.start(
        compiled.program,
        {
          image: { file: region, name: IMAGE_NAME, sealed: guard('sealed-exe') },
          ...(v2 === null ? {} : { cgroupFd: v2 }),
          ...(inject === undefined ? {} : { inject }),
        },
        kernel,
      ),
    );
    this.#context.debug(`nsexec container setup: process ${running.pid} enters the namespaces of the container`);
    const pid = (): number => running.result('process') ?? 0;
    let pidfd = -1;
    try {
      const driver = new Driver(running, compiled, {});
      const ended = (): boolean => hasEnded(running, pid);
      await driver.reach(
        'ready',
        {
          ready: () => {
            pidfd = check(kernel, 'pidfd_open', [running.resultSoon('process'), 0], { while: 'exec' });
            this.#context.debug(`child process in init(): it is ${pid()}, inside`);
            this.#setLimits(plan, pid());
          },
        },
        ended,
      );
      this.#context.debug('setns_init: about to exec');
      running.release('ready');
      this.#fds.close(statusWriter);
      this.#awaitExecution(driver, status);
      running.wait();
      const made = { pid: pid(), pidfd };
      running.dispose();
      return made;
    } catch (error) {
      destroyBoth(kernel, running, pidfd);
      throw error;
    }
  }

  #plan(region: number, status: number): ExecPlan {
    const { kernel, warn } = this.#context;
    const { init } = this.#state;
    const plan = this.#dir.readPlan();
    const { console: terminal, stdio, preserveFds, process: wanted } = this.#options;
    if (init === null) throw new EngineError('FailedPrecondition', 'container not running');
    const target = this.#fds.own(check(kernel, 'pidfd_open', [init.pid, 0], { while: 'exec' }));
    if (!isAlive(init)) throw new EngineError('FailedPrecondition', 'container not running');
    const flags = differing(init.pid);
    const entersUser = (flags & NAMESPACE_KINDS.user.flag) !== 0;
    for (const warning of validateProcess(wanted, { rootless: false })) warn(warning);
    if (wanted.terminal === true && terminal?.kind !== 'socket')
      throw new EngineError('InvalidArgument', 'a terminal needs somebody who keeps its master: give a console socket');
    return {
      id: this.#state.id,
      target,
      namespaces: flags,
      entersUser,
      groups: this.#groups(),
      keyring: plan.keyring,
      process: planProcess(wanted, {
        root: `/proc/${init.pid}/root`,
        seccomp: plan.spec.linux.seccomp,
        setgroups: plan.namespaces.setgroups,
        preserveFds: preserveFds ?? 0,
        stdio,
        inUserNamespace: entersUser,
        warn,
      }),
      fds: {
        region,
        parent: this.#fds.own(check(kernel, 'pidfd_open', [process.pid, 0], { while: 'exec' })),
        stdio: wanted.terminal === true ? [0, 1, 2] : stdio,
        status,
        console:
          wanted.terminal === true && terminal?.kind === 'socket'
            ? this.#fds.own(connectUnix(kernel, terminal.path))
            : -1,
      },
    };
  }

  /** The v2 group that the first process is born in; null where a group below it was asked for, or there is none. */
  #openV2(): number | null {
    if (this.#options.cgroup?.[''] !== undefined) return null;
    const fd = CgroupManager.fromState(this.#state.cgroups).openForClone();
    return fd === null ? null : this.#fds.own(fd);
  }

  /**
   * The container may have moved into groups below its own, which then only hands out controllers and takes no process
   * (EBUSY): then where its first process is. cgroups(7), "No internal processes"; libcontainer, setnsProcess.
   */
  #bornInGroup(start: (v2: number | null) => RunningProgram): RunningProgram {
    const v2 = this.#openV2();
    try {
      return start(v2);
    } catch (error) {
      const inner = error instanceof SyscallError && error.errno === 'EBUSY' ? this.#groupOfInit() : null;
      if (v2 === null || inner === null) throw error;
      this.#context.debug(`the container's cgroup takes no process, joining ${inner}`);
      return start(this.#fds.open(inner, O.RDONLY | O.DIRECTORY));
    }
  }

  /** Directory of the v2 group of the first process, below the container's own; null: it has left it. */
  #groupOfInit(): string | null {
    const group = CgroupManager.fromState(this.#state.cgroups).groups.find(({ version }) => version === 2);
    const membership = readProc(`/proc/${this.#state.init?.pid ?? 0}/cgroup`) ?? '';
    const path = /^0::(.*)$/m.exec(membership)?.[1];
    if (group === undefined || path === undefined || !path.startsWith(`${group.path}/`)) return null;
    return posix.join(group.mountPoint, path);
  }

  /** The container's groups, or those below them that were asked for. */
  #groups(): GroupPlan[] {
    const wanted = this.#options.cgroup ?? {};
    const files = CgroupManager.fromState(this.#state.cgroups).joinFiles();
    const known = new Set(files.flatMap(({ hierarchy }) => hierarchy.split(',')));
    for (const controller of Object.keys(wanted))
      if (controller !== '' && !known.has(controller))
        throw new EngineError('InvalidArgument', `unknown controller ${controller} in SubCgroupPaths`);
    return files
      .filter(({ hierarchy }) => hierarchy !== '' || wanted[''] !== undefined)
      .map(({ hierarchy, path }) => {
        const below =
          hierarchy
            .split(',')
            .map((controller) => wanted[controller])
            .find((one) => one !== undefined) ?? wanted[''];
        if (below === undefined) return path;
        const own = posix.dirname(path);
        const directory = posix.join(own, below);
        if (directory !== own && !directory.startsWith(`${own}/`))
          throw new EngineError('InvalidArgument', `bad sub cgroup path: ${below} is not a sub cgroup path`);
        if (!existsSync(directory))
          throw new EngineError(
            'NotFound',
            `error adding pid 0 to cgroups: failed to write 0: open ${directory}/cgroup.procs: no such file or directory`,
          );
        return `${directory}/${posix.basename(path)}`;
      })
      .map((path) => ({ path, fd: this.#fds.open(path, O.WRONLY) }));
  }

  #setLimits(plan: ExecPlan, pid: number): void {
    if (plan.process.rlimits.length > 0) return;
    for (const [resource, soft, hard] of limitsOf(this.#options.process)) {
      const limits = Buffer.alloc(16);
      limits.writeBigUInt64LE(soft, 0);
      limits.writeBigUInt64LE(hard, 8);
      check(this.#context.kernel, 'prlimit64', [pid, resource, limits, null], {
        while: 'error setting rlimits for ready process',
      });
    }
  }

  /** The pipe that only the new process holds closes when it executes its program, or when it ends: which, its records tell. */
  #awaitExecution(driver: Driver, status: number): void {
    const pollfd = Buffer.alloc(8);
    pollfd.writeInt32LE(status, 0);
    pollfd.writeInt16LE(POLLIN, 4);
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(BigInt(EXEC_TIMEOUT_MS / 1000), 0);
    // the kernel writes the rest of the time back, so a signal (a child of ours that ended) does not prolong it: ppoll(2)
    const poll = (): number => this.#context.kernel.call('ppoll', pollfd, 1, timeout, null, 0);
    let ready = poll();
    while (ready === -ERRNO.EINTR) ready = poll();
    if (ready < 0) throw new SyscallError('ppoll', -ready, { while: 'exec' });
    if (ready === 0)
      throw new EngineError('DeadlineExceeded', `exec: the program was not executed in ${EXEC_TIMEOUT_MS / 1000} s`);
    const { running } = driver;
    if (running.failure() !== null) throw driver.translate(new EngineError('Aborted', 'exec failed'));
    const answer = running.result('execve');
    if (answer !== null && answer < 0) throw driver.failureOf('execve', `exec ${this.#options.process.args[0] ?? ''}`);
  }
}

/** Namespaces in which a process differs from us: entering one's own user namespace is an error. setns(2) */
function differing(pid: number): number {
  return Object.entries(NAMESPACE_KINDS).reduce(
    (flags, [kind, { flag }]) =>
      readlinkSync(`/proc/${pid}/ns/${kind}`) === readlinkSync(`/proc/self/ns/${kind}`) ? flags : flags | flag,
    0,
  );
}
