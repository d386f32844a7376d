import { AT } from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { decodeName } from '../tar/names.js';

/** What statx(2) says of a file. */
export interface Status {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  /** Identifies the file together with `device`; as text, for it may need 64 bits. */
  readonly inode: string;
  readonly device: string;
  readonly major: number;
  readonly minor: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
}

const STATX_BASIC_STATS = 0x7ff;
const ENOENT = -2;

/** Status of a name (with its NUL) in an open directory, of the link itself if it is one; null when there is none. */
export function statusAt(
  kernel: Kernel,
  dir: number,
  name: Uint8Array,
  flags: number = AT.SYMLINK_NOFOLLOW,
): Status | null {
  const buffer = Buffer.alloc(256);
  const done = kernel.call('statx', dir, name, flags, STATX_BASIC_STATS, buffer);
  if (done === ENOENT) return null;
  if (done < 0) throw new SyscallError('statx', -done, { path: decodeName(name.subarray(0, -1)) });
  return parse(buffer);
}

/** Status of an open file. */
export function statusOf(kernel: Kernel, fd: number): Status {
  const status = statusAt(kernel, fd, Buffer.alloc(1), AT.EMPTY_PATH);
  if (status === null) throw new SyscallError('statx', 2);
  return status;
}

/** struct statx of linux/stat.h */
function parse(buffer: Buffer): Status {
  return {
    links: buffer.readUInt32LE(16),
    uid: buffer.readUInt32LE(20),
    gid: buffer.readUInt32LE(24),
    mode: buffer.readUInt16LE(28),
    inode: buffer.readBigUInt64LE(32).toString(36),
    size: Number(buffer.readBigUInt64LE(40)),
    mtime: buffer.readBigInt64LE(112) * 1_000_000_000n + BigInt(buffer.readUInt32LE(120)),
    major: buffer.readUInt32LE(128),
    minor: buffer.readUInt32LE(132),
    device: `${buffer.readUInt32LE(136)}:${buffer.readUInt32LE(140)}`,
  };
}

/** Two struct timespec, for utimensat(2). */
export function timespecs(mtime: bigint): Buffer {
  const times = Buffer.alloc(32);
  const nanoseconds = ((mtime % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  for (const at of [0, 16]) {
    times.writeBigInt64LE((mtime - nanoseconds) / 1_000_000_000n, at);
    times.writeBigInt64LE(nanoseconds, at + 8);
  }
  return times;
}
