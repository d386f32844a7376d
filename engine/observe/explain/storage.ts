import type { LayerEntry, Mount, OverlayStack } from '../../api/types.js';
import { inChinese, shellWord, type Teller, type Told } from './told.js';

/** Options of a mount that `mount -o` takes and that are not its default. */
function optionsOf(mount: Mount): string[] {
  return mount.options.filter((option) => !['rw', 'relatime'].includes(option));
}

function flagsOf(mount: Mount): string {
  const names = optionsOf(mount)
    .map((option) => FLAGS[option])
    .filter((flag) => flag !== undefined);
  return names.length === 0 ? '0' : names.join('|');
}

const FLAGS: Readonly<Record<string, string>> = {
  ro: 'MS_RDONLY',
  nosuid: 'MS_NOSUID',
  nodev: 'MS_NODEV',
  noexec: 'MS_NOEXEC',
  noatime: 'MS_NOATIME',
  sync: 'MS_SYNCHRONOUS',
};

/** A bind mount shows a root within its file system that is not the whole; one of a whole file system cannot be told from a first mount. */
function isBind(mount: Mount): boolean {
  return mount.root !== '/' && !mount.fsType.startsWith('cgroup');
}

export const tellMount: Teller = (change): Told => {
  const mount = (change.after ?? change.before) as Mount;
  const at = shellWord(mount.mountPoint);
  if (change.kind === 'removed') {
    return {
      domain: 'mount',
      act: `umount2("${mount.mountPoint}", 0)`,
      command: `umount ${at}`,
      man: 'umount(2)',
      explanation: {
        en: `What lay under ${mount.mountPoint} before can be seen again: ${mount.fsType} was unmounted there.`,
        zh: `卸载了 ${mount.mountPoint} 上的 ${mount.fsType}，之前被它遮住的内容重新可见。`,
      },
    };
  }
  if (change.kind === 'changed') return tellRemount(change.before as Mount, mount);
  const options = [
    ...optionsOf(mount),
    ...(mount.fsType === 'overlay' || mount.fsType === 'tmpfs' ? dataOf(mount) : []),
  ];
  const flags = options.length === 0 ? '' : ` -o ${shellWord(options.join(','))}`;
  if (mount.fsType === 'nsfs') {
    return {
      domain: 'mount',
      act: `mount("/proc/…/ns/…", "${mount.mountPoint}", MS_BIND)`,
      command: `mount --bind /proc/PID/ns/${mount.root.split(':')[0]} ${at}`,
      man: 'namespaces(7)',
      explanation: {
        en: `${mount.root} has a name now: as long as ${mount.mountPoint} is mounted it lives, even without a process.`,
        zh: `${mount.root} 有了名字：只要 ${mount.mountPoint} 挂载着，即使没有进程它也存在。`,
      },
    };
  }
  if (isBind(mount)) {
    return {
      domain: 'mount',
      act: `mount("${mount.root}", "${mount.mountPoint}", MS_BIND)`,
      command: `mount --bind ${shellWord(mount.root)} ${at}`,
      man: 'mount(2)',
      explanation: {
        en: `The same files can be reached at ${mount.mountPoint} too: a bind mount of ${mount.root} (path within its ${mount.fsType}).`,
        zh: `同样的文件现在也可以从 ${mount.mountPoint} 访问：绑定挂载 ${mount.root}（其 ${mount.fsType} 内的路径）。`,
      },
    };
  }
  return {
    domain: 'mount',
    act: `mount("${mount.source}", "${mount.mountPoint}", "${mount.fsType}", ${flagsOf(mount)}, "${dataOf(mount).join(',')}")`,
    command: `mount -t ${mount.fsType}${flags} ${shellWord(mount.source)} ${at}`,
    man: mount.fsType === 'overlay' ? 'mount(8)' : 'mount(2)',
    explanation: {
      en: `A ${mount.fsType} file system was mounted on ${mount.mountPoint} (${change.place}); other mount namespaces ${mount.propagation.some((tag) => tag.startsWith('shared')) ? 'that share it see it too' : 'do not see it'}.`,
      zh: `在 ${mount.mountPoint} 上挂载了 ${mount.fsType} 文件系统（${inChinese(change.place)}）；${mount.propagation.some((tag) => tag.startsWith('shared')) ? '与它共享传播的其他挂载命名空间也会看到' : '其他挂载命名空间看不到它'}。`,
    },
  };
};

function dataOf(mount: Mount): string[] {
  return mount.superOptions.filter((option) =>
    /^(lowerdir|upperdir|workdir|userxattr|size|mode|nr_inodes)/.test(option),
  );
}

function tellRemount(before: Mount, after: Mount): Told {
  const at = shellWord(after.mountPoint);
  const tags = (mount: Mount): string => mount.propagation.map((tag) => tag.replace(/:\d+$/, '')).join(' ');
  if (before.mountPoint !== after.mountPoint) {
    return {
      domain: 'mount',
      act: `move_mount("${before.mountPoint}", "${after.mountPoint}")`,
      command: `mount --move ${shellWord(before.mountPoint)} ${at}`,
      man: 'mount(2)',
      explanation: {
        en: `The mount at ${before.mountPoint} is at ${after.mountPoint} now; its files are the same.`,
        zh: `挂载点从 ${before.mountPoint} 移到了 ${after.mountPoint}；文件还是原来的文件。`,
      },
    };
  }
  if (tags(before) !== tags(after)) {
    const kind = after.propagation.some((tag) => tag.startsWith('shared'))
      ? 'shared'
      : after.propagation.some((tag) => tag.startsWith('master'))
        ? 'slave'
        : after.propagation.includes('unbindable')
          ? 'unbindable'
          : 'private';
    return {
      domain: 'mount',
      act: `mount(NULL, "${after.mountPoint}", NULL, MS_${kind.toUpperCase()}, NULL)`,
      command: `mount --make-${kind} ${at}`,
      man: 'mount_namespaces(7)',
      explanation: {
        en: `Mounts made below ${after.mountPoint} ${kind === 'shared' ? 'now appear in its peers too, and theirs here' : kind === 'slave' ? 'stay here, but those of its master come in' : 'now stay in this mount namespace'}: it is ${kind}.`,
        zh: `${after.mountPoint} 的传播类型变为 ${kind}：${kind === 'shared' ? '其下的挂载会与对等挂载互相传播' : kind === 'slave' ? '接收主挂载的传播，但不向外传播' : '其下的挂载只留在本挂载命名空间中'}。`,
      },
    };
  }
  return {
    domain: 'mount',
    act: `mount(NULL, "${after.mountPoint}", NULL, MS_REMOUNT|${flagsOf(after)}, "")`,
    command: `mount -o remount,${[...after.options].join(',')} ${at}`,
    man: 'mount(2)',
    explanation: {
      en: `Options of the mount at ${after.mountPoint} changed: ${before.options.join(',')} → ${after.options.join(',')}.`,
      zh: `${after.mountPoint} 的挂载选项改变：${before.options.join(',')} → ${after.options.join(',')}。`,
    },
  };
}

export const tellOverlay: Teller = (change): Told => {
  const stack = (change.after ?? change.before) as OverlayStack;
  const paths = (role: string): string[] => stack.layers.filter((layer) => layer.role === role).map(({ path }) => path);
  const data = [
    `lowerdir=${paths('lower').join(':')}`,
    ...paths('upper').map((path) => `upperdir=${path}`),
    ...paths('work').map((path) => `workdir=${path}`),
  ].join(',');
  const count = paths('lower').length;
  if (stack.mounted === false && change.kind !== 'changed') return tellLayers(stack, change.kind === 'removed');
  if (change.kind === 'removed' || stack.mounted === false) {
    return {
      domain: 'mount',
      act: `umount2("${stack.mountPoint}", 0)`,
      command: `umount ${shellWord(stack.mountPoint)}`,
      man: 'umount(2)',
      explanation: {
        en: `The union at ${stack.mountPoint} is gone; its layers are ordinary directories and stay as they are.`,
        zh: `${stack.mountPoint} 的联合挂载已卸载；各层只是普通目录，内容保持不变。`,
      },
    };
  }
  return {
    domain: 'mount',
    act: `mount("overlay", "${stack.mountPoint}", "overlay", 0, "${data}")`,
    command: `mount -t overlay overlay -o ${shellWord(data)} ${shellWord(stack.mountPoint)}`,
    man: 'mount(8)',
    explanation: {
      en: `${stack.mountPoint} shows ${count} lower director${count === 1 ? 'y' : 'ies'} ${stack.readOnly ? 'as one, read-only' : `and one upper directory as one; all writes go to ${paths('upper')[0] ?? 'the upper one'}`}.`,
      zh: `${stack.mountPoint} 把 ${count} 个下层目录${stack.readOnly ? '合成一个只读视图' : `和一个上层目录合成一个；所有写入都落在 ${paths('upper')[0] ?? '上层目录'}`}。`,
    },
  };
};

/** Layers of a container that does not run: nothing was mounted or unmounted. */
function tellLayers(stack: OverlayStack, removed: boolean): Told {
  const upper = stack.layers.find(({ role }) => role === 'upper')?.path ?? stack.mountPoint;
  return {
    domain: 'file',
    act: removed ? `rmdir("${upper}")` : `mkdir("${upper}", 0755)`,
    command: removed ? `rm -r ${shellWord(upper)}` : `mkdir ${shellWord(upper)}`,
    man: 'mount(8)',
    explanation: removed
      ? {
          en: `The directory with what a container wrote is gone; the layers of its image are as they were.`,
          zh: `保存容器写入内容的目录已删除；镜像的各层保持原样。`,
        }
      : {
          en: `A directory for what a container will write. It is mounted above the layers of its image when the container starts.`,
          zh: `新建了保存容器写入内容的目录。容器启动时，它会作为上层挂载在镜像各层之上。`,
        },
  };
}

export const tellLayerEntry: Teller = (change): Told => {
  const entry = (change.after ?? change.before) as LayerEntry;
  const before = change.before as LayerEntry | undefined;
  const upper = change.place.includes(' upper ');
  const base = { domain: 'file' as const, command: null, man: 'mount(8)' };
  if (change.kind === 'removed') {
    return {
      ...base,
      act: `${entry.type} ${entry.path} left ${change.place}`,
      explanation: {
        en:
          entry.type === 'whiteout'
            ? `The whiteout of ${entry.path} is gone: the lower file can be seen again, or a new one is in its place.`
            : `${entry.path} is no longer in this layer.`,
        zh:
          entry.type === 'whiteout'
            ? `${entry.path} 的 whiteout 消失了：下层文件重新可见，或被新文件取代。`
            : `${entry.path} 已不在这一层中。`,
      },
    };
  }
  if (entry.type === 'whiteout') {
    return {
      ...base,
      act: `mknod("${entry.path}", S_IFCHR, makedev(0, 0))`,
      explanation: {
        en: `${entry.path} was deleted from the union. The lower layer still has it: this whiteout in the upper one hides it.`,
        zh: `${entry.path} 从联合视图中删除了。下层仍保留它：上层的这个 whiteout 把它遮住。`,
      },
    };
  }
  if (entry.type === 'opaque-directory') {
    return {
      ...base,
      act: `setxattr("${entry.path}", "overlay.opaque", "y")`,
      explanation: {
        en: `The directory ${entry.path} is opaque: nothing of the same directory in lower layers shows through.`,
        zh: `目录 ${entry.path} 是不透明的：下层同名目录的内容都不会显示出来。`,
      },
    };
  }
  if (change.kind === 'added') {
    return {
      ...base,
      act: `${entry.type} ${entry.path} in ${change.place}`,
      explanation: upper
        ? {
            en: `${entry.path} is in the upper layer now: it was created, or copied up from a lower layer before it was changed.`,
            zh: `${entry.path} 出现在上层：它是新建的，或在修改前从下层复制上来的（copy-up）。`,
          }
        : {
            en: `${entry.path} appeared in a lower layer: it was changed under the union, which may or may not show it.`,
            zh: `${entry.path} 出现在下层：有人绕过联合视图直接修改了下层，是否可见没有保证。`,
          },
    };
  }
  return {
    ...base,
    act: `${entry.path}: ${before?.type ?? ''} ${before?.bytes ?? 0} -> ${entry.type} ${entry.bytes} bytes`,
    explanation: {
      en: `${entry.path} in this layer is a ${entry.type} of ${entry.bytes} bytes now (was ${before?.type ?? 'nothing'}, ${before?.bytes ?? 0}).`,
      zh: `此层中的 ${entry.path} 现在是 ${entry.bytes} 字节的 ${TYPES_ZH[entry.type]}（原为 ${before === undefined ? '无' : TYPES_ZH[before.type]}，${before?.bytes ?? 0} 字节）。`,
    },
  };
};

const TYPES_ZH: Record<LayerEntry['type'], string> = {
  file: '文件',
  directory: '目录',
  symlink: '符号链接',
  whiteout: 'whiteout',
  'opaque-directory': '不透明目录',
  other: '特殊文件',
};
