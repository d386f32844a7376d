import type { Bilingual } from '../api/types.js';
import type { DeedNote } from '../kernel/journal/deed.js';
import type { CgroupChange } from './changes.js';
import { CGROUP } from './deed.js';

/** What was done to control groups, in words. */
function tellCgroup(change: CgroupChange): readonly DeedNote[] {
  const { what, path, value, command, errno } = change;
  return [
    {
      domain: 'cgroup',
      act: actOf(change),
      command,
      man: what === 'cgroup program' ? 'bpf(2)' : 'cgroups(7)',
      explanation: what === 'cgroup write' ? written(path, value) : SAID[what],
      result: errno === undefined ? { ok: true } : { ok: false, errno },
    },
  ];
}

function actOf({ what, path, value }: CgroupChange): string {
  switch (what) {
    case 'cgroup write':
      return `write(${JSON.stringify(path)}, ${JSON.stringify(value)})`;
    case 'cgroup mkdir':
      return `mkdir(${JSON.stringify(path)}, 0755)`;
    case 'cgroup rmdir':
      return `rmdir(${JSON.stringify(path)})`;
    case 'cgroup program':
      return `bpf(BPF_PROG_ATTACH, ${JSON.stringify(path)}, ${value} instructions)`;
    case 'cgroup kill':
      return `kill(${value})`;
  }
}

const SAID: Readonly<Record<Exclude<CgroupChange['what'], 'cgroup write'>, Bilingual>> = {
  'cgroup mkdir': {
    en: 'make a control group: the kernel fills the directory with the files through which it is limited and measured',
    zh: '创建一个控制组：内核会在目录中自动生成用于限制和统计的文件',
  },
  'cgroup rmdir': { en: 'remove a control group that nobody is in any more', zh: '删除一个已没有进程的控制组' },
  'cgroup program': {
    en: 'attach a program that the kernel asks before a device of the group is used',
    zh: '附加一段 BPF 程序，组内进程使用设备前内核会先询问它',
  },
  'cgroup kill': { en: 'end a process that was left in the group', zh: '结束组内残留的一个进程' },
};

/** What a control file limits, by its name in either dialect. */
const MEANINGS: readonly (readonly [RegExp, Bilingual])[] = [
  [
    /^memory\.(limit_in_bytes|max)$/,
    { en: 'how much memory its processes may have together', zh: '组内进程合计可用的内存' },
  ],
  [/^memory\.(memsw\.limit_in_bytes)$/, { en: 'how much memory and swap together', zh: '内存与交换空间合计上限' }],
  [/^memory\.swap\.max$/, { en: 'how much may be swapped out', zh: '可换出到交换空间的上限' }],
  [
    /^memory\.(soft_limit_in_bytes|low)$/,
    { en: 'what is left to it when memory is short', zh: '内存紧张时为其保留的量' },
  ],
  [
    /^memory\.oom_control$/,
    { en: 'whether the kernel kills when its memory is full', zh: '内存用尽时是否由内核杀死进程' },
  ],
  [/^memory\.swappiness$/, { en: 'how readily its pages are swapped out', zh: '其内存页被换出的倾向' }],
  [/^cpu\.(shares|weight)$/, { en: 'its weight when the processors are contended', zh: '争用 CPU 时的权重' }],
  [/^cpu\.cfs_quota_us$/, { en: 'processor time in each period', zh: '每个周期内可用的 CPU 时间' }],
  [/^cpu\.cfs_period_us$/, { en: 'how long a period is', zh: '周期的长度' }],
  [/^cpu\.max$/, { en: 'processor time in each period, and the period', zh: '每个周期可用的 CPU 时间，以及周期长度' }],
  [/^cpuset\.cpus$/, { en: 'the processors that it may run on', zh: '允许使用的 CPU' }],
  [/^cpuset\.mems$/, { en: 'the memory nodes that it may use', zh: '允许使用的内存节点' }],
  [/^pids\.max$/, { en: 'how many processes and threads may exist in it', zh: '允许存在的进程和线程数' }],
  [/^devices\.allow$/, { en: 'a device that may be used', zh: '允许使用的设备' }],
  [/^devices\.deny$/, { en: 'devices that may not be used', zh: '禁止使用的设备' }],
  [/^(freezer\.state|cgroup\.freeze)$/, { en: 'whether its processes stand still', zh: '组内进程是否被冻结' }],
  [/^cgroup\.subtree_control$/, { en: 'controllers that the groups below it get', zh: '其子组可用的控制器' }],
  [/^cgroup\.type$/, { en: 'whether it is a group of threads', zh: '是否为线程组' }],
  [/^cgroup\.kill$/, { en: 'ends every process in it at once', zh: '一次结束组内所有进程' }],
  [/^(blkio|io)\./, { en: 'its share of disk bandwidth', zh: '磁盘带宽的份额' }],
  [/^hugetlb\./, { en: 'how many huge pages it may have', zh: '可用的大页数量' }],
  [/^net_(cls|prio)\./, { en: 'how its network traffic is marked', zh: '其网络流量的标记' }],
];

function written(path: string, value: string): Bilingual {
  const file = path.slice(path.lastIndexOf('/') + 1);
  const meaning = MEANINGS.find(([pattern]) => pattern.test(file))?.[1];
  return {
    en: `set ${file} of the group to ${value}${meaning === undefined ? '' : `: ${meaning.en}`}`,
    zh: `把该组的 ${file} 设为 ${value}${meaning === undefined ? '' : `：${meaning.zh}`}`,
  };
}

CGROUP.tellWith(tellCgroup);
