import type { Bilingual, Namespace, NamespaceKind, Process } from '../../api/types.js';
import { NAMESPACE_KINDS, parseNamespaceId } from '../../kernel/namespaces/ids.js';
import { shellWord, type Teller, type Told } from './told.js';

const KIND_NAMES: Record<NamespaceKind, Bilingual> = {
  mnt: { en: 'mount namespace: a list of mounts of its own', zh: '挂载命名空间：拥有自己的挂载列表' },
  uts: { en: 'UTS namespace: a host name of its own', zh: 'UTS 命名空间：拥有自己的主机名' },
  ipc: {
    en: 'IPC namespace: its own message queues, semaphores and shared memory',
    zh: 'IPC 命名空间：拥有自己的消息队列、信号量和共享内存',
  },
  pid: { en: 'PID namespace: process numbers that begin at 1', zh: 'PID 命名空间：进程号从 1 开始' },
  net: {
    en: 'network namespace: its own devices, addresses, routes and firewall',
    zh: '网络命名空间：拥有自己的网卡、地址、路由和防火墙',
  },
  user: { en: 'user namespace: its own user ids and capabilities', zh: '用户命名空间：拥有自己的用户 ID 和权能' },
  cgroup: {
    en: 'cgroup namespace: its own root of the control group tree',
    zh: 'cgroup 命名空间：拥有自己的控制组树根',
  },
  time: { en: 'time namespace: its own boot and monotonic clocks', zh: '时间命名空间：拥有自己的启动时钟和单调时钟' },
};

export const tellNamespace: Teller = (change): Told => {
  const one = (change.after ?? change.before) as Namespace;
  const kind = NAMESPACE_KINDS[one.kind];
  const named = one.heldBy.find(({ how, path }) => how === 'bind-mount' && path !== undefined);
  const netnsName =
    one.kind === 'net' && named?.path !== undefined
      ? /^(?:\/var)?\/run\/netns\/(.+)$/.exec(named.path)?.[1]
      : undefined;
  const what = KIND_NAMES[one.kind];
  if (change.kind === 'added') {
    return {
      domain: 'syscall',
      act:
        netnsName === undefined
          ? `unshare(${kind.name})`
          : `unshare(${kind.name}); mount("/proc/self/ns/net", "${named?.path}", MS_BIND)`,
      command: netnsName === undefined ? `unshare ${kind.unshare}` : `ip netns add ${shellWord(netnsName)}`,
      man: netnsName === undefined ? kind.man : 'ip-netns(8)',
      explanation: { en: `A new ${what.en}.`, zh: `新建了一个${what.zh}。` },
    };
  }
  if (change.kind === 'removed') {
    return {
      domain: 'syscall',
      act: `${one.id} ended`,
      command: netnsName === undefined ? null : `ip netns del ${shellWord(netnsName)}`,
      man: netnsName === undefined ? 'namespaces(7)' : 'ip-netns(8)',
      explanation: {
        en: `Nothing held ${one.id} any more (no process, no bind mount, no open descriptor), so the kernel destroyed it.`,
        zh: `再没有任何东西（进程、绑定挂载或打开的描述符）持有 ${one.id}，内核将其销毁。`,
      },
    };
  }
  const before = change.before as Namespace;
  const gained = one.names.filter((name) => !before.names.includes(name));
  const holders = one.heldBy.filter(({ how }) => how !== 'process' && how !== 'hierarchy');
  const list = holders
    .map(({ how, path, pid, fd }) => path ?? `${how} ${fd ?? ''} of pid ${pid}`.replace('  ', ' '))
    .join(', ');
  const mounted = gained.length > 0 ? named : undefined;
  return {
    domain: mounted === undefined ? 'syscall' : 'mount',
    act:
      mounted?.path === undefined
        ? `${one.id} is now held by: ${list === '' ? 'its processes only' : list}`
        : `mount("/proc/…/ns/${one.kind}", "${mounted.path}", MS_BIND)`,
    command:
      mounted?.path === undefined
        ? null
        : `mount --bind /proc/${one.members[0] ?? 'PID'}/ns/${one.kind} ${shellWord(mounted.path)}`,
    man: 'namespaces(7)',
    explanation: {
      en:
        list === ''
          ? `Only its processes keep ${one.id} alive now.`
          : `What keeps ${one.id} alive beside its processes: ${list}.`,
      zh: list === '' ? `现在只有其中的进程在维持 ${one.id}。` : `除进程之外，维持 ${one.id} 存在的还有：${list}。`,
    },
  };
};

export const tellProcess: Teller = (change): Told => {
  const one = (change.after ?? change.before) as Process;
  const line = one.argv.length > 0 ? one.argv.map(shellWord).join(' ') : one.comm;
  if (change.kind === 'added') {
    return {
      domain: 'process',
      act: `clone() = ${one.pid}, execve("${one.argv[0] ?? one.comm}")`,
      command: line,
      man: 'clone(2)',
      explanation: {
        en: `Process ${one.pid} (${one.comm}) began, child of ${one.ppid}${one.nspid.length > 1 ? `; inside its own PID namespace it is ${one.nspid.at(-1)}` : ''}.`,
        zh: `进程 ${one.pid}（${one.comm}）启动，父进程为 ${one.ppid}${one.nspid.length > 1 ? `；在它自己的 PID 命名空间里是 ${one.nspid.at(-1)} 号` : ''}。`,
      },
    };
  }
  if (change.kind === 'removed') {
    return {
      domain: 'process',
      act: `process ${one.pid} was reaped`,
      command: null,
      man: 'wait(2)',
      explanation: {
        en: `Process ${one.pid} (${one.comm}) has ended and its parent has collected its status.`,
        zh: `进程 ${one.pid}（${one.comm}）已结束，父进程已回收其退出状态。`,
      },
    };
  }
  return tellProcessChange(change.before as Process, one, line);
};

function tellProcessChange(before: Process, after: Process, line: string): Told {
  const base = { domain: 'process' as const, command: null };
  const moved = Object.entries(after.namespaces).filter(
    ([kind, id]) => before.namespaces[kind as NamespaceKind] !== id,
  );
  if (after.state === 'Z' && before.state !== 'Z') {
    return {
      ...base,
      act: `exit_group() by ${after.pid}`,
      man: 'wait(2)',
      explanation: {
        en: `Process ${after.pid} (${after.comm}) has ended, but its parent has not collected its status yet: a zombie.`,
        zh: `进程 ${after.pid}（${after.comm}）已结束，但父进程还没有回收其状态：僵尸进程。`,
      },
    };
  }
  if (moved.length > 0 && before.state !== 'Z') {
    const flags = moved.flatMap(([, id]) => {
      const parsed = parseNamespaceId(id);
      return parsed === null ? [] : [parsed.kind];
    });
    return {
      ...base,
      domain: 'syscall',
      act: `unshare or setns(${flags.map((kind) => NAMESPACE_KINDS[kind].name).join('|')}) by ${after.pid}`,
      man: 'namespaces(7)',
      explanation: {
        en: `Process ${after.pid} (${after.comm}) is in another namespace now: ${moved.map(([, id]) => id).join(', ')}.`,
        zh: `进程 ${after.pid}（${after.comm}）进入了另外的命名空间：${moved.map(([, id]) => id).join('、')}。`,
      },
    };
  }
  if (before.comm !== after.comm || before.argv.join('\0') !== after.argv.join('\0')) {
    return {
      ...base,
      domain: 'syscall',
      act: `execve("${after.argv[0] ?? after.comm}") by ${after.pid}`,
      command: `exec ${line}`,
      man: 'execve(2)',
      explanation: {
        en: `Process ${after.pid} runs another program now: ${after.comm} instead of ${before.comm}. Its number and its namespaces stay.`,
        zh: `进程 ${after.pid} 换成了另一个程序：由 ${before.comm} 变为 ${after.comm}。进程号和命名空间不变。`,
      },
    };
  }
  if (before.root !== after.root) {
    return {
      ...base,
      domain: 'syscall',
      act: `chroot("${after.root}") by ${after.pid}`,
      command: `chroot ${shellWord(after.root)}`,
      man: 'chroot(2)',
      explanation: {
        en: `For process ${after.pid} the path / is ${after.root} now. That changes its view of paths, and nothing else.`,
        zh: `对进程 ${after.pid} 来说，路径 / 现在是 ${after.root}。改变的只是它看路径的方式。`,
      },
    };
  }
  if (JSON.stringify([before.uidMap, before.gidMap]) !== JSON.stringify([after.uidMap, after.gidMap])) {
    const map = after.uidMap.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`).join(', ');
    return {
      ...base,
      domain: 'file',
      act: `write("/proc/${after.pid}/uid_map", "${map}")`,
      command: `echo '${map}' > /proc/${after.pid}/uid_map`,
      man: 'user_namespaces(7)',
      explanation: {
        en: `The user ids of the user namespace of process ${after.pid} have got a meaning outside (inside, outside, count): ${map === '' ? 'none yet' : map}.`,
        zh: `进程 ${after.pid} 的用户命名空间建立了 ID 映射（内部、外部、数量）：${map === '' ? '尚无' : map}。`,
      },
    };
  }
  if (before.uid !== after.uid || before.gid !== after.gid) {
    return {
      ...base,
      domain: 'syscall',
      act: `setuid(${after.uid}), setgid(${after.gid}) by ${after.pid}`,
      man: 'credentials(7)',
      explanation: {
        en: `Process ${after.pid} (${after.comm}) runs as user ${after.uid}, group ${after.gid} now (was ${before.uid}, ${before.gid}).`,
        zh: `进程 ${after.pid}（${after.comm}）现在以用户 ${after.uid}、组 ${after.gid} 运行（原为 ${before.uid}、${before.gid}）。`,
      },
    };
  }
  if (before.capEff !== after.capEff || before.capBnd !== after.capBnd) {
    return {
      ...base,
      domain: 'syscall',
      act: `capset(effective ${after.capEff}, bounding ${after.capBnd}) by ${after.pid}`,
      man: 'capabilities(7)',
      explanation: {
        en: `The capabilities of process ${after.pid} (${after.comm}) changed: effective ${before.capEff} → ${after.capEff}.`,
        zh: `进程 ${after.pid}（${after.comm}）的权能改变：有效集 ${before.capEff} → ${after.capEff}。`,
      },
    };
  }
  if (before.seccomp !== after.seccomp || before.noNewPrivs !== after.noNewPrivs) {
    return {
      ...base,
      domain: 'syscall',
      act: `prctl(PR_SET_NO_NEW_PRIVS, ${after.noNewPrivs ? 1 : 0}), seccomp mode ${after.seccomp} by ${after.pid}`,
      man: 'seccomp(2)',
      explanation: {
        en: `Process ${after.pid} (${after.comm}) gave up rights for good: seccomp mode ${after.seccomp}, no_new_privs ${after.noNewPrivs ? 'on' : 'off'}.`,
        zh: `进程 ${after.pid}（${after.comm}）永久放弃了部分权利：seccomp 模式 ${after.seccomp}，no_new_privs ${after.noNewPrivs ? '开' : '关'}。`,
      },
    };
  }
  if (before.ppid !== after.ppid) {
    return {
      ...base,
      act: `parent of ${after.pid}: ${before.ppid} -> ${after.ppid}`,
      man: 'pid_namespaces(7)',
      explanation: {
        en: `The parent of process ${after.pid} (${after.comm}) ended; ${after.ppid} takes care of it now.`,
        zh: `进程 ${after.pid}（${after.comm}）的父进程已结束，现由 ${after.ppid} 收养。`,
      },
    };
  }
  if (before.oomScoreAdj !== after.oomScoreAdj) {
    return {
      ...base,
      domain: 'file',
      act: `write("/proc/${after.pid}/oom_score_adj", "${after.oomScoreAdj}")`,
      command: `echo ${after.oomScoreAdj} > /proc/${after.pid}/oom_score_adj`,
      man: 'proc_pid_oom_score_adj(5)',
      explanation: {
        en: `How readily the kernel kills process ${after.pid} when memory runs out: ${after.oomScoreAdj} (was ${before.oomScoreAdj}).`,
        zh: `内存耗尽时内核杀死进程 ${after.pid} 的倾向：${after.oomScoreAdj}（原为 ${before.oomScoreAdj}）。`,
      },
    };
  }
  const stopped = 'Tt'.includes(after.state);
  return {
    ...base,
    act: `${stopped ? 'SIGSTOP' : 'SIGCONT'} to ${after.pid}`,
    command: `kill -${stopped ? 'STOP' : 'CONT'} ${after.pid}`,
    man: 'signal(7)',
    explanation: {
      en: stopped
        ? `Process ${after.pid} (${after.comm}) was stopped.`
        : `Process ${after.pid} (${after.comm}) goes on.`,
      zh: stopped ? `进程 ${after.pid}（${after.comm}）被暂停。` : `进程 ${after.pid}（${after.comm}）继续运行。`,
    },
  };
}

export const tellHostname: Teller = (change): Told => ({
  domain: 'syscall',
  act: `sethostname("${change.name}", ${Buffer.byteLength(change.name)})`,
  command: `hostname ${shellWord(change.name)}`,
  man: 'sethostname(2)',
  explanation: {
    en: `The host name of this UTS namespace is ${change.name} now (was ${String(change.before)}). Other UTS namespaces keep theirs.`,
    zh: `此 UTS 命名空间的主机名现在是 ${change.name}（原为 ${String(change.before)}）。其他 UTS 命名空间不受影响。`,
  },
});
