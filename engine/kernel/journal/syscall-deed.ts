import { ERRNO } from '../errno.js';
import type { Arg } from '../kernel.js';
import type { SyscallName } from '../syscall-table.js';
import { currentCall } from './context.js';
import { DeedKind, noteDeed } from './deed.js';
import { hideInText } from './secrets.js';

/** Calls that change what others see, and are few: those that only open, read or close would tell nothing. */
const CHANGING: ReadonlySet<SyscallName> = new Set<SyscallName>([
  'mount',
  'umount2',
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'open_tree',
  'move_mount',
  'mount_setattr',
  'setns',
  'unshare',
  'prlimit64',
  'pidfd_send_signal',
]);

/** The argument of a signal: 0 only asks whether there is a process. */
const SIGNAL_AT = 1;
/** Bytes of one argument that are shown. */
const MAX_BYTES = 4096;

export interface DoneCall {
  readonly name: SyscallName;
  readonly args: readonly (string | number | bigint | null)[];
  readonly result: number;
}

/** Told by `tell-syscall.ts`. */
export const SYSCALL = new DeedKind<DoneCall>('system call');

/** Note a call outside of a program when it changed something. Called by the door to Linux for every call. */
export function noteSyscall(name: SyscallName, args: readonly Arg[], result: number): void {
  if (!CHANGING.has(name) || currentCall() === undefined) return;
  if (name === 'pidfd_send_signal' && args[SIGNAL_AT] === 0) return;
  // nothing was mounted there: who cleans up asks without looking first
  if (name === 'umount2' && (result === -ERRNO.EINVAL || result === -ERRNO.ENOENT)) return;
  noteDeed(SYSCALL, { name, args: args.map((arg) => kept(name, arg)), result }, 600);
}

/** What mount(2) and fsconfig(2) are given may hold a password: `password=…` of cifs. */
const MAY_HOLD_PASSWORD: ReadonlySet<SyscallName> = new Set<SyscallName>(['mount', 'fsconfig']);
const PRINTABLE = /^[\x20-\x7e]+$/;

/** Strings as they are, but without passwords; of bytes their text, or how many they are. */
function kept(name: SyscallName, arg: Arg): string | number | bigint | null {
  if (arg === null || typeof arg === 'number' || typeof arg === 'bigint') return arg;
  const text = typeof arg === 'string' ? arg : textOf(arg);
  if (text === null) return `[${arg.length} bytes]`;
  return JSON.stringify(MAY_HOLD_PASSWORD.has(name) ? hideInText(text) : text);
}

/** A string that ends with NUL, as far as it is shown; null: it is something else. */
function textOf(bytes: Uint8Array): string | null {
  const end = bytes.indexOf(0);
  if (end < 1 || end < bytes.length - 8) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(end, MAX_BYTES)).toString('latin1');
  return PRINTABLE.test(text) ? text : null;
}
