import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MNT_DETACH, MS, O } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import { noteFile } from '../kernel/journal/file-deed.js';
import { check, type Kernel, realKernel } from '../kernel/kernel.js';
import { AF_NETLINK, NETLINK_ROUTE } from '../kernel/netlink/constants.js';
import { Rtnetlink } from '../kernel/netlink/index.js';
import { ProgramBuilder } from '../kernel/program/builder.js';
import { CLONE, RunningProgram } from '../kernel/program/running.js';

const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;

/** A value for a file below /proc/sys/net, of the namespace of whoever opens it. */
export interface Sysctl {
  /** `ipv6/conf/all/disable_ipv6` */
  readonly key: string;
  readonly value: string;
}

/** What a new namespace has: no IPv6 on any interface but the loopback, until a network with IPv6 is joined. */
const NEW_SANDBOX: readonly Sysctl[] = [
  { key: 'ipv6/conf/all/disable_ipv6', value: '1' },
  { key: 'ipv6/conf/lo/disable_ipv6', value: '0' },
];

const MOUNT_POINT = {
  en: 'an empty file, for the network namespace to be mounted on: so it lives without a process',
  zh: '一个空文件，供网络命名空间挂载其上：没有进程它也能存在',
};

/** A network namespace without a process, and a socket in it to fill it with. */
export interface OpenNetns {
  readonly fd: number;
  readonly netlink: Rtnetlink;
  close(): void;
}

/**
 * Make a network namespace and keep it by a bind mount at `path`. A child that shares our memory and descriptors is born in
 * the namespace, opens a socket there, which is ours too, and mounts its own namespace file; it does not live longer than
 * this call. network_namespaces(7), netlink(7). Nothing is left when it throws.
 */
export function makeNetns(path: string, kernel: Kernel = realKernel): OpenNetns {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, '', { mode: 0o444, flag: 'wx' });
  noteFile({ what: 'write', path, bytes: 0, say: MOUNT_POINT });
  const b = new ProgramBuilder('network sandbox').section('sandbox');
  b.call('socket', [AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | O.CLOEXEC, NETLINK_ROUTE], { label: 'socket' });
  addSysctls(b, NEW_SANDBOX);
  b.call('mount', ['/proc/self/ns/net', path, null, MS.BIND]);
  b.call('exit_group', [0]);
  const running = RunningProgram.start(
    b.build(),
    { flags: CLONE.NEWNET | CLONE.FILES | CLONE.VM | CLONE.VFORK },
    kernel,
  );
  let socket = -1;
  let fd = -1;
  try {
    running.wait();
    socket = running.result('socket') ?? -1;
    running.throwFailure();
    fd = openSync(path, 'r');
    return open(path, fd, socket, kernel);
  } catch (error) {
    if (socket >= 0) kernel.call('close', socket);
    if (fd >= 0) closeSync(fd);
    removeNetns(path, kernel);
    throw error;
  } finally {
    running.dispose();
  }
}

/** Open one that is there. Null: there is none at that path. */
export function openNetns(path: string, kernel: Kernel = realKernel): OpenNetns | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return open(path, fd, enterForSocket(fd, kernel), kernel);
  } catch (error) {
    closeSync(fd);
    // an empty file: its mount is gone, or was never made
    if (error instanceof SyscallError && error.syscall === 'setns' && error.errno === 'EINVAL') return null;
    throw error;
  }
}

function open(path: string, fd: number, socket: number, kernel: Kernel): OpenNetns {
  return {
    fd,
    netlink: new Rtnetlink(kernel, socket, path),
    close: () => {
      kernel.call('close', socket);
      closeSync(fd);
    },
  };
}

function enterForSocket(netFd: number, kernel: Kernel): number {
  const b = new ProgramBuilder('socket in a network sandbox').section('enter');
  b.call('setns', [netFd, CLONE.NEWNET]);
  b.call('socket', [AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | O.CLOEXEC, NETLINK_ROUTE], { label: 'socket' });
  b.call('exit_group', [0]);
  return runInside(b, kernel, (running) =>
    check({ call: () => running.result('socket') ?? -ERRNO.ESRCH }, 'socket', []),
  );
}

const AF_INET = 2;
const SOCK = { STREAM: 1, DGRAM: 2 } as const;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const BACKLOG = 64;

/**
 * Open a UDP and a listening TCP socket at an address inside a namespace: descriptors of ours, which keep the namespace alive.
 * SO_REUSEADDR lets a server of the container's that sets it too have the same UDP port on all addresses. ip(7), socket(7).
 */
export function listenInside(
  netFd: number,
  address: string,
  port: number,
  kernel: Kernel = realKernel,
): { readonly udp: number; readonly tcp: number } {
  const b = new ProgramBuilder('name server in a network sandbox').section('enter');
  const at = Buffer.alloc(16); // struct sockaddr_in
  at.writeUInt16LE(AF_INET, 0);
  at.writeUInt16BE(port, 2);
  Buffer.from(address.split('.').map(Number)).copy(at, 4);
  const place = b.bytes(at, `${address}:${port}`);
  const yes = b.bytes(Uint8Array.of(1, 0, 0, 0), '1');
  b.call('setns', [netFd, CLONE.NEWNET]);
  for (const [label, type] of [
    ['udp', SOCK.DGRAM],
    ['tcp', SOCK.STREAM],
  ] as const) {
    const socket = b.slot(label);
    b.call('socket', [AF_INET, type | O.CLOEXEC | SOCK_NONBLOCK, 0], { label, storeAt: socket.data });
    b.call('setsockopt', [socket, SOL_SOCKET, SO_REUSEADDR, yes, 4]);
    b.call('bind', [socket, place, at.length]);
    if (type === SOCK.STREAM) b.call('listen', [socket, BACKLOG]);
  }
  b.call('exit_group', [0]);
  const opened: number[] = [];
  try {
    return runInside(
      b,
      kernel,
      (running) => ({ udp: running.result('udp') ?? -1, tcp: running.result('tcp') ?? -1 }),
      opened,
    );
  } catch (error) {
    for (const fd of opened) kernel.call('close', fd);
    throw error;
  }
}

/** Write sysctls of a namespace: files of /proc/sys/net show the namespace of the process that opens them. */
export function setSysctls(netFd: number, sysctls: readonly Sysctl[], kernel: Kernel = realKernel): void {
  if (sysctls.length === 0) return;
  const b = new ProgramBuilder('sysctls of a network sandbox').section('enter');
  b.call('setns', [netFd, CLONE.NEWNET]);
  addSysctls(b, sysctls);
  b.call('exit_group', [0]);
  runInside(b, kernel, () => null);
}

/** @param opened takes the descriptors that `udp` and `tcp` opened, also when a later record failed */
function runInside<T>(
  b: ProgramBuilder,
  kernel: Kernel,
  take: (running: RunningProgram) => T,
  opened: number[] = [],
): T {
  const running = RunningProgram.start(b.build(), { flags: CLONE.FILES | CLONE.VM | CLONE.VFORK }, kernel);
  try {
    running.wait();
    for (const label of ['udp', 'tcp']) {
      const fd = running.program.labels.has(label) ? running.result(label) : null;
      if (fd !== null && fd >= 0) opened.push(fd);
    }
    running.throwFailure();
    return take(running);
  } finally {
    running.dispose();
  }
}

/** A kernel without IPv6, or a /proc/sys that is read-only, is none of a container's concern. */
function addSysctls(b: ProgramBuilder, sysctls: readonly Sysctl[]): void {
  sysctls.forEach(({ key, value }, index) => {
    const file = b.slot(`file ${index}`);
    const after = `after ${index}`;
    b.call('openat', [-100, `/proc/sys/net/${key}`, O.WRONLY | O.CLOEXEC], {
      storeAt: file.data,
      accept: ['ENOENT', 'EROFS', 'EACCES'],
      jumpIfError: after,
    });
    b.call('write', [file, b.bytes(Buffer.from(value), value), value.length]);
    b.call('close', [file]);
    b.goto(null, { label: after });
  });
}

/** Let a namespace go: it ends with its last process, and its interfaces with it. Idempotent. */
export function removeNetns(path: string, kernel: Kernel = realKernel): void {
  const result = kernel.call('umount2', path, MNT_DETACH);
  if (result < 0 && ![ERRNO.EINVAL, ERRNO.ENOENT].includes(-result as 2))
    throw new SyscallError('umount2', -result, { path, while: 'removing a network sandbox' });
  rmSync(path, { force: true });
}

/** Keep our own namespace at a path, for containers that share it to be found by. Idempotent. */
export function keepOwnNetns(path: string, kernel: Kernel = realKernel): void {
  const held = openNetns(path, kernel);
  held?.close();
  if (held !== null) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, '', { mode: 0o444 });
  check(kernel, 'mount', ['/proc/self/ns/net', path, null, MS.BIND, null], { while: 'keeping the network namespace' });
}
