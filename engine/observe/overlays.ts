import { closeSync, openSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { LayerDir, Mount, OverlayStack } from '../api/types.js';
import type { Kernel } from '../kernel/kernel.js';
import { mountOf } from '../kernel/mountinfo.js';
import { O_CLOEXEC, O_DIRECTORY, O_PATH, openBeneath, openInRoot } from '../kernel/namespaces/open-in-root.js';
import { hasVanished, readProcLink } from '../kernel/procfs/read.js';
import { LAYER_LIMITS, type LayerScan, type ScanLimits, scanLayer } from './layer-scan.js';
import type { TrackedTable } from './mounts.js';
import { type OverlayDirs, parseOverlayOptions } from './overlay-options.js';
import type { Problems } from './problems.js';
import type { RawProcess } from './raw-process.js';

export interface OverlayOptions {
  /** Path of ours to the upper directory of the lab host's own root, which cannot be reached from inside the lab. */
  readonly rootUpper?: string;
  /** Containers of the lab's engine, whose layers are told of also while nothing is mounted. */
  readonly containers?: readonly ContainerLayers[];
  /** What lower layers of containers held, which never change: read again when it is not here. Filled by the reading. */
  readonly known?: Map<string, LayerScan>;
}

/** Where a container's layers are, and where they are mounted while it runs: paths in the lab. */
export interface ContainerLayers {
  readonly id: string;
  readonly merged: string;
  readonly upper: string;
  readonly work: string;
  /** Topmost first. */
  readonly lower: readonly string[];
}

/** File systems whose server is a process that may never answer: they are not walked. */
const UNTRUSTED = /^(fuse|9p|nfs|cifs|ceph|virtiofs)/;

/** The lab's own root holds what the learner wrote anywhere: only a quick look. */
const ROOT_LIMITS: ScanLimits = { listed: 200, counted: 2_000, time: 10 };

/** Stacks that are told of, and milliseconds that all their layers together may be walked in one reading. */
const STACKS = 128;
const WALK_MS = 200;
/** Directories that are tried for the start of relative paths. */
const BASES = 64;

/**
 * Every overlay stack that is mounted in the lab, once each (a mount namespace copies its parent's mounts), its layers
 * read through the root of a process that sees it. The machine's own root below the lab host's is named, never walked.
 *
 * @param own devices of the lab host's own overlays (`ownOverlays`)
 */
export function readOverlays(
  kernel: Kernel,
  tables: readonly TrackedTable[],
  processes: readonly RawProcess[],
  problems: Problems,
  own: ReadonlySet<string>,
  options: OverlayOptions = {},
): OverlayStack[] {
  const stacks: OverlayStack[] = [];
  const devices = new Set<string>();
  const until = performance.now() + WALK_MS;
  const containers = new Map((options.containers ?? []).map((one) => [one.merged, one]));
  const lowers = new Set((options.containers ?? []).flatMap(({ lower }) => lower));
  const scans = { lowers, known: options.known ?? new Map<string, LayerScan>() };
  for (const path of scans.known.keys()) if (!lowers.has(path)) scans.known.delete(path);
  const isFull = (): boolean => {
    if (stacks.length < STACKS) return false;
    problems.add('overlays', `there are more than ${STACKS} overlays: the rest is not shown`);
    return true;
  };
  for (const [at, table] of tables.entries()) {
    let root: number | null | undefined;
    const rootFd = (): number | null => {
      root ??= openRootOf(table, problems);
      return root;
    };
    const reading = (where: string): Reading => ({
      kernel,
      where,
      table,
      processes,
      problems,
      root: rootFd(),
      until,
      scans,
    });
    try {
      for (const mount of table.mounts) {
        if (mount.fsType !== 'overlay' || devices.has(mount.device)) continue;
        devices.add(mount.device);
        if (isFull()) return stacks;
        const layers = own.has(mount.device)
          ? labRootLayers(kernel, mount, options, problems)
          : layersOf(reading(mount.mountPoint), namedDirs(parseOverlayOptions(mount.superOptions)));
        const { ns } = table;
        const { mountPoint } = mount;
        const container = containers.get(mountPoint)?.id;
        containers.delete(mountPoint);
        stacks.push({
          ns,
          mountPoint,
          layers,
          readOnly: isReadOnly(mount),
          ...(container === undefined ? {} : { container }),
        });
      }
      if (at > 0) continue;
      // The lab host's own table comes first, and a running container's layers are mounted there.
      for (const { id, merged, ...dirs } of containers.values()) {
        if (isFull()) return stacks;
        const layers = layersOf(reading(merged), namedDirs(dirs));
        stacks.push({ ns: table.ns, mountPoint: merged, layers, readOnly: false, container: id, mounted: false });
      }
    } finally {
      if (typeof root === 'number') closeSync(root);
    }
  }
  return stacks;
}

/**
 * The root directory through which a table's paths are reached. The process that showed it may have ended since, and its
 * number may be one of the machine's by now, whose root is the machine's own: hence the look at where it is, after opening.
 */
function openRootOf(table: TrackedTable, problems: Problems): number | null {
  let fd: number;
  try {
    fd = openSync(`/proc/${table.hostPid}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC);
  } catch (error) {
    if (hasVanished(error)) return null;
    throw error;
  }
  if (readProcLink(`/proc/${table.hostPid}/ns/mnt`) === table.ns) return fd;
  closeSync(fd);
  problems.add('overlays', `layers of ${table.ns}: the process through which they are seen has ended`);
  return null;
}

function isReadOnly(mount: Mount): boolean {
  return mount.options.includes('ro') || parseOverlayOptions(mount.superOptions).upper === null;
}

/**
 * Devices of the overlays that make up the lab host's own root: `/`, or, made without root, one for each top-level
 * directory. To be asked once, before the learner has mounted anything.
 */
export function ownOverlays(table: TrackedTable | undefined): Set<string> {
  const own = (table?.mounts ?? []).filter((mount) => mount.fsType === 'overlay' && /^\/[^/]*$/.test(mount.mountPoint));
  return new Set(own.map((mount) => mount.device));
}

function labRootLayers(kernel: Kernel, mount: Mount, options: OverlayOptions, problems: Problems): LayerDir[] {
  const dirs = parseOverlayOptions(mount.superOptions);
  const unread = (role: LayerDir['role'], path: string): LayerDir => ({
    role,
    path,
    files: null,
    bytes: null,
    entries: [],
    truncated: false,
  });
  const layers: LayerDir[] = [];
  if (dirs.upper !== null) {
    const root = options.rootUpper;
    const scanned =
      root === undefined || mount.mountPoint !== '/'
        ? null
        : problems.attempt(
            'overlays',
            "upper layer of the lab host's root",
            () => scanAt(kernel, root, '.', ROOT_LIMITS),
            null,
          );
    layers.push(scanned === null ? unread('upper', dirs.upper) : { role: 'upper', path: dirs.upper, ...scanned });
  }
  for (const path of dirs.lower) layers.push(unread('lower', path));
  if (dirs.work !== null) layers.push(unread('work', dirs.work));
  return layers;
}

interface Reading {
  readonly kernel: Kernel;
  /** Where it is mounted, or would be. */
  readonly where: string;
  readonly table: TrackedTable;
  readonly processes: readonly RawProcess[];
  readonly problems: Problems;
  /** O_PATH descriptor of the root through which the paths are reached; null when there is none any more. */
  readonly root: number | null;
  /** When to stop walking, on the clock of performance.now. */
  readonly until: number;
  /** Layers that many containers stand on are walked once, and once for all that never change. */
  readonly scans: { readonly lowers: ReadonlySet<string>; readonly known: Map<string, LayerScan> };
}

type NamedDir = readonly [role: LayerDir['role'], path: string];

function namedDirs(dirs: Pick<OverlayDirs, 'upper' | 'work' | 'lower'>): NamedDir[] {
  return [
    ...(dirs.upper === null ? [] : [['upper', dirs.upper] as const]),
    ...dirs.lower.map((path) => ['lower', path] as const),
    ...(dirs.work === null ? [] : [['work', dirs.work] as const]),
  ];
}

function layersOf(reading: Reading, named: readonly NamedDir[]): LayerDir[] {
  const { kernel, where, table, problems, root, until, scans } = reading;
  const base = findBase(
    reading,
    named.map(([, path]) => path),
  );
  return named.map(([role, path]) => {
    const what = `${role} layer ${path} of ${where}`;
    const unread: LayerDir = { role, path, files: null, bytes: null, entries: [], truncated: false };
    const at = path.startsWith('/') ? path : base === null ? null : join(base, path);
    const known = role === 'lower' ? scans.known.get(path) : undefined;
    if (known !== undefined) return { role, path, ...known };
    if (root === null) return unread;
    if (performance.now() > until) {
      problems.add(
        'overlays',
        `the layers are too many or too large to be read in ${WALK_MS} ms: the rest is not counted`,
      );
      return unread;
    }
    if (at === null) {
      problems.add('overlays', `${what}: its relative path was given from a directory that is not known any more`);
      return unread;
    }
    const under = mountOf(table.mounts, normalize(at));
    if (under !== null && UNTRUSTED.test(under.fsType)) {
      problems.add('overlays', `${what}: it is on ${under.fsType}, which is not walked`);
      return unread;
    }
    // The kernel's scratch directory: present, and nobody's business.
    if (role === 'work') return unread;
    const scan = problems.attempt('overlays', what, () => scanBeneath(kernel, root, at, LAYER_LIMITS), null);
    if (scan === null) return unread;
    if (role === 'lower' && scans.lowers.has(path)) scans.known.set(path, scan);
    return { role, path, ...scan };
  });
}

function scanAt(kernel: Kernel, rootDir: string, path: string, limits: ScanLimits): ReturnType<typeof scanLayer> {
  return scanAndClose(kernel, openInRoot(kernel, rootDir, path, O_DIRECTORY), limits);
}

function scanBeneath(kernel: Kernel, root: number, path: string, limits: ScanLimits): ReturnType<typeof scanLayer> {
  return scanAndClose(kernel, openBeneath(kernel, root, path, O_DIRECTORY), limits);
}

function scanAndClose(kernel: Kernel, fd: number, limits: ScanLimits): ReturnType<typeof scanLayer> {
  try {
    return scanLayer(kernel, fd, limits);
  } finally {
    closeSync(fd);
  }
}

/**
 * mount(2) keeps the paths of the options as they were given. `cd /tmp/o; mount -t overlay -o lowerdir=l,upperdir=u …`
 * leaves `l` and `u`: the directory they start from is where all of them exist, looked for beside the mount point, above
 * it, and where the lab's processes stand.
 */
function findBase({ kernel, where, table, processes, root, until }: Reading, paths: readonly string[]): string | null {
  const relative = paths.filter((path) => !path.startsWith('/'));
  if (relative.length === 0 || root === null) return null;
  const candidates: string[] = [];
  for (let at = dirname(where); ; at = dirname(at)) {
    candidates.push(at);
    if (at === '/') break;
  }
  candidates.push(where);
  for (const process of processes)
    if (process.namespaces.mnt === table.ns && process.cwd !== '') candidates.push(process.cwd);
  for (const base of [...new Set(candidates)].slice(0, BASES)) {
    if (performance.now() > until) return null;
    const under = mountOf(table.mounts, base);
    if (under !== null && UNTRUSTED.test(under.fsType)) continue;
    if (relative.every((path) => isDirectory(kernel, root, join(base, path)))) return base;
  }
  return null;
}

function isDirectory(kernel: Kernel, root: number, path: string): boolean {
  try {
    closeSync(openBeneath(kernel, root, path, O_PATH | O_DIRECTORY));
    return true;
  } catch (error) {
    if (hasVanished(error)) return false;
    throw error;
  }
}
