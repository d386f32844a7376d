import { ERRNO, errnoName } from '../errno.js';
import type { Arg } from '../kernel.js';
import { decodeArgument } from '../program/decode.js';
import { operationOf } from '../program/decode-operation.js';
import { OPERATION_SENTENCES, SENTENCES } from '../program/sentences.js';
import type { SyscallName } from '../syscall-table.js';
import { currentCall } from './context.js';
import { type DeedNote, noteDeed } from './deed.js';
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

interface DoneCall {
  readonly name: SyscallName;
  readonly args: readonly (string | number | bigint | null)[];
  readonly result: number;
}

/** Note a call outside of a program when it changed something. Called by the door to Linux for every call. */
export function noteSyscall(name: SyscallName, args: readonly Arg[], result: number): void {
  if (!CHANGING.has(name) || currentCall() === undefined) return;
  if (name === 'pidfd_send_signal' && args[SIGNAL_AT] === 0) return;
  // nothing was mounted there: who cleans up asks without looking first
  if (name === 'umount2' && (result === -ERRNO.EINVAL || result === -ERRNO.ENOENT)) return;
  noteDeed(tellSyscall, { name, args: args.map(kept), result }, 600);
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

function tellSyscall({ name, args, result }: DoneCall): readonly DeedNote[] {
  const numbers = args.map((arg) => (typeof arg === 'string' ? null : BigInt(arg ?? 0)));
  const words = args.map((arg, n) =>
    typeof arg === 'string' ? arg : arg === null ? 'NULL' : decodeArgument(name, n, arg, numbers),
  );
  const operation = operationOf(name, numbers);
  return [
    {
      domain: name.includes('mount') || name.startsWith('fs') || name === 'open_tree' ? 'mount' : 'syscall',
      act: `${name}(${words.join(', ')})`,
      command: commandOf(name, words),
      man: `${name}(2)`,
      explanation: OPERATION_SENTENCES[operation ?? ''] ??
        SENTENCES[name] ?? { en: `ask the kernel for ${name}`, zh: `请求内核执行 ${name}` },
      result: result >= 0 ? { ok: true, value: result } : { ok: false, errno: errnoName(-result) },
    },
  ];
}

/** The command of a shell, where one does the same as this one call. */
function commandOf(name: SyscallName, words: readonly string[]): string | null {
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = words;
  if (name === 'umount2') return `umount ${second.includes('MNT_DETACH') ? '-l ' : ''}${first}`;
  if (name !== 'mount') return null;
  if (fourth.includes('MS_BIND')) return `mount --bind ${first} ${second}`;
  const data = fifth === 'NULL' || fifth === '""' || fifth === '0' ? '' : ` -o ${fifth}`;
  return third === 'NULL' || third === '0' ? null : `mount -t ${third} ${first} ${second}${data}`;
}
