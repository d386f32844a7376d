import { closeSync, fstatSync, readlinkSync } from 'node:fs';
import type { NamespaceId } from '../../api/types.js';
import { ERRNO } from '../errno.js';
import { SyscallError } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { parseNamespaceId } from './ids.js';

/** Requests of ioctl_ns(2): `_IO(0xb7, n)`, and of socket(7)'s unlisted SIOCGSKNS. */
const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_NSTYPE = 0xb703;
const SIOCGSKNS = 0x894c;

/**
 * A descriptor of the user namespace that owns the namespace behind `fd`, or of the parent of a user namespace.
 *
 * @returns a new descriptor that the caller closes; null where the kernel will not say because the answer lies above the
 *   caller's own namespaces (EPERM).
 * @throws SyscallError for anything else
 */
export function openOwner(kernel: Kernel, fd: number): number | null {
  return openRelated(kernel, fd, NS_GET_USERNS, 'NS_GET_USERNS');
}

/** As `openOwner`, for the parent of a pid or user namespace; null above the caller's own. EINVAL for the other kinds is thrown. */
export function openParent(kernel: Kernel, fd: number): number | null {
  return openRelated(kernel, fd, NS_GET_PARENT, 'NS_GET_PARENT');
}

/** The network namespace that a socket belongs to, wherever its owner has gone since: a new descriptor. Needs CAP_NET_ADMIN over it. */
export function openNamespaceOfSocket(kernel: Kernel, socket: number): number | null {
  return openRelated(kernel, socket, SIOCGSKNS, 'SIOCGSKNS');
}

/** CLONE_NEW… flag of the namespace behind a descriptor; throws where it is not one. */
export function namespaceType(kernel: Kernel, fd: number): number {
  const flag = kernel.call('ioctl', fd, NS_GET_NSTYPE, 0);
  if (flag < 0) throw new SyscallError('ioctl', -flag, { while: 'asking the kind of a namespace (NS_GET_NSTYPE)' });
  return flag;
}

/** `kind:[inode]` of the namespace behind an open descriptor of this process; null when it is something else. */
export function namespaceOfFd(fd: number): NamespaceId | null {
  const target = readlinkSync(`/proc/self/fd/${fd}`);
  if (parseNamespaceId(target) !== null) return target;
  // A bind mount shows its path instead: then the type tells the kind and stat the inode, for whoever has the kernel at hand.
  return null;
}

/** As `namespaceOfFd`, also for a descriptor that was opened through a bind mount. */
export function identifyNamespace(kernel: Kernel, fd: number): NamespaceId | null {
  const direct = namespaceOfFd(fd);
  if (direct !== null) return direct;
  const flag = kernel.call('ioctl', fd, NS_GET_NSTYPE, 0);
  const kind = kindOfFlag(flag);
  return kind === null ? null : `${kind}:[${fstatSync(fd).ino}]`;
}

function kindOfFlag(flag: number): string | null {
  switch (flag >>> 0) {
    case 0x0002_0000:
      return 'mnt';
    case 0x0400_0000:
      return 'uts';
    case 0x0800_0000:
      return 'ipc';
    case 0x2000_0000:
      return 'pid';
    case 0x4000_0000:
      return 'net';
    case 0x1000_0000:
      return 'user';
    case 0x0200_0000:
      return 'cgroup';
    case 0x80:
      return 'time';
    default:
      return null;
  }
}

function openRelated(kernel: Kernel, fd: number, request: number, name: string): number | null {
  const result = kernel.call('ioctl', fd, request, 0);
  if (result >= 0) return result;
  if (result === -ERRNO.EPERM) return null;
  throw new SyscallError('ioctl', -result, { while: `asking for a related namespace (${name})` });
}

/** Use a descriptor and close it whatever happens. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
