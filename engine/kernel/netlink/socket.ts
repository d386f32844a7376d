import { ERRNO } from '../errno.js';
import { SyscallError } from '../errors.js';
import { check, type Kernel } from '../kernel.js';
import {
  AF_NETLINK,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_ROUTE,
  SOL_NETLINK,
} from './constants.js';
import { u32Bytes, viewOf } from './wire.js';

/**
 * A netlink socket is a plain fd. It stays in the network namespace in which it was opened, whoever uses it and from
 * wherever, so one process can hold one for each namespace. See netlink(7).
 */

const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
/** ioctl on a socket: an fd of the network namespace that it is in. Needs CAP_NET_ADMIN there. Linux 4.9, ioctl_nsfs(2). */
const SIOCGSKNS = 0x894c;

/** Largest datagram that is taken. The kernel makes dumps of at most 32 KiB; one link with many virtual functions is larger. */
const BUFFER_BYTES = 128 * 1024;

/** Open a socket in the caller's own network namespace. */
export function openNetlink(kernel: Kernel, protocol: number = NETLINK_ROUTE): number {
  return check(kernel, 'socket', [AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol], {
    while: 'open netlink socket',
  });
}

/** An option of level SOL_NETLINK. Returns whether the kernel knows it. */
function setOption(kernel: Kernel, fd: number, level: number, option: number, value: number): boolean {
  return kernel.call('setsockopt', fd, level, option, u32Bytes(value), 4) === 0;
}

/**
 * Ask for errors in words (Linux 4.12) and short acknowledgements, on a socket that somebody opened. Idempotent. An
 * older kernel that lacks an option only tells less: that is not an error.
 */
export function prepareSocket(kernel: Kernel, fd: number): void {
  setOption(kernel, fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
  setOption(kernel, fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
}

/** Room for `bytes` of messages that were not read yet; beyond the machine's limit where the caller may, else up to it. */
export function setReceiveBuffer(kernel: Kernel, fd: number, bytes: number): void {
  if (setOption(kernel, fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) return;
  check(kernel, 'setsockopt', [fd, SOL_SOCKET, SO_RCVBUF, u32Bytes(bytes), 4], { while: 'size netlink socket' });
}

/**
 * Give a socket an address of its own, unless it has one. Requests get it by themselves; a socket that only listens must
 * be given it: a multicast passes over its own sender, and without an address that is taken to be the kernel.
 */
export function bindSocket(kernel: Kernel, fd: number): void {
  const address = new Uint8Array(12);
  const length = u32Bytes(address.length);
  check(kernel, 'getsockname', [fd, address, length], { while: 'find the address of a netlink socket' });
  if (viewOf(address).getUint32(4, true) !== 0) return;
  address.fill(0);
  viewOf(address).setUint16(0, AF_NETLINK, true);
  check(kernel, 'bind', [fd, address, address.length], { while: 'bind netlink socket' });
}

/** Join a multicast group. NETLINK_ROUTE: anyone may; NETLINK_NETFILTER: CAP_NET_ADMIN in the socket's namespace. */
export function joinGroup(kernel: Kernel, fd: number, group: number): void {
  check(kernel, 'setsockopt', [fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, u32Bytes(group), 4], {
    while: `join netlink group ${group}`,
  });
}

/** A new fd of the network namespace that a socket is in; the caller closes it. */
export function netnsOfSocket(kernel: Kernel, fd: number): number {
  return check(kernel, 'ioctl', [fd, SIOCGSKNS, 0], { while: 'find the network namespace of a socket' });
}

/** What one reading of a socket gives. `empty`: nothing is there; `overrun`: the kernel dropped messages; `foreign`: not from the kernel. */
export type Received = Uint8Array | 'empty' | 'overrun' | 'foreign';

/** Reads datagrams into one buffer: what `receive` returned is valid until its next call. */
export class Receiver {
  private readonly kernel: Kernel;
  private readonly fd: number;
  private readonly buffer = new Uint8Array(BUFFER_BYTES);
  private readonly sender = new Uint8Array(12);
  private readonly senderLength = new Uint8Array(4);

  constructor(kernel: Kernel, fd: number) {
    this.kernel = kernel;
    this.fd = fd;
  }

  /**
   * Take one datagram, without waiting. One that another process sent (root of a lab may send to any port of its
   * namespace) is `foreign` and must be passed over. Throws SyscallError; EMSGSIZE for one that is larger than the buffer.
   */
  receive(): Received {
    for (;;) {
      viewOf(this.senderLength).setUint32(0, this.sender.length, true);
      this.sender.fill(0);
      const count = this.kernel.call(
        'recvfrom',
        this.fd,
        this.buffer,
        this.buffer.length,
        MSG_DONTWAIT | MSG_TRUNC,
        this.sender,
        this.senderLength,
      );
      if (count === -ERRNO.EINTR) continue;
      if (count === -ERRNO.EAGAIN) return 'empty';
      if (count === -ERRNO.ENOBUFS) return 'overrun';
      if (count < 0) throw new SyscallError('recvfrom', -count, { while: 'read netlink socket' });
      const sender = viewOf(this.sender);
      if (sender.getUint16(0, true) !== AF_NETLINK || sender.getUint32(4, true) !== 0) return 'foreign';
      if (count > this.buffer.length) {
        throw new SyscallError('recvfrom', ERRNO.EMSGSIZE, { while: `read a netlink message of ${count} bytes` });
      }
      return this.buffer.subarray(0, count);
    }
  }

  /** Wait until something is there; false when `milliseconds` passed first. */
  wait(milliseconds: number): boolean {
    const pollfd = new Uint8Array(8);
    viewOf(pollfd).setInt32(0, this.fd, true);
    viewOf(pollfd).setInt16(4, POLLIN, true);
    const timeout = new Uint8Array(16);
    viewOf(timeout).setBigInt64(0, BigInt(Math.trunc(milliseconds / 1000)), true);
    viewOf(timeout).setBigInt64(8, BigInt((milliseconds % 1000) * 1_000_000), true);
    const ready = this.kernel.call('ppoll', pollfd, 1, timeout, null, 0);
    if (ready < 0 && ready !== -ERRNO.EINTR) throw new SyscallError('ppoll', -ready, { while: 'wait for netlink' });
    return ready > 0;
  }
}

/** Send to the kernel. Throws SyscallError. */
export function send(kernel: Kernel, fd: number, bytes: Uint8Array): void {
  const address = new Uint8Array(12);
  viewOf(address).setUint16(0, AF_NETLINK, true);
  for (;;) {
    const count = kernel.call('sendto', fd, bytes, bytes.length, 0, address, address.length);
    if (count === bytes.length) return;
    if (count === -ERRNO.EINTR) continue;
    const errno = count < 0 ? -count : ERRNO.EMSGSIZE;
    throw new SyscallError('sendto', errno, { while: 'send netlink request' });
  }
}
