import { closeSync, openSync } from 'node:fs';
import { O } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import { addressOf, type Kernel, realKernel } from '../kernel/kernel.js';
import type { RecordChange } from './changes.js';
import { refusal } from './control-file.js';
import { compileDeviceTable, encodeProgram } from './device-bpf.js';
import { DeviceTable } from './device-rules.js';
import type { DeviceRule } from './resources.js';

/** Commands, types and flags of bpf(2). */
const PROG_LOAD = 5;
const PROG_ATTACH = 8;
const PROG_DETACH = 9;
const PROG_GET_FD_BY_ID = 13;
const PROG_QUERY = 16;
const TYPE_CGROUP_DEVICE = 15;
const ATTACH_CGROUP_DEVICE = 6;
const F_ALLOW_MULTI = 2;
const F_REPLACE = 4;
/** Programs that one group can have. */
const MAX_PROGRAMS = 64;
/** Room for a verifier's complaint. */
const LOG_SIZE = 64 << 10;

/**
 * Let a v2 group use the devices that the rules come to, by a program of type BPF_PROG_TYPE_CGROUP_DEVICE. A program that is
 * there already is replaced, so that there is no moment with both or none. Groups above may have programs of their own: a
 * device must be allowed by all of them. bpf(2).
 */
export function attachDevices(
  directory: string,
  rules: readonly DeviceRule[],
  options: { kernel?: Kernel; record?: RecordChange | undefined } = {},
): void {
  const kernel = options.kernel ?? realKernel;
  const program = compileDeviceTable(DeviceTable.of(rules));
  const group = open(directory);
  try {
    const old = attachedPrograms(kernel, group).map((id) => programById(kernel, id));
    try {
      const fd = load(kernel, encodeProgram(program));
      try {
        const [only] = old;
        const replaced = old.length === 1 && only !== undefined && attach(kernel, group, fd, only);
        if (!replaced) {
          attach(kernel, group, fd);
          for (const one of old) detach(kernel, group, one);
        }
      } finally {
        kernel.call('close', fd);
      }
    } finally {
      for (const one of old) kernel.call('close', one);
    }
  } finally {
    closeSync(group);
  }
  options.record?.({
    what: 'cgroup program',
    path: directory,
    value: `${program.length} instructions`,
    command: null,
  });
}

/** Ids of the device programs attached to a group itself. */
export function attachedPrograms(kernel: Kernel, group: number): number[] {
  const ids = Buffer.alloc(4 * MAX_PROGRAMS);
  const attr = Buffer.alloc(32);
  attr.writeUInt32LE(group, 0);
  attr.writeUInt32LE(ATTACH_CGROUP_DEVICE, 4);
  attr.writeBigUInt64LE(addressOf(ids), 16);
  attr.writeUInt32LE(MAX_PROGRAMS, 24);
  bpf(kernel, PROG_QUERY, attr, 'asking for the device programs of a group');
  return Array.from({ length: attr.readUInt32LE(24) }, (_, n) => ids.readUInt32LE(4 * n));
}

function load(kernel: Kernel, instructions: Buffer): number {
  const license = Buffer.from('MIT\0');
  const log = Buffer.alloc(LOG_SIZE);
  const attr = Buffer.alloc(72);
  attr.writeUInt32LE(TYPE_CGROUP_DEVICE, 0);
  attr.writeUInt32LE(instructions.length / 8, 4);
  attr.writeBigUInt64LE(addressOf(instructions), 8);
  attr.writeBigUInt64LE(addressOf(license), 16);
  attr.write('glassbox_dev', 48, 'latin1');
  attr.writeUInt32LE(ATTACH_CGROUP_DEVICE, 68);
  const fd = kernel.call('bpf', PROG_LOAD, attr, attr.length);
  if (fd >= 0) return fd;
  if (fd !== -ERRNO.EINVAL && fd !== -ERRNO.EACCES) throw failed(-fd, 'loading the device program');
  attr.writeUInt32LE(1, 24); // once more for the verifier's own words
  attr.writeUInt32LE(LOG_SIZE, 28);
  attr.writeBigUInt64LE(addressOf(log), 32);
  const again = kernel.call('bpf', PROG_LOAD, attr, attr.length);
  if (again >= 0) return again;
  const said = log.toString('latin1', 0, Math.max(0, log.indexOf(0))).trim();
  throw failed(-again, `loading the device program${said === '' ? '' : ` (${said})`}`);
}

/** False: this kernel cannot replace a program (BPF_F_REPLACE came with Linux 5.6). */
function attach(kernel: Kernel, group: number, program: number, replaced?: number): boolean {
  const attr = Buffer.alloc(20);
  attr.writeUInt32LE(group, 0);
  attr.writeUInt32LE(program, 4);
  attr.writeUInt32LE(ATTACH_CGROUP_DEVICE, 8);
  attr.writeUInt32LE(F_ALLOW_MULTI | (replaced === undefined ? 0 : F_REPLACE), 12);
  attr.writeUInt32LE(replaced ?? 0, 16);
  const done = kernel.call('bpf', PROG_ATTACH, attr, attr.length);
  if (done === -ERRNO.EINVAL && replaced !== undefined) return false;
  if (done < 0) throw failed(-done, 'attaching the device program');
  return true;
}

function detach(kernel: Kernel, group: number, program: number): void {
  const attr = Buffer.alloc(20);
  attr.writeUInt32LE(group, 0);
  attr.writeUInt32LE(program, 4);
  attr.writeUInt32LE(ATTACH_CGROUP_DEVICE, 8);
  bpf(kernel, PROG_DETACH, attr, 'detaching a former device program');
}

function programById(kernel: Kernel, id: number): number {
  const attr = Buffer.alloc(12);
  attr.writeUInt32LE(id, 0);
  return bpf(kernel, PROG_GET_FD_BY_ID, attr, 'opening a former device program');
}

function bpf(kernel: Kernel, command: number, attr: Buffer, during: string): number {
  const value = kernel.call('bpf', command, attr, attr.length);
  if (value < 0) throw failed(-value, during);
  return value;
}

function failed(errno: number, during: string): SyscallError {
  return new SyscallError('bpf', errno, { while: during });
}

function open(directory: string): number {
  try {
    return openSync(directory, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  } catch (error) {
    throw refusal('openat', directory, error);
  }
}
