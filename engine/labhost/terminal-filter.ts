import type { DataRef, ProgramBuilder } from '../kernel/program/builder.js';

export const SECCOMP_SET_MODE_FILTER = 1;
/** Put a byte into a terminal's input; and, on the console, paste into it. ioctl_tty(2), ioctl_console(2). */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const REFUSE = 0x00050001; // SECCOMP_RET_ERRNO | EPERM
/** Offsets in struct seccomp_data. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const SECOND_ARGUMENT = 24;

/** ioctl's number under each system call table that a process of this machine may use: x32 shares that of x86-64 with a bit set. */
const TABLES =
  process.arch === 'arm64'
    ? [
        { architecture: 0xc00000b7, ioctl: 29 },
        { architecture: 0x40000028, ioctl: 54 },
      ]
    : [
        { architecture: 0xc000003e, ioctl: 16 },
        { architecture: 0x40000003, ioctl: 54 },
      ];
const X32_IOCTL = 514;

/**
 * A seccomp filter (struct sock_fprog in the program's data) that refuses the two ioctls with which a process can type
 * into its controlling terminal, in every system call table, and allows all else. The command is compared as the kernel
 * does, in its low 32 bits (CVE-2019-7303, CVE-2019-10063). A process of another architecture is refused every call.
 */
export function noInjectionFilter(b: ProgramBuilder): DataRef {
  const code: [number, number, number, number][] = [[LOAD, 0, 0, ARCHITECTURE]];
  const [own, other] = TABLES as [(typeof TABLES)[number], (typeof TABLES)[number]];
  // own table: 3 instructions further on; the other one: 2 behind the own one's
  code.push([EQUAL, 2, 0, own.architecture], [EQUAL, 6, 0, other.architecture], [RETURN, 0, 0, REFUSE]);
  code.push(
    [LOAD, 0, 0, NUMBER],
    [AND, 0, 0, 0xbfffffff],
    [EQUAL, 5, 0, own.ioctl],
    [EQUAL, 4, 0, process.arch === 'arm64' ? own.ioctl : X32_IOCTL],
    [RETURN, 0, 0, ALLOW],
  );
  code.push([LOAD, 0, 0, NUMBER], [EQUAL, 1, 0, other.ioctl], [RETURN, 0, 0, ALLOW]);
  code.push(
    [LOAD, 0, 0, SECOND_ARGUMENT],
    [EQUAL, 2, 0, TIOCSTI],
    [EQUAL, 1, 0, TIOCLINUX],
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, REFUSE],
  );
  const bytes = Buffer.alloc(code.length * 8);
  code.forEach(([operation, whenTrue, whenFalse, value], index) => {
    bytes.writeUInt16LE(operation, index * 8);
    bytes.writeUInt8(whenTrue, index * 8 + 2);
    bytes.writeUInt8(whenFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  });
  return b.words(
    [code.length, b.bytes(bytes, `[${code.length} BPF instructions]`)],
    '{refuse ioctl TIOCSTI and TIOCLINUX}',
  );
}
