import { accessSync, chownSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CgroupSetup } from '../cgroup/hierarchy.js';
import { emptyAndRemove, subgroups, tryRemove } from '../cgroup/remove.js';
import { parseMountinfo } from '../kernel/mountinfo.js';
import { parseCgroupFile } from '../kernel/procfs/cgroup-file.js';
import type { Identity } from './identity.js';
import { toOutside } from './identity.js';

/** One cgroup hierarchy of the machine, and where in it we are. */
export interface Hierarchy {
  /** `''` for v2, else the controller list as /proc/self/cgroup has it (`cpu,cpuacct`, `name=systemd`). */
  readonly name: string;
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Root of the mount within the hierarchy: `/` unless a part of it is mounted. */
  readonly root: string;
  /** Directory below which our groups are made. */
  readonly base: string;
}

/** The hierarchies in which we may make groups, found in mountinfo and /proc/self/cgroup. cgroups(7). */
export function findHierarchies(): { mode: 'v1' | 'v2' | 'hybrid' | 'none'; usable: Hierarchy[] } {
  const own = parseCgroupFile(readFileSync('/proc/self/cgroup', 'utf8'));
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  const all: Hierarchy[] = [];
  for (const membership of own) {
    const name = membership.controllers;
    const version = membership.hierarchyId === 0 ? 2 : 1;
    const mount = mounts.find((m) =>
      version === 2
        ? m.fsType === 'cgroup2'
        : m.fsType === 'cgroup' && name.split(',').every((controller) => m.superOptions.includes(controller)),
    );
    if (mount === undefined) continue;
    // A cgroup namespace or a bind mount shows a part of the tree: what lies outside of it we cannot make groups in.
    const within =
      mount.root === '/'
        ? membership.path
        : membership.path.startsWith(mount.root)
          ? membership.path.slice(mount.root.length)
          : null;
    if (within === null || within.startsWith('/..')) continue;
    const mine = join(mount.mountPoint, within);
    const base = version === 2 ? baseOfV2(mount.mountPoint, mine, process.getuid?.() === 0) : mine;
    all.push({ name, version, mountPoint: mount.mountPoint, root: mount.root, base });
  }
  const usable = all.filter((hierarchy) => writable(hierarchy.base));
  const v1 = all.some((h) => h.version === 1 && !h.name.startsWith('name='));
  const v2 = all.some((h) => h.version === 2);
  const mode = usable.length === 0 ? 'none' : v1 && v2 ? 'hybrid' : v1 ? 'v1' : 'v2';
  return { mode, usable };
}

/**
 * Where groups with controllers can be made in v2. A group that has processes gives its children no controllers
 * (cgroups(7), "no internal processes"), and ours has: ourselves. Root takes the top. Others go up from their own group
 * to the nearest one without processes that is theirs: what was delegated to them, or a slice of their systemd. Their own
 * group is the last resort: groups in it can be frozen and looked at, not limited.
 */
export function baseOfV2(mountPoint: string, mine: string, root: boolean): string {
  if (root && mayHoldGroups(mountPoint)) return mountPoint;
  for (let directory = mine; directory.length >= mountPoint.length; directory = dirname(directory)) {
    if (!['', 'cgroup.procs', 'cgroup.subtree_control'].every((name) => writable(join(directory, name)))) break;
    if (mayHoldGroups(directory)) return directory;
  }
  return root ? mountPoint : mine;
}

/** The root of the whole hierarchy may have processes beside controllers (it alone has no cgroup.type), others may not. */
function mayHoldGroups(directory: string): boolean {
  if (!existsSync(join(directory, 'cgroup.type'))) return existsSync(join(directory, 'cgroup.controllers'));
  return (
    readFileSync(join(directory, 'cgroup.type'), 'utf8').trim() === 'domain' &&
    readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim() !== '' &&
    readFileSync(join(directory, 'cgroup.procs'), 'utf8').trim() === ''
  );
}

function writable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false; // access(2) has no other answer that would help: it is not for us to write in
  }
}

/** Directories of one engine in each hierarchy: `glassbox-<engine id>`. Parents of its labs' groups. */
export function engineDirectories(hierarchies: readonly Hierarchy[], engineId: string): string[] {
  return hierarchies.map((hierarchy) => join(hierarchy.base, `glassbox-${engineId}`));
}

/** A lab's own part of every hierarchy. Order of use: `create`, `join` for pid 1, `remove` after its end. */
export class Subtree {
  readonly hierarchies: readonly Hierarchy[];
  readonly directories: readonly string[];
  #engineDirs: readonly string[];

  private constructor(hierarchies: readonly Hierarchy[], engineDirs: readonly string[], labId: string) {
    this.hierarchies = hierarchies;
    this.#engineDirs = engineDirs;
    this.directories = engineDirs.map((directory) => join(directory, labId));
  }

  /**
   * Make the directories, set the bound on processes, and give the lab's root the files that delegation allows it:
   * the directory, cgroup.procs, tasks and, on v2, cgroup.subtree_control and cgroup.threads (cgroups(7), delegation).
   * The limits of the lab itself stay ours. Throws after removing what it made.
   */
  static create(options: {
    hierarchies: readonly Hierarchy[];
    engineId: string;
    labId: string;
    identity: Identity;
    pidsMax: number;
  }): Subtree {
    const engineDirs = engineDirectories(options.hierarchies, options.engineId);
    const tree = new Subtree(options.hierarchies, engineDirs, options.labId);
    try {
      tree.hierarchies.forEach((hierarchy, n) => {
        const engineDir = engineDirs[n] as string;
        const labDir = tree.directories[n] as string;
        for (const directory of [engineDir, labDir]) {
          if (hierarchy.version === 2) enableControllers(join(directory, '..'));
          if (!existsSync(directory)) mkdirSync(directory);
          if (hierarchy.version === 1 && hierarchy.name.split(',').includes('cpuset')) inheritCpuset(directory);
        }
        const pidsFile = join(labDir, 'pids.max');
        if (existsSync(pidsFile)) writeFileSync(pidsFile, String(options.pidsMax));
        delegate(labDir, options.identity, hierarchy.version);
      });
      return tree;
    } catch (error) {
      tree.removeSync();
      throw error;
    }
  }

  /**
   * Once pid 1 has moved to the leaf `host` of a pure v2 tree: enable every controller for the groups that the learner
   * will make. (Not before: a group with controllers for its children takes no process.)
   */
  finish(): void {
    this.hierarchies.forEach((hierarchy, n) => {
      const directory = this.directories[n] as string;
      if (hierarchy.version === 2 && existsSync(join(directory, 'host'))) enableControllers(directory);
    });
  }

  /** Whether groups in the lab can be limited at all: a v1 controller, or a controller that v2 gives to the lab's own. */
  get limits(): boolean {
    return this.hierarchies.some(({ version, name }, n) =>
      version === 1
        ? !name.startsWith('name=')
        : readFileSync(join(this.directories[n] as string, 'cgroup.controllers'), 'utf8').trim() !== '',
    );
  }

  /** Move a process (host pid) into the lab. In v2 into its `host` leaf when that exists, as inner groups take no processes. */
  join(pid: number): void {
    this.hierarchies.forEach((hierarchy, n) => {
      const directory = this.directories[n] as string;
      const leaf = join(directory, 'host');
      writeFileSync(join(hierarchy.version === 2 && existsSync(leaf) ? leaf : directory, 'cgroup.procs'), String(pid));
    });
  }

  /**
   * Thaw, kill what is still in the groups, and remove them, deepest first, for at most `timeoutMs`: a group whose last
   * process is still being buried answers EBUSY. Returns the directories that are left (none, when all went well).
   */
  async remove(timeoutMs = 5_000): Promise<string[]> {
    const deadline = performance.now() + timeoutMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      const left = this.removeSync();
      if (left.length === 0 || performance.now() > deadline) return left;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** One round of `remove`. */
  removeSync(): string[] {
    const left: string[] = [];
    for (const directory of this.directories) {
      if (!existsSync(directory)) continue;
      emptyOurs(directory);
      if (existsSync(directory)) left.push(directory);
    }
    for (const directory of this.#engineDirs) {
      // other labs of this engine may still be in it
      if (existsSync(directory) && subgroups(directory).length === 0) tryRemove(directory);
    }
    return left;
  }
}

function delegate(directory: string, identity: Identity, version: 1 | 2): void {
  const uid = toOutside(identity.uids, 0);
  const gid = toOutside(identity.gids, 0);
  const names =
    version === 1 ? ['', 'cgroup.procs', 'tasks'] : ['', 'cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control'];
  for (const name of names) {
    const path = join(directory, name);
    if (existsSync(path)) chownSync(path, uid, gid);
  }
}

/** A new v1 cpuset is empty and takes no process until both lists are set: copy the parent's. cpuset(7). */
function inheritCpuset(directory: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const parent = readFileSync(join(directory, '..', file), 'utf8').trim();
    if (readFileSync(join(directory, file), 'utf8').trim() === '') writeFileSync(join(directory, file), parent);
  }
}

/** Enable for the children every controller that this group has. Those that the kernel refuses here are left out. */
function enableControllers(directory: string): void {
  const available = readFileSync(join(directory, 'cgroup.controllers'), 'utf8')
    .trim()
    .split(' ')
    .filter((name) => name !== '');
  const enabled = new Set(readFileSync(join(directory, 'cgroup.subtree_control'), 'utf8').trim().split(' '));
  for (const controller of available) {
    if (enabled.has(controller)) continue;
    try {
      writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // EBUSY: processes stand in this group; EOPNOTSUPP, EINVAL: rt processes or a threaded parent; EACCES, EPERM: not ours
      if (code === undefined || !['EBUSY', 'EOPNOTSUPP', 'EINVAL', 'EACCES', 'EPERM', 'ENOENT'].includes(code))
        throw error;
    }
  }
}

/** One round for a group of ours, whose processes are known by its name in their paths. */
function emptyOurs(directory: string): void {
  const mark = directory.slice(directory.lastIndexOf('/glassbox-'));
  emptyAndRemove(directory, (membership) => membership.includes(mark));
}

/** Empty and remove a dead engine's directory in one hierarchy, as far as the kernel lets us at once. */
export function removeEngineDirectory(directory: string): void {
  emptyOurs(directory);
}

/** The lab's groups as the observer wants them. */
export function observedCgroups(tree: Subtree | null, mode: CgroupSetup['mode']): CgroupSetup {
  if (tree === null) return { mode: 'none', hierarchies: [] };
  return {
    mode,
    hierarchies: tree.hierarchies.map((hierarchy, n) => {
      const directory = tree.directories[n] as string;
      const within = directory.slice(hierarchy.mountPoint.length);
      const v1 = hierarchy.version === 1;
      const shown = hierarchy.name.startsWith('name=') ? hierarchy.name.slice(5) : hierarchy.name;
      return {
        version: hierarchy.version,
        name: hierarchy.name,
        controllers: v1 ? hierarchy.name.split(',').filter((name) => !name.startsWith('name=')) : [],
        directory,
        path: hierarchy.root === '/' ? within : `${hierarchy.root}${within}`,
        mountPoint: v1 ? `/sys/fs/cgroup/${shown}` : mode === 'v2' ? '/sys/fs/cgroup' : '/sys/fs/cgroup/unified',
        writable: true,
      };
    }),
  };
}
