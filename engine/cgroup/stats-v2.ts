import { members } from './remove.js';
import { type BlkioEntry, type MemoryEntry, NO_MEMORY_ENTRY, NO_STATS, type Stats } from './stats.js';
import { StatFiles, UNLIMITED } from './stats-files.js';
import { pidsLimit } from './stats-v1.js';

/** What a v2 group counts, in the words of v1: swap includes memory, times are nanoseconds. libcontainer/cgroups/fs2. */
export function statsV2(directory: string, hugePages: readonly string[]): Stats {
  const files = new StatFiles(directory);
  const cpu = files.keyed('cpu.stat') ?? {};
  const ns = (key: string): bigint => (cpu[key] ?? 0n) * 1000n;
  return {
    ...NO_STATS,
    cpu: {
      usage: { ...NO_STATS.cpu.usage, total: ns('usage_usec'), user: ns('user_usec'), kernel: ns('system_usec') },
      throttling: {
        periods: cpu['nr_periods'] ?? 0n,
        throttledPeriods: cpu['nr_throttled'] ?? 0n,
        throttledTime: ns('throttled_usec'),
      },
    },
    memory: memory(files),
    pids: {
      // without the controller the processes are counted
      current: files.number('pids.current') ?? BigInt(members(directory).length),
      limit: pidsLimit(files),
    },
    blkio: blkio(files),
    hugetlb: hugetlb(files, hugePages),
  };
}

function memory(files: StatFiles): Stats['memory'] {
  const raw = files.keyed('memory.stat');
  if (raw === null) return NO_STATS.memory;
  const usage = entry(files, '');
  const swap = entry(files, '.swap');
  return {
    ...NO_STATS.memory,
    cache: raw['file'] ?? 0n,
    usage,
    swap: {
      ...swap,
      usage: swap.usage + usage.usage,
      // the sum wraps around in runc when the memory is unlimited and the swap is not
      limit: swap.limit === UNLIMITED || usage.limit === UNLIMITED ? UNLIMITED : swap.limit + usage.limit,
    },
    raw,
  };
}

function entry(files: StatFiles, kind: string): MemoryEntry {
  const usage = files.number(`memory${kind}.current`);
  if (usage === null) return NO_MEMORY_ENTRY;
  return { ...NO_MEMORY_ENTRY, usage, limit: files.number(`memory${kind}.max`) ?? 0n };
}

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` */
function blkio(files: StatFiles): Stats['blkio'] {
  const bytes: BlkioEntry[] = [];
  const count: BlkioEntry[] = [];
  for (const line of (files.text('io.stat') ?? '').split('\n')) {
    const [, major, minor, rest = ''] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
    if (major === undefined || minor === undefined) continue;
    const add = (list: BlkioEntry[], op: string, key: string): void => {
      const value = new RegExp(`\\b${key}=(\\d+)`).exec(rest)?.[1];
      if (value !== undefined) list.push({ major: BigInt(major), minor: BigInt(minor), op, value: BigInt(value) });
    };
    add(bytes, 'Read', 'rbytes');
    add(bytes, 'Write', 'wbytes');
    add(count, 'Read', 'rios');
    add(count, 'Write', 'wios');
  }
  return { ...NO_STATS.blkio, ioServiceBytesRecursive: bytes, ioServicedRecursive: count };
}

function hugetlb(files: StatFiles, sizes: readonly string[]): Stats['hugetlb'] {
  return Object.fromEntries(
    sizes.flatMap((size) => {
      const usage = files.number(`hugetlb.${size}.current`);
      if (usage === null) return [];
      return [[size, { usage, max: 0n, failcnt: files.keyed(`hugetlb.${size}.events`)?.['max'] ?? 0n }]];
    }),
  );
}
