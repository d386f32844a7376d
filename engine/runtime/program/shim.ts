import { PR, SIG_SETMASK } from '../../kernel/constants.js';
import type { InsideRef, SlotValue } from '../../kernel/program/builder.js';
import type { OutputPlan } from '../plan.js';
import { P_ALL, SIGINFO_SIZE, WALL, WEXITED } from './reap.js';
import { keepOutput } from './shim-output.js';
import type { Steps } from './steps.js';

const PR_SET_CHILD_SUBREAPER = 36;
/** A control message with one descriptor, cmsg(3), and where the descriptor's number is in it. */
const CONTROL_SIZE = 24;
const CONTROL_DATA = 16;

export interface ShimPlan {
  readonly exit: number;
  /** Our end of the socket pair through which the process sends its terminal's master, or a connection; -1 without a terminal. */
  readonly console: number | SlotValue;
  readonly pidfd: SlotValue;
  readonly output: OutputPlan | null;
}

/**
 * The first process of a container stays as its shim: parent of the container's process, holder of its standard streams
 * and of its terminal, and the one that writes down how it ended. It outlives the engine and is a page of code and the
 * pages of this list that it touches. Descriptors are fetched from it with pidfd_getfd(2): where the number of the terminal's
 * master stands is returned, null without a terminal.
 */
export function shim(s: Steps, plan: ShimPlan): InsideRef | null {
  s.b.section('shim');
  const info = s.b.bytes(Buffer.alloc(SIGINFO_SIZE), 'siginfo');
  let master: InsideRef | null = null;
  s.b.goto(null, { label: 'shim', hold: true, say: { en: 'until the container is complete', zh: '等到容器建好' } });
  s.call('prctl', [PR.SET_PDEATHSIG, 0], {
    say: { en: 'from here it lives on when the engine ends', zh: '从这里起，引擎结束后它仍然活着' },
  });
  s.call('prctl', [PR_SET_CHILD_SUBREAPER, 1]);
  s.call('prctl', [PR.SET_NAME, 'glassbox-shim']);
  s.call('setsid', [], { accept: ['EPERM'] });
  s.call('chdir', ['/']);
  s.call('rt_sigprocmask', [SIG_SETMASK, s.b.bytes(Buffer.alloc(8, 0xff), 'all signals'), 0, 8]);
  if (typeof plan.console === 'object' || plan.console >= 0) {
    const control = s.b.bytes(Buffer.alloc(CONTROL_SIZE), 'master');
    master = { kind: 'inside', data: control, at: CONTROL_DATA };
    const text = s.b.bytes(Buffer.alloc(64), 'name');
    const vector = s.b.words([text, 64], '{name}');
    const header = s.b.words([0, 0, vector, 1, control, CONTROL_SIZE, 0], '{SCM_RIGHTS}');
    s.call('recvmsg', [plan.console, header, 0], {
      label: 'master',
      say: { en: "keep the master side of the container's terminal", zh: '保管容器终端的主端' },
    });
  }
  if (plan.output !== null) {
    keepOutput(s, { ...plan, plan: plan.output, master, info, infoSize: SIGINFO_SIZE });
    return master;
  }
  s.call('waitid', [P_ALL, 0, info, WEXITED | WALL, 0], {
    label: 'wait',
    accept: ['EINTR'],
    jumpIfError: 'wait',
    say: { en: 'sleep until the container, or an orphan of it, has ended', zh: '睡眠，直到容器（或它的孤儿进程）结束' },
  });
  s.call('pidfd_send_signal', [plan.pidfd, 0, 0, 0], {
    jumpIfZero: 'wait',
    accept: ['ESRCH'],
    say: {
      en: "is the container's process still there? then it was an orphan: wait on",
      zh: '容器进程还在吗？在的话，刚才是个孤儿：继续等待',
    },
  });
  s.call('pwrite64', [plan.exit, info, SIGINFO_SIZE, 0], {
    say: { en: 'write down how it ended', zh: '记下它是怎样结束的' },
  });
  s.call('exit_group', [0]);
  return master;
}
