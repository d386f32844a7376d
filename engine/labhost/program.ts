import {
  AT,
  CLOSE_RANGE_UNSHARE,
  MNT_DETACH,
  MOUNT_ATTR,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS,
  O,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  POLLIN,
  PR,
  SIG,
  SIG_SETMASK,
} from '../kernel/constants.js';
import { type DataRef, type FieldRef, type Program, ProgramBuilder } from '../kernel/program/builder.js';
import { CLONE } from '../kernel/program/running.js';
import type { Hierarchy } from './subtree.js';

/** The upper directory of the lab's root overlay while the root is put together. */
export function upperOfRoot(plan: LabHostPlan): string {
  return `${writesOf(plan)}/upper/root`;
}

/** Directory whose `upper` and `work` take the writes while the root is put together. */
function writesOf(plan: LabHostPlan): string {
  return plan.kept !== null ? `${STAGE}/kept` : plan.scratch !== null ? `${STAGE}/scratch` : STAGE;
}

/** Where the new root is put together. Any directory that every machine has serves: the mount is seen by this child alone. */
export const STAGE = '/tmp';
const ROOT = `${STAGE}/root`;
const IFF_UP = 1;
const SIOCSIFFLAGS = 0x8914;
const AF_INET = 2;
const SOCK_DGRAM = 2;

/** A directory outside: opened by the parent, who puts a descriptor into the record of its name, or by the child itself. */
export type Tree = { readonly from: 'parent' } | { readonly from: 'path'; readonly path: string };

/** One overlay of the new root. */
export interface LowerLayer {
  /** Where it stands in the lab: `/`, `/home`, `/usr` … */
  readonly mountPoint: string;
  /** `tree`: an idmapped, read-only clone whose descriptor the parent puts into the record `lower-N`. `path`: used as it is. */
  readonly source: { readonly kind: 'tree' } | { readonly kind: 'path'; readonly path: string };
}

/** What the lab host is to be: all decisions are taken before the program is built. */
export interface LabHostPlan {
  readonly hostname: string;
  readonly tmpfsBytes: number;
  /** `whole`: one overlay for `/` and one for each real file system below it. `each-top`: a bare root with an overlay for each top-level directory. */
  readonly lower: 'whole' | 'each-top';
  readonly layers: readonly LowerLayer[];
  /** Top-level symbolic links to make again in a bare root: path -> target. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** Top-level directories that are only made, not filled. */
  readonly directories: readonly string[];
  /** Nodes of the machine's /dev to bind, those that exist of null zero full random urandom tty net/tun. */
  readonly devices: readonly string[];
  readonly cgroups: readonly Hierarchy[];
  /** gid 5 (tty) is mapped, so that devpts may use it. */
  readonly ttyGroup: boolean;
  /** Several ids are mapped: setgroups is allowed. */
  readonly manyIds: boolean;
  /** Directory outside whose `upper` and `work` take the writes instead of the tmpfs and stay. */
  readonly kept: Tree | null;
  /** Directory outside for what memory cannot hold on this kernel: `root` and `tmp`, and `upper` and `work` unless `kept`. */
  readonly scratch: Tree | null;
  /** Directory of the machine, without symbolic links, that the lab must not see because the two above lie in it. */
  readonly hidden: string | null;
  /** Descriptors that the child finds in the table it shares with us at first. */
  readonly parentPidfd: number;
  readonly imageFd: number;
  readonly statusFd: number;
}

/** Namespaces that the lab host's first process is born in; the cgroup namespace follows once it is in its cgroup. */
export const LAB_CLONE_FLAGS =
  CLONE.NEWUSER | CLONE.NEWNS | CLONE.NEWPID | CLONE.NEWNET | CLONE.NEWUTS | CLONE.NEWIPC | CLONE.FILES;

/** Bytes of a struct ifreq with a name and flags, netdevice(7). */
function ifreq(name: string, flags: number): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.write(name, 0, 'latin1');
  bytes.writeInt16LE(flags, 16);
  return bytes;
}

/**
 * The lab host as a list of syscalls: what its pid 1 does from its birth to the execution of the init image.
 * Hold `mapped`: the parent writes the id maps, opens the lower trees and moves the child into its cgroups meanwhile.
 * Hold `staged`: the parent opens the layer that takes the writes, which no path leads to afterwards.
 */
export function labHostProgram(plan: LabHostPlan): Program {
  const b = new ProgramBuilder('lab host').onFailure(null, 125);
  birth(b, plan);
  names(b, plan);
  rootFileSystem(b, plan);
  kernelFileSystems(b, plan);
  devices(b, plan);
  controlGroups(b, plan);
  enter(b);
  become(b, plan);
  return b.build();
}

function birth(b: ProgramBuilder, plan: LabHostPlan): void {
  b.section('birth');
  const pollfd = Buffer.alloc(8);
  pollfd.writeInt32LE(plan.parentPidfd, 0);
  pollfd.writeInt16LE(POLLIN, 4);
  const diesWithEngine = {
    say: {
      en: 'die with the engine: whoever ends it ends the lab too',
      zh: '与引擎同生死：引擎一结束，实验主机也随之结束',
    },
  };
  b.call('prctl', [PR.SET_PDEATHSIG, SIG.KILL], diesWithEngine);
  b.call('ppoll', [b.bytes(pollfd, '{engine, POLLIN}'), 1, b.words([0, 0], '{0 s}'), 0, 0], {
    jumpIfZero: 'alive',
    say: {
      en: 'ask once whether the engine was already gone before that',
      zh: '再确认一次：在这之前引擎是否已经不在了',
    },
  });
  b.call('exit_group', [125], { say: { en: 'it was: leave', zh: '已经不在：退出' } });
  b.goto(null, { label: 'alive' });
  b.call('unshare', [CLONE.FILES], {
    label: 'mapped',
    hold: true,
    say: {
      en: 'stop sharing descriptors with the engine, which has meanwhile written the id maps and chosen the cgroups',
      zh: '不再与引擎共享文件描述符；此前引擎已写好 ID 映射并放入 cgroup',
    },
  });
  b.call('setresgid', [0, 0, 0], {
    say: { en: 'become group root of the new user namespace', zh: '成为新 user 命名空间里的 root 组' },
  });
  b.call('setgroups', [0, 0], {
    ...(plan.manyIds ? {} : { accept: ['EPERM'] as const }),
    say: { en: 'drop the groups that came along from outside', zh: '丢掉从外面带进来的附加组' },
  });
  b.call('setresuid', [0, 0, 0], {
    say: {
      en: 'become root of the new user namespace: an ordinary id outside',
      zh: '成为新 user 命名空间里的 root：在外面只是个普通 ID',
    },
  });
  b.call('prctl', [PR.SET_PDEATHSIG, SIG.KILL], {
    say: { en: 'the change of ids cleared that wish: repeat it', zh: '更换身份会清除刚才的设定：再设一次' },
  });
  b.call('setsid', []);
  b.call('umask', [0o022]);
}

function names(b: ProgramBuilder, plan: LabHostPlan): void {
  b.section('names');
  b.call('sethostname', [plan.hostname, Buffer.byteLength(plan.hostname)], { command: `hostname ${plan.hostname}` });
  b.call('socket', [AF_INET, SOCK_DGRAM | O.CLOEXEC, 0], {
    storeAt: { kind: 'field', label: 'loopback', field: { arg: 0 } },
    say: {
      en: 'open any socket, to speak to the network stack of the new namespace',
      zh: '打开一个套接字，用来和新网络命名空间对话',
    },
  });
  b.call('ioctl', [0, SIOCSIFFLAGS, b.bytes(ifreq('lo', IFF_UP), '{"lo", IFF_UP}')], {
    label: 'loopback',
    command: 'ip link set lo up',
  });
}

function mkdir(b: ProgramBuilder, path: string, mode = 0o755): void {
  b.call('mkdirat', [AT.FDCWD, path, mode], { accept: ['EEXIST'], command: `mkdir ${path}` });
}

/** struct mount_attr, mount_setattr(2). */
function readOnlyAttribute(b: ProgramBuilder): DataRef {
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR.RDONLY), 0);
  return b.bytes(attributes, '{MOUNT_ATTR_RDONLY}');
}

function rootFileSystem(b: ProgramBuilder, plan: LabHostPlan): void {
  b.section('root file system');
  b.call('mount', [0, '/', 0, MS.REC | MS.PRIVATE, 0], {
    command: 'mount --make-rprivate /',
    say: { en: 'no mount made here may travel back to the machine', zh: '这里的任何挂载都不许传播回真实机器' },
  });
  for (const label of ['kept', 'scratch'] as const) {
    const tree = plan[label];
    if (tree?.from !== 'path') continue;
    b.call('open_tree', [AT.FDCWD, tree.path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], {
      storeAt: { kind: 'field', label, field: { arg: 0 } },
      say: {
        en: 'a directory on disk that takes writes: hold on to it before it is out of sight',
        zh: '磁盘上用来承接写入的目录：在它被遮住之前先抓住它',
      },
    });
  }
  b.call('mount', ['glassbox', STAGE, 'tmpfs', MS.NOSUID | MS.NODEV, `mode=0755,size=${plan.tmpfsBytes}`], {
    command: `mount -t tmpfs -o mode=0755,size=${plan.tmpfsBytes} glassbox ${STAGE}`,
    say: {
      en: 'memory that takes every write of the lab and vanishes with it',
      zh: '一块内存文件系统：承接实验里的所有写入，并随实验一起消失',
    },
  });
  for (const label of ['kept', 'scratch'] as const) {
    if (plan[label] === null) continue;
    mkdir(b, `${STAGE}/${label}`);
    b.call('move_mount', [0, '', AT.FDCWD, `${STAGE}/${label}`, MOVE_MOUNT_F_EMPTY_PATH], {
      label,
      say:
        label === 'kept'
          ? { en: 'the directory on disk where the changes of this lab are kept', zh: '磁盘上保存这个实验改动的目录' }
          : {
              en: "a directory on disk that goes with the lab: this kernel's memory file system cannot hold the marks of an overlay (user xattrs, Linux 6.6)",
              zh: '磁盘上随实验一起消失的目录：这个内核的内存文件系统存不下 overlay 的标记（用户扩展属性，Linux 6.6 起才支持）',
            },
    });
  }
  mkdir(b, ROOT);
  mkdir(b, `${STAGE}/machine`);
  const writes = writesOf(plan);
  if (writes === STAGE) for (const kind of ['upper', 'work']) mkdir(b, `${writes}/${kind}`);
  if (plan.lower === 'each-top') {
    b.call('mount', ['root', ROOT, 'tmpfs', MS.NOSUID | MS.NODEV, `mode=0755,size=${plan.tmpfsBytes}`], {
      say: {
        en: 'a bare root, for pivot_root wants a mount, and each directory of the machine gets an overlay of its own in it',
        zh: '先要一个空的根（pivot_root 只接受挂载点），机器的每个顶层目录再各自叠加 overlay',
      },
    });
    for (const directory of plan.directories) mkdir(b, `${ROOT}${directory}`);
    for (const link of plan.links)
      b.call('symlinkat', [link.target, AT.FDCWD, `${ROOT}${link.path}`], { accept: ['EEXIST'] });
  }
  const readOnly = readOnlyAttribute(b);
  plan.layers.forEach((layer, n) => {
    const isRoot = layer.mountPoint === '/';
    const name = isRoot ? 'root' : layer.mountPoint.slice(1).replaceAll('-', '--').replaceAll('/', '-');
    const target = isRoot ? ROOT : `${ROOT}${layer.mountPoint}`;
    const optional = !isRoot;
    const [upper, work] = [`${writes}/upper/${name}`, `${writes}/work/${name}`];
    let lower: string;
    mkdir(b, upper);
    mkdir(b, work);
    if (layer.source.kind === 'tree') {
      lower = `${STAGE}/machine/${name}`;
      mkdir(b, lower);
      b.call('move_mount', [0, '', AT.FDCWD, lower, MOVE_MOUNT_F_EMPTY_PATH], {
        label: `lower-${n}`,
        say: {
          en: `the machine's ${layer.mountPoint}, read-only, with root's files shown as the lab root's`,
          zh: `真实机器的 ${layer.mountPoint}，只读，属于 root 的文件在这里显示为实验主机 root 所有`,
        },
      });
    } else {
      lower = layer.source.path;
    }
    const options = `lowerdir=${lower.replaceAll(/[\\,:]/g, '\\$&')},upperdir=${upper},workdir=${work},userxattr${plan.kept === null && plan.scratch !== null ? ',volatile' : ''}`;
    b.call('mount', ['overlay', target, 'overlay', 0, options], {
      ...(optional ? { jumpIfError: `bind-${n}` } : {}),
      command: `mount -t overlay -o ${options} overlay ${target}`,
      say: {
        en: 'lay the writable memory over it: reads come from the machine, writes never reach it',
        zh: '把可写的内存层叠在上面：读来自真实机器，写永远到不了它',
      },
    });
    if (optional) {
      b.goto(`next-${n}`);
      b.call('mount', [lower, target, 0, MS.BIND | MS.REC, 0], {
        label: `bind-${n}`,
        jumpIfError: `next-${n}`,
        say: {
          en: 'the overlay was refused here: show the directory itself instead …',
          zh: '这里无法叠加 overlay：改为直接显示该目录……',
        },
      });
      b.call('mount_setattr', [AT.FDCWD, target, AT.RECURSIVE, readOnly, 32], {
        label: `read-only-${n}`,
        jumpIfError: `hide-${n}`,
        say: { en: '… read-only, with every mount below it', zh: '……并且连同其下所有挂载一起设为只读' },
      });
      b.goto(`next-${n}`);
      b.call('umount2', [target, MNT_DETACH], {
        label: `hide-${n}`,
        say: { en: 'it cannot be made read-only: then it is not shown at all', zh: '无法设为只读：那就完全不显示' },
      });
      b.goto(null, { label: `next-${n}` });
    }
  });
}

function kernelFileSystems(b: ProgramBuilder, plan: LabHostPlan): void {
  b.section('kernel file systems');
  const hidden = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const tmpfs = (path: string, mode: string, flags: number): void => {
    mkdir(b, `${ROOT}${path}`);
    b.call('mount', ['tmpfs', `${ROOT}${path}`, 'tmpfs', flags, `mode=${mode},size=${plan.tmpfsBytes}`], {
      command: `mount -t tmpfs -o mode=${mode} tmpfs ${path}`,
    });
  };
  mkdir(b, `${ROOT}/proc`, 0o555);
  b.call('mount', ['proc', `${ROOT}/proc`, 'proc', hidden, 0], {
    command: 'mount -t proc proc /proc',
    say: {
      en: 'a /proc of the new pid namespace: the lab sees its own processes only',
      zh: '属于新 pid 命名空间的 /proc：实验里只看得到自己的进程',
    },
  });
  mkdir(b, `${ROOT}/sys`, 0o555);
  b.call('mount', ['sysfs', `${ROOT}/sys`, 'sysfs', hidden, 0], {
    ignore: true,
    label: 'sysfs',
    command: 'mount -t sysfs sysfs /sys',
  });
  b.call('mount', [`${ROOT}/sys`, `${ROOT}/sys`, 0, MS.BIND, 0], {
    ignore: true,
    command: 'mount --bind /sys /sys',
    say: {
      en: 'once more on top: "ip netns exec" takes the upper one away, and the kernel only allows a new one where another is visible',
      zh: '在上面再挂一层：“ip netns exec” 会卸掉上面这层，而内核只在还能看到另一个 sysfs 时才允许新挂载',
    },
  });
  tmpfs('/run', '0755', MS.NOSUID | MS.NODEV);
  mkdir(b, `${ROOT}/run/lock`);
  if (plan.scratch === null) {
    tmpfs('/tmp', '01777', MS.NOSUID | MS.NODEV);
    tmpfs('/root', '0700', MS.NOSUID | MS.NODEV);
  } else {
    for (const name of ['tmp', 'root']) bindScratch(b, name);
  }
  if (plan.hidden !== null) {
    b.call('mount', ['tmpfs', `${ROOT}${plan.hidden}`, 'tmpfs', hidden, 'mode=0700,size=64k'], {
      accept: ['ENOENT', 'ENOTDIR'],
      command: `mount -t tmpfs tmpfs ${plan.hidden}`,
      say: {
        en: 'the place on disk that takes the writes is not shown inside: it would contain itself',
        zh: '承接写入的磁盘目录不在里面显示：否则它会包含自己',
      },
    });
  }
  for (const [name, text] of [
    ['hosts', `127.0.0.1\tlocalhost ${plan.hostname}\n::1\tlocalhost\n`],
    ['hostname', `${plan.hostname}\n`],
  ] as const) {
    const file = `${STAGE}/${name}`;
    const write: FieldRef = { kind: 'field', label: `write-${name}`, field: { arg: 0 } };
    b.call('openat', [AT.FDCWD, file, O.CREAT | O.WRONLY | O.CLOEXEC, 0o644], { storeAt: write });
    b.call('write', [0, b.bytes(Buffer.from(text), JSON.stringify(text)), Buffer.byteLength(text)], {
      label: `write-${name}`,
    });
    b.call('mount', [file, `${ROOT}/etc/${name}`, 0, MS.BIND, 0], {
      accept: ['ENOENT'],
      say: {
        en: `the lab's own /etc/${name}, bound over the machine's, as Docker does it`,
        zh: `实验主机自己的 /etc/${name}，绑定挂载盖住机器的那份，Docker 也是这样做的`,
      },
    });
  }
}

/** A directory of the scratch tree in place of a tmpfs, with the flags that the tmpfs would have. */
function bindScratch(b: ProgramBuilder, name: string): void {
  const target = `${ROOT}/${name}`;
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV), 0);
  // once more what the parent has seen to: nothing that is mounted in here may appear on the machine
  attributes.writeBigUInt64LE(BigInt(MS.PRIVATE), 16);
  mkdir(b, target);
  b.call('mount', [`${STAGE}/scratch/${name}`, target, 0, MS.BIND, 0], {
    command: `mount --bind SCRATCH/${name} /${name}`,
  });
  b.call('mount_setattr', [AT.FDCWD, target, 0, b.bytes(attributes, '{NOSUID|NODEV, MS_PRIVATE}'), 32], {
    command: `mount --make-private -o remount,bind,nosuid,nodev /${name}`,
  });
}

function devices(b: ProgramBuilder, plan: LabHostPlan): void {
  b.section('devices');
  const dev = `${ROOT}/dev`;
  const readOnly = readOnlyAttribute(b);
  mkdir(b, dev);
  b.call('mount', ['tmpfs', dev, 'tmpfs', MS.NOSUID | MS.STRICTATIME, 'mode=755,size=65536k'], {
    command: 'mount -t tmpfs tmpfs /dev',
  });
  for (const directory of ['pts', 'shm', 'mqueue', 'net']) mkdir(b, `${dev}/${directory}`);
  for (const node of plan.devices) {
    b.call('mknodat', [AT.FDCWD, `${dev}/${node}`, 0o100644, 0], {
      say: { en: `an empty file as the mount point of ${node}`, zh: `为 ${node} 准备一个空文件作挂载点` },
    });
    b.call('mount', [`/dev/${node}`, `${dev}/${node}`, 0, MS.BIND, 0], {
      command: `mount --bind /dev/${node} /dev/${node}`,
      say: {
        en: 'a safe device of the machine, bound: a user namespace may not make device nodes',
        zh: '把机器上一个安全的设备绑定过来：user 命名空间里不能自己创建设备节点',
      },
    });
    b.call('mount_setattr', [AT.FDCWD, `${dev}/${node}`, 0, readOnly, 32], {
      ignore: true,
      say: {
        en: "read-only: the device works as before, but the node's times and attributes are the machine's",
        zh: '只读：设备照常可用，但节点的时间和属性属于真实机器，不许改动',
      },
    });
  }
  for (const [name, target] of [
    ['fd', '/proc/self/fd'],
    ['stdin', '/proc/self/fd/0'],
    ['stdout', '/proc/self/fd/1'],
    ['stderr', '/proc/self/fd/2'],
    ['ptmx', 'pts/ptmx'],
  ] as const) {
    b.call('symlinkat', [target, AT.FDCWD, `${dev}/${name}`], { command: `ln -s ${target} /dev/${name}` });
  }
  b.call(
    'mount',
    [
      'devpts',
      `${dev}/pts`,
      'devpts',
      MS.NOSUID | MS.NOEXEC,
      `newinstance,ptmxmode=0666,mode=0620${plan.ttyGroup ? ',gid=5' : ''}`,
    ],
    {
      label: 'devpts',
      say: { en: 'terminals of its own', zh: '自己的一套伪终端' },
    },
  );
  b.call('mount', ['shm', `${dev}/shm`, 'tmpfs', MS.NOSUID | MS.NODEV | MS.NOEXEC, 'mode=1777,size=65536k']);
  b.call('mount', ['mqueue', `${dev}/mqueue`, 'mqueue', MS.NOSUID | MS.NODEV | MS.NOEXEC, 0], {
    ignore: true,
    label: 'mqueue',
  });
}

function controlGroups(b: ProgramBuilder, plan: LabHostPlan): void {
  b.section('cgroups');
  b.call('unshare', [CLONE.NEWCGROUP], {
    label: 'cgroup-namespace',
    say: {
      en: 'from here on the lab takes its own part of the cgroup tree for the whole',
      zh: '从此实验主机把自己那部分 cgroup 树看作整棵树',
    },
  });
  const base = `${ROOT}/sys/fs/cgroup`;
  const flags = MS.NOSUID | MS.NODEV | MS.NOEXEC | MS.RELATIME;
  const v1 = plan.cgroups.filter((hierarchy) => hierarchy.version === 1);
  const v2 = plan.cgroups.find((hierarchy) => hierarchy.version === 2);
  if (v1.length > 0) {
    b.call('mount', ['cgroup', base, 'tmpfs', MS.NOSUID | MS.NODEV | MS.NOEXEC, 'mode=755'], {
      jumpIfError: 'no-cgroups',
    });
    for (const { name } of v1) {
      const directory = name.startsWith('name=') ? name.slice(5) : name;
      mkdir(b, `${base}/${directory}`);
      b.call(
        'mount',
        ['cgroup', `${base}/${directory}`, 'cgroup', flags, name.startsWith('name=') ? `none,${name}` : name],
        {
          ignore: true,
          command: `mount -t cgroup -o ${name} cgroup /sys/fs/cgroup/${directory}`,
        },
      );
      for (const alias of directory.split(',')) {
        if (alias !== directory) b.call('symlinkat', [directory, AT.FDCWD, `${base}/${alias}`]);
      }
    }
  }
  if (v2 !== undefined) {
    const target = v1.length > 0 ? `${base}/unified` : base;
    if (v1.length > 0) mkdir(b, target);
    b.call('mount', ['cgroup2', target, 'cgroup2', flags, 0], {
      ignore: true,
      command: `mount -t cgroup2 cgroup2 ${target.slice(ROOT.length)}`,
    });
    if (v1.length === 0) {
      // No processes may stand beside controllers: the lab's own move into a leaf before any controller is enabled for the rest.
      b.call('mkdirat', [AT.FDCWD, `${target}/host`, 0o755], {
        accept: ['EEXIST', 'EACCES', 'ENOENT'],
        command: 'mkdir /sys/fs/cgroup/host',
      });
      b.call('openat', [AT.FDCWD, `${target}/host/cgroup.procs`, O.WRONLY | O.CLOEXEC, 0], {
        jumpIfError: 'no-cgroups',
        storeAt: { kind: 'field', label: 'leaf', field: { arg: 0 } },
      });
      b.call('write', [0, b.bytes(Buffer.from('0'), '"0"'), 1], {
        label: 'leaf',
        ignore: true,
        command: 'echo $$ > /sys/fs/cgroup/host/cgroup.procs',
      });
    }
  }
  b.goto(null, { label: 'no-cgroups' });
}

function enter(b: ProgramBuilder): void {
  b.section('enter');
  b.call('chdir', [ROOT], { label: 'staged', hold: true });
  b.call('pivot_root', ['.', '.'], {
    command: 'pivot_root . .',
    say: {
      en: 'swap the root mount: the old one now lies on top of the new',
      zh: '交换根挂载：旧的根此刻叠在新的根上面',
    },
  });
  b.call('umount2', ['.', MNT_DETACH], {
    command: 'umount -l .',
    say: {
      en: "let go of the machine's own root: from here no path leads back",
      zh: '放开真实机器的根：从这里起没有任何路径能回去',
    },
  });
  b.call('chdir', ['/']);
}

/** Where pid 1 of a lab keeps the listening socket of the container engine: pidfd_getfd(2) takes it from there. */
export const DOCKER_SOCKET_FD = 5;
export const DOCKER_SOCKET = '/run/docker.sock';
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const BACKLOG = 128;

/** The socket is there from the first moment; the engine behind it starts with whoever connects first. unix(7) */
function dockerSocket(b: ProgramBuilder): void {
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(`${DOCKER_SOCKET}\0`)]);
  const fd = b.slot('docker socket');
  b.call('socket', [AF_UNIX, SOCK_STREAM, 0], { storeAt: fd.data });
  b.call('bind', [fd, b.bytes(address, `{AF_UNIX, "${DOCKER_SOCKET}"}`), address.length], {
    say: {
      en: 'docker commands speak to this socket; the container engine starts when the first one does',
      zh: 'docker 命令与这个套接字通信；第一条命令到来时容器引擎才启动',
    },
  });
  b.call('fchmodat', [AT.FDCWD, DOCKER_SOCKET, 0o660, 0], { command: `chmod 660 ${DOCKER_SOCKET}` });
  b.call('listen', [fd, BACKLOG], {
    say: { en: 'whoever connects waits until the engine is there', zh: '连接上来的人会一直等到引擎启动' },
  });
  b.call('dup3', [fd, DOCKER_SOCKET_FD, 0], { accept: ['EINVAL'] });
}

function become(b: ProgramBuilder, plan: LabHostPlan): void {
  b.section('become pid 1');
  b.call('rt_sigprocmask', [SIG_SETMASK, b.bytes(Buffer.alloc(8), 'none'), 0, 8]);
  b.call('openat', [AT.FDCWD, '/dev/null', O.RDWR, 0], {
    storeAt: { kind: 'field', label: 'stdin', field: { arg: 0 } },
  });
  b.call('dup3', [0, 0, 0], { label: 'stdin', accept: ['EINVAL'] });
  b.call('dup3', [0, 1, 0]);
  b.call('dup3', [0, 2, 0]);
  b.call('dup3', [plan.imageFd, 3, O.CLOEXEC]);
  b.call('dup3', [plan.statusFd, 4, O.CLOEXEC], {
    say: {
      en: 'keep the pipe that tells the engine, by closing, that pid 1 runs',
      zh: '保留这根管道：它一关闭，引擎就知道 1 号进程已经运行',
    },
  });
  dockerSocket(b);
  b.call('close_range', [DOCKER_SOCKET_FD + 1, 0xffffffff, CLOSE_RANGE_UNSHARE], {
    say: { en: 'no other descriptor of the engine may enter the lab', zh: '引擎的其他文件描述符一个都不许进入实验' },
  });
  b.call('execveat', [3, '', b.vector(['glassbox-init']), b.vector([]), AT.EMPTY_PATH], {
    label: 'become',
    say: {
      en: 'become the init image: two pages of code that reap children',
      zh: '变成 init：两页内存的代码，专门回收子进程',
    },
  });
}
