import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { withAlwaysAllowed } from '../cgroup/device-rules.js';
import { CgroupManager, type CgroupState } from '../cgroup/manager.js';
import { planCgroups } from '../cgroup/plan.js';
import { F, MS, O } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { undoing } from '../kernel/journal/context.js';
import { check, type Kernel } from '../kernel/kernel.js';
import { sealedMemfd } from '../kernel/memfd.js';
import { inUserNamespace } from '../kernel/procfs/id-map.js';
import { type Program, recordIndex } from '../kernel/program/builder.js';
import { elfImage } from '../kernel/program/elf.js';
import { explainProgram } from '../kernel/program/explain.js';
import { type Injection, RunningProgram } from '../kernel/program/running.js';
import { connectUnix } from '../kernel/unix-socket.js';
import { Driver, destroyBoth, hasEnded, reserveRegion, typed } from './driver.js';
import { guard } from './guards.js';
import { hookState, runHooks } from './hooks.js';
import { writeMaps } from './id-maps.js';
import type { BirthFds, ContainerPlan, ProcessPlan } from './plan.js';
import { Descriptors } from './planning/descriptors.js';
import { hasOwnDev, planDevices } from './planning/devices.js';
import { planMounts } from './planning/mounts.js';
import { planNamespaces } from './planning/namespaces.js';
import { openOutput } from './planning/output.js';
import { limitsOf, planProcess } from './planning/process.js';
import { planRoot } from './planning/root.js';
import { prepareTrees } from './planning/trees.js';
import { type CompiledProgram, containerProgram } from './program/container.js';
import { REAPER_NAME, REAPER_PATH, reaperProgram } from './program/reaper.js';
import { rootfsPropagation } from './spec/mount-options.js';
import type { Spec, SpecProcess } from './spec/types.js';
import { validateSpec } from './spec/validate.js';
import { sysctlFile } from './spec/validate-sysctl.js';
import {
  EXIT_FILE,
  HOOK_STATE_FILE,
  ourselves,
  processOf,
  REAPER_FILE,
  REGION_FILE,
  STATE_FILES,
  type StateDir,
  type StateRecord,
} from './state-dir.js';
import type { ContainerState, CreateOptions } from './types.js';

/** The version of runtime-spec that our states follow. */
export const OCI_VERSION = '1.2.0';
/** What a process that walks a container's list is the image of, as /proc/PID/exe shows it. */
export const IMAGE_NAME = 'glassbox-runtime';

export interface CreateContext {
  readonly kernel: Kernel;
  readonly rootless: boolean;
  /** Groups that may not be made are done without, where nothing asks for them. */
  readonly rootlessCgroups: boolean;
  readonly warn: (message: string) => void;
  readonly debug: (message: string) => void;
  /** Make a record of the program fail without issuing it: for tests. */
  readonly inject?: (program: Program) => Injection | undefined;
  /** Called with our own step before it is taken: for tests that kill us there. */
  readonly at?: (step: string) => void;
}

/** A container that waits to be started. */
export interface Created {
  readonly driver: Driver;
  readonly init: number;
  readonly pidfd: number;
  /** What tells how it ended where a shim is its parent. */
  readonly shim: { readonly pidfd: number; readonly exit: number } | null;
  readonly state: StateRecord;
}

/**
 * Make a container up to the point where only `start` is missing. What is made is undone in reverse order when a step
 * fails; if we are killed, the process that stands by undoes it.
 */
export class Creation {
  readonly #dir: StateDir;
  readonly #options: CreateOptions;
  readonly #context: CreateContext;
  readonly #fds: Descriptors;
  readonly #process: SpecProcess;
  readonly #rootfs: string;
  #undo: (() => void | Promise<void>)[] = [];
  #created = rfc3339(new Date());
  /** Our end of the pipe on which the stand-by waits; -1 until there is one. */
  #guardPipe = -1;
  #init = 0;
  #hooksBegun = false;
  /** The v2 group that the first process is born in. */
  #firstGroup: number | null = null;

  constructor(dir: StateDir, options: CreateOptions, context: CreateContext) {
    this.#dir = dir;
    this.#options = options;
    this.#context = context;
    this.#fds = new Descriptors(context.kernel, options.preserveFds ?? 0);
    this.#rootfs = resolve(options.bundle, options.spec.root.path);
    if (options.spec.process === undefined)
      throw new EngineError('InvalidArgument', 'process property must not be empty');
    this.#process = options.spec.process;
  }

  async run(): Promise<Created> {
    try {
      return await this.#run();
    } catch (error) {
      throw await undoing(() => this.#undoAll(typed(error, 'creating the container')));
    } finally {
      this.#fds.closeAll();
    }
  }

  async #run(): Promise<Created> {
    const { spec, bundle } = this.#options;
    const { kernel, rootless, warn, debug } = this.#context;
    const checked = validateSpec(spec, { rootless, bundle, noPivot: this.#options.noPivot === true });
    for (const warning of checked.warnings) warn(warning);
    const cgroups = this.#planCgroups();
    // from here on whoever comes after us knows what to remove if we are killed
    const begun = this.#record(cgroups.toBeMade());
    this.#dir.make(begun);
    this.#undo.push(() => this.#dir.remove());
    // a group that is still to be made is neither frozen nor anybody's
    if (begun.cgroups.made.length < cgroups.groups.length) this.#lookAtGroups(cgroups);
    this.#makeCgroups(cgroups);
    const fds = this.#openFds();
    const [guardPipe, ours] = this.#fds.pipe();
    this.#guardPipe = ours;
    const plan = this.#plan(cgroups, fds.birth, guardPipe);
    this.#delegate(cgroups, plan);
    const compiled = containerProgram(plan);
    const state: StateRecord = {
      ...begun,
      cgroups: cgroups.toState(),
      startAt: recordIndex(compiled.program, 'start'),
      hookedAt: recordIndex(compiled.program, 'hooked'),
      masterAt: compiled.masterAt,
    };
    this.#context.at?.('clone');
    const running = this.#start(compiled, fds.birth.region);
    debug(`nsexec container setup: process ${running.pid} works through ${compiled.program.records.length} records`);
    // while the processes are at work; until this is written, the one that stands by knows what to remove
    this.#dir.write(state);
    this.#dir.writePlan(plan);
    const driver = new Driver(running, compiled, this.#options);
    this.#options.planned?.(explainProgram(running, false));
    const init = (): number => this.#findInit(running);
    const ended = (): boolean => hasEnded(running, init);
    let pidfd = -1;
    let complete: StateRecord = state;
    await driver
      .reach(
        'created',
        {
          ...(plan.namespaces.user ? { mapped: () => writeMaps(running.pid, spec.linux, rootless) } : {}),
          ...(plan.hooks.runtime ? { hooks: () => this.#runtimeHooks(running.resultSoon('process')) } : {}),
          created: () => {
            running.resultSoon('process');
            pidfd = check(kernel, 'pidfd_open', [init(), 0], { while: 'creating the container' });
            this.#undo.push(() => void kernel.call('close', pidfd));
            this.#setLimits(plan, init());
            debug(`child process in init(): it is ${init()}, and waits for start`);
            complete = { ...state, init: processOf(init()), shim: plan.shim ? processOf(running.pid) : null };
            this.#dir.write(complete);
          },
        },
        ended,
      )
      .catch((error: unknown) => {
        throw this.#withOom(cgroups, error);
      });
    const kept = plan.shim ? this.#keepShim(running) : null;
    this.#context.at?.('created');
    this.#commit(driver, plan);
    debug('init: closing the pipe to signal completion: the container lives without us');
    return { driver, init: init(), pidfd, shim: kept, state: complete };
  }

  /** What is known before anything is made. */
  #record(cgroups: CgroupState): StateRecord {
    const { spec, bundle } = this.#options;
    const { startContainer, poststart, poststop } = spec.hooks;
    return {
      id: this.#dir.id,
      bundle,
      rootfs: this.#rootfs,
      created: this.#created,
      creator: ourselves(),
      init: null,
      shim: null,
      cgroups,
      startAt: 0,
      hookedAt: 0,
      masterAt: null,
      ociVersion: OCI_VERSION,
      annotations: spec.annotations,
      hooks: { startContainer: startContainer.length > 0, poststart, poststop },
    };
  }

  #planCgroups(): CgroupManager {
    const { spec } = this.#options;
    return CgroupManager.open(
      planCgroups({ cgroupsPath: spec.linux.cgroupsPath, id: this.#dir.id, rootless: this.#context.rootlessCgroups }),
    );
  }

  /** Others that share its groups share its limits, and its end; in a frozen group nothing begins. libcontainer/factory_linux.go */
  #lookAtGroups(cgroups: CgroupManager): void {
    if (cgroups.frozen()) throw new EngineError('FailedPrecondition', "container's cgroup unexpectedly frozen");
    const count = cgroups.pids(true).length;
    if (count > 0) this.#context.warn(`container's cgroup is not empty: ${count} process(es) found`);
  }

  #makeCgroups(cgroups: CgroupManager): void {
    const { spec } = this.#options;
    const resources = {
      ...spec.linux.resources,
      devices: withAlwaysAllowed(spec.linux.resources.devices, spec.linux.devices),
    };
    cgroups.create(resources);
    this.#undo.push(() => cgroups.remove());
    // only the machine's own root may decide about devices, on v1 and on v2; in a lab the lab's bounds hold
    cgroups.apply(resources, { devices: !inUserNamespace() });
  }

  /** A container in its own user and cgroup namespace that may write to its cgroup mount gets its v2 group. cgroups(7), delegation. */
  #delegate(cgroups: CgroupManager, plan: ContainerPlan): void {
    const root = this.#options.spec.linux.uidMappings.find(({ containerID }) => containerID === 0);
    const writable = plan.mounts.some(
      (mount) => mount.kind === 'cgroup' && (mount.options.flags.set & MS.RDONLY) === 0,
    );
    if (plan.namespaces.user && plan.namespaces.cgroup && writable && root !== undefined) cgroups.delegate(root.hostID);
  }

  #openFds(): { birth: BirthFds } {
    const { kernel } = this.#context;
    const { stdio, console: terminal, shim, spec } = this.#options;
    const region = this.#fds.open(this.#dir.file(REGION_FILE), O.RDWR | O.CREAT | O.EXCL, 0o600);
    const parent = this.#fds.own(check(kernel, 'pidfd_open', [process.pid, 0], { while: 'creating the container' }));
    const inContainer = spec.hooks.createContainer.length + spec.hooks.startContainer.length > 0;
    let socket = -1;
    let shimConsole = -1;
    if (this.#process.terminal === true) {
      if (terminal === undefined)
        throw new EngineError('InvalidArgument', 'a terminal needs somebody who keeps its master: give a console');
      if (terminal.kind === 'socket') socket = this.#fds.own(connectUnix(kernel, terminal.path));
      else [shimConsole, socket] = this.#fds.socketPair();
    }
    return {
      birth: {
        region,
        parent,
        stdio: this.#process.terminal === true ? [0, 1, 2] : stdio,
        state: inContainer ? this.#fds.open(this.#dir.file(HOOK_STATE_FILE), O.RDWR | O.CREAT | O.EXCL, 0o600) : -1,
        status: -1,
        console: socket,
        shimConsole,
        exit: shim === true ? this.#fds.open(this.#dir.file(EXIT_FILE), O.WRONLY | O.CREAT | O.EXCL, 0o600) : -1,
        reaper: -1,
        output: openOutput(this.#fds, this.#dir, this.#options),
      },
    };
  }

  #plan(cgroups: CgroupManager, fds: BirthFds, guardPipe: number): ContainerPlan {
    const { spec, bundle, shim, init, noPivot, noNewKeyring, preserveFds, stdio } = this.#options;
    const { rootless, warn } = this.#context;
    const namespaces = planNamespaces(spec, this.#fds, rootless);
    const propagation = rootfsPropagation(spec.linux.rootfsPropagation ?? '') ?? 0;
    const inUser = namespaces.user || namespaces.join.some(({ type }) => type === 'user');
    const v2 = this.#openV2(cgroups);
    // in a user namespace nobody may be born into a group of the machine's: then the first process is, or the file is written
    const writesV2 = v2 === null || (inUser && shim === true);
    this.#firstGroup = inUser && shim !== true ? v2 : null;
    const userProcess = planProcess(this.#process, {
      root: this.#rootfs,
      seccomp: spec.linux.seccomp,
      setgroups: namespaces.setgroups,
      preserveFds: preserveFds ?? 0,
      stdio,
      inUserNamespace: inUser,
      warn,
    });
    const reaper = init === true ? this.#openReaper(userProcess) : -1;
    const mounted = reaper < 0 ? spec : withReaper(spec, this.#dir.file(REAPER_FILE));
    const groups = cgroups
      .joinFiles()
      .filter(({ hierarchy }) => hierarchy !== '' || writesV2)
      .map(({ path }) => ({ path, fd: this.#fds.open(path, O.WRONLY) }));
    return {
      id: this.#dir.id,
      spec,
      rootfs: this.#rootfs,
      namespaces,
      groups,
      birthGroup: inUser ? null : v2,
      mounts: planMounts(mounted, {
        bundle,
        rootfs: this.#rootfs,
        planned: cgroups.plan.hierarchies,
        groups: cgroups.groups,
        cgroupNamespace: namespaces.cgroup,
        trees: prepareTrees(mounted, { bundle, rootfs: this.#rootfs, fds: this.#fds }),
      }),
      propagation,
      ...planRoot(this.#rootfs, {
        shared: propagation !== 0 && propagation !== (MS.SLAVE | MS.REC),
        chroot: noPivot === true,
      }),
      ownDev: hasOwnDev(spec),
      hasKcore: existsSync('/proc/kcore'),
      devices: planDevices(spec, inUser || inUserNamespace()),
      pivot: noPivot === true ? 'chroot' : 'pivot_root',
      sysctl: Object.entries(spec.linux.sysctl).map(
        ([key, value]) => [`/proc/sys/${sysctlFile(key) ?? key.replaceAll('.', '/')}`, value] as const,
      ),
      keyring: noNewKeyring === true ? null : `_ses.${this.#dir.id}`,
      hooks: {
        runtime: spec.hooks.prestart.length + spec.hooks.createRuntime.length + spec.hooks.createContainer.length > 0,
        env: Object.entries(process.env).map(([name, value]) => `${name}=${value}`),
        createContainer: spec.hooks.createContainer,
        startContainer: spec.hooks.startContainer,
      },
      sourcesInside: rootless,
      shim: shim === true,
      guard: {
        pipe: guardPipe,
        directories: cgroups.toState().made.toReversed(),
        files: STATE_FILES.map((name) => this.#dir.file(name)).concat(`${this.#dir.path}/`),
      },
      fds: { ...fds, reaper },
      process: userProcess,
    };
  }

  /**
   * It is executed from memory, for where our states are nothing may be executed; the file is what the container sees of it,
   * without the environment, which is not for every user in there.
   */
  #openReaper(process: ProcessPlan): number {
    const seen = elfImage(reaperProgram({ ...process, env: [] }));
    writeFileSync(this.#dir.file(REAPER_FILE), seen, { mode: 0o755, flag: 'wx' });
    return this.#fds.own(sealedMemfd(this.#context.kernel, REAPER_NAME, elfImage(reaperProgram(process))));
  }

  #openV2(cgroups: CgroupManager): number | null {
    const fd = cgroups.openForClone();
    return fd === null ? null : this.#fds.own(fd);
  }

  #start(compiled: CompiledProgram, region: number): RunningProgram {
    const inject = this.#context.inject?.(compiled.program);
    reserveRegion(this.#context.kernel, region, compiled.program);
    const running = RunningProgram.start(
      compiled.program,
      {
        image: { file: region, name: IMAGE_NAME, sealed: guard('sealed-exe') },
        step: this.#options.step !== undefined,
        ...(this.#firstGroup === null ? {} : { cgroupFd: this.#firstGroup }),
        ...(inject === undefined ? {} : { inject }),
      },
      this.#context.kernel,
    );
    this.#undo.push(() => destroyBoth(this.#context.kernel, running));
    return running;
  }

  /** Pid of the container's process as the go-between got it; 0 until then. */
  #findInit(running: RunningProgram): number {
    if (this.#init === 0) this.#init = running.result('process') ?? 0;
    return this.#init;
  }

  async #runtimeHooks(pid: number): Promise<void> {
    const { hooks } = this.#options.spec;
    const state = this.#hookState(pid);
    this.#hooksBegun = true;
    this.#dir.writeHookState(hookState(state));
    await runHooks(hooks.prestart, state);
    await runHooks(hooks.createRuntime, state);
  }

  #hookState(pid: number): ContainerState {
    return stateOf(
      {
        id: this.#dir.id,
        bundle: this.#options.bundle,
        rootfs: this.#rootfs,
        created: this.#created,
        ociVersion: OCI_VERSION,
        annotations: this.#options.spec.annotations,
      },
      'creating',
      pid,
    );
  }

  /** In a user namespace hard limits cannot be raised: it is done from here. prlimit(2) */
  #setLimits(plan: ContainerPlan, pid: number): void {
    if (plan.process.rlimits.length > 0) return;
    for (const [resource, soft, hard] of limitsOf(this.#process)) {
      const limits = Buffer.alloc(16);
      limits.writeBigUInt64LE(soft, 0);
      limits.writeBigUInt64LE(hard, 8);
      check(this.#context.kernel, 'prlimit64', [pid, resource, limits, null], {
        while: 'error setting rlimits for ready process',
      });
    }
  }

  /** From here on the container lives without us. */
  #commit(driver: Driver, plan: ContainerPlan): void {
    const { running } = driver;
    running.release('created');
    if (plan.shim) running.release('shim');
    if (!driver.stepping) {
      // not before both have taken back their wish to die with us
      try {
        running.waitHeld('start', { ended: () => processOf(this.#findInit(running)) === null });
        if (plan.shim) running.waitHeld('wait');
      } catch (error) {
        throw driver.translate(error);
      }
    }
    this.#dismissStandBy();
    this.#undo.length = 0;
    if (!plan.shim && !driver.stepping) running.wait();
  }

  /** Tell who stands by that there is nothing to remove: it must not take us for dead. EPIPE: nobody stands by any more. */
  #dismissStandBy(): void {
    if (this.#guardPipe < 0) return;
    const told = this.#context.kernel.call('write', this.#guardPipe, Buffer.from([1]), 1);
    if (told < 0 && told !== -ERRNO.EPIPE) throw new SyscallError('write', -told, { while: 'creating the container' });
  }

  /** Taken hold of while everything can still be undone. The file is kept, for the container may be deleted before its end was asked for. */
  #keepShim(running: RunningProgram): { pidfd: number; exit: number } {
    const { kernel } = this.#context;
    const pidfd = check(kernel, 'fcntl', [running.pidfd, F.DUPFD_CLOEXEC, 3], { while: 'keeping the shim' });
    this.#undo.push(() => void kernel.call('close', pidfd));
    const exit = openSync(this.#dir.file(EXIT_FILE), O.RDONLY | O.CLOEXEC);
    this.#undo.push(() => closeSync(exit));
    return { pidfd, exit };
  }

  #withOom(cgroups: CgroupManager, error: unknown): unknown {
    if (!(error instanceof EngineError) || error instanceof SyscallError || cgroups.oomKills() === 0) return error;
    return new EngineError('ResourceExhausted', 'container init was OOM-killed (memory limit too low?)', {
      cause: error,
    });
  }

  async #undoAll(error: unknown): Promise<unknown> {
    const failed: unknown[] = [];
    for (const undo of this.#undo.splice(0).reverse()) {
      try {
        await undo();
      } catch (one) {
        failed.push(one);
      }
    }
    // what it would remove by name may soon be another container's with the same id; where we failed it has to try
    if (failed.length === 0) this.#dismissStandBy();
    // config.md, "createRuntime": when one fails, go on with the end of the life cycle
    if (this.#hooksBegun)
      await runHooks(this.#options.spec.hooks.poststop, { ...this.#hookState(0), status: 'stopped' }).catch(
        (one: unknown) => failed.push(one),
      );
    return failed.length === 0
      ? error
      : new EngineError(
          'Internal',
          `${messageOf(error)}; and not everything could be undone: ${failed.map(messageOf).join('; ')}`,
          { cause: error },
        );
  }
}

/** Last, so that no other mount covers it. */
function withReaper(spec: Spec, source: string): Spec {
  const options = ['bind', 'ro', 'nosuid', 'nodev'];
  const mount = { destination: REAPER_PATH, type: 'bind', source, options, uidMappings: [], gidMappings: [] };
  return { ...spec, mounts: [...spec.mounts, mount] };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** runtime-spec's state. */
export function stateOf(
  made: Pick<StateRecord, 'id' | 'bundle' | 'rootfs' | 'created' | 'ociVersion' | 'annotations'>,
  status: ContainerState['status'],
  pid: number,
): ContainerState {
  const { annotations } = made;
  return {
    ociVersion: made.ociVersion,
    id: made.id,
    pid,
    status,
    bundle: made.bundle,
    rootfs: made.rootfs,
    created: made.created,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    owner: '',
  };
}

/** RFC 3339 with nine digits, of which JavaScript knows three. */
function rfc3339(date: Date): string {
  return date.toISOString().replace('Z', '000000Z');
}
