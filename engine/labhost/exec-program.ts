import { CLOSE_RANGE_UNSHARE, F, PR, SIG_SETMASK, TIOC } from '../kernel/constants.js';
import { type Program, ProgramBuilder } from '../kernel/program/builder.js';
import { CLONE } from '../kernel/program/running.js';
import { noInjectionFilter, SECCOMP_SET_MODE_FILTER } from './terminal-filter.js';

/** A process to be started inside a lab host. */
export interface ExecPlan {
  readonly argv: readonly [string, ...string[]];
  /** `NAME=value` lines; PATH among them decides where `argv[0]` is looked for. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** Descriptors of ours that become its 0, 1 and 2. */
  readonly stdio: readonly [number, number, number];
  /** `new`: a session of its own, and descriptor 0 is its controlling terminal if `tty`. `group`: a process group of its own in our session, in the foreground of our terminal. Never our own group: kill(0) reaches it all. */
  readonly session: 'new' | 'group';
  readonly tty: boolean;
  /** Pidfd of the lab's pid 1. */
  readonly initPidfd: number;
  /** Descriptor of a network namespace to enter besides, or null. */
  readonly netFd: number | null;
  readonly manyIds: boolean;
}

const NAMESPACES =
  CLONE.NEWUSER | CLONE.NEWNS | CLONE.NEWPID | CLONE.NEWNET | CLONE.NEWUTS | CLONE.NEWIPC | CLONE.NEWCGROUP;
/** Where execve's failure shows: 127 not found, 126 found but not executable, as POSIX shells answer. */
export const NOT_FOUND = 127;
export const NOT_EXECUTABLE = 126;

/**
 * Start a process in a lab host: an intermediate child enters the namespaces and clones the process with CLONE_PARENT,
 * so that it is our child and yet inside the lab's pid namespace; then the intermediate leaves. The process waits at
 * `joined` until the parent has moved it into the lab's cgroups.
 */
export function execProgram(plan: ExecPlan): { program: Program; pidfdOffset: number } {
  const b = new ProgramBuilder(`exec ${plan.argv[0]}`).onFailure(null, 125);
  b.section('enter');
  b.call('prctl', [PR.SET_DUMPABLE, 0, 0, 0, 0], {
    say: {
      en: 'until it becomes another program it is a copy of the engine, memory and descriptors included: nobody in the lab may trace it',
      zh: '在变成另一个程序之前，它是引擎的副本（包括内存和描述符）：不许实验里的任何进程跟踪它',
    },
  });
  b.call('setns', [plan.initPidfd, NAMESPACES], {
    command: 'nsenter --all --target PID',
    say: {
      en: "enter the lab host's seven namespaces at once, named by its pid 1",
      zh: '以实验主机的 1 号进程为准，一次进入它的七个命名空间',
    },
  });
  if (plan.netFd !== null) b.call('setns', [plan.netFd, CLONE.NEWNET], { command: 'nsenter --net=FILE' });
  const pidfd = b.bytes(Buffer.alloc(8), 'pidfd');
  const cloneFlags = BigInt(CLONE.PIDFD | CLONE.PARENT) | CLONE.CLEAR_SIGHAND;
  b.call('clone3', [b.words([cloneFlags, pidfd, 0, 0, 0, 0, 0, 0, 0, 0, 0], '{CLONE_PIDFD|CLONE_PARENT}'), 88], {
    label: 'process',
    jumpIfZero: 'joined',
    say: {
      en: 'a pid namespace is entered by children only: make the process, as a sibling',
      zh: 'pid 命名空间只对子进程生效：以兄弟进程的身份创建它',
    },
  });
  b.call('exit_group', [0], { say: { en: 'the go-between has done its work', zh: '中间进程任务完成，退出' } });

  b.section('process');
  // still with our ids: cgroup v1 lets a process be moved only by root or by its own user
  b.goto(null, { label: 'joined', hold: true });
  b.call('setresgid', [0, 0, 0]);
  b.call('setgroups', [0, 0], plan.manyIds ? {} : { accept: ['EPERM'] });
  b.call('setresuid', [0, 0, 0]);
  if (plan.session === 'new') b.call('setsid', []);
  if (plan.session === 'group') b.call('setpgid', [0, 0]);
  plan.stdio.forEach((fd, target) => {
    if (fd === target) b.call('fcntl', [fd, F.SETFD, 0]);
    else b.call('dup3', [fd, target, 0]);
  });
  if (plan.tty && plan.session === 'new') b.call('ioctl', [0, TIOC.SCTTY, 0], { command: 'setsid --ctty' });
  if (plan.tty && plan.session === 'group') {
    const own = b.bytes(Buffer.alloc(8), 'own pid');
    b.call('rt_sigprocmask', [SIG_SETMASK, b.bytes(Buffer.alloc(8, 0xff), 'all'), 0, 8]);
    b.call('getpid', [], { storeAt: own, store32: true });
    b.call('ioctl', [0, TIOC.SPGRP, own], {
      ignore: true,
      say: {
        en: 'take the foreground of the terminal, so that Ctrl-C reaches this process',
        zh: '取得终端的前台，使 Ctrl-C 送到这个进程',
      },
    });
  }
  if (plan.session !== 'new') {
    b.call('seccomp', [SECCOMP_SET_MODE_FILTER, 0, noInjectionFilter(b)], {
      say: {
        en: "this terminal is the machine's: nothing may be put into its input as if it had been typed (TIOCSTI, CVE-2017-5226)",
        zh: '这个终端属于真实机器：不许往它的输入里塞字符冒充键入（TIOCSTI，CVE-2017-5226）',
      },
    });
  }
  b.call('rt_sigprocmask', [SIG_SETMASK, b.bytes(Buffer.alloc(8), 'none'), 0, 8]);
  b.call('close_range', [3, 0xffffffff, CLOSE_RANGE_UNSHARE]);
  b.call('umask', [0o022]);
  b.call('chdir', [plan.cwd], { label: 'cwd' });
  const argv = b.vector(plan.argv);
  const env = b.vector(plan.env);
  candidates(plan).forEach((path, n) => {
    b.call('execve', [path, argv, env], { label: `execve-${n}`, accept: ['ENOENT', 'EACCES', 'ENOTDIR'] });
  });
  b.call('exit_group', [NOT_FOUND]);
  return { program: b.build(), pidfdOffset: pidfd.offset };
}

/** The files that execvp(3) would try. */
function candidates(plan: ExecPlan): string[] {
  const name = plan.argv[0];
  if (name.includes('/')) return [name];
  if (name === '') return [];
  const path = plan.env.find((line) => line.startsWith('PATH='))?.slice(5) ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  return path.split(':').map((directory) => `${directory === '' ? '.' : directory}/${name}`);
}
