import { AT, O, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE, TIOC } from '../../kernel/constants.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import { guard } from '../guards.js';
import type { TerminalPlan } from '../plan.js';
import { openInRoot, openTarget } from './in-root.js';
import { attach } from './mounts.js';
import type { Steps } from './steps.js';

const STATX_RDEV_MAJOR = 0x80;
const STATX_RDEV_MINOR = 0x84;
const DEVPTS = 0x1cd1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/**
 * A terminal from the container's own devpts: the master goes to whoever keeps it, the slave becomes 0, 1, 2 and /dev/console.
 * The slave is taken from the master itself (TIOCGPTPEER), not by a name that the image could have put there; the master is
 * seen to be the multiplexer 5:2 of a devpts (CVE-2025-52565). ioctl_tty(2), pty(7)
 */
export function openTerminal(
  s: Steps,
  root: SlotValue,
  plan: TerminalPlan,
  options: { socket: number; bindConsole: boolean; owner: number },
): void {
  s.b.section('terminal');
  const failure = 'error setting up console';
  const master = s.slot('master');
  const slave = s.slot('slave');
  openInRoot(s, root, '/dev/ptmx', O.RDWR | O.NOCTTY, master, { failure: `${failure}: open /dev/ptmx` });
  if (guard('console-check')) seeThatItIsPtmx(s, master, failure);
  s.call('ioctl', [master, TIOC.SPTLCK, s.b.bytes(Buffer.alloc(4), '0')], { failure: `${failure}: unlock pty` });
  s.call('ioctl', [master, TIOC.GPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC], {
    storeAt: slave.data,
    failure: `${failure}: open slave`,
    say: {
      en: 'the other end, from the descriptor itself: no name that could lead elsewhere',
      zh: '直接由描述符取得另一端：没有可能被掉包的名字',
    },
  });
  if (plan.size !== null) {
    const size = Buffer.alloc(8);
    size.writeUInt16LE(plan.size.height, 0);
    size.writeUInt16LE(plan.size.width, 2);
    s.call('ioctl', [slave, TIOC.SWINSZ, s.b.bytes(size, `{${plan.size.height} rows, ${plan.size.width} columns}`)], {
      failure,
    });
  }
  s.call('fchown', [slave, options.owner, -1], { accept: ['EINVAL', 'EPERM'], failure });
  if (options.bindConsole) bindConsole(s, root, slave);
  sendMaster(s, master, options.socket);
  for (const target of [0, 1, 2]) s.call('dup3', [slave, target, 0], { failure });
  s.call('ioctl', [0, TIOC.SCTTY, 0], { failure: `${failure}: setctty`, command: 'setsid --ctty' });
}

function seeThatItIsPtmx(s: Steps, master: SlotValue, failure: string): void {
  const statx = s.b.bytes(Buffer.alloc(256), 'statx');
  const statfs = s.b.bytes(Buffer.alloc(120), 'statfs');
  const wrong = (): string => `${failure}: /dev/ptmx is not the multiplexer of a devpts`;
  s.call('fstatfs', [master, statfs], { failure });
  s.compare(statfs, 0, DEVPTS, { failure: wrong });
  s.call('statx', [master, '', AT.EMPTY_PATH, 0x7ff, statx], { failure });
  s.compare(statx, STATX_RDEV_MAJOR, 5, { failure: wrong });
  s.compare(statx, STATX_RDEV_MINOR, 2, {
    failure: wrong,
    say: {
      en: 'is it the real terminal multiplexer (5:2 of a devpts)?',
      zh: '它真的是伪终端复用设备（devpts 上的 5:2）吗？',
    },
  });
}

/** The terminal also under the name /dev/console. */
function bindConsole(s: Steps, root: SlotValue, slave: SlotValue): void {
  const failure = 'error setting up console: bind /dev/console';
  const tree = s.slot('console');
  const target = s.slot('/dev/console');
  openTarget(s, root, '/dev/console', target, { kind: 'file', plain: guard('console-check'), failure });
  s.call('open_tree', [slave, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT.EMPTY_PATH], {
    storeAt: tree.data,
    failure,
  });
  attach(s, tree, target, { failure, command: 'mount --bind /dev/pts/0 /dev/console' });
}

/** sendmsg(2) with the master in a control message. The byte beside it is the name that runc sends. */
function sendMaster(s: Steps, master: SlotValue, socket: number): void {
  const name = s.b.bytes(Buffer.from('/dev/ptmx'), '"/dev/ptmx"');
  const vector = s.b.words([name, '/dev/ptmx'.length], '{"/dev/ptmx"}');
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  const message = s.b.bytes(control, '{SCM_RIGHTS, master}');
  s.call('fcntl', [master, 1030, 0], {
    storeAt: { kind: 'inside', data: message, at: 16 },
    store32: true,
    failure: 'error sending the terminal',
  });
  const header = s.b.words([0, 0, vector, 1, message, 24, 0], '{SCM_RIGHTS}');
  s.call('sendmsg', [socket, header, 0], {
    failure: 'error sending the terminal',
    say: { en: 'hand the master side to whoever keeps this terminal', zh: '把主端交给持有这个终端的一方' },
  });
}
