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
  const text = Buffer.concat([
    code,
    Buffer.alloc(entry - code.length),
    walkStub(architecture, entry, walk, REGION_AT + BigInt(HEADER_SIZE), REGION_AT),
  ]);
  const region = layOut(program, REGION_AT, architecture);

  const image = Buffer.alloc(ALIGN * 2 + region.length);
  writeHeader(image, architecture, CODE_AT + BigInt(entry), [
    { type: PT_LOAD, flags: R | X, offset: ALIGN, address: CODE_AT, size: text.length },
    { type: PT_LOAD, flags: R | W, offset: ALIGN * 2, address: REGION_AT, size: region.length },
    { type: PT_GNU_STACK, flags: R | W, offset: 0, address: 0n, size: 0 },
  ]);
  text.copy(image, ALIGN);
  region.copy(image, ALIGN * 2);
  return image;
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
}

function writeHeader(image: Buffer, architecture: Architecture, entry: bigint, segments: readonly Segment[]): void {
  image.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  image.writeUInt16LE(2, 16); // ET_EXEC
  image.writeUInt16LE(architecture === 'x64' ? 62 : 183, 18);
  image.writeUInt32LE(1, 20);
  image.writeBigUInt64LE(entry, 24);
  image.writeBigUInt64LE(BigInt(ELF_HEADER), 32);
  image.writeUInt16LE(ELF_HEADER, 52);
  image.writeUInt16LE(PROGRAM_HEADER, 54);
  image.writeUInt16LE(segments.length, 56);
  segments.forEach(({ type, flags, offset, address, size }, n) => {
    const at = ELF_HEADER + n * PROGRAM_HEADER;
    image.writeUInt32LE(type, at);
    image.writeUInt32LE(flags, at + 4);
    image.writeBigUInt64LE(BigInt(offset), at + 8);
    image.writeBigUInt64LE(address, at + 16);
    image.writeBigUInt64LE(address, at + 24);
    image.writeBigUInt64LE(BigInt(size), at + 32);
    image.writeBigUInt64LE(BigInt(size), at + 40);
    image.writeBigUInt64LE(BigInt(ALIGN), at + 48);
  });
}

/**
 * An image without a program of its own: it maps a region that others have mapped too, at the same address, and walks on
 * in it at `record`. What executes it is one page of code, holds nothing of ours, and cannot be told apart from its
 * like; the records it walks, with their results, stay in sight of whoever shares the region.
 *
 * @param region.file descriptor of the region's file in the process that executes the image
 */
export function enterImage(
  region: { readonly base: bigint; readonly size: number; readonly file: number },
  record: bigint,
  architecture: Architecture = process.arch as Architecture,
): Buffer {
  const { code, walk } = WALKER_CODE[architecture];
  const codeAt = ELF_HEADER + 2 * PROGRAM_HEADER;
  const entry = (codeAt + code.length + 15) & ~15;
  const stub = enterStub(architecture, entry, codeAt + walk, region, record);
  const image = Buffer.alloc(entry + stub.length);
  writeHeader(image, architecture, CODE_AT + BigInt(entry), [
    { type: PT_LOAD, flags: R | X, offset: 0, address: CODE_AT, size: image.length },
    { type: PT_GNU_STACK, flags: R | W, offset: 0, address: 0n, size: 0 },
  ]);
  code.copy(image, codeAt);
  stub.copy(image, entry);
  return image;
}

const PROT_READ_WRITE = 3;
const MAP_SHARED_FIXED = 0x11;

/** mmap(base, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, file, 0), the walker's two registers, and on to `walk`. */
function enterStub(
  architecture: Architecture,
  at: number,
  walk: number,
  region: { readonly base: bigint; readonly size: number; readonly file: number },
  record: bigint,
): Buffer {
  if (architecture === 'x64') {
    const head = Buffer.alloc(44);
    head.writeUInt8(0xb8, 0); // mov eax, 9
    head.writeUInt32LE(9, 1);
    head.writeUInt16LE(0xbf48, 5); // mov rdi, imm64
    head.writeBigUInt64LE(region.base, 7);
    head.writeUInt8(0xbe, 15); // mov esi, imm32
    head.writeUInt32LE(region.size, 16);
    head.writeUInt8(0xba, 20); // mov edx, imm32
    head.writeUInt32LE(PROT_READ_WRITE, 21);
    head.writeUInt16LE(0xba41, 25); // mov r10d, imm32
    head.writeUInt32LE(MAP_SHARED_FIXED, 27);
    head.writeUInt16LE(0xb841, 31); // mov r8d, imm32
    head.writeUInt32LE(region.file, 33);
    head.writeUIntBE(0x4531c9, 37, 3); // xor r9d, r9d
    head.writeUInt16LE(0x050f, 40); // syscall
    head.writeUInt16LE(0x9090, 42); // nop, nop
    return Buffer.concat([head, walkStub(architecture, at + head.length, walk, record, region.base)]);
  }
  const head = Buffer.alloc(64);
  const literal = (n: number, to: 0 | 1 | 2): void => {
    head.writeUInt32LE((0x58000000 | (((40 + to * 8 - n * 4) / 4) << 5) | ([0, 1, 4] as const)[to]) >>> 0, n * 4);
  };
  const move = (n: number, register: number, value: number): void => {
    head.writeUInt32LE((0xd2800000 | (value << 5) | register) >>> 0, n * 4);
  };
  literal(0, 0); // ldr x0, base
  literal(1, 1); // ldr x1, size
  literal(2, 2); // ldr x4, file
  move(3, 2, PROT_READ_WRITE);
  move(4, 3, MAP_SHARED_FIXED);
  move(5, 5, 0);
  move(6, 8, 222);
  head.writeUInt32LE(0xd4000001, 28); // svc #0
  head.writeUInt32LE(0x14000000 | 8, 32); // b over the literals
  head.writeUInt32LE(0xd503201f, 36); // nop
  head.writeBigUInt64LE(region.base, 40);
  head.writeBigUInt64LE(BigInt(region.size), 48);
  head.writeBigUInt64LE(BigInt(region.file), 56);
  return Buffer.concat([head, walkStub(architecture, at + head.length, walk, record, region.base)]);
}

/** Load the walker's two registers with a record and the header, and jump to `walk`. */
function walkStub(architecture: Architecture, at: number, walk: number, record: bigint, header: bigint): Buffer {
  if (architecture === 'x64') {
    const stub = Buffer.alloc(25);
    stub.writeUInt16LE(0xbc49, 0); // mov r12, imm64
    stub.writeBigUInt64LE(record, 2);
    stub.writeUInt16LE(0xbd49, 10); // mov r13, imm64
    stub.writeBigUInt64LE(header, 12);
    stub.writeUInt8(0xe9, 20); // jmp rel32
    stub.writeInt32LE(walk - (at + 25), 21);
    return stub;
  }
  const stub = Buffer.alloc(32);
  stub.writeUInt32LE(0x58000000 | ((16 / 4) << 5) | 19, 0); // ldr x19, .+16
  stub.writeUInt32LE(0x58000000 | ((20 / 4) << 5) | 20, 4); // ldr x20, .+20
  stub.writeUInt32LE((0x14000000 | (((walk - (at + 8)) / 4) & 0x3ffffff)) >>> 0, 8); // b walk
  stub.writeBigUInt64LE(record, 16);
  stub.writeBigUInt64LE(header, 24);
  return stub;
}
