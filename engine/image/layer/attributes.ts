import { SyscallError } from '../../kernel/errors.js';
import type { Kernel } from '../../kernel/kernel.js';
import { guard } from '../tar/guards.js';
import { cString, decodeName } from '../tar/names.js';

/**
 * Which extended attributes pass between an archive and a file: capabilities, the users' own, access lists. Not those of
 * overlay, which would make it look elsewhere for a file (redirect, metacopy) or hide one, nor labels of this machine's own
 * security modules, nor `trusted.*`.
 */
export function passes(name: string): boolean {
  if (!guard('layer-attributes')) return true;
  if (name.startsWith('user.')) return !name.startsWith('user.overlay.');
  return name === 'security.capability' || /^system\.posix_acl_(access|default)$/.test(name);
}

/** Names of overlay's marks begin so. Documentation/filesystems/overlayfs.rst, "User xattr" */
export const overlayPrefix = (userxattr: boolean): string => (userxattr ? 'user.overlay.' : 'trusted.overlay.');

/** XATTR_LIST_MAX and XATTR_SIZE_MAX. */
const scratch = Buffer.alloc(65_536);
const EOPNOTSUPP = -95;
const ENODATA = -61;

/** Attributes of an open file (not O_PATH), or of a path's last name itself when it is a string. */
export function listXattrs(kernel: Kernel, file: number | string): string[] {
  const list = scratch;
  const length =
    typeof file === 'number'
      ? kernel.call('flistxattr', file, list, list.length)
      : kernel.call('llistxattr', cString(file), list, list.length);
  if (length === EOPNOTSUPP) return [];
  if (length < 0) throw new SyscallError('flistxattr', -length, typeof file === 'string' ? { path: file } : {});
  return length === 0 ? [] : decodeName(list.subarray(0, length - 1)).split('\0');
}

/** Null when the file hasn't it. */
export function getXattr(kernel: Kernel, file: number | string, name: string): Buffer | null {
  const value = scratch;
  const length =
    typeof file === 'number'
      ? kernel.call('fgetxattr', file, cString(name), value, value.length)
      : kernel.call('lgetxattr', cString(file), cString(name), value, value.length);
  if (length === ENODATA || length === EOPNOTSUPP) return null;
  if (length < 0) throw new SyscallError('fgetxattr', -length, { path: name });
  return Buffer.from(value.subarray(0, length));
}

/** 0 or a negated errno. */
export function setXattr(kernel: Kernel, file: number | string, name: string, value: Uint8Array): number {
  return typeof file === 'number'
    ? kernel.call('fsetxattr', file, cString(name), value, value.length, 0)
    : kernel.call('lsetxattr', cString(file), cString(name), value, value.length, 0);
}
