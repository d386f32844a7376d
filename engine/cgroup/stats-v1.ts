import { type BlkioList, type MemoryEntry, NO_MEMORY_ENTRY, NO_STATS, type Stats } from './stats.js';
import { StatFiles } from './stats-files.js';
import type { DirectoryOf } from './v1-write.js';

/** Nanoseconds of a tick of cpuacct.stat: USER_HZ is 100 on every Linux. */
const TICK_NS = 10_000_000n;

/** What the v1 groups count; hierarchies that are not there count nothing. libcontainer/cgroups/fs. */
export function statsV1(directoryOf: DirectoryOf, hugePages: readonly string[]): Stats {
  const of = (controller: string): StatFiles | null => {
    const directory = directoryOf(controller);
    return directory === undefined ? null : new StatFiles(directory);
  };
  const pids = of('pids');
  const hugetlb = of('hugetlb');
  return {
    cpu: cpu(of('cpu'), of('cpuacct')),
    cpuset: cpuset(of('cpuset')),
    memory: memory(of('memory')),
    pids: { current: pids?.number('pids.current') ?? 0n, limit: pidsLimit(pids) },
    blkio: blkio(of('blkio')),
    hugetlb:
      hugetlb === null
        ? {}
        : Object.fromEntries(
            hugePages.map((size) => [
              size,
              {
                usage: hugetlb.number(`hugetlb.${size}.usage_in_bytes`) ?? 0n,
                max: hugetlb.number(`hugetlb.${size}.max_usage_in_bytes`) ?? 0n,
                failcnt: hugetlb.number(`hugetlb.${size}.failcnt`) ?? 0n,
              },
            ]),
          ),
  };
}

/** 0 says "no limit", as in runc. */
export function pidsLimit(files: StatFiles | null): bigint {
  return files?.text('pids.max') === 'max' ? 0n : (files?.number('pids.max') ?? 0n);
}

function cpu(cpuFiles: StatFiles | null, acct: StatFiles | null): Stats['cpu'] {
  const stat = cpuFiles?.keyed('cpu.stat');
  const ticks = acct?.keyed('cpuacct.stat');
  const perCpu = (acct?.text('cpuacct.usage_all') ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.split(' '));
  return {
    usage: {
      total: acct?.number('cpuacct.usage') ?? 0n,
      percpu: (acct?.text('cpuacct.usage_percpu') ?? '').split(' ').filter(Boolean).map(BigInt),
      percpu_kernel: perCpu.map(([, , system]) => BigInt(system ?? 0)),
      percpu_user: perCpu.map(([, user]) => BigInt(user ?? 0)),
      kernel: (ticks?.['system'] ?? 0n) * TICK_NS,
      user: (ticks?.['user'] ?? 0n) * TICK_NS,
    },
    throttling: {
      periods: stat?.['nr_periods'] ?? 0n,
      throttledPeriods: stat?.['nr_throttled'] ?? 0n,
      throttledTime: stat?.['throttled_time'] ?? 0n,
    },
  };
}

function cpuset(files: StatFiles | null): Stats['cpuset'] {
  if (files === null) return NO_STATS.cpuset;
  const number = (name: string): bigint => files.number(`cpuset.${name}`) ?? 0n;
  return {
    cpus: files.list('cpuset.cpus'),
    cpu_exclusive: number('cpu_exclusive'),
    mems: files.list('cpuset.mems'),
    mem_hardwall: number('mem_hardwall'),
    mem_exclusive: number('mem_exclusive'),
    memory_migrate: number('memory_migrate'),
    memory_spread_page: number('memory_spread_page'),
    memory_spread_slab: number('memory_spread_slab'),
    memory_pressure: number('memory_pressure'),
    sched_load_balance: number('sched_load_balance'),
    sched_relax_domain_level: number('sched_relax_domain_level'),
  };
}

function memory(files: StatFiles | null): Stats['memory'] {
  const raw = files?.keyed('memory.stat') ?? null;
  if (files === null || raw === null) return NO_STATS.memory;
  const entry = (kind: string): MemoryEntry => {
    const usage = files.number(`memory${kind}.usage_in_bytes`);
    if (usage === null) return NO_MEMORY_ENTRY;
    return {
      limit: files.number(`memory${kind}.limit_in_bytes`) ?? 0n,
      usage,
      max: files.number(`memory${kind}.max_usage_in_bytes`) ?? 0n,
      failcnt: files.number(`memory${kind}.failcnt`) ?? 0n,
    };
  };
  return {
    cache: raw['cache'] ?? 0n,
    usage: entry(''),
    swap: entry('.memsw'),
    kernel: entry('.kmem'),
    kernelTCP: entry('.kmem.tcp'),
    raw,
  };
}

const RECURSIVE: readonly [BlkioList, string][] = [
  ['sectorsRecursive', 'sectors_recursive'],
  ['ioServiceTimeRecursive', 'io_service_time_recursive'],
  ['ioWaitTimeRecursive', 'io_wait_time_recursive'],
  ['ioMergedRecursive', 'io_merged_recursive'],
  ['ioQueueRecursive', 'io_queued_recursive'],
  ['ioTimeRecursive', 'time_recursive'],
  ['ioServicedRecursive', 'io_serviced_recursive'],
  ['ioServiceBytesRecursive', 'io_service_bytes_recursive'],
];
const named = (prefix: string, lists: readonly [BlkioList, string][]): [BlkioList, string][] =>
  lists.map(([list, file]) => [list, `${prefix}${file}`]);

/** Which files count depends on the scheduler; the first set whose first file counts anything is taken. */
const BLKIO_SETS: readonly (readonly [BlkioList, string][])[] = [
  named('blkio.bfq.', RECURSIVE),
  named('blkio.bfq.', RECURSIVE.slice(-2)),
  named('blkio.', RECURSIVE),
  named('blkio.throttle.', RECURSIVE.slice(-2)),
  [
    ['ioServicedRecursive', 'blkio.throttle.io_serviced'],
    ['ioServiceBytesRecursive', 'blkio.throttle.io_service_bytes'],
  ],
];

function blkio(files: StatFiles | null): Stats['blkio'] {
  if (files === null) return NO_STATS.blkio;
  for (const set of BLKIO_SETS) {
    const [first] = set;
    const entries = first === undefined ? null : files.blkio(first[1]);
    if (entries === null) continue;
    return {
      ...NO_STATS.blkio,
      ...Object.fromEntries(set.map(([list, file]) => [list, files.blkio(file) ?? []])),
    };
  }
  return NO_STATS.blkio;
}
