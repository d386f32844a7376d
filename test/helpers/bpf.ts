/** What the kernel hands to a seccomp filter: struct seccomp_data of linux/seccomp.h. */
export interface SyscallData {
  readonly nr: number;
  readonly arch: number;
  readonly args: readonly bigint[];
}

/**
 * Run a classic BPF program as the kernel does (bpf(4), Documentation/networking/filter.rst), with the kernel's own checks
 * of a seccomp filter: known instructions only, no jump out of the program, a return at the end of each path.
 */
export function runFilter(filter: Buffer, data: SyscallData): { readonly value: number; readonly steps: number } {
  if (filter.length === 0 || filter.length % 8 !== 0 || filter.length > 4096 * 8) throw new Error('not a filter');
  const memory = Buffer.alloc(64);
  memory.writeUInt32LE(data.nr >>> 0, 0);
  memory.writeUInt32LE(data.arch >>> 0, 4);
  data.args.forEach((arg, n) => {
    memory.writeBigUInt64LE(BigInt.asUintN(64, arg), 16 + n * 8);
  });
  let accumulator = 0;
  let steps = 0;
  for (let at = 0; ; at++) {
    if (at * 8 >= filter.length) throw new Error(`ran out of the filter at ${at}`);
    steps++;
    const code = filter.readUInt16LE(at * 8);
    const k = filter.readUInt32LE(at * 8 + 4);
    const branch = (taken: boolean): void => {
      at += filter.readUInt8(at * 8 + (taken ? 2 : 3));
    };
    switch (code) {
      case 0x20:
        if (k > 60 || k % 4 !== 0) throw new Error(`load of word ${k}`);
        accumulator = memory.readUInt32LE(k);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        branch(accumulator === k);
        break;
      case 0x25:
        branch(accumulator > k);
        break;
      case 0x35:
        branch(accumulator >= k);
        break;
      case 0x45:
        branch((accumulator & k) !== 0);
        break;
      case 0x06:
        return { value: k, steps };
      default:
        throw new Error(`instruction ${code.toString(16)} at ${at}`);
    }
  }
}
