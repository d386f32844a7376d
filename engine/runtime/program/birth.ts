import { AT, CLOSE_RANGE_CLOEXEC, F, SIG_SETMASK } from '../../kernel/constants.js';
import { guard } from '../guards.js';
import type { Steps } from './steps.js';

/** struct sigaction of rt_sigaction(2): SIG_DFL, no flags, nothing blocked. */
const DEFAULT_ACTION = Buffer.alloc(32);
/** Signals that Node ignores, which an execve(2) does not change: SIGPIPE, SIGXFSZ. */
const IGNORED = [13, 25];

export interface BirthPlan {
  readonly region: number;
  readonly stdio: readonly [number, number, number];
  /** Descriptors that the first process needs; a negative number is none. */
  readonly keep: readonly number[];
  readonly preserveFds: number;
}

/**
 * From the clone to the image: the first process still borrows the engine's memory and has a copy of its descriptors.
 * It keeps those that it was given and becomes an image of one page, sealed, which holds nothing of the engine
 * (CVE-2019-5736, CVE-2024-21626).
 */
export function birth(s: Steps, plan: BirthPlan): void {
  s.b.section('birth');
  plan.stdio.forEach((fd, target) => {
    if (fd === target) s.call('fcntl', [fd, F.SETFD, 0]);
    else s.call('dup3', [fd, target, 0]);
  });
  if (guard('close-range'))
    s.call('close_range', [3 + plan.preserveFds, 0xffffffff, CLOSE_RANGE_CLOEXEC], {
      say: {
        en: 'every descriptor of the engine closes itself when this process becomes another program …',
        zh: '引擎的所有文件描述符：在本进程变成另一个程序时自动关闭……',
      },
    });
  for (const fd of [...new Set(plan.keep)].filter((one) => one >= 3 + plan.preserveFds))
    s.call('fcntl', [fd, F.SETFD, 0], {
      say: { en: '… but this one is needed for the start', zh: '……但这一个在启动过程中还要用' },
    });
  for (let fd = 3; fd < 3 + plan.preserveFds; fd++)
    s.call('fcntl', [fd, F.SETFD, 0], {
      say: {
        en: 'this file was given to the runtime for the container: it stays open, although Node marks all files to be closed',
        zh: '这个文件是交给运行时、供容器使用的：虽然 Node 给所有文件都加了执行时关闭的标记，它仍保持打开',
      },
    });
  s.call('rt_sigprocmask', [SIG_SETMASK, s.b.bytes(Buffer.alloc(8), 'none'), 0, 8]);
  const action = s.b.bytes(DEFAULT_ACTION, '{SIG_DFL}');
  for (const signal of IGNORED)
    s.call('rt_sigaction', [signal, action, 0, 8], {
      say: {
        en: 'the engine ignores this signal; the container must not inherit that',
        zh: '引擎忽略了这个信号；容器不能继承这一点',
      },
    });
  s.call('execveat', [0, '', s.b.vector(['glassbox-runtime', 'init']), s.b.vector([]), AT.EMPTY_PATH], {
    label: 'enter',
    say: {
      en: 'become a sealed image of one page that walks on in this list: from here nothing of the engine is in this process',
      zh: '变成一个只有一页、已封印的映像，并继续执行这份清单：从这里起，进程里不再有引擎的任何东西',
    },
  });
  s.call('close', [plan.region], { label: 'entered' });
}
