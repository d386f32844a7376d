import type { Bilingual } from '../../api/types.js';

/** Parts of programs, as a person reads their names; a unit test compares with the programs. */
const CHINESE: Readonly<Record<string, string>> = {
  // of a container: engine/runtime/program
  birth: '诞生',
  'go-between': '中间进程',
  clone: '创建进程',
  init: '一号进程',
  shim: '看护进程',
  'stand-by': '待命',
  child: '子进程',
  join: '加入命名空间',
  'user namespace': 'user 命名空间',
  sources: '挂载来源',
  root: '根文件系统',
  mounts: '挂载',
  'read-only mounts': '只读挂载',
  devices: '设备',
  hooks: '钩子',
  enter: '进入',
  'read-only root': '只读的根',
  'masked paths': '屏蔽的路径',
  'read-only paths': '只读的路径',
  settings: '设置',
  sysctls: '内核参数',
  apparmor: 'AppArmor',
  cgroups: '控制组',
  keyring: '密钥环',
  terminal: '终端',
  descriptors: '文件描述符',
  limits: '资源上限',
  identity: '身份',
  executable: '可执行文件',
  'working directory': '工作目录',
  start: '启动',
  confine: '收紧权限',
  become: '变成程序',
  process: '进程',
  aside: '旁路',
  // of a lab host: engine/labhost
  names: '名称',
  'root file system': '根文件系统',
  'kernel file systems': '内核文件系统',
  'become pid 1': '变成 1 号进程',
};

/** `mounts`, in Chinese `挂载`; the hooks of a kind carry its name, which is the specification's. */
export function sectionHeading(section: string): Bilingual {
  const kind = /^(.+) hooks?$/.exec(section)?.[1];
  return { en: section, zh: kind === undefined ? (CHINESE[section] ?? section) : `${kind} 钩子` };
}
