/** Checks on processes and namespaces: pure functions of a snapshot. */
import type { Namespace, Process, Snapshot } from '../../../engine/api/types.js';
import type { Bilingual, CheckResult, CheckSpecs, ProcessSelector } from '../types.js';
import { hostNamespace, isOwn, namespacesAt, placeWords, processName } from './context.js';
import { amountWords, comma, list, matchesAmount, outcome, put, same, say } from './words.js';

/** capabilities(7), by bit. */
const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
];

function hasCapability(hex: string, name: string): boolean {
  const bit = CAPABILITIES.indexOf(name.toUpperCase().replace(/^CAP_/, ''));
  return bit >= 0 && /^[0-9a-f]+$/i.test(hex) && ((BigInt(`0x${hex}`) >> BigInt(bit)) & 1n) === 1n;
}

/** Processes that have all that the selector asks for. */
export function selectProcesses(snapshot: Snapshot, selector: ProcessSelector): readonly Process[] {
  return snapshot.processes.filter((process) => matchesProcess(snapshot, process, selector));
}

export function matchesProcess(snapshot: Snapshot, process: Process, selector: ProcessSelector): boolean {
  const command = process.argv.join(' ');
  if (selector.comm !== undefined && process.comm !== selector.comm) return false;
  if (selector.argv !== undefined && !command.includes(selector.argv)) return false;
  if (selector.argvMatches !== undefined && !new RegExp(selector.argvMatches).test(command)) return false;
  if (selector.pidInside !== undefined && !matchesAmount(process.nspid.at(-1) ?? null, selector.pidInside))
    return false;
  if (selector.depth !== undefined && !matchesAmount(process.nspid.length, selector.depth)) return false;
  if (selector.root !== undefined && (selector.root === 'own' ? process.root === '/' : process.root !== selector.root))
    return false;
  if (selector.cwd !== undefined && process.cwd !== selector.cwd) return false;
  if (selector.state !== undefined && !selector.state.includes(process.state)) return false;
  if (selector.uid !== undefined && !matchesAmount(process.uid, selector.uid)) return false;
  if (selector.noNewPrivs !== undefined && process.noNewPrivs !== selector.noNewPrivs) return false;
  if (selector.seccomp !== undefined && !matchesAmount(process.seccomp, selector.seccomp)) return false;
  if (selector.oomScoreAdj !== undefined && !matchesAmount(process.oomScoreAdj, selector.oomScoreAdj)) return false;
  if (selector.cgroup !== undefined && !Object.values(process.cgroups).includes(selector.cgroup)) return false;
  if (selector.mappedRoot !== undefined) {
    const mapped = isOwn(snapshot, 'user', process.namespaces.user) && process.uidMap.some((map) => map.inside === 0);
    if (mapped !== selector.mappedRoot) return false;
  }
  for (const name of selector.capabilities?.has ?? []) if (!hasCapability(process.capEff, name)) return false;
  for (const name of selector.capabilities?.lacks ?? []) if (hasCapability(process.capEff, name)) return false;
  for (const [kind, wanted] of Object.entries(selector.in ?? {})) {
    const key = kind as keyof typeof process.namespaces;
    const id = process.namespaces[key];
    if (id === undefined) return false;
    if (wanted === 'own') {
      if (!isOwn(snapshot, key, id)) return false;
    } else if (!namespacesAt(snapshot, key, wanted, (inner) => selectProcesses(snapshot, inner)).has(id)) return false;
  }
  if (selector.parent !== undefined) {
    const parent = snapshot.processes.find((one) => one.pid === process.ppid);
    if (!parent || !matchesProcess(snapshot, parent, selector.parent)) return false;
  }
  return true;
}

/** `a process “sleep 700” with its own uts namespace …` */
export function describeProcess(selector: ProcessSelector): Bilingual {
  const parts: Bilingual[] = [
    put(
      'a process %',
      '有进程 %',
      (selector.comm ?? selector.argv ?? selector.argvMatches) ? processName(selector) : say('like this', ''),
    ),
  ];
  for (const [kind, wanted] of Object.entries(selector.in ?? {})) {
    if (wanted === 'own') parts.push(say(`in a ${kind} namespace of its own`, `位于自己的 ${kind} 命名空间`));
    else parts.push(put(`in the ${kind} namespace of %`, `位于 % 的 ${kind} 命名空间`, placeWords(wanted)));
  }
  if (selector.pidInside !== undefined)
    parts.push(
      put('pid % in its own pid namespace', '在自己的 pid 命名空间里进程号为 %', amountWords(selector.pidInside)),
    );
  if (selector.depth !== undefined)
    parts.push(put('% pid namespaces deep', '处于 % 层 pid 命名空间', amountWords(selector.depth)));
  if (selector.root !== undefined)
    parts.push(
      selector.root === 'own'
        ? say('with another root directory', '根目录已改变')
        : put('with root directory %', '根目录为 %', same(selector.root)),
    );
  if (selector.cwd !== undefined) parts.push(put('in directory %', '工作目录为 %', same(selector.cwd)));
  if (selector.state !== undefined) parts.push(put('in state %', '状态为 %', same(selector.state)));
  if (selector.uid !== undefined) parts.push(put('with user id %', '用户号为 %', amountWords(selector.uid)));
  if (selector.mappedRoot !== undefined)
    parts.push(
      selector.mappedRoot
        ? say('root only inside its own user namespace', '只在自己的 user 命名空间里是 root')
        : say('without a mapped root', '没有映射的 root'),
    );
  if (selector.cgroup !== undefined) parts.push(put('in control group %', '位于控制组 %', same(selector.cgroup)));
  const has = selector.capabilities?.has ?? [];
  const lacks = selector.capabilities?.lacks ?? [];
  if (has.length > 0) parts.push(put('with %', '拥有 %', list(has.map(same))));
  if (lacks.length > 0) parts.push(put('without %', '没有 %', list(lacks.map(same))));
  if (selector.noNewPrivs !== undefined) parts.push(same(`no_new_privs=${selector.noNewPrivs ? 1 : 0}`));
  if (selector.seccomp !== undefined)
    parts.push(put('seccomp mode %', 'seccomp 模式 %', amountWords(selector.seccomp)));
  if (selector.oomScoreAdj !== undefined)
    parts.push(put('oom_score_adj %', 'oom_score_adj 为 %', amountWords(selector.oomScoreAdj)));
  if (selector.parent !== undefined) parts.push(put('child of %', '父进程是 %', processName(selector.parent)));
  return comma(parts);
}

/** What is different about the processes that come nearest: those with the right command. */
function nearestProcesses(snapshot: Snapshot, selector: ProcessSelector): Bilingual {
  const near: ProcessSelector = {
    ...(selector.comm !== undefined ? { comm: selector.comm } : {}),
    ...(selector.argv !== undefined ? { argv: selector.argv } : {}),
    ...(selector.argvMatches !== undefined ? { argvMatches: selector.argvMatches } : {}),
  };
  const byName = Object.keys(near).length > 0 ? selectProcesses(snapshot, near) : [];
  if (byName.length === 0)
    return Object.keys(near).length > 0
      ? put('no process % is running', '没有正在运行的进程 %', processName(near))
      : say('no process is like this', '没有这样的进程');
  return put(
    'there is %',
    '现有 %',
    list(
      byName.map((process) => describeFound(snapshot, process, selector)),
      3,
    ),
  );
}

function describeFound(snapshot: Snapshot, process: Process, selector: ProcessSelector): Bilingual {
  const facts: Bilingual[] = [];
  for (const kind of Object.keys(selector.in ?? {})) {
    const key = kind as keyof typeof process.namespaces;
    const own = isOwn(snapshot, key, process.namespaces[key]);
    facts.push(
      say(
        `${kind} namespace: ${own ? 'its own' : "the lab host's"}`,
        `${kind} 命名空间：${own ? '自己的' : '实验主机的'}`,
      ),
    );
  }
  if (selector.pidInside !== undefined)
    facts.push(say(`pid ${process.nspid.join('→')}`, `进程号 ${process.nspid.join('→')}`));
  if (selector.depth !== undefined)
    facts.push(say(`${process.nspid.length} pid namespaces deep`, `${process.nspid.length} 层 pid 命名空间`));
  if (selector.root !== undefined) facts.push(put('root %', '根目录 %', same(process.root)));
  if (selector.cwd !== undefined) facts.push(put('directory %', '工作目录 %', same(process.cwd)));
  if (selector.state !== undefined) facts.push(put('state %', '状态 %', same(process.state)));
  if (selector.uid !== undefined) facts.push(say(`uid ${process.uid}`, `用户号 ${process.uid}`));
  if (selector.cgroup !== undefined)
    facts.push(put('control groups %', '控制组 %', list([...new Set(Object.values(process.cgroups))].map(same), 4)));
  if (selector.capabilities !== undefined) facts.push(same(`CapEff ${process.capEff}`));
  if (selector.seccomp !== undefined) facts.push(same(`seccomp ${process.seccomp}`));
  if (selector.mappedRoot !== undefined)
    facts.push(same(`uid_map ${process.uidMap.map((map) => `${map.inside} ${map.outside} ${map.count}`).join('; ')}`));
  const name = `${process.comm} (pid ${process.pid})`;
  return facts.length === 0 ? same(name) : put('%: %', '%：%', same(name), comma(facts));
}

export function checkProcess(snapshot: Snapshot, spec: ProcessSelector): CheckResult {
  const found = selectProcesses(snapshot, spec);
  const observed =
    found.length > 0
      ? put(
          'found %',
          '找到 %',
          list(
            found.map((process) => same(`${process.comm} (pid ${process.pid})`)),
            3,
          ),
        )
      : nearestProcesses(snapshot, spec);
  return outcome(
    found.length > 0 ? 'passed' : 'notYet',
    describeProcess(spec),
    observed,
    '/proc/[pid]/{stat,status,ns}',
  );
}

export function selectNamespaces(snapshot: Snapshot, spec: CheckSpecs['namespace']): readonly Namespace[] {
  const host = hostNamespace(snapshot, spec.kind);
  const owners = hostNamespace(snapshot, 'user');
  const members = spec.of
    ? new Set(selectProcesses(snapshot, spec.of).map((process) => process.namespaces[spec.kind]))
    : null;
  return snapshot.namespaces.filter((namespace) => {
    if (namespace.kind !== spec.kind) return false;
    if ((spec.own ?? true) === (namespace.id === host?.id)) return false;
    if (spec.own !== false && namespace.isMachine) return false;
    if (spec.name !== undefined && !namespace.names.includes(spec.name)) return false;
    if (members && !members.has(namespace.id)) return false;
    if (spec.heldBy !== undefined && !namespace.heldBy.some((holder) => holder.how === spec.heldBy)) return false;
    if (spec.members !== undefined && !matchesAmount(namespace.members.length, spec.members)) return false;
    if (spec.owner !== undefined && (namespace.owner === owners?.id) !== (spec.owner === 'host')) return false;
    return true;
  });
}

export function checkNamespace(snapshot: Snapshot, spec: CheckSpecs['namespace']): CheckResult {
  const parts: Bilingual[] = [
    spec.own === false
      ? say(`the lab host's ${spec.kind} namespace`, `实验主机的 ${spec.kind} 命名空间`)
      : say(`a ${spec.kind} namespace besides the lab host's`, `有实验主机以外的 ${spec.kind} 命名空间`),
  ];
  if (spec.name !== undefined) parts.push(put('named %', '名为 %', same(spec.name)));
  if (spec.of !== undefined) parts.push(put('with the process % in it', '其中有进程 %', processName(spec.of)));
  if (spec.heldBy !== undefined) parts.push(say(`kept alive by a ${spec.heldBy}`, `由 ${spec.heldBy} 维持存在`));
  if (spec.members !== undefined) parts.push(put('with % processes', '有 % 个进程', amountWords(spec.members)));
  if (spec.owner !== undefined)
    parts.push(
      spec.owner === 'host'
        ? say("owned by the lab host's user namespace", '属于实验主机的 user 命名空间')
        : say('owned by another user namespace', '属于另一个 user 命名空间'),
    );
  const found = selectNamespaces(snapshot, spec);
  const others = selectNamespaces(snapshot, { kind: spec.kind });
  const words = (namespace: Namespace): Bilingual =>
    same(
      namespace.names.length > 0
        ? `${namespace.names.join('=')} ${namespace.id}`
        : `${namespace.id} (${namespace.members.length === 0 ? '-' : `pid ${namespace.members.slice(0, 3).join(' ')}`})`,
    );
  const observed =
    found.length > 0
      ? put('found %', '找到 %', list(found.map(words), 4))
      : others.length > 0
        ? put('there is only %', '只有 %', list(others.map(words), 4))
        : say(
            `there is no ${spec.kind} namespace but the lab host's`,
            `除实验主机的以外没有其他 ${spec.kind} 命名空间`,
          );
  return outcome(
    found.length > 0 ? 'passed' : 'notYet',
    comma(parts),
    observed,
    spec.name === undefined ? '/proc/[pid]/ns' : '/run/netns, /proc/self/mountinfo',
  );
}
