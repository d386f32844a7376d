/** One instruction of classic BPF: struct sock_filter of linux/filter.h, 8 bytes. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Instructions that a filter here may hold. linux/bpf_common.h; of these seccomp(2) accepts all. */
export const BPF = {
  /** Load a 32-bit word of seccomp_data. */
  load: 0x20,
  jumpAlways: 0x05,
  jumpEqual: 0x15,
  jumpGreater: 0x25,
  jumpGreaterEqual: 0x35,
  jumpAnyBit: 0x45,
  and: 0x54,
  return: 0x06,
} as const;

/** Offsets in struct seccomp_data; arguments are 64 bits, little endian. */
export const DATA = { number: 0, architecture: 4, argument: (n: number) => 16 + n * 8 } as const;

/** linux/bpf_common.h: the kernel takes no longer filter. */
export const BPF_MAXINSNS = 4096;
/** `jt` and `jf` are bytes. */
export const LONGEST_JUMP = 255;

export const instruction = (code: number, k: number, jt = 0, jf = 0): Instruction => ({ code, jt, jf, k: k >>> 0 });

/** Little endian, as every machine that Node runs on here. */
export function encode(instructions: readonly Instruction[]): Buffer {
  const words = new Uint32Array(instructions.length * 2);
  let at = 0;
  for (const { code, jt, jf, k } of instructions) {
    words[at++] = code | (jt << 16) | (jf << 24);
    words[at++] = k;
  }
  return Buffer.from(words.buffer);
}

export function decode(filter: Uint8Array): Instruction[] {
  const bytes = Buffer.from(filter.buffer, filter.byteOffset, filter.byteLength);
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, n) => ({
    code: bytes.readUInt16LE(n * 8),
    jt: bytes.readUInt8(n * 8 + 2),
    jf: bytes.readUInt8(n * 8 + 3),
    k: bytes.readUInt32LE(n * 8 + 4),
  }));
}
