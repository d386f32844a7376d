/** Every fact about one namespace or process, with what the kind isolates and the commands that show the same. */
import type { Bilingual, NamespaceKind, Snapshot } from '../../../engine/api/types.js';
import type { Lang } from '../panel.js';
import { containersOf } from './containers.js';
import { mapText } from './namespaces.js';
import { visible } from './safe-text.js';
import { containerText, type Detail, type Fact, holderText, inspectCommand } from './wiring-detail.js';

/** What each kind isolates, in one line; namespaces(7). */
export const ISOLATES: Readonly<Record<NamespaceKind, Bilingual>> = {
  user: { en: 'user and group ids, capabilities', zh: '用户和组 ID、能力（capabilities）' },
  mnt: { en: 'the table of mounts', zh: '挂载表' },
  pid: { en: 'process ids', zh: '进程号' },
  net: { en: 'interfaces, addresses, routes, ports, firewall', zh: '网络接口、地址、路由、端口、防火墙' },
  uts: { en: 'host name and NIS domain name', zh: '主机名和 NIS 域名' },
  ipc: { en: 'System V IPC, POSIX message queues', zh: 'System V IPC、POSIX 消息队列' },
  cgroup: { en: 'which cgroup looks like the root', zh: '哪个控制组看起来是根' },
  time: { en: 'offsets of the monotonic and boot-time clocks', zh: '单调时钟和启动时钟的偏移' },
};

/** Flag of nsenter(1) for each kind. */
const NSENTER: Readonly<Record<NamespaceKind, string>> = {
  user: '-U',
  mnt: '-m',
  pid: '-p',
  net: '-n',
  uts: '-u',
  ipc: '-i',
  cgroup: '-C',
  time: '-T',
};

const L = {
  container: { en: 'container', zh: '容器' },
  isolates: { en: 'isolates', zh: '隔离内容' },
  inode: { en: 'inode', zh: 'inode 号' },
  owner: { en: 'owned by', zh: '所有者' },
  parent: { en: 'parent', zh: '父命名空间' },
  member: { en: 'process', zh: '成员进程' },
  held: { en: 'kept alive by', zh: '存续依赖' },
  nothing: { en: 'nothing but its processes', zh: '仅靠成员进程存续' },
  uid: { en: 'uid map', zh: 'UID 映射' },
  gid: { en: 'gid map', zh: 'GID 映射' },
  name: { en: 'name', zh: '名称' },
  command: { en: 'command', zh: '命令' },
  state: { en: 'state', zh: '状态' },
  pids: { en: 'pids, from the lab host inwards', zh: '进程号（由实验主机向内）' },
  ids: { en: 'uid, gid', zh: 'UID、GID' },
  root: { en: 'root directory', zh: '根目录' },
  cwd: { en: 'working directory', zh: '工作目录' },
  cgroup: { en: 'cgroup', zh: '控制组' },
  caps: { en: 'capabilities (effective)', zh: '有效能力集' },
  seccomp: { en: 'seccomp', zh: 'seccomp' },
  oom: { en: 'oom_score_adj', zh: 'oom_score_adj' },
  namespace: { en: 'namespace', zh: '命名空间' },
} as const satisfies Record<string, Bilingual>;

/** Details of a namespace (by id) or of a process (`process:PID`); null when it is gone. */
export function namespaceDetail(snapshot: Snapshot, id: string, lang: Lang): Detail | null {
  if (id.startsWith('process:')) return processDetail(snapshot, Number(id.slice(8)), lang);
  const ns = snapshot.namespaces.find((one) => one.id === id);
  if (ns === undefined) return null;
  const facts: Fact[] = [];
  const add = (label: Bilingual, value: string): void => {
    facts.push({ label: label[lang], value });
  };
  add(L.isolates, ISOLATES[ns.kind][lang]);
  add(L.inode, String(ns.inode));
  const containers = containersOf(snapshot);
  for (const name of ns.containers ?? []) {
    const fact = containers.all.find(({ container }) => container.name === name);
    if (fact !== undefined) add(L.container, containerText(fact, lang));
  }
  for (const name of ns.names) add(L.name, visible(name));
  if (ns.owner !== null) add(L.owner, ns.owner);
  if (ns.parent !== null) add(L.parent, ns.parent);
  for (const pid of ns.members) {
    const process = snapshot.processes.find((one) => one.pid === pid);
    add(L.member, process === undefined ? String(pid) : `${pid} ${visible(process.argv.join(' ') || process.comm)}`);
  }
  const holders = ns.heldBy.filter((holder) => holder.how !== 'process');
  for (const holder of holders) add(L.held, holderText(holder, lang));
  if (holders.length === 0 && ns.members.length > 0) add(L.held, L.nothing[lang]);
  if (ns.kind === 'user') {
    const member = snapshot.processes.find((process) => process.namespaces.user === ns.id);
    if (member !== undefined) {
      add(L.uid, mapText(member.uidMap));
      add(L.gid, mapText(member.gidMap));
    }
  }
  const pid = ns.members[0];
  const bind = ns.heldBy.find((holder) => holder.how === 'bind-mount')?.path;
  const commands = [`lsns -t ${ns.kind}`];
  if (pid !== undefined)
    commands.push(`readlink /proc/${pid}/ns/${ns.kind}`, `nsenter -t ${pid} ${NSENTER[ns.kind]} sh`);
  else if (bind !== undefined) commands.push(`nsenter --${ns.kind === 'mnt' ? 'mount' : ns.kind}=${visible(bind)} sh`);
  return { title: ns.id, commands, facts };
}

function processDetail(snapshot: Snapshot, pid: number, lang: Lang): Detail | null {
  const process = snapshot.processes.find((one) => one.pid === pid);
  if (process === undefined) return null;
  const facts: Fact[] = [];
  const add = (label: Bilingual, value: string): void => {
    facts.push({ label: label[lang], value });
  };
  const container = containersOf(snapshot).ofProcess(pid);
  if (container !== null) add(L.container, containerText(container, lang));
  add(L.command, visible(process.argv.join(' ') || process.comm));
  add(L.state, process.state);
  add(L.pids, process.nspid.join(' → '));
  add(L.ids, `${process.uid}, ${process.gid}`);
  add(L.root, visible(process.root));
  add(L.cwd, visible(process.cwd));
  for (const [kind, id] of Object.entries(process.namespaces)) {
    const home = snapshot.namespaces.find((ns) => ns.kind === kind && ns.isLabHost)?.id === id;
    add(L.namespace, home ? `${id} (${lang === 'zh' ? '实验主机' : 'lab host'})` : id);
  }
  for (const [hierarchy, path] of Object.entries(process.cgroups))
    add(L.cgroup, visible(hierarchy === '' ? path : `${hierarchy}:${path}`));
  add(L.uid, mapText(process.uidMap));
  add(L.gid, mapText(process.gidMap));
  add(L.caps, process.capEff);
  add(L.seccomp, `${process.seccomp}${process.noNewPrivs ? ', no_new_privs' : ''}`);
  add(L.oom, String(process.oomScoreAdj));
  return {
    title: `${visible(process.comm)} (${pid})`,
    commands: [
      `grep -E 'NSpid|Cap|Uid' /proc/${pid}/status`,
      `ls -l /proc/${pid}/ns`,
      ...(container === null ? [] : [inspectCommand(container)]),
    ],
    facts,
  };
}
