import type { Bilingual } from '../../engine/api/types.js';
import type { Feature } from '../lesson/types.js';
import { row, same } from './row.js';
import type { Facts, Hierarchy, Row } from './types.js';

export type CgroupMode = 'v1' | 'v2' | 'hybrid' | 'none';

/** v1: controllers in v1 hierarchies; hybrid: a v2 hierarchy beside them; v2: one tree for all. */
export function cgroupMode(hierarchies: readonly Hierarchy[]): CgroupMode {
  const hasV1 = hierarchies.some((one) => one.version === 1 && one.controllers.length > 0);
  const hasV2 = hierarchies.some((one) => one.version === 2);
  if (hasV1) return hasV2 ? 'hybrid' : 'v1';
  return hasV2 ? 'v2' : 'none';
}

const MODE_TEXT: Readonly<Record<CgroupMode, Bilingual>> = {
  v1: { en: 'version 1: one hierarchy per controller', zh: '第 1 版：每个控制器一个层级' },
  v2: { en: 'version 2: one tree for all controllers', zh: '第 2 版：所有控制器共用一棵树' },
  hybrid: {
    en: 'hybrid: controllers in version 1, an empty version 2 tree beside',
    zh: '混合：控制器在第 1 版，旁有第 2 版的树',
  },
  none: { en: 'none is mounted', zh: '未挂载' },
};

/** The remedy where groups may not be made: systemd delegates a part of its tree to a user. */
function delegation(facts: Facts, mode: CgroupMode): { readonly remedy: Bilingual; readonly command: string | null } {
  if (mode === 'v2' && facts.system.uid !== 0) {
    return {
      remedy: {
        en: 'let systemd delegate the controllers to you, for this run',
        zh: '让 systemd 为本次运行委派控制器',
      },
      command: 'systemd-run --user --scope -p Delegate=yes glassbox',
    };
  }
  return {
    remedy: {
      en: 'start Glassbox as root, where /sys/fs/cgroup is mounted read-write',
      zh: '在 /sys/fs/cgroup 可写的环境中以 root 身份启动 Glassbox',
    },
    command: null,
  };
}

export function judgeCgroups(facts: Facts): readonly Row[] {
  const mode = cgroupMode(facts.hierarchies);
  const rows = [version(facts, mode), writable(facts, mode)];
  for (const one of CONTROLLERS) rows.push(controller(facts, mode, one));
  return rows;
}

function version({ hierarchies }: Facts, mode: CgroupMode): Row {
  const features: Feature[] = [];
  if (mode === 'v1' || mode === 'hybrid') features.push('cgroup-v1');
  if (mode === 'v2') features.push('cgroup-v2');
  return row(
    {
      id: 'cgroup-version',
      group: 'cgroups',
      name: { en: 'control groups', zh: '控制组（cgroup）' },
      purpose: { en: 'limits on memory, processor and processes', zh: '限制内存、处理器与进程数' },
      features,
    },
    mode === 'none'
      ? {
          status: 'missing',
          found: MODE_TEXT.none,
          remedy: { en: 'mount them, or use a machine with systemd', zh: '请挂载 cgroup，或使用带 systemd 的机器' },
        }
      : {
          status: 'ok',
          found: {
            en: `${MODE_TEXT[mode].en} (${hierarchies.length})`,
            zh: `${MODE_TEXT[mode].zh}（${hierarchies.length}）`,
          },
        },
  );
}

function writable(facts: Facts, mode: CgroupMode): Row {
  const useful = facts.hierarchies.filter((one) => one.controllers.length > 0);
  const ours = useful.filter((one) => one.writable);
  const subject = {
    id: 'cgroup-create',
    group: 'cgroups',
    name: { en: 'making groups', zh: '创建控制组' },
    purpose: { en: 'a part of the tree that belongs to the lab', zh: '归实验室所有的一段层级' },
    features: ['cgroup'],
  } as const;
  if (facts.lab.ran) {
    const labHas = facts.lab.cgroupMode !== 'none';
    return row(
      subject,
      labHas
        ? { status: 'ok', found: { en: 'the lab has its own', zh: '实验主机已有自己的层级' } }
        : {
            status: 'missing',
            found: { en: 'the lab got none', zh: '实验主机未获得层级' },
            ...delegation(facts, mode),
          },
    );
  }
  if (ours.length === useful.length && useful.length > 0)
    return row(subject, {
      status: 'ok',
      found: {
        en: `in all ${ours.length} hierarchies with controllers`,
        zh: `可在全部 ${ours.length} 个含控制器的层级中创建`,
      },
    });
  const denied = useful.filter((one) => !one.writable).map((one) => one.ownGroup);
  return row(subject, {
    status: ours.length > 0 ? 'weaker' : 'missing',
    found: {
      en: denied.length > 0 ? `not writable: ${denied.join(' ')}` : 'there is no controller',
      zh: denied.length > 0 ? `不可写：${denied.join(' ')}` : '没有控制器',
    },
    ...delegation(facts, mode),
  });
}

interface Controller {
  readonly name: string;
  /** v2 folds some of v1's controllers into one, or into the core. */
  readonly v2: string | null;
  readonly purpose: Bilingual;
  readonly features: readonly Feature[];
}

const CONTROLLERS: readonly Controller[] = [
  {
    name: 'memory',
    v2: 'memory',
    purpose: { en: 'a limit, and the OOM killer', zh: '内存上限与 OOM killer' },
    features: ['cgroup-memory'],
  },
  {
    name: 'cpu',
    v2: 'cpu',
    purpose: { en: 'shares and quotas of processor time', zh: '处理器时间的份额与配额' },
    features: ['cgroup-cpu'],
  },
  {
    name: 'cpuset',
    v2: 'cpuset',
    purpose: { en: 'which processors a group may use', zh: '一个组可用的处理器' },
    features: ['cgroup-cpuset'],
  },
  {
    name: 'pids',
    v2: 'pids',
    purpose: { en: 'how many processes; fork bombs stay small', zh: '进程数上限；限制 fork 炸弹' },
    features: ['cgroup-pids'],
  },
  {
    name: 'freezer',
    v2: null,
    purpose: { en: 'stopping a whole group at once', zh: '一次冻结整个组' },
    features: ['cgroup-freezer'],
  },
  { name: 'blkio', v2: 'io', purpose: { en: 'counting reads and writes', zh: '统计读写量' }, features: [] },
  {
    name: 'devices',
    v2: null,
    purpose: { en: 'which devices may be opened (v2 uses BPF)', zh: '允许打开的设备（v2 使用 BPF）' },
    features: [],
  },
];

function controller(facts: Facts, mode: CgroupMode, { name, v2, purpose, features }: Controller): Row {
  const label = mode === 'v2' ? (v2 ?? name) : name;
  const subject = {
    id: `cgroup-${name}`,
    group: 'cgroups',
    name: { en: `controller ${label}`, zh: `控制器 ${label}` },
    purpose,
    features,
  } as const;
  if (mode === 'v2' && v2 === null)
    return row(subject, { status: 'ok', found: { en: 'part of version 2 itself', zh: '第 2 版自带' } });
  const home = facts.hierarchies.find((one) => one.controllers.includes(label));
  if (home === undefined) {
    const remedy =
      mode === 'v2'
        ? delegation(facts, mode)
        : {
            remedy: { en: 'mount it, or use the kernel of the distribution', zh: '请挂载它，或使用发行版自带的内核' },
            command: null,
          };
    return row(subject, {
      status: 'missing',
      found: { en: 'not in any hierarchy that we are in', zh: '不在当前所属的任何层级中' },
      ...remedy,
    });
  }
  if (facts.lab.ran) {
    const given = facts.lab.cgroupControllers.includes(label);
    return row(
      subject,
      given
        ? { status: 'ok', found: { en: 'given to the lab', zh: '已委派给实验主机' } }
        : {
            status: 'missing',
            found: { en: 'not given to the lab', zh: '未委派给实验主机' },
            ...delegation(facts, mode),
          },
    );
  }
  if (!home.writable)
    return row(subject, {
      status: 'missing',
      found: { en: `${home.ownGroup} is not writable`, zh: `${home.ownGroup} 不可写` },
      ...delegation(facts, mode),
    });
  return row(subject, { status: 'ok', found: same(home.ownGroup) });
}
