/**
 * What a container uses, as `runc events --stats` prints it: the names are those of its JSON. All numbers are unsigned
 * 64-bit ones of the kernel, so they are bigints; where there is no limit, it is the kernel's largest number.
 * libcontainer types/events.go.
 */
export interface Stats {
  readonly cpu: {
    readonly usage: {
      /** Nanoseconds. */
      readonly total: bigint;
      readonly percpu: readonly bigint[];
      readonly percpu_kernel: readonly bigint[];
      readonly percpu_user: readonly bigint[];
      readonly kernel: bigint;
      readonly user: bigint;
    };
    readonly throttling: {
      readonly periods: bigint;
      readonly throttledPeriods: bigint;
      /** Nanoseconds. */
      readonly throttledTime: bigint;
    };
  };
  readonly cpuset: CpusetStats;
  readonly memory: {
    readonly cache: bigint;
    readonly usage: MemoryEntry;
    /** Memory and swap together. */
    readonly swap: MemoryEntry;
    readonly kernel: MemoryEntry;
    readonly kernelTCP: MemoryEntry;
    /** memory.stat as it is. */
    readonly raw: Readonly<Record<string, bigint>>;
  };
  readonly pids: { readonly current: bigint; readonly limit: bigint };
  readonly blkio: { readonly [list in BlkioList]: readonly BlkioEntry[] };
  readonly hugetlb: Readonly<Record<string, HugetlbStats>>;
}

export const BLKIO_LISTS = [
  'ioServiceBytesRecursive',
  'ioServicedRecursive',
  'ioQueueRecursive',
  'ioServiceTimeRecursive',
  'ioWaitTimeRecursive',
  'ioMergedRecursive',
  'ioTimeRecursive',
  'sectorsRecursive',
] as const;
export type BlkioList = (typeof BLKIO_LISTS)[number];

export interface CpusetStats {
  readonly cpus: readonly bigint[];
  readonly cpu_exclusive: bigint;
  readonly mems: readonly bigint[];
  readonly mem_hardwall: bigint;
  readonly mem_exclusive: bigint;
  readonly memory_migrate: bigint;
  readonly memory_spread_page: bigint;
  readonly memory_spread_slab: bigint;
  readonly memory_pressure: bigint;
  readonly sched_load_balance: bigint;
  readonly sched_relax_domain_level: bigint;
}

export interface MemoryEntry {
  readonly limit: bigint;
  readonly usage: bigint;
  readonly max: bigint;
  readonly failcnt: bigint;
}

export interface BlkioEntry {
  readonly major: bigint;
  readonly minor: bigint;
  /** `Read`, `Write`, `Total` …; empty where the kernel does not tell them apart. */
  readonly op: string;
  readonly value: bigint;
}

export interface HugetlbStats {
  readonly usage: bigint;
  readonly max: bigint;
  readonly failcnt: bigint;
}

export const NO_MEMORY_ENTRY: MemoryEntry = { limit: 0n, usage: 0n, max: 0n, failcnt: 0n };

/** Statistics of nothing: each hierarchy fills in its part. */
export const NO_STATS: Stats = {
  cpu: {
    usage: { total: 0n, percpu: [], percpu_kernel: [], percpu_user: [], kernel: 0n, user: 0n },
    throttling: { periods: 0n, throttledPeriods: 0n, throttledTime: 0n },
  },
  cpuset: {
    cpus: [],
    cpu_exclusive: 0n,
    mems: [],
    mem_hardwall: 0n,
    mem_exclusive: 0n,
    memory_migrate: 0n,
    memory_spread_page: 0n,
    memory_spread_slab: 0n,
    memory_pressure: 0n,
    sched_load_balance: 0n,
    sched_relax_domain_level: 0n,
  },
  memory: {
    cache: 0n,
    usage: NO_MEMORY_ENTRY,
    swap: NO_MEMORY_ENTRY,
    kernel: NO_MEMORY_ENTRY,
    kernelTCP: NO_MEMORY_ENTRY,
    raw: {},
  },
  pids: { current: 0n, limit: 0n },
  blkio: {
    ioServiceBytesRecursive: [],
    ioServicedRecursive: [],
    ioQueueRecursive: [],
    ioServiceTimeRecursive: [],
    ioWaitTimeRecursive: [],
    ioMergedRecursive: [],
    ioTimeRecursive: [],
    sectorsRecursive: [],
  },
  hugetlb: {},
};
