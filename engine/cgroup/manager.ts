import { chownSync, existsSync, openSync, readdirSync } from 'node:fs';
import { O } from '../kernel/constants.js';
import { EngineError } from '../kernel/errors.js';
import type { Reactor } from '../kernel/reactor.js';
import type { RecordChange } from './changes.js';
import { errnoName, readControlIfThere, refusal } from './control-file.js';
import { makeV1, makeV2 } from './create.js';
import { noteCgroup } from './deed.js';
import { attachDevices } from './device-attach.js';
import { writeDevicesV1 } from './device-v1.js';
import { parseKeyedNumbers } from './files.js';
import { type Freezer, freeze, isFrozen, thaw } from './freeze.js';
import { Groups } from './groups.js';
import { allPids, killGroups } from './kill.js';
import { watchOomV1, watchOomV2 } from './oom.js';
import type { CgroupPlan, PlannedGroup } from './plan.js';
import { members, removeMade } from './remove.js';
import type { DeviceRule, Resources } from './resources.js';
import { NO_STATS, type Stats } from './stats.js';
import { hugePageNames } from './stats-files.js';
import { statsV1 } from './stats-v1.js';
import { statsV2 } from './stats-v2.js';
import { refuseLimits, writeV1 } from './v1-write.js';
import { writeV2 } from './v2-write.js';

/** What state.json keeps of a container's groups. */
export interface CgroupState {
  readonly plan: CgroupPlan;
  /** Directories that were made for the container, parents first. Only these are ever removed. */
  readonly made: readonly string[];
}

/** Refusals that mean "not yours", which a runtime without privilege lives with. */
const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS']);
const HUGE_PAGES = '/sys/kernel/mm/hugepages';

interface Options {
  /** Told of every change; by default it is noted for whoever asked for it. */
  readonly record?: RecordChange;
}

/**
 * A container's groups in every hierarchy of the machine. Order of use: `create`, `apply`, the process joins (`joinFiles`,
 * or is born inside: `openForClone`), `remove` after its end. Behaves as runc's cgroupfs managers fs and fs2 do.
 */
export class CgroupManager {
  readonly plan: CgroupPlan;
  /** Those of the plan, without the ones that a rootless runtime could not make. */
  #groups: Groups;
  #made: string[];
  #record: RecordChange;

  private constructor(plan: CgroupPlan, made: readonly string[], options: Options) {
    this.plan = plan;
    this.#groups = new Groups(plan.mode, plan.hierarchies);
    this.#made = [...made];
    this.#record = options.record ?? noteCgroup;
  }

  static open(plan: CgroupPlan, options: Options = {}): CgroupManager {
    return new CgroupManager(plan, [], options);
  }

  static fromState(state: CgroupState, options: Options = {}): CgroupManager {
    return new CgroupManager(state.plan, state.made, options);
  }

  toState(): CgroupState {
    return { plan: { ...this.plan, hierarchies: this.groups }, made: [...this.#made] };
  }

  /** The state that stands for us while the groups are being made: those of our own that are not there yet. */
  toBeMade(): CgroupState {
    return { plan: this.plan, made: this.groups.map(({ directory }) => directory).filter((one) => !existsSync(one)) };
  }

  get groups(): readonly PlannedGroup[] {
    return this.#groups.all;
  }

  /**
   * Make the groups, each with its missing parents. Nothing is left of them when one cannot be made.
   *
   * @param resources what `apply` will set: a v1 cpuset gets its lists from it at once, and a threaded v2 group is refused
   */
  create(resources?: Resources): void {
    try {
      this.#groups = new Groups(
        this.plan.mode,
        this.groups.filter((group) => this.#make(group, resources)),
      );
    } catch (error) {
      removeMade(this.#groups, this.#made, this.#record);
      throw error;
    }
  }

  #make(group: PlannedGroup, resources: Resources | undefined): boolean {
    try {
      const make = this.plan.mode === 'v2' ? makeV2 : makeV1;
      make(group, this.#made, resources, this.#record);
      return true;
    } catch (error) {
      if (this.plan.rootless && !this.plan.explicit && NOT_OURS.has(errnoName(error) ?? '')) return false;
      throw error;
    }
  }

  /** Set limits, and the devices that the members may use: by `resources.devices`, which is the final list. */
  apply(resources: Resources, options: { devices?: boolean } = {}): void {
    const { v2, mode } = this.#groups;
    if (mode !== 'v2') writeV1((controller) => this.#groups.directoryOf(controller), resources, this.#record);
    else if (v2 === undefined) refuseLimits(resources);
    else writeV2(v2.directory, resources, this.#record);
    if (options.devices !== false) this.#applyDevices(resources.devices);
  }

  /** Change limits of a running container; devices stay as they are unless asked for, as with `runc update`. */
  update(resources: Resources, options: { devices?: boolean } = {}): void {
    this.apply(resources, { devices: options.devices ?? false });
  }

  /** v1's controller where there is one, else a program in the v2 group. What is refused to a rootless runtime is let be. */
  #applyDevices(rules: readonly DeviceRule[]): void {
    const v1 = this.#groups.directoryOf('devices');
    const { v2 } = this.#groups;
    try {
      if (v1 !== undefined) writeDevicesV1(v1, rules, this.#record);
      else if (v2 !== undefined) attachDevices(v2.directory, rules, { record: this.#record });
      else if (!this.plan.rootless)
        throw new EngineError('FailedPrecondition', 'cannot limit devices: no cgroup hierarchy that can is mounted');
    } catch (error) {
      if (!this.plan.rootless || !NOT_OURS.has(errnoName(error) ?? '')) throw error;
    }
  }

  /**
   * Files through which a single-threaded process moves itself by writing `0`. `tasks` on v1, as it moves one thread
   * without waiting for the others; cgroup.procs on v2. cgroups(7).
   */
  joinFiles(): { readonly hierarchy: string; readonly path: string }[] {
    return this.groups.map(({ name, version, directory }) => ({
      hierarchy: name,
      path: `${directory}/${version === 1 ? 'tasks' : 'cgroup.procs'}`,
    }));
  }

  /**
   * A descriptor of the v2 group for clone3's CLONE_INTO_CGROUP, to be closed by the caller; null without v2. Writing to its
   * cgroup.procs instead makes the kernel wait for every processor (about 10 ms).
   */
  openForClone(): number | null {
    const { v2 } = this.#groups;
    if (v2 === undefined) return null;
    try {
      return openSync(v2.directory, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
    } catch (error) {
      throw refusal('openat', v2.directory, error);
    }
  }

  /**
   * Give the group to a user, on pure v2 alone: to the root of a container that has a cgroup namespace and a writable
   * cgroup mount. cgroups(7), delegation.
   */
  delegate(uid: number): void {
    const { v2, mode } = this.#groups;
    if (mode !== 'v2' || v2 === undefined) return;
    for (const name of ['', '/cgroup.procs', '/cgroup.subtree_control', '/cgroup.threads'])
      if (existsSync(`${v2.directory}${name}`)) chownSync(`${v2.directory}${name}`, uid, -1);
  }

  /** Pids of the container's processes as our own pid namespace numbers them, ascending; `all`: of groups below too. */
  pids(all: boolean): number[] {
    const directory = this.#groups.counting?.directory;
    if (all || directory === undefined) return allPids(this.#groups);
    return members(directory).sort((a, b) => a - b);
  }

  freeze(): void {
    freeze(this.#freezer(), this.#record);
  }

  thaw(): void {
    thaw(this.#freezer(), this.#record);
  }

  frozen(): boolean {
    const { freezer } = this.#groups;
    return freezer !== undefined && isFrozen(freezer);
  }

  #freezer(): Freezer {
    const { freezer } = this.#groups;
    if (freezer === undefined)
      throw new EngineError('FailedPrecondition', 'cannot toggle freezer: cgroups not configured for container');
    return freezer;
  }

  /** Signal every process of the container, also those that are born meanwhile. */
  killAll(signal: number): void {
    killGroups(this.#groups, signal, this.#record);
  }

  stats(): Stats {
    const { v2, mode } = this.#groups;
    const sizes = existsSync(HUGE_PAGES) ? hugePageNames(readdirSync(HUGE_PAGES)) : [];
    if (mode !== 'v2') return statsV1((controller) => this.#groups.directoryOf(controller), sizes);
    return v2 === undefined ? NO_STATS : statsV2(v2.directory, sizes);
  }

  /** How many processes of the container were killed for want of memory. */
  oomKills(): number {
    const v1 = this.#groups.directoryOf('memory');
    const file = v1 === undefined ? `${this.#groups.v2?.directory}/memory.events` : `${v1}/memory.oom_control`;
    return parseKeyedNumbers(readControlIfThere(file) ?? '').get('oom_kill') ?? 0;
  }

  /** Call back whenever the container runs out of memory. Ends with the group, or by the returned function. */
  onOom(reactor: Reactor, callback: () => void): () => void {
    const { v2, mode } = this.#groups;
    const v1 = this.#groups.directoryOf('memory');
    if (v1 !== undefined) return watchOomV1(v1, reactor, callback);
    if (mode === 'v2' && v2 !== undefined) return watchOomV2(v2.directory, reactor, callback);
    throw new EngineError('FailedPrecondition', 'memory controller missing');
  }

  /**
   * Thaw, kill what is left inside, and remove the directories that were made for the container with all that was made in
   * them, for at most `timeoutMs`. A parent that others use by now stays.
   */
  async remove(timeoutMs = 5_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      const left = removeMade(this.#groups, this.#made, this.#record);
      if (left.length === 0) return;
      if (performance.now() > deadline)
        throw new EngineError(
          'FailedPrecondition',
          `unable to remove cgroup ${left.join(', ')}: it is still in use after ${timeoutMs} ms`,
        );
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
