import { closeSync } from 'node:fs';
import type { LabInfo, LabOptions } from '../api/types.js';
import { SIG } from '../kernel/constants.js';
import { EngineError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/kernel.js';
import { recordIndex } from '../kernel/program/builder.js';
import type { Injection, RunningProgram } from '../kernel/program/running.js';
import { Birth, HOLDS, type ParentAct } from './birth.js';
import type { Identity } from './identity.js';
import { removeScratchLater } from './scratch.js';
import type { Hierarchy, Subtree } from './subtree.js';
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
  /** Where writes go that are not kept: memory, or a directory of `stateDir`; default by what this kernel's tmpfs can do. */
  readonly writes?: 'memory' | 'disk';
  /** Make record `index` fail: for tests. */
  readonly inject?: Injection;
}

/** A lab host that runs: its pid 1, and how to end it. Made by `LabHost.start`. */
export class LabHost {
  readonly info: Omit<LabInfo, 'readyMs'>;
  readonly identity: Identity;
  readonly subtree: Subtree | null;
  /** The program that made it, with its trace. */
  readonly program: RunningProgram;
  /** O_PATH descriptor of the upper directory of the root overlay; null where there is no single one. Closed by `close`. */
  readonly rootUpper: number | null;
  /** Directory on disk that goes with the lab; null where memory takes its writes. */
  readonly scratch: string | null;
  /** What the parent did while the child waited at `mapped`. */
  readonly acts: readonly ParentAct[];
  #kernel: Kernel;
  #closed = false;

  private constructor(
    kernel: Kernel,
    info: Omit<LabInfo, 'readyMs'>,
    identity: Identity,
    subtree: Subtree | null,
    program: RunningProgram,
    rootUpper: number | null,
    scratch: string | null,
    acts: readonly ParentAct[],
  ) {
    this.#kernel = kernel;
    this.info = info;
    this.identity = identity;
    this.subtree = subtree;
    this.program = program;
    this.rootUpper = rootUpper;
    this.scratch = scratch;
    this.acts = acts;
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
    const birth = new Birth(options, context);
    try {
      birth.begin({ step: false });
      for (const label of HOLDS) {
        birth.running.waitHeld(label);
        birth.duty(label);
        birth.running.release(label);
      }
      return LabHost.#of(birth);
    } catch (error) {
      throw birth.undo(error);
    }
  }

  /**
   * The same, one record at a time: `onHeld` is called before each record that is to be issued, and the record waits
   * until the promise is resolved; a rejection undoes everything.
   */
  static async startStepped(
    options: LabOptions,
    context: LabHostContext,
    onHeld: (index: number, running: RunningProgram) => Promise<void>,
  ): Promise<LabHost> {
    const birth = new Birth(options, context);
    try {
      birth.begin({ step: true });
      const { running } = birth;
      const last = recordIndex(running.program, 'become');
      for (let index = -1; index !== last; ) {
        index = await nextHeld(running, index);
        if (running.program.records[index]?.syscall !== 'none') await onHeld(index, running);
        const label = running.program.records[index]?.options.label;
        for (const hold of HOLDS) if (label === hold) birth.duty(hold);
        running.release(index);
      }
      return LabHost.#of(birth);
    } catch (error) {
      throw birth.undo(error);
    }
  }

  static #of(birth: Birth): LabHost {
    const { running, identity, subtree, options, context, weaknesses } = birth;
    birth.awaitExec();
    subtree?.finish();
    const sysfs = running.result('sysfs');
    if (sysfs !== null && sysfs < 0) weaknesses.push(WEAKNESSES.noSysfs);
    birth.fds.closeAll();
    return new LabHost(
      birth.kernel,
      {
        id: context.labId,
        hostname: birth.hostname,
        initHostPid: running.pid,
        startedAt: Date.now(),
        mode: identity.mode,
        cgroupMode: subtree === null ? 'none' : context.cgroups.mode,
        weaknesses,
        kept: options.keep ?? null,
      },
      identity,
      subtree,
      running,
      birth.upper,
      birth.scratch,
      birth.acts,
    );
  }

  /** True once pid 1 has ended. */
  get gone(): boolean {
    return this.program.tryWait() !== null;
  }

  /** End everything in it and remove its cgroups. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.program.tryWait() === null) this.program.kill(SIG.KILL);
    // A frozen process takes it only once thawed, and pid 1 cannot be reaped before every process of its namespace is gone.
    this.subtree?.removeSync();
    const deadline = performance.now() + 10_000;
    for (let pause = 1; this.program.tryWait() === null; pause = Math.min(pause * 2, 20)) {
      if (performance.now() > deadline)
        throw new EngineError('DeadlineExceeded', 'pid 1 of the lab host did not end in 10 s');
      await new Promise((resolve) => setTimeout(resolve, pause));
      this.subtree?.removeSync();
    }
    const left = (await this.subtree?.remove()) ?? [];
    this.program.dispose();
    if (this.rootUpper !== null) closeSync(this.rootUpper);
    if (this.scratch !== null) await removeScratchLater(this.#kernel, this.scratch, this.identity);
    if (left.length > 0) throw new EngineError('FailedPrecondition', `cgroup ${left[0]} could not be removed`);
  }
}

/** Wait until a record after `index` is held (jumps go forward only); throws when the program stopped instead. */
async function nextHeld(running: RunningProgram, index: number): Promise<number> {
  for (;;) {
    const held = running.trace().find((entry) => entry.index > index && entry.state === 'held');
    if (held !== undefined) return held.index;
    running.throwFailure();
    if (running.tryWait() !== null)
      throw new EngineError('Aborted', `${running.program.name}: ended while it was stepped`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
