import { O, POLLIN, SIG } from '../../kernel/constants.js';
import type { DataRef, InsideRef, SlotValue } from '../../kernel/program/builder.js';
import { FRAME_HEADER, FRAME_MAGIC, FRAME_SIZE } from '../output-frame.js';
import type { OutputPlan } from '../plan.js';
import { inside } from './inside.js';
import { reapNext, reapOne } from './reap.js';
import type { Steps } from './steps.js';

const CLOCK_REALTIME = 0;
const SIG_UNBLOCK = 1;
const ITIMER_REAL = 0;
/** Seconds for what is still to be read when the container has ended, should somebody else hold its streams and go on writing. */
const DRAIN_SECONDS = 3;
const POLLFD_SIZE = 8;
/** A number that poll(2) passes over, and that is no error of a record: those end at -4095. */
const NOBODY = -10_000;
/** `events` and `revents` of a pollfd as one word, when nothing has happened. */
const QUIET = POLLIN;

export interface OutputSources {
  readonly plan: OutputPlan;
  /** The terminal's master where there is one: it stands for the standard output. */
  readonly master: InsideRef | null;
  /** Open for the record of the exit. */
  readonly exit: number;
  readonly pidfd: SlotValue;
  readonly info: DataRef;
  readonly infoSize: number;
}

/**
 * The shim's loop where it also keeps what the container writes: each piece that can be read is appended to the spool with its
 * stream and the time, so that no engine has to run for a container to go on writing, and nothing is lost when one is
 * killed. Whoever has read the spool may punch holes into it. Ends with the container; what its streams still hold is read
 * first. poll(2), signalfd(2).
 */
export function keepOutput(s: Steps, sources: OutputSources): void {
  const { plan, master } = sources;
  const children = s.b.slot('children');
  const timeout = s.b.slot('timeout', 0);
  const fds = Buffer.alloc(4 * POLLFD_SIZE);
  [-1, plan.stdout, plan.stderr, plan.control].forEach((fd, n) => {
    fds.writeInt32LE(fd, n * POLLFD_SIZE);
    fds.writeInt16LE(POLLIN, n * POLLFD_SIZE + 4);
  });
  const poll = s.b.bytes(fds, '[{children}, {stdout}, {stderr}, {control}]');
  const fdOf = (n: number): InsideRef => ({ kind: 'inside', data: poll, at: n * POLLFD_SIZE });
  const chld = Buffer.alloc(8);
  chld.writeBigUInt64LE(1n << BigInt(SIG.CHLD - 1));
  s.call('signalfd4', [-1, s.b.bytes(chld, '[SIGCHLD]'), 8, O.CLOEXEC], { storeAt: children.data });
  s.b.set(fdOf(0), children, { store32: true });
  if (master !== null) s.b.set(fdOf(1), { kind: 'slot', data: inside(master.data, master.at).data }, { store32: true });
  s.call('ppoll', [poll, 4, timeout, 0, 0], {
    label: 'wait',
    jumpIfZero: 'drained',
    say: {
      en: 'sleep until the container writes, or has ended',
      zh: '睡眠，直到容器有输出或已结束',
    },
  });
  const buffer = s.b.space(FRAME_SIZE, 'piece');
  for (const [n, name] of [
    [1, 'stdout'],
    [2, 'stderr'],
  ] as const) {
    s.compare(poll, n * POLLFD_SIZE + 4, QUIET, { accept: ['EAGAIN'], jumpIfError: `has-${name}` });
    s.b.goto(null, { label: `after-${name}` });
  }
  s.compare(poll, 3 * POLLFD_SIZE + 4, QUIET, { accept: ['EAGAIN'], jumpIfError: 'has-control' });
  s.b.goto(null, { label: 'after-control' });
  s.compare(poll, 4, QUIET, { accept: ['EAGAIN'], jumpIfError: 'has-children' });
  s.b.goto('wait');
  s.later(() => {
    s.b.section('shim');
    piece(s, { name: 'stdout', number: 1, fd: fdOf(1), buffer, spool: plan.spool });
    piece(s, { name: 'stderr', number: 2, fd: fdOf(2), buffer, spool: plan.spool });
    control(s, plan, fdOf(3));
    reap(s, sources, { children, timeout, fd: fdOf(0) });
    s.call('exit_group', [0], { label: 'drained' });
  });
}

interface Piece {
  readonly name: string;
  readonly number: 1 | 2;
  readonly fd: InsideRef;
  readonly buffer: DataRef;
  readonly spool: number;
}

/** Read what there is of one stream and append it, behind its header. At the end of the stream it is looked at no more. */
function piece(s: Steps, { name, number, fd, buffer, spool }: Piece): void {
  const header = Buffer.alloc(FRAME_HEADER.size);
  header.writeUInt32LE(FRAME_MAGIC, FRAME_HEADER.magic);
  header.writeUInt32LE(number, FRAME_HEADER.stream);
  const head = s.b.bytes(header, `{${name}, time, length}`);
  const length = inside(head, FRAME_HEADER.length);
  const vector = s.b.words([head, FRAME_HEADER.size, buffer, 0], `{header, piece of ${name}}`);
  const source: SlotValue = { kind: 'slot', data: inside(fd.data, fd.at).data };
  // the number is read with what follows it in the pollfd: a syscall looks at the lower half alone
  s.call('read', [source, buffer, FRAME_SIZE], {
    label: `has-${name}`,
    storeAt: length.data,
    jumpIfZero: `end-of-${name}`,
    jumpIfError: `end-of-${name}`,
    say: { en: `take what the container wrote to ${name}`, zh: `取出容器写到 ${name} 的内容` },
  });
  s.b.set({ kind: 'inside', data: vector, at: 24 }, length);
  s.call('clock_gettime', [CLOCK_REALTIME, { kind: 'inside', data: head, at: FRAME_HEADER.seconds }]);
  s.call('writev', [spool, vector, 2], {
    ignore: true,
    say: {
      en: 'append it to the spool with the time: the engine reads it there, whenever it runs',
      zh: '连同时间追加到缓冲文件：引擎只要在运行就会去那里读取',
    },
  });
  s.b.goto(`after-${name}`);
  s.b.set(fd, NOBODY, { label: `end-of-${name}`, store32: true });
  s.b.goto(`after-${name}`);
}

/** Whoever writes to the control pipe says that there is no more input: the container reads to the end of what it has. */
function control(s: Steps, plan: OutputPlan, fd: InsideRef): void {
  const spare = s.b.bytes(Buffer.alloc(8), 'word');
  s.b.goto(null, { label: 'has-control' });
  if (plan.control >= 0) {
    s.call('read', [plan.control, spare, 8], { ignore: true });
    if (plan.stdin >= 0)
      s.call('close', [plan.stdin], {
        ignore: true,
        say: { en: 'there is no more input: the container is to see its end', zh: '不再有输入：让容器读到结尾' },
      });
  } else s.b.set(fd, NOBODY, { store32: true });
  s.b.goto('after-control');
}

/** Reap whoever has ended; with the container itself, write that down and read out what its streams still hold. */
function reap(
  s: Steps,
  sources: OutputSources,
  { children, timeout, fd }: { children: SlotValue; timeout: SlotValue; fd: InsideRef },
): void {
  const { info, infoSize, exit, pidfd } = sources;
  s.call('read', [children, s.b.bytes(Buffer.alloc(128), 'signalfd_siginfo'), 128], {
    label: 'has-children',
    ignore: true,
  });
  reapOne(s, info, 'wait');
  s.call('pidfd_send_signal', [pidfd, 0, 0, 0], {
    label: 'reaped',
    accept: ['ESRCH'],
    jumpIfError: 'ended',
    say: {
      en: "is the container's process still there? then it was an orphan",
      zh: '容器进程还在吗？在的话，刚才是个孤儿',
    },
  });
  reapNext(s, info);
  s.call('pwrite64', [exit, info, infoSize, 0], {
    label: 'ended',
    say: { en: 'write down how it ended', zh: '记下它是怎样结束的' },
  });
  const alarm = Buffer.alloc(8);
  alarm.writeBigUInt64LE(1n << BigInt(SIG.ALRM - 1));
  s.call('rt_sigprocmask', [SIG_UNBLOCK, s.b.bytes(alarm, '[SIGALRM]'), 0, 8]);
  s.call('setitimer', [ITIMER_REAL, s.b.words([0, 0, DRAIN_SECONDS, 0], `{${DRAIN_SECONDS} s}`), 0], {
    say: { en: 'a bound on what comes now', zh: '给接下来的事设一个时限' },
  });
  s.b.set(timeout, s.b.words([0, 0], '{0 s}'));
  s.b.set(fd, NOBODY, { store32: true });
  s.b.goto('wait');
}
