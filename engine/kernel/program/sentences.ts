import type { Bilingual } from '../../api/types.js';
import type { SyscallName } from '../syscall-table.js';

/** What a syscall is for, where a record does not say it more exactly. */
export const SENTENCES: Readonly<Partial<Record<SyscallName, Bilingual>>> = {
  mount: {
    en: 'attach a file system to the tree of this mount namespace',
    zh: '在当前 mount 命名空间的目录树上挂载一个文件系统',
  },
  umount2: { en: 'take a mount out of the tree', zh: '从目录树上卸下一个挂载' },
  move_mount: { en: 'put a detached mount into the tree', zh: '把一个游离的挂载放进目录树' },
  open_tree: {
    en: 'take hold of a mount, or a clone of it, by a descriptor',
    zh: '以文件描述符的形式取得一个挂载（或它的克隆）',
  },
  mount_setattr: {
    en: 'change the properties of a mount: read-only, idmapped …',
    zh: '修改挂载的属性：只读、ID 映射等',
  },
  mkdirat: { en: 'make a directory', zh: '创建目录' },
  mknodat: { en: 'make an empty file to mount something on', zh: '创建一个空文件，供挂载使用' },
  symlinkat: { en: 'make a symbolic link', zh: '创建符号链接' },
  openat: { en: 'open a file', zh: '打开文件' },
  write: { en: 'write bytes to an open file', zh: '向已打开的文件写入数据' },
  read: { en: 'read bytes from an open file', zh: '从已打开的文件读取数据' },
  close_range: {
    en: 'close every other descriptor, so that none leaks in',
    zh: '关闭其余所有文件描述符，避免泄漏进来',
  },
  dup3: { en: 'give an open file another number', zh: '给打开的文件换一个描述符编号' },
  fcntl: { en: 'change how a descriptor behaves', zh: '调整文件描述符的行为' },
  unshare: {
    en: 'leave a shared namespace (or table) for one of our own',
    zh: '离开共享的命名空间（或表），换成自己独有的',
  },
  setns: { en: 'enter an existing namespace', zh: '进入一个已存在的命名空间' },
  clone3: {
    en: 'make a child process, in new namespaces where the flags say so',
    zh: '创建子进程，并按标志放进新的命名空间',
  },
  sethostname: { en: 'set the host name of this UTS namespace', zh: '设置当前 UTS 命名空间的主机名' },
  socket: { en: 'open a socket', zh: '打开套接字' },
  ioctl: { en: 'ask a device or socket to do something of its own', zh: '让设备或套接字执行它特有的操作' },
  prctl: { en: 'change a property of this process', zh: '修改本进程的属性' },
  setresuid: { en: 'take on a user id', zh: '切换用户 ID' },
  setresgid: { en: 'take on a group id', zh: '切换组 ID' },
  setgroups: { en: 'set the supplementary groups', zh: '设置附加组' },
  setsid: { en: 'begin a session of its own, without a terminal', zh: '开始一个独立会话，脱离原来的终端' },
  setpgid: { en: 'begin a process group of its own', zh: '开始一个独立的进程组' },
  umask: { en: 'decide which permission bits new files do not get', zh: '决定新文件默认去掉哪些权限位' },
  chdir: { en: 'change the working directory', zh: '切换工作目录' },
  pivot_root: { en: 'swap the root mount of this namespace', zh: '交换当前命名空间的根挂载' },
  rt_sigprocmask: { en: 'decide which signals are blocked', zh: '设置屏蔽哪些信号' },
  execve: { en: 'become another program', zh: '变成另一个程序' },
  execveat: { en: 'become the program behind a descriptor', zh: '变成文件描述符所指的程序' },
  exit_group: { en: 'end this process', zh: '结束本进程' },
  getpid: { en: 'ask for our own pid in this namespace', zh: '查询自己在本命名空间里的 PID' },
  wait4: { en: 'reap an ended child', zh: '回收已结束的子进程' },
  ppoll: { en: 'wait for (or just ask about) events on descriptors', zh: '等待（或仅查询）文件描述符上的事件' },
};
