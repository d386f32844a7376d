import { basename } from 'node:path';
import { type CgroupHierarchy, subtreeOf } from '../../cgroup/hierarchy.js';
import { parseMountinfo } from '../../kernel/mountinfo.js';
import { parseCgroupFile } from '../../kernel/procfs/cgroup-file.js';
import { readProc } from '../../kernel/procfs/read.js';

/** The container's group in each hierarchy: directories that can be read. */
export class ContainerGroups {
  readonly #hierarchies: readonly CgroupHierarchy[];

  private constructor(hierarchies: readonly CgroupHierarchy[]) {
    this.#hierarchies = hierarchies;
  }

  /**
   * Found through a process of the container, which may have moved to a group below the container's own: `name`, the last
   * part of `linux.cgroupsPath` or the container's name, is where the container's begins.
   */
  static of(pid: number, name: string): ContainerGroups {
    const memberships = readProc(`/proc/${pid}/cgroup`);
    const mounts = readProc('/proc/self/mountinfo') ?? '';
    const last = basename(name);
    const own = parseCgroupFile(memberships ?? '').map((one) => {
      const at = `${one.path}/`.indexOf(`/${last}/`);
      return at < 0 ? one : { ...one, path: one.path.slice(0, at + last.length + 1) };
    });
    return new ContainerGroups(subtreeOf(parseMountinfo(mounts), own).hierarchies);
  }

  /** Directory of the v1 hierarchy with this controller; null without one. */
  v1(controller: string): string | null {
    return (
      this.#hierarchies.find((one) => one.version === 1 && one.controllers.includes(controller))?.directory ?? null
    );
  }

  v2(): string | null {
    return this.#hierarchies.find((one) => one.version === 2)?.directory ?? null;
  }

  /** Content of a file of a v1 controller's group; null when there is none. */
  readV1(controller: string, file: string): string | null {
    const directory = this.v1(controller);
    return directory === null ? null : readProc(`${directory}/${file}`);
  }

  readV2(file: string): string | null {
    const directory = this.v2();
    return directory === null ? null : readProc(`${directory}/${file}`);
  }
}
