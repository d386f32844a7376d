/**
 * Debian packages, the programs looked for, and why. The programs decide, not dpkg's database: a machine that has
 * them from elsewhere needs nothing. `static: true` asks for a program that needs no shared library, because it is
 * copied alone into root file systems.
 */

/** For the lab: `npm start` offers these. */
export const LAB_PACKAGES = [
  {
    name: 'iproute2',
    programs: ['ip', 'ss', 'bridge', 'tc'],
    why: { en: 'make links, addresses, routes and network namespaces', zh: '创建网络接口、地址、路由和网络命名空间' },
  },
  {
    name: 'iptables',
    programs: ['iptables', 'iptables-save', 'ip6tables'],
    why: { en: 'the NAT and port-mapping rules of the lessons', zh: '课程中的 NAT 与端口映射规则' },
  },
  {
    name: 'nftables',
    programs: ['nft'],
    why: { en: 'read the firewall as the kernel holds it', zh: '按内核的实际状态读取防火墙规则' },
  },
  {
    name: 'busybox-static',
    programs: ['busybox'],
    static: true,
    why: {
      en: 'one file that is a whole user space: the content of hand-made containers',
      zh: '单个文件即完整用户空间：手工容器的内容',
    },
  },
  {
    name: 'bridge-utils',
    programs: ['brctl'],
    why: { en: 'the bridge commands that the notes use', zh: '笔记中使用的网桥命令' },
  },
  {
    name: 'net-tools',
    programs: ['ifconfig', 'route', 'netstat'],
    why: { en: 'the address commands that the notes use', zh: '笔记中使用的地址命令' },
  },
  {
    name: 'iputils-ping',
    programs: ['ping'],
    why: { en: 'try whether one namespace reaches another', zh: '检验命名空间之间是否连通' },
  },
  {
    name: 'uidmap',
    programs: ['newuidmap', 'newgidmap'],
    why: {
      en: 'more than one user id in a lab that is not started by root',
      zh: '非 root 启动的实验室也能拥有多个用户 ID',
    },
  },
  {
    name: 'procps',
    programs: ['ps', 'top', 'sysctl', 'free', 'pgrep'],
    why: { en: 'look at processes and kernel settings', zh: '查看进程与内核参数' },
  },
  {
    name: 'util-linux',
    programs: ['unshare', 'nsenter', 'lsns', 'findmnt', 'ipcmk', 'setpriv'],
    why: { en: 'make and enter namespaces by hand', zh: '手工创建并进入命名空间' },
  },
];

/** For the tests only: `npm test` adds these. None of them starts a service when it is installed. */
export const TEST_PACKAGES = [
  {
    name: 'strace',
    programs: ['strace'],
    why: { en: 'a second witness of the syscalls that a program makes', zh: '系统调用的独立见证' },
  },
  {
    name: 'tmux',
    programs: ['tmux'],
    why: { en: 'a real terminal around the screen tests', zh: '为界面测试提供真实终端' },
  },
  {
    name: 'qemu-user',
    programs: ['qemu-aarch64'],
    why: { en: 'run the arm64 machine code on another processor', zh: '在其他处理器上运行 arm64 机器码' },
  },
  {
    name: 'binutils-aarch64-linux-gnu',
    programs: ['aarch64-linux-gnu-objdump', 'aarch64-linux-gnu-ld', 'aarch64-linux-gnu-as'],
    why: { en: 'disassemble the arm64 machine code', zh: '反汇编 arm64 机器码' },
  },
  {
    name: 'binutils',
    programs: ['objdump'],
    why: { en: 'disassemble the x86-64 machine code', zh: '反汇编 x86-64 机器码' },
  },
  {
    name: 'runc',
    programs: ['runc'],
    why: { en: 'the reference that timings are compared with', zh: '用于对比耗时的参考实现' },
  },
  { name: 'crun', programs: ['crun'], why: { en: 'the second reference', zh: '第二个参考实现' } },
  {
    name: 'vim',
    programs: ['vim'],
    why: { en: 'a demanding program for the shell pane', zh: '用于检验 shell 窗格的全屏程序' },
  },
  {
    name: 'stress-ng',
    programs: ['stress-ng'],
    why: { en: 'load for the cgroup lessons', zh: '为 cgroup 课程制造负载' },
  },
];
