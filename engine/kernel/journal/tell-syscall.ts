import { errnoName } from '../errno.js';
import { decodeArgument } from '../program/decode.js';
import { operationOf } from '../program/decode-operation.js';
import { OPERATION_SENTENCES, SENTENCES } from '../program/sentences.js';
import type { SyscallName } from '../syscall-table.js';
import type { DeedNote } from './deed.js';
import { type DoneCall, SYSCALL } from './syscall-deed.js';

/** System calls outside of programs, in words. */
SYSCALL.tellWith(tellSyscall);

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
