import type { DataRef } from '../../kernel/program/builder.js';
import { inside } from './inside.js';
import type { Steps } from './steps.js';

export const P_ALL = 0;
export const P_PIDFD = 3;
export const WEXITED = 4;
export const WALL = 0x40000000;
const WNOHANG = 1;
export const SIGINFO_SIZE = 128;
/** Offsets in siginfo_t of waitid(2). */
export const SI_CODE = 8;
export const SI_PID = 16;
export const SI_STATUS = 24;
/** An `si_code`: the process has ended by itself, and `si_status` is its exit status. */
export const CLD_EXITED = 1;

/** Reap one process that has ended, and go on at `reaped`; where there is none, at `none`. Comes again by the label `reap`. */
export function reapOne(s: Steps, info: DataRef, none: string): void {
  s.call('waitid', [P_ALL, 0, info, WEXITED | WNOHANG | WALL, 0], {
    label: 'reap',
    accept: ['ECHILD'],
    jumpIfError: none,
    say: { en: 'reap one process that has ended', zh: '回收一个已结束的进程' },
  });
  s.compare(info, SI_PID, 0, { accept: ['EAGAIN'], jumpIfError: 'reaped' });
  s.b.goto(none);
}

/** It was not the one that is waited for: see whether there is another. */
export function reapNext(s: Steps, info: DataRef, label?: string): void {
  s.b.set(inside(info, SI_PID), 0, {
    ...(label === undefined ? {} : { label }),
    store32: true,
    say: {
      en: 'it was an orphan; forget it, for waitid leaves the answer alone when nobody else has ended',
      zh: '是个孤儿进程；把它清掉，因为没有其他进程结束时 waitid 不会改写结果',
    },
  });
  s.b.goto('reap');
}
