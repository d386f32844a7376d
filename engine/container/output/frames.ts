import { FRAME_HEADER, FRAME_MAGIC, FRAME_SIZE } from '../../runtime/output-frame.js';

/** One piece of a container's output, as a shim wrote it down. */
export interface Frame {
  readonly stream: 'stdout' | 'stderr';
  /** Nanoseconds of Unix time. */
  readonly time: bigint;
  readonly bytes: Buffer;
  /** Offset of its header in the spool, and of what follows it. */
  readonly at: number;
  readonly next: number;
}

const STREAMS = ['stdout', 'stderr'] as const;
const MAGIC = Buffer.alloc(4);
MAGIC.writeUInt32LE(FRAME_MAGIC);

/**
 * The whole frames at the beginning of some bytes of a spool that start at `offset`, and how many bytes they take: what is
 * left is the start of a frame that is still being written. Where a full disk cut one short, the next header that can be one is
 * looked for. The bytes are the container's: nothing in them is believed that does not fit.
 */
export function parseFrames(bytes: Buffer, offset: number): { frames: Frame[]; taken: number } {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= FRAME_HEADER.size) {
    const length = bytes.readBigUInt64LE(at + FRAME_HEADER.length);
    const stream = STREAMS[bytes.readUInt32LE(at + FRAME_HEADER.stream) - 1];
    if (
      bytes.readUInt32LE(at + FRAME_HEADER.magic) !== FRAME_MAGIC ||
      stream === undefined ||
      length === 0n ||
      length > BigInt(FRAME_SIZE)
    ) {
      const found = bytes.indexOf(MAGIC, at + 1);
      at = found < 0 ? Math.max(at + 1, bytes.length - MAGIC.length + 1) : found;
      continue;
    }
    const end = at + FRAME_HEADER.size + Number(length);
    if (end > bytes.length) break;
    frames.push({
      stream,
      time:
        bytes.readBigInt64LE(at + FRAME_HEADER.seconds) * 1_000_000_000n +
        bytes.readBigInt64LE(at + FRAME_HEADER.nanoseconds),
      bytes: Buffer.from(bytes.subarray(at + FRAME_HEADER.size, end)),
      at: offset + at,
      next: offset + end,
    });
    at = end;
  }
  return { frames, taken: at };
}
