import type { Bilingual, ExplainedProgram, LabInfo, LabOptions } from '../api/types.js';
import { SIG } from '../kernel/constants.js';
import { EngineError } from '../kernel/errors.js';
import { type Kernel, realKernel } from '../kernel/kernel.js';
import { Ledger } from '../kernel/ledger.js';
import { explainProgram } from '../kernel/program/explain.js';
import type { RunningProgram } from '../kernel/program/running.js';
import { Reactor } from '../kernel/reactor.js';
import type { Observer } from '../observe/index.js';
import { DOCKER_DATA, dockerCommandScript, LabDocker } from './docker.js';
import { engineId, makeRuntimeDir, removeRuntimeDir, runtimeDirOf, stateDir, sweep } from './engine-id.js';
import { execInLab } from './exec.js';
import { Guard } from './guard.js';
import { hasNewuidmap } from './identity.js';
import { LabHost } from './lab-host.js';
import { roomLeft, scratchOf } from './scratch.js';
import { engineDirectories, findHierarchies, observedCgroups } from './subtree.js';

/** A lab host with its eyes and its ledger. */
export interface ManagedLab {
  readonly host: LabHost;
  readonly info: LabInfo;
  readonly options: LabOptions;
  readonly ledger: Ledger;
  readonly programs: readonly ExplainedProgram[];
  /** Its eyes, opened at the first call: a lab that nobody looks at costs nothing. */
  observer(): Promise<Observer>;
  /** Something was just done in it: whoever watches is to look now. */
  poke(): void;
  /** Resolves when the lab is gone, with the reason if nobody asked for it. */
  readonly gone: Promise<Bilingual | null>;
}

/** All labs of this engine, and what must outlive each of them. One object an engine. */
export class Labs {
  readonly reactor: Reactor;
  readonly runtimeDir: string;
  readonly id = engineId();
  #kernel: Kernel;
  #labs = new Map<string, ManagedLab & { close(): Promise<void> }>();
  /** Labs being ended, by request or because their pid 1 was killed: closing waits for them too. */
  #endings = new Set<Promise<void>>();
  /** Labs on their way: closing waits for them, so that none is missed. */
  #creations = new Set<Promise<ManagedLab>>();
  #cgroups = findHierarchies();
  #guards = new Set<Guard>();
  #stateDir: string;
  #writes: 'memory' | 'disk' | undefined;
  #next = 1;
  #closed = false;

  /** @param options for tests: where the engine keeps its state, and where writes go */
  constructor(kernel: Kernel = realKernel, options: { stateDir?: string; writes?: 'memory' | 'disk' } = {}) {
    this.#kernel = kernel;
    this.#stateDir = options.stateDir ?? stateDir();
    this.#writes = options.writes ?? wishedWrites();
    sweep(this.#cgroups.usable, this.#stateDir, kernel);
    this.runtimeDir = runtimeDirOf(this.id);
    this.reactor = new Reactor(kernel);
    for (let n = 0; n < GUARDS; n++) this.#postGuard();
    // only now is there anything that a killed engine could leave
    makeRuntimeDir(this.runtimeDir);
  }

  /** Make a lab, run a first command in it, and say how long that took. With `onHeld`, record by record. */
  async create(
    options: LabOptions = {},
    onHeld?: (index: number, running: RunningProgram) => Promise<void>,
  ): Promise<ManagedLab> {
    if (this.#closed) throw new EngineError('FailedPrecondition', 'the engine is closing');
    const creation = this.#create(options, onHeld);
    this.#creations.add(creation);
    try {
      return await creation;
    } finally {
      this.#creations.delete(creation);
    }
  }

  async #create(
    options: LabOptions,
    onHeld?: (index: number, running: RunningProgram) => Promise<void>,
  ): Promise<ManagedLab> {
    const begun = performance.now();
    const id = `lab-${this.#next++}`;
    const ledger = new Ledger();
    const context = {
      kernel: this.#kernel,
      engineId: this.id,
      labId: id,
      cgroups: this.#cgroups,
      stateDir: this.#stateDir,
      hasNewuidmap: hasNewuidmap(),
      ...(this.#writes === undefined ? {} : { writes: this.#writes }),
    };
    const host =
      onHeld === undefined ? LabHost.start(options, context) : await LabHost.startStepped(options, context, onHeld);
    let docker: LabDocker;
    try {
      const first = await execInLab(host, this.reactor, {
        argv: ['/bin/sh', '-c', dockerCommandScript()],
        cwd: '/',
        timeoutMs: 10_000,
      });
      if (first.exitCode !== 0)
        throw new EngineError('Unavailable', `the lab host was made, but nothing runs in it: ${first.stderr.trim()}`);
      docker = new LabDocker(host, this.reactor, () => this.#labs.get(id)?.poke());
    } catch (error) {
      await host.close();
      throw error;
    }
    const info: LabInfo = { ...host.info, readyMs: Math.round((performance.now() - begun) * 10) / 10 };
    ledger.program(host.program, 'lab host', {
      before: (label) => {
        if (label === 'mapped')
          for (const { domain, act, ...rest } of host.acts) ledger.act(domain, 'lab host', act, rest);
      },
    });
    const programs = [explainProgram(host.program)];
    let eyes: Promise<{ observer: Observer; close(): void }> | undefined;
    let closing: Promise<void> | undefined;
    let reason = GONE;
    const watch =
      host.scratch === null
        ? undefined
        : watchDisk(host.scratch, () => {
            reason = DISK_FULL;
            host.program.kill(SIG.KILL);
          });
    const lab: ManagedLab & { close(): Promise<void> } = {
      host,
      info,
      options,
      ledger,
      programs,
      observer: async () => {
        eyes ??= this.#openEyes(host, info, ledger).catch((error: unknown) => {
          eyes = undefined; // a later call may succeed: a file that was busy, a module being installed
          throw error;
        });
        return (await eyes).observer;
      },
      poke: () =>
        void eyes?.then(
          ({ observer }) => observer.poke(),
          () => undefined,
        ),
      gone: this.reactor.ended(host.pidfd).then(async () => {
        const asked = closing !== undefined;
        // a failure is kept with the endings, and told when the engine closes
        await lab.close().catch(() => undefined);
        return asked ? null : reason;
      }),
      close: () => {
        closing ??= (async () => {
          this.#labs.delete(id);
          clearInterval(watch);
          docker.close();
          try {
            (await eyes?.catch(() => undefined))?.close();
          } finally {
            await host.close();
          }
        })();
        const ending = closing;
        this.#endings.add(ending);
        // one that failed stays: then the guards have something to do
        ending.then(
          () => this.#endings.delete(ending),
          () => undefined,
        );
        return closing;
      },
    };
    this.#labs.set(id, lab);
    return lab;
  }

  /** The observer is a large part of the engine's code: it is loaded when it is first needed, not before the lab is ready. */
  async #openEyes(host: LabHost, info: LabInfo, ledger: Ledger): Promise<{ observer: Observer; close(): void }> {
    const { createObserver, explainChanges, ownerAccess, rootAccess } = await import('../observe/index.js');
    const access = info.mode === 'root' ? rootAccess(this.#kernel) : ownerAccess(this.#kernel, info.initHostPid);
    const observer = createObserver({
      kernel: this.#kernel,
      initHostPid: info.initHostPid,
      access,
      labInfo: () => info,
      reactor: this.reactor,
      cgroups: observedCgroups(host.subtree, info.cgroupMode),
      engineData: DOCKER_DATA,
      ...(host.rootUpper === null ? {} : { rootUpper: `/proc/self/fd/${host.rootUpper}` }),
    });
    const stopNotes = observer.watch(({ snapshot, changes }) => {
      for (const entry of explainChanges(changes, snapshot)) ledger.note(entry, entry.at);
    });
    return {
      observer,
      close: () => {
        stopNotes();
        observer.close();
      },
    };
  }

  get(id: string): ManagedLab {
    const lab = this.#labs.get(id);
    if (lab === undefined) throw new EngineError('NotFound', `no such lab: ${id}`);
    return lab;
  }

  list(): readonly ManagedLab[] {
    return [...this.#labs.values()];
  }

  async remove(id: string): Promise<void> {
    this.get(id);
    await this.#labs.get(id)?.close();
  }

  /** End every lab, then dismiss the guard: nothing is left for it to do. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#creations);
    for (const lab of this.#labs.values()) void lab.close();
    const results = await Promise.allSettled(this.#endings);
    const failed = results.filter((result): result is PromiseRejectedResult => result.status === 'rejected');
    this.reactor.close();
    // What could not be cleaned here is the guard's: it acts when this process, the pipe's only writer, is gone.
    if (failed.length === 0) {
      removeRuntimeDir(this.runtimeDir);
      for (const guard of this.#guards) guard.dismiss();
    } else
      throw new AggregateError(
        failed.map(({ reason }) => reason),
        'some labs could not be ended cleanly',
      );
  }

  /** Start a guard; when somebody kills it, another takes its place, so that the promise holds for the time after. */
  #postGuard(): void {
    const guard = Guard.start(
      {
        runtimeDir: this.runtimeDir,
        scratchDir: scratchOf(this.#stateDir, this.id),
        cgroupDirs: engineDirectories(this.#cgroups.usable, this.id),
      },
      this.#kernel,
    );
    this.#guards.add(guard);
    void this.reactor.ended(guard.pidfd).then(() => {
      if (this.#closed) return;
      this.#guards.delete(guard);
      guard.dismiss();
      this.#postGuard();
    });
  }
}

/** More than one, because between a guard's death and its replacement the engine itself may be killed. Each is two pages. */
const GUARDS = 3;

/** How often a lab on disk is looked after. */
const DISK_MS = 500;

/** A lab on disk has no bound of its own, as one in memory has; it must not take from the machine what others need. */
function watchDisk(directory: string, full: () => void): NodeJS.Timeout {
  return setInterval(() => {
    if (roomLeft(directory) < 0) full();
  }, DISK_MS).unref();
}

const DISK_FULL: Bilingual = {
  en: 'the lab was ended because the disk that takes its writes was nearly full. Nothing is left of it; start again or reset',
  zh: '承接实验写入的磁盘快满了，因此结束了实验主机。没有留下任何东西；请重新开始或重置',
};

const GONE: Bilingual = {
  en: 'the lab host is gone: its pid 1 was killed from outside. Nothing is left of it; start again or reset',
  zh: '实验主机已经不在了：它的 1 号进程从外面被杀死。没有留下任何东西；请重新开始或重置',
};

/** GLASSBOX_WRITES=memory|disk overrides what the kernel's abilities suggest. */
function wishedWrites(): 'memory' | 'disk' | undefined {
  const wish = process.env['GLASSBOX_WRITES'];
  if (wish === undefined || wish === '') return undefined;
  if (wish !== 'memory' && wish !== 'disk')
    throw new EngineError('InvalidArgument', `GLASSBOX_WRITES is ${JSON.stringify(wish)}, neither memory nor disk`);
  return wish;
}
