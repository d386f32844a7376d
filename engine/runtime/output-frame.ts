/**
 * One piece of output in a spool: a header of 32 bytes, little-endian, and the bytes. A shim appends it with one writev(2). On a
 * full disk a piece can be cut short: a reader goes on at the next header that can be one.
 */
export const FRAME_HEADER = { magic: 0, stream: 4, seconds: 8, nanoseconds: 16, length: 24, size: 32 } as const;
export const FRAME_MAGIC = 0x31584247;
/** Most bytes of one piece. */
export const FRAME_SIZE = 32_768;
