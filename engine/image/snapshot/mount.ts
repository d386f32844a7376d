import {
  AT,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MNT_DETACH,
  MOVE_MOUNT_F_EMPTY_PATH,
  O,
} from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import { check, type Kernel, realKernel } from '../../kernel/kernel.js';
import { cString, decodeName } from '../tar/names.js';
import type { Snapshot } from '../types.js';
import { shortLink } from './layout.js';
import type { MountOptions } from './types.js';

const ENOENT = -2;
const EINVAL = -22;
/** fsconfig(2) takes strings below this, mount(2) a page. */
const MAX_STRING = 256;
const PAGE = 4096;

/**
 * Mount a snapshot at its `merged`. With Linux 6.8's `lowerdir+` a layer at a time, so that there may be 500; before, in one
 * page by mount(2), with short links for the layers. Nothing that a layer says leads out of it: redirects and metadata-only
 * files, which name other files, are not followed. Documentation/filesystems/overlayfs.rst
 */
export function mountSnapshot(snapshot: Snapshot, options: MountOptions = {}): void {
  const kernel = options.kernel ?? realKernel;
  const together = options.oneByOne === false || knowsLowerdirPlus.get(kernel) === false;
  const how = together ? null : mountOneByOne(kernel, snapshot, options);
  if (how !== 'mounted') mountAtOnce(kernel, snapshot, options);
  // not before the other way has shown that nothing else was wrong
  if (how === 'mounted' || how === 'unknown option') knowsLowerdirPlus.set(kernel, how === 'mounted');
}

const knowsLowerdirPlus = new WeakMap<Kernel, boolean>();

/** Take a snapshot's mount away, also while a process uses it. True when there was one. */
export function unmountSnapshot(snapshot: Pick<Snapshot, 'merged'>, kernel: Kernel = realKernel): boolean {
  const done = kernel.call('umount2', cString(snapshot.merged), MNT_DETACH);
  if (done === EINVAL || done === ENOENT) return false;
  if (done < 0) throw new SyscallError('umount2', -done, { path: snapshot.merged });
  return true;
}

/** Options beside the directories. In `userxattr` mode the kernel itself neither follows nor makes redirects. */
function flags({ userxattr }: MountOptions): readonly (readonly [string, string | null])[] {
  return userxattr === true
    ? [['userxattr', null]]
    : [
        ['index', 'off'],
        ['redirect_dir', 'nofollow'],
        ['metacopy', 'off'],
      ];
}

/** A kernel that has no `lowerdir+` says so at once, or at the end: before Linux 6.5 overlay's options are looked at together. */
function mountOneByOne(
  kernel: Kernel,
  snapshot: Snapshot,
  options: MountOptions,
): 'mounted' | 'unknown option' | 'too long' {
  const strings: (readonly [string, string])[] = [
    ...snapshot.lower.map((path) => ['lowerdir+', path] as const),
    ['upperdir', snapshot.upper],
    ['workdir', snapshot.work],
  ];
  if (strings.some(([, path]) => cString(path).length > MAX_STRING)) return 'too long';
  const context = kernel.call('fsopen', 'overlay', FSOPEN_CLOEXEC);
  if (context < 0) return 'unknown option';
  try {
    const set = (key: string, value: string | null): number =>
      value === null
        ? kernel.call('fsconfig', context, FSCONFIG.SET_FLAG, key, null, 0)
        : kernel.call('fsconfig', context, FSCONFIG.SET_STRING, key, cString(value), 0);
    for (const [at, [key, value]] of strings.entries()) {
      const done = set(key, value);
      if (done === EINVAL && at === 0) return 'unknown option';
      if (done < 0) throw refused(kernel, context, 'fsconfig', -done, value);
    }
    for (const [key, value] of [['source', 'overlay'] as const, ...flags(options)]) {
      const done = set(key, value);
      if (done < 0) throw refused(kernel, context, 'fsconfig', -done, key);
    }
    const created = kernel.call('fsconfig', context, FSCONFIG.CMD_CREATE, null, null, 0);
    if (created === EINVAL && knowsLowerdirPlus.get(kernel) !== true) return 'unknown option';
    if (created < 0) throw refused(kernel, context, 'fsconfig', -created, snapshot.merged);
    const mount = check(kernel, 'fsmount', [context, FSMOUNT_CLOEXEC, 0], { path: snapshot.merged });
    try {
      const target = cString(snapshot.merged);
      const moved = kernel.call('move_mount', mount, '', AT.FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
      if (moved < 0) throw new SyscallError('move_mount', -moved, { path: snapshot.merged });
    } finally {
      kernel.call('close', mount);
    }
    return 'mounted';
  } finally {
    kernel.call('close', context);
  }
}

/** All directories in one page of options: in full, else by their short links, else by those below an open directory. */
function mountAtOnce(kernel: Kernel, snapshot: Snapshot, options: MountOptions): void {
  const short = snapshot.lower.map(shortLink);
  const first = short.find((link) => link !== null);
  const links =
    first === undefined ? -1 : check(kernel, 'openat', [AT.FDCWD, cString(first?.links ?? ''), O.PATH | O.CLOEXEC, 0]);
  try {
    const forms = [
      snapshot.lower,
      snapshot.lower.map((path, i) => (short[i] === null ? path : `${short[i]?.links}/${short[i]?.name}`)),
      snapshot.lower.map((path, i) => (short[i] === null ? path : `/proc/self/fd/${links}/${short[i]?.name}`)),
    ];
    const written = forms.map((lower) => pageOf(snapshot, lower, options));
    const data = written.find((page) => page.length <= PAGE) ?? (written.at(-1) as Buffer);
    const target = cString(snapshot.merged);
    const done = data.length > PAGE ? -7 : kernel.call('mount', 'overlay', target, 'overlay', 0, data);
    if (done < 0)
      throw new SyscallError('mount', -done, { path: snapshot.merged, while: `mount ${snapshot.lower.length} layers` });
  } finally {
    if (links >= 0) kernel.call('close', links);
  }
}

function pageOf(snapshot: Snapshot, lower: readonly string[], options: MountOptions): Buffer {
  const words = [
    `lowerdir=${lower.map((path) => path.replace(/[\\:,]/g, '\\$&')).join(':')}`,
    `upperdir=${snapshot.upper.replace(/[\\,]/g, '\\$&')}`,
    `workdir=${snapshot.work.replace(/[\\,]/g, '\\$&')}`,
    ...flags(options).map(([key, value]) => (value === null ? key : `${key}=${value}`)),
  ];
  return cString(words.join(','));
}

/** The kernel says more than a number: a line to be read from the context. fsopen(2) */
function refused(kernel: Kernel, context: number, syscall: string, errno: number, path: string): SyscallError {
  const text = Buffer.alloc(512);
  const length = kernel.call('read', context, text, text.length);
  const said = length > 0 ? `mount overlay (${decodeName(text.subarray(0, length)).trim()})` : 'mount overlay';
  return new SyscallError(syscall, errno, { path, while: said });
}
