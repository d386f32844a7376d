import { closeSync, openSync } from 'node:fs';
import { socketInNamespace } from '../kernel/enter.js';
import { check, type Kernel } from '../kernel/kernel.js';
import { ProgramBuilder } from '../kernel/program/builder.js';
import { CLONE, RunningProgram } from '../kernel/program/running.js';
import { AF_NETLINK, type LabAccess, runThrough, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from './access.js';

const AT_FDCWD = -100;
/** Longest setting that is read. */
const SETTING_BYTES = 128;

/**
 * Access for an engine that has no privilege but owns the lab's user namespace: everything is done by a short program
 * (some ten syscalls, no runtime) that enters that namespace first, where it has all capabilities, and leaves behind only
 * a descriptor. A process of the lab's user namespace outside its pid namespace: the lab cannot see or trace it.
 *
 * @param initHostPid pid 1 of the lab
 */
export function ownerAccess(kernel: Kernel, initHostPid: number): LabAccess {
  const userPath = `/proc/${initHostPid}/ns/user`;
  const withUser = <T>(use: (userFd: number) => T): T => {
    const fd = openSync(userPath, 'r');
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  };
  return {
    openSocket: (netFd, domain, type, protocol) =>
      withUser((userFd) => {
        const fd = socketInNamespace({ userFd, netFd, domain, type, protocol }, kernel);
        // The dumps are answered at once, but a reader waits for them: as with the root access, only who asks does not wait.
        const flags = check(kernel, 'fcntl', [fd, 3 /* F_GETFL */, 0]);
        check(kernel, 'fcntl', [fd, 4 /* F_SETFL */, flags & ~SOCK_NONBLOCK]);
        return fd;
      }),
    openWatchSockets: (protocols) =>
      withUser((userFd) => {
        const b = new ProgramBuilder('sockets that listen to a lab').section('enter');
        b.call('setns', [userFd, CLONE.NEWUSER]);
        b.call('unshare', [CLONE.NEWNET]);
        protocols.forEach((protocol, at) => {
          b.call('socket', [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol], { label: `socket ${at}` });
        });
        b.call('exit_group', [0]);
        const running = RunningProgram.start(b.build(), { flags: CLONE.FILES }, kernel);
        try {
          running.wait();
          const fds = protocols.map((_, at) => running.result(`socket ${at}`) ?? -1);
          if (running.failure() !== null) for (const fd of fds) if (fd >= 0) closeSync(fd);
          running.throwFailure();
          return fds;
        } finally {
          running.dispose();
        }
      }),
    hostname: (utsFd) =>
      withUser((userFd) => {
        const b = new ProgramBuilder('host name of a uts namespace').section('enter');
        // struct utsname: six fields of 65 bytes, nodename second; uname(2).
        const name = b.bytes(new Uint8Array(65 * 6), 'struct utsname');
        b.call('setns', [userFd, CLONE.NEWUSER]);
        b.call('setns', [utsFd, CLONE.NEWUTS]);
        b.call('uname', [name]);
        b.call('exit_group', [0]);
        const running = RunningProgram.start(b.build(), {}, kernel);
        try {
          running.wait();
          running.throwFailure();
          const node = running.readData(name.offset + 65, 65);
          return node.toString('utf8', 0, node.indexOf(0));
        } finally {
          running.dispose();
        }
      }),
    readSettings: (netFd, paths) =>
      withUser((userFd) => {
        const b = new ProgramBuilder('settings of a network namespace').section('enter');
        b.call('setns', [userFd, CLONE.NEWUSER]);
        b.call('setns', [netFd, CLONE.NEWNET]);
        const values = paths.map((path, at) => {
          const value = b.bytes(new Uint8Array(SETTING_BYTES), path);
          b.call('openat', [AT_FDCWD, path, 0, 0], {
            label: `open ${at}`,
            ignore: true,
            storeAt: { kind: 'field', label: `read ${at}`, field: { arg: 0 } },
          });
          // A file that was not opened: reading from a negative descriptor is EBADF, which says the same.
          b.call('read', [0, value, SETTING_BYTES], { label: `read ${at}`, ignore: true });
          return value;
        });
        b.call('exit_group', [0]);
        const running = RunningProgram.start(b.build(), {}, kernel);
        try {
          running.wait();
          running.throwFailure();
          return values.map((value, at) => {
            const opened = running.result(`open ${at}`) ?? -1;
            const length = running.result(`read ${at}`) ?? -1;
            return opened < 0 || length < 0 ? null : running.readData(value.offset, length).toString('utf8');
          });
        } finally {
          running.dispose();
        }
      }),
    run: (netFd, argv) =>
      runThrough(['--preserve-credentials', `--user=${userPath}`, `--net=/proc/${process.pid}/fd/${netFd}`], argv),
  };
}
