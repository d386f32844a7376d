/** Every fact about one control group under the name of the file that holds it, in the dialect of its hierarchy. */
import type { Bilingual, Cgroup, Snapshot } from '../../../engine/api/types.js';
import type { Lang } from '../panel.js';
import { containersOf, shortIds } from './containers.js';
import { bytes, microseconds } from './format.js';
import { visible } from './safe-text.js';
import { containerText, type Detail, type Fact, inspectCommand, shellWord } from './wiring-detail.js';

const L = {
  container: { en: 'container', zh: '容器' },
  hierarchy: { en: 'hierarchy', zh: '层级' },
  v2: { en: 'v2 (one tree for all controllers)', zh: 'v2（所有控制器共用一棵树）' },
  process: { en: 'process', zh: '进程' },
  unlimited: { en: 'no limit', zh: '不限' },
} as const satisfies Record<string, Bilingual>;

export function cgroupDetail(snapshot: Snapshot, path: string, lang: Lang): Detail | null {
  const groups = snapshot.cgroups.groups.filter((group) => group.path === path);
  if (groups.length === 0) return null;
  const facts: Fact[] = [];
  const commands: string[] = [];
  const container = containersOf(snapshot).ofCgroup(path);
  if (container !== null) facts.push({ label: L.container[lang], value: containerText(container, lang) });
  for (const group of groups) {
    const v2 = group.hierarchy === '';
    facts.push({ label: L.hierarchy[lang], value: v2 ? L.v2[lang] : group.hierarchy });
    facts.push(...groupFacts(group, v2, lang));
    for (const pid of group.procs) {
      const process = snapshot.processes.find((one) => one.pid === pid);
      facts.push({
        label: L.process[lang],
        value: process === undefined ? String(pid) : `${pid} ${visible(process.argv.join(' ') || process.comm)}`,
      });
    }
    const mount = snapshot.cgroups.hierarchies.find((one) => one.name === group.hierarchy)?.mountPoint;
    if (mount !== undefined) commands.push(`grep . ${shellWord(`${mount}${path === '/' ? '' : path}`)}/* 2>/dev/null`);
  }
  if (container !== null) commands.push(inspectCommand(container));
  return { title: visible(shortIds(path)), commands, facts };
}

/** File names of both dialects: cgroup-v1/*.rst and cgroup-v2.rst of the kernel's documentation. */
function groupFacts(group: Cgroup, v2: boolean, lang: Lang): Fact[] {
  const facts: Fact[] = [];
  const add = (v1Name: string, v2Name: string, value: string): void => {
    facts.push({ label: v2 ? v2Name : v1Name, value });
  };
  const limit = (value: number | null, text: (value: number) => string): string =>
    value === null ? L.unlimited[lang] : text(value);
  const { memory, cpu, pids, cpuset, freezer, io } = group;
  if (memory !== null) {
    add('memory.usage_in_bytes', 'memory.current', bytes(memory.usage));
    add(
      'memory.limit_in_bytes',
      'memory.max',
      limit(memory.limit, (value) => `${bytes(value)} (${value})`),
    );
    if (memory.peak !== null) add('memory.max_usage_in_bytes', 'memory.peak', bytes(memory.peak));
    add('memory.failcnt', 'memory.events max', String(memory.failcnt));
    add('memory.oom_control oom_kill', 'memory.events oom_kill', String(memory.oomKills));
    if (memory.swapLimit !== null) add('memory.memsw.limit_in_bytes', 'memory.swap.max', bytes(memory.swapLimit));
    if (memory.swapUsage !== null) add('memory.memsw.usage_in_bytes', 'memory.swap.current', bytes(memory.swapUsage));
  }
  if (cpu !== null) {
    if (cpu.shares !== null) add('cpu.shares', 'cpu.shares', String(cpu.shares));
    if (cpu.weight !== null) add('cpu.weight', 'cpu.weight', String(cpu.weight));
    if (v2) add('', 'cpu.max', `${cpu.quotaUs ?? 'max'} ${cpu.periodUs ?? ''}`.trim());
    else {
      facts.push({
        label: 'cpu.cfs_quota_us',
        value: cpu.quotaUs === null ? `-1 (${L.unlimited[lang]})` : String(cpu.quotaUs),
      });
      if (cpu.periodUs !== null) facts.push({ label: 'cpu.cfs_period_us', value: String(cpu.periodUs) });
    }
    if (cpu.usageUs !== null) add('cpuacct.usage', 'cpu.stat usage_usec', microseconds(cpu.usageUs));
    add('cpu.stat nr_throttled', 'cpu.stat nr_throttled', `${cpu.nrThrottled} / ${cpu.nrPeriods}`);
    add('cpu.stat throttled_time', 'cpu.stat throttled_usec', microseconds(cpu.throttledUs));
  }
  if (pids !== null) {
    add('pids.current', 'pids.current', String(pids.current));
    add('pids.max', 'pids.max', limit(pids.max, String));
    add('pids.events max', 'pids.events max', String(pids.hitMax));
  }
  if (cpuset !== null) {
    add('cpuset.cpus', 'cpuset.cpus', visible(cpuset.cpus));
    add('cpuset.mems', 'cpuset.mems', visible(cpuset.mems));
    add('cpuset.effective_cpus', 'cpuset.cpus.effective', visible(cpuset.effectiveCpus));
  }
  if (freezer !== null) add('freezer.state', 'cgroup.events frozen', visible(freezer.state));
  if (io !== null)
    add('blkio.throttle.io_service_bytes', 'io.stat', `${bytes(io.readBytes)} / ${bytes(io.writeBytes)}`);
  return facts;
}
