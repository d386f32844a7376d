import { AT, MOUNT_ATTR, MS, O, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE, PR, SIG } from '../../kernel/constants.js';
import type { DataRef, SlotValue } from '../../kernel/program/builder.js';
import { CLONE, CLONE_ARGS_SIZE } from '../../kernel/program/running.js';
import { guard } from '../guards.js';
import type { BindPlan, ContainerPlan, MountPlan, NamespacesPlan } from '../plan.js';
import type { Steps } from './steps.js';

/** Trees that are taken hold of while the machine is still seen: the root, and sources of bind mounts; others when it is their turn. */
export interface Sources {
  readonly root: SlotValue;
  readonly binds: ReadonlyMap<MountPlan, SlotValue>;
  readonly propagation: number;
}

/** Die with the engine, for whoever kills it in the middle of a start wants no half of a container. */
export function dieWithParent(s: Steps): void {
  s.call('prctl', [PR.SET_PDEATHSIG, SIG.KILL], {
    say: {
      en: 'until the container is complete: die with whoever started it',
      zh: '在容器建好之前：启动者一死，自己也死',
    },
  });
}

/** Text for /proc/self/oom_score_adj, proc(5). Raising is free; the machine's other processes are worth more than a container. */
export function oomScore(s: Steps, score: number | null): void {
  if (score === null) return;
  const file = s.slot('oom_score_adj');
  const text = String(score);
  const failure = (errno: string): string =>
    `failed to set oom_score_adj to ${score}: ${errno === 'permission denied' ? 'only a privileged runtime may lower it' : errno}`;
  s.call('openat', [AT.FDCWD, '/proc/self/oom_score_adj', O.WRONLY | O.CLOEXEC, 0], { storeAt: file.data, failure });
  s.call('write', [file, s.b.bytes(Buffer.from(text), JSON.stringify(text)), text.length], {
    failure,
    command: `echo ${text} > /proc/self/oom_score_adj`,
    say: {
      en: 'how readily the kernel ends this process when memory runs out',
      zh: '内存耗尽时内核有多愿意结束这个进程',
    },
  });
}

/**
 * Whether the container's own process opens the sources: in a new mount namespace it sees the machine until it leaves the root.
 * As root of a user namespace it may not go to all of them, but where it is no more than its maker it must, for a copy of a
 * mount can be made in a namespace of one's own only (open_tree(2), EPERM).
 */
export function opensInside({ sourcesInside, namespaces }: ContainerPlan): boolean {
  const inUser = namespaces.user || namespaces.join.some(({ type }) => type === 'user');
  return sourcesInside || (!inUser && (namespaces.clone & CLONE.NEWNS) !== 0);
}

/**
 * Whether the copy of a source is made when its mount's turn has come. The kernel lists mounts by age (since Linux 6.8), and so
 * they are listed as the config has them. Where mounts of the machine are to be shared their copies are older: the root's
 * parent has left its peers by then.
 */
function opensInTurn(plan: ContainerPlan): boolean {
  return opensInside(plan) && [0, MS.SLAVE | MS.REC, MS.PRIVATE | MS.REC].includes(plan.propagation);
}

/** Open the root and sources of bind mounts as detached copies: nothing of the machine is mounted in the container by name. */
export function openSources(s: Steps, plan: ContainerPlan): Sources {
  s.b.section('sources');
  const root = s.slot('root');
  s.call('open_tree', [AT.FDCWD, plan.rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT.RECURSIVE], {
    storeAt: root.data,
    failure: `error jailing process inside rootfs: ${plan.rootfs}`,
    command: `mount --rbind ${plan.rootfs} …`,
    say: {
      en: "take hold of the container's root file system, as a mount that is nowhere yet",
      zh: '取得容器的根文件系统：一个还没有放到任何地方的挂载',
    },
  });
  // pivot_root(2) takes no root that is shared, and no mount of the container may show on the machine through it; what
  // `rootfsPropagation` decides is how the machine's mounts that are bound are seen
  const follows = plan.propagation === 0 || plan.propagation === (MS.SLAVE | MS.REC);
  propagate(s, root, (follows ? MS.SLAVE : MS.PRIVATE) | MS.REC, 'error jailing process inside rootfs');
  const early = opensInTurn(plan) ? [] : plan.mounts;
  const binds = new Map<MountPlan, SlotValue>();
  for (const mount of early)
    if (mount.kind === 'bind' && mount.tree === null) binds.set(mount, openBind(s, mount, plan.propagation));
  return { root, binds, propagation: plan.propagation };
}

/** A detached copy of what is bound. */
export function openBind(s: Steps, mount: BindPlan, propagation: number): SlotValue {
  const slot = s.slot(`source of ${mount.destination}`);
  const failure = `error mounting "${mount.source}" to rootfs at "${mount.destination}"`;
  const recursive = mount.options.rbind;
  s.call('open_tree', [AT.FDCWD, mount.source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT.RECURSIVE : 0)], {
    storeAt: slot.data,
    failure,
    command: `mount --${recursive ? 'r' : ''}bind ${mount.source} …`,
    say: {
      en: `take hold of ${mount.source} while the machine's files can still be named`,
      zh: `趁还能用名字找到机器上的文件，先取得 ${mount.source}`,
    },
  });
  // what the container's mount namespace as a whole gets, so that its mounts do not travel back unless that was asked for;
  // without `r` only the mount of the root itself was meant
  const whole = propagation === 0 ? MS.SLAVE | MS.REC : propagation;
  if ((whole & MS.REC) !== 0) propagate(s, slot, whole, failure);
  return slot;
}

/** mount_setattr(2) with only a propagation type. */
export function propagate(s: Steps, tree: SlotValue, flags: number, failure: string): void {
  const type = flags & (MS.SHARED | MS.SLAVE | MS.PRIVATE | MS.UNBINDABLE);
  const name =
    type === MS.SHARED ? 'shared' : type === MS.SLAVE ? 'slave' : type === MS.PRIVATE ? 'private' : 'unbindable';
  const recursive = (flags & MS.REC) !== 0;
  s.call(
    'mount_setattr',
    [
      tree,
      '',
      AT.EMPTY_PATH | (recursive ? AT.RECURSIVE : 0),
      s.b.words([0, 0, type, 0], `{propagation: MS_${name.toUpperCase()}}`),
      32,
    ],
    {
      failure,
      command: `mount --make-${recursive ? 'r' : ''}${name} …`,
      say:
        type === MS.SHARED
          ? { en: 'mounts made on either side show on the other', zh: '任一侧新建的挂载在另一侧都可见' }
          : type === MS.SLAVE
            ? {
                en: 'mounts of the machine show here, those made here stay here',
                zh: '机器上的挂载会出现在这里，这里的挂载只留在这里',
              }
            : { en: 'mounts made here stay here, and the other way round', zh: '两侧的挂载互不影响' },
    },
  );
}

/** mount_setattr(2) with attributes to set and to clear. */
export function setAttributes(
  s: Steps,
  tree: SlotValue,
  { set, clear, recursive }: { set: number; clear: number; recursive: boolean },
  options: { failure: string; command?: string },
): void {
  const name = (bits: number): string =>
    Object.entries(MOUNT_ATTR)
      .filter(([key, bit]) => bit !== 0 && key !== 'ATIME' && (bits & bit) === bit)
      .map(([key]) => key)
      .join('|') || '0';
  s.call(
    'mount_setattr',
    [
      tree,
      '',
      AT.EMPTY_PATH | (recursive ? AT.RECURSIVE : 0),
      s.b.words([set, clear, 0, 0], `{set: ${name(set)}, clear: ${name(clear)}}`),
      32,
    ],
    options,
  );
}

/** Enter namespaces that exist already. setns(2) */
export function joinNamespaces(s: Steps, plan: NamespacesPlan): void {
  if (plan.join.length === 0) return;
  s.b.section('join');
  for (const { type, flag, fd, path } of plan.join)
    s.call('setns', [fd, flag], {
      command: `nsenter --${type === 'network' ? 'net' : type}=${path}`,
      failure: `failed to join ${type} namespace ${path}`,
      say: { en: `enter the ${type} namespace ${path}`, zh: `进入 ${type} 命名空间 ${path}` },
    });
  if (plan.join.some(({ type }) => type === 'user')) becomeRootOfUserNamespace(s, plan.setgroups);
}

/** The ids that came along have no meaning in there; root of the namespace owns what is made in it. */
export function becomeRootOfUserNamespace(s: Steps, setgroups: boolean): void {
  const failure = 'failed to become root in the user namespace';
  s.call('setresgid', [0, 0, 0], { failure });
  if (setgroups) s.call('setgroups', [0, 0], { accept: ['EPERM'], failure });
  s.call('setresuid', [0, 0, 0], { failure });
  dieWithParent(s);
}

/** A new user namespace; the parent writes its maps while the process is held at `mapped`. user_namespaces(7) */
export function userNamespace(s: Steps, plan: NamespacesPlan): void {
  if (!plan.user) return;
  s.b.section('user namespace');
  s.call('unshare', [CLONE.NEWUSER], {
    failure: 'failed to unshare user namespace',
    command: 'unshare --user',
    say: {
      en: 'a user namespace of its own: root in here is an ordinary user outside',
      zh: '自己的 user 命名空间：里面的 root 在外面只是普通用户',
    },
  });
  s.call('setresgid', [0, 0, 0], {
    label: 'mapped',
    hold: true,
    failure: 'failed to become root in the user namespace',
  });
  if (plan.setgroups) s.call('setgroups', [0, 0], { failure: 'failed to drop groups in the user namespace' });
  s.call('setresuid', [0, 0, 0], { failure: 'failed to become root in the user namespace' });
  dieWithParent(s);
}

/** A time namespace for the children, with its offsets, which can be set as long as nobody is in it. time_namespaces(7) */
export function timeNamespace(s: Steps, offsets: string | null): void {
  if (offsets === null) return;
  s.call('unshare', [CLONE.NEWTIME], { command: 'unshare --time', failure: 'failed to unshare time namespace' });
  if (offsets === '') return;
  const file = s.slot('timens_offsets');
  const failure = 'failed to set the offsets of the time namespace';
  s.call('openat', [AT.FDCWD, '/proc/self/timens_offsets', O.WRONLY | O.CLOEXEC, 0], { storeAt: file.data, failure });
  s.call('write', [file, s.b.bytes(Buffer.from(offsets), JSON.stringify(offsets)), Buffer.byteLength(offsets)], {
    failure,
  });
}

/**
 * Make the container's process, in its new namespaces, as our sibling (its parent is then the engine), or as our child
 * when we stay as its shim. Nobody in a pid namespace that it joins may look into it: it is not dumpable until it
 * becomes the container's program (CVE-2016-9962).
 */
export function cloneProcess(
  s: Steps,
  flags: number,
  {
    shim,
    clone,
    into,
    pidfd,
    cgroup,
  }: { shim: boolean; clone: string; into: string; pidfd: DataRef | null; cgroup: number | null },
): void {
  if (guard('non-dumpable'))
    s.call('prctl', [PR.SET_DUMPABLE, 0], {
      say: {
        en: 'nobody in a namespace that it enters may trace it or read its memory before it is the container',
        zh: '在变成容器之前，所进入的命名空间里谁都不许跟踪它、读取它的内存',
      },
    });
  const number = s.b.slot('pid', 0);
  const plain = BigInt(
    (flags | CLONE.PARENT_SETTID | (shim ? 0 : CLONE.PARENT) | (pidfd === null ? 0 : CLONE.PIDFD)) >>> 0,
  );
  const all = cgroup === null ? plain : plain | CLONE.INTO_CGROUP;
  const names = Object.entries(CLONE)
    .filter(([, bit]) => (all & (typeof bit === 'bigint' ? bit : BigInt(bit >>> 0))) !== 0n)
    .map(([name]) => `CLONE_${name}`);
  s.call(
    'clone3',
    [
      // a shim waits for this signal; an execve(2) would set it, but the start may fail before
      s.b.words(
        [all, pidfd ?? 0, 0, number.data, shim ? SIG.CHLD : 0, 0, 0, 0, 0, 0, cgroup ?? 0],
        `{${names.join('|')}}`,
      ),
      CLONE_ARGS_SIZE,
    ],
    {
      label: clone,
      jumpIfZero: into,
      failure: 'failed to create new parent process',
      say: {
        en: "the container's process is born, in the namespaces that the flags name",
        zh: '容器的进程诞生了，出生在标志所指的命名空间里',
      },
    },
  );
}
