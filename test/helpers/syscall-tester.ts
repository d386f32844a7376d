import { ProgramBuilder } from '../../engine/kernel/program/builder.js';
import { elfImage } from '../../engine/kernel/program/elf.js';
import { HEADER_SIZE, RECORD, RECORD_SIZE } from '../../engine/kernel/program/record.js';

/** A system call by its number, with up to six arguments; missing ones are -1, which no call takes for a pointer or a descriptor. */
export interface Probe {
  readonly name: string;
  readonly number: number;
  readonly args: readonly bigint[];
}

/** Where the records stand in an image of `elfImage`: its third part. */
const RECORDS_AT = 0x20000 + HEADER_SIZE;

/** A static executable that issues the calls and writes their results, a 64-bit word each every 128 bytes, to descriptor 1. */
export function nativeTester(probes: readonly Probe[]): Buffer {
  const b = new ProgramBuilder('tester');
  // any call: its number is put in below, for a program knows no numbers but those of its table
  probes.forEach(({ args }, n) => {
    b.call(
      'getpid',
      [0, 1, 2, 3, 4, 5].map((at) => args[at] ?? -1n),
      { label: `probe-${n}`, ignore: true },
    );
  });
  b.call('write', [1, { kind: 'field', label: 'probe-0', field: 'result' }, probes.length * RECORD_SIZE]);
  b.call('exit_group', [0]);
  const image = elfImage(b.build());
  probes.forEach(({ number }, n) => {
    image.writeBigUInt64LE(BigInt(number), RECORDS_AT + n * RECORD_SIZE + RECORD.number);
  });
  return image;
}

export function nativeResults(output: Buffer, probes: readonly Probe[]): number[] {
  if (output.length !== probes.length * RECORD_SIZE) throw new Error(`the tester wrote ${output.length} bytes`);
  return probes.map((_, n) => Number(output.readBigInt64LE(n * RECORD_SIZE)));
}

/** An executable that installs a filter (or none), in a session of its own, and becomes another program. */
export function installer(filter: Buffer | null, program: string, flags = 0): Buffer {
  const b = new ProgramBuilder('installer');
  b.call('setsid', [], { ignore: true });
  b.call('prctl', [38, 1, 0, 0, 0]); // PR_SET_NO_NEW_PRIVS: then no capability is needed
  if (filter !== null) b.call('seccomp', [1, flags, b.words([filter.length / 8, b.bytes(filter)], 'filter')]);
  b.call('execve', [program, b.vector([program]), b.vector([])]);
  return elfImage(b.build());
}

const I386_ROW = 32;
const CODE_AT = 0x200000;

/**
 * The same for the i386 table: machine code of a 64-bit process that enters the kernel by `int 0x80`, as 32-bit programs do.
 * A row is eax, ebx, ecx, edx, esi, edi, ebp and the result.
 */
export function int80Tester(probes: readonly Probe[]): Buffer {
  const table = Buffer.alloc(probes.length * I386_ROW);
  probes.forEach(({ number, args }, n) => {
    [BigInt(number), 0, 1, 2, 3, 4, 5].forEach((word, at) => {
      const value = typeof word === 'bigint' ? word : (args[word] ?? -1n);
      table.writeUInt32LE(Number(BigInt.asUintN(32, value)), n * I386_ROW + at * 4);
    });
  });
  const header = 64 + 56;
  const codeLength = 128;
  const tableAt = CODE_AT + header + codeLength;
  const code = Buffer.concat([
    hex('49 bc', quad(tableAt)), // mov r12, table
    hex('41 bd', long(probes.length)), // mov r13d, count
    hex('41 8b 04 24'), // loop: mov eax, [r12]
    hex('41 8b 5c 24 04 41 8b 4c 24 08 41 8b 54 24 0c'), // ebx, ecx, edx
    hex('41 8b 74 24 10 41 8b 7c 24 14 41 8b 6c 24 18'), // esi, edi, ebp
    hex('cd 80'), // int 0x80
    hex('41 89 44 24 1c'), // mov [r12+28], eax
    hex('49 83 c4 20 41 ff cd'), // add r12, 32; dec r13d
    hex('75 ce'), // jnz loop
    hex('b8', long(1), 'bf', long(1), '48 be', quad(tableAt), 'ba', long(table.length), '0f 05'), // write(1, table, length)
    hex('b8', long(231), '31 ff 0f 05'), // exit_group(0)
  ]);
  if (code.length > codeLength) throw new Error(`${code.length} bytes of code`);
  const image = Buffer.alloc(header + codeLength + table.length);
  image.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  image.writeUInt16LE(2, 16); // ET_EXEC
  image.writeUInt16LE(62, 18); // EM_X86_64
  image.writeUInt32LE(1, 20);
  image.writeBigUInt64LE(BigInt(CODE_AT + header), 24);
  image.writeBigUInt64LE(64n, 32);
  image.writeUInt16LE(64, 52);
  image.writeUInt16LE(56, 54);
  image.writeUInt16LE(1, 56);
  image.writeUInt32LE(1, 64); // PT_LOAD
  image.writeUInt32LE(7, 68); // read, write, execute
  for (const [value, at] of [
    [0, 72],
    [CODE_AT, 80],
    [CODE_AT, 88],
    [image.length, 96],
    [image.length, 104],
    [4096, 112],
  ] as const)
    image.writeBigUInt64LE(BigInt(value), at);
  code.copy(image, header);
  table.copy(image, header + codeLength);
  return image;
}

export function int80Results(output: Buffer, probes: readonly Probe[]): number[] {
  if (output.length !== probes.length * I386_ROW) throw new Error(`the tester wrote ${output.length} bytes`);
  return probes.map((_, n) => output.readInt32LE(n * I386_ROW + 28));
}

const long = (value: number): string => littleEndian(BigInt(value), 4);
const quad = (value: number): string => littleEndian(BigInt(value), 8);

function littleEndian(value: bigint, bytes: number): string {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(value);
  return buffer.subarray(0, bytes).toString('hex');
}

const hex = (...parts: readonly string[]): Buffer => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
