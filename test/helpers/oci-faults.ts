import { PR } from '../../engine/kernel/constants.js';
import type { ErrnoName } from '../../engine/kernel/errno.js';
import type { RecordSpec } from '../../engine/kernel/program/builder.js';
import type { SyscallName } from '../../engine/kernel/syscall-table.js';

/** Errors of each call that a start issues, from the ERRORS of its man page. */
export const ERRNOS: Partial<Record<SyscallName, readonly ErrnoName[]>> = {
  capset: ['EPERM', 'EINVAL'],
  chdir: ['EACCES', 'ENOENT', 'ENOMEM', 'EIO'],
  chroot: ['EPERM', 'EACCES', 'ENOMEM'],
  clone: ['EAGAIN', 'ENOMEM', 'EPERM'],
  clone3: ['EAGAIN', 'ENOMEM', 'EPERM', 'ENOSPC', 'EUSERS'],
  close: ['EIO', 'EINTR'],
  close_range: ['EMFILE', 'ENOMEM', 'EINVAL'],
  dup3: ['EMFILE', 'EBUSY', 'EINTR'],
  execve: ['ENOMEM', 'EACCES', 'E2BIG', 'EIO'],
  execveat: ['ENOMEM', 'EACCES', 'EMFILE'],
  faccessat2: ['EACCES', 'ENOMEM', 'EIO'],
  fchdir: ['EACCES', 'EIO'],
  fchmodat: ['EPERM', 'EROFS', 'EIO'],
  fchown: ['EIO', 'EDQUOT', 'EPERM'],
  fchownat: ['EPERM', 'EROFS', 'ENOMEM'],
  fcntl: ['EMFILE', 'EBADF'],
  fsconfig: ['EINVAL', 'ENOMEM', 'EPERM', 'EBUSY'],
  fsmount: ['EPERM', 'ENOMEM', 'EMFILE'],
  fsopen: ['EPERM', 'EMFILE', 'ENODEV'],
  fspick: ['EPERM', 'EMFILE'],
  fstatfs: ['EIO', 'ENOMEM'],
  futex: ['EFAULT', 'ENOSYS'],
  getcwd: ['ENOENT', 'ENOMEM', 'EACCES'],
  ioctl: ['ENOTTY', 'EPERM', 'EIO'],
  ioprio_set: ['EPERM'],
  keyctl: ['EDQUOT', 'ENOMEM', 'EACCES'],
  lseek: ['ESPIPE'],
  mkdirat: ['ENOSPC', 'EACCES', 'EROFS'],
  mknodat: ['EPERM', 'ENOSPC', 'EROFS'],
  mount: ['EPERM', 'ENOMEM', 'EBUSY'],
  mount_setattr: ['EPERM', 'EINVAL', 'ENOMEM'],
  move_mount: ['EPERM', 'ENOMEM', 'ELOOP'],
  open_tree: ['EPERM', 'EMFILE', 'ENOMEM'],
  openat: ['EMFILE', 'ENFILE', 'EACCES'],
  openat2: ['EMFILE', 'ELOOP', 'EAGAIN', 'EXDEV'],
  personality: ['EINVAL'],
  pidfd_send_signal: ['EPERM'],
  pivot_root: ['EBUSY', 'EPERM'],
  ppoll: ['ENOMEM', 'EINTR'],
  prctl: ['EPERM', 'EINVAL'],
  prlimit64: ['EPERM', 'EINVAL'],
  pwrite64: ['ENOSPC', 'EIO'],
  read: ['EIO', 'EINTR'],
  recvmsg: ['ENOMEM', 'EINTR'],
  rt_sigaction: ['EINVAL'],
  rt_sigprocmask: ['EINVAL'],
  sched_setattr: ['EPERM', 'EBUSY'],
  seccomp: ['EINVAL', 'ENOMEM', 'EACCES'],
  sendmsg: ['ENOBUFS', 'EPIPE'],
  setdomainname: ['EPERM'],
  setgroups: ['EPERM', 'ENOMEM'],
  sethostname: ['EPERM'],
  setitimer: ['EINVAL'],
  setns: ['EPERM', 'ENOMEM', 'EUSERS'],
  setresgid: ['EPERM', 'EAGAIN'],
  setresuid: ['EPERM', 'EAGAIN'],
  setsid: ['EPERM'],
  socket: ['EMFILE', 'ENOBUFS'],
  statx: ['EIO', 'ENOMEM'],
  symlinkat: ['ENOSPC', 'EROFS'],
  umount2: ['EBUSY', 'EPERM'],
  unlinkat: ['EACCES', 'EIO'],
  unshare: ['EPERM', 'ENOMEM', 'ENOSPC'],
  waitid: ['EINVAL'],
  write: ['ENOSPC', 'EIO', 'EAGAIN'],
};

/** Calls without ERRORS in their man pages. */
export const NEVER_FAIL: ReadonlySet<string> = new Set(['exit_group', 'umask']);

/** The errors to try at a record: those of its call that it does not declare as good as success, by default one, another for each index. */
export function faultsOf(record: RecordSpec, index: number, all: boolean): readonly ErrnoName[] {
  const known = record.syscall === 'none' ? undefined : ERRNOS[record.syscall];
  if (known === undefined) throw new RangeError(`no errors are known of ${record.syscall}: add those of its man page`);
  if (all) return known;
  const accept = record.options.accept ?? [];
  const severe = known.filter((errno) => !accept.includes(errno));
  const list = severe.length === 0 ? known : severe;
  return [list[index % list.length] as ErrnoName];
}

/** What two records have in common whose failures mean the same. */
export function signature(record: RecordSpec): string {
  const words = record.args.map((word) =>
    typeof word === 'object' ? (word.kind === 'data' || word.kind === 'named' ? word.text : word.kind) : String(word),
  );
  return `${record.section} ${record.syscall} ${words.join(' ')}`;
}

const SECURITY_SECTIONS: ReadonlySet<string> = new Set([
  'masked paths',
  'read-only paths',
  'identity',
  'confine',
  'working directory',
  'enter',
  'cgroups',
  'user namespace',
]);
const SECURITY_CALLS: ReadonlySet<string> = new Set([
  'capset',
  'close_range',
  'fstatfs',
  'futex',
  'getcwd',
  'keyctl',
  'mount_setattr',
  'pivot_root',
  'prctl',
  'seccomp',
  'setgroups',
  'setresgid',
  'setresuid',
  'statx',
  'umount2',
]);

/**
 * A record without which the container would be less of a prison. None is what only gives (an ambient capability, a stream to
 * its user), nor the first of two attempts to enter the working directory, as root and as the user.
 */
export function isSecurityStep({ syscall, section, args }: RecordSpec): boolean {
  if (syscall === 'fchown' || syscall === 'chdir') return false;
  if (syscall === 'prctl' && args[0] === PR.CAP_AMBIENT) return false;
  return SECURITY_SECTIONS.has(section) || SECURITY_CALLS.has(syscall);
}

/** Whether a record is declared to go on after an error: after any, or after this one. */
export function goesOnAfter({ options }: RecordSpec, errno: ErrnoName): boolean {
  const { ignore, accept, jumpIfError } = options;
  return ignore === true || (accept === undefined ? jumpIfError !== undefined : accept.includes(errno));
}

/** The path that a call names, which its error must name too. */
export function pathOf(record: RecordSpec): string | undefined {
  for (const word of record.args)
    if (typeof word === 'object' && word.kind === 'data' && word.text.startsWith('"'))
      return JSON.parse(word.text) as string;
  return undefined;
}
