import type { Bilingual } from '../../engine/api/types.js';
import { asRoot, fromTrial, installHint, row, same, trialVerdict, type Verdict } from './row.js';
import type { Facts, Row } from './types.js';

/** The eight kinds of namespaces(7), and what may stand in the way of making them. */
export function judgeNamespaces(facts: Facts): readonly Row[] {
  return [
    userNamespaces(facts),
    kinds(facts),
    limits(facts),
    nested(facts),
    network(facts),
    time(facts),
    idRanges(facts),
    noNewPrivileges(facts),
  ];
}

/** The settings that refuse user namespaces, strongest first, each with what lifts it. */
function obstacle(facts: Facts): { readonly why: Bilingual; readonly setting: string } | null {
  const { sysctls } = facts;
  if (sysctls['user.max_user_namespaces'] === '0') {
    return {
      why: { en: 'user.max_user_namespaces is 0', zh: 'user.max_user_namespaces 为 0' },
      setting: 'user.max_user_namespaces=15000',
    };
  }
  if (facts.system.uid === 0) return null;
  if (sysctls['kernel.unprivileged_userns_clone'] === '0') {
    return {
      why: {
        en: 'kernel.unprivileged_userns_clone is 0: only root may make them',
        zh: 'kernel.unprivileged_userns_clone 为 0：仅 root 可创建',
      },
      setting: 'kernel.unprivileged_userns_clone=1',
    };
  }
  if (sysctls['kernel.apparmor_restrict_unprivileged_userns'] === '1') {
    return {
      why: {
        en: 'AppArmor restricts them to programs with a profile (Ubuntu 23.10 and newer)',
        zh: 'AppArmor 只允许有配置文件的程序使用（Ubuntu 23.10 及以上）',
      },
      setting: 'kernel.apparmor_restrict_unprivileged_userns=0',
    };
  }
  return null;
}

function userNamespaces(facts: Facts): Row {
  const subject = {
    id: 'userns',
    group: 'namespaces',
    name: { en: 'user namespaces', zh: '用户命名空间' },
    purpose: { en: 'root in the lab without being root on the machine', zh: '在实验室中是 root，而在本机上不是' },
    essential: true,
    features: ['userns'],
  } as const;
  const hindrance = obstacle(facts);
  if (facts.trials.started) return row(subject, { status: 'ok', found: { en: 'works', zh: '可用' } });
  if (facts.lab.ran) {
    return row(subject, {
      status: 'ok',
      found: { en: 'works in the lab (the trial child did not start)', zh: '在实验主机中可用（探测子进程未能启动）' },
    });
  }
  if (hindrance !== null) {
    return row(subject, {
      status: 'missing',
      found: hindrance.why,
      remedy: { en: 'allow them', zh: '允许使用' },
      command: asRoot(facts, `sysctl -w ${hindrance.setting}`),
    });
  }
  const inContainer = {
    en: 'when this is a container, start it with --security-opt seccomp=unconfined, or run Glassbox outside',
    zh: '若当前位于容器中，请以 --security-opt seccomp=unconfined 启动该容器，或在容器外运行 Glassbox',
  };
  return row(subject, { status: 'missing', found: same(facts.trials.reason), remedy: inContainer });
}

function kinds({ namespaceKinds }: Facts): Row {
  const all = ['mnt', 'uts', 'ipc', 'pid', 'net', 'user', 'cgroup', 'time'];
  const absent = all.filter((kind) => !namespaceKinds.includes(kind));
  const subject = {
    id: 'namespace-kinds',
    group: 'namespaces',
    name: { en: 'all eight kinds', zh: '全部八种命名空间' },
    purpose: { en: 'mnt, uts, ipc, pid, net, user, cgroup, time', zh: 'mnt、uts、ipc、pid、net、user、cgroup、time' },
  } as const;
  if (absent.length === 0) return row(subject, { status: 'ok', found: same('8/8') });
  const needed = absent.filter((kind) => kind !== 'time' && kind !== 'cgroup');
  return row(subject, {
    status: needed.length > 0 ? 'missing' : 'weaker',
    found: { en: `the kernel was built without ${absent.join(', ')}`, zh: `内核未启用 ${absent.join('、')}` },
    remedy: { en: "use the distribution's own kernel", zh: '请使用发行版自带的内核' },
  });
}

function limits(facts: Facts): Row {
  const few = Object.entries(facts.sysctls).filter(
    ([name, value]) => name.startsWith('user.max_') && Number(value) < 64,
  );
  const subject = {
    id: 'namespace-limits',
    group: 'namespaces',
    name: { en: 'how many namespaces', zh: '命名空间数量上限' },
    purpose: { en: 'labs within labs, one namespace per container', zh: '实验室中的容器各需要自己的命名空间' },
  } as const;
  if (few.length === 0) return row(subject, { status: 'ok', found: { en: 'enough of each kind', zh: '各种类均充足' } });
  return row(subject, {
    status: few.some(([, value]) => value === '0') ? 'missing' : 'weaker',
    found: same(few.map(([name, value]) => `${name}=${value}`).join(', ')),
    remedy: { en: 'raise the limit', zh: '提高上限' },
    command: asRoot(facts, `sysctl -w ${few.map(([name]) => `${name}=15000`).join(' ')}`),
  });
}

function nested(facts: Facts): Row {
  return row(
    {
      id: 'nested-userns',
      group: 'namespaces',
      name: { en: 'a user namespace within one', zh: '嵌套的用户命名空间' },
      purpose: { en: 'lessons in which the learner makes a user namespace', zh: '学习者亲手创建用户命名空间的课程' },
    },
    trialVerdict(facts, 'nested', {
      status: 'missing',
      remedy: { en: 'raise user.max_user_namespaces', zh: '提高 user.max_user_namespaces' },
    }),
  );
}

function network(facts: Facts): Row {
  return row(
    {
      id: 'netns',
      group: 'namespaces',
      name: { en: 'network namespaces', zh: '网络命名空间' },
      purpose: { en: 'every lesson on networks', zh: '所有网络课程' },
      features: ['netns'],
    },
    trialVerdict(facts, 'netns', {
      status: 'missing',
      remedy: { en: "use the distribution's own kernel", zh: '请使用发行版自带的内核' },
    }),
  );
}

function time(facts: Facts): Row {
  const subject = {
    id: 'timens',
    group: 'namespaces',
    name: { en: 'time namespaces', zh: '时间命名空间' },
    purpose: { en: 'another boot time for a process', zh: '让进程看到不同的启动时间' },
    features: ['timens'],
  } as const;
  if (!facts.namespaceKinds.includes('time')) {
    return row(subject, {
      status: 'missing',
      found: { en: 'the kernel has none (5.6 and newer do)', zh: '内核不支持（5.6 及以上支持）' },
    });
  }
  return row(subject, trialVerdict(facts, 'timens', { status: 'missing' }));
}

function idRanges(facts: Facts): Row {
  const subject = {
    id: 'id-ranges',
    group: 'namespaces',
    name: { en: 'ranges of ids', zh: 'ID 映射范围' },
    purpose: {
      en: 'more users than root in the lab (su, apt, file owners)',
      zh: '实验室中除 root 之外的用户（su、apt、文件属主）',
    },
  } as const;
  if (facts.system.uid === 0)
    return row(subject, { status: 'ok', found: { en: 'root maps any range', zh: 'root 可映射任意范围' } });
  const weaker = (found: Bilingual, rest: Partial<Verdict>): Row => row(subject, { status: 'weaker', found, ...rest });
  const absent = ['newuidmap', 'newgidmap'].filter((name) => facts.programs[name] === null);
  if (absent.length > 0)
    return weaker(
      { en: `${absent.join(', ')} not found`, zh: `找不到 ${absent.join('、')}` },
      installHint(facts, 'uidmap'),
    );
  if (facts.subuid.length === 0 || facts.subgid.length === 0) {
    const file = facts.subuid.length === 0 ? '/etc/subuid' : '/etc/subgid';
    return weaker(
      { en: `no range for ${facts.system.user} in ${file}`, zh: `${file} 中没有 ${facts.system.user} 的范围` },
      {
        remedy: { en: 'give the user a range', zh: '为该用户分配范围' },
        command: asRoot(facts, `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${facts.system.user}`),
      },
    );
  }
  const tried = fromTrial(facts.autoMap, {
    status: 'weaker',
    remedy: {
      en: 'reinstall uidmap: newuidmap needs its set-user-id bit or file capability',
      zh: '重新安装 uidmap：newuidmap 需要 set-user-id 位或文件能力',
    },
    command: asRoot(facts, 'apt-get install --reinstall uidmap'),
  });
  const count = facts.subuid.reduce((sum, range) => sum + range.count, 0);
  return row(
    subject,
    tried.status === 'ok' ? { status: 'ok', found: { en: `${count} ids`, zh: `${count} 个 ID` } } : tried,
  );
}

function noNewPrivileges({ status, system }: Facts): Row {
  const subject = {
    id: 'setuid-programs',
    group: 'namespaces',
    name: { en: 'set-user-id programs', zh: 'set-user-id 程序' },
    purpose: { en: 'newuidmap, which gives a plain user a range of ids', zh: 'newuidmap：让普通用户获得一段 ID' },
  } as const;
  if (!status.noNewPrivs || system.uid === 0)
    return row(subject, { status: 'ok', found: { en: 'work here', zh: '此处有效' } });
  return row(subject, {
    status: 'weaker',
    found: { en: 'no_new_privs is set for this session', zh: '当前会话设置了 no_new_privs' },
    remedy: { en: 'start Glassbox from an ordinary login', zh: '请从普通登录会话中启动 Glassbox' },
  });
}
