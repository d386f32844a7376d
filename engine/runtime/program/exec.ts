import { O, PR } from '../../kernel/constants.js';
import { guard } from '../guards.js';
import type { GroupPlan, ProcessPlan } from '../plan.js';
import { become, closeOthers, enterDirectory, findExecutable } from './become.js';
import { birth } from './birth.js';
import { openTerminal } from './console.js';
import { type CompiledProgram, joinGroups, joinKeyring, leaveIfAlone } from './container.js';
import { becomeRootOfUserNamespace, cloneProcess, dieWithParent, oomScore } from './go-between.js';
import { affinity, becomeUser, confine, limitsAndPriorities } from './identity.js';
import { apparmorOnExec } from './settings.js';
import { HOW_SIZE, Steps } from './steps.js';

/** A further process of a running container. */
export interface ExecPlan {
  readonly id: string;
  readonly process: ProcessPlan;
  /** Pidfd of the container's first process. */
  readonly target: number;
  /** CLONE_NEW… of the namespaces that are not ours already. */
  readonly namespaces: number;
  readonly entersUser: boolean;
  readonly groups: readonly GroupPlan[];
  readonly keyring: string | null;
  readonly fds: {
    readonly region: number;
    readonly parent: number;
    readonly stdio: readonly [number, number, number];
    readonly status: number;
    readonly console: number;
  };
}

/**
 * Another process in a container's namespaces. The first process enters them all at once by the container's pidfd and makes
 * the process as its sibling; nobody inside can look into it until it is the program that it was made for. Hold: `ready`.
 */
export function execProgram(plan: ExecPlan): CompiledProgram {
  const s = new Steps(`exec ${plan.process.process.args[0] ?? ''}`);
  const { fds, process } = plan;
  birth(s, {
    region: fds.region,
    stdio: fds.stdio,
    keep: [fds.region, fds.parent, fds.status, fds.console, plan.target, ...plan.groups.map(({ fd }) => fd)],
    preserveFds: process.preserveFds,
  });
  s.b.section('go-between');
  dieWithParent(s);
  leaveIfAlone(s, fds.parent);
  oomScore(s, process.oomScoreAdj);
  affinity(s, process.process.execCPUAffinity?.initial);
  joinGroups(s, { groups: plan.groups, namespaces: { cgroup: false } }, 'error adding pid 0 to cgroups');
  s.b.section('join');
  if (plan.namespaces !== 0)
    s.call('setns', [plan.target, plan.namespaces], {
      failure: 'failed to join the namespaces of the container',
      command: 'nsenter --all --target PID',
      say: {
        en: "enter the container's namespaces at once, named by its first process",
        zh: '以容器的首个进程为准，一次进入它的命名空间',
      },
    });
  if (plan.entersUser) becomeRootOfUserNamespace(s, process.setgroups);
  cloneProcess(s, 0, { shim: false, clone: 'process', into: 'init', pidfd: null, cgroup: null });
  s.call('exit_group', [0], { say: { en: 'the go-between has done its work', zh: '中间进程任务完成，退出' } });

  s.b.section('process');
  s.b.goto(null, { label: 'init' });
  dieWithParent(s);
  leaveIfAlone(s, fds.parent);
  if (guard('own-session')) s.call('setsid', [], { failure: 'setsid' });
  if (process.terminal !== null) {
    const root = s.slot('root');
    s.call('openat2', [-100, '/', s.how(O.PATH | O.DIRECTORY, 0), HOW_SIZE], { storeAt: root.data, failure: 'open /' });
    openTerminal(s, root, process.terminal, {
      socket: fds.console,
      bindConsole: false,
      owner: process.process.user.uid,
    });
  }
  affinity(s, process.process.execCPUAffinity?.final);
  apparmorOnExec(s, process.apparmor);
  joinKeyring(s, plan.keyring, null);
  limitsAndPriorities(s, process);
  closeOthers(s, process.preserveFds, [fds.parent, fds.status]);
  enterDirectory(s, process, () => {
    becomeUser(s, process);
    dieWithParent(s);
    leaveIfAlone(s, fds.parent);
  });
  const executable = findExecutable(s, process);
  s.b.section('start');
  s.call('umask', [process.umask]);
  s.b.goto(null, {
    label: 'ready',
    hold: true,
    say: { en: 'the engine does its part, and lets it go', zh: '引擎完成自己的部分，然后放行' },
  });
  s.call('prctl', [PR.SET_PDEATHSIG, 0], {
    say: { en: 'from here it lives on when the engine ends', zh: '从这里起，引擎结束后它仍然活着' },
  });
  confine(s, process);
  become(s, process, executable, { tell: false, reaper: -1 });
  return { program: s.build(), failures: s.failures, masterAt: null };
}
