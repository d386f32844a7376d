import { MFD, PR, SIG, SIG_SETMASK, TIOC } from '../../kernel/constants.js';
import type { DataRef, Program } from '../../kernel/program/builder.js';
import type { ProcessPlan } from '../plan.js';
import { inside } from './inside.js';
import { CLD_EXITED, reapNext, reapOne, SI_CODE, SI_PID, SI_STATUS, SIGINFO_SIZE } from './reap.js';
import { Steps } from './steps.js';

const SEEK_SET = 0;
const SEEK_CUR = 1;
const NOT_FOUND = 127;
export const REAPER_NAME = 'docker-init';
/** Where a container finds it, and what it is called there: Docker's place. */
export const REAPER_PATH = `/sbin/${REAPER_NAME}`;

/**
 * Pid 1 of a container that asked for one (`--init`): it runs the container's program as its child, passes every signal on to
 * it, reaps whatever the kernel hands it, and ends as its child ended. A program of its own, for it replaces the list that
 * started it; what it does is allowed by Docker's filter of syscalls, which is why it uses clone(2) and not clone3(2).
 */
export function reaperProgram(plan: Pick<ProcessPlan, 'process' | 'env' | 'candidates'>): Program {
  const s = new Steps('init');
  s.b.section('init');
  const all = s.b.bytes(Buffer.alloc(8, 0xff), 'all signals');
  const child = s.b.slot('child');
  const signal = s.b.slot('signal', 0);
  const info = s.b.bytes(Buffer.alloc(SIGINFO_SIZE), 'siginfo');
  s.call('prctl', [PR.SET_NAME, REAPER_NAME]);
  s.call('rt_sigprocmask', [SIG_SETMASK, all, 0, 8], {
    say: { en: 'take signals one at a time, below', zh: '在下面逐个处理信号' },
  });
  s.call('clone', [SIG.CHLD, 0, 0, 0, 0], {
    storeAt: child.data,
    jumpIfZero: 'child',
    say: { en: "the container's program is the child of this one", zh: '容器的程序是它的子进程' },
  });
  s.call('rt_sigtimedwait', [all, 0, 0, 8], {
    label: 'wait',
    accept: ['EINTR', 'EAGAIN'],
    jumpIfError: 'wait',
    storeAt: signal.data,
    say: { en: 'sleep until there is a signal', zh: '睡眠，直到有信号' },
  });
  s.compare(signal.data, 0, SIG.CHLD, { accept: ['EAGAIN'], jumpIfError: 'forward' });
  reapOne(s, info, 'wait');
  s.b.goto(null, { label: 'reaped' });
  s.compare(info, SI_PID, child, {
    accept: ['EAGAIN'],
    jumpIfError: 'again',
    say: { en: 'was it the program itself?', zh: '结束的是容器的程序本身吗？' },
  });
  end(s, info);
  reapNext(s, info, 'again');
  s.call('kill', [child, signal], {
    label: 'forward',
    ignore: true,
    jump: 'wait',
    say: { en: 'pass the signal on', zh: '把信号转发过去' },
  });
  s.b.goto('wait');
  s.later(() => runChild(s, plan));
  return s.build();
}

/** End as the child ended: its exit code, or 128 and the signal, which a file's offset adds up. */
function end(s: Steps, info: DataRef): void {
  const status = inside(info, SI_STATUS);
  const file = s.b.slot('sum');
  const sum = s.b.slot('code');
  s.compare(info, SI_CODE, CLD_EXITED, { accept: ['EAGAIN'], jumpIfError: 'signalled' });
  s.call('exit_group', [status]);
  s.call('memfd_create', ['sum', MFD.CLOEXEC], { label: 'signalled', storeAt: file.data });
  s.call('lseek', [file, 128, SEEK_SET]);
  s.call('lseek', [file, status, SEEK_CUR], {
    storeAt: sum.data,
    say: {
      en: 'the kernel adds 128 and the signal: the only arithmetic that a list of syscalls has',
      zh: '让内核把 128 与信号编号相加：这是系统调用清单里唯一的算术',
    },
  });
  s.call('exit_group', [sum]);
}

/** A process group of its own, in the foreground of the terminal if there is one; then the program. */
function runChild(s: Steps, plan: Pick<ProcessPlan, 'process' | 'env' | 'candidates'>): void {
  s.b.section('child');
  const own = s.b.bytes(Buffer.alloc(8), 'own pid');
  s.call('setpgid', [0, 0], { label: 'child', ignore: true });
  s.call('getpid', [], { storeAt: own, store32: true });
  s.call('ioctl', [0, TIOC.SPGRP, own], { ignore: true });
  s.call('rt_sigprocmask', [SIG_SETMASK, s.b.bytes(Buffer.alloc(8), 'none'), 0, 8]);
  const [argv, env] = [s.b.vector(plan.process.args), s.b.vector(plan.env)];
  for (const candidate of plan.candidates) s.call('execve', [candidate, argv, env], { ignore: true });
  s.call('exit_group', [NOT_FOUND]);
}
