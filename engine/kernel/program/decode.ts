import { AT, MNT_DETACH, MOUNT_ATTR, MS, O, PR, SIG } from '../constants.js';
import type { SyscallName } from '../syscall-table.js';
import { CLONE } from './running.js';

type Decoder = (value: bigint) => string;

/** `A|B|0x40` from a table of bits; `zero` when no bit is set. */
function bits(table: Readonly<Record<string, number | bigint>>, prefix: string, zero = '0'): Decoder {
  const entries = Object.entries(table)
    .map(([name, bit]) => [name, BigInt(bit)] as const)
    .filter(([, bit]) => bit !== 0n);
  return (value) => {
    const names: string[] = [];
    let rest = value;
    for (const [name, bit] of entries) {
      if ((rest & bit) !== bit) continue;
      names.push(prefix + name);
      rest &= ~bit;
    }
    if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
    return names.length === 0 ? zero : names.join('|');
  };
}

function oneOf(table: Readonly<Record<string, number>>, prefix: string): Decoder {
  const names = new Map(Object.entries(table).map(([name, value]) => [BigInt(value), prefix + name]));
  return (value) => names.get(value) ?? value.toString();
}

const octal: Decoder = (value) => (value === 0n ? '0' : `0${value.toString(8)}`);
const pointer: Decoder = (value) => (value === 0n ? 'NULL' : `0x${value.toString(16)}`);
const directory: Decoder = (value) => (value === BigInt(AT.FDCWD) ? 'AT_FDCWD' : value.toString());
const signal = oneOf(SIG, 'SIG');
const mountFlags = bits(MS, 'MS_');
const openFlags: Decoder = (value) => {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR'][Number(value & 3n)] ?? '3';
  const { RDONLY: _r, WRONLY: _w, RDWR: _rw, ...others } = O;
  const rest = bits(others, 'O_', '')(value & ~3n);
  return rest === '' ? access : `${access}|${rest}`;
};
const cloneFlags = bits(CLONE, 'CLONE_');
const ioctls = oneOf(
  {
    SIOCSIFFLAGS: 0x8914,
    SIOCGIFFLAGS: 0x8913,
    TIOCSCTTY: 0x540e,
    TIOCSPGRP: 0x5410,
    TIOCSWINSZ: 0x5414,
    TIOCGPTPEER: 0x5441,
  },
  '',
);
const families = oneOf({ AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 }, '');
const sockets: Decoder = (value) => {
  const kind = oneOf({ SOCK_STREAM: 1, SOCK_DGRAM: 2, SOCK_RAW: 3 }, '')(value & 0xfn);
  const flags = bits({ CLOEXEC: O.CLOEXEC, NONBLOCK: O.NONBLOCK }, 'SOCK_', '')(value & ~0xfn);
  return flags === '' ? kind : `${kind}|${flags}`;
};
const prctls = oneOf(PR, 'PR_');
const how = oneOf({ SIG_BLOCK: 0, SIG_UNBLOCK: 1, SIG_SETMASK: 2 }, '');
const fcntls = oneOf(
  { F_DUPFD: 0, F_GETFD: 1, F_SETFD: 2, F_GETFL: 3, F_SETFL: 4, F_DUPFD_CLOEXEC: 1030, F_ADD_SEALS: 1033 },
  '',
);
const atFlags = bits(
  {
    EMPTY_PATH: AT.EMPTY_PATH,
    RECURSIVE: AT.RECURSIVE,
    SYMLINK_NOFOLLOW: AT.SYMLINK_NOFOLLOW,
    REMOVEDIR: AT.REMOVEDIR,
  },
  'AT_',
);

/** How each argument of a call is read, by position; the rest are plain numbers. */
const DECODERS: Readonly<Partial<Record<SyscallName, readonly (Decoder | null)[]>>> = {
  mount: [pointer, pointer, pointer, mountFlags, pointer],
  umount2: [pointer, bits({ FORCE: 1, DETACH: MNT_DETACH, EXPIRE: 4 }, 'MNT_')],
  mkdirat: [directory, pointer, octal],
  mknodat: [directory, pointer, octal, null],
  symlinkat: [pointer, directory, pointer],
  openat: [directory, pointer, openFlags, octal],
  open_tree: [directory, pointer, bits({ CLONE: 1, CLOEXEC: O.CLOEXEC }, 'OPEN_TREE_')],
  move_mount: [null, pointer, directory, pointer, bits({ F_EMPTY_PATH: 4 }, 'MOVE_MOUNT_')],
  mount_setattr: [null, pointer, atFlags, bits(MOUNT_ATTR, 'MOUNT_ATTR_'), null],
  unshare: [cloneFlags],
  setns: [null, cloneFlags],
  prctl: [prctls, null],
  rt_sigprocmask: [how, pointer, pointer, null],
  rt_sigtimedwait: [pointer, pointer, pointer, null],
  ppoll: [pointer, null, pointer, pointer, null],
  wait4: [null, pointer, bits({ WNOHANG: 1, WUNTRACED: 2, __WALL: 0x40000000 }, ''), pointer],
  socket: [families, sockets, null],
  ioctl: [null, ioctls, pointer],
  fcntl: [null, fcntls, null],
  dup3: [null, null, bits({ CLOEXEC: O.CLOEXEC }, 'O_')],
  close_range: [
    null,
    (value) => (value === 0xffffffffn ? '~0U' : value.toString()),
    bits({ UNSHARE: 2, CLOEXEC: 4 }, 'CLOSE_RANGE_'),
  ],
  umask: [octal],
  kill: [null, signal],
  execveat: [directory, pointer, pointer, pointer, atFlags],
  execve: [pointer, pointer, pointer],
};

/** A number as a reader of section 2 would write it: flags by name, modes in octal, NULL for a missing pointer. */
export function decodeArgument(syscall: SyscallName | 'none', position: number, value: number | bigint): string {
  const big = BigInt(value);
  const decoder = syscall === 'none' ? undefined : DECODERS[syscall]?.[position];
  if (syscall === 'prctl' && position === 1) return signal(big);
  return decoder === undefined || decoder === null ? big.toString() : decoder(big);
}
