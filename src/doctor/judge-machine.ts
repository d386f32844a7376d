import { row, same } from './row.js';
import type { Facts, Row } from './types.js';

const GIB = 1024 ** 3;

/** The lab itself, then the machine: kernel, processor, Node, room. */
export function judgeMachine(facts: Facts): readonly Row[] {
  return [
    lab(facts),
    kernel(facts),
    processor(facts),
    node(facts),
    cpus(facts),
    memory(facts),
    disk(facts),
    swap(facts),
  ];
}

function lab({ lab: trial }: Facts): Row {
  const subject = {
    id: 'lab',
    group: 'lab',
    name: { en: 'a lab host', zh: '实验主机' },
    purpose: {
      en: 'everything: a lab was made and a command run in it',
      zh: '一切的基础：已实际创建实验主机并在其中运行命令',
    },
    essential: true,
  } as const;
  if (!trial.ran)
    return row(subject, {
      status: 'missing',
      found: trial.reason,
      remedy: { en: 'see the rows that are missing below', zh: '请查看下面标为缺失的各项' },
    });
  const ready = {
    en: `ready in ${Math.round(trial.readyMs)} ms (${trial.mode})`,
    zh: `${Math.round(trial.readyMs)} 毫秒就绪（${trial.mode}）`,
  };
  if (trial.weaknesses.length === 0) return row(subject, { status: 'ok', found: ready });
  const join = (language: 'en' | 'zh', key: 'text' | 'remedy') =>
    trial.weaknesses.map((one) => one[key][language]).join(language === 'en' ? '; ' : '；');
  return row(subject, {
    status: 'weaker',
    found: { en: `${ready.en}; ${join('en', 'text')}`, zh: `${ready.zh}；${join('zh', 'text')}` },
    remedy: { en: join('en', 'remedy'), zh: join('zh', 'remedy') },
  });
}

/** `6.1` of `6.1.0-18-amd64`, as a pair. */
export function kernelVersion(release: string): readonly [number, number] {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return [Number(major), Number(minor)];
}

export function atLeast([major, minor]: readonly [number, number], wanted: readonly [number, number]): boolean {
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1]);
}

function kernel({ system }: Facts): Row {
  const subject = {
    id: 'kernel',
    group: 'machine',
    name: { en: 'Linux kernel', zh: 'Linux 内核' },
    purpose: { en: 'the system calls that the lab is made of', zh: '构成实验室的系统调用' },
    essential: true,
  } as const;
  const found = same(`${system.platform} ${system.kernel}`);
  if (system.platform !== 'linux') {
    return row(subject, {
      status: 'missing',
      found,
      remedy: {
        en: 'run Glassbox on Linux, for example in a virtual machine',
        zh: '请在 Linux 上运行 Glassbox，例如使用虚拟机',
      },
    });
  }
  const version = kernelVersion(system.kernel);
  if (!atLeast(version, [5, 9])) {
    return row(subject, {
      status: 'missing',
      found,
      remedy: {
        en: 'a kernel of 5.9 or newer is needed (clone3, close_range)',
        zh: '需要 5.9 或更高版本的内核（clone3、close_range）',
      },
    });
  }
  if (!atLeast(version, [5, 11])) {
    return row(subject, {
      status: 'weaker',
      found,
      remedy: {
        en: 'from 5.11 on a lab can write over the files of the machine (overlay)',
        zh: '自 5.11 起，实验室可以在本机文件之上写入（overlay）',
      },
    });
  }
  if (!atLeast(version, [5, 19])) {
    return row(subject, {
      status: 'weaker',
      found,
      remedy: {
        en: 'from 5.19 on the files of root belong to root in the lab (idmapped layers)',
        zh: '自 5.19 起，root 的文件在实验室中仍属于 root（idmapped 层）',
      },
    });
  }
  return row(subject, { status: 'ok', found });
}

function processor({ system }: Facts): Row {
  const known = system.arch === 'x64' || system.arch === 'arm64';
  return row(
    {
      id: 'processor',
      group: 'machine',
      name: { en: 'processor', zh: '处理器' },
      purpose: { en: 'the few bytes of machine code that make a process', zh: '创建进程所用的少量机器码' },
      essential: true,
    },
    known
      ? { status: 'ok', found: same(system.arch) }
      : {
          status: 'missing',
          found: same(system.arch),
          remedy: { en: 'only x64 and arm64 are supported', zh: '仅支持 x64 与 arm64' },
        },
  );
}

function node({ system }: Facts): Row {
  const [major = 0, minor = 0] = system.node.split('.').map(Number);
  const enough = atLeast([major, minor], [20, 11]);
  return row(
    {
      id: 'node',
      group: 'machine',
      name: { en: 'Node.js', zh: 'Node.js' },
      purpose: { en: 'runs Glassbox', zh: '运行 Glassbox' },
      essential: true,
    },
    enough
      ? { status: 'ok', found: same(system.node) }
      : {
          status: 'missing',
          found: same(system.node),
          remedy: { en: 'install Node.js 20.11 or newer', zh: '安装 Node.js 20.11 或更高版本' },
        },
  );
}

function cpus({ system }: Facts): Row {
  return row(
    {
      id: 'cpus',
      group: 'machine',
      name: { en: 'processors', zh: '处理器数量' },
      purpose: { en: 'pinning processes to one of several (cpuset)', zh: '把进程限定在多个处理器之一（cpuset）' },
      features: ['two-cpus'],
    },
    system.cpus >= 2
      ? { status: 'ok', found: same(String(system.cpus)) }
      : {
          status: 'missing',
          found: same(String(system.cpus)),
          remedy: { en: 'give the machine a second processor', zh: '为机器分配第二个处理器' },
        },
  );
}

function memory({ system }: Facts): Row {
  const found = same(`${(system.memoryAvailable / GIB).toFixed(1)} GiB`);
  return row(
    {
      id: 'memory',
      group: 'machine',
      name: { en: 'free memory', zh: '可用内存' },
      purpose: { en: 'what a lab writes is kept in memory', zh: '实验室写入的内容保存在内存中' },
    },
    system.memoryAvailable >= GIB / 2
      ? { status: 'ok', found }
      : {
          status: 'weaker',
          found,
          remedy: { en: 'end some programs: half a GiB should be free', zh: '关闭一些程序：应至少有 0.5 GiB 可用' },
        },
  );
}

function disk({ system }: Facts): Row {
  const found = same(`${(system.tmpAvailable / GIB).toFixed(1)} GiB`);
  return row(
    {
      id: 'disk',
      group: 'machine',
      name: { en: 'room for temporary files', zh: '临时文件空间' },
      purpose: { en: 'kept labs, records of demos', zh: '保留的实验室与演示录像' },
    },
    system.tmpAvailable >= GIB / 4
      ? { status: 'ok', found }
      : { status: 'weaker', found, remedy: { en: 'free some space', zh: '请释放一些空间' } },
  );
}

function swap({ system }: Facts): Row {
  const found = same(`${(system.swapTotal / GIB).toFixed(1)} GiB`);
  return row(
    {
      id: 'swap',
      group: 'machine',
      name: { en: 'swap', zh: '交换空间' },
      purpose: {
        en: 'seeing memory being swapped out; limits are set without it',
        zh: '观察内存换出；没有它也能设置限制',
      },
      features: ['swap'],
    },
    system.swapTotal > 0
      ? { status: 'ok', found }
      : {
          status: 'missing',
          found: { en: 'none', zh: '无' },
          remedy: {
            en: 'nothing to do: the limits can be set and read without swap',
            zh: '无需处理：没有交换空间也能设置和读取限制',
          },
        },
  );
}
