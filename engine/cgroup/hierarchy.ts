import type { Mount } from '../api/types.js';
import type { CgroupMembership } from '../kernel/procfs/cgroup-file.js';

/** The lab's subtree in one hierarchy. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  /** As /proc/PID/cgroup has it: `memory`, `cpu,cpuacct`, `name=systemd`; `""` for v2. */
  readonly name: string;
  /** Controllers; empty for a named v1 hierarchy. For v2 what cgroup.controllers of the lab's root offers. */
  readonly controllers: readonly string[];
  /** Path of ours to the lab's root group. */
  readonly directory: string;
  /** The same group as the engine's own /proc shows it: `/glassbox/lab-1`. */
  readonly path: string;
  /** Where the lab sees the hierarchy mounted. */
  readonly mountPoint: string;
  readonly writable: boolean;
}

export interface CgroupSetup {
  readonly mode: 'v1' | 'v2' | 'hybrid' | 'none';
  readonly hierarchies: readonly CgroupHierarchy[];
}

/** v1 options of a cgroup mount that are not controllers. */
const NOT_CONTROLLERS = new Set(['rw', 'ro', 'xattr', 'clone_children', 'noprefix', 'cpuset_v2_mode', 'favordynmods']);

/** Hierarchies of a mount table: its cgroup and cgroup2 mounts, each hierarchy once. */
export function mountedHierarchies(
  mounts: readonly Mount[],
): { version: 1 | 2; name: string; controllers: string[]; mount: Mount }[] {
  const found = new Map<string, { version: 1 | 2; name: string; controllers: string[]; mount: Mount }>();
  for (const mount of mounts) {
    if (mount.fsType !== 'cgroup' && mount.fsType !== 'cgroup2') continue;
    const version = mount.fsType === 'cgroup2' ? 2 : 1;
    const options = mount.superOptions.filter(
      (option) => !NOT_CONTROLLERS.has(option) && !option.startsWith('release_agent='),
    );
    const name = version === 2 ? '' : options.join(',');
    const known = found.get(name);
    // The mount nearest to the hierarchy's own root shows most of it.
    if (known !== undefined && known.mount.root.length <= mount.root.length) continue;
    found.set(name, {
      version,
      name,
      controllers: version === 2 ? [] : options.filter((o) => !o.startsWith('name=')),
      mount,
    });
  }
  return [...found.values()];
}

/** v2 with controllers of its own beside v1 ones is hybrid; so is v1 with a v2 mount that has none (systemd's own). */
export function modeOf(
  hierarchies: readonly { version: 1 | 2; controllers: readonly string[] }[],
): CgroupSetup['mode'] {
  const v1 = hierarchies.some((one) => one.version === 1 && one.controllers.length > 0);
  const v2 = hierarchies.some((one) => one.version === 2);
  if (v1 && v2) return 'hybrid';
  return v1 ? 'v1' : v2 ? 'v2' : 'none';
}

/**
 * Where a process's groups lie, from a mount table and its /proc/PID/cgroup, both read by the engine: the lab's subtree when
 * that process is the lab's pid 1 and it is in the subtree's root. A hierarchy that is mounted nowhere is left out.
 */
export function subtreeOf(mounts: readonly Mount[], memberships: readonly CgroupMembership[]): CgroupSetup {
  const hierarchies: CgroupHierarchy[] = [];
  const mounted = mountedHierarchies(mounts);
  for (const { version, name, controllers, mount } of mounted) {
    const membership = memberships.find((one) =>
      version === 2 ? one.hierarchyId === 0 : sameControllers(one.controllers, name),
    );
    if (membership === undefined) continue;
    const within = pathWithin(mount.root, membership.path);
    if (within === null) continue;
    hierarchies.push({
      version,
      name: membership.controllers,
      controllers,
      directory: within === '/' ? mount.mountPoint : `${mount.mountPoint}${within}`,
      path: membership.path,
      mountPoint: mount.mountPoint,
      writable: mount.options.includes('rw'),
    });
  }
  return { mode: modeOf(mounted), hierarchies };
}

function sameControllers(a: string, b: string): boolean {
  return a.split(',').sort().join() === b.split(',').sort().join();
}

/** `path` relative to a mount's root; null when the mount does not show it. */
function pathWithin(root: string, path: string): string | null {
  if (root === '/') return path;
  if (path === root) return '/';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : null;
}
