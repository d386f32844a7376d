import { closeSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { LayerDir, Mount, OverlayStack } from '../api/types.js';
import type { Kernel } from '../kernel/kernel.js';
import { mountOf } from '../kernel/mountinfo.js';
import { O_DIRECTORY, O_PATH, openInRoot } from '../kernel/namespaces/open-in-root.js';
import { hasVanished } from '../kernel/procfs/read.js';
import { LAYER_LIMITS, type ScanLimits, scanLayer } from './layer-scan.js';
import type { TrackedTable } from './mounts.js';
import { parseOverlayOptions } from './overlay-options.js';
import type { Problems } from './problems.js';
import type { RawProcess } from './raw-process.js';

export interface OverlayOptions {
  /** Path of ours to the upper directory of the lab host's own root, which cannot be reached from inside the lab. */
  readonly rootUpper?: string;
}

/** File systems whose server is a process that may never answer: they are not walked. */
const UNTRUSTED = /^(fuse|9p|nfs|cifs|ceph|virtiofs)/;

/** The lab's own root holds what the learner wrote anywhere: only a quick look. */
const ROOT_LIMITS: ScanLimits = { listed: 200, counted: 2_000, time: 10 };

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
  for (const table of tables) {
    for (const mount of table.mounts) {
      if (mount.fsType !== 'overlay' || devices.has(mount.device)) continue;
      devices.add(mount.device);
      const layers = own.has(mount.device)
        ? labRootLayers(kernel, mount, options, problems)
        : layersOf(kernel, mount, table, processes, problems);
      stacks.push({ ns: table.ns, mountPoint: mount.mountPoint, layers, readOnly: isReadOnly(mount) });
    }
  }
  return stacks;
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

function layersOf(
  kernel: Kernel,
  mount: Mount,
  table: TrackedTable,
  processes: readonly RawProcess[],
  problems: Problems,
): LayerDir[] {
  const dirs = parseOverlayOptions(mount.superOptions);
  const named: [LayerDir['role'], string][] = [
    ...(dirs.upper === null ? [] : [['upper', dirs.upper] as [LayerDir['role'], string]]),
    ...dirs.lower.map((path): [LayerDir['role'], string] => ['lower', path]),
    ...(dirs.work === null ? [] : [['work', dirs.work] as [LayerDir['role'], string]]),
  ];
  const rootDir = `/proc/${table.hostPid}/root`;
  const base = findBase(
    kernel,
    rootDir,
    named.map(([, path]) => path),
    mount,
    table,
    processes,
  );
  return named.map(([role, path]) => {
    const what = `${role} layer ${path} of ${mount.mountPoint}`;
    const unread: LayerDir = { role, path, files: null, bytes: null, entries: [], truncated: false };
    const at = path.startsWith('/') ? path : base === null ? null : join(base, path);
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
    const scan = problems.attempt('overlays', what, () => scanAt(kernel, rootDir, at, LAYER_LIMITS), null);
    return scan === null ? unread : { role, path, ...scan };
  });
}

function scanAt(kernel: Kernel, rootDir: string, path: string, limits: ScanLimits): ReturnType<typeof scanLayer> {
  const fd = openInRoot(kernel, rootDir, path, O_DIRECTORY);
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
function findBase(
  kernel: Kernel,
  rootDir: string,
  paths: readonly string[],
  mount: Mount,
  table: TrackedTable,
  processes: readonly RawProcess[],
): string | null {
  const relative = paths.filter((path) => !path.startsWith('/'));
  if (relative.length === 0) return null;
  const candidates: string[] = [];
  for (let at = dirname(mount.mountPoint); ; at = dirname(at)) {
    candidates.push(at);
    if (at === '/') break;
  }
  candidates.push(mount.mountPoint);
  for (const process of processes)
    if (process.namespaces.mnt === table.ns && process.cwd !== '') candidates.push(process.cwd);
  for (const base of new Set(candidates)) {
    const under = mountOf(table.mounts, base);
    if (under !== null && UNTRUSTED.test(under.fsType)) continue;
    if (relative.every((path) => isDirectory(kernel, rootDir, join(base, path)))) return base;
  }
  return null;
}

function isDirectory(kernel: Kernel, rootDir: string, path: string): boolean {
  try {
    closeSync(openInRoot(kernel, rootDir, path, O_PATH | O_DIRECTORY));
    return true;
  } catch (error) {
    if (hasVanished(error)) return false;
    throw error;
  }
}
