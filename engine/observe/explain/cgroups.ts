import type { Cgroup, Snapshot } from '../../api/types.js';
import type { CgroupLimit, CgroupMember } from '../diff/cgroups.js';
import { shellWord, type Teller, type Told } from './told.js';

/** Path of a group, or a file of it, where the lab sees the hierarchy mounted. */
function pathOf(snapshot: Snapshot, hierarchy: string, path: string, file?: string): string {
  const at = snapshot.cgroups.hierarchies.find(({ name }) => name === hierarchy)?.mountPoint ?? '/sys/fs/cgroup';
  return `${at}${path === '/' ? '' : path}${file === undefined ? '' : `/${file}`}`;
}

export const tellCgroup: Teller = (change, snapshot): Told => {
  const group = (change.after ?? change.before) as Cgroup;
  const path = pathOf(snapshot, group.hierarchy, group.path);
  const which =
    group.hierarchy === ''
      ? { en: 'the v2 hierarchy', zh: 'v2 层级' }
      : { en: `the ${group.hierarchy} hierarchy`, zh: `${group.hierarchy} 层级` };
  if (change.kind === 'added') {
    return {
      domain: 'cgroup',
      act: `mkdir("${path}", 0755)`,
      command: `mkdir ${shellWord(path)}`,
      man: 'cgroups(7)',
      explanation: {
        en: `A control group ${group.path} was made in ${which.en}. The kernel filled the directory with its files; no process is in it yet.`,
        zh: `在${which.zh}中创建了控制组 ${group.path}。内核自动生成了目录里的文件；其中还没有进程。`,
      },
    };
  }
  if (change.kind === 'removed') {
    return {
      domain: 'cgroup',
      act: `rmdir("${path}")`,
      command: `rmdir ${shellWord(path)}`,
      man: 'cgroups(7)',
      explanation: {
        en: `The control group ${group.path} of ${which.en} was removed; it had no processes and no groups below it.`,
        zh: `${which.zh}中的控制组 ${group.path} 已删除；它没有进程，也没有子组。`,
      },
    };
  }
  return tellEvents(change.before as Cgroup, group);
};

function tellEvents(before: Cgroup, after: Cgroup): Told {
  const kills = (after.memory?.oomKills ?? 0) - (before.memory?.oomKills ?? 0);
  if (kills > 0) {
    return {
      domain: 'cgroup',
      act: `oom_kill in ${after.path}: ${after.memory?.oomKills}`,
      command: null,
      man: 'cgroups(7)',
      explanation: {
        en: `The group ${after.path} needed more memory than its limit of ${after.memory?.limit ?? 'none'} bytes, so the kernel killed ${kills} process${kills === 1 ? '' : 'es'} of it.`,
        zh: `控制组 ${after.path} 所需内存超过其上限 ${after.memory?.limit ?? '无'} 字节，内核杀死了其中 ${kills} 个进程。`,
      },
    };
  }
  if ((after.pids?.hitMax ?? 0) > (before.pids?.hitMax ?? 0)) {
    return {
      domain: 'cgroup',
      act: `fork() = -EAGAIN in ${after.path}`,
      command: null,
      man: 'cgroups(7)',
      explanation: {
        en: `A fork in ${after.path} was refused: the group has as many processes as pids.max allows (${after.pids?.max ?? 'max'}).`,
        zh: `${after.path} 中的一次 fork 被拒绝：进程数已达 pids.max（${after.pids?.max ?? 'max'}）。`,
      },
    };
  }
  const under = after.memory?.underOom === true;
  return {
    domain: 'cgroup',
    act: `under_oom of ${after.path}: ${under ? 1 : 0}`,
    command: null,
    man: 'cgroups(7)',
    explanation: {
      en: under
        ? `The group ${after.path} is out of memory and its processes wait.`
        : `The group ${after.path} has memory again.`,
      zh: under ? `控制组 ${after.path} 内存已耗尽，其中的进程在等待。` : `控制组 ${after.path} 又有可用内存了。`,
    },
  };
}

export const tellMember: Teller = (change, snapshot): Told => {
  const member = (change.after ?? change.before) as CgroupMember;
  const file = pathOf(snapshot, member.hierarchy, member.path, 'cgroup.procs');
  if (change.kind === 'removed') {
    return {
      domain: 'cgroup',
      act: `pid ${member.pid} left ${member.path}`,
      command: null,
      man: 'cgroups(7)',
      explanation: {
        en: `Process ${member.pid} (${member.comm}) is no longer in ${member.path}: a process is in one group of each hierarchy, so entering another is leaving.`,
        zh: `进程 ${member.pid}（${member.comm}）离开了 ${member.path}：进程在每个层级中只属于一个组，进入另一个组就离开了原来的组。`,
      },
    };
  }
  return {
    domain: 'cgroup',
    act: `write("${file}", "${member.pid}")`,
    command: `echo ${member.pid} > ${shellWord(file)}`,
    man: 'cgroups(7)',
    explanation: {
      en: `Process ${member.pid} (${member.comm}) is in ${member.path} now${member.from === null ? '' : ` (was in ${member.from})`}; the children that it makes from now on begin there.`,
      zh: `进程 ${member.pid}（${member.comm}）进入了 ${member.path}${member.from === null ? '' : `（原在 ${member.from}）`}；它之后创建的子进程也从那里开始。`,
    },
  };
};

/** The file behind a limit in both dialects, and its value as it is written there. */
function fileOf(limit: CgroupLimit): { file: string; value: string } {
  const v2 = limit.hierarchy === '';
  const text = String(limit.value ?? '');
  switch (limit.field) {
    case 'memory.limit':
      return v2
        ? { file: 'memory.max', value: limit.value === null ? 'max' : text }
        : { file: 'memory.limit_in_bytes', value: limit.value === null ? '-1' : text };
    case 'memory.swapLimit':
      return v2
        ? { file: 'memory.swap.max', value: limit.value === null ? 'max' : text }
        : { file: 'memory.memsw.limit_in_bytes', value: limit.value === null ? '-1' : text };
    case 'cpu.quotaUs':
      return v2
        ? { file: 'cpu.max', value: limit.value === null ? 'max' : text }
        : { file: 'cpu.cfs_quota_us', value: limit.value === null ? '-1' : text };
    case 'cpu.periodUs':
      return v2 ? { file: 'cpu.max', value: `max ${text}` } : { file: 'cpu.cfs_period_us', value: text };
    case 'pids.max':
      return { file: 'pids.max', value: limit.value === null ? 'max' : text };
    case 'freezer.state':
      return v2
        ? { file: 'cgroup.freeze', value: limit.value === 'THAWED' ? '0' : '1' }
        : { file: 'freezer.state', value: limit.value === 'FREEZING' ? 'FROZEN' : text };
    default:
      return { file: limit.field, value: text };
  }
}

const MEANINGS: Readonly<Record<string, { en: string; zh: string }>> = {
  'memory.limit': { en: 'bytes of memory that its processes may have together', zh: '组内进程合计可用的内存字节数' },
  'memory.swapLimit': { en: 'bytes that may be swapped out', zh: '可换出的字节数' },
  'cpu.shares': { en: 'its weight when the processor is contended', zh: '争用 CPU 时的权重' },
  'cpu.weight': { en: 'its weight when the processor is contended', zh: '争用 CPU 时的权重' },
  'cpu.quotaUs': { en: 'microseconds of processor time in each period', zh: '每个周期内可用的 CPU 微秒数' },
  'cpu.periodUs': { en: 'microseconds of one period of the quota', zh: '配额周期的微秒数' },
  'pids.max': { en: 'processes and threads that may exist in it', zh: '允许存在的进程和线程数' },
  'cpuset.cpus': { en: 'processors that it may run on', zh: '允许使用的 CPU' },
  'cpuset.mems': { en: 'memory nodes that it may use', zh: '允许使用的内存节点' },
  'freezer.state': { en: 'whether its processes run or stand still', zh: '组内进程运行还是冻结' },
};

export const tellLimit: Teller = (change, snapshot): Told => {
  const limit = (change.after ?? change.before) as CgroupLimit;
  const before = change.before as CgroupLimit | undefined;
  const { file, value } = fileOf(limit);
  const path = pathOf(snapshot, limit.hierarchy, limit.path, file);
  const meaning = MEANINGS[limit.field] ?? { en: limit.field, zh: limit.field };
  const text = (one: CgroupLimit | undefined, none: string): string =>
    one?.value === null || one?.value === undefined || one.value === '' ? none : String(one.value);
  return {
    domain: 'cgroup',
    act: `write("${path}", "${value}")`,
    command: `echo ${shellWord(value)} > ${shellWord(path)}`,
    man: 'cgroups(7)',
    explanation: {
      en: `${file} of ${limit.path}: ${text(before, 'no limit')} → ${text(limit, 'no limit')} (${meaning.en}).`,
      zh: `${limit.path} 的 ${file}：${text(before, '无限制')} → ${text(limit, '无限制')}（${meaning.zh}）。`,
    },
  };
};
