import { AT, FS_MAGIC, O } from '../../kernel/constants.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import { guard } from '../guards.js';
import { openInRoot } from './in-root.js';
import type { Steps } from './steps.js';

const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
const AF_INET = 2;
const SOCK_DGRAM = 2;

/** struct ifreq of netdevice(7): name and flags. */
function ifreq(name: string, flags: number): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.write(name, 0, 'latin1');
  bytes.writeInt16LE(flags, 16);
  return bytes;
}

/** The loopback device of a new network namespace is down; nothing else is in it. */
export function loopbackUp(s: Steps): void {
  const socket = s.slot('socket');
  const failure = 'failed to bring up the loopback device';
  s.call('socket', [AF_INET, SOCK_DGRAM | O.CLOEXEC, 0], {
    storeAt: socket.data,
    failure,
    say: {
      en: 'open any socket, to speak to the network stack of the new namespace',
      zh: '打开一个套接字，用来和新网络命名空间对话',
    },
  });
  s.call('ioctl', [socket, SIOCSIFFLAGS, s.b.bytes(ifreq('lo', IFF_UP), '{"lo", IFF_UP}')], {
    failure,
    command: 'ip link set lo up',
  });
}

export function hostNames(s: Steps, hostname: string | undefined, domainname: string | undefined): void {
  if (hostname !== undefined && hostname !== '')
    s.call('sethostname', [hostname, Buffer.byteLength(hostname)], {
      failure: 'sethostname',
      command: `hostname ${hostname}`,
    });
  if (domainname !== undefined && domainname !== '')
    s.call('setdomainname', [domainname, Buffer.byteLength(domainname)], {
      failure: 'setdomainname',
      command: `domainname ${domainname}`,
    });
}

/**
 * Write kernel settings of the container's own namespaces. The file is opened in the container's /proc, without following
 * any link, and is seen to be of a proc file system before a byte is written (CVE-2019-16884, CVE-2025-52881).
 */
export function sysctls(
  s: Steps,
  root: SlotValue,
  settings: readonly (readonly [path: string, value: string])[],
): void {
  if (settings.length === 0) return;
  s.b.section('sysctls');
  for (const [path, value] of settings) {
    const file = s.slot(path);
    const key = `write sysctl key ${path.slice('/proc/sys/'.length).replaceAll('/', '.')}`;
    const failure = `${key}: open ${path}`;
    openInRoot(s, root, path, O.WRONLY, file, { plain: true, failure });
    seeThatItIsProc(s, file, failure);
    s.call('write', [file, s.b.bytes(Buffer.from(value), JSON.stringify(value)), Buffer.byteLength(value)], {
      failure: `${key}: write ${path}`,
      command: `echo ${value} > ${path}`,
    });
  }
}

/** Fail unless a descriptor is of procfs. */
function seeThatItIsProc(s: Steps, file: SlotValue, failure: string): void {
  if (!guard('proc-check')) return;
  const statfs = s.b.bytes(Buffer.alloc(120), 'statfs');
  s.call('fstatfs', [file, statfs], { failure });
  s.compare(statfs, 0, FS_MAGIC.PROC, {
    failure: () => `${failure}: not a file of procfs`,
    say: {
      en: 'is this the real /proc, and not files that somebody put in its place?',
      zh: '这是真正的 /proc，而不是有人放在那里的假文件吗？',
    },
  });
}

/** AppArmor's profile for the next execve. aa_change_onexec(2): written to a file of procfs. */
export function apparmorOnExec(s: Steps, profile: string | null): void {
  if (profile === null) return;
  s.b.section('apparmor');
  const file = s.slot('attr');
  const failure = 'unable to apply apparmor profile';
  const text = `exec ${profile}`;
  s.call('openat', [AT.FDCWD, '/proc/thread-self/attr/exec', O.WRONLY | O.CLOEXEC | O.NOFOLLOW, 0], {
    storeAt: file.data,
    failure,
  });
  seeThatItIsProc(s, file, failure);
  s.call('write', [file, s.b.bytes(Buffer.from(text), JSON.stringify(text)), Buffer.byteLength(text)], { failure });
}
