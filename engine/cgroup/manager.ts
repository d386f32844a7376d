import { openSync } from 'node:fs';
import { O } from '../kernel/constants.js';
import { EngineError } from '../kernel/errors.js';
import type { RecordChange } from './changes.js';
import { errnoName, refusal } from './control-file.js';
import { fillCpuset, makeLevels, makeV2 } from './create.js';
import type { CgroupPlan, PlannedGroup } from './plan.js';
import { emptyAndRemove, tryRemove } from './remove.js';
import type { Resources } from './resources.js';

/** What state.json keeps of a container's groups. */
export interface CgroupState {
  readonly plan: CgroupPlan;
  /** Directories that were made for the container, parents first. Only these are ever removed. */
  readonly made: readonly string[];
}

/** Refusals that mean "not yours", which a runtime without privilege lives with. */
const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * A container's groups in every hierarchy of the machine. Order of use: `create`, `apply`, the process joins (`joinFiles`,
 * or is born inside: `openForClone`), `remove` after its end. Behaves as runc's cgroupfs managers fs and fs2 do.
 */
export class CgroupManager {
  readonly plan: CgroupPlan;
  /** Groups that exist for us: those of the plan without the ones that a rootless runtime could not make. */
  #groups: readonly PlannedGroup[];
  #made: string[];
  #record: RecordChange | undefined;

  private constructor(plan: CgroupPlan, made: readonly string[], record?: RecordChange) {
    this.plan = plan;
    this.#groups = plan.hierarchies;
    this.#made = [...made];
    this.#record = record;
  }

  static open(plan: CgroupPlan, options: { record?: RecordChange } = {}): CgroupManager {
    return new CgroupManager(plan, [], options.record);
  }

  static fromState(state: CgroupState, options: { record?: RecordChange } = {}): CgroupManager {
    return new CgroupManager(state.plan, state.made, options.record);
  }

  toState(): CgroupState {
    return { plan: { ...this.plan, hierarchies: this.#groups }, made: [...this.#made] };
  }

  get groups(): readonly PlannedGroup[] {
    return this.#groups;
  }

  /**
   * Make the groups, each with its missing parents. Nothing is left of them when one cannot be made.
   *
   * @param resources what `apply` will set: a v1 cpuset gets its lists from it at once, and a threaded v2 group is refused
   */
  create(resources?: Resources): void {
    try {
      this.#groups = this.#groups.filter((group) => this.#make(group, resources));
    } catch (error) {
      this.#removeNow();
      throw error;
    }
  }

  #make(group: PlannedGroup, resources: Resources | undefined): boolean {
    try {
      if (group.version === 2 && this.plan.mode === 'v2') {
        makeV2(group, this.#made, needsDomain(resources), this.#record);
      } else {
        makeLevels(group, this.#made, this.#record);
        if (group.controllers.includes('cpuset'))
          fillCpuset(
            group,
            this.#made,
            { ...pick('cpus', resources?.cpu?.cpus), ...pick('mems', resources?.cpu?.mems) },
            this.#record,
          );
      }
      return true;
    } catch (error) {
      if (this.plan.rootless && !this.plan.explicit && NOT_OURS.has(errnoName(error) ?? '')) return false;
      throw error;
    }
  }

  /**
   * Files through which a single-threaded process moves itself by writing `0`. `tasks` on v1, as it moves one thread
   * without waiting for the others; cgroup.procs on v2. cgroups(7).
   */
  joinFiles(): { readonly hierarchy: string; readonly path: string }[] {
    return this.#groups.map(({ name, version, directory }) => ({
      hierarchy: name,
      path: `${directory}/${version === 1 ? 'tasks' : 'cgroup.procs'}`,
    }));
  }

  /** On pure v2 a descriptor of the group for clone3's CLONE_INTO_CGROUP, to be closed by the caller; else null. */
  openForClone(): number | null {
    const group = this.#groups[0];
    if (this.plan.mode !== 'v2' || group === undefined) return null;
    try {
      return openSync(group.directory, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
    } catch (error) {
      throw refusal('openat', group.directory, error);
    }
  }

  /**
   * Thaw, kill what is left inside, and remove the directories that were made for the container with all that was made in
   * them, for at most `timeoutMs`. A parent that others use by now stays.
   */
  async remove(timeoutMs = 5_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      const left = this.#removeNow();
      if (left.length === 0) return;
      if (performance.now() > deadline)
        throw new EngineError(
          'FailedPrecondition',
          `unable to remove cgroup ${left.join(', ')}: it is still in use after ${timeoutMs} ms`,
        );
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** One round; returns the container's own directories that are left. */
  #removeNow(): string[] {
    const own = this.#groups.map(({ directory }) => directory);
    const isOwn = (directory: string): boolean => own.includes(directory);
    const left = this.#made.filter((directory) => {
      if (!isOwn(directory) || tryRemove(directory, this.#record)) return false;
      emptyAndRemove(directory, (text) => this.#belongs(text), this.#record);
      return !tryRemove(directory, this.#record);
    });
    for (const directory of [...this.#made].reverse()) if (!isOwn(directory)) tryRemove(directory, this.#record);
    return left;
  }

  /** Whether a /proc/PID/cgroup text has one of our groups, or one below it. */
  #belongs(membership: string): boolean {
    const text = `${membership}\n`;
    return this.#groups.some(({ path }) => text.includes(`:${path}\n`) || text.includes(`:${path}/`));
  }
}

function needsDomain(resources: Resources | undefined): boolean {
  if (resources === undefined) return false;
  const { memory, cpu, blockIO, hugepageLimits } = resources;
  return Boolean(
    memory?.limit ||
      memory?.swap ||
      memory?.reservation ||
      cpu?.shares ||
      cpu?.quota ||
      cpu?.period ||
      blockIO?.weight ||
      blockIO?.throttleReadBpsDevice.length ||
      blockIO?.throttleWriteBpsDevice.length ||
      blockIO?.throttleReadIOPSDevice.length ||
      blockIO?.throttleWriteIOPSDevice.length ||
      hugepageLimits.length,
  );
}

function pick<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  return value === undefined || value === '' ? {} : ({ [key]: value } as { [key in K]: string });
}
