import {
  AT,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MFD,
  MNT_DETACH,
  MOUNT_ATTR,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS,
  O,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  S_IF,
  SIG,
} from '../constants.js';
import { CAPABILITIES, RLIMITS } from '../names.js';
import type { SyscallName } from '../syscall-table.js';
import { operationDecoder } from './decode-operation.js';
import { bits, type Decoder, octal, oneOf, openFlags, pointer } from './decode-tables.js';
import { CLONE } from './running.js';

const directory: Decoder = (value) => (value === BigInt(AT.FDCWD) ? 'AT_FDCWD' : value.toString());
const signal = oneOf({ ...SIG, ABRT: 6, SEGV: 11, ALRM: 14, XFSZ: 25 }, 'SIG');
const cloneFlags = bits(CLONE, 'CLONE_');
const families = oneOf({ AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 }, '');
const sockets: Decoder = (value) => {
  const kind = oneOf({ SOCK_STREAM: 1, SOCK_DGRAM: 2, SOCK_RAW: 3 }, '')(value & 0xfn);
  const flags = bits({ CLOEXEC: O.CLOEXEC, NONBLOCK: O.NONBLOCK }, 'SOCK_', '')(value & ~0xfn);
  return flags === '' ? kind : `${kind}|${flags}`;
};
const how = oneOf({ SIG_BLOCK: 0, SIG_UNBLOCK: 1, SIG_SETMASK: 2 }, '');
const AT_FLAGS = { EMPTY_PATH: AT.EMPTY_PATH, RECURSIVE: AT.RECURSIVE, SYMLINK_NOFOLLOW: AT.SYMLINK_NOFOLLOW } as const;
const atFlags = bits(AT_FLAGS, 'AT_');
/** The same bit has another meaning for faccessat2 (AT_EACCESS) and for unlinkat (AT_REMOVEDIR). */
const accessFlags = bits({ ...AT_FLAGS, EACCESS: 0x200 }, 'AT_');
const unlinkFlags = bits({ ...AT_FLAGS, REMOVEDIR: AT.REMOVEDIR }, 'AT_');
const access = bits({ R_OK: 4, W_OK: 2, X_OK: 1 }, '', 'F_OK');
const waitOptions = bits({ WNOHANG: 1, WSTOPPED: 2, WEXITED: 4, __WALL: 0x40000000 }, '');
const maximum: Decoder = (value) => (value === 0xffffffffn || value === -1n ? '~0U' : value.toString());
/** An id that is to stay as it is. */
const id: Decoder = (value) => value.toString();
const moveFlags = bits(
  {
    F_SYMLINKS: 1,
    F_EMPTY_PATH: MOVE_MOUNT_F_EMPTY_PATH,
    T_SYMLINKS: 0x10,
    T_EMPTY_PATH: MOVE_MOUNT_T_EMPTY_PATH,
    SET_GROUP: 0x100,
    BENEATH: 0x200,
  },
  'MOVE_MOUNT_',
);
const treeFlags: Decoder = (value) => {
  const own = BigInt(OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  const tree = bits({ CLONE: OPEN_TREE_CLONE, CLOEXEC: OPEN_TREE_CLOEXEC }, 'OPEN_TREE_', '')(value & own);
  const at = bits(AT_FLAGS, 'AT_', '')(value & ~own);
  return [tree, at].filter((part) => part !== '').join('|') || '0';
};
const KINDS = new Map(Object.entries(S_IF).map(([name, bit]) => [BigInt(bit), `S_IF${name}`]));
const nodeMode: Decoder = (value) => {
  const kind = KINDS.get(value & 0o170000n);
  return kind === undefined ? octal(value) : `${kind}|${octal(value & 0o7777n)}`;
};
/** dev_t as mknodat(2) takes it. */
const device: Decoder = (value) =>
  value === 0n ? '0' : `makedev(${(value >> 8n) & 0xfffn}, ${(value & 0xffn) | ((value >> 12n) & 0xfff00n)})`;
const resource = oneOf(Object.fromEntries(RLIMITS), '');
const ioClass: Decoder = (value) =>
  `IOPRIO_PRIO_VALUE(${['NONE', 'RT', 'BE', 'IDLE'][Number(value >> 13n)] ?? value >> 13n}, ${value & 0x1fffn})`;
const statxMask = bits({ BASIC_STATS: 0x7ff }, 'STATX_');
const pick = bits({ CLOEXEC: 1, SYMLINK_NOFOLLOW: 2, NO_AUTOMOUNT: 4, EMPTY_PATH: 8 }, 'FSPICK_');

/** How each argument of a call is read, by position; the rest are plain numbers. */
const DECODERS: Readonly<Partial<Record<SyscallName, readonly (Decoder | null)[]>>> = {
  clone: [(value) => [cloneFlags(value & ~0xffn), signal(value & 0xffn)].filter((part) => part !== '0').join('|')],
  mount: [pointer, pointer, pointer, bits(MS, 'MS_'), pointer],
  umount2: [pointer, bits({ FORCE: 1, DETACH: MNT_DETACH, EXPIRE: 4 }, 'MNT_')],
  mkdirat: [directory, pointer, octal],
  mknodat: [directory, pointer, nodeMode, device],
  symlinkat: [pointer, directory, pointer],
  unlinkat: [directory, pointer, unlinkFlags],
  fchmodat: [directory, pointer, octal],
  fchownat: [directory, pointer, id, id, atFlags],
  faccessat: [directory, pointer, access],
  faccessat2: [directory, pointer, access, accessFlags],
  statx: [directory, pointer, atFlags, statxMask, pointer],
  openat: [directory, pointer, openFlags, octal],
  openat2: [directory, pointer, pointer, null],
  open_tree: [directory, pointer, treeFlags],
  move_mount: [directory, pointer, directory, pointer, moveFlags],
  mount_setattr: [directory, pointer, atFlags, pointer, null],
  fsopen: [pointer, bits({ CLOEXEC: FSOPEN_CLOEXEC }, 'FSOPEN_')],
  fspick: [directory, pointer, pick],
  fsmount: [null, bits({ CLOEXEC: FSMOUNT_CLOEXEC }, 'FSMOUNT_'), bits(MOUNT_ATTR, 'MOUNT_ATTR_')],
  unshare: [cloneFlags],
  setns: [null, cloneFlags],
  rt_sigaction: [signal, pointer, pointer, null],
  rt_sigprocmask: [how, pointer, pointer, null],
  rt_sigtimedwait: [pointer, pointer, pointer, null],
  ppoll: [pointer, null, pointer, pointer, null],
  nanosleep: [pointer, pointer],
  setitimer: [oneOf({ ITIMER_REAL: 0, ITIMER_VIRTUAL: 1, ITIMER_PROF: 2 }, ''), pointer, pointer],
  wait4: [null, pointer, bits({ WNOHANG: 1, WUNTRACED: 2, __WALL: 0x40000000 }, ''), pointer],
  waitid: [oneOf({ P_ALL: 0, P_PID: 1, P_PGID: 2, P_PIDFD: 3 }, ''), null, pointer, waitOptions, pointer],
  pidfd_send_signal: [null, signal, pointer, null],
  prlimit64: [null, resource, pointer, pointer],
  ioprio_set: [oneOf({ IOPRIO_WHO_PROCESS: 1, IOPRIO_WHO_PGRP: 2, IOPRIO_WHO_USER: 3 }, ''), null, ioClass],
  personality: [oneOf({ PER_LINUX: 0, PER_LINUX32: 8 }, '')],
  capset: [pointer, pointer],
  setgroups: [null, pointer],
  socket: [families, sockets, null],
  lseek: [null, null, oneOf({ SEEK_SET: 0, SEEK_CUR: 1, SEEK_END: 2 }, '')],
  memfd_create: [pointer, bits({ CLOEXEC: MFD.CLOEXEC, ALLOW_SEALING: MFD.ALLOW_SEALING, EXEC: 0x10 }, 'MFD_')],
  dup3: [null, null, bits({ CLOEXEC: O.CLOEXEC }, 'O_')],
  close_range: [null, maximum, bits({ UNSHARE: 2, CLOEXEC: 4 }, 'CLOSE_RANGE_')],
  umask: [octal],
  kill: [null, signal],
  execveat: [directory, pointer, pointer, pointer, atFlags],
  execve: [pointer, pointer, pointer],
};

/**
 * A number as a reader of section 2 would write it: flags by name, modes in octal, NULL for a missing pointer.
 *
 * @param numbers all arguments of the call, for those whose meaning another one decides; null where it is no number
 */
export function decodeArgument(
  syscall: SyscallName | 'none',
  position: number,
  value: number | bigint,
  numbers: readonly (bigint | null)[] = [],
): string {
  const big = BigInt(value);
  if (syscall === 'none') return big.toString();
  const decoder = operationDecoder(syscall, position, numbers) ?? DECODERS[syscall]?.[position];
  return decoder === undefined || decoder === null ? big.toString() : decoder(big);
}

/** `CAP_CHOWN|CAP_KILL`; what a set lacks is told where that is shorter: `all but CAP_SYS_MODULE`. */
export function capabilityText(set: bigint): string {
  const names = CAPABILITIES.filter((_, n) => (set & (1n << BigInt(n))) !== 0n);
  const missing = CAPABILITIES.filter((_, n) => (set & (1n << BigInt(n))) === 0n);
  if (names.length === 0) return '0';
  if (missing.length === 0) return 'all';
  return missing.length < 6 ? `all but ${missing.join('|')}` : names.join('|');
}
