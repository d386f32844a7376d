import { AT, SIG, SIG_SETMASK } from '../../kernel/constants.js';
import { CLONE_ARGS_SIZE } from '../../kernel/program/running.js';
import type { GuardPlan } from '../plan.js';
import type { Steps } from './steps.js';

const ITIMER_REAL = 0;
const SECONDS = 10;
const PAUSE_NS = 2_000_000;

/**
 * A process that waits until the engine says that the container is complete. If the engine dies instead, its pipe closes:
 * then the container's processes die by themselves, and this one removes the directories and files that were made for it.
 */
export function standBy(s: Steps, plan: GuardPlan | null): void {
  if (plan === null) return;
  s.call('clone3', [s.b.words([0, 0, 0, 0, SIG.CHLD, 0, 0, 0, 0, 0, 0], '{}'), CLONE_ARGS_SIZE], {
    jumpIfZero: 'stand-by',
    failure: 'failed to create the process that stands by',
    say: {
      en: 'a process that stands by: it removes what was made so far if the engine is killed before the container is complete',
      zh: '一个待命进程：如果引擎在容器建好之前被杀，由它清除已经建立的东西',
    },
  });
  s.later(() => {
    s.b.section('stand-by');
    s.call('setsid', [], { label: 'stand-by' });
    if (plan.pipe > 0) s.call('close_range', [0, plan.pipe - 1, 0]);
    s.call('close_range', [plan.pipe + 1, 0xffffffff, 0]);
    s.call('rt_sigprocmask', [SIG_SETMASK, s.b.bytes(notAlarm(), 'all but SIGALRM'), 0, 8]);
    s.call('read', [plan.pipe, s.b.bytes(Buffer.alloc(8), 'one byte'), 1], {
      jumpIfZero: 'engine-died',
      say: { en: 'wait for word from the engine, or for its end', zh: '等待引擎的消息，或它的终结' },
    });
    s.call('exit_group', [0], {
      say: { en: 'the container is complete: nothing to remove', zh: '容器已建好：没有什么要清除的' },
    });
    s.call('setitimer', [ITIMER_REAL, s.b.words([0, 0, SECONDS, 0], `{${SECONDS} s}`), 0], {
      label: 'engine-died',
      say: { en: 'give up after ten seconds', zh: '十秒后放弃' },
    });
    const pause = s.b.words([0, PAUSE_NS], '{2 ms}');
    plan.directories.forEach((directory, n) => {
      s.call('faccessat', [AT.FDCWD, directory, 0], {
        label: `remove-${n}`,
        accept: ['ENOENT'],
        jumpIfError: `removed-${n}`,
      });
      s.call('unlinkat', [AT.FDCWD, directory, AT.REMOVEDIR], {
        accept: ['ENOENT', 'EBUSY', 'ENOTEMPTY'],
        jumpIfError: `wait-${n}`,
        command: `rmdir ${directory}`,
      });
      s.b.goto(`removed-${n}`);
      s.call('nanosleep', [pause, 0], { label: `wait-${n}`, jump: `remove-${n}` });
      s.b.goto(null, { label: `removed-${n}` });
    });
    for (const file of plan.files)
      s.call('unlinkat', [AT.FDCWD, file, file.endsWith('/') ? AT.REMOVEDIR : 0], {
        ignore: true,
        command: `rm -d ${file}`,
      });
    s.call('exit_group', [0]);
  });
}

function notAlarm(): Buffer {
  const set = Buffer.alloc(8, 0xff);
  set.writeUInt8(0xff & ~(1 << 5), 1); // SIGALRM is 14
  return set;
}
