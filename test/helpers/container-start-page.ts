/** docs/container-start.md from a container that was really made: what differs from run to run is given a name. */
import type { Bilingual, ExplainedProgram, ExplainedRecord } from '../../engine/api/types.js';

/** What a section is for; a section without a sentence fails the page. */
const SECTIONS: Readonly<Record<string, Bilingual>> = {
  birth: {
    en: 'A child of the engine gets the standard streams, lets go of every other descriptor, and becomes a sealed image of one page that walks on in this same list.',
    zh: '引擎的子进程接过标准流，放开其余所有文件描述符，变成一个只有一页、已封印的映像，并继续执行这同一份清单。',
  },
  'go-between': {
    en: 'This first process only prepares: it dies with the engine, and a process stands by that would clean up.',
    zh: '第一个进程只做准备：引擎死它也死，另有一个待命进程负责善后。',
  },
  sources: {
    en: "What the container will see of the machine's files is taken hold of, as mounts that are nowhere yet.",
    zh: '容器将要看到的机器文件，先以尚未放到任何地方的挂载形式取得。',
  },
  clone: { en: "The container's process is born in its namespaces.", zh: '容器的进程诞生在它的各个命名空间里。' },
  cgroups: {
    en: 'It moves itself into its control groups, whose limits the engine has written before.',
    zh: '它把自己放进控制组，限额早已由引擎写好。',
  },
  init: { en: 'It begins a life of its own: session, network.', zh: '它开始独立的生活：会话、网络。' },
  root: {
    en: "Its root file system is laid over the machine's, in its own mount namespace.",
    zh: '在自己的 mount 命名空间里，它的根文件系统被放到机器的根上面。',
  },
  mounts: {
    en: 'Every mount of the config: a file system is made, its place is found inside the root, one is put onto the other.',
    zh: '配置中的每个挂载：建立文件系统，在根目录内找到位置，再把前者放上去。',
  },
  devices: { en: 'The few devices that every container has.', zh: '每个容器都有的少数几个设备。' },
  enter: {
    en: "The roots are swapped and the machine's is let go of: no path leads back.",
    zh: '交换根目录并放开机器的根：再没有路径能回去。',
  },
  settings: { en: 'Working directory and names.', zh: '工作目录与名称。' },
  sysctls: { en: "Kernel settings of the container's own namespaces.", zh: '容器自己命名空间的内核参数。' },
  'read-only paths': {
    en: 'Parts of /proc that change the whole machine become read-only.',
    zh: '/proc 中会影响整台机器的部分变为只读。',
  },
  'masked paths': { en: 'Files that tell about the machine are covered.', zh: '会泄露机器信息的文件被遮住。' },
  keyring: { en: 'A keyring of its own.', zh: '自己的密钥环。' },
  limits: { en: 'Limits of resources, while it may still set them.', zh: '趁还有权限，设置资源上限。' },
  descriptors: { en: 'The last descriptors are closed.', zh: '关闭最后的文件描述符。' },
  identity: {
    en: 'Capabilities are dropped, then groups, group and user are taken on.',
    zh: '丢弃能力，然后切换附加组、组与用户。',
  },
  'working directory': {
    en: 'The working directory is entered only now: no descriptor is left through which it could lie outside.',
    zh: '此时才进入工作目录：已没有任何描述符能让它落到容器之外。',
  },
  executable: {
    en: 'The program is looked for now, so that a missing one is an error of `create`.',
    zh: '此时就查找程序：找不到是 create 的错误。',
  },
  start: { en: 'Created. It waits for `start`.', zh: '已创建，等待 start。' },
  confine: {
    en: 'The filter of system calls comes, the last privileges go.',
    zh: '装上系统调用过滤器，交出最后的特权。',
  },
  become: { en: 'One call is left.', zh: '只剩最后一个调用。' },
  aside: {
    en: 'Side roads: what the main road jumped to, such as directories that were missing.',
    zh: '支路：主路跳转到的部分，例如补建缺少的目录。',
  },
  'stand-by': {
    en: 'The process that stands by, at the same time: had the engine died, it would have removed everything.',
    zh: '同时运行的待命进程：若引擎中途死亡，由它清除一切。',
  },
};

const DESCRIPTOR_MAKERS = /^(open|openat|openat2|open_tree|fsopen|fspick|fsmount|socket|fcntl\(.*F_DUPFD|memfd_create)/;
const PID_MAKERS = /^(clone3|clone|setsid|getpid)\(/;

/** Descriptors that vary, by the position of the argument in these calls: those above the standard streams. */
function withoutDescriptors(call: string): string {
  return call
    .replace(/^(fcntl|close|write|read|setns|lseek)\((\d+)/, (whole, name: string, fd: string) =>
      Number(fd) > 2 ? `${name}(FD` : whole,
    )
    .replace(/^dup3\((\d+), /, (whole, fd: string) => (Number(fd) > 2 ? 'dup3(FD, ' : whole))
    .replace(/^close_range\((\d+), (\d+|~0U)/, (_, from: string, to: string) => {
      const name = (fd: string): string => (/^\d+$/.test(fd) && Number(fd) > 3 ? 'FD' : fd);
      return `close_range(${name(from)}, ${name(to)}`;
    });
}

function result({ call, result: value, errno, state }: ExplainedRecord): string {
  if (state === 'failed') return `${errno ?? ''} (failed)`;
  if (errno !== null) return errno;
  if (value !== null && value > 0 && DESCRIPTOR_MAKERS.test(call)) return 'FD';
  if (value !== null && value > 0 && PID_MAKERS.test(call)) return 'PID';
  if (call.startsWith('keyctl(')) return 'KEY';
  return value === null ? '0' : String(value);
}

export interface PageNames {
  /** Texts of this run and what the page says instead. */
  readonly names: readonly (readonly [from: string | RegExp, to: string])[];
  /** The machine's properties on which the list depends; a page made elsewhere is not compared. */
  readonly machine: string;
}

export function containerStartPage({ records }: ExplainedProgram, { names, machine }: PageNames): string {
  const named = (text: string): string =>
    names.reduce((all, [from, to]) => all.replaceAll(from instanceof RegExp ? new RegExp(from, 'g') : from, to), text);
  const calls = records.filter((record) => record.syscall !== 'none' && record.state !== 'skipped');
  const skipped = records.filter((record) => record.syscall !== 'none' && record.state === 'skipped').length;
  const lines: string[] = [];
  let section = '';
  let said = '';
  let before = '';
  let repeated = 0;
  for (const record of calls) {
    if (record.section !== section) {
      section = record.section;
      const about = SECTIONS[section];
      if (about === undefined) throw new Error(`the page says nothing about the section ${section}`);
      lines.push('', `## ${section}`, '', about.en, about.zh, '');
      said = '';
    }
    const call = named(withoutDescriptors(record.call)).replaceAll('`', "'");
    const line = `- \`${call}\` = ${result(record)}`;
    if (line === before && record.command === null) repeated++;
    else {
      if (repeated > 0) lines.push(`  - ${repeated + 1} ×`);
      repeated = 0;
      lines.push(line);
    }
    before = line;
    const sentence = named(`${record.explanation.en} / ${record.explanation.zh}`);
    if (sentence !== said) lines.push(`  - ${sentence}`);
    said = sentence;
    if (record.command !== null) lines.push(`  - \`$ ${named(record.command)}\``);
  }
  return `# How a container starts / 容器是怎样启动的

Every system call between the engine and the first instruction of \`sleep\` in a busybox container with Docker's default
configuration, in the order of the program, with what the kernel answered. A test makes the container again and compares:
\`GLASSBOX_UPDATE=1 npm test -- test/kernel/explain-container.test.ts\` writes this page. \`FD\`, \`PID\` and \`KEY\` stand for numbers that
vary; ${skipped} records were jumped over and are left out. A sentence is not repeated for the same call in a row.
\`glassbox explain CONTAINER\` shows the same for a container of yours, \`glassbox explain --birth\` while it happens.

从引擎到 busybox 容器中 \`sleep\` 的第一条指令之间的每个系统调用（Docker 默认配置），按程序顺序列出，附内核的回答。测试会重新创建
该容器并比较；上面的命令可重新生成本页。\`FD\`、\`PID\` 与 \`KEY\` 代表每次不同的编号；有 ${skipped} 条记录被跳过，未列出。相邻的相同说明
不再重复。\`glassbox explain CONTAINER\` 可查看你自己的容器，\`glassbox explain --birth\` 可在创建时观看。

Made on / 生成环境：${machine}
${lines.join('\n')}
`;
}

/** The machine that a page was made on. */
export function machineOfPage(page: string): string | null {
  return /^Made on \/ 生成环境：(.*)$/m.exec(page)?.[1] ?? null;
}
