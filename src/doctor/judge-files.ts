import type { Bilingual } from '../../engine/api/types.js';
import { atLeast, kernelVersion } from './judge-machine.js';
import { row, same, trialVerdict, type Verdict } from './row.js';
import type { Facts, Row } from './types.js';

const ownKernel = { en: "use the distribution's own kernel", zh: '请使用发行版自带的内核' };

/** The mounts that a lab and its lessons are made of; each is tried in the throw-away child. */
export function judgeFiles(facts: Facts): readonly Row[] {
  const masked: Bilingual = {
    en: 'parts of it are covered, as in a container: start that container with --security-opt systempaths=unconfined, or run Glassbox outside',
    zh: '其部分内容被遮盖（常见于容器中）：请以 --security-opt systempaths=unconfined 启动该容器，或在容器外运行 Glassbox',
  };
  const rows: readonly {
    readonly id: string;
    readonly trial: string;
    readonly name: Bilingual;
    readonly purpose: Bilingual;
    readonly failed: Omit<Verdict, 'found'>;
    readonly features?: Row['features'];
    readonly essential?: boolean;
  }[] = [
    {
      id: 'tmpfs',
      trial: 'tmpfs',
      name: same('tmpfs'),
      purpose: { en: 'takes all that a lab writes', zh: '承接实验室的全部写入' },
      failed: { status: 'missing', remedy: ownKernel },
      essential: true,
    },
    {
      id: 'overlay',
      trial: 'overlay',
      name: { en: 'overlay in a user namespace', zh: '用户命名空间中的 overlay' },
      purpose: {
        en: "the machine's files below, the lab's changes above; image layers",
        zh: '下层是本机文件，上层是实验室的改动；镜像分层',
      },
      failed: {
        status: 'missing',
        remedy: {
          en: 'a kernel of 5.11 or newer with overlay is needed',
          zh: '需要 5.11 或更高版本且启用 overlay 的内核',
        },
      },
      features: ['overlay'],
    },
    {
      id: 'proc',
      trial: 'proc',
      name: { en: 'its own /proc', zh: '独立的 /proc' },
      purpose: { en: 'the lab sees its own processes only', zh: '实验室只看到自己的进程' },
      failed: { status: 'missing', remedy: masked },
      essential: true,
    },
    {
      id: 'sysfs',
      trial: 'sysfs',
      name: { en: 'its own /sys', zh: '独立的 /sys' },
      purpose: { en: 'links of the lab as files', zh: '以文件形式查看实验室的网络接口' },
      failed: { status: 'weaker', remedy: masked },
    },
    {
      id: 'devpts',
      trial: 'devpts',
      name: { en: 'its own terminals (devpts)', zh: '独立的终端（devpts）' },
      purpose: { en: 'the shell of the lab', zh: '实验室中的 shell' },
      failed: { status: 'weaker', remedy: ownKernel },
    },
    {
      id: 'mqueue',
      trial: 'mqueue',
      name: { en: 'message queues (mqueue)', zh: '消息队列（mqueue）' },
      purpose: { en: 'POSIX message queues per ipc namespace', zh: '每个 ipc 命名空间各自的 POSIX 消息队列' },
      failed: { status: 'weaker', remedy: ownKernel },
    },
    {
      id: 'whiteout',
      trial: 'whiteout',
      name: { en: 'whiteout files', zh: 'whiteout 文件' },
      purpose: { en: 'a deleted file of a lower layer, made by hand', zh: '亲手制作“下层文件已删除”的标记' },
      failed: {
        status: 'weaker',
        remedy: { en: 'kernels from 5.8 allow them in a user namespace', zh: '内核 5.8 起允许在用户命名空间中创建' },
      },
    },
  ];
  return [
    ...rows.map(({ trial, failed, ...subject }) =>
      row({ ...subject, group: 'files' }, trialVerdict(facts, trial, failed)),
    ),
    deviceNode(facts),
    idmapped(facts),
  ];
}

/** No kernel lets a user namespace make device nodes: that is a part of what keeps the machine safe from the lab. */
function deviceNode(facts: Facts): Row {
  return row(
    {
      id: 'device-nodes',
      group: 'files',
      name: { en: 'making device nodes', zh: '创建设备节点' },
      purpose: { en: 'refused to every lab, so that no disk can be reached', zh: '任何实验室都不允许，以免触及磁盘' },
      features: ['mknod'],
    },
    trialVerdict(facts, 'device-node', { status: 'missing' }),
  );
}

/** Only a lab shows it for sure: the root file system must support it too. */
function idmapped(facts: Facts): Row {
  const subject = {
    id: 'idmapped-mounts',
    group: 'files',
    name: { en: 'idmapped mounts', zh: 'idmapped 挂载' },
    purpose: { en: 'files of root belong to root in the lab', zh: 'root 的文件在实验室中仍属于 root' },
  } as const;
  const { lab, system } = facts;
  if (lab.ran) {
    const weakness = lab.weaknesses.find((one) => one.what === 'no-idmap');
    if (weakness !== undefined)
      return row(subject, { status: 'weaker', found: weakness.text, remedy: weakness.remedy });
    if (lab.mode === 'root')
      return row(subject, { status: 'ok', found: { en: 'used by the lab', zh: '实验主机已采用' } });
  }
  if (!atLeast(kernelVersion(system.kernel), [5, 19])) {
    return row(subject, {
      status: 'weaker',
      found: { en: 'not below overlay before kernel 5.19', zh: '内核 5.19 之前不能用于 overlay 下层' },
    });
  }
  if (system.uid !== 0) {
    return row(subject, {
      status: 'weaker',
      found: { en: 'only root may make them', zh: '仅 root 可以创建' },
      remedy: { en: 'start Glassbox as root to see them', zh: '以 root 身份启动 Glassbox 即可看到' },
    });
  }
  return row(subject, {
    status: 'unknown',
    found: { en: 'no lab could be made to try it in', zh: '未能创建用于尝试的实验主机' },
  });
}
