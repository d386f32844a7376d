import { existsSync, lstatSync, readlinkSync, statSync } from 'node:fs';
import { basename, posix } from 'node:path';
import type { PlannedGroup } from '../../cgroup/plan.js';
import { MS } from '../../kernel/constants.js';
import { EngineError } from '../../kernel/errors.js';
import { parseCgroupFile } from '../../kernel/procfs/cgroup-file.js';
import { readProc } from '../../kernel/procfs/read.js';
import type { CgroupMountHierarchy, MountPlan } from '../plan.js';
import { parseMountOptions } from '../spec/mount-options.js';
import type { Spec, SpecMount } from '../spec/types.js';

/** Places in /proc that a file may cover: the views that lxcfs gives, and what CRIU writes. runc's list. */
const PROC_FILES = new Set(
  [
    'cpuinfo',
    'diskstats',
    'meminfo',
    'stat',
    'swaps',
    'uptime',
    'loadavg',
    'slabinfo',
    'net/dev',
    'sys/kernel/ns_last_pid',
  ].map((name) => `/proc/${name}`),
);
const LONGEST_LINK_CHAIN = 40;

export interface MountContext {
  readonly bundle: string;
  readonly rootfs: string;
  /** The container's groups, those that could be made among them. */
  readonly planned: readonly PlannedGroup[];
  readonly groups: readonly PlannedGroup[];
  readonly cgroupNamespace: boolean;
  /** Prepared trees by index of the mount: idmapped binds, filled tmpfs. */
  readonly trees: ReadonlyMap<number, number>;
}

/** `mounts` of the spec, each with what must be known of its source and of the place where it goes. */
export function planMounts(spec: Spec, context: MountContext): MountPlan[] {
  const covered = (index: number): boolean => {
    const destination = posix.join('/', spec.mounts[index]?.destination ?? '');
    return spec.mounts
      .slice(0, index)
      .some((earlier) => destination.startsWith(`${posix.join('/', earlier.destination)}/`));
  };
  return spec.mounts.map((mount, index) => planMount(mount, index, context, covered(index)));
}

function planMount(mount: SpecMount, index: number, context: MountContext, covered: boolean): MountPlan {
  const options = parseMountOptions(mount.options);
  const destination = posix.join('/', mount.destination);
  if (destination === '/')
    throw new EngineError(
      'InvalidArgument',
      `invalid mount ${JSON.stringify(mount.destination)}: nothing can be mounted over the root itself`,
    );
  const here = {
    destination,
    resolved: covered ? null : missingPlace(context.rootfs, destination),
    options,
    insideProc: PROC_FILES.has(destination) || destination === '/proc',
  };
  if (options.bind || mount.type === 'bind') {
    const source = posix.resolve(context.bundle, mount.source ?? '');
    const tree = context.trees.get(index) ?? null;
    return {
      ...here,
      options: mount.type === 'bind' && !options.bind ? { ...options, bind: true } : options,
      kind: 'bind',
      source,
      directory: isDirectory(source, destination),
      tree,
      setsFlags: (options.flags.set & ~(MS.BIND | MS.REC | MS.REMOUNT)) !== 0,
    };
  }
  if (mount.type === 'cgroup') return { ...here, kind: 'cgroup', covered, hierarchies: hierarchiesOf(context) };
  return {
    ...here,
    kind: 'filesystem',
    type: mount.type ?? '',
    source: mount.source ?? '',
    tree: context.trees.get(index) ?? null,
    mode: mount.type === 'tmpfs' && !covered ? modeOf(context.rootfs, here.resolved ?? destination) : null,
    readOnlyLater: (options.flags.set & MS.RDONLY) !== 0 && (mount.type === 'tmpfs' || destination === '/dev'),
  };
}

function isDirectory(source: string, destination: string): boolean {
  try {
    return statSync(source).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'no such file or directory'
        : code === 'ENOTDIR'
          ? 'not a directory'
          : code === 'EACCES'
            ? 'permission denied'
            : String(code);
    throw new EngineError(
      code === 'EACCES' ? 'PermissionDenied' : 'NotFound',
      `error mounting "${source}" to rootfs at "${destination}": stat ${source}: ${why}`,
      { cause: error },
    );
  }
}

/** The permissions that a tmpfs takes over from the directory that it covers, as runc gives them. */
function modeOf(rootfs: string, destination: string): number | null {
  const found = lstatSync(`${rootfs}${destination}`, { throwIfNoEntry: false });
  return found?.isDirectory() === true ? found.mode & 0o7777 : null;
}

/**
 * The place of a mount that is a link, or is not there yet, without the symbolic links on the way to it: what is missing is made where
 * they lead to, also when nothing is there yet. Only a hint: the kernel resolves the path again, inside the root.
 */
function missingPlace(rootfs: string, destination: string): string | null {
  const there = lstatSync(`${rootfs}${destination}`, { throwIfNoEntry: false });
  if (there !== undefined && !there.isSymbolicLink()) return null;
  let links = 0;
  const waiting = destination.split('/').filter((name) => name !== '');
  const walked: string[] = [];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (name === '.') continue;
    if (name === '..') {
      walked.pop();
      continue;
    }
    const path = `${rootfs}/${[...walked, name].join('/')}`;
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isSymbolicLink() !== true || ++links > LONGEST_LINK_CHAIN) {
      walked.push(name);
      continue;
    }
    const target = readlinkSync(path);
    if (target.startsWith('/')) walked.length = 0;
    waiting.unshift(...target.split('/').filter((one) => one !== ''));
  }
  return `/${walked.join('/')}`;
}

function hierarchiesOf({ planned, groups, cgroupNamespace }: MountContext): CgroupMountHierarchy[] {
  const made = new Set(groups.map(({ directory }) => directory));
  const v1 = planned.filter(({ version }) => version === 1);
  const shown = v1.length > 0 ? v1 : planned;
  return shown.map(({ version, name, mountPoint, directory }) => {
    const place = version === 1 ? basename(mountPoint) : '';
    return {
      version,
      name,
      directory: place,
      source: cgroupNamespace ? '' : made.has(directory) ? directory : ownGroup(name, mountPoint),
      links: place.includes(',') ? place.split(',') : [],
    };
  });
}

/** Our own group, in which a container stays where none could be made for it. */
function ownGroup(name: string, mountPoint: string): string {
  const own = parseCgroupFile(readProc('/proc/self/cgroup') ?? '').find(({ controllers }) => controllers === name);
  const directory = posix.join(mountPoint, own?.path ?? '/');
  return directory.startsWith(`${mountPoint}/`) && existsSync(directory) ? directory : mountPoint;
}
