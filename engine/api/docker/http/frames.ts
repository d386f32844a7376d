import type { OutputChunk } from '../../../container/types.js';

const NUMBERS = { stdin: 0, stdout: 1, stderr: 2 } as const;

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** The header of a piece of a multiplexed stream: `[stream, 0, 0, 0, length as four bytes, big end first]`. */
export function frameHeader(chunk: OutputChunk): Buffer {
  const header = Buffer.alloc(8);
  header[0] = NUMBERS[chunk.stream];
  header.writeUInt32BE(chunk.bytes.length, 4);
  return header;
}
