import type { Cgroup } from '../api/types.js';
import type { ControlFiles } from './files.js';

/** What one v1 group says; the controllers of other hierarchies are null. Documentation/admin-guide/cgroup-v1. */
export type CgroupValues = Omit<Cgroup, 'path' | 'hierarchy' | 'procs'>;

/** v1 prints "no limit" as the largest multiple of the page size below 2^63; anything this large is none. */
const UNLIMITED = 2 ** 62;

/** @param usageUs cpu time of the group of the same path in the cpuacct hierarchy, where that is a separate one */
export function readV1(
  controllers: readonly string[],
  files: ControlFiles,
  usageUs: number | null = null,
): CgroupValues {
  const has = (controller: string): boolean => controllers.includes(controller);
  return {
    memory: has('memory') ? memory(files) : null,
    cpu: has('cpu') || has('cpuacct') ? cpu(files, usageUs) : null,
    pids: has('pids') ? pids(files) : null,
    cpuset: has('cpuset') ? cpuset(files) : null,
    freezer: has('freezer') ? freezer(files) : null,
    io: has('blkio') ? blkio(files) : null,
  };
}

function memory(files: ControlFiles): Cgroup['memory'] {
  const usage = files.number('memory.usage_in_bytes');
  if (usage === null) return null;
  const limit = limitOf(files.number('memory.limit_in_bytes'));
  const oom = files.keyed('memory.oom_control');
  // memsw counts memory and swap together; the model speaks of swap alone, as v2 does.
  const memsw = limitOf(files.number('memory.memsw.limit_in_bytes'));
  const memswUsage = files.number('memory.memsw.usage_in_bytes');
  return {
    usage,
    limit,
    peak: files.number('memory.max_usage_in_bytes'),
    failcnt: files.number('memory.failcnt') ?? 0,
    oomKills: oom?.get('oom_kill') ?? 0,
    underOom: oom?.get('under_oom') === 1,
    swapLimit: memsw === null ? null : Math.max(0, memsw - (limit ?? 0)),
    swapUsage: memswUsage === null ? null : Math.max(0, memswUsage - usage),
  };
}

function limitOf(value: number | null): number | null {
  return value === null || value >= UNLIMITED ? null : value;
}

function cpu(files: ControlFiles, usageUs: number | null): Cgroup['cpu'] {
  const stat = files.keyed('cpu.stat');
  const usage = files.number('cpuacct.usage');
  return {
    shares: files.number('cpu.shares'),
    weight: null,
    quotaUs: files.number('cpu.cfs_quota_us'),
    periodUs: files.number('cpu.cfs_period_us'),
    usageUs: usage === null ? usageUs : Math.floor(usage / 1000),
    nrPeriods: stat?.get('nr_periods') ?? 0,
    nrThrottled: stat?.get('nr_throttled') ?? 0,
    throttledUs: Math.floor((stat?.get('throttled_time') ?? 0) / 1000),
  };
}

function pids(files: ControlFiles): Cgroup['pids'] {
  const current = files.number('pids.current');
  if (current === null) return null;
  return { current, max: files.number('pids.max'), hitMax: files.keyed('pids.events')?.get('max') ?? 0 };
}

function cpuset(files: ControlFiles): Cgroup['cpuset'] {
  const cpus = files.text('cpuset.cpus');
  if (cpus === null) return null;
  return { cpus, mems: files.text('cpuset.mems') ?? '', effectiveCpus: files.text('cpuset.effective_cpus') ?? cpus };
}

function freezer(files: ControlFiles): Cgroup['freezer'] {
  const state = files.text('freezer.state');
  return state === null ? null : { frozen: state === 'FROZEN', state };
}

/** `8:0 Read 123` lines, all devices together. */
function blkio(files: ControlFiles): Cgroup['io'] {
  const text = files.text('blkio.throttle.io_service_bytes');
  if (text === null) return null;
  let readBytes = 0;
  let writeBytes = 0;
  for (const line of text.split('\n')) {
    const [, operation, bytes] = line.split(' ');
    if (operation === 'Read') readBytes += Number(bytes);
    if (operation === 'Write') writeBytes += Number(bytes);
  }
  return { readBytes, writeBytes };
}
