import { ALL_ACCESS, type DeviceException, type DeviceTable } from './device-rules.js';

/** Operation codes of eBPF: class | source | operation. include/uapi/linux/bpf.h, Documentation/bpf/standardization/instruction-set.rst. */
export const BPF = {
  /** dst = *(u32 *)(src + offset) */
  LOAD_WORD: 0x61,
  /** 32-bit arithmetic: dst = src, dst = imm, dst &= imm, dst >>= imm */
  MOVE: 0xbc,
  MOVE_IMM: 0xb4,
  AND_IMM: 0x54,
  SHIFT_RIGHT_IMM: 0x74,
  /** 32-bit jumps by `offset` instructions: dst != imm, dst != src, dst == imm */
  JUMP_NE_IMM: 0x56,
  JUMP_NE: 0x5e,
  JUMP_EQ_IMM: 0x16,
  EXIT: 0x95,
} as const;

export interface BpfInstruction {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
}

/** BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR. */
const TYPE = { b: 1, c: 2 } as const;

/** Registers: the answer, what is being compared, and the parts of the question. */
const ANSWER = 0;
const SCRATCH = 1;
const KIND = 2;
const ACCESS = 3;
const MAJOR = 4;
const MINOR = 5;

/**
 * A program that answers for a device table: 1 allows, 0 refuses. The kernel runs it at every open and mknod of a device by
 * a member of the group, with register 1 at struct bpf_cgroup_dev_ctx { u32 access_type (type | access << 16), major, minor }.
 *
 * Where all is denied, an exception must cover the whole of what is asked; where all is allowed, one that covers any part of
 * it refuses. So does v1 (devcgroup_legacy_check_permission).
 */
export function compileDeviceTable(table: DeviceTable): BpfInstruction[] {
  const load = (dst: number, offset: number): BpfInstruction => at(BPF.LOAD_WORD, dst, SCRATCH, offset);
  const program: BpfInstruction[] = [
    load(KIND, 0),
    at(BPF.AND_IMM, KIND, 0, 0, 0xffff),
    load(ACCESS, 0),
    at(BPF.SHIFT_RIGHT_IMM, ACCESS, 0, 0, 16),
    load(MAJOR, 4),
    load(MINOR, 8),
  ];
  for (const exception of table.exceptions) program.push(...block(exception, !table.allowsAll));
  program.push(at(BPF.MOVE_IMM, ANSWER, 0, 0, table.allowsAll ? 1 : 0), at(BPF.EXIT, 0));
  return program;
}

/** Tests that jump behind the block when the exception does not match, then its answer. */
function block({ type, major, minor, access }: DeviceException, answer: boolean): BpfInstruction[] {
  const tests: ((next: number) => BpfInstruction)[] = [(next) => at(BPF.JUMP_NE_IMM, KIND, 0, next, TYPE[type])];
  if (access !== ALL_ACCESS) {
    tests.push(() => at(BPF.MOVE, SCRATCH, ACCESS));
    tests.push(() => at(BPF.AND_IMM, SCRATCH, 0, 0, access));
    tests.push((next) => (answer ? at(BPF.JUMP_NE, SCRATCH, ACCESS, next) : at(BPF.JUMP_EQ_IMM, SCRATCH, 0, next, 0)));
  }
  if (major >= 0) tests.push((next) => at(BPF.JUMP_NE_IMM, MAJOR, 0, next, major | 0));
  if (minor >= 0) tests.push((next) => at(BPF.JUMP_NE_IMM, MINOR, 0, next, minor | 0));
  const length = tests.length + 2;
  return [
    ...tests.map((test, n) => test(length - n - 1)),
    at(BPF.MOVE_IMM, ANSWER, 0, 0, answer ? 1 : 0),
    at(BPF.EXIT, 0),
  ];
}

function at(code: number, dst: number, src = 0, offset = 0, imm = 0): BpfInstruction {
  return { code, dst, src, offset, imm };
}

/** As the kernel takes them: struct bpf_insn, eight bytes each. */
export function encodeProgram(program: readonly BpfInstruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [n, { code, dst, src, offset, imm }] of program.entries()) {
    bytes.writeUInt8(code, n * 8);
    bytes.writeUInt8(dst | (src << 4), n * 8 + 1);
    bytes.writeInt16LE(offset, n * 8 + 2);
    bytes.writeInt32LE(imm, n * 8 + 4);
  }
  return bytes;
}
