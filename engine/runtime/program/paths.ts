import { AT, MOUNT_ATTR, MS, O, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from '../../kernel/constants.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import { guard } from '../guards.js';
import { setAttributes } from './go-between.js';
import { openInRoot } from './in-root.js';
import { attach, makeFilesystem } from './mounts.js';
import type { Steps } from './steps.js';

/** Offsets in struct statx, statx(2). */
const STATX_RDEV_MAJOR = 0x80;
const STATX_RDEV_MINOR = 0x84;
const STATX_BASIC_STATS = 0x7ff;

/** Bind each path on itself, read-only. One that does not exist needs none. */
export function readOnlyPaths(s: Steps, root: SlotValue, paths: readonly string[]): void {
  if (paths.length === 0) return;
  s.b.section('read-only paths');
  for (const path of paths) {
    const failure = `error making ${path} read-only`;
    const place = s.slot(path);
    const tree = s.slot('copy');
    const next = s.label('next');
    openInRoot(s, root, path, O.PATH, place, { missing: next, failure });
    s.call('open_tree', [place, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT.EMPTY_PATH | AT.RECURSIVE], {
      storeAt: tree.data,
      failure,
    });
    setAttributes(s, tree, { set: MOUNT_ATTR.RDONLY, clear: 0, recursive: false }, { failure });
    attach(s, tree, place, {
      failure,
      command: `mount --bind -o ro ${path} ${path}`,
      say: {
        en: `${path} stays readable, but what it changes is the whole machine's`,
        zh: `${path} 仍可读，但写它会影响整台机器，所以只读`,
      },
    });
    s.b.goto(null, { label: next });
  }
}

/**
 * Cover files with /dev/null and directories with an empty, read-only tmpfs. The /dev/null is the container's own, seen to be
 * the device 1:3 through the descriptor that is mounted: an image may have put anything under that name (CVE-2025-31133).
 */
export function maskPaths(s: Steps, root: SlotValue, paths: readonly string[]): void {
  if (paths.length === 0) return;
  s.b.section('masked paths');
  const nothing = s.slot('/dev/null');
  openInRoot(s, root, '/dev/null', O.PATH, nothing, { failure: "can't mask paths: /dev/null" });
  seeThatItIsNull(s, nothing, "can't mask paths");
  for (const path of paths) {
    const failure = `can't mask path "${path}"`;
    const place = s.slot(path);
    const tree = s.slot('mask');
    const next = s.label('next');
    const directory = s.label('directory');
    openInRoot(s, root, path, O.PATH, place, { missing: next, failure });
    s.call('open_tree', [nothing, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT.EMPTY_PATH], {
      storeAt: tree.data,
      failure,
    });
    attach(s, tree, place, {
      failure,
      accept: ['EINVAL', 'ENOTDIR'],
      jumpIfError: directory,
      command: `mount --bind /dev/null ${path}`,
      say: {
        en: `${path} tells about the machine: it reads as empty here`,
        zh: `${path} 会泄露机器的信息：在这里读到的是空`,
      },
    });
    s.b.goto(null, { label: next });
    s.later(() => {
      s.b.goto(null, { label: directory });
      const empty = makeFilesystem(s, {
        type: 'tmpfs',
        source: 'tmpfs',
        destination: path,
        options: { flags: { set: MS.RDONLY }, data: [] },
      });
      attach(s, empty, place, { failure, command: `mount -t tmpfs -o ro tmpfs ${path}` });
      s.b.goto(next);
    });
  }
}

/** Fail unless a descriptor is of the null device. */
export function seeThatItIsNull(s: Steps, nothing: SlotValue, what: string): void {
  if (!guard('mask-null-check')) return;
  const statx = s.b.bytes(Buffer.alloc(256), 'statx');
  const failure = (): string => `${what}: /dev/null is not the null device`;
  s.call('statx', [nothing, '', AT.EMPTY_PATH, STATX_BASIC_STATS, statx], { failure });
  for (const [at, value] of [
    [STATX_RDEV_MAJOR, 1],
    [STATX_RDEV_MINOR, 3],
  ] as const)
    s.compare(statx, at, value, {
      failure,
      say: {
        en: 'is it the null device (1:3), and not something that the image calls so?',
        zh: '它真的是空设备（1:3），而不是镜像里冒名的东西吗？',
      },
    });
}
