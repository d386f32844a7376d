import { O, SIG_SETMASK } from '../../kernel/constants.js';
import { type DataRef, dataAt, type SlotValue } from '../../kernel/program/builder.js';
import type { OutputPlan } from '../plan.js';
import { birth } from '../program/birth.js';
import { type CompiledProgram, leaveIfAlone } from '../program/container.js';
import { cloneProcess, dieWithParent } from '../program/go-between.js';
import { P_PIDFD, SIGINFO_SIZE, WALL, WEXITED } from '../program/reap.js';
import { shim } from '../program/shim.js';
import { Steps } from '../program/steps.js';

const PR_SET_CHILD_SUBREAPER = 36;
/** Not inherited by the runtime's program: the streams are, as 0, 1 and 2. */
const FIRST_OTHER = 3;

export interface OutsidePlan {
  readonly id: string;
  /** Absolute path of the runtime's program. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** The limit of open files that Node has raised for itself: [resource, soft, hard]. */
  readonly openFiles: readonly [number, bigint, bigint] | null;
  readonly fds: {
    readonly region: number;
    readonly parent: number;
    readonly stdio: readonly [number, number, number];
    readonly exit: number;
    /** A listening socket to which the runtime connects to send the terminal's master; -1 without a terminal. */
    readonly console: number;
    readonly output: OutputPlan | null;
  };
}

export interface OutsideProgram extends CompiledProgram {
  /** siginfo_t of the end of the runtime's program, filled in when `made` is reached. */
  readonly ended: DataRef;
}

/**
 * Our shim around another runtime's `create`: the runtime is its child, and leaves it the container's process, because it adopts
 * orphans (PR_SET_CHILD_SUBREAPER of prctl(2)). From there on it is the shim of every container of ours: it keeps streams and terminal,
 * and writes down how the process ended. Holds: `made` (the runtime has ended; the first argument becomes the pid that it
 * wrote down), `shim`.
 */
export function outsideProgram(plan: OutsidePlan): OutsideProgram {
  const { fds } = plan;
  const s = new Steps(`shim of ${plan.id}`);
  const { output } = fds;
  const kept = [output?.spool ?? -1, output?.stdout ?? -1, output?.stderr ?? -1, output?.stdin ?? -1];
  birth(s, {
    region: fds.region,
    stdio: fds.stdio,
    keep: [fds.region, fds.parent, fds.exit, fds.console, output?.control ?? -1, ...kept],
    preserveFds: 0,
  });
  s.b.section('go-between');
  dieWithParent(s);
  leaveIfAlone(s, fds.parent);
  s.call('prctl', [PR_SET_CHILD_SUBREAPER, 1], {
    say: {
      en: 'the runtime makes the container and leaves: what it leaves behind becomes a child of this process',
      zh: '运行时建好容器就离开：它留下的进程会成为本进程的子进程',
    },
  });
  // who ends before the shim's loop looks must still be heard of: a signal that is blocked waits
  s.call('rt_sigprocmask', [SIG_SETMASK, s.b.bytes(Buffer.alloc(8, 0xff), 'all signals'), 0, 8]);
  s.b.section('clone');
  const runtime = s.b.slot('runtime');
  const container = s.b.slot('container');
  cloneProcess(s, 0, { shim: true, clone: 'process', into: 'runtime', pidfd: runtime.data, cgroup: null });
  const ended = s.b.bytes(Buffer.alloc(SIGINFO_SIZE), 'siginfo');
  s.call('waitid', [P_PIDFD, runtime, ended, WEXITED | WALL, 0], {
    label: 'ran',
    accept: ['EINTR'],
    jumpIfError: 'ran',
    say: { en: 'until the runtime has made the container', zh: '等待运行时建好容器' },
  });
  s.call('close', [runtime]);
  s.call('pidfd_open', [0, 0], {
    label: 'made',
    hold: true,
    storeAt: container.data,
    say: {
      en: "the engine reads which process the runtime made: from here it is this shim's",
      zh: '引擎读出运行时创建的进程号：从此由本 shim 看管',
    },
  });
  const master = shim(s, { exit: fds.exit, console: accepted(s, fds.console), pidfd: container, output });
  runtimeItself(s, plan);
  const program = s.build();
  return {
    program,
    failures: s.failures,
    masterAt: master === null ? null : dataAt(program) + master.data.offset + master.at,
    ended,
  };
}

function accepted(s: Steps, listener: number): number | SlotValue {
  if (listener < 0) return -1;
  const connection = s.b.slot('connection');
  s.call('accept4', [listener, 0, 0, O.CLOEXEC], {
    storeAt: connection.data,
    say: { en: 'the runtime has connected to hand over the terminal', zh: '运行时已连接上来，准备交出终端' },
  });
  return connection;
}

/** The child that becomes the runtime's program: nothing of ours goes with it but the container's streams. */
function runtimeItself(s: Steps, { program, args, env, openFiles, fds }: OutsidePlan): void {
  s.later(() => {
    s.b.section('runtime');
    s.b.goto(null, { label: 'runtime' });
    dieWithParent(s);
    leaveIfAlone(s, fds.parent);
    s.call('rt_sigprocmask', [SIG_SETMASK, s.b.bytes(Buffer.alloc(8), 'none'), 0, 8]);
    if (openFiles !== null) {
      const [resource, soft, hard] = openFiles;
      s.call('prlimit64', [0, resource, s.b.words([soft, hard], `{${soft}, ${hard}}`), 0]);
    }
    s.call('close_range', [FIRST_OTHER, 0xffffffff, 0]);
    s.call('execve', [program, s.b.vector([program, ...args]), s.b.vector(env)], {
      label: 'execve',
      failure: `exec: "${program}"`,
      say: {
        en: 'become the runtime that was asked for: what it does, only it knows',
        zh: '变成所要求的运行时：它做了什么，只有它自己知道',
      },
    });
  });
}
