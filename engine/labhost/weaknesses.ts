import type { LabWeakness } from '../api/types.js';

/** The ways in which a lab can be weaker than the best of this design, each with its remedy. */
export const WEAKNESSES = {
  oneUser: {
    what: 'one-user',
    text: {
      en: 'only one user exists in this lab: you have no range of subordinate ids, so other owners show as nobody',
      zh: '这个实验里只有一个用户：你没有从属 ID 范围，其他属主都显示为 nobody',
    },
    remedy: {
      en: 'as root: apt-get install uidmap, then usermod --add-subuids 100000-165535 --add-subgids 100000-165535 YOUR_NAME',
      zh: '以 root 执行：apt-get install uidmap，再执行 usermod --add-subuids 100000-165535 --add-subgids 100000-165535 你的用户名',
    },
  },
  noCgroup: {
    what: 'no-cgroup',
    text: {
      en: 'no control group can be made here, so limits cannot be set and the lesson on cgroups cannot run',
      zh: '这里无法创建 cgroup，因此不能设置资源限制，cgroup 一课无法进行',
    },
    remedy: {
      en: 'start it as root, or inside a delegated scope: systemd-run --user --scope -p Delegate=yes glassbox',
      zh: '以 root 启动，或在委派的 scope 里启动：systemd-run --user --scope -p Delegate=yes glassbox',
    },
  },
  noController: {
    what: 'no-cgroup',
    text: {
      en: 'control groups can be made here, but no controller is delegated to you, so limits cannot be set and the lesson on cgroups cannot run',
      zh: '这里可以创建 cgroup，但没有控制器委派给你，因此不能设置资源限制，cgroup 一课无法进行',
    },
    remedy: {
      en: 'start it as root, or inside a delegated scope: systemd-run --user --scope -p Delegate=yes glassbox',
      zh: '以 root 启动，或在委派的 scope 里启动：systemd-run --user --scope -p Delegate=yes glassbox',
    },
  },
  noIdmap: {
    what: 'no-idmap',
    text: {
      en: "this kernel or file system has no idmapped mounts: the machine's files belong to nobody in the lab and cannot be changed there",
      zh: '内核或文件系统不支持 ID 映射挂载：真实机器的文件在实验里属于 nobody，不能修改',
    },
    remedy: {
      en: 'use Linux 5.19 or newer with ext4, xfs or btrfs as the root file system',
      zh: '请使用 Linux 5.19 或更新的内核，根文件系统为 ext4、xfs 或 btrfs',
    },
  },
  noUserAttributes: {
    what: 'no-user-xattr',
    text: {
      en: "this kernel's memory file system has no user extended attributes, and no disk with room could be used instead: in the lab, directories of a lower layer can be neither removed nor replaced",
      zh: '这个内核的内存文件系统不支持用户扩展属性，又没有空间足够的磁盘可代替：实验里，下层的目录既不能删除也不能替换',
    },
    remedy: {
      en: 'use Linux 6.6 or newer, or set XDG_STATE_HOME to a directory on ext4, xfs or btrfs with more than 2 GB free (as root, that is /var/lib)',
      zh: '使用 Linux 6.6 或更新的内核，或把 XDG_STATE_HOME 设为 ext4、xfs 或 btrfs 上剩余空间超过 2 GB 的目录（root 用户则是 /var/lib）',
    },
  },
  noSysfs: {
    what: 'no-sysfs',
    text: {
      en: '/sys could not be mounted: the machine hides parts of its own',
      zh: '无法挂载 /sys：真实机器遮住了它的一部分',
    },
    remedy: {
      en: 'start it outside a container, or with --privileged',
      zh: '不要在容器里启动，或给容器加上 --privileged',
    },
  },
} as const satisfies Record<string, LabWeakness>;
