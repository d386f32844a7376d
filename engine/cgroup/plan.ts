import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { Mount } from '../api/types.js';
import { EngineError } from '../kernel/errors.js';
import { parseMountinfoLine } from '../kernel/mountinfo.js';
import { type CgroupMembership, parseCgroupFile } from '../kernel/procfs/cgroup-file.js';
import { readControl } from './control-file.js';
import { modeOf, mountedHierarchies } from './hierarchy.js';

/** A container's group in one hierarchy. */
export interface PlannedGroup {
  readonly version: 1 | 2;
  /** `memory`, `cpu,cpuacct`, `name=systemd`; `''` for v2. */
  readonly name: string;
  /** Controllers that are used here: none of a named v1 hierarchy, none of v2 beside v1 (there it only groups). */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** Absolute directory of the container's own group. */
  readonly directory: string;
  /** The same group as the runtime's /proc/PID/cgroup shows it. */
  readonly path: string;
}

export interface CgroupPlan {
  readonly mode: 'v1' | 'v2' | 'hybrid' | 'none';
  readonly hierarchies: readonly PlannedGroup[];
  /** Without privilege: hierarchies in which no group can be made are left out, unless the path was asked for. */
  readonly rootless: boolean;
  /** The configuration names the path (`cgroupsPath`). */
  readonly explicit: boolean;
}

export interface PlanOptions {
  readonly cgroupsPath?: string | undefined;
  readonly id: string;
  readonly rootless: boolean;
  /** Default: the cgroup mounts of /proc/self/mountinfo. */
  readonly mounts?: readonly Mount[];
  /** Default: /proc/self/cgroup. */
  readonly own?: readonly CgroupMembership[];
}

/**
 * Where a container's groups lie, as runc's "cgroupfs" driver has it: an absolute path is below the root of each
 * hierarchy, a relative one (without a path: the container's id) below the runtime's own group; on pure v2 below the
 * parent of that, because a group with processes gives its children no controllers. `..` never leaves the place.
 * libcontainer/cgroups/fs/paths.go, fs2/defaultpath.go.
 */
export function planCgroups(options: PlanOptions): CgroupPlan {
  const mounted = mountedHierarchies(options.mounts ?? cgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8')));
  const own = options.own ?? parseCgroupFile(readFileSync('/proc/self/cgroup', 'utf8'));
  const explicit = options.cgroupsPath !== undefined && options.cgroupsPath !== '';
  const path = cleanCgroupPath(explicit ? (options.cgroupsPath as string) : options.id);
  const mode = modeOf(mounted);
  const used = mode === 'v2' ? mounted.filter(({ version }) => version === 2) : mounted;
  const hierarchies = used.map(({ version, name, controllers, mount }): PlannedGroup => {
    const top = path.startsWith('/') ? '/' : startOf(own, version, name, mount.root, mode === 'v2');
    const within = posix.join(top, path);
    return {
      version,
      name,
      controllers:
        version === 2 && mode === 'v2' ? words(readControl(`${mount.mountPoint}/cgroup.controllers`)) : controllers,
      mountPoint: mount.mountPoint,
      directory: `${mount.mountPoint}${within}`,
      path: mount.root === '/' ? within : `${mount.root}${within}`,
    };
  });
  return { mode, hierarchies, rootless: options.rootless, explicit };
}

/** The cgroup mounts of a mountinfo text; the other lines, of which a machine may have thousands, are not parsed. */
function cgroupMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => (line.includes(' - cgroup') ? (parseMountinfoLine(line) ?? []) : []));
}

/** Within the mount: the directory below which a relative path is. What lies outside of the mount counts as its root. */
function startOf(
  own: readonly CgroupMembership[],
  version: 1 | 2,
  name: string,
  root: string,
  parent: boolean,
): string {
  const wanted = name.split(',').sort().join();
  const membership = own.find((one) =>
    version === 2
      ? one.hierarchyId === 0
      : one.hierarchyId !== 0 && one.controllers.split(',').sort().join() === wanted,
  );
  const path = membership?.path ?? '/';
  const within =
    root === '/' ? path : path === root ? '/' : path.startsWith(`${root}/`) ? path.slice(root.length) : '/';
  const inside = within.startsWith('/..') ? '/' : within;
  return parent ? posix.dirname(inside) : inside;
}

/** runc's CleanPath, and what no container can have refused: the place itself, and names of the systemd driver. */
function cleanCgroupPath(path: string): string {
  if (/^[^/:]*:[^/:]*:[^/:]*$/.test(path))
    throw new EngineError(
      'InvalidArgument',
      `cgroupsPath ${JSON.stringify(path)} is of the form slice:prefix:name, which only the systemd driver understands: give a path`,
    );
  if (/[\0\n]/.test(path))
    throw new EngineError(
      'InvalidArgument',
      `cgroupsPath ${JSON.stringify(path)} has a character that no group can have`,
    );
  const clean = posix.join('/', path).replace(/\/$/, '');
  if (clean === '')
    throw new EngineError(
      'InvalidArgument',
      `cgroupsPath ${JSON.stringify(path)} is not a group of its own: a container would share it with others`,
    );
  return path.startsWith('/') ? clean : clean.slice(1);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
