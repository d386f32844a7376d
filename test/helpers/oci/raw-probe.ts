import { type DataRef, ProgramBuilder } from '../../../engine/kernel/program/builder.js';
import { elfImage } from '../../../engine/kernel/program/elf.js';

/** What no file in /proc says, or not to the process itself: a name and the system call whose result is the value. */
const CALLS = [
  ['dumpable', 'prctl', [3]],
  ['keepcaps', 'prctl', [7]],
  ['timer slack', 'prctl', [30]],
  ['securebits', 'prctl', [27]],
  ['no new privileges', 'prctl', [39, 0, 0, 0, 0]],
  ['speculation of stores', 'prctl', [52, 0, 0, 0, 0]],
  ['thp disabled', 'prctl', [42, 0, 0, 0, 0]],
  ['machine check policy', 'prctl', [34, 0, 0, 0, 0]],
  ['personality', 'personality', [0xffffffff]],
  ['priority', 'getpriority', [0, 0]],
  ['io priority', 'ioprio_get', [1, 0]],
  ['scheduler', 'sched_getscheduler', [0]],
  ['uid', 'getuid', []],
  ['effective uid', 'geteuid', []],
  ['gid', 'getgid', []],
  ['effective gid', 'getegid', []],
  ['number of groups', 'getgroups', [0, 0]],
  ['umask', 'umask', [0o22]],
] as const;

const SENTINEL = -4095n;
const KEYRING_TEXT = 96;

/** A static executable that prints the values of `CALLS`, and the session keyring's description, as bytes on its standard output. */
export function rawProbe(): Buffer {
  const b = new ProgramBuilder('raw probe');
  const results: DataRef = b.words(
    CALLS.map(() => SENTINEL),
    'results',
  );
  const keyring = b.bytes(Buffer.alloc(KEYRING_TEXT), 'description of the session keyring');
  CALLS.forEach(([, syscall, args], index) => {
    b.call(syscall, args, { ignore: true, storeAt: { kind: 'inside', data: results, at: index * 8 } });
  });
  b.call('keyctl', [6, -3, keyring, KEYRING_TEXT], { ignore: true });
  b.call('write', [1, b.string('<raw '), 5]);
  b.call('write', [1, results, CALLS.length * 8]);
  b.call('write', [1, keyring, KEYRING_TEXT]);
  b.call('write', [1, b.string(' raw>\n'), 6]);
  b.call('exit_group', [0]);
  return elfImage(b.build());
}

/** Replace what a raw probe printed by lines of text: `timer slack 50000`. */
export function decodeRaw(output: Buffer): string {
  const text = output.toString('latin1');
  return text.replace(/<raw ([\s\S]*?) raw>\n/g, (_, body: string) => {
    const bytes = Buffer.from(body, 'latin1');
    if (bytes.length !== CALLS.length * 8 + KEYRING_TEXT) return `the raw probe printed ${bytes.length} bytes\n`;
    const lines = CALLS.map(([name], index) => {
      const value = bytes.readBigInt64LE(index * 8);
      return `${name} ${value === SENTINEL ? 'refused' : value}`;
    });
    const keyring = bytes
      .subarray(CALLS.length * 8)
      .toString('latin1')
      .replace(/\0.*$/s, '');
    return `${lines.join('\n')}\nkeyring ${keyring}\n`;
  });
}
