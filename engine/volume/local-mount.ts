import { readFileSync } from 'node:fs';
import { MNT_DETACH, MS } from '../kernel/constants.js';
import { ERRNO, errnoName } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { type Kernel, realKernel } from '../kernel/kernel.js';
import { parseMountinfo } from '../kernel/mountinfo.js';
import { printable } from './names.js';

/** Options of the local driver, each with those that it needs beside it. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  type: ['device'],
  device: ['type'],
  o: ['device', 'type'],
  size: [],
};

/** Check the options of a new volume, in Docker's words. */
export function checkOptions(name: string, options: Readonly<Record<string, string>>): void {
  const refuse = (why: string): never => {
    throw new EngineError('InvalidArgument', `create ${name}: ${why}`);
  };
  for (const option of Object.keys(options))
    if (!Object.hasOwn(NEEDS, option)) refuse(`invalid option: "${printable(option)}"`);
  if ((options['size'] ?? '') !== '') refuse('quota size requested but no quota support');
  for (const option of Object.keys(options))
    for (const needed of NEEDS[option] ?? [])
      if (!Object.hasOwn(options, needed)) refuse(`missing required option: "${needed}"`);
  for (const value of Object.values(options))
    if (value.includes('\0') || value.length > 4000) refuse('a mount option is too long or holds a NUL');
}

/** Whether a volume is more than its directory. */
export const needsMount = (options: Readonly<Record<string, string>> | null): boolean =>
  (options?.['type'] ?? '') !== '' || (options?.['device'] ?? '') !== '';

/** Options of mount(8) that are flags: whether they set or clear one. */
const FLAGS: Readonly<Record<string, readonly [clear: boolean, flag: number]>> = {
  async: [true, MS.SYNCHRONOUS],
  atime: [true, MS.NOATIME],
  bind: [false, MS.BIND],
  defaults: [false, 0],
  dev: [true, MS.NODEV],
  diratime: [true, MS.NODIRATIME],
  dirsync: [false, MS.DIRSYNC],
  exec: [true, MS.NOEXEC],
  mand: [false, MS.MANDLOCK],
  noatime: [false, MS.NOATIME],
  nodev: [false, MS.NODEV],
  nodiratime: [false, MS.NODIRATIME],
  noexec: [false, MS.NOEXEC],
  nomand: [true, MS.MANDLOCK],
  norelatime: [true, MS.RELATIME],
  nostrictatime: [true, MS.STRICTATIME],
  nosuid: [false, MS.NOSUID],
  rbind: [false, MS.BIND | MS.REC],
  relatime: [false, MS.RELATIME],
  remount: [false, MS.REMOUNT],
  ro: [false, MS.RDONLY],
  rw: [true, MS.RDONLY],
  strictatime: [false, MS.STRICTATIME],
  suid: [true, MS.NOSUID],
  sync: [false, MS.SYNCHRONOUS],
};

/** Options that say how mounts spread: given in a call of their own. */
const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  unbindable: MS.UNBINDABLE,
  runbindable: MS.UNBINDABLE | MS.REC,
};

export interface ParsedOptions {
  readonly flags: number;
  readonly propagation: readonly number[];
  /** What the file system itself reads. */
  readonly data: string;
}

/** `ro,size=1m,uid=1000` as mount(8) reads it. */
export function parseMountOptions(text: string): ParsedOptions {
  let flags = 0;
  const propagation: number[] = [];
  const data: string[] = [];
  for (const option of text.split(',').filter((one) => one !== '')) {
    const flag = FLAGS[option];
    const spread = PROPAGATION[option];
    if (flag !== undefined) flags = flag[0] ? flags & ~flag[1] : flags | flag[1];
    else if (spread !== undefined) propagation.push(spread);
    else data.push(option);
  }
  return { flags, propagation, data: data.join(',') };
}

/** mount(2) a volume's directory. Throws in Docker's words; nothing is mounted then. */
export function mountLocal(
  target: string,
  options: Readonly<Record<string, string>>,
  kernel: Kernel = realKernel,
): void {
  const { type = '', device = '', o = '' } = options;
  const { flags, propagation, data } = parseMountOptions(o);
  const call = (source: string, fsType: string, bits: number, text: string): void => {
    const result = kernel.call('mount', source, target, fsType, bits, text);
    if (result >= 0) return;
    const withData = text === '' ? '' : `, data: ${hidePassword(text)}`;
    const why = MESSAGES[errnoName(-result)] ?? errnoName(-result);
    throw new SyscallError('mount', -result, {
      text: `failed to mount local volume: mount ${device}:${target}, flags: 0x${bits.toString(16)}${withData}: ${why}`,
    });
  };
  call(device, type, flags, data);
  try {
    // a bind mount takes its flags only when it is there
    const remount = MS.BIND | MS.RDONLY;
    if ((flags & remount) === remount) call(device, type, flags | MS.REMOUNT, data);
    for (const spread of propagation) call('', '', spread, '');
  } catch (error) {
    kernel.call('umount2', target, MNT_DETACH);
    throw error;
  }
}

const hidePassword = (text: string): string => text.replace(/\bpassword=[^,]*/, 'password=********');

/** Words of Go's syscall.Errno. */
const MESSAGES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENODEV: 'no such device',
  EINVAL: 'invalid argument',
  EPERM: 'operation not permitted',
  EACCES: 'permission denied',
  ENOTBLK: 'block device required',
  ENOTDIR: 'not a directory',
  EBUSY: 'device or resource busy',
};

/** False: nothing was mounted there. */
export function unmountLocal(target: string, kernel: Kernel = realKernel): boolean {
  const result = kernel.call('umount2', target, 0);
  if (result >= 0) return true;
  if (result === -ERRNO.EINVAL || result === -ERRNO.ENOENT) return false;
  throw new SyscallError('umount2', -result, { path: target, while: 'unmounting a volume' });
}

export function isMounted(target: string): boolean {
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).some(({ mountPoint }) => mountPoint === target);
}
