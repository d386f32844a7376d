/**
 * Checks on control groups: the limit and its effect, in one model for both dialects. A v1 group lives in several hierarchies under
 * one path; its parts are looked at together.
 */
import type { Cgroup, Snapshot } from '../../../engine/api/types.js';
import type { Amount, Bilingual, CheckResult, CheckSpecs } from '../types.js';
import { selectProcesses } from './processes.js';
import { amountWords, comma, list, matchesAmount, outcome, put, same, say } from './words.js';

type Spec = CheckSpecs['cgroup'];

/** One group over all hierarchies. */
export interface JoinedGroup {
  readonly path: string;
  readonly procs: readonly number[];
  readonly parts: readonly Cgroup[];
}

export function joinGroups(snapshot: Snapshot): JoinedGroup[] {
  const byPath = new Map<string, Cgroup[]>();
  for (const group of snapshot.cgroups.groups) byPath.set(group.path, [...(byPath.get(group.path) ?? []), group]);
  return [...byPath].map(([path, parts]) => ({
    path,
    parts,
    procs: [...new Set(parts.flatMap((part) => part.procs))],
  }));
}

function first<T>(group: JoinedGroup, pick: (part: Cgroup) => T | null | undefined): T | null {
  for (const part of group.parts) {
    const value = pick(part);
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

/** Weight that runc computes from v1 shares: 1 + ((shares - 2) * 9999) / 262142. */
export function weightOfShares(shares: number): number {
  return Math.floor(1 + ((shares - 2) * 9999) / 262142);
}

/** Numbers of a group by the name that a check uses; null where the controller is missing or the limit is not set. */
const READERS: Readonly<
  Record<
    string,
    { readonly read: (group: JoinedGroup) => number | null; readonly words: Bilingual; readonly file: string }
  >
> = {
  memoryMax: {
    read: (g) => first(g, (p) => p.memory?.limit),
    words: say('memory limit', '内存上限'),
    file: 'memory.max | memory.limit_in_bytes',
  },
  memorySwapMax: {
    read: (g) => first(g, (p) => p.memory?.swapLimit),
    words: say('swap limit', '交换上限'),
    file: 'memory.swap.max | memory.memsw.limit_in_bytes',
  },
  memoryUsage: {
    read: (g) => first(g, (p) => p.memory?.usage),
    words: say('memory in use', '已用内存'),
    file: 'memory.current | memory.usage_in_bytes',
  },
  memoryPeak: {
    read: (g) => first(g, (p) => p.memory?.peak),
    words: say('memory peak', '内存峰值'),
    file: 'memory.peak | memory.max_usage_in_bytes',
  },
  oomKills: {
    read: (g) => first(g, (p) => p.memory?.oomKills),
    words: say('processes killed by the OOM killer', '被 OOM killer 杀死的进程数'),
    file: 'memory.events | memory.oom_control',
  },
  memoryFailcnt: {
    read: (g) => first(g, (p) => p.memory?.failcnt),
    words: say('times the memory limit was hit', '触及内存上限的次数'),
    file: 'memory.events | memory.failcnt',
  },
  cpus: {
    read: (g) => first(g, (p) => (p.cpu?.quotaUs && p.cpu.periodUs ? p.cpu.quotaUs / p.cpu.periodUs : null)),
    words: say('cpu quota (cpus)', 'CPU 配额（核数）'),
    file: 'cpu.max | cpu.cfs_quota_us',
  },
  cpuShares: {
    read: (g) => first(g, (p) => p.cpu?.shares),
    words: say('cpu shares', 'CPU 份额'),
    file: 'cpu.weight | cpu.shares',
  },
  cpuWeight: { read: (g) => first(g, (p) => p.cpu?.weight), words: say('cpu weight', 'CPU 权重'), file: 'cpu.weight' },
  cpuUsageUs: {
    read: (g) => first(g, (p) => p.cpu?.usageUs),
    words: say('cpu time used (µs)', '已用 CPU 时间（微秒）'),
    file: 'cpu.stat | cpuacct.usage',
  },
  throttled: {
    read: (g) => first(g, (p) => p.cpu?.nrThrottled),
    words: say('throttled periods', '被节流的周期数'),
    file: 'cpu.stat',
  },
  throttledUs: {
    read: (g) => first(g, (p) => p.cpu?.throttledUs),
    words: say('throttled time (µs)', '被节流的时间（微秒）'),
    file: 'cpu.stat',
  },
  pidsMax: { read: (g) => first(g, (p) => p.pids?.max), words: say('process limit', '进程数上限'), file: 'pids.max' },
  pidsCurrent: {
    read: (g) => first(g, (p) => p.pids?.current),
    words: say('processes', '进程数'),
    file: 'pids.current',
  },
  pidsHitMax: {
    read: (g) => first(g, (p) => p.pids?.hitMax),
    words: say('forks refused', '被拒绝的 fork 次数'),
    file: 'pids.events',
  },
  procs: { read: (g) => g.procs.length, words: say('processes in it', '其中的进程数'), file: 'cgroup.procs' },
};

/** `0-1,3` as a set, so that `0,1` and `0-1` are the same. */
function cpuList(text: string): string {
  const out = new Set<number>();
  for (const part of text.trim().split(',')) {
    if (part === '') continue; // Number('') is 0, but no list is no cpu
    const [from, to] = part.split('-').map(Number);
    if (from === undefined || !Number.isInteger(from)) continue;
    for (let cpu = from; cpu <= Math.min(to ?? from, from + 4096); cpu += 1) out.add(cpu);
  }
  return [...out].sort((left, right) => left - right).join(',');
}

interface Fact {
  readonly holds: boolean;
  readonly expected: Bilingual;
  readonly observed: Bilingual;
  readonly file: string;
}

function facts(snapshot: Snapshot, group: JoinedGroup, spec: Spec): Fact[] {
  const out: Fact[] = [];
  for (const [key, reader] of Object.entries(READERS)) {
    const wanted = spec[key as keyof Spec] as Amount | undefined;
    if (wanted === undefined) continue;
    let value = reader.read(group);
    let compare = wanted;
    if (key === 'cpuShares' && value === null) {
      const weight = first(group, (part) => part.cpu?.weight);
      if (weight !== null) {
        value = weight;
        compare =
          typeof wanted === 'number'
            ? weightOfShares(wanted)
            : {
                ...(wanted.min !== undefined ? { min: weightOfShares(wanted.min) } : {}),
                ...(wanted.max !== undefined ? { max: weightOfShares(wanted.max) } : {}),
              };
      }
    }
    out.push({
      holds: matchesAmount(value === null ? null : Math.round(value * 1000) / 1000, compare),
      expected: put('%: %', '%：%', reader.words, amountWords(compare)),
      observed: put(
        '%: %',
        '%：%',
        reader.words,
        value === null ? say('not set', '未设置') : same(Math.round(value * 1000) / 1000),
      ),
      file: reader.file,
    });
  }
  for (const [key, pick] of [
    ['cpusetCpus', (part: Cgroup) => part.cpuset?.cpus],
    ['cpusetMems', (part: Cgroup) => part.cpuset?.mems],
  ] as const) {
    const wanted = spec[key];
    if (wanted === undefined) continue;
    const value = first(group, pick);
    const words =
      key === 'cpusetCpus' ? say('cpus allowed', '允许的 CPU') : say('memory nodes allowed', '允许的内存节点');
    out.push({
      holds: value !== null && cpuList(value) === cpuList(wanted),
      expected: put('%: %', '%：%', words, same(wanted)),
      observed: put('%: %', '%：%', words, value === null || value === '' ? say('not set', '未设置') : same(value)),
      file: key === 'cpusetCpus' ? 'cpuset.cpus' : 'cpuset.mems',
    });
  }
  if (spec.frozen !== undefined) {
    const frozen = first(group, (part) => part.freezer?.frozen) ?? false;
    const words = (is: boolean): Bilingual => (is ? say('frozen', '已冻结') : say('not frozen', '未冻结'));
    out.push({
      holds: frozen === spec.frozen,
      expected: words(spec.frozen),
      observed: words(frozen),
      file: 'cgroup.freeze | freezer.state',
    });
  }
  if (spec.has !== undefined) {
    const wanted = selectProcesses(snapshot, spec.has);
    const holds = wanted.some((process) => group.procs.includes(process.pid));
    const name = same(spec.has.argv ?? spec.has.comm ?? spec.has.argvMatches ?? '?');
    const inside = snapshot.processes
      .filter((process) => group.procs.includes(process.pid))
      .map((process) => same(`${process.comm} (pid ${process.pid})`));
    out.push({
      holds,
      expected: put('with the process % in it', '其中有进程 %', name),
      observed:
        wanted.length === 0
          ? put('no process % is running', '没有正在运行的进程 %', name)
          : put('in it: %', '其中有：%', inside.length === 0 ? say('nobody', '无') : list(inside, 4)),
      file: 'cgroup.procs',
    });
  }
  return out;
}

export function selectGroups(snapshot: Snapshot, spec: Spec): readonly JoinedGroup[] {
  return joinGroups(snapshot)
    .filter((group) => (spec.path === undefined ? group.path !== '/' : group.path === spec.path))
    .filter((group) => facts(snapshot, group, spec).every((fact) => fact.holds));
}

export function checkCgroup(snapshot: Snapshot, spec: Spec): CheckResult {
  const head =
    spec.path === undefined
      ? say('a control group', '有一个控制组')
      : put('control group %', '控制组 %', same(spec.path));
  const blank: JoinedGroup = { path: spec.path ?? '', procs: [], parts: [] };
  const expected = comma([head, ...facts(snapshot, blank, spec).map((fact) => fact.expected)]);
  if (snapshot.cgroups.mode === 'none') {
    return outcome(
      'couldNotMeasure',
      expected,
      say('this lab has no control groups', '这个实验室没有控制组'),
      '/proc/self/cgroup',
    );
  }
  const at = joinGroups(snapshot).filter((group) =>
    spec.path === undefined ? group.path !== '/' : group.path === spec.path,
  );
  const source = [...new Set(facts(snapshot, blank, spec).map((fact) => fact.file))].join(', ') || '/sys/fs/cgroup';
  if (at.length === 0) {
    const all = joinGroups(snapshot).filter((group) => group.path !== '/');
    return outcome(
      'notYet',
      expected,
      all.length === 0
        ? say('there is no control group yet', '还没有控制组')
        : put(
            'there is only %',
            '只有 %',
            list(
              all.map((group) => same(group.path)),
              5,
            ),
          ),
      source,
    );
  }
  let best: { group: JoinedGroup; facts: Fact[] } | null = null;
  for (const group of at) {
    const found = facts(snapshot, group, spec);
    const score = found.filter((fact) => fact.holds).length;
    if (!best || score > best.facts.filter((fact) => fact.holds).length) best = { group, facts: found };
  }
  const passed = best!.facts.every((fact) => fact.holds);
  const telling = passed ? best!.facts : best!.facts.filter((fact) => !fact.holds);
  return outcome(
    passed ? 'passed' : 'notYet',
    expected,
    comma([put('control group %', '控制组 %', same(best!.group.path)), ...telling.map((fact) => fact.observed)]),
    source,
  );
}
