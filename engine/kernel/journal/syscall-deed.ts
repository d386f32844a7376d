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
  noteDeed(SYSCALL, { name, args: args.map(kept), result }, 600);
}

/** Strings as they are, but without passwords (mount(2), `password=`); of bytes a text, or how many they are. */
function kept(arg: Arg): string | number | bigint | null {
  if (typeof arg === 'string') return JSON.stringify(hideInText(arg));
  if (!(arg instanceof Uint8Array)) return arg;
  const end = arg.indexOf(0);
  const text = arg.subarray(0, Math.min(end < 0 ? arg.length : end, MAX_BYTES));
  return text.length > 0 && end >= arg.length - 8 && text.every((byte) => byte >= 32 && byte < 127)
    ? JSON.stringify(hideInText(Buffer.from(text).toString('latin1')))
    : `[${arg.length} bytes]`;
}
