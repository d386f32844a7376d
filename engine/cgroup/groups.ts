import { existsSync } from 'node:fs';
import type { Freezer } from './freeze.js';
import type { CgroupPlan, PlannedGroup } from './plan.js';

/** The groups of one container, asked by what they are for. */
export class Groups {
  readonly mode: CgroupPlan['mode'];
  readonly all: readonly PlannedGroup[];

  constructor(mode: CgroupPlan['mode'], all: readonly PlannedGroup[]) {
    this.mode = mode;
    this.all = all;
  }

  /** Directory in the v1 hierarchy of a controller. */
  directoryOf(controller: string): string | undefined {
    return this.#of(controller)?.directory;
  }

  /** The v2 group: everything is in it on pure v2, beside v1 it only groups. */
  get v2(): PlannedGroup | undefined {
    return this.all.find(({ version }) => version === 2);
  }

  /** The group whose members are the container's: runc asks the v1 devices, for nobody has a reason to leave it. */
  get counting(): PlannedGroup | undefined {
    return this.#of('devices') ?? this.#of('pids') ?? this.v2 ?? this.all[0];
  }

  get freezer(): Freezer | undefined {
    const v1 = this.directoryOf('freezer');
    if (v1 !== undefined) return { version: 1, directory: v1 };
    const directory = this.v2?.directory;
    return directory !== undefined && existsSync(`${directory}/cgroup.freeze`) ? { version: 2, directory } : undefined;
  }

  /** Whether a /proc/PID/cgroup text has one of these groups, or one below it. */
  holds(membership: string): boolean {
    const text = `${membership}\n`;
    return this.all.some(({ path }) => text.includes(`:${path}\n`) || text.includes(`:${path}/`));
  }

  #of(controller: string): PlannedGroup | undefined {
    return this.all.find(({ version, controllers }) => version === 1 && controllers.includes(controller));
  }
}
