import {
  FS_MAGIC,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOUNT_ATTR,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS,
  O,
} from '../../kernel/constants.js';
import type { ErrnoName } from '../../kernel/errno.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import { guard } from '../guards.js';
import type { BindPlan, FilesystemPlan, MountPlan } from '../plan.js';
import { mountAttributes } from '../spec/mount-options.js';
import { mountCgroups } from './cgroup-mounts.js';
import { openBind, propagate, type Sources, setAttributes } from './go-between.js';
import { openTarget } from './in-root.js';
import { type Failure, HOW_SIZE, type Steps } from './steps.js';

/** Flags of mount(2) that belong to the file system and not to the mount, with the words that fsconfig(2) takes for them. */
const SUPERBLOCK_FLAGS: readonly (readonly [flag: number, word: string])[] = [
  [MS.RDONLY, 'ro'],
  [MS.SYNCHRONOUS, 'sync'],
  [MS.DIRSYNC, 'dirsync'],
  [MS.LAZYTIME, 'lazytime'],
  [MS.MANDLOCK, 'mand'],
];
const LONGEST_VALUE = 255;
/** A number that no descriptor of a start reaches. */
const TARGET_NUMBER = 250;
const FLAG_ATTRIBUTES =
  MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC | MOUNT_ATTR.NOSYMFOLLOW;

/** The container's mounts in the order of its config, each onto a descriptor that was found inside the root. */
export function mountAll(s: Steps, mounts: readonly MountPlan[], sources: Sources): LateReadOnly[] {
  s.b.section('mounts');
  const late: LateReadOnly[] = [];
  for (const mount of mounts) {
    if (mount.kind === 'cgroup') mountCgroups(s, sources.root, mount);
    else if (mount.kind === 'bind') mountBind(s, mount, sources);
    else {
      const tree = mountFilesystem(s, sources.root, mount);
      if (tree !== null && mount.readOnlyLater) late.push({ tree, destination: mount.destination });
    }
  }
  return late;
}

/** A file system that becomes read-only when everything in it has been made. */
export interface LateReadOnly {
  readonly tree: SlotValue;
  readonly destination: string;
}

/** mount_setattr(2) of the mount alone: what `mount -o remount,bind,ro` does. */
export function makeReadOnly(s: Steps, late: readonly LateReadOnly[]): void {
  if (late.length > 0) s.b.section('read-only mounts');
  for (const { tree, destination } of late)
    setAttributes(
      s,
      tree,
      { set: MOUNT_ATTR.RDONLY, clear: 0, recursive: false },
      { failure: `error making ${destination} read-only`, command: `mount -o remount,bind,ro ${destination}` },
    );
}

function mountBind(s: Steps, mount: BindPlan, sources: Sources): void {
  const { destination, options } = mount;
  const failure = mountFailure(mount);
  const tree = treeOf(s, mount.tree) ?? sources.binds.get(mount) ?? openBind(s, mount, sources.propagation);
  const set = mountAttributes(options.flags.set & ~MS.REC);
  if (mount.setsFlags) {
    // as a remount does: the flags are what was asked for, not what the source happens to have
    const times = MS.NOATIME | MS.NODIRATIME | MS.STRICTATIME | MS.RELATIME;
    const time = (options.flags.set & times) === 0 ? 0 : MOUNT_ATTR.ATIME | MOUNT_ATTR.NODIRATIME;
    setAttributes(
      s,
      tree,
      { set, clear: (FLAG_ATTRIBUTES & ~set) | (time & ~(set & MOUNT_ATTR.NODIRATIME)), recursive: false },
      { failure, command: `mount -o remount,bind,${remountWords(set)} …` },
    );
  }
  finish(s, sources.root, tree, mount, mount.directory ? 'directory' : 'file', {
    command: `mount --${options.rbind ? 'rbind' : 'bind'} ${mount.source} ${destination}`,
    say: {
      en: `${mount.source} of the machine appears at ${destination}`,
      zh: `机器上的 ${mount.source} 出现在 ${destination}`,
    },
  });
}

function mountFilesystem(s: Steps, root: SlotValue, mount: FilesystemPlan): SlotValue | null {
  if (mount.tree === null && mount.options.data.some((word) => word.length > LONGEST_VALUE)) {
    mountByName(s, root, mount);
    return null;
  }
  const made = mount.readOnlyLater
    ? {
        ...mount,
        options: { ...mount.options, flags: { ...mount.options.flags, set: mount.options.flags.set & ~MS.RDONLY } },
      }
    : mount;
  const tree = treeOf(s, mount.tree) ?? makeFilesystem(s, made);
  if (mount.mode !== null) s.call('fchmodat', [tree, '.', mount.mode], { failure: mountFailure(mount) });
  const words = optionWords(mount);
  finish(s, root, tree, mount, 'directory', {
    command: `mount -t ${mount.type}${words === '' ? '' : ` -o ${words}`} ${mount.source} ${mount.destination}`,
    ...(FILESYSTEM_SENTENCES[mount.type] === undefined ? {} : { say: FILESYSTEM_SENTENCES[mount.type]! }),
  });
  return tree;
}

/** A mount that is nowhere yet. fsopen(2), fsconfig(2), fsmount(2): what mount(2) does in one call. */
export function makeFilesystem(
  s: Steps,
  mount: {
    readonly type: string;
    readonly source: string;
    readonly options: { readonly flags: { readonly set: number }; readonly data: readonly string[] };
    readonly destination: string;
  },
): SlotValue {
  const failure = mountFailure(mount);
  const context = s.slot(mount.type);
  const tree = s.slot('mount');
  s.call('fsopen', [mount.type, FSOPEN_CLOEXEC], { storeAt: context.data, failure });
  s.call('fsconfig', [context, FSCONFIG.SET_STRING, 'source', mount.source, 0], { failure });
  for (const [flag, word] of SUPERBLOCK_FLAGS)
    if ((mount.options.flags.set & flag) !== 0)
      s.call('fsconfig', [context, FSCONFIG.SET_FLAG, word, 0, 0], { failure });
  for (const option of mount.options.data.flatMap((one) => one.split(',')).filter((one) => one !== '')) {
    const equals = option.indexOf('=');
    if (equals < 0) s.call('fsconfig', [context, FSCONFIG.SET_FLAG, option, 0, 0], { failure });
    else
      s.call('fsconfig', [context, FSCONFIG.SET_STRING, option.slice(0, equals), option.slice(equals + 1), 0], {
        failure,
      });
  }
  s.call('fsconfig', [context, FSCONFIG.CMD_CREATE, 0, 0, 0], { failure });
  s.call('fsmount', [context, FSMOUNT_CLOEXEC, mountAttributes(mount.options.flags.set)], {
    storeAt: tree.data,
    failure,
  });
  return tree;
}

/** fsconfig(2) takes values of 255 bytes; `lowerdir=` of an overlay is easily longer. Then mount(2), through a descriptor's name. */
function mountByName(s: Steps, root: SlotValue, mount: FilesystemPlan): void {
  const failure = mountFailure(mount);
  const target = s.slot(mount.destination);
  openTarget(s, root, mount.destination, target, { kind: 'directory', failure });
  if (!mount.insideProc && guard('proc-check')) outsideProc(s, target, mount.destination);
  s.call('dup3', [target, TARGET_NUMBER, O.CLOEXEC], { failure });
  s.call(
    'mount',
    [
      mount.source,
      `/proc/self/fd/${TARGET_NUMBER}`,
      mount.type,
      mount.options.flags.set & ~MS.REC,
      mount.options.data.join(','),
    ],
    {
      failure,
      command: `mount -t ${mount.type} -o ${mount.options.data.join(',')} ${mount.source} ${mount.destination}`,
    },
  );
}

/** Find the place, see that it is not inside /proc, put the tree there, and give it its propagation. */
function finish(
  s: Steps,
  root: SlotValue,
  tree: SlotValue,
  mount: MountPlan,
  kind: 'directory' | 'file',
  words: { command: string; say?: { en: string; zh: string } },
): void {
  const failure = mountFailure(mount);
  const target = s.slot(mount.destination);
  const plain = mount.kind === 'filesystem' && (mount.type === 'proc' || mount.type === 'sysfs');
  openTarget(s, root, mount.destination, target, {
    kind,
    plain,
    ...(mount.resolved === null ? {} : { resolved: mount.resolved }),
    failure: plain ? `${failure}: filesystem "${mount.type}" must be mounted on ordinary directory` : failure,
  });
  if (!mount.insideProc && guard('proc-check')) outsideProc(s, target, mount.destination);
  // the kernel's answer to a directory on a file, or the other way round; callers look for the word that mount(2) has for it
  const attached = (errno: string): string => `${failure}: ${errno === 'invalid argument' ? 'not a directory' : errno}`;
  attach(s, tree, target, { ...words, failure: attached });
  const { recursive, propagation } = mount.options;
  if (recursive.set !== 0 || recursive.clear !== 0)
    setAttributes(s, tree, { ...recursive, recursive: true }, { failure });
  for (const flags of propagation) propagate(s, tree, flags, failure);
}

/** move_mount(2) from a descriptor to a descriptor. */
export function attach(
  s: Steps,
  tree: SlotValue,
  target: SlotValue,
  options: {
    failure: Failure;
    command?: string;
    say?: { en: string; zh: string };
    jumpIfError?: string;
    accept?: readonly ErrnoName[];
  },
): void {
  s.call('move_mount', [tree, '', target, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH], options);
}

/**
 * Nothing may cover a part of /proc, for then what is written there to confine the container goes to a file of the
 * attacker's: asked of the descriptor that is mounted on, not of its name. CVE-2019-16884, CVE-2019-19921, CVE-2025-52881.
 */
function outsideProc(s: Steps, target: SlotValue, destination: string): void {
  const statfs = s.b.bytes(Buffer.alloc(120), 'statfs');
  const fine = s.label('outside-proc');
  s.call('fstatfs', [target, statfs], { failure: `error mounting to "${destination}"` });
  s.compare(statfs, 0, FS_MAGIC.PROC, {
    accept: ['EAGAIN'],
    jumpIfError: fine,
    failure: `error mounting to "${destination}"`,
    say: {
      en: `is ${destination} part of a /proc? Nothing may be mounted there`,
      zh: `${destination} 是 /proc 的一部分吗？那里不允许挂载任何东西`,
    },
  });
  s.call('openat2', [-1, '', s.how(0, 0), HOW_SIZE], {
    failure: () => `error mounting to rootfs: "${destination}" cannot be mounted because it is inside /proc`,
    say: { en: 'it is: a call that fails, to end here', zh: '是的：用一次必然失败的调用在此终止' },
  });
  s.b.goto(null, { label: fine });
}

/** A tree whose descriptor the first process inherited. */
function treeOf(s: Steps, fd: number | null): SlotValue | null {
  return fd === null ? null : s.b.slot('prepared mount', fd);
}

export function mountFailure(mount: {
  readonly destination: string;
  readonly source?: string;
  readonly type?: string;
}): string {
  return `error mounting "${mount.source ?? mount.type ?? 'cgroup'}" to rootfs at "${mount.destination}"`;
}

function remountWords(attributes: number): string {
  const words = (
    [
      [MOUNT_ATTR.RDONLY, 'ro'],
      [MOUNT_ATTR.NOSUID, 'nosuid'],
      [MOUNT_ATTR.NODEV, 'nodev'],
      [MOUNT_ATTR.NOEXEC, 'noexec'],
    ] as const
  ).flatMap(([bit, word]) => ((attributes & bit) === 0 ? [] : [word]));
  return words.length === 0 ? 'rw' : words.join(',');
}

function optionWords(mount: FilesystemPlan): string {
  const attributes = mountAttributes(mount.options.flags.set);
  return [...(attributes === 0 ? [] : [remountWords(attributes)]), ...mount.options.data].join(',');
}

const FILESYSTEM_SENTENCES: Readonly<Record<string, { en: string; zh: string }>> = {
  proc: { en: 'a /proc that shows the processes of this pid namespace only', zh: '只显示本 pid 命名空间进程的 /proc' },
  sysfs: {
    en: 'the devices of this network namespace, as files',
    zh: '以文件形式呈现的设备（网络设备属于本网络命名空间）',
  },
  tmpfs: { en: 'files in memory, gone with the container', zh: '内存中的文件，随容器一起消失' },
  devpts: {
    en: "terminals of its own, which the machine's cannot be reached through",
    zh: '自己的一套伪终端，碰不到机器上的终端',
  },
  mqueue: { en: 'POSIX message queues of this ipc namespace', zh: '本 ipc 命名空间的 POSIX 消息队列' },
};
