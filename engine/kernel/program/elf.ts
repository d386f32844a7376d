import { layOut, type Program } from './builder.js';
import { HEADER_SIZE } from './record.js';
import { WALKER_CODE } from './walker-code.js';

type Architecture = 'x64' | 'arm64';

const CODE_AT = 0x200000n;
const REGION_AT = 0x400000n;
/** 64 KiB: the largest page size that Linux uses on arm64, so that one image serves all of them. */
const ALIGN = 0x10000;
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const R = 4;
const W = 2;
const X = 1;

/**
 * A program as a static executable of its own: the walker, read+execute, and the program's region, read+write. A process
 * that executes it holds two or three pages and nothing of ours, which is why the lab's pid 1, the guard and a
 * container's shim are such images. elf(5).
 */
export function elfImage(program: Program, architecture: Architecture = process.arch as Architecture): Buffer {
  const { code, walk } = WALKER_CODE[architecture];
  const entry = (code.length + 15) & ~15;
  const text = Buffer.concat([code, Buffer.alloc(entry - code.length), entryStub(architecture, entry, walk)]);
  const region = layOut(program, REGION_AT, architecture);

  const image = Buffer.alloc(ALIGN * 2 + region.length);
  image.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  image.writeUInt16LE(2, 16); // ET_EXEC
  image.writeUInt16LE(architecture === 'x64' ? 62 : 183, 18);
  image.writeUInt32LE(1, 20);
  image.writeBigUInt64LE(CODE_AT + BigInt(entry), 24);
  image.writeBigUInt64LE(BigInt(ELF_HEADER), 32);
  image.writeUInt16LE(ELF_HEADER, 52);
  image.writeUInt16LE(PROGRAM_HEADER, 54);
  image.writeUInt16LE(3, 56);
  const segment = (n: number, type: number, flags: number, offset: number, address: bigint, size: number): void => {
    const at = ELF_HEADER + n * PROGRAM_HEADER;
    image.writeUInt32LE(type, at);
    image.writeUInt32LE(flags, at + 4);
    image.writeBigUInt64LE(BigInt(offset), at + 8);
    image.writeBigUInt64LE(address, at + 16);
    image.writeBigUInt64LE(address, at + 24);
    image.writeBigUInt64LE(BigInt(size), at + 32);
    image.writeBigUInt64LE(BigInt(size), at + 40);
    image.writeBigUInt64LE(BigInt(ALIGN), at + 48);
  };
  segment(0, PT_LOAD, R | X, ALIGN, CODE_AT, text.length);
  segment(1, PT_LOAD, R | W, ALIGN * 2, REGION_AT, region.length);
  segment(2, PT_GNU_STACK, R | W, 0, 0n, 0);
  text.copy(image, ALIGN);
  region.copy(image, ALIGN * 2);
  return image;
}

/** Load the walker's two registers with the first record and the header, and jump to `walk`. */
function entryStub(architecture: Architecture, at: number, walk: number): Buffer {
  const first = REGION_AT + BigInt(HEADER_SIZE);
  if (architecture === 'x64') {
    const stub = Buffer.alloc(25);
    stub.writeUInt16LE(0xbc49, 0); // mov r12, imm64
    stub.writeBigUInt64LE(first, 2);
    stub.writeUInt16LE(0xbd49, 10); // mov r13, imm64
    stub.writeBigUInt64LE(REGION_AT, 12);
    stub.writeUInt8(0xe9, 20); // jmp rel32
    stub.writeInt32LE(walk - (at + 25), 21);
    return stub;
  }
  const stub = Buffer.alloc(32);
  stub.writeUInt32LE(0x58000000 | ((16 / 4) << 5) | 19, 0); // ldr x19, .+16
  stub.writeUInt32LE(0x58000000 | ((20 / 4) << 5) | 20, 4); // ldr x20, .+20
  stub.writeUInt32LE((0x14000000 | (((walk - (at + 8)) / 4) & 0x3ffffff)) >>> 0, 8); // b walk
  stub.writeBigUInt64LE(first, 16);
  stub.writeBigUInt64LE(REGION_AT, 24);
  return stub;
}
