import { PR, SIG, SIG_SETMASK, signalSet } from '../kernel/constants.js';
import type { Program } from '../kernel/program/builder.js';
import { ProgramBuilder } from '../kernel/program/builder.js';

const WNOHANG = 1;
const WALL = 0x40000000;

/**
 * The lab's pid 1: waits for SIGCHLD and reaps whatever the kernel hands it, until it is killed; nothing else. All
 * signals are blocked so that none interrupts it; a blocked signal is never discarded, so no child is missed.
 */
export function initProgram(): Program {
  const b = new ProgramBuilder('init').section('init');
  const all = b.bytes(Buffer.alloc(8, 0xff), 'all signals');
  const child = b.bytes(signalSet(SIG.CHLD), '{SIGCHLD}');
  b.call('prctl', [PR.SET_NAME, 'glassbox-init'], {
    say: { en: 'give pid 1 a name that ps shows', zh: '给 1 号进程起个 ps 能看到的名字' },
  });
  b.call('rt_sigprocmask', [SIG_SETMASK, all, 0, 8], {
    say: {
      en: 'block every signal: pid 1 takes them one at a time below',
      zh: '屏蔽所有信号：1 号进程在下面逐个取出处理',
    },
  });
  b.call('rt_sigtimedwait', [child, 0, 0, 8], {
    label: 'sleep',
    ignore: true,
    say: { en: 'sleep until some child has ended', zh: '睡眠，直到有子进程结束' },
  });
  b.call('wait4', [-1, 0, WNOHANG | WALL, 0], {
    label: 'reap',
    jumpIfZero: 'sleep',
    jumpIfError: 'sleep',
    say: {
      en: 'reap one ended child; without this it would stay a zombie',
      zh: '回收一个已结束的子进程；否则它会变成僵尸进程',
    },
  });
  b.goto('reap');
  return b.build();
}
